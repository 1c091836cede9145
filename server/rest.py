"""The REST door: each action a route, each reply a response."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import orjson
from aiohttp import web
from marshmallow import fields

from handlers import REGISTRY
from handlers.base import Action, Actor
from handlers.errors import Forbidden, Invalid, NotFound, TooLarge
from handlers.payload import Flag, Payload, Whole
from server.dispatch import Dispatcher, Reply, failure
from server.identity import Credential, Identity
from server.mirror import Mirror
from server.peer import Peer

_OF_ENTITY = "{type:"
WRITING = {"POST", "PUT", "PATCH", "DELETE"}
# Reads a body that is no JSON, for an actor who may call its action; what it holds open is closed with the stack.
BodyReader = Callable[[web.Request, Actor, AsyncExitStack], Awaitable[Any]]


class RestDoor:
    """Routes of all actions that have one; ``bodies`` read what those take that are not sent as JSON."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        identity: Identity,
        mirror: Mirror,
        peer: Peer,
        entity_types: Sequence[str],
        bodies: Mapping[str, BodyReader] | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._entity_types = entity_types
        self._identity = identity
        self._mirror = mirror
        self._peer = peer
        self._bodies = bodies or {}

    def routes(self) -> list[web.RouteDef]:
        """The routes; fixed paths stand before those with names in them, so that ``me`` is nobody's id."""
        # No other word is taken for a type, so that a path of an entity is none of another action's.
        types = "|".join(re.escape(each) for each in self._entity_types) + "}"
        found = [
            web.route(method, path.replace("{type}", _OF_ENTITY + types), self._door(action))
            for action in REGISTRY.values()
            for method, path in action.routes
        ]
        found.sort(key=lambda route: (_OF_ENTITY in route.path, "{" in route.path.rsplit("/", 1)[-1], route.path))
        return [*found, web.route("*", "/api{rest:(/.*)?}", self._nothing)]

    def _door(self, action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
        reader = self._bodies.get(action.name)
        return self._handler(action) if reader is None else self._uploader(action, reader)

    def _uploader(self, action: Action, reader: BodyReader) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                actor = await self.actor(request)
            except Exception as error:
                return respond(failure(error))
            async with AsyncExitStack() as stack:
                reply = await self._dispatcher.run(action.name, actor, None, read=lambda: reader(request, actor, stack))
            return respond(reply)

        return handle

    def _handler(self, action: Action) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                actor = await self.actor(request)
                payload = await _payload(request, action)
            except Exception as error:
                return respond(failure(error))
            reply = await self._dispatcher.run(action.name, actor, payload)
            response = respond(reply)
            for step in reply.after:
                step()
            return response

        return handle

    async def actor(self, request: web.Request) -> Actor:
        """Who sends a request, entered into the users table. Raises ``Unauthenticated``, ``Forbidden``."""
        actor, _ = await self.caller(request)
        return actor

    async def caller(self, request: web.Request, *, query_token: bool = False) -> tuple[Actor, Credential]:
        """The same, and by what they are that; ``query_token`` lets ``?token=`` say it as well."""
        credential = await self._identity.of(request, query_token=query_token)
        self._require_own_page(request, credential)
        if credential.user is not None:
            await self._mirror.remember(credential.user)
        actor = Actor(credential.user, credential.backend, None, self._peer.address(request))
        return actor, credential

    def _require_own_page(self, request: web.Request, credential: Credential) -> None:
        """A cookie comes along from any page, so a write that it signs must come from an allowed one."""
        if not credential.cookie or request.method not in WRITING:
            return
        if "Origin" not in request.headers or not self._peer.allows(request):
            raise Forbidden("This page may not write here: its origin is not allowed (HUBBUB_ORIGINS).")

    async def _nothing(self, request: web.Request) -> web.Response:
        return respond(failure(NotFound(f"There is no {request.method} {request.path[:200]}.")))


def respond(reply: Reply) -> web.Response:
    """The response of a reply."""
    headers = {"Cache-Control": "no-store"}
    error = reply.body.get("error", {})
    if "retryAfter" in error:
        headers["Retry-After"] = str(max(1, -int(-error["retryAfter"] // 1)))
    if reply.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(
        body=orjson.dumps(reply.body), status=reply.status, content_type="application/json", headers=headers
    )


async def _payload(request: web.Request, action: Action) -> Any:
    """The payload of a request: its body or its query, and above them the names in its path.

    The GET of an action that writes as well takes no query, so that no link makes it write.
    """
    if request.method == "GET":
        payload: Any = _query(request, action.schema) if action.reads else {}
    elif request.method == "DELETE" and not request.can_read_body:
        # What many clients and proxies give a DELETE no body for.
        payload = _query(request, action.schema)
    else:
        payload = await body(request)
    if payload is None:
        payload = {}
    if isinstance(payload, dict):
        payload |= request.match_info
    return payload


async def body(request: web.Request) -> Any:
    """A request's JSON; none at all counts as ``{}``. Raises ``Invalid``, ``TooLarge``."""
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise TooLarge("The request's body is larger than HUBBUB_MAX_PACKET_BYTES allows.") from error
    if not raw:
        return {}
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The request's body is not JSON: {error}.") from error


def _query(request: web.Request, schema: Payload) -> dict[str, Any]:
    """The query with its texts turned into what their fields take; what does not turn stays, and fails there."""
    payload: dict[str, Any] = {}
    by_name = {field.data_key: field for field in schema.fields.values()}
    for name, text in request.query.items():
        field = by_name.get(name)
        if isinstance(field, Whole) and text.removeprefix("-").isdecimal() and len(text) < 20:
            payload[name] = int(text)
        elif isinstance(field, Flag) and text in {"true", "false"}:
            payload[name] = text == "true"
        elif isinstance(field, fields.List):
            payload[name] = [each for each in text.split(",") if each]
        else:
            payload[name] = text
    return payload
