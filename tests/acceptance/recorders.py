"""People who keep records together, and the collections that they keep them in."""

import json
import secrets
from typing import Any

from tests.acceptance import contract
from tests.acceptance.conftest import NO_LIMITS
from tests.acceptance.people import Person
from tests.support.process import temporary_folder

COLLECTIONS = """
[collections.notes]
read = "signed-in"
write = "signed-in"

[collections.tasks]
read = "signed-in"
write = "signed-in"
strategy = "merge"
schema = "tasks.schema.json"

[collections.texts]
read = "signed-in"
write = "signed-in"
strategy = "manual"

[collections.cards]
read = "signed-in"
write = "owner"

[collections.diaries]
read = "owner"
write = "owner"
strategy = "merge"

[collections.news]
read = "public"
write = "role:moderator"
delete = "role:admin"

[collections.suggestions]
read = "role:moderator"
write = "signed-in"
delete = "role:moderator"

[collections.ballots]
read = "nobody"
write = "signed-in"
delete = "nobody"

[collections.invoices]
read = "owner"
write = "nobody"
"""
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 200},
        "done": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}},
    },
    "required": ["title"],
    "maxProperties": 4,
}


def variables(**more: str) -> dict[str, str | None]:
    """Servers with these collections and no limit on the pace."""
    folder = temporary_folder("collections")
    (folder / "tasks.schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    (folder / "collections.toml").write_text(COLLECTIONS, encoding="utf-8")
    return NO_LIMITS | {"HUBBUB_COLLECTIONS": str(folder / "collections.toml")} | more


def new_id() -> str:
    """An id that no record has."""
    return f"r-{secrets.token_hex(6)}"


async def creates(person: Person, collection: str, data: dict[str, Any], id: str | None = None) -> dict[str, Any]:
    """A new record."""
    record = await person.creates("record:upsert", collection=collection, id=id or new_id(), data=data)
    contract.record(record)
    return record


async def writes(person: Person, record: dict[str, Any], data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Another version of a record; ``more`` says of which it was made, and how it is settled."""
    at = {"collection": record["collection"], "id": record["id"]}
    written = await person.does("record:upsert", **at, data=data, **more)
    contract.record(written, settled="conflict" in written)
    return written


def at(record: dict[str, Any]) -> dict[str, Any]:
    """How actions name a record."""
    return {"collection": record["collection"], "id": record["id"]}


async def reads(person: Person, record: dict[str, Any]) -> dict[str, Any]:
    """The record as somebody finds it."""
    found = await person.does("record:get", **at(record))
    contract.record(found)
    return found


async def lists(person: Person, collection: str, **wanted: Any) -> list[dict[str, Any]]:
    """A page of a collection."""
    page = await person.does("record:list", collection=collection, **wanted)
    contract.keys(page, {"records", "hasMore"})
    for each in page["records"]:
        contract.record(each)
    return page["records"]


async def conflicts_of(person: Person, record: dict[str, Any], **wanted: Any) -> list[dict[str, Any]]:
    """The conflicts about a record that somebody finds."""
    page = await person.does("conflict:list", limit=100, **wanted)
    contract.keys(page, {"conflicts", "hasMore"})
    for each in page["conflicts"]:
        contract.conflict(each)
    return [each for each in page["conflicts"] if each["recordId"] == record["id"]]
