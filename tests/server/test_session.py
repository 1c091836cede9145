"""Sessions: a connection lasts as long as its token, and a newer one extends it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.server.talk import connect, data_of, enter, error_of, settled, someone, subscribe
from tests.support.hubbub import Cluster, Hubbub
from tests.support.js import ConnectRefused, JsClients, JsSocket

EARLY = 0.05
"""Timers count in milliseconds, and by another clock than the one on the wall."""


def moment(text: str) -> float:
    """Seconds since 1970 of a time on the wire."""
    assert text.endswith("Z")
    assert len(text) == len("2026-11-21T01:02:03.456Z")
    return datetime.fromisoformat(text).timestamp()


def on_the_wire(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def told(socket: JsSocket) -> list[str]:
    """The session events that a connection has heard."""
    return [each.event for each in socket.events if each.event.startswith("session:")]


async def test_a_connection_is_warned_and_then_ends_with_its_token(cluster: Cluster, js: JsClients) -> None:
    ada, end = someone(), int(time.time()) + 3
    token = cluster.token(ada, exp=end)
    socket = await connect(js, cluster.a, {"token": token})

    warning = (await socket.wait_for("session:expiring")).data
    assert warning.keys() == {"event", "at", "data"}
    assert warning["event"] == "session:expiring"
    assert warning["data"] == {"expiresAt": on_the_wire(end)}
    await subscribe(socket, f"user:{ada}")

    expired = (await socket.wait_for("session:expired")).data
    assert expired["event"] == "session:expired"
    assert moment(expired["at"]) >= end - EARLY
    await socket.wait_for("disconnect")
    assert told(socket) == ["session:expiring", "session:expired"]

    with pytest.raises(ConnectRefused) as caught:
        await connect(js, cluster.a, {"token": token})
    assert caught.value.data["code"] == "unauthenticated"


async def test_the_warning_comes_a_minute_before_the_end(cluster: Cluster, js: JsClients) -> None:
    end = int(time.time()) + 62
    socket = await connect(js, cluster.a, {"token": cluster.token(someone(), exp=end)})
    warning = (await socket.wait_for("session:expiring")).data
    assert 50 < end - moment(warning["at"]) <= 60.01
    assert warning["data"] == {"expiresAt": on_the_wire(end)}


async def test_a_newer_token_extends_the_session(cluster: Cluster, js: JsClients) -> None:
    ada, first = someone(), int(time.time()) + 3
    second = first + 1
    socket = await connect(js, cluster.a, {"token": cluster.token(ada, exp=first)})
    reply = await socket.emit("session:refresh", {"token": cluster.token(ada, exp=second)})
    assert data_of(reply)["expiresAt"] == on_the_wire(second)
    expired = (await socket.wait_for("session:expired")).data
    assert expired["data"] == {"expiresAt": on_the_wire(second)}
    assert moment(expired["at"]) >= second - EARLY
    assert told(socket) == ["session:expiring", "session:expiring", "session:expired"]


async def test_after_a_long_extension_nothing_is_said(cluster: Cluster, js: JsClients) -> None:
    ada, bo, end = someone(), someone("bo"), int(time.time()) + 3
    extended = await connect(js, cluster.a, {"token": cluster.token(ada, exp=end)})
    data_of(await extended.emit("session:refresh", {"token": cluster.token(ada)}))
    other = await connect(js, cluster.a, {"token": cluster.token(bo, exp=end)})
    await other.wait_for("session:expired")
    await settled(extended, cluster)
    assert told(extended) == ["session:expiring"]
    assert extended.connected


async def test_an_extension_brings_the_claims_of_the_new_token(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    socket = await enter(js, cluster.a, ada)
    error_of(await socket.emit("channel:subscribe", {"channel": "admin"}), "forbidden")
    data_of(await socket.emit("session:refresh", {"token": cluster.token(ada, role="moderator")}))
    await subscribe(socket, "admin")


async def test_a_token_that_ends_beyond_all_calendars_is_taken(cluster: Cluster, js: JsClients) -> None:
    """Some write milliseconds where seconds are due."""
    ada = someone()
    token = cluster.token(ada, exp=int(time.time() * 1000))
    socket = await connect(js, cluster.a, {"token": token})
    assert data_of(await socket.emit("session:refresh", {"token": token}))["expiresAt"] is None


async def test_who_moderates_no_longer_hears_no_longer_what_moderators_hear(cluster: Cluster, js: JsClients) -> None:
    mo, bo = someone("mo"), someone("bo")
    socket = await connect(js, cluster.a, {"token": cluster.token(mo, role="moderator")})
    other = await connect(js, cluster.a, {"token": cluster.token(bo, role="moderator")})
    for each in (socket, other):
        await subscribe(each, "admin")
    await subscribe(socket, "presence")
    data_of(await socket.emit("session:refresh", {"token": cluster.token(mo)}))
    post = {"channel": "admin", "event": "queue:grew", "data": {}}
    data_of(await cluster.a.rest("POST", "/api/publish", post, token=cluster.api_key))
    await other.wait_for("queue:grew")
    await settled(socket, cluster)
    assert socket.received("queue:grew") == []
    error_of(await socket.emit("channel:subscribe", {"channel": "admin"}), "forbidden")


async def test_a_token_without_an_end_lasts(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    socket = await connect(js, cluster.a, {"token": cluster.token(ada, exp=None)})
    assert data_of(await socket.emit("session:refresh", {"token": cluster.token(ada, exp=None)}))["expiresAt"] is None
    await settled(socket, cluster)
    assert told(socket) == []


async def test_a_session_is_extended_by_a_good_token_of_the_same_user_alone(cluster: Cluster, js: JsClients) -> None:
    ada, end = someone(), int(time.time()) + 3
    socket = await connect(js, cluster.a, {"token": cluster.token(ada, exp=end)})

    async def refresh(payload: Any) -> Any:
        return await socket.emit("session:refresh", payload)

    error_of(await refresh({"token": cluster.token(someone("bo"))}), "forbidden")
    error_of(await refresh({"token": cluster.token(ada, exp=int(time.time()) - 1)}), "unauthenticated")
    error_of(await refresh({"token": cluster.token(ada, channel="app:private.x")}), "unauthenticated")
    error_of(await refresh({"token": "garbage"}), "unauthenticated")
    assert error_of(await refresh({}), "invalid")["fields"].keys() == {"token"}
    assert error_of(await refresh({"token": 42}), "invalid")["fields"].keys() == {"token"}
    expired = (await socket.wait_for("session:expired")).data
    assert expired["data"] == {"expiresAt": on_the_wire(end)}


async def test_session_events_go_to_the_one_connection_that_they_concern(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    here, there = await enter(js, cluster.a, ada), await enter(js, cluster.b, ada)
    short = await connect(js, cluster.a, {"token": cluster.token(ada, exp=int(time.time()) + 3)})
    await short.wait_for("session:expired")
    for other in (here, there):
        await settled(other, cluster)
        assert told(other) == []
        assert other.connected


async def test_a_demo_signs_guests_in(start_hubbub: Callable[..., Hubbub], js: JsClients) -> None:
    hubbub = start_hubbub(HUBBUB_DEMO="on")
    reply = await hubbub.rest("POST", "/api/session", {"name": " Ada "})
    session = data_of(reply)
    assert session.keys() == {"token", "user"}
    assert session["user"]["name"] == "Ada"
    ada = session["user"]["id"]
    await subscribe(await connect(js, hubbub, {"token": session["token"]}), f"user:{ada}")

    set_cookie = reply.headers["Set-Cookie"]
    assert "HttpOnly" in set_cookie
    assert "samesite=lax" in set_cookie.lower()
    cookie = {"Cookie": set_cookie.split(";")[0]}
    assert cookie["Cookie"].startswith("hubbub_session=")
    assert data_of(await hubbub.rest("GET", "/api/me", headers=cookie))["user"] == session["user"]
    await subscribe(await connect(js, hubbub, extraHeaders=cookie), f"user:{ada}")

    other = data_of(await hubbub.rest("POST", "/api/session", {"name": "Ada"}))
    assert other["user"]["id"] != ada


@pytest.mark.parametrize("payload", [{}, {"name": ""}, {"name": "   "}, {"name": 42}, {"name": "a" * 51}], ids=repr)
async def test_a_guest_needs_a_name(demo: Hubbub, payload: Any) -> None:
    assert error_of(await demo.rest("POST", "/api/session", payload), "invalid")["fields"].keys() == {"name"}


@pytest.fixture(scope="module")
def demo() -> Any:
    hubbub = Hubbub(HUBBUB_DEMO="on")
    try:
        hubbub.start()
        yield hubbub
    finally:
        hubbub.kill()


@pytest.mark.parametrize("body", ["not JSON", "[]", '"Ada"', "null"])
async def test_a_guest_sends_an_object(demo: Hubbub, body: str) -> None:
    error_of(await demo.rest("POST", "/api/session", data=body), "invalid")


async def test_without_demo_nobody_signs_guests_in(cluster: Cluster) -> None:
    error_of(await cluster.a.rest("POST", "/api/session", {"name": "Ada"}), "not_found")
