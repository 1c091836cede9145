"""Documents that were opened lately: everything in one update each, so that who comes next waits for no reading."""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cached:
    """A document's state with the edits up to ``n`` in one update, how far that reaches, and of which version it is."""

    version: int
    n: int
    update: bytes
    vector: bytes

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.update) + len(self.vector)


class DocumentCache:
    """The documents used last, of ``limit`` bytes together at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[str, Cached] = OrderedDict()
        self._size = 0

    def get(self, document_id: str) -> Cached | None:
        """What is kept of a document."""
        found = self._kept.get(document_id)
        if found is not None:
            self._kept.move_to_end(document_id)
        return found

    def put(self, document_id: str, cached: Cached) -> None:
        """Keep this of a document, and let go of those used longest ago."""
        self.drop(document_id)
        self._kept[document_id] = cached
        self._size += cached.size
        while self._size > self._limit:
            self.drop(next(iter(self._kept)))

    def drop(self, document_id: str) -> None:
        """Let go of a document."""
        gone = self._kept.pop(document_id, None)
        if gone is not None:
            self._size -= gone.size
