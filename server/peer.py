"""The peer: where a request really comes from, and whether its page may send it."""

from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web

Network = IPv4Network | IPv6Network


class Peer:
    """Believes the headers of trusted proxies, and nobody else's.

    Args:
        proxies: networks whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` count.
        origins: the allowed browser origins, ``*`` for any; None for the origin that the request itself went to.
    """

    def __init__(self, proxies: tuple[Network, ...], origins: tuple[str, ...] | None) -> None:
        self._proxies = proxies
        self._origins = origins

    def address(self, request: web.BaseRequest) -> str:
        """The client's address: the last one in ``X-Forwarded-For`` that no trusted proxy stands behind."""
        address = _remote(request)
        if not self._trusted(address):
            return address
        for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
            if not hop.strip():
                break
            address = hop.strip()
            if not self._trusted(address):
                break
        return address

    def secure(self, request: web.BaseRequest) -> bool:
        """Whether the client speaks TLS, to us or to a trusted proxy."""
        if self._trusted(_remote(request)):
            forwarded = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip()
            if forwarded:
                return forwarded == "https"
        return request.scheme == "https"

    def allows(self, request: web.BaseRequest) -> bool:
        """Whether the page that sends this request may: no Origin is no page."""
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        if self._origins is not None:
            return "*" in self._origins or origin.lower().rstrip("/") in self._origins
        return origin.lower() == f"{'https' if self.secure(request) else 'http'}://{request.host.lower()}"

    def is_foreign(self, request: web.BaseRequest) -> bool:
        """Whether an allowed page of another origin sends this request, so that the reply must name that origin."""
        return self._origins is not None and request.headers.get("Origin") is not None and self.allows(request)

    def _trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)


def _remote(request: web.BaseRequest) -> str:
    """The peer's address; that of an IPv4 peer of a listener on ``::``, which reads ``::ffff:192.0.2.1``, as IPv4."""
    return (request.remote or "").removeprefix("::ffff:")
