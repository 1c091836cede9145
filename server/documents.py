"""Documents: what their handlers need of this worker, and how edits reach those who hear them on any worker."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from handlers import yjs
from handlers.base import Actor, Context, DocumentRules, Folded, OpenState, Services
from handlers.errors import Unavailable
from models import document_updates, documents, event_log
from models.database import Database, is_retryable
from models.event_log import Event
from models.types import now
from server.collaborators import Collaborators
from server.delivery import Delivery
from server.document_cache import Cached, DocumentCache
from server.document_editor import DocumentEditor

_ATTEMPTS = 4

T = TypeVar("T")


class SharedDocuments:
    """The port ``Documents`` of the handlers.

    Args:
        database: where documents stand.
        delivery: brings edits of other workers, and takes them ours.
        deliver: called with the events of each commit.
        editor: applies updates.
        cache: of documents that were opened.
        people: who has which document open.
        rules: the settings that handlers need.
    """

    services: Services

    def __init__(
        self,
        database: Database,
        delivery: Delivery,
        deliver: Callable[[Sequence[Event]], None],
        editor: DocumentEditor,
        cache: DocumentCache,
        people: Collaborators,
        rules: DocumentRules,
    ) -> None:
        self._database = database
        self._delivery = delivery
        self._deliver = deliver
        self._editor = editor
        self._cache = cache
        self._people = people
        self.rules = rules
        delivery.on_signal("document:updated", self._heard)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries."""
        async with self._database.read() as conn:
            yield conn

    async def transact(self, actor: Actor, step: Callable[[Context], Awaitable[T]]) -> T:
        """Run a step in a transaction of its own, again if another stood in its way; then tell what it published."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._transact(actor, step)
            except Exception as error:
                if not is_retryable(error):
                    raise
        return await self._transact(actor, step)

    async def _transact(self, actor: Actor, step: Callable[[Context], Awaitable[T]]) -> T:
        ctx = Context(actor, self.services)
        async with self._database.write() as ctx.conn:
            result = await step(ctx)
            events = await event_log.append(ctx.conn, ctx.drafts)
        self._deliver(events)
        for each in ctx.after_commit:
            each()
        return result

    async def state(self, document_id: str) -> OpenState | None:
        """The document with everything that was acknowledged; None when there is none. Raises ``Unavailable``."""
        for _ in range(_ATTEMPTS):
            async with self._database.read() as conn:
                row = await documents.text(conn, document_id)
                if row is None:
                    self._cache.drop(document_id)
                    return None
                found = await self._read(conn, row)
            if found is not None:
                return OpenState(row, found.update, found.vector, found.n)
        raise Unavailable("The document changes too fast; try again.")

    async def _read(self, conn: AsyncConnection, row: Any) -> Cached | None:
        """Everything in one update; None when it was folded while it was read."""
        cached = self._cache.get(row.id)
        if cached is not None and cached.version == row.version:
            if cached.n >= row.n:
                return cached
            start, update = cached.n, cached.update
        else:
            whole = await documents.get(conn, row.id)
            if whole is None or whole.version != row.version:
                return None
            start, update = whole.state_n, whole.state
        updates = await document_updates.after(conn, row.id, start)
        newest = start + len(updates)
        if newest < row.n or (updates and updates[-1][0] != newest):
            return None
        merged = yjs.merged([update, *(data for _, data in updates)])
        found = Cached(row.version, newest, merged, yjs.state_vector(merged))
        self._cache.put(row.id, found)
        return found

    async def fold(self, state: bytes, updates: Sequence[tuple[int, bytes]]) -> Folded:
        """What a state and numbered updates come to. Raises ``Unavailable``."""
        return await self._editor.fold(state, updates)

    async def rewrite(self, state: bytes, content: str) -> bytes:
        """The update by which a state's text becomes ``content``. Raises ``Invalid``, ``Unavailable``."""
        return await self._editor.rewrite(state, content)

    def edited(self, document_id: str, number: int, update: bytes, user_id: str) -> None:
        """After the commit: show an edit to every connection that hears the document."""
        data = {"documentId": document_id, "update": {"_placeholder": True, "num": 0}, "userId": user_id, "n": number}
        channel = f"document:{document_id}"
        sent = event_log.envelope(channel, "document:updated", now(), orjson.dumps(data))
        self._delivery.signal(channel, "document:updated", sent + b"\n" + update)
        self._delivery.show(channel, "document:updated", sent, (update,))

    def say(self, document_id: str, connection: str, states: Sequence[tuple[int, Any]]) -> bool:
        """What an editor says of its user; False when that connection does not have the document open."""
        return self._people.say(document_id, connection, states)

    async def collaborators(self, document_id: str) -> dict[str, Any]:
        """Who has the document open: ``{collaborators: [{userId, name, color, cursor, clientId}]}``."""
        return await self._people.state(f"document:{document_id}")

    def _heard(self, channel: str, payload: bytes) -> None:
        # JSON holds no line break.
        sent, update = payload.split(b"\n", 1)
        self._delivery.show(channel, "document:updated", sent, (update,))
