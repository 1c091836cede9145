"""Which web pages may talk to the server, and the headers that tell browsers so."""

from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

AllowedOrigins = None | str | Iterable[str] | Callable[..., bool]


class Origins:
    """The rule behind `cors_allowed_origins`.

    None: the server's own origin. A string or a list: those. A function of (origin, environ) or (origin): what it
    says. "*": any, but then without credentials, so that no page can act in a visitor's name. []: no check, no headers.
    """

    def __init__(self, allowed: AllowedOrigins, credentials: bool) -> None:
        self._check: Callable[..., bool] | None = allowed if callable(allowed) else None
        listed = [allowed] if isinstance(allowed, str) else allowed
        self._listed = None if listed is None or self._check is not None else frozenset(listed)  # type: ignore[arg-type]
        self.disabled = self._listed is not None and not self._listed
        self._any = self._listed is not None and "*" in self._listed
        self._credentials = credentials

    def allow(self, request: web.Request, environ: Callable[[], dict[str, Any]]) -> bool:
        """Return whether the page that sent `request`, if it was one, may talk to us."""
        origin = request.headers.get("Origin")
        if origin is None or self.disabled or self._any:
            return True
        if self._check is not None:
            try:
                return bool(self._check(origin, environ()))
            except TypeError:
                return bool(self._check(origin))
        if self._listed is not None:
            return origin in self._listed
        return origin in _own_origins(request)

    def headers(self, request: web.Request) -> dict[str, str]:
        """Return the CORS headers of an answer to an allowed `request`."""
        origin = request.headers.get("Origin")
        if origin is None or self.disabled:
            return {}
        headers = {"Access-Control-Allow-Origin": "*" if self._any else origin}
        if not self._any:
            headers["Vary"] = "Origin"
            if self._credentials:
                headers["Access-Control-Allow-Credentials"] = "true"
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = "OPTIONS, GET, POST"
            asked = request.headers.get("Access-Control-Request-Headers")
            if asked is not None:
                headers["Access-Control-Allow-Headers"] = asked
        return headers


def _own_origins(request: web.Request) -> set[str]:
    scheme, host = request.scheme, request.host
    own = {f"{scheme}://{host}"}
    forwarded_scheme = request.headers.get("X-Forwarded-Proto")
    forwarded_host = request.headers.get("X-Forwarded-Host")
    if forwarded_scheme or forwarded_host:
        scheme = (forwarded_scheme or scheme).split(",")[0].strip()
        host = (forwarded_host or host).split(",")[0].strip()
        own.add(f"{scheme}://{host}")
    return own
