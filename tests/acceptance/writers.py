"""People who write documents together."""

import secrets
from typing import Any

from tests.acceptance import contract
from tests.acceptance.conftest import NO_LIMITS
from tests.acceptance.people import Person
from tests.support.updates import Pad

# Saved sooner than people would wait for, so that the tests need not.
SOON: dict[str, str | None] = NO_LIMITS | {
    "HUBBUB_DOCUMENT_SAVE_SECONDS": "0.2",
    "HUBBUB_DOCUMENT_SAVE_AT_MOST_SECONDS": "1",
    "HUBBUB_DOCUMENT_KEEPER_SECONDS": "2",
    "HUBBUB_PRESENCE_GRACE_SECONDS": "0.3",
}
# Nothing is saved unless the last one closes.
LATE = SOON | {"HUBBUB_DOCUMENT_SAVE_SECONDS": "600", "HUBBUB_DOCUMENT_SAVE_AT_MOST_SECONDS": "600"}


async def begin(owner: Person, content: str = "", *, everyone: str = "none", **people: str) -> dict[str, Any]:
    """A new document of somebody's own, shared with everyone and with people by their ids; the document."""
    made = await owner.creates("document:create", title=f"Notes {secrets.token_hex(3)}", content=content)
    contract.document(made)
    if everyone == "none" and not people:
        return made
    shared = await owner.does("document:share", documentId=made["id"], everyone=everyone, users=people)
    contract.document(shared)
    return shared


async def open_document(person: Person, document: dict[str, Any]) -> Pad:
    """Open a document; the person's copy of it."""
    opened = await person.does("document:open", documentId=document["id"])
    contract.keys(opened, {"document", "update", "stateVector", "n", "collaborators"})
    contract.document(opened["document"])
    contract.collaborators(opened["collaborators"])
    return Pad(opened["update"])


async def edit(person: Person, document: dict[str, Any], update: bytes) -> int:
    """Send an update; its number."""
    return (await person.does("document:update", documentId=document["id"], update=update))["n"]


async def saved(person: Person, document: dict[str, Any], version: int) -> dict[str, Any]:
    """Wait for a document to be saved as that version, or a later one; the document."""
    await person.hears("document:saved", lambda data: data["version"] >= version, channel=channel(document))
    return await person.does("document:get", documentId=document["id"])


def channel(document: dict[str, Any]) -> str:
    """A document's channel."""
    return f"document:{document['id']}"
