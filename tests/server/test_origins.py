"""Which pages may talk to the server, and from where a request really comes."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.server.talk import connect, data_of, enter, error_of, someone, subscribe
from tests.support.hubbub import Cluster, Hubbub, Reply
from tests.support.js import ConnectRefused, JsClients

FRIEND = "https://app.example.com"
OTHER_FRIEND = "http://localhost:5173"
STRANGER = "https://evil.example.com"


@pytest.fixture(scope="module")
def open_to_friends() -> Iterator[Hubbub]:
    """A Hubbub whose pages are on two other origins."""
    server = Hubbub(HUBBUB_ORIGINS=f"{FRIEND},{OTHER_FRIEND}")
    try:
        server.start()
        yield server
    finally:
        server.kill()


async def create_room(worker: Hubbub, cookie_of: str | None = None, **headers: str) -> Reply:
    """A write that, with `cookie_of`, the session cookie of that person signs."""
    if cookie_of:
        headers["Cookie"] = f"hubbub_session={worker.token(cookie_of)}"
    return await worker.rest("POST", "/api/chat/rooms", {"name": someone("room")}, headers=headers)


@asynccontextmanager
async def requested(method: str, url: str, **headers: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as response:
        yield response


def handshake(worker: Hubbub) -> str:
    return f"{worker.url}/socket.io/?EIO=4&transport=polling"


async def test_a_page_of_ours_may_write_with_the_cookie(cluster: Cluster) -> None:
    data_of(await create_room(cluster.a, someone(), Origin=cluster.a.url))


@pytest.mark.parametrize("origin", [STRANGER, "null", "", "http://127.0.0.1", "https://127.0.0.1:{port}"])
async def test_another_page_may_not_write_with_the_cookie(cluster: Cluster, origin: str) -> None:
    origin = origin.format(port=cluster.a.port)
    error_of(await create_room(cluster.a, someone(), Origin=origin), "forbidden")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_every_write_with_the_cookie_needs_an_origin(cluster: Cluster, method: str) -> None:
    path = {
        "POST": "/api/chat/messages",
        "PUT": "/api/chat/rooms/x/read",
        "PATCH": "/api/chat/rooms/x",
        "DELETE": "/api/chat/rooms/x",
    }[method]
    headers = {"Cookie": f"hubbub_session={cluster.token(someone())}"}
    error_of(await cluster.a.rest(method, path, {}, headers=headers), "forbidden")


async def test_the_cookie_reads_without_an_origin(cluster: Cluster) -> None:
    ada = someone()
    headers = {"Cookie": f"hubbub_session={cluster.token(ada)}"}
    assert data_of(await cluster.a.rest("GET", "/api/me", headers=headers))["user"]["id"] == ada


async def test_a_token_writes_without_an_origin(cluster: Cluster) -> None:
    data_of(await create_room(cluster.a, Authorization=f"Bearer {cluster.token(someone())}"))


async def test_a_token_needs_no_origin_beside_the_cookie(cluster: Cluster) -> None:
    """Which credential decides is told before: the header's, and no page sends that by accident."""
    data_of(await create_room(cluster.a, someone(), Authorization=f"Bearer {cluster.token(someone())}"))


async def test_listed_origins_replace_our_own(open_to_friends: Hubbub) -> None:
    for origin in (FRIEND, OTHER_FRIEND):
        data_of(await create_room(open_to_friends, someone(), Origin=origin))
    for origin in (STRANGER, open_to_friends.url, FRIEND + ".evil.example.com", "https://xapp.example.com"):
        error_of(await create_room(open_to_friends, someone(), Origin=origin), "forbidden")


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_socket_io_is_for_pages_of_allowed_origins(
    cluster: Cluster, open_to_friends: Hubbub, js: JsClients, transport: str
) -> None:
    async def connects(worker: Hubbub, origin: str | None) -> bool:
        ada = someone()
        options = {"extraHeaders": {"Origin": origin}} if origin else {}
        try:
            socket = await js.connect(worker.url, {"token": worker.token(ada)}, transports=[transport], **options)
        except ConnectRefused as refused:
            assert refused.data is None, "the transport itself is refused"
            return False
        await subscribe(socket, f"user:{ada}")
        return True

    assert await connects(cluster.a, None)
    assert await connects(cluster.a, cluster.a.url)
    assert not await connects(cluster.a, STRANGER)
    assert await connects(open_to_friends, None)
    assert await connects(open_to_friends, FRIEND)
    assert not await connects(open_to_friends, open_to_friends.url)
    assert not await connects(open_to_friends, STRANGER)


async def test_a_stranger_is_told_that_it_is_forbidden(cluster: Cluster) -> None:
    async with requested("GET", handshake(cluster.a), Origin=STRANGER) as response:
        assert response.status == 403
        assert (await response.json())["error"]["code"] == "forbidden"


async def test_a_preflight_of_a_friend_allows_what_the_api_takes(open_to_friends: Hubbub) -> None:
    asked = {
        "Origin": FRIEND,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    for path in ("/api/chat/messages/1", "/api/me", "/api/publish", "/socket.io/"):
        async with requested("OPTIONS", open_to_friends.url + path, **asked) as response:
            assert response.status in {200, 204}
            assert response.headers["Access-Control-Allow-Origin"] == FRIEND
            assert response.headers["Access-Control-Allow-Credentials"] == "true"
            methods = {each.strip() for each in response.headers["Access-Control-Allow-Methods"].split(",")}
            assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= methods
            headers = {each.strip().lower() for each in response.headers["Access-Control-Allow-Headers"].split(",")}
            assert {"authorization", "content-type"} <= headers
            assert "Origin" in response.headers["Vary"]


async def test_a_preflight_of_a_stranger_allows_nothing(cluster: Cluster, open_to_friends: Hubbub) -> None:
    for worker in (cluster.a, open_to_friends):
        asked = {"Origin": STRANGER, "Access-Control-Request-Method": "POST"}
        async with requested("OPTIONS", f"{worker.url}/api/chat/rooms", **asked) as response:
            assert "Access-Control-Allow-Origin" not in response.headers


async def test_replies_to_a_friend_name_it_whatever_they_say(open_to_friends: Hubbub) -> None:
    for path, status in (("/api/me", 401), ("/api/nothing", 404), ("/healthz", 200), ("/api/chat/messages", 401)):
        async with requested("GET", open_to_friends.url + path, Origin=FRIEND) as response:
            assert response.status == status
            assert response.headers["Access-Control-Allow-Origin"] == FRIEND
            assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]
        async with requested("GET", open_to_friends.url + path, Origin=STRANGER) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
    async with requested("GET", handshake(open_to_friends), Origin=FRIEND) as response:
        assert response.status == 200
        assert response.headers.getall("Access-Control-Allow-Origin") == [FRIEND]


async def test_any_origin_may_be_allowed(start_hubbub: Callable[..., Hubbub], js: JsClients) -> None:
    hubbub = start_hubbub(HUBBUB_ORIGINS="*")
    await enter(js, hubbub, someone(), extraHeaders={"Origin": STRANGER})
    async with requested("GET", f"{hubbub.url}/healthz", Origin=STRANGER) as response:
        assert response.headers["Access-Control-Allow-Origin"] == STRANGER


async def test_a_trusted_proxy_tells_who_asks_and_how(start_hubbub: Callable[..., Hubbub], js: JsClients) -> None:
    hubbub = start_hubbub(HUBBUB_TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8", HUBBUB_CONNECTIONS_PER_ADDRESS="1")
    # TLS ends at the proxy.
    secure = f"https://127.0.0.1:{hubbub.port}"
    data_of(await create_room(hubbub, someone(), **{"Origin": secure, "X-Forwarded-Proto": "https"}))
    error_of(await create_room(hubbub, someone(), **{"Origin": secure, "X-Forwarded-Proto": "http"}), "forbidden")

    async def comes_from(forwarded: str) -> None:
        await connect(js, hubbub, extraHeaders={"X-Forwarded-For": forwarded})

    await comes_from("192.0.2.1")
    await comes_from("192.0.2.2")
    # What stands further left was written by the client itself, and 10.1.1.1 is a proxy of ours.
    for same in ("192.0.2.1", "198.51.100.9, 192.0.2.1", "192.0.2.2, 10.1.1.1"):
        with pytest.raises(ConnectRefused) as caught:
            await comes_from(same)
        assert caught.value.data["code"] == "rate_limited"


async def test_others_are_not_believed(start_hubbub: Callable[..., Hubbub], js: JsClients) -> None:
    hubbub = start_hubbub(HUBBUB_TRUSTED_PROXIES="192.0.2.0/24", HUBBUB_CONNECTIONS_PER_ADDRESS="1")
    secure = f"https://127.0.0.1:{hubbub.port}"
    error_of(await create_room(hubbub, someone(), **{"Origin": secure, "X-Forwarded-Proto": "https"}), "forbidden")
    await connect(js, hubbub, extraHeaders={"X-Forwarded-For": "192.0.2.1"})
    with pytest.raises(ConnectRefused) as caught:
        await connect(js, hubbub, extraHeaders={"X-Forwarded-For": "192.0.2.2"})
    assert caught.value.data["code"] == "rate_limited"


async def test_a_proxy_is_known_on_a_listener_for_both_families(
    start_hubbub: Callable[..., Hubbub], js: JsClients
) -> None:
    """On `::` the address of an IPv4 peer reads `::ffff:127.0.0.1`."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::", 0))
        except OSError:
            pytest.skip("this machine speaks no IPv6")
    hubbub = start_hubbub(HOST="::", HUBBUB_TRUSTED_PROXIES="127.0.0.1", HUBBUB_CONNECTIONS_PER_ADDRESS="1")
    for address in ("192.0.2.1", "192.0.2.2"):
        await connect(js, hubbub, extraHeaders={"X-Forwarded-For": address})
