"""Editors with stock Yjs, driven from Python tests."""

import itertools
from pathlib import Path
from typing import Any

from tests.support.js import JsClients
from tests.support.waiting import eventually

_KEYS = itertools.count(1)


class Editor:
    """One editor of one document: its Y.Doc, and its connection."""

    def __init__(self, clients: "Editors", key: int) -> None:
        self._clients = clients
        self._key = key

    async def does(self, command: str, **fields: Any) -> Any:
        """Have it carry out a command of editor.mjs; its value."""
        return await self._clients.call(command, editor=self._key, **fields)

    async def state(self) -> dict[str, Any]:
        """What it has: its text, the newest edit's number, who is there, and what became of what it sent."""
        return await self.does("state")

    async def text(self) -> str:
        """Its text at this moment."""
        return (await self.state())["text"]

    async def insert(self, text: str, at: int | None = None) -> None:
        """Write something, at the end unless told where."""
        await self.does("insert", text=text, at=at)

    async def settled(self) -> dict[str, Any]:
        """Wait until everything that it has sent is acknowledged; its state."""

        async def all_sent() -> Any:
            state = await self.state()
            return None if state["unsent"] else state

        return await eventually(all_sent, "all edits to be acknowledged")


class Editors(JsClients):
    """A Node process with any number of editors."""

    program = Path(__file__).with_name("editor.mjs")

    async def open(self, url: str, token: str | None, document_id: str) -> Editor:
        """A new editor that has opened a document, or was refused it."""
        editor = Editor(self, next(_KEYS))
        await editor.does("start", url=url, token=token, documentId=document_id)
        return editor


async def converge(*editors: Editor, within: float = 10) -> str:
    """Wait until all have the same text by the same edits, and have nothing left to say; the text."""

    async def same() -> tuple[str] | None:
        states = [await each.state() for each in editors]
        alike = len({(state["text"], state["vector"]) for state in states}) == 1
        # An empty text is a text too.
        return (states[0]["text"],) if alike and not any(state["unsent"] for state in states) else None

    (text,) = await eventually(same, "all editors to have the same", within)
    return text
