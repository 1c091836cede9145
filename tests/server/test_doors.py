"""Both doors: one answer for everything that asks for one, in order, and the same from either."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from tests.server.raw_client import RawClient, raw_client
from tests.server.talk import connect, data_of, enter, error_of, open_room, someone
from tests.support.hubbub import Cluster, Hubbub
from tests.support.js import JsClients


def acknowledged(client: RawClient) -> list[int]:
    """The numbers of the acknowledgements so far, in order of arrival."""
    answers = [frame[2:] for frame in client.frames if frame.startswith("43")]
    return [int(answer[: answer.index("[")]) for answer in answers]


async def answers_to(client: RawClient, packets: list[list[Any]]) -> list[Any]:
    """Send events without waiting in between; the only answer that each of them gets, and that they get in order."""
    asked = [await client.ask(*packet) for packet in packets]
    last = await client.ask("room:list", {})
    answers = [await client.acknowledgement(number) for number in asked]
    await client.acknowledgement(last)
    assert acknowledged(client)[-len(asked) - 1 :] == [*asked, last]
    assert all(len(answer) == 1 for answer in answers)
    return [answer[0] for answer in answers]


NAMES = [
    "connect",
    "disconnect",
    "connect_error",
    "disconnecting",
    "error",
    "newListener",
    "message",
    "*",
    "",
    "no such thing",
    "__init__",
    "constructor",
    "n" * 10_000,
    42,
]


async def test_every_event_is_answered_once_whatever_its_name(cluster: Cluster) -> None:
    async with raw_client(cluster.a, {"token": cluster.token(someone())}) as client:
        for answer in await answers_to(client, [[name, {}] for name in NAMES]):
            error_of(answer, "not_found")


@pytest.mark.parametrize("payload", [[], [{}], "text", "", 0, 42, 1.5, True, False], ids=repr)
async def test_a_payload_that_is_no_object_is_answered_once(cluster: Cluster, payload: Any) -> None:
    async with raw_client(cluster.a, {"token": cluster.token(someone())}) as client:
        actions = ["room:create", "message:send", "channel:subscribe", "room:list", "typing:start", "message:search"]
        for answer in await answers_to(client, [[action, payload] for action in actions]):
            error_of(answer, "invalid")


async def test_no_payload_counts_as_an_empty_one(cluster: Cluster) -> None:
    async with raw_client(cluster.a, {"token": cluster.token(someone())}) as client:
        nothing, null, missing = await answers_to(client, [["room:list"], ["room:list", None], ["room:create"]])
    assert data_of(nothing) == data_of(null) == {"rooms": [], "hasMore": False}
    assert error_of(missing, "invalid")["fields"].keys() == {"name"}


async def test_what_follows_the_payload_is_no_matter(cluster: Cluster) -> None:
    async with raw_client(cluster.a, {"token": cluster.token(someone())}) as client:
        (answer,) = await answers_to(client, [["room:list", {}, {"more": 1}, [2]]])
    data_of(answer)


async def test_an_event_that_asks_for_no_answer_gets_none(cluster: Cluster) -> None:
    async with raw_client(cluster.a, {"token": cluster.token(someone())}) as client:
        for name in ("connect", "disconnect", "room:list", "no such thing"):
            await client.send(f"42{json.dumps([name, {}])}")
        await answers_to(client, [["room:list", {}]])
        assert [frame for frame in client.frames if not frame.startswith(("43", "42["))] == []


@pytest.mark.parametrize("frame", ['421{"a":1}', '421"text"', "421[]", "421", "42x", '421[{"a":1},{}]', "421[null]"])
async def test_what_is_no_event_at_all_costs_its_sender_the_connection(cluster: Cluster, frame: str) -> None:
    async with raw_client(cluster.a) as other:
        async with raw_client(cluster.a, {"token": cluster.token(someone())}) as client:
            await client.send(frame)
            await client.ended()
        await answers_to(other, [["channel:subscribe", {"channel": "community"}]])


async def test_binary_data_where_none_is_due_is_invalid(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    socket = await enter(js, cluster.a, ada)
    room = await open_room(cluster.a, ada)
    for payload in (
        b"\x00\x01",
        {"roomId": room, "message": b"\x00\x01"},
        {"roomId": room, "message": "text", "attachments": [{"url": "/x", "bytes": b"\x00"}]},
        {"roomId": room, "message": "text", "unknown": b"\x00"},
    ):
        error_of(await socket.emit("message:send", payload), "invalid")
    assert data_of(await socket.emit("message:history", {"roomId": room}))["messages"] == []


async def test_actions_of_one_connection_are_done_and_answered_in_the_order_sent(cluster: Cluster) -> None:
    ada = someone()
    room = await open_room(cluster.a, ada)
    sent: list[list[Any]] = []
    for n in range(15):
        sent += [
            ["message:send", {"roomId": room, "message": f"message {n}"}],
            ["message:history", {"roomId": room, "limit": 1}],
            ["message:send", {"roomId": room, "message": ""}],
            ["no such thing", {}],
        ]
    async with raw_client(cluster.b, {"token": cluster.token(ada)}) as client:
        answers = await answers_to(client, sent)
    for n in range(15):
        message, history, empty, unknown = answers[4 * n : 4 * n + 4]
        assert data_of(message)["seq"] == n + 1
        # What was asked after it sees it, and not the one after.
        assert [each["message"] for each in data_of(history)["messages"]] == [f"message {n}"]
        error_of(empty, "invalid")
        error_of(unknown, "not_found")


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    return {
        "HUBBUB_MAX_PACKET_BYTES": "100000",
        "HUBBUB_ACTIONS_BURST": "10000",
        "HUBBUB_MESSAGES_BURST": "1000",
    }


async def test_both_doors_say_the_same(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    token = cluster.token(ada)
    room = await open_room(cluster.a, ada)
    private = await open_room(cluster.a, someone("bo"), visibility="private")
    socket = await enter(js, cluster.a, ada)
    data_of(await socket.emit("message:send", {"roomId": room, "message": "Schöne Grüße 👋\nand more"}))
    messages, rooms = "/api/chat/messages", "/api/chat/rooms"
    for action, payload, method, path, body in (
        ("room:list", {}, "GET", rooms, None),
        ("room:list", {"scope": "nothing"}, "GET", f"{rooms}?scope=nothing", None),
        ("message:history", {"roomId": room}, "GET", f"{messages}?roomId={room}", None),
        ("message:history", {"roomId": room, "limit": 101}, "GET", f"{messages}?roomId={room}&limit=101", None),
        ("message:history", {"roomId": room, "limit": "x"}, "GET", f"{messages}?roomId={room}&limit=x", None),
        ("message:history", {}, "GET", messages, None),
        ("message:history", {"roomId": private}, "GET", f"{messages}?roomId={private}", None),
        ("message:send", {}, "POST", messages, {}),
        ("message:send", {"roomId": 1, "message": []}, "POST", messages, {"roomId": 1, "message": []}),
        ("message:send", {"roomId": private, "message": "a"}, "POST", messages, {"roomId": private, "message": "a"}),
        ("message:edit", {"messageId": "none", "message": "a"}, "PATCH", f"{messages}/none", {"message": "a"}),
        ("message:delete", {"messageId": "none"}, "DELETE", f"{messages}/none", None),
        ("room:join", {"roomId": "none"}, "POST", f"{rooms}/none/members", None),
        ("room:update", {"roomId": room, "slowMode": 121}, "PATCH", f"{rooms}/{room}", {"slowMode": 121}),
        ("room:create", [1], "POST", rooms, [1]),
        ("channel:publish", {}, "POST", "/api/publish", {}),
        ("message:search", {"q": "schöne"}, "GET", "/api/chat/search?q=sch%C3%B6ne", None),
    ):
        over_rest = await cluster.a.rest(method, path, body, token=token)
        assert over_rest.body == await socket.emit(action, payload), action
        assert over_rest.headers["Content-Type"].startswith("application/json")
        if not over_rest.body["ok"]:
            error_of(over_rest, over_rest.body["error"]["code"])


async def test_rest_says_whether_something_was_created(cluster: Cluster) -> None:
    token = cluster.token(someone())
    wanted = {"name": someone("room"), "clientId": "one"}
    created = await cluster.a.rest("POST", "/api/chat/rooms", wanted, token=token)
    assert created.status == 201
    again = await cluster.b.rest("POST", "/api/chat/rooms", wanted, token=token)
    assert (again.status, again.body) == (200, created.body)
    assert (await cluster.a.rest("GET", "/api/chat/rooms", token=token)).status == 200


@pytest.mark.parametrize("body", [b"{", b"not JSON", b'{"name": NaN}', b"\xff\xfe", b'{"name": "a"} more', b"[" * 5000])
async def test_a_body_that_is_not_json_is_invalid(cluster: Cluster, body: bytes) -> None:
    reply = await cluster.a.rest("POST", "/api/chat/rooms", token=cluster.token(someone()), data=body)
    error_of(reply, "invalid")


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"42", b"true"])
async def test_a_body_that_is_no_object_is_invalid(cluster: Cluster, body: bytes) -> None:
    reply = await cluster.a.rest("POST", "/api/chat/rooms", token=cluster.token(someone()), data=body)
    error_of(reply, "invalid")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api"),
        ("GET", "/api/"),
        ("GET", "/api/nothing"),
        ("POST", "/api/nothing/at/all"),
        ("DELETE", "/api/me"),
        ("PUT", "/api/publish"),
        ("GET", "/api/chat/rooms/x/y/z/%00"),
    ],
)
async def test_what_is_not_there_is_not_found(cluster: Cluster, method: str, path: str) -> None:
    error_of(await cluster.a.rest(method, path, token=cluster.token(someone())), "not_found")


async def test_the_path_says_which(cluster: Cluster) -> None:
    """A body cannot point elsewhere than the address that a proxy may have checked."""
    ada = someone()
    mine, other = await open_room(cluster.a, ada), await open_room(cluster.a, ada)
    sent = {"roomId": other, "description": "changed"}
    reply = await cluster.a.rest("PATCH", f"/api/chat/rooms/{mine}", sent, token=cluster.token(ada))
    assert data_of(reply)["id"] == mine


async def test_a_body_over_the_limit_is_too_large(cluster: Cluster) -> None:
    token = cluster.token(someone())
    large = {"name": someone("room"), "description": "x" * 100_000}
    error_of(await cluster.a.rest("POST", "/api/chat/rooms", large, token=token), "too_large")
    assert data_of(await cluster.a.rest("GET", "/api/chat/rooms", token=token))["rooms"] == []


async def test_a_packet_over_the_limit_costs_its_sender_the_connection(cluster: Cluster) -> None:
    ada = someone()
    room = await open_room(cluster.a, ada)
    async with raw_client(cluster.a) as other:
        async with raw_client(cluster.a, {"token": cluster.token(ada)}) as client:
            fits = {"roomId": room, "message": "fits", "unknown": "x" * 90_000}
            data_of((await answers_to(client, [["message:send", fits]]))[0])
            await client.ask("message:send", fits | {"message": "does not", "unknown": "x" * 100_000})
            await client.ended()
        await answers_to(other, [["channel:subscribe", {"channel": "community"}]])
    history = await cluster.a.rest("GET", f"/api/chat/messages?roomId={room}", token=cluster.token(ada))
    assert [each["message"] for each in data_of(history)["messages"]] == ["fits"]


def nested(depth: int) -> Any:
    """A value of so many levels."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


async def test_a_payload_is_not_too_deep_and_not_too_wide(cluster: Cluster, js: JsClients) -> None:
    socket = await connect(js, cluster.a, {"apiKey": cluster.api_key})

    async def answers(data: Any) -> list[Any]:
        sent = {"channel": f"app:{someone('shape')}", "event": "shape:sent", "data": data}
        over_rest = await cluster.a.rest("POST", "/api/publish", sent, token=cluster.api_key)
        return [await socket.emit("channel:publish", sent), over_rest]

    # The payload itself is the first level, and has three keys of its own.
    for data in (nested(31), {str(n): n for n in range(997)}, list(range(5000)), [{"a": n} for n in range(997)]):
        for answer in await answers(data):
            data_of(answer)
    for data in (nested(32), nested(100), {str(n): n for n in range(998)}, [{"a": n} for n in range(998)]):
        for answer in await answers(data):
            error_of(answer, "invalid")


async def test_nesting_without_end_hurts_nobody(cluster: Cluster) -> None:
    deep = "[" * 20_000 + "]" * 20_000
    reply = await cluster.a.rest("POST", "/api/publish", token=cluster.api_key, data=f'{{"data": {deep}}}')
    error_of(reply, "invalid")
    async with raw_client(cluster.a) as other:
        async with raw_client(cluster.a, {"apiKey": cluster.api_key}) as client:
            number = await client.ask("channel:publish", {})
            await client.acknowledgement(number)
            await client.send(f'4299["channel:publish",{deep}]')
            # Too deep for a parser is no packet; else it has its answer.
            try:
                error_of((await client.acknowledgement(99))[0], "invalid")
            except AssertionError as error:
                assert "CLOSE" in str(error)
        await answers_to(other, [["channel:subscribe", {"channel": "community"}]])


async def test_text_is_kept_as_it_was_sent_but_for_control_characters(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    room = await open_room(cluster.a, ada)
    socket = await enter(js, cluster.a, ada)
    text = "<b>é</b> \U0001f469\u200d\U0001f680 \u202e\n\ttab \\u0041 '\"; DROP TABLE messages"
    sent = data_of(await socket.emit("message:send", {"roomId": room, "message": f"\x00{text}\x07\x1b"}))
    assert sent["message"] == text
    history = await cluster.b.rest("GET", f"/api/chat/messages?roomId={room}", token=cluster.token(ada))
    assert data_of(history)["messages"][0]["message"] == text


@pytest.mark.parametrize(
    "fields",
    ['"message": "half \\ud83d"', '"message": "a", "more": 100000000000000000000', '"message": "a", "more": 1e300'],
)
async def test_what_javascript_may_say_is_answered_by_both_doors(cluster: Cluster, fields: str) -> None:
    """Half of a character that was cut in two, and numbers beyond 2^53, as JSON.stringify writes them."""
    ada = someone()
    room = await open_room(cluster.a, ada)
    token, body = cluster.token(ada), f'{{"roomId": "{room}", {fields}}}'
    over_rest = await cluster.a.rest("POST", "/api/chat/messages", token=token, data=body)
    async with raw_client(cluster.a, {"token": token}) as client:
        await client.send(f'421["message:send",{body}]')
        (over_socket,) = await client.acknowledgement(1)
    for reply in (over_rest.body, over_socket):
        if reply["ok"]:
            assert data_of(reply)["message"].encode()
        else:
            error_of(reply, "invalid")


async def rename(worker: Hubbub, table: str, name: str) -> None:
    """Change the database behind the server's back."""
    statement = f"ALTER TABLE {table} RENAME TO {name}"
    if "DATABASE_URL" in worker.env:
        connection = await asyncpg.connect(worker.env["DATABASE_URL"])
        await connection.execute(statement)
        await connection.close()
    else:
        with sqlite3.connect(worker.folder / "hubbub.db", timeout=10) as connection:
            connection.execute(statement)
        connection.close()


@pytest.fixture
def reactions_are_lost(cluster: Cluster) -> Iterator[None]:
    """The server meets what it was not made for: a table is not there."""
    asyncio.run(rename(cluster.a, "reactions", "lost"))
    yield
    asyncio.run(rename(cluster.a, "lost", "reactions"))


@pytest.mark.usefixtures("reactions_are_lost")
async def test_a_defect_tells_no_more_than_where_the_log_tells_more(cluster: Cluster, js: JsClients) -> None:
    ada = someone()
    room = await open_room(cluster.a, ada)
    socket = await enter(js, cluster.a, ada)
    sent = data_of(await socket.emit("message:send", {"roomId": room, "message": "hello"}))
    payload = {"messageId": sent["id"], "emoji": "👍"}
    path = f"/api/chat/messages/{sent['id']}/reactions/%F0%9F%91%8D"
    for answer in (
        await socket.emit("message:react", payload),
        await cluster.a.rest("PUT", path, token=cluster.token(ada)),
    ):
        error = error_of(answer, "internal")
        assert error.keys() == {"code", "message"}
        assert "reactions" not in error["message"]
        reference = max(error["message"].replace(".", " ").split(), key=len)
        report = cluster.a.log().partition(reference)[2]
        assert "Traceback" in report
        assert "reactions" in report
    # The connection has lost nothing by it.
    data_of(await socket.emit("room:members", {"roomId": room}))
