"""Where pushes may go: the public internet, whatever a name or an address pretends to be."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.errors import Invalid, Unavailable
from server.push_endpoints import Lookup, PushEndpoints, Refused, is_public
from tests.support.push_service import PushService, push_service

PUBLIC = ("142.250.74.10", "2a00:1450:4001:80f::200a")
PRIVATE_NETWORKS = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/29"),
    *("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("224.0.0.0/4", "240.0.0.0/4"),
    *("::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10"),
    *("fec0::/10", "ff00::/8", "4000::/3"),
]


def addresses_in(network: str) -> st.SearchStrategy[str]:
    """Addresses of a network, its ends among them."""
    within = ipaddress.ip_network(network)
    return st.integers(0, within.num_addresses - 1).map(lambda place: str(within[place]))


def wrapped(address: str) -> list[str]:
    """An IPv4 address, and the IPv6 ones that lead to it."""
    number = int(ipaddress.IPv4Address(address))
    ends = [
        str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(begin)) + number)) for begin in ("::ffff:0:0", "64:ff9b::")
    ]
    return [address, *ends]


def finding(*answers: Sequence[str] | Exception) -> Lookup:
    """Name servers that give these answers, one after the other, and stay with the last."""
    left = list(answers)

    async def lookup(host: str, port: int) -> Sequence[str]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return lookup


def guard(*answers: Sequence[str] | Exception, allow_loopback: bool = False, timeout: float = 5) -> PushEndpoints:
    """Endpoints of a world in which every name leads there."""
    return PushEndpoints(allow_loopback=allow_loopback, timeout=timeout, lookup=finding(*(answers or (PUBLIC,))))


async def objection(endpoints: PushEndpoints, endpoint: str) -> str:
    """What is said of an endpoint that is not taken."""
    with pytest.raises(Invalid) as refused:
        await endpoints.check(endpoint)
    [message] = refused.value.fields["endpoint"]
    return message


@settings(deadline=None)
@given(st.sampled_from(PRIVATE_NETWORKS).flatmap(addresses_in))
def test_no_address_of_a_network_that_is_not_public_passes(address: str) -> None:
    assert not is_public(address)


@settings(deadline=None)
@given(st.sampled_from([each for each in PRIVATE_NETWORKS if ":" not in each]).flatmap(addresses_in))
def test_no_private_address_passes_for_being_wrapped_in_ipv6(address: str) -> None:
    assert not any(map(is_public, wrapped(address)))


@settings(deadline=None)
@given(st.sampled_from(["8.0.0.0/9", "142.250.0.0/15", "185.60.216.0/22"]).flatmap(addresses_in))
def test_a_public_address_passes_however_it_is_written(address: str) -> None:
    assert all(map(is_public, wrapped(address)))


@settings(deadline=None)
@given(addresses_in("2a00::/12"))
def test_public_addresses_of_ipv6_pass(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/dXJs:APA91b-x_y",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAAA",
        "https://web.push.apple.com/QGFiYw",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYA%2bAbc%3d",
        "https://push.example.org:8443/up?id=1",
        "https://8.8.8.8/push",
        "https://[2a00:1450:4001:80f::200a]/push",
    ],
)
async def test_endpoints_of_push_services_pass(endpoint: str) -> None:
    await guard().check(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.org/1",
        "ftp://push.example.org/1",
        "javascript:alert(1)",
        "//push.example.org/1",
        "push.example.org/1",
        "https:///1",
        "https://",
        "https://:8443/1",
        "https://user@push.example.org/1",
        "https://user:password@push.example.org/1",
        "https://@push.example.org/1",
        "https://push.example.org#@127.0.0.1/1",
        "https://push.example.org\\@127.0.0.1/1",
        "https://push.example.org/1#part",
        "https://push.example.org:22/1",
        "https://push.example.org:25/1",
        "https://push.example.org:80/1",
        "https://push.example.org:0/1",
        "https://push.example.org:65536/1",
        "https://push.example.org:port/1",
        "https://push.example.org/a b",
        "https://push.example.org/ü",
        "https://ⓛocalhost/1",
        "https://127.0.0.1/1",
        "https://127.0.0.1:8443/1",
        "https://127.1/1",
        "https://2130706433/1",
        "https://0x7f000001/1",
        "https://0x7f.0.0.1/1",
        "https://0177.0.0.1/1",
        "https://127.0.0.1./1",
        "https://0/1",
        "https://0.0.0.0/1",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.7/1",
        "https://100.64.0.1/1",
        "https://[::]/1",
        "https://[::1]/1",
        "https://[::ffff:127.0.0.1]/1",
        "https://[::ffff:7f00:1]/1",
        "https://[::127.0.0.1]/1",
        "https://[64:ff9b::7f00:1]/1",
        "https://[2002:7f00:1::]/1",
        "https://[fe80::1]/1",
        "https://[fe80::1%25lo]/1",
        "https://[fc00::1]/1",
    ],
)
async def test_what_is_no_address_on_the_public_internet_is_refused(endpoint: str) -> None:
    assert await objection(guard(), endpoint)
    with pytest.raises(Refused):
        guard().parse(endpoint)


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["::1"],
        ["192.168.1.1"],
        ["::ffff:10.0.0.1"],
        ["fe80::1%eth0"],
        ["0.0.0.0"],
        [*PUBLIC, "10.0.0.1"],
        ["10.0.0.1", *PUBLIC],
    ],
)
async def test_a_name_that_leads_anywhere_private_is_refused(found: list[str]) -> None:
    said = await objection(guard(found), "https://push.example.org/1")
    assert said.startswith("push.example.org leads to ")


async def test_a_name_that_nobody_knows_is_refused_and_one_that_cannot_be_asked_for_may_be_tried_again() -> None:
    unknown = guard(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    assert await objection(unknown, "https://push.example.org/1") == "The host name push.example.org is not known."
    assert await objection(guard(UnicodeError("label too long")), f"https://{'a' * 64}.example.org/1")
    with pytest.raises(Unavailable, match=r"push\.example\.org cannot be found now"):
        await guard(socket.gaierror(socket.EAI_AGAIN, "Try again")).check("https://push.example.org/1")


async def test_name_servers_that_do_not_answer_are_not_waited_for() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return PUBLIC

    endpoints = PushEndpoints(allow_loopback=False, timeout=0.05, lookup=never)
    with pytest.raises(Unavailable, match="not found in time"):
        await endpoints.check("https://push.example.org/1")


async def test_the_systems_own_way_finds_this_machine() -> None:
    endpoints = PushEndpoints(allow_loopback=False, timeout=5)
    assert "localhost leads to" in await objection(endpoints, "https://localhost/1")
    await PushEndpoints(allow_loopback=True, timeout=5).check("http://localhost:8443/1")


@pytest.mark.parametrize("endpoint", ["http://10.0.0.1/1", "https://192.168.0.1/1", "http://0.0.0.0:8080/1"])
async def test_the_setting_for_tests_opens_this_machine_alone(endpoint: str) -> None:
    assert await objection(guard(allow_loopback=True), endpoint)
    assert await objection(guard(["10.0.0.1"], allow_loopback=True), "https://push.example.org/1")


async def called(endpoints: PushEndpoints, url: str) -> int:
    """The status of what answers there."""
    async with endpoints.session(4) as session, session.post(url, allow_redirects=False) as response:
        return response.status


async def reached(service: PushService, call: Callable[[], Awaitable[int]]) -> bool:
    """Whether a call comes through to a service."""
    before = len(service.errors)
    try:
        return await call() == 404
    except (aiohttp.ClientError, OSError):
        return False
    finally:
        assert len(service.errors) == before


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
async def test_a_name_that_leads_elsewhere_after_it_was_checked_is_not_called(address: str) -> None:
    async with push_service() as service:
        url = f"http://push.example.org:{service.port}/1"
        rebinding = PushEndpoints(allow_loopback=False, timeout=5, lookup=finding(PUBLIC, [address]))
        await rebinding.check(url.replace("http:", "https:"))
        assert not await reached(service, lambda: called(rebinding, url))
        # The same call goes through where this machine may be called.
        assert await reached(service, lambda: called(guard([address], allow_loopback=True), url))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "[::ffff:127.0.0.1]", "localhost"])
async def test_no_spelling_of_this_machine_is_called(host: str) -> None:
    async with push_service() as service:
        endpoints = PushEndpoints(allow_loopback=False, timeout=5)
        assert not await reached(service, lambda: called(endpoints, f"http://{host}:{service.port}/1"))
    async with push_service() as service:
        endpoints = PushEndpoints(allow_loopback=True, timeout=5)
        assert await reached(service, lambda: called(endpoints, f"http://localhost:{service.port}/1"))
