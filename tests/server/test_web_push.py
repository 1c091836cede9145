"""Web Push: who is away is told in their browsers, encrypted and signed, at least once and by one worker."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.hubbub import Cluster, Hubbub
from tests.support.js import JsClients
from tests.support.push_service import Browser, PushService, certified, decode, push_service
from tests.support.waiting import eventually

QUICK = {
    "HUBBUB_PUSH_ALLOW_LOOPBACK": "on",
    "HUBBUB_PUSH_BACKOFF_SECONDS": "0.1",
    "HUBBUB_PUSH_TIMEOUT_SECONDS": "2",
    "HUBBUB_PRESENCE_GRACE_SECONDS": "0.2",
}
NOTICE = {"title": "Paid", "message": "Thank you", "type": "PAYMENT", "level": "success", "link": "/orders/1"}


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Pushes on this machine, quickly tried again."""
    return QUICK


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    """A push service on this machine."""
    async with push_service() as started:
        yield started


async def subscribe(cluster: Cluster, service: PushService, user_id: str, at: Hubbub | None = None) -> Browser:
    """A browser that this person has subscribed with."""
    browser = service.browser()
    reply = await (at or cluster.a).rest(
        "POST", "/api/push/subscriptions", browser.subscription, token=cluster.token(user_id)
    )
    assert reply.status == 201, reply
    return browser


async def notify(cluster: Cluster, *user_ids: str, at: Hubbub | None = None, **fields: Any) -> str:
    """Notify people; the notification's id."""
    notice = NOTICE | {"data": {"order": 1}} | fields
    reply = await (at or cluster.a).rest(
        "POST", "/api/notifications", {"userIds": user_ids, **notice}, token=cluster.api_key
    )
    assert reply.status == 201, reply
    return reply.body["data"]["id"]


async def counted(cluster: Cluster, outcome: str) -> int:
    """How many pushes ended so, on all workers."""
    found = 0
    for worker in cluster.workers:
        text = (await worker.rest("GET", "/metrics")).body
        match = re.search(rf'^hubbub_pushes_total{{outcome="{outcome}"}} (\d+)', text, re.MULTILINE)
        assert match is not None
        found += int(match[1])
    return found


def someone() -> str:
    """A person whom no other test knows."""
    return f"ada-{secrets.token_hex(6)}"


async def key_of(worker: Hubbub) -> str:
    """The key that browsers subscribe with."""
    return (await worker.rest("GET", "/api/push/key")).body["data"]["publicKey"]


async def test_who_is_not_here_gets_an_encrypted_and_signed_push(cluster: Cluster, service: PushService) -> None:
    ada = someone()
    browser = await subscribe(cluster, service, ada)
    id = await notify(cluster, ada, at=cluster.b)
    pushed = await browser.gets()
    assert pushed.payload == {"id": id, **NOTICE, "data": {"order": 1}}
    assert pushed.claims["aud"] == service.url
    assert pushed.claims["sub"] == "mailto:postmaster@example.com"
    assert pushed.claims["key"] == await key_of(cluster.b)
    assert 86_000 < int(pushed.headers["TTL"]) <= 86_400
    assert pushed.headers["Urgency"] == "normal"


async def test_every_browser_of_a_person_is_told_and_nobody_elses(cluster: Cluster, service: PushService) -> None:
    ada, bo = someone(), someone()
    first, second, other = [await subscribe(cluster, service, each) for each in (ada, ada, bo)]
    await notify(cluster, ada, title="For Ada")
    await notify(cluster, bo, title="For Bo")
    assert (await first.gets()).payload["title"] == (await second.gets()).payload["title"] == "For Ada"
    assert (await other.gets()).payload["title"] == "For Bo"
    assert [len(each.pushed) for each in (first, second, other)] == [1, 1, 1]


async def test_who_is_online_anywhere_gets_no_push_and_who_leaves_does(
    cluster: Cluster, service: PushService, js: JsClients
) -> None:
    ada = someone()
    browser = await subscribe(cluster, service, ada)
    socket = await js.connect(cluster.b.url, {"token": cluster.token(ada)}, transports=["websocket"])
    needless = await counted(cluster, "unneeded")
    await notify(cluster, ada, title="Heard")
    await socket.wait_for("notification:created")
    await eventually(lambda: _grew(cluster, "unneeded", needless), "the push that nobody needs")
    await socket.disconnect()
    await eventually(lambda: _is(cluster, ada, "offline"), "Ada's leaving")
    await notify(cluster, ada, title="Missed")
    assert (await browser.gets()).payload["title"] == "Missed"
    assert len(browser.pushed) == 1


async def test_who_is_away_gets_a_push(cluster: Cluster, service: PushService, js: JsClients) -> None:
    ada = someone()
    browser = await subscribe(cluster, service, ada)
    socket = await js.connect(cluster.a.url, {"token": cluster.token(ada)}, transports=["websocket"])
    assert (await socket.emit("presence:update", {"status": "away"}))["ok"]
    await notify(cluster, ada, at=cluster.b)
    await browser.gets()


async def test_who_has_just_left_gets_a_push(cluster: Cluster, service: PushService, js: JsClients) -> None:
    ada = someone()
    browser = await subscribe(cluster, service, ada)
    socket = await js.connect(cluster.b.url, {"token": cluster.token(ada)}, transports=["websocket"])
    await socket.disconnect()
    await notify(cluster, ada)
    await browser.gets()


async def test_what_was_read_meanwhile_is_pushed_no_more(cluster: Cluster, service: PushService) -> None:
    ada = someone()
    browser = await subscribe(cluster, service, ada)
    browser.answers = [(503, {"Retry-After": "1"})]
    id = await notify(cluster, ada)
    await eventually(lambda: browser.refused, "the first attempt")
    needless = await counted(cluster, "unneeded")
    reply = await cluster.b.rest("PATCH", "/api/notifications", {"ids": [id]}, token=cluster.token(ada))
    assert reply.status == 200
    await eventually(lambda: _grew(cluster, "unneeded", needless), "the push that nobody needs")
    assert browser.pushed == []


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_gone_is_forgotten(cluster: Cluster, service: PushService, status: int) -> None:
    ada = someone()
    ended, other = await subscribe(cluster, service, ada), await subscribe(cluster, service, ada)
    ended.answers = [(status, {})]
    await notify(cluster, ada)
    await other.gets()
    await eventually(lambda: ended.refused, "the answer that it is gone")
    await eventually(lambda: _is_forgotten(cluster, ada, ended), "the subscription to be forgotten")
    await notify(cluster, ada, title="Again")
    await other.gets(lambda pushed: pushed.payload["title"] == "Again")
    assert ended.pushed == []


@pytest.mark.parametrize(
    "answers",
    [
        [(500, {})],
        [(503, {}), (502, {}), (504, {})],
        [(429, {"Retry-After": "1"})],
        [(429, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)})],
        [(429, {"Retry-After": "soon"}), (408, {})],
    ],
)
async def test_a_push_that_was_not_taken_comes_again(
    cluster: Cluster, service: PushService, answers: list[tuple[int, dict[str, str]]]
) -> None:
    ada = someone()
    browser = await subscribe(cluster, service, ada)
    browser.answers = list(answers)
    id = await notify(cluster, ada)
    assert (await browser.gets()).payload["id"] == id
    assert browser.refused == [status for status, _ in answers]
    assert len(browser.pushed) == 1


async def test_a_push_service_that_is_away_gets_its_pushes_when_it_is_back(
    cluster: Cluster, service: PushService
) -> None:
    ada = someone()
    browser = await subscribe(cluster, service, ada)
    retried = await counted(cluster, "retried")
    await service.stop()
    await notify(cluster, ada)
    await eventually(lambda: _grew(cluster, "retried", retried), "a failed attempt")
    await service.start()
    await browser.gets()


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 413])
async def test_a_push_that_is_refused_for_good_does_not_come_again(
    cluster: Cluster, service: PushService, status: int
) -> None:
    ada = someone()
    browser = await subscribe(cluster, service, ada)
    refused = await counted(cluster, "refused")
    browser.answers = [(status, {"Location": f"{service.url}/elsewhere"})]
    await notify(cluster, ada)
    await eventually(lambda: _grew(cluster, "refused", refused), "the refusal")
    await notify(cluster, ada, title="The next one")
    assert (await browser.gets()).payload["title"] == "The next one"
    assert len(browser.pushed) == 1


async def test_a_renewed_notification_replaces_the_one_that_waits(cluster: Cluster, service: PushService) -> None:
    ada = someone()
    browser = await subscribe(cluster, service, ada)
    first = await notify(cluster, ada, collapseKey="order", message="one")
    before = await browser.gets()
    await notify(cluster, ada, collapseKey="order", message="two")
    after = await browser.gets(lambda pushed: pushed.payload["message"] == "two")
    assert after.payload["id"] == before.payload["id"] == first
    assert after.headers["Topic"] == before.headers["Topic"]


async def test_what_is_too_long_for_a_push_is_shortened(cluster: Cluster, service: PushService) -> None:
    ada = someone()
    browser = await subscribe(cluster, service, ada)
    await notify(cluster, ada, message="🎉" * 4000, data={"text": "a" * 3000})
    pushed = await browser.gets()
    assert re.fullmatch("🎉{800,}…", pushed.payload["message"])
    assert pushed.payload | {"message": ""} == {"id": pushed.payload["id"], **NOTICE, "data": {}, "message": ""}
    assert len(pushed.body) == pytest.approx(4096, abs=4)


async def test_everything_queued_is_sent_once_however_many_workers_look(cluster: Cluster, service: PushService) -> None:
    people = [someone() for _ in range(60)]
    browsers = await asyncio.gather(
        *(
            subscribe(cluster, service, each, cluster.workers[at % len(cluster.workers)])
            for at, each in enumerate(people)
        )
    )
    await asyncio.gather(notify(cluster, *people[:30], at=cluster.a), notify(cluster, *people[30:], at=cluster.b))
    for each in browsers:
        await each.gets()
    assert [len(each.pushed) for each in browsers] == [1] * 60


async def test_a_mention_of_somebody_who_is_away_reaches_their_browser(
    cluster: Cluster, service: PushService, js: JsClients
) -> None:
    ada, bo = someone(), someone()
    browser = await subscribe(cluster, service, bo)
    room = await cluster.a.rest("POST", "/api/chat/rooms", {"name": ada, "memberIds": [bo]}, token=cluster.token(ada))
    said = {"roomId": room.body["data"]["id"], "message": f"Hello @{bo}"}
    assert (await cluster.b.rest("POST", "/api/chat/messages", said, token=cluster.token(ada))).status == 201
    pushed = await browser.gets()
    assert pushed.payload["type"] == "MESSAGE"
    assert pushed.payload["data"]["roomId"] == said["roomId"]


async def test_a_slow_push_service_holds_up_nobody_elses(cluster: Cluster, service: PushService) -> None:
    async with push_service() as slow:
        slow.held.clear()
        people = [someone() for _ in range(40)]
        for each in people:
            await subscribe(cluster, slow, each)
        await notify(cluster, *people)
        await eventually(lambda: slow.waiting >= 8, "pushes that wait for their answer")
        ada = someone()
        browser = await subscribe(cluster, service, ada)
        await notify(cluster, ada)
        await browser.gets()


async def test_a_subscription_that_never_answers_waits_by_itself(cluster: Cluster, service: PushService) -> None:
    ada = someone()
    browser = await subscribe(cluster, service, ada)
    service.held.clear()
    for number in range(20):
        await notify(cluster, ada, title=f"Number {number}")
    await eventually(lambda: service.waiting, "the first attempt")
    assert service.waiting == 1
    service.held.set()
    for number in range(20):
        await browser.gets(lambda pushed, number=number: pushed.payload["title"] == f"Number {number}")


async def test_what_a_push_service_answers_is_not_read_without_end(cluster: Cluster, service: PushService) -> None:
    sent = 0
    ended = asyncio.Event()

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(status=201)
        await response.prepare(request)
        try:
            while True:
                await response.write(b"a" * 65_536)
                sent += 65_536
        finally:
            ended.set()

    ada = someone()
    await subscribe(cluster, service, ada)
    service.handler = flood
    await notify(cluster, ada)
    await asyncio.wait_for(ended.wait(), 20)
    assert sent < 16 * 1024 * 1024


async def test_keys_are_the_same_on_every_worker_and_after_a_restart(own_cluster: Cluster) -> None:
    key = await key_of(own_cluster.a)
    assert await key_of(own_cluster.b) == key
    raw = decode(key)
    assert (len(raw), raw[0]) == (65, 4)
    await asyncio.to_thread(own_cluster.b.restart)
    assert await key_of(own_cluster.b) == key


async def test_a_push_that_a_killed_worker_had_begun_is_sent_by_another(
    own_cluster: Cluster, service: PushService
) -> None:
    ada = someone()
    browser = await subscribe(own_cluster, service, ada)
    service.held.clear()
    await notify(own_cluster, ada)
    await eventually(lambda: service.waiting, "the push under way")
    for worker in own_cluster.workers:
        worker.kill()
    await eventually(lambda: not service.waiting, "the end of the connection")
    service.held.set()
    await asyncio.to_thread(own_cluster.b.start)
    await browser.gets()


async def test_a_push_is_given_up_after_so_many_attempts(
    start_hubbub: Callable[..., Hubbub], service: PushService
) -> None:
    worker = start_hubbub(**QUICK | {"HUBBUB_PUSH_ATTEMPTS": "3"})
    cluster, ada = Cluster([worker]), someone()
    browser = await subscribe(cluster, service, ada)
    browser.answers = [(500, {})] * 9
    await notify(cluster, ada)
    await eventually(lambda: _grew(cluster, "expired", 0), "giving up")
    assert browser.refused == [500] * 3
    assert await counted(cluster, "retried") == 3


async def test_a_push_is_given_up_when_it_is_too_old(start_hubbub: Callable[..., Hubbub], service: PushService) -> None:
    worker = start_hubbub(**QUICK | {"HUBBUB_PUSH_TTL_SECONDS": "1"})
    cluster, ada = Cluster([worker]), someone()
    browser = await subscribe(cluster, service, ada)
    browser.answers = [(429, {"Retry-After": "3600"})]
    await notify(cluster, ada)
    await eventually(lambda: _grew(cluster, "expired", 0), "giving up")
    await notify(cluster, ada, title="Newer")
    pushed = await browser.gets()
    assert pushed.payload["title"] == "Newer"
    assert int(pushed.headers["TTL"]) <= 1


@pytest.mark.parametrize(
    ("variables", "subject"),
    [
        ({"HUBBUB_VAPID_SUBJECT": "mailto:ops@example.org"}, "mailto:ops@example.org"),
        ({"HUBBUB_ORIGINS": "http://localhost:3000,https://app.example.org"}, "https://app.example.org"),
    ],
)
async def test_push_services_are_told_whom_they_may_turn_to(
    start_hubbub: Callable[..., Hubbub], service: PushService, variables: dict[str, str], subject: str
) -> None:
    cluster, ada = Cluster([start_hubbub(**QUICK | variables)]), someone()
    browser = await subscribe(cluster, service, ada)
    await notify(cluster, ada)
    assert (await browser.gets()).claims["sub"] == subject


async def test_a_push_service_over_tls_must_prove_who_it_is(
    start_hubbub: Callable[..., Hubbub], tmp_path: Path
) -> None:
    tls, authority = certified(tmp_path)
    async with push_service("localhost", tls) as service:
        trusting = Cluster([start_hubbub(**QUICK, SSL_CERT_FILE=str(authority))])
        doubting = Cluster([start_hubbub(**QUICK)])
        ada = someone()
        browser, unheard = await subscribe(trusting, service, ada), await subscribe(doubting, service, ada)
        await notify(trusting, ada)
        await browser.gets()
        await notify(doubting, ada)
        await eventually(lambda: _grew(doubting, "retried", 0), "a failed attempt")
        assert unheard.pushed == []


async def test_without_the_setting_this_machine_is_never_called(
    start_hubbub: Callable[..., Hubbub], service: PushService
) -> None:
    database = start_hubbub(**QUICK)
    cluster, ada = Cluster([database]), someone()
    browser = await subscribe(cluster, service, ada)
    await asyncio.to_thread(database.terminate)
    strict = start_hubbub(
        HUBBUB_VAR=database.env["HUBBUB_VAR"], HUBBUB_SECRET=database.secret, HUBBUB_PUSH_BACKOFF_SECONDS="0.1"
    )
    cluster = Cluster([strict])
    await notify(cluster, ada)
    await eventually(lambda: _grew(cluster, "refused", 0), "the refusal")
    assert browser.pushed == []
    reply = await strict.rest(
        "POST", "/api/push/subscriptions", service.browser().subscription, token=cluster.token(ada)
    )
    assert (reply.status, list(reply.body["error"]["fields"])) == (422, ["endpoint"])


async def _grew(cluster: Cluster, outcome: str, before: int) -> bool:
    return await counted(cluster, outcome) > before


async def _is(cluster: Cluster, user_id: str, status: str) -> bool:
    reply = await cluster.a.rest("GET", f"/api/users/presence/{user_id}", token=cluster.token(someone()))
    return reply.status == 200 and reply.body["data"]["status"] == status


async def _is_forgotten(cluster: Cluster, user_id: str, browser: Browser) -> bool:
    """Whether subscribing again is something new: it is then taken back."""
    token = cluster.token(user_id)
    reply = await cluster.a.rest("POST", "/api/push/subscriptions", browser.subscription, token=token)
    if reply.status == 201:
        await cluster.a.rest("DELETE", "/api/push/subscriptions", {"endpoint": browser.endpoint}, token=token)
    return reply.status == 201
