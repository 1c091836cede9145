"""What bad input gets through the REST door: one error reply each, and nothing is stored."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest_asyncio

from tests.acceptance import contract
from tests.acceptance.people import Gathering, Person, open_room

JSON = {"Content-Type": "application/json"}


@dataclass
class Desk:
    """Somebody with a room, who writes requests by hand."""

    ada: Person
    room: dict[str, Any]
    session: aiohttp.ClientSession

    async def answer(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Status and body of a request; the body is a reply of the contract."""
        headers = {"Authorization": f"Bearer {self.ada.credential}"} | options.pop("headers", {})
        async with self.session.request(method, self.ada.worker.url + path, headers=headers, **options) as response:
            assert response.content_type == "application/json", await response.text()
            body = await response.json()
            contract.reply(body)
            if not body["ok"]:
                assert response.status == contract.STATUSES[body["error"]["code"]]
            return response.status, body

    async def history(self) -> list[dict[str, Any]]:
        """All messages of the room."""
        return (await self.ada.does("message:history", roomId=self.room["id"]))["messages"]


@pytest_asyncio.fixture(loop_scope="module")
async def desk(arrive: Gathering) -> AsyncIterator[Desk]:
    ada = await arrive("Ada")
    async with aiohttp.ClientSession() as session:
        yield Desk(ada, await open_room(ada), session)


async def test_a_body_that_is_no_json_is_invalid(desk: Desk) -> None:
    for data in (
        b"{",
        b"nonsense",
        b"'single'",
        b'{"roomId": "x",}',
        b"NaN",
        b'{"message": Infinity}',
        b"\xff\xfe\x00",
        b'{"message": "\xff"}',
        b'{"message": "\xed\xa0\x80"}',
        b'{"message": "\\ud83c"}',
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"roomId=x&message=y",
    ):
        for method, path in (("POST", "/api/chat/messages"), ("PATCH", f"/api/chat/rooms/{desk.room['id']}")):
            status, _ = await desk.answer(method, path, data=data, headers=JSON)
            assert status == 422, data[:50]
    assert await desk.history() == []


async def test_a_body_that_is_no_object_is_invalid(desk: Desk) -> None:
    for value in ([], [{}], "text", 7, 1.5, True, False):
        status, _ = await desk.answer("POST", "/api/chat/messages", json=value)
        assert status == 422, value


async def test_no_body_counts_as_an_empty_object(desk: Desk) -> None:
    for body in ({}, {"data": b""}, {"data": b"{}"}):
        status, answer = await desk.answer("POST", "/api/chat/messages", headers=JSON, **body)
        assert (status, set(answer["error"]["fields"])) == (422, {"roomId", "message"}), body
        status, _ = await desk.answer("POST", f"/api/chat/rooms/{desk.room['id']}/members", headers=JSON, **body)
        assert status == 200, body


async def test_what_stands_in_the_path_decides(desk: Desk) -> None:
    other = await open_room(desk.ada)
    status, answer = await desk.answer(
        "PATCH", f"/api/chat/rooms/{desk.room['id']}", json={"roomId": other["id"], "description": "Here"}
    )
    assert (status, answer["data"]["id"]) == (200, desk.room["id"])


async def test_a_body_over_the_limit_is_too_large(desk: Desk) -> None:
    big = {"roomId": desk.room["id"], "message": "Hm", "padding": "x" * 1_048_576}
    for method, path in (("POST", "/api/chat/messages"), ("PUT", f"/api/chat/rooms/{desk.room['id']}/read")):
        status, answer = await desk.answer(method, path, json=big)
        assert (status, answer["error"]["code"]) == (413, "too_large")
    assert await desk.history() == []
    _, answer = await desk.answer("POST", "/api/chat/messages", json=big | {"padding": "x" * (1_048_576 - 200)})
    assert answer["ok"]


async def test_what_is_nested_too_deep_or_has_too_many_keys_is_invalid(desk: Desk) -> None:
    good = b'{"roomId": "%b", "message": "Hm", ' % desk.room["id"].encode()
    for extra in (
        *(b'"extra": %b1%b' % (b'{"in": [' * depth, b"]}" * depth) for depth in (16, 100, 400)),
        b", ".join(b'"key%d": 0' % number for number in range(999)),
    ):
        status, _ = await desk.answer("POST", "/api/chat/messages", data=good + extra + b"}", headers=JSON)
        assert status == 422, extra[:50]
    assert await desk.history() == []


async def test_unknown_routes_are_not_found(desk: Desk) -> None:
    room = desk.room["id"]
    for method, path in (
        ("GET", "/api/"),
        ("GET", "/api/chat"),
        ("GET", "/api/chat/nothing"),
        ("POST", "/api/chat/search"),
        ("PUT", "/api/chat/messages"),
        ("DELETE", "/api/chat/rooms"),
        ("PATCH", "/api/chat/messages"),
        ("POST", f"/api/chat/rooms/{room}"),
        ("GET", f"/api/chat/rooms/{room}/read"),
        ("GET", f"/api/chat/rooms/{room}/members/me/more"),
        ("POST", "/api/chat/rooms//members"),
        ("OPTIONS", "/api/nothing"),
        ("GET", f"/api/{'x' * 2000}"),
    ):
        status, answer = await desk.answer(method, path)
        assert (status, answer["error"]["code"]) == (404, "not_found"), (method, path)


async def test_ids_in_the_path_may_be_anything(desk: Desk) -> None:
    for id in ("%00", "%FF", "%C3%28", "%ED%A0%80", "..%2F..", "%0A", "x" * 256, "%25", "a%2Fb", "%F0%9F%8E%89"):
        for method, path in (
            ("GET", f"/api/chat/rooms/{id}/members"),
            ("DELETE", f"/api/chat/messages/{id}"),
            ("PUT", f"/api/chat/messages/{id}/reactions/{id}"),
        ):
            status, _ = await desk.answer(method, path)
            assert status in {404, 422}, (method, path)


async def test_queries_may_hold_anything(desk: Desk) -> None:
    room = desk.room["id"]
    for query, field in (
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=1e1", "limit"),
        ("limit=10.0", "limit"),
        ("limit=true", "limit"),
        ("limit=-1", "limit"),
        ("limit=%00", "limit"),
        ("before=99999999999999999999999", "before"),
        ("before=9007199254740993", "before"),
        ("after=9223372036854775808", "after"),
    ):
        status, answer = await desk.answer("GET", f"/api/chat/messages?roomId={room}&{query}")
        assert (status, list(answer["error"]["fields"])) == (422, [field]), query
    for query in (
        f"roomId={room}&colour=red",
        f"roomId={room}&%FF=%FF",
        f"roomId={room}&&&=",
        f"roomId={room}&limit=%2B1",
    ):
        status, _ = await desk.answer("GET", f"/api/chat/messages?{query}")
        assert status in {200, 422}, query


async def test_a_bad_credential_is_unauthenticated(desk: Desk) -> None:
    expired = desk.ada.worker.token(desk.ada.id, exp=1)
    foreign = desk.ada.worker.token(desk.ada.id)[:-3] + "abc"
    for header in (
        f"Bearer {expired}",
        f"Bearer {foreign}",
        "Bearer nonsense",
        "Bearer",
        "Bearer \xff",
        "bearer a.b.c",
    ):
        for method, path in (("GET", "/api/me"), ("POST", "/api/chat/rooms"), ("GET", "/api/chat/rooms")):
            status, answer = await desk.answer(method, path, headers={"Authorization": header})
            assert (status, answer["error"]["code"]) == (401, "unauthenticated"), header


async def test_numbers_of_any_size_are_refused_or_kept(desk: Desk) -> None:
    room = desk.room["id"]
    for number in (b"1e400", b"-1e400", b"1e309"):
        status, _ = await desk.answer("PUT", f"/api/chat/rooms/{room}/read", data=b'{"seq": %b}' % number, headers=JSON)
        assert status == 422
    for number in (2**53, 2**63, 2**64, 10**30, -(10**30)):
        status, answer = await desk.answer("PUT", f"/api/chat/rooms/{room}/read", json={"seq": number})
        assert (status, list(answer["error"]["fields"])) == (422, ["seq"])
    status, _ = await desk.answer("PUT", f"/api/chat/rooms/{room}/read", data=b'{"seq": 0}', headers=JSON)
    assert status == 200


async def test_text_with_anything_in_it_stays_one_reply(desk: Desk) -> None:
    texts = ["\x00", "a\x00b", "\ufffe\uffff", "\U0010ffff", "\u202e", "</script>", "\\u0000", "𝕳𝖊𝖑𝖑𝖔", "x" * 4000]
    for text in texts:
        name = f"{secrets.token_hex(5)}{text}"[:100]
        status, _ = await desk.answer("POST", "/api/chat/rooms", json={"name": name})
        assert status == 201, text
        status, _ = await desk.answer("GET", "/api/chat/search", params={"q": text[:200]})
        assert status in {200, 422}, text
        body = {"roomId": desk.room["id"], "message": text, "attachments": [{"url": "/x", text: text}]}
        _, answer = await desk.answer("POST", "/api/chat/messages", json=body)
        assert answer["ok"] == (text != "\x00"), text
    kept = [message["message"] for message in await desk.history()]
    assert kept == ["ab", *texts[2:]]
