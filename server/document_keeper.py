"""The keeper: saves documents some seconds after they were edited, and at once when the last one has closed them.

All workers are keepers. A document's keeper is who says so in the database first, until it has saved; what it is in the
middle of when it dies, another one does once its time is over. If two are at it all the same, one of them wins: a
version is written only behind the one that it was worked out from.
"""

import asyncio
import logging
from datetime import UTC, datetime

from handlers.document_saves import settle
from models import document_versions, documents
from models.database import Database
from models.types import ago
from server.collaborators import Collaborators
from server.documents import SharedDocuments

log = logging.getLogger("hubbub.documents")

AT_ONCE = 50
# How often a worker looks for what nobody woke it for.
_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 2.0
_EXPIRE_SECONDS = 3600.0
# Saving one takes some hundredths of a second.
_STOP_SECONDS = 1.0


class DocumentKeeper:
    """Saves what is due.

    Args:
        database: where documents stand.
        desk: what saving takes.
        people: who has which document open.
        worker: this worker's name.
        seconds: how long it takes another worker to do what this one did not.
        base_seconds: how long the states of former versions are kept.
    """

    def __init__(
        self,
        database: Database,
        desk: SharedDocuments,
        people: Collaborators,
        *,
        worker: str,
        seconds: float,
        base_seconds: float,
    ) -> None:
        self._database = database
        self._desk = desk
        self._people = people
        self._worker = worker
        self._seconds = seconds
        self._base_seconds = base_seconds
        self._woken = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._hurries: set[asyncio.Task[None]] = set()
        self._saving: dict[str, asyncio.Task[None]] = {}
        self._failed: dict[str, float] = {}
        self._expired = 0.0
        people.last_left = self._left

    def start(self) -> None:
        """Begin, with what others left undone."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """End, after the documents that are being saved."""
        self._stopping = True
        self._woken.set()
        for hurry in self._hurries:
            hurry.cancel()
        if self._task is not None:
            working = {self._task, *self._saving.values()}
            await asyncio.wait(working, timeout=_STOP_SECONDS)
            for each in working:
                each.cancel()
            await asyncio.gather(*working, *self._hurries, return_exceptions=True)

    async def _work(self) -> None:
        while not self._stopping:
            self._woken.clear()
            pause = _LOOK_SECONDS
            try:
                pause = await self._look()
            except Exception as error:
                log.warning("Documents could not be looked for; trying again", extra={"cause": repr(error)})
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _look(self) -> float:
        """Save what is due; how long to wait for what comes next."""
        await self._expire()
        async with self._database.read() as conn:
            due = await documents.due(conn, self._worker, AT_ONCE)
        moment = asyncio.get_running_loop().time()
        self._failed = {id: until for id, until in self._failed.items() if until > moment}
        for document_id in due:
            if not self._stopping and document_id not in self._failed and document_id not in self._saving:
                self._saving[document_id] = asyncio.create_task(self._save(document_id))
        # Nobody waits for a document that takes long.
        if self._saving:
            await asyncio.wait(self._saving.values(), timeout=_LOOK_SECONDS)
        async with self._database.read() as conn:
            following = await documents.next_due(conn)
        if following is None:
            return _LOOK_SECONDS
        ahead = (datetime.fromisoformat(following) - datetime.now(UTC)).total_seconds()
        return min(max(ahead, 0.05), _LOOK_SECONDS)

    async def _save(self, document_id: str) -> None:
        try:
            async with self._database.write() as conn:
                mine = await documents.keep(conn, document_id, self._worker, self._seconds)
            if mine:
                await settle(self._desk, document_id)
        except Exception as error:
            # Again, but not at once: what is wrong with one document must not hold up the others.
            self._failed[document_id] = asyncio.get_running_loop().time() + _RETRY_SECONDS
            log.warning(
                "A document could not be saved; trying again", extra={"document": document_id, "cause": repr(error)}
            )
        finally:
            del self._saving[document_id]

    async def _expire(self) -> None:
        moment = asyncio.get_running_loop().time()
        if self._expired and moment - self._expired < _EXPIRE_SECONDS:
            return
        async with self._database.write() as conn:
            await document_versions.expire(conn, ago(self._base_seconds))
        self._expired = moment

    def _left(self, document_id: str) -> None:
        task = asyncio.create_task(self._hurry(document_id))
        self._hurries.add(task)
        task.add_done_callback(self._hurries.discard)

    async def _hurry(self, document_id: str) -> None:
        """Save at once what the last one leaves; otherwise it is saved soon."""
        try:
            if await self._people.is_empty(document_id):
                async with self._database.write() as conn:
                    await documents.hurry(conn, document_id)
                self._woken.set()
        except Exception as error:
            log.warning("A closed document is saved a little later", extra={"cause": repr(error)})
