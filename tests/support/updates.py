"""Yjs's bytes, made by pycrdt."""

from typing import Any

from pycrdt import Awareness, Doc, Text


class Pad:
    """A document on somebody's machine, and the updates that their edits make."""

    def __init__(self, update: bytes | None = None) -> None:
        self.doc: Doc = Doc()
        self.text = self.doc.get("content", type=Text)
        self._made: list[bytes] = []
        if update is not None:
            self.doc.apply_update(update)
        self.doc.observe(lambda event: self._made.append(event.update))

    def write(self, text: str, at: int = 0) -> bytes:
        """Insert a text at so many bytes; the update."""
        self.text.insert(at, text)
        return self._take()

    def erase(self, at: int, length: int) -> bytes:
        """Delete so many bytes; the update."""
        del self.text[at : at + length]
        return self._take()

    def apply(self, update: bytes) -> None:
        """Take somebody else's update."""
        self.doc.apply_update(update)

    def _take(self) -> bytes:
        """What the last edit made; nothing, when it changed nothing."""
        return self._made.pop() if self._made else b"\0\0"

    def __str__(self) -> str:
        return str(self.text)


def text_of(update: bytes) -> str:
    """The text of a document that has this update alone."""
    return str(Pad(update))


def awareness(client: int, state: dict[str, Any] | None) -> bytes:
    """What y-protocols says of an editor's user."""
    said = Awareness(Doc(client_id=client))
    said.set_local_state(state)
    return said.encode_awareness_update([client])
