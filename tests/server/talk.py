"""How the tests of the server speak: replies taken apart, and people who come in."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.hubbub import Cluster, Hubbub, Reply
from tests.support.js import JsClients, JsSocket
from tests.support.waiting import eventually

STATUS = {
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "invalid": 422,
    "conflict": 409,
    "too_large": 413,
    "rate_limited": 429,
    "unavailable": 503,
    "internal": 500,
}
WEBSOCKET = ("websocket",)


def someone(name: str = "ada") -> str:
    """The id of a person whom no other test knows; fit for the name of a room, an entity or a channel, too."""
    return f"{name}-{secrets.token_hex(4)}"


def data_of(reply: Any) -> Any:
    """What a success of either door carries."""
    body = reply.body if isinstance(reply, Reply) else reply
    if isinstance(reply, Reply):
        assert reply.status in {200, 201}, reply
    assert isinstance(body, dict), reply
    assert body.get("ok") is True, body
    assert body.keys() == {"ok", "data"}
    return body["data"]


def error_of(reply: Any, code: str) -> dict[str, Any]:
    """The error of a failure of either door, which has this code and, over REST, its status."""
    body = reply.body if isinstance(reply, Reply) else reply
    assert isinstance(body, dict), reply
    assert body.get("ok") is False, body
    assert body.keys() == {"ok", "error"}
    error = body["error"]
    assert error["code"] == code, error
    assert isinstance(error["message"], str)
    assert error["message"]
    if isinstance(reply, Reply):
        assert reply.status == STATUS[code]
    return error


async def enter(js: JsClients, worker: Hubbub, user_id: str, **options: Any) -> JsSocket:
    """A connection of that person's."""
    return await connect(js, worker, {"token": worker.token(user_id)}, **options)


async def backend(js: JsClients, worker: Hubbub) -> JsSocket:
    """A connection of a backend's."""
    return await connect(js, worker, {"apiKey": worker.api_key})


async def connect(js: JsClients, worker: Hubbub, auth: Mapping[str, Any] | None = None, **options: Any) -> JsSocket:
    """A connection over WebSocket; without `auth` a visitor's."""
    return await js.connect(worker.url, auth, transports=WEBSOCKET, **options)


async def subscribe(socket: JsSocket, channel: str, **more: Any) -> dict[str, Any]:
    """Subscribe a connection; the reply's data."""
    return data_of(await socket.emit("channel:subscribe", {"channel": channel, **more}))


async def publish(worker: Hubbub, channel: str, data: Any = None, event: str = "thing:changed") -> int:
    """Publish one event as a backend; its number."""
    sent = {"channel": channel, "event": event, "data": data}
    return data_of(await worker.rest("POST", "/api/publish", sent, token=worker.api_key))["seq"]


async def publish_many(worker: Hubbub, channel: str, count: int) -> list[int]:
    """Publish events whose data is 1, 2, 3 … in one batch; their numbers."""
    events = [{"channel": channel, "event": "thing:counted", "data": n} for n in range(1, count + 1)]
    reply = await worker.rest("POST", "/api/publish/batch", {"events": events}, token=worker.api_key)
    return [each["seq"] for each in data_of(reply)["results"]]


def heard(socket: JsSocket, channel: str) -> list[dict[str, Any]]:
    """The events of a channel's log that a connection has heard live, in order of arrival."""
    envelopes = [each.data for each in socket.events]
    return [each for each in envelopes if isinstance(each, dict) and each.get("channel") == channel and "seq" in each]


def numbers(events: Sequence[Mapping[str, Any]]) -> list[int]:
    """The `seq` of each event."""
    return [each["seq"] for each in events]


async def hears(socket: JsSocket, channel: str, expected: Sequence[int], timeout: float = 10) -> None:
    """Wait until a connection has heard these numbers of a channel, and neither others nor in another order."""

    def enough() -> bool:
        return len(heard(socket, channel)) >= len(expected)

    await eventually(enough, f"{len(expected)} events of {channel}", timeout)
    assert numbers(heard(socket, channel)) == list(expected)


async def settled(socket: JsSocket, cluster: Cluster) -> None:
    """Wait until whatever was on its way to a connection is there: an event published now on each worker has come."""
    channel = f"trip:{someone('settled')}:likes"
    await subscribe(socket, channel)
    for count, worker in enumerate(cluster.workers, 1):
        await publish(worker, channel)
        await hears(socket, channel, range(1, count + 1))
    await socket.emit("channel:unsubscribe", {"channel": channel})


async def open_room(worker: Hubbub, owner: str, *others: str, **more: Any) -> str:
    """A new public room of these people, who are known afterwards; its id."""
    for each in others:
        data_of(await worker.rest("GET", "/api/me", token=worker.token(each)))
    wanted = {"name": someone("room"), "memberIds": list(others), **more}
    return data_of(await worker.rest("POST", "/api/chat/rooms", wanted, token=worker.token(owner)))["id"]
