"""The socket that is listened on."""

import errno
import os
import socket

from server.errors import StartupError

# aiohttp's 128 overflows in a connection storm, and each SYN that is dropped then costs its client a second.
BACKLOG = 4096


def open_socket(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket bound to the address, not listening yet; of a name's addresses, IPv4 goes first. `::` takes IPv4 too.

    `shared` lets other sockets that say the same bind to the address as well; the kernel spreads connections over those
    that listen. Raises StartupError when the address cannot be had.
    """
    try:
        family, address = _resolve(host, port)
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise refusal(error, host, port) from error
    return bound


def reserve(host: str, port: int) -> socket.socket:
    """A shared socket that keeps the port for workers to come, while none of them listens.

    Raises StartupError when somebody listens there already, even with a shared socket: another Hubbub's workers would
    otherwise get half of the connections.
    """
    with open_socket(host, port) as probe:
        found = probe.getsockname()[1]
    return open_socket(host, found, shared=True)


def refusal(error: OSError, host: str, port: int) -> StartupError:
    """Why an address cannot be listened on, and what to do about it."""
    if isinstance(error, socket.gaierror):
        return StartupError(f"HOST={host}: no address is known for this name; give an address of this machine")
    if error.errno == errno.EADDRINUSE:
        return StartupError(f"PORT={port}: another program listens on {host} port {port}; stop it, or set another PORT")
    if error.errno == errno.EACCES:
        return StartupError(f"PORT={port}: this user may not listen on it; set a PORT of 1024 or above")
    if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
        return StartupError(f"HOST={host}: this is no address of this machine; set HOST=127.0.0.1, or 0.0.0.0 for all")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StartupError(f"HOST={host}, PORT={port}: they cannot be listened on ({reason}); set others")


def url(host: str, port: int) -> str:
    """What to open in a browser on this machine."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    return family, address
