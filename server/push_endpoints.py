"""Where pushes may go: a browser names the address, so the server must not be made to call its own network.

Addresses are checked when somebody subscribes, and again at each connection: a name may lead elsewhere by then.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from handlers.errors import Invalid, Unavailable

# Threads of their own: name servers that keep us waiting hold up nobody but other pushes.
LOOKUPS = 8
_UNKNOWN = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
# Printable ASCII without spaces and what parsers of URLs disagree about.
_PLAIN = re.compile(r"[!-~]+")
_ODD = set('\\"<>^`{|}#')
_AUTHORITY = re.compile("[/?]")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.IGNORECASE)
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Ways around: 6to4 and Teredo carry IPv4 addresses, and 6to4's relays are anybody's.
_TUNNELS = tuple(map(ipaddress.ip_network, ("2002::/16", "2001::/32", "192.88.99.0/24")))

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]


class Refused(ValueError):
    """This endpoint is never called; the message says why."""


class NotPublic(OSError):
    """A name leads to an address that is not on the public internet."""


def is_public(text: str) -> bool:
    """Whether an IP address is one of the public internet, whatever it is wrapped in."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or (
            ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None
        )
        if inner is not None:
            return is_public(str(inner))
        if address not in _UNICAST or address.scope_id:
            return False
    tunnel = any(address in each for each in _TUNNELS if each.version == address.version)
    return address.is_global and not address.is_multicast and not tunnel


def is_loopback(text: str) -> bool:
    """Whether an IP address is this machine's own."""
    address = ipaddress.ip_address(text)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


class PushEndpoints:
    """Checks endpoints, and opens connections to those that pass.

    Args:
        allow_loopback: whether this machine itself may be called, and without TLS; for tests.
        timeout: seconds that finding an address, or a whole call, may take.
        lookup: finds the addresses of a name; the system's way unless given. Raises ``socket.gaierror``.
    """

    def __init__(self, *, allow_loopback: bool, timeout: float, lookup: Lookup | None = None) -> None:
        self._allow_loopback = allow_loopback
        self._timeout = timeout
        self._names = ThreadPoolExecutor(LOOKUPS, "push-names")
        self._lookup = lookup or self._ask_system

    def parse(self, endpoint: str) -> URL:
        """The URL of an endpoint. Raises ``Refused`` for one that is never called, wherever its name leads."""
        url = _url(endpoint)
        if url.scheme != "https" and not (url.scheme == "http" and self._allow_loopback):
            raise Refused("Must begin with https://.")
        if not url.host or "@" in _AUTHORITY.split(endpoint.partition("://")[2], maxsplit=1)[0]:
            raise Refused("Must name a host, and no user.")
        if url.port is None or (url.port < 1024 and url.port != url.with_port(None).port):
            raise Refused("Must use the port of https, or one from 1024 on.")
        host = url.host
        if ":" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            self._require_address(host)
        return url

    async def check(self, endpoint: str) -> None:
        """Raise unless pushes may go there at this moment.

        Raises ``Invalid``, and ``Unavailable`` while no name server tells.
        """
        try:
            url = self.parse(endpoint)
            async with asyncio.timeout(self._timeout):
                await self.addresses(url.host or "", url.port or 0)
        except Refused as error:
            raise _invalid(str(error)) from error
        except NotPublic as error:
            raise _invalid(f"{error}; pushes go to the public internet alone.") from error
        except (socket.gaierror, UnicodeError) as error:
            if isinstance(error, UnicodeError) or error.errno in _UNKNOWN:
                raise _invalid(f"The host name {url.host} is not known.") from error
            raise Unavailable(f"The address of {url.host} cannot be found now; try again in a moment.") from error
        except TimeoutError as error:
            raise Unavailable(f"The address of {url.host} was not found in time; try again in a moment.") from error

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host. Raises ``NotPublic`` unless all may be called, ``socket.gaierror``."""
        found = [host] if _is_address(host) else list(await self._lookup(host, port))
        for each in found:
            self._require_public(host, each)
        return found

    def session(self, connections: int) -> aiohttp.ClientSession:
        """A session whose connections go to checked addresses alone, however the name of a host leads there."""
        connector = aiohttp.TCPConnector(
            resolver=_CheckingResolver(self), socket_factory=self._open_socket, limit=connections
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # What comes back is looked at for a line in the log, and never unpacked.
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            headers={"User-Agent": "Hubbub"},
        )

    def close(self) -> None:
        """Ask no more names; a question under way is left to itself."""
        self._names.shutdown(wait=False, cancel_futures=True)

    def _open_socket(self, info: Any) -> socket.socket:
        """The last word: whatever came before, this is the address that is about to be connected to."""
        family, kind, proto, _, address = info
        self._require_public(str(address[0]), str(address[0]))
        return socket.socket(family, kind, proto)

    def _require_public(self, host: str, address: str) -> None:
        if not is_public(address) and not (self._allow_loopback and is_loopback(address)):
            raise NotPublic(f"{host} leads to {address}" if host != address else f"{host} is no public address")

    def _require_address(self, host: str) -> None:
        """Of what looks like an address only the usual spelling passes: 127.1 and 0x7f000001 have others."""
        if not _is_address(host):
            raise Refused(f"{host} is no address in the usual spelling.")
        try:
            self._require_public(host, host)
        except NotPublic as error:
            raise Refused(f"{error}; pushes go to the public internet alone.") from error

    async def _ask_system(self, host: str, port: int) -> list[str]:
        asking = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._names, asking)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _CheckingResolver(AbstractResolver):
    """Finds addresses for aiohttp, through ``PushEndpoints``."""

    def __init__(self, endpoints: PushEndpoints) -> None:
        self._endpoints = endpoints

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host, all of them checked. Raises ``OSError``."""
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for each in await self._endpoints.addresses(host, port)
        ]

    async def close(self) -> None:
        """Nothing is open."""


def _url(endpoint: str) -> URL:
    if not _PLAIN.fullmatch(endpoint) or _ODD & set(endpoint):
        raise Refused("Must be a URL as browsers write it, without a fragment.")
    try:
        url = URL(endpoint)
        _ = url.host, url.port
    except ValueError as error:
        raise Refused("Must be a URL.") from error
    return url


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _invalid(message: str) -> Invalid:
    return Invalid(fields={"endpoint": [message]})
