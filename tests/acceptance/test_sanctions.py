"""Muting, banning and revoking people, which takes effect at once on every worker."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from tests.acceptance import contract
from tests.acceptance.entities import Trip, say
from tests.acceptance.people import DOORS, Gathering, Person, call_rest, connect, open_room
from tests.support.hubbub import Cluster, Hubbub
from tests.support.js import ConnectRefused, JsClients

STANDING = {"userId", "muted", "banned", "revokedAt"}
SANCTION = {"since", "until", "reason", "by"}


def standing(value: Any) -> None:
    """Assert that a value tells how somebody stands."""
    contract.keys(value, STANDING)
    for name in ("muted", "banned"):
        if value[name] is not None:
            contract.keys(value[name], SANCTION)


async def refusal(js: JsClients, worker: Hubbub, auth: Mapping[str, Any]) -> str:
    """The code with which a connection is refused."""
    with pytest.raises(ConnectRefused) as refused:
        await connect(js, worker, auth)
    return refused.value.data["code"]


async def code(worker: Hubbub, token: str) -> str:
    """How the REST door answers a token that asks who it is."""
    reply = await worker.rest("GET", "/api/me", token=token)
    return "ok" if reply.body["ok"] else reply.body["error"]["code"]


async def everywhere(cluster: Cluster, token: str, expected: str) -> None:
    """Wait until every worker answers a token so."""
    for worker in cluster.workers:
        while await code(worker, token) != expected:
            await asyncio.sleep(0)


@pytest.mark.parametrize("door", DOORS)
async def test_who_is_muted_says_nothing_and_goes_on_reading(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    mo, trip = await arrive("Mo", role="moderator", at=arrive.cluster.a), Trip()
    room = await open_room(bo, ada)
    sent = await ada.creates("message:send", roomId=room["id"], message="Before")
    (comment,) = await say(ada, trip, "Before")
    telephone = await arrive.again(ada, at=arrive.cluster.b)
    told = await mo.does("user:mute", userId=ada.id, reason="Shouting")
    standing(told)
    assert (told["userId"], told["banned"], told["revokedAt"]) == (ada.id, None, None)
    assert (told["muted"]["until"], told["muted"]["reason"], told["muted"]["by"]) == (None, "Shouting", mo.id)
    channel = {"channel": f"room:{room['id']}"}
    said = (
        ("message:send", {"roomId": room["id"], "message": "Hello"}),
        ("message:edit", {"messageId": sent["id"], "message": "Hello"}),
        ("message:react", {"messageId": sent["id"], "emoji": "👍"}),
        ("typing:start", channel),
        ("comment:create", trip.at | {"body": "Hello"}),
        ("comment:edit", {"commentId": comment["id"], "body": "Hello"}),
        ("like:toggle", trip.at),
        ("like:set", trip.at | {"liked": True}),
        ("room:create", {"name": "Hello"}),
        ("room:update", {"roomId": room["id"], "description": "Hello"}),
    )
    for each in (ada, telephone):
        # The other worker hears of it a moment later.
        await eventually_refused(each, *said[0])
        for action, payload in said:
            error = await each.refused("forbidden", action, **payload)
            assert "Shouting" in error["message"]
        assert (await each.does("message:history", roomId=room["id"]))["messages"] == [sent]
        assert await each.does("like:get", **trip.at) == {"liked": False, "count": 0}
        await each.does("save:set", **trip.at, saved=True)
        await each.does("message:read", roomId=room["id"], seq=1)
        await each.subscribes(channel["channel"])
    await bo.creates("message:send", roomId=room["id"], message="Pardon?")
    assert (await mo.does("user:pardon", userId=ada.id))["muted"] is None
    await ada.creates("message:send", roomId=room["id"], message="Sorry")
    heard = await bo.hears("message:created", lambda message: message["message"] == "Sorry")
    assert heard["data"]["seq"] == 3
    assert bo.heard("typing:changed") == []


async def eventually_refused(person: Person, action: str, payload: Mapping[str, Any]) -> None:
    """Wait until an action is forbidden; until then it must have no effect that anybody sees."""
    while (await person.call(action, **{**payload, "message": ""}))[0]["error"]["code"] != "forbidden":
        await asyncio.sleep(0)


@pytest.mark.parametrize("door", DOORS)
async def test_who_is_banned_is_dropped_everywhere_and_let_in_no_more(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo")
    mo = await arrive("Mo", role="moderator")
    telephone = await arrive.again(ada, at=arrive.cluster.b)
    room = await open_room(bo, ada)
    told = await mo.does("user:ban", userId=ada.id, reason="Enough")
    standing(told)
    assert told["banned"]["until"] is None
    for each in (ada, telephone):
        assert (await each.socket.wait_for("disconnect")).data == "io server disconnect"
        assert await refusal(arrive.js, each.worker, {"token": ada.credential}) == "forbidden"
        reply = await call_rest(each.worker, ada.credential, "message:send", {"roomId": room["id"], "message": "Still"})
        assert (reply.status, reply.body["error"]["code"]) == (403, "forbidden")
        assert "Enough" in reply.body["error"]["message"]
    # Not even with another token.
    for worker in arrive.cluster.workers:
        assert await refusal(arrive.js, worker, {"token": arrive.cluster.token(ada.id)}) == "forbidden"
    await bo.does("message:history", roomId=room["id"])
    assert (await mo.does("user:pardon", userId=ada.id))["banned"] is None
    await everywhere(arrive.cluster, ada.credential, "ok")
    back = await arrive.again(ada, at=arrive.cluster.b)
    await back.creates("message:send", roomId=room["id"], message="Back")


async def test_a_stream_of_who_is_banned_ends_and_opens_no_more(arrive: Gathering) -> None:
    mo, name = await arrive("Mo", role="moderator"), f"Ada-{secrets.token_hex(4)}"
    token, channel = arrive.cluster.token(name), f"app:{secrets.token_hex(4)}"
    async with aiohttp.ClientSession() as session:
        for worker in arrive.cluster.workers:
            async with session.get(f"{worker.url}/api/subscribe?channel={channel}&token={token}") as stream:
                assert stream.status == 200
                await mo.does("user:ban", userId=name)
                while await stream.content.readline():
                    pass
            assert (await worker.rest("GET", f"/api/subscribe?channel={channel}", token=token)).status == 403
            assert (await worker.rest("GET", f"/api/poll?channel={channel}", token=token)).status == 403
            await mo.does("user:pardon", userId=name)
            await everywhere(arrive.cluster, token, "ok")


async def test_a_poll_that_waits_ends_with_a_ban(arrive: Gathering) -> None:
    mo, name = await arrive("Mo", role="moderator"), f"Ada-{secrets.token_hex(4)}"
    token, channel = arrive.cluster.token(name), f"app:{secrets.token_hex(4)}"
    for worker in arrive.cluster.workers:
        poll = asyncio.ensure_future(worker.rest("GET", f"/api/poll?channel={channel}&wait=25", token=token))
        await mo.does("user:ban", userId=name)
        # Long before it would have ended by itself, whether it waited already or not.
        async with asyncio.timeout(15):
            assert (await poll).status == 403
        await mo.does("user:pardon", userId=name)
        await everywhere(arrive.cluster, token, "ok")


@pytest.mark.parametrize("door", DOORS)
async def test_tokens_from_before_a_revocation_count_no_more(arrive: Gathering) -> None:
    ada, mo = await arrive("Ada", at=arrive.cluster.a), await arrive("Mo", role="moderator")
    telephone = await arrive.again(ada, at=arrive.cluster.b)
    told = await mo.does("user:revoke", userId=ada.id, reason="A lost phone")
    standing(told)
    contract.time(told["revokedAt"])
    timeless = arrive.cluster.token(ada.id, iat=None)
    for each in (ada, telephone):
        await each.socket.wait_for("disconnect")
        for token in (ada.credential, timeless):
            assert await refusal(arrive.js, each.worker, {"token": token}) == "unauthenticated"
            assert await code(each.worker, token) == "unauthenticated"
    fresh = arrive.cluster.token(ada.id, iat=int(time.time()) + 1)
    for worker in arrive.cluster.workers:
        socket = await connect(arrive.js, worker, {"token": fresh})
        answer = await socket.emit("session:refresh", {"token": ada.credential})
        assert answer["error"]["code"] == "unauthenticated"
        await socket.disconnect()
    # A pardon brings no lost phone back.
    await mo.does("user:pardon", userId=ada.id)
    assert await code(mo.worker, ada.credential) == "unauthenticated"


@pytest.mark.parametrize("kind", ["mute", "ban"])
async def test_a_sanction_with_an_end_ends_by_itself(arrive: Gathering, kind: str) -> None:
    ada, mo, trip = await arrive("Ada"), await arrive("Mo", role="moderator"), Trip()
    told = await mo.does(f"user:{kind}", userId=ada.id, seconds=2)
    sanction = told["muted" if kind == "mute" else "banned"]
    contract.time(sanction["until"])
    assert sanction["since"] < sanction["until"]
    payload = trip.at | {"body": "Hello"}
    refused = await call_rest(mo.worker, ada.credential, "comment:create", payload)
    assert refused.status == 403
    assert sanction["until"] in refused.body["error"]["message"]
    for worker in arrive.cluster.workers:
        while (await call_rest(worker, ada.credential, "comment:create", payload)).status == 403:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("door", DOORS)
async def test_who_may_moderate_whom(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    mo, other = await arrive("Mo", role="moderator"), await arrive("Max", role="moderator")
    ann, backend, visitor = await arrive("Ann", role="admin"), await arrive.backend(), await arrive.visitor()
    for action in ("user:mute", "user:ban", "user:revoke", "user:pardon"):
        await visitor.refused("unauthenticated", action, userId=bo.id)
        await ada.refused("forbidden", action, userId=bo.id)
        await mo.refused("forbidden", action, userId=other.id)
        await mo.refused("forbidden", action, userId=ann.id)
        await mo.refused("forbidden", action, userId=mo.id)
        await ann.refused("forbidden", action, userId=ann.id)
    for each in (mo, ann, backend):
        assert (await each.does("user:mute", userId=bo.id, seconds=60))["muted"]["until"]
        assert (await each.does("user:pardon", userId=bo.id))["muted"] is None
    assert (await ann.does("user:mute", userId=mo.id))["muted"]
    await mo.refused("forbidden", "comment:create", **Trip().at, body="Hm")
    await backend.does("user:pardon", userId=mo.id)
    for wrong in (0, -1, 1.5, "60", True, 10**10):
        error = await mo.refused("invalid", "user:ban", userId=bo.id, seconds=wrong)
        assert list(error["fields"]) == ["seconds"]
    assert await code(bo.worker, bo.credential) == "ok"


async def test_somebody_never_seen_may_be_banned_beforehand(arrive: Gathering) -> None:
    backend, name = await arrive.backend(), f"Eve-{secrets.token_hex(4)}"
    await backend.does("user:ban", userId=name)
    for worker in arrive.cluster.workers:
        token = arrive.cluster.token(name)
        await everywhere(arrive.cluster, token, "forbidden")
        assert await refusal(arrive.js, worker, {"token": token}) == "forbidden"


async def test_sanctions_of_several_moderators_at_once_all_hold(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    moderators = [await arrive(f"Mo{number}", role="moderator") for number in range(4)]
    for _ in range(5):
        await asyncio.gather(
            *(
                each.does(action, userId=ada.id, seconds=60)
                for each, action in zip(moderators, ("user:mute", "user:ban") * 2, strict=True)
            )
        )
        told = await moderators[0].does("user:mute", userId=ada.id, seconds=60)
        assert told["muted"]
        assert told["banned"]
        await everywhere(arrive.cluster, ada.credential or "", "forbidden")
        await moderators[1].does("user:pardon", userId=ada.id)
        await everywhere(arrive.cluster, ada.credential or "", "ok")


async def test_sanctions_outlive_a_restart(own_cluster: Cluster, js: JsClients) -> None:
    banned, muted = own_cluster.token("ada"), own_cluster.token("bo")
    trip = {"type": "trip", "id": "1"}
    for name, action in (("ada", "ban"), ("bo", "mute")):
        reply = await own_cluster.a.rest("POST", f"/api/admin/users/{name}/{action}", token=own_cluster.api_key)
        assert reply.status == 200
    for worker in own_cluster.workers:
        await asyncio.to_thread(worker.restart)
        assert await refusal(js, worker, {"token": banned}) == "forbidden"
        assert (await call_rest(worker, muted, "comment:create", trip | {"body": "Hm"})).status == 403
        assert (await call_rest(worker, muted, "comment:list", trip)).status == 200
