"""Who is there: tokens in their places and their order, visitors, backends, and the users that others see."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.server.talk import connect, data_of, enter, error_of, open_room, someone, subscribe
from tests.support.hubbub import Cluster, Hubbub
from tests.support.js import ConnectRefused, JsClients, JsSocket

FOREIGN_SECRET = "a secret of somebody else, 32 bytes or more"


def cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"other=1; hubbub_session={token}"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def assert_is(socket: JsSocket, user_id: str) -> None:
    """A user's own channel is theirs alone: who may hear it is that user."""
    await subscribe(socket, f"user:{user_id}")


async def assert_is_visitor(socket: JsSocket) -> None:
    error_of(await socket.emit("room:list"), "unauthenticated")


async def refused(js: JsClients, worker: Hubbub, auth: Any = None, **options: Any) -> dict[str, Any]:
    """The data of the CONNECT_ERROR that this connection gets, which has a message as well."""
    with pytest.raises(ConnectRefused) as caught:
        await connect(js, worker, auth, **options)
    assert isinstance(caught.value.message, str)
    assert caught.value.message
    assert "message" not in caught.value.data
    return caught.value.data


@pytest.mark.parametrize("place", ["auth", "Authorization", "cookie"])
async def test_socket_io_finds_a_token_in_each_of_its_places(cluster: Cluster, js: JsClients, place: str) -> None:
    ada = someone()
    token = cluster.token(ada)
    options: dict[str, Any] = {
        "auth": {"auth": {"token": token}},
        "Authorization": {"extraHeaders": bearer(token)},
        "cookie": {"extraHeaders": cookie(token)},
    }[place]
    await assert_is(await connect(js, cluster.a, **options), ada)


@pytest.mark.parametrize("headers", [bearer, cookie])
async def test_rest_finds_a_token_in_each_of_its_places(
    cluster: Cluster, headers: Callable[[str], dict[str, str]]
) -> None:
    ada = someone()
    me = data_of(await cluster.b.rest("GET", "/api/me", headers=headers(cluster.token(ada))))
    assert me["user"]["id"] == ada


async def test_the_first_token_found_decides(cluster: Cluster, js: JsClients) -> None:
    first, second, third = (someone(name) for name in ("first", "second", "third"))
    header, session = bearer(cluster.token(second)), cookie(cluster.token(third))
    auth = {"token": cluster.token(first)}
    await assert_is(await connect(js, cluster.a, auth, extraHeaders=header | session), first)
    await assert_is(await connect(js, cluster.a, extraHeaders=header | session), second)
    me = data_of(await cluster.a.rest("GET", "/api/me", headers=header | session))
    assert me["user"]["id"] == second


async def test_a_bad_token_is_not_made_good_by_one_in_a_later_place(cluster: Cluster, js: JsClients) -> None:
    good, bad = cluster.token(someone()), cluster.token(someone(), exp=int(time.time()) - 5)
    found = await refused(js, cluster.a, {"token": bad}, extraHeaders=bearer(good) | cookie(good))
    assert found["code"] == "unauthenticated"
    reply = await cluster.a.rest("GET", "/api/me", headers=bearer(bad) | cookie(good))
    error_of(reply, "unauthenticated")


async def test_another_kind_of_authorization_is_no_token(cluster: Cluster) -> None:
    ada = someone()
    headers = {"Authorization": "Basic YWRhOmFkYQ=="} | cookie(cluster.token(ada))
    assert data_of(await cluster.a.rest("GET", "/api/me", headers=headers))["user"]["id"] == ada


async def test_a_token_in_the_address_counts_for_streams_alone(cluster: Cluster, js: JsClients) -> None:
    token = cluster.token(someone())
    error_of(await cluster.a.rest("GET", f"/api/me?token={token}"), "unauthenticated")
    await assert_is_visitor(await connect(js, cluster.a, query={"token": token}))


def bad_tokens(secret: str) -> dict[str, Any]:
    """What must sign nobody in, by what is wrong with it."""
    now = int(time.time())
    claims = {"sub": "mallory", "exp": now + 600}
    good = jwt.encode(claims, secret, "HS256")
    head, _, signature = good.split(".")
    admin = base64.urlsafe_b64encode(json.dumps(claims | {"role": "admin"}).encode()).decode().rstrip("=")

    def token(**changes: Any) -> str:
        changed = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(changed, secret, "HS256")

    return {
        "no token at all": "garbage",
        "empty": "",
        "three dots": "...",
        "not ASCII": "tökén.tökén.tökén",
        "signed with another secret": jwt.encode(claims, FOREIGN_SECRET, "HS256"),
        "signed in another way": jwt.encode(claims, secret, "HS384"),
        "unsigned": jwt.encode(claims, None, "none"),
        "signature taken off": f"{head}.{good.split('.')[1]}.",
        "altered": f"{head}.{admin}.{signature}",
        "expired": token(exp=now - 1),
        "not yet valid": token(nbf=now + 600),
        "expires at a word": token(exp="tomorrow"),
        "expires at a text": token(exp=str(now + 600)),
        "of nobody": token(sub=None),
        "of an empty name": token(sub=""),
        "of a number": jwt.api_jws.encode(json.dumps({"sub": 42, "exp": now + 600}).encode(), secret, "HS256"),
        "of a name too long": token(sub="m" * 256),
        "of a name with a control character": token(sub="mal\x00lory"),
        "a list": jwt.api_jws.encode(b"[1]", secret, "HS256"),
        "for a subscription": token(channel="app:private.x"),
    }


async def test_a_bad_token_signs_nobody_in(cluster: Cluster, js: JsClients) -> None:
    codes = {}
    for wrong, token in bad_tokens(cluster.secret).items():
        over_rest = await cluster.a.rest("GET", "/api/me", token=token)
        assert "WWW-Authenticate" in over_rest.headers, wrong
        error_of(over_rest, "unauthenticated")
        codes[wrong] = (await refused(js, cluster.a, {"token": token}))["code"]
    assert codes == dict.fromkeys(codes, "unauthenticated")


@pytest.mark.parametrize("wrong", ["signed with another secret", "expired", "unsigned", "for a subscription"])
async def test_a_bad_token_is_bad_in_every_place(cluster: Cluster, js: JsClients, wrong: str) -> None:
    token = bad_tokens(cluster.secret)[wrong]
    for headers in (bearer(token), cookie(token)):
        assert (await refused(js, cluster.b, extraHeaders=headers))["code"] == "unauthenticated"
        error_of(await cluster.b.rest("GET", "/api/me", headers=headers), "unauthenticated")


async def test_a_token_that_is_no_text_is_refused(cluster: Cluster, js: JsClients) -> None:
    for token in (42, True, ["a"], {"a": 1}):
        assert (await refused(js, cluster.a, {"token": token}))["code"] == "unauthenticated"


async def test_who_brings_no_token_is_a_visitor(cluster: Cluster, js: JsClients) -> None:
    for auth in (None, {}, {"token": None}, {"something": "else"}):
        await assert_is_visitor(await connect(js, cluster.a, auth))


async def test_a_visitor_may_read_what_is_public_and_nothing_else(cluster: Cluster, js: JsClients) -> None:
    room = await open_room(cluster.a, someone())
    visitor = await connect(js, cluster.a)
    for channel in ("trip:1:comments", "story:2:likes", "community"):
        await subscribe(visitor, channel)
    for action, payload in {
        "room:create": {"name": "A visitor's room"},
        "room:list": {},
        "room:join": {"roomId": room},
        "message:send": {"roomId": room, "message": "hello"},
        "message:history": {"roomId": room},
        "typing:start": {"channel": "trip:1:comments"},
        "session:refresh": {"token": cluster.token(someone())},
        "channel:publish": {"channel": "app:x", "event": "a:b", "data": 1},
    }.items():
        error_of(await visitor.emit(action, payload), "unauthenticated")
    assert visitor.connected
    for method, path, body in (
        ("GET", "/api/me", None),
        ("GET", "/api/chat/rooms", None),
        ("POST", "/api/chat/rooms", {"name": "A visitor's room"}),
        ("GET", f"/api/chat/messages?roomId={room}", None),
        ("POST", "/api/chat/messages", {"roomId": room, "message": "hello"}),
        ("POST", "/api/publish", {"channel": "app:x", "event": "a:b", "data": 1}),
    ):
        error_of(await cluster.a.rest(method, path, body), "unauthenticated")


async def test_visitors_are_refused_where_they_are_not_wanted(
    start_hubbub: Callable[..., Hubbub], js: JsClients
) -> None:
    hubbub = start_hubbub(HUBBUB_VISITORS="off")
    assert (await refused(js, hubbub))["code"] == "unauthenticated"
    error_of(await hubbub.rest("GET", "/api/chat/rooms"), "unauthenticated")
    ada = someone()
    await assert_is(await enter(js, hubbub, ada), ada)
    assert (await hubbub.rest("GET", "/healthz")).status == 200


async def test_a_backend_comes_in_with_its_key(cluster: Cluster, js: JsClients) -> None:
    sent = {"channel": f"app:{someone('channel')}", "event": "order:paid", "data": {"id": 1}}
    for options in ({"auth": {"apiKey": cluster.api_key}}, {"extraHeaders": bearer(cluster.api_key)}):
        socket = await connect(js, cluster.a, **options)
        assert data_of(await socket.emit("channel:publish", sent))["seq"] > 0
    assert data_of(await cluster.b.rest("POST", "/api/publish", sent, token=cluster.api_key))["seq"] == 3


async def test_a_wrong_key_is_refused(cluster: Cluster, js: JsClients) -> None:
    for key in ("another-key", "", "test-key-and-more", 42, ["test-key"]):
        assert (await refused(js, cluster.a, {"apiKey": key}))["code"] == "unauthenticated"
        if isinstance(key, str):
            error_of(await cluster.a.rest("POST", "/api/publish", {}, token=key), "unauthenticated")


async def test_a_backend_acts_for_no_user(cluster: Cluster, js: JsClients) -> None:
    socket = await connect(js, cluster.a, {"apiKey": cluster.api_key})
    error_of(await socket.emit("room:create", {"name": "A backend's room"}), "forbidden")
    error_of(await socket.emit("session:refresh", {"token": cluster.token(someone())}), "forbidden")
    error_of(await cluster.a.rest("GET", "/api/me", token=cluster.api_key), "forbidden")


async def test_a_key_in_the_cookie_is_no_credential(cluster: Cluster) -> None:
    reply = await cluster.a.rest("POST", "/api/publish", {}, headers=cookie(cluster.api_key))
    error_of(reply, "unauthenticated")


async def test_a_user_publishes_nothing_by_hand(cluster: Cluster, js: JsClients) -> None:
    ada = await enter(js, cluster.a, someone())
    sent = {"channel": "app:x", "event": "order:paid", "data": 1}
    error_of(await ada.emit("channel:publish", sent), "forbidden")
    error_of(await cluster.a.rest("POST", "/api/publish", sent, token=cluster.token(someone())), "forbidden")


async def test_me_tells_who_one_is(cluster: Cluster) -> None:
    ada, bo = someone(), someone("bo")
    claims = {"given_name": "Ada", "family_name": "Lovelace", "picture": "https://example.com/ada.png"}
    token = cluster.token(ada, name="Ada L.", role="moderator", **claims)
    room = await open_room(cluster.a, bo, visibility="public")
    data_of(await cluster.a.rest("POST", f"/api/chat/rooms/{room}/members", {}, token=token))
    for text in ("hello", f"@{ada} come here"):
        sent = {"roomId": room, "message": text}
        data_of(await cluster.a.rest("POST", "/api/chat/messages", sent, token=cluster.token(bo)))
    me = data_of(await cluster.b.rest("GET", "/api/me", token=token))
    assert me["user"] == {
        "id": ada,
        "name": "Ada L.",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "profileImage": "https://example.com/ada.png",
    }
    assert me["role"] == "moderator"
    assert (me["unreadCount"], me["mentionCount"]) == (2, 1)


async def test_users_are_mirrored_when_they_connect(cluster: Cluster, js: JsClients) -> None:
    ada, bo = someone(), someone("bo")
    claims: dict[str, Any] = {"given_name": "Bo", "family_name": "Diddley", "picture": "https://example.com/bo.png"}

    async def seen_by_ada() -> Any:
        found = await cluster.a.rest("GET", f"/api/chat/rooms/{room}/members", token=cluster.token(ada))
        return next(each["user"] for each in data_of(found)["members"] if each["userId"] == bo)

    first = cluster.token(bo, name="Bo", **claims)
    await connect(js, cluster.a, {"token": first})
    created = {"name": someone("room"), "memberIds": [bo]}
    room = data_of(await cluster.a.rest("POST", "/api/chat/rooms", created, token=cluster.token(ada)))["id"]
    assert await seen_by_ada() == {
        "id": bo,
        "name": "Bo",
        "firstName": "Bo",
        "lastName": "Diddley",
        "profileImage": "https://example.com/bo.png",
    }

    await connect(js, cluster.b, {"token": cluster.token(bo, name="Bo the Second", **claims | {"picture": None})})
    found = await seen_by_ada()
    assert (found["name"], found["profileImage"]) == ("Bo the Second", None)
    # And back again, where the first is known already.
    await connect(js, cluster.a, {"token": first})
    found = await seen_by_ada()
    assert (found["name"], found["profileImage"]) == ("Bo", "https://example.com/bo.png")


async def test_a_picture_that_a_browser_would_run_is_left_out(cluster: Cluster) -> None:
    token = cluster.token(someone(), picture="javascript:alert(1)")
    assert data_of(await cluster.a.rest("GET", "/api/me", token=token))["user"]["profileImage"] is None


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Ada L.", "given_name": "Augusta"}, "Ada L."),
        ({"given_name": "Ada", "family_name": "Lovelace"}, "Ada Lovelace"),
        ({"name": "A\x00da"}, "Ada"),
        ({"name": 42}, None),
        ({}, None),
    ],
    ids=repr,
)
async def test_everybody_has_a_name(cluster: Cluster, claims: dict[str, Any], name: str | None) -> None:
    ada = someone()
    token = jwt.encode({"sub": ada, "exp": time.time() + 60, **claims}, cluster.secret, "HS256")
    me = data_of(await cluster.a.rest("GET", "/api/me", token=token))
    assert me["user"]["name"] == (name or ada)


async def test_an_unknown_role_is_an_ordinary_users(cluster: Cluster, js: JsClients) -> None:
    socket = await connect(js, cluster.a, {"token": cluster.token(someone(), role="superuser")})
    error_of(await socket.emit("channel:subscribe", {"channel": "admin"}), "forbidden")


async def test_a_header_that_is_no_text_is_refused(cluster: Cluster) -> None:
    """Bytes that are no UTF-8 reach the program as something that no encoder takes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", cluster.a.port)
    writer.write(b"GET /api/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.\xff.b\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 401 ")
    error_of(json.loads(answer.partition(b"\r\n\r\n")[2]), "unauthenticated")


async def test_polling_is_refused_in_the_same_words(cluster: Cluster, js: JsClients) -> None:
    with pytest.raises(ConnectRefused) as caught:
        await js.connect(cluster.a.url, {"token": "bad"}, transports=["polling"])
    assert caught.value.data == {"code": "unauthenticated"}
