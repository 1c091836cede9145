"""Origins: which pages of other sites may talk to us, the same for Socket.IO, REST and streams."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from handlers.errors import Forbidden
from server.dispatch import failure
from server.peer import Peer
from server.rest import respond

MAX_AGE = "600"


class Origins:
    """Answers preflights, refuses foreign pages their Socket.IO, and names the allowed origin in replies."""

    def __init__(self, peer: Peer, socket_path: str) -> None:
        self._peer = peer
        self._socket_path = socket_path

    def middleware(self) -> Middleware:
        """The aiohttp middleware."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(self._socket_path) and not self._peer.allows(request):
                return respond(failure(Forbidden("This page's origin is not allowed here (HUBBUB_ORIGINS).")))
            if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
                return web.Response(status=204)
            return await handler(request)

        return check

    async def name(self, request: web.Request, response: web.StreamResponse) -> None:
        """A signal for ``on_response_prepare``: CORS headers for allowed pages of other origins."""
        if not self._peer.is_foreign(request):
            return
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
        response.headers.add("Vary", "Origin")
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Last-Event-ID"
            response.headers["Access-Control-Max-Age"] = MAX_AGE
