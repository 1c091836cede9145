"""Polling: a channel's events in answers, at once or with the first event."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from tests.server.talk import data_of, error_of, numbers, open_room, publish, publish_many, someone
from tests.support.hubbub import Cluster, Hubbub, Reply
from tests.support.waiting import eventually

SHAPE = {"events", "hasMore", "seq", "recovered", "retryAfter"}


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    """No limit on the pace of tests."""
    return {"HUBBUB_ACTIONS_PER_SECOND": "10000", "HUBBUB_ACTIONS_BURST": "10000", "HUBBUB_JSON_KEYS": "5000"}


def likes() -> str:
    return f"trip:{someone('entity')}:likes"


async def ask(worker: Hubbub, channel: str, *, token: str | None = None, tag: str | None = None, **query: Any) -> Reply:
    """Poll once."""
    more = "".join(f"&{name}={quote(str(value), safe='')}" for name, value in query.items())
    headers = {"If-None-Match": tag} if tag else {}
    return await worker.rest("GET", f"/api/poll?channel={quote(channel)}{more}", token=token, headers=headers)


async def polled(worker: Hubbub, channel: str, **options: Any) -> dict[str, Any]:
    """Poll once, with success: what the answer holds."""
    data = data_of(await ask(worker, channel, **options))
    assert data.keys() == SHAPE
    return data


async def test_pages_of_a_hundred(cluster: Cluster) -> None:
    channel = likes()
    await publish_many(cluster.a, channel, 250)
    after, sizes, heard = 0, [], []
    while True:
        page = await polled(cluster.b, channel, after=after)
        assert page["recovered"]
        heard += page["events"]
        sizes.append((len(page["events"]), page["hasMore"]))
        after = page["seq"]
        if not page["hasMore"]:
            break
    assert sizes == [(100, True), (100, True), (50, False)]
    assert numbers(heard) == list(range(1, 251))
    assert heard[0].keys() == {"event", "channel", "seq", "at", "data"}
    assert (await polled(cluster.a, channel, after=after))["events"] == []


async def test_without_after_from_now_on(cluster: Cluster) -> None:
    channel = likes()
    assert (await polled(cluster.a, channel))["seq"] == 0
    await publish_many(cluster.a, channel, 3)
    page = await polled(cluster.b, channel)
    assert (page["events"], page["seq"], page["recovered"], page["hasMore"]) == ([], 3, True, False)


@pytest.mark.parametrize("after", [0, None])
async def test_who_waits_gets_the_first_event_of_any_worker(cluster: Cluster, after: int | None) -> None:
    channel = likes()
    given = {} if after is None else {"after": after}
    waiting = asyncio.create_task(polled(cluster.a, channel, wait=25, **given))

    async def answered() -> bool:
        # Whoever names no number waits for what comes after the server has begun to listen.
        await publish(cluster.b, channel, "here")
        return waiting.done()

    await eventually(answered, "the answer")
    page = await waiting
    assert {each["data"] for each in page["events"]} == {"here"}
    assert page["seq"] == page["events"][-1]["seq"]


async def test_who_waits_in_vain_is_told_so(cluster: Cluster) -> None:
    channel = likes()
    await publish(cluster.a, channel)
    page = await polled(cluster.b, channel, after=1, wait=0.3)
    assert (page["events"], page["seq"], page["recovered"]) == ([], 1, True)


async def test_what_is_there_is_not_waited_for(cluster: Cluster) -> None:
    channel = likes()
    await publish_many(cluster.a, channel, 2)
    async with asyncio.timeout(10):
        assert numbers((await polled(cluster.b, channel, after=1, wait=25))["events"]) == [2]


@pytest.mark.parametrize("wait", [0, 25])
async def test_who_cannot_be_told_everything_is_told_to_reload(cluster: Cluster, wait: int) -> None:
    channel = likes()
    await publish_many(cluster.a, channel, 3)
    async with asyncio.timeout(10):
        page = await polled(cluster.b, channel, after=99, wait=wait)
    assert (page["events"], page["seq"], page["recovered"]) == ([], 3, False)


async def test_the_same_answer_is_not_sent_twice(cluster: Cluster) -> None:
    channel = likes()
    await publish(cluster.a, channel)
    first = await ask(cluster.a, channel, after=0)
    assert "no-cache" in first.headers["Cache-Control"]
    tag = first.headers["ETag"]
    again = await ask(cluster.b, channel, after=0, tag=tag)
    assert (again.status, again.body) == (304, "")
    assert again.headers["ETag"] == tag
    assert (await ask(cluster.b, channel, after=0, tag='"another"')).status == 200
    await publish(cluster.a, channel)
    changed = await ask(cluster.b, channel, after=0, tag=tag)
    assert (changed.status, len(changed.body["data"]["events"])) == (200, 2)
    assert changed.headers["ETag"] != tag


async def test_the_pace_follows_what_happens(start_hubbub: Callable[..., Hubbub]) -> None:
    worker, channel = start_hubbub(), likes()
    assert (await polled(worker, channel))["retryAfter"] == 10
    await publish(worker, channel)
    assert (await polled(worker, channel, after=0))["retryAfter"] == 2
    assert (await polled(worker, channel, after=1))["retryAfter"] == 2
    paces = []
    for seconds in (15, 45, 90, 200, 5000):
        moment = datetime.now(UTC) - timedelta(seconds=seconds)
        with sqlite3.connect(worker.folder / "hubbub.db", timeout=10) as database:
            database.execute("UPDATE event_log SET at = ?", [moment.isoformat(timespec="milliseconds")[:-6] + "Z"])
        database.close()
        paces.append((await polled(worker, channel, after=1))["retryAfter"])
    assert paces == sorted(paces)
    assert (paces[0] > 2, paces[-1]) == (True, 10)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("after", value) for value in ("-1", "1.5", "x", "", "9" * 40)),
        *(("wait", value) for value in ("-1", "26", "x", "nan", "inf")),
    ],
)
async def test_numbers_that_are_none(cluster: Cluster, name: str, value: str) -> None:
    error = error_of(await ask(cluster.a, likes(), **{name: value}), "invalid")
    assert error["fields"].keys() == {name}


async def test_what_cannot_be_heard_is_refused(cluster: Cluster) -> None:
    error_of(await cluster.a.rest("GET", "/api/poll"), "invalid")
    error_of(await cluster.a.rest("GET", "/api/poll?channel=community&channel=presence"), "invalid")
    error_of(await ask(cluster.a, "boat:1:comments"), "not_found")
    error_of(await ask(cluster.a, "app:orders"), "unauthenticated")
    ada = someone()
    error_of(await ask(cluster.a, f"user:{ada}", token=cluster.token(someone("bo"))), "forbidden")
    # A token in the address is for streams alone.
    error_of(await cluster.a.rest("GET", f"/api/poll?channel=app:orders&token={cluster.token(ada)}"), "unauthenticated")
    name = f"app:private.{someone('orders')}"
    subscription = jwt.encode({"sub": ada, "channel": name}, cluster.secret, algorithm="HS256")
    error_of(await ask(cluster.a, name, token=cluster.token(ada)), "forbidden")
    assert (await polled(cluster.a, name, token=cluster.token(ada), subscription=subscription))["seq"] == 0


async def test_the_waiting_ends_with_access(cluster: Cluster) -> None:
    ada, bo = someone(), someone("bo")
    room = await open_room(cluster.a, ada, bo, visibility="private")
    channel = f"room:{room}"
    seq = (await polled(cluster.b, channel, token=cluster.token(bo)))["seq"]
    waiting = asyncio.create_task(ask(cluster.b, channel, token=cluster.token(bo), after=seq, wait=25))
    path = f"/api/chat/rooms/{room}/members/{bo}"
    data_of(await cluster.a.rest("DELETE", path, token=cluster.token(ada)))
    # Before the removal or after it, they are not told of it.
    error_of(await waiting, "not_found")


async def test_polls_are_actions_to_the_rate_limit(start_hubbub: Callable[..., Hubbub]) -> None:
    worker = start_hubbub(HUBBUB_ACTIONS_PER_SECOND="0.01", HUBBUB_ACTIONS_BURST="2")
    token = worker.token(someone())
    replies = [await ask(worker, "community", token=token) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert int(replies[2].headers["Retry-After"]) >= 1
