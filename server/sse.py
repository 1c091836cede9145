"""The door of server-sent events: channels as streams that browsers take up again by themselves."""

import logging
import random
from collections.abc import Callable, Sequence

import orjson
from aiohttp import web

from models.ids import new_id
from models.types import now
from server import sse_frames
from server.connections import Connection, Connections
from server.dispatch import Reply, failure
from server.identity import Credential
from server.listening import Listening, resume_point
from server.rest import respond
from server.roster import Roster
from server.sessions import SocketSessions
from server.sse_frames import Frame
from server.stream import HEADERS, Stream, WriteBatch
from server.streams import RETRY_MS, Streams

log = logging.getLogger("hubbub.sse")

EVENT_STREAM = "text/event-stream"
# Refusals that do not last.
_PASSING = {429, 503}
_FAREWELL_SECONDS = 0.5


class SseDoor:
    """Opens streams, counts them among the connections, and ends them.

    Args:
        listening: lets requests in.
        streams: brings them to their channels.
        connections: where each stands while it is open, so that what ends a user's connections ends it.
        sessions: ends a stream with its token.
        roster: holds the limits on connections.
        observe: called with the outcome of each request for a stream: ``ok``, an error's code, or ``cut``.
        entity_types: what the first part of the long path may be.
        send_buffer_bytes: what may wait for one slow reader.
    """

    def __init__(
        self,
        listening: Listening,
        streams: Streams,
        connections: Connections,
        sessions: SocketSessions,
        roster: Roster,
        observe: Callable[[str], None],
        *,
        entity_types: Sequence[str],
        send_buffer_bytes: int,
    ) -> None:
        self._listening = listening
        self._streams = streams
        self._connections = connections
        self._sessions = sessions
        self._roster = roster
        self._observe = observe
        self._entity_types = frozenset(entity_types)
        self._send_buffer_bytes = send_buffer_bytes
        self._batch = WriteBatch()

    def routes(self) -> list[web.RouteDef]:
        """The routes of this door."""
        return [
            web.get("/api/subscribe/{type}/{id}/{topic}", self._of_entity, allow_head=False),
            web.get("/api/subscribe", self._of_channels, allow_head=False),
            web.get("/api/community/events", self._of_community, allow_head=False),
        ]

    async def drain(self) -> None:
        """End every stream. Clients that are told so, and wait as long as they are told, find another worker."""
        self._streams.end_all(_farewell)
        await self._streams.all_closed(_FAREWELL_SECONDS)

    async def _of_entity(self, request: web.Request) -> web.StreamResponse:
        kind, entity, topic = (request.match_info[name] for name in ("type", "id", "topic"))
        # Of other channels the middle part may be anything, and hold colons.
        name = f"{kind}:{entity}:{topic}" if kind in self._entity_types else f"{kind}/{entity}/{topic}"
        return await self._answer(request, [name])

    async def _of_channels(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, request.query.getall("channel", []))

    async def _of_community(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, ["community"])

    async def _answer(self, request: web.Request, names: Sequence[str]) -> web.StreamResponse:
        try:
            response = await self._open(request, names)
        except Exception as error:
            reply = failure(error)
            self._observe(reply.body["error"]["code"])
            return _refusal(request, reply)
        return response

    async def _open(self, request: web.Request, names: Sequence[str]) -> web.StreamResponse:
        listener = await self._listening.admit(request, names, query_token=True)
        after = resume_point(request, listener.channels)
        stream = Stream(
            request,
            listener.actor,
            self._batch,
            self._send_buffer_bytes,
            began=lambda: self._began(connection),
            overflowed=lambda: self._observe("cut"),
        )
        connection = _connection(stream, listener.credential)
        await self._roster.admit(listener.actor)
        try:
            self._connections.add(connection)
            await self._streams.serve(stream, listener.channels, after, listener.view)
        finally:
            self._connections.remove(connection.id)
            self._log("A stream has ended", connection)
            await self._roster.leave(listener.actor)
        return stream.response

    def _began(self, connection: Connection) -> None:
        self._sessions.watch(connection)
        self._observe("ok")
        self._log("A stream has begun", connection)

    def _log(self, what: str, connection: Connection) -> None:
        more = {"connection": connection.id, "user": connection.actor.id, "streams": self._connections.count("stream")}
        log.info(what, extra=more)


def _connection(stream: Stream, credential: Credential) -> Connection:
    number = new_id()

    def tell(_event: str, envelope: bytes) -> None:
        stream.write(sse_frames.told(envelope))

    def close(reason: str) -> None:
        log.info("A stream is ended", extra={"connection": number, "cause": reason})
        stream.end()

    return Connection(
        number, "stream", stream.actor, credential.expires_at, tell, close, issued_at=credential.issued_at
    )


def _farewell() -> Frame:
    delay = _delay()
    event = {"event": "server:draining", "at": now(), "data": {"reconnectInMs": delay}}
    return Frame(sse_frames.retry(delay).body + sse_frames.told(orjson.dumps(event)).body)


def _delay() -> int:
    return random.randint(*RETRY_MS)  # noqa: S311 - spreads clients, guards nothing


def _refusal(request: web.Request, reply: Reply) -> web.Response:
    """A failure as every door answers it, unless a browser's ``EventSource`` asks and may try again.

    It gives up for ever on any status but 200. An empty stream that says when to come back is the only refusal that
    it outlives.
    """
    if reply.status not in _PASSING or request.headers.get("Accept", "").strip() != EVENT_STREAM:
        return respond(reply)
    wait = round(1000 * reply.body["error"].get("retryAfter", 0))
    return web.Response(body=sse_frames.retry(wait + _delay()).body, headers=HEADERS)
