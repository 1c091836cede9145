"""Writing together: the parts of the server that documents take, built and wired."""

from functools import partial

from handlers.base import DocumentRules, Services
from models.database import Database
from models.documents import Pace
from server import collaborators
from server.collaborators import Collaborators
from server.delivery import Delivery
from server.document_cache import DocumentCache
from server.document_editor import DocumentEditor, EditorBounds
from server.document_keeper import DocumentKeeper
from server.documents import SharedDocuments
from server.leases import Leases
from server.settings import Settings
from server.watches import Watches


class Writing:
    """Holds the parts; ``serve`` is to be called before ``start``."""

    def __init__(self, settings: Settings, database: Database, delivery: Delivery, leases: Leases) -> None:
        self.watches = Watches(
            delivery,
            leases,
            "document:collaborators",
            partial(collaborators.told_of, leases),
            settings.document_signal_seconds,
        )
        self.people = Collaborators(leases, self.watches, settings.presence_grace_seconds)
        self._editor = DocumentEditor(EditorBounds(settings.document_seconds, settings.document_memory_bytes))
        self.desk = SharedDocuments(
            database,
            delivery,
            delivery.committed,
            self._editor,
            DocumentCache(settings.document_cache_bytes),
            self.people,
            _rules(settings),
        )
        self._keeper = DocumentKeeper(
            database,
            self.desk,
            self.people,
            worker=leases.worker,
            seconds=settings.document_keeper_seconds,
            base_seconds=settings.document_base_seconds,
        )

    def serve(self, services: Services) -> None:
        """Let what is saved use the handlers' ports."""
        self.desk.services = services

    def start(self) -> None:
        """Begin to tell who is there, and to save."""
        self.watches.start()
        self._keeper.start()

    async def stop(self) -> None:
        """Save no more. What is unsaved stands in the database, for whoever starts next."""
        await self._keeper.stop()
        await self._editor.stop()

    async def leave(self) -> None:
        """Let everybody go who is in a document here."""
        await self.watches.stop()
        await self.people.stop()


def _rules(settings: Settings) -> DocumentRules:
    return DocumentRules(
        update_bytes=settings.document_update_bytes,
        awareness_bytes=settings.document_awareness_bytes,
        bytes=settings.document_bytes,
        depth=settings.json_depth,
        versions=settings.document_versions,
        bases=settings.document_bases,
        pace=Pace(settings.document_save_seconds, settings.document_save_at_most_seconds),
    )
