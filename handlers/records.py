"""Records: what an application keeps in its collections, as far as their policies let."""

from typing import Any

from handlers import filters, policies, record_pages
from handlers.base import Context, handles
from handlers.declared import STRATEGIES
from handlers.errors import Invalid, NotFound
from handlers.parking import parked, refuse
from handlers.payload import Choice, Id, Object, Payload, Whole, client_id, filter_text, limit
from handlers.record_data import RecordId
from handlers.record_writes import Change, apply
from handlers.record_writes import collection as declared
from models import records

_PATH = "/api/collections/{collection}/records"
_ONE = f"{_PATH}/{{id}}"
_EVERYBODY = ("user", "visitor", "backend")
_WRITERS = ("user", "backend")


class OfCollection(Payload):
    """An action on a collection."""

    collection = Id(required=True)


class ListRecords(OfCollection):
    """``record:list``."""

    filter = filter_text()
    before = Id()
    limit = limit(50, 200)


class OneRecord(OfCollection):
    """``record:get``."""

    id = Id(required=True)


class UpsertRecord(OfCollection):
    """``record:upsert``."""

    id = RecordId(required=True)
    data = Object(required=True)
    base_version = Whole(0)
    strategy = Choice(*STRATEGIES)
    owner_id = Id()
    client_id = client_id()


class DeleteRecord(OneRecord):
    """``record:delete``."""

    base_version = Whole(0)
    strategy = Choice(*STRATEGIES)
    client_id = client_id()


@handles("record:list", ListRecords, rest=("GET", _PATH), reads=True, slow=True, audience=_EVERYBODY)
async def list_records(
    ctx: Context, collection: str, filter: str | None = None, before: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """The records of a collection that the actor may read, newest first: a page ends early when it grows long.

    With a filter it also ends when many records were looked at, and goes on before ``next``, which it names then.
    """
    place = declared(ctx, collection)
    own = policies.require(place.read, ctx.actor, "read this collection") == "own"
    owner = ctx.user.id if own else None
    wanted = None if filter is None else _parsed(ctx, filter)
    start = None if before is None else await _place_of(ctx, collection, before, owner)
    return await record_pages.read(ctx, collection, owner_id=owner, wanted=wanted, before=start, limit=limit)


@handles("record:get", OneRecord, rest=("GET", _ONE), reads=True, audience=_EVERYBODY)
async def get_record(ctx: Context, collection: str, id: str) -> dict[str, Any]:
    """One record."""
    place = declared(ctx, collection)
    policies.require(place.read, ctx.actor, "read this collection")
    row = await records.get(ctx.conn, collection, id)
    if row is None or row.data is None or not policies.allows(place.read, ctx.actor, row.owner_id):
        raise NotFound("There is no such record.")
    return records.wire(row, row.data)


async def _as_before(ctx: Context, result: Any) -> None:
    """What was parked under a client id is answered as it was then."""
    if "parked" in result:
        refuse(ctx, parked(result["parked"]))


@handles("record:upsert", UpsertRecord, rest=("PUT", _ONE), audience=_WRITERS, repeated=_as_before)
async def upsert_record(ctx: Context, client_id: str | None = None, **change: Any) -> dict[str, Any]:
    """Write a record, whether it is there or not; what was made of a stale version is settled."""
    return await _answer(ctx, Change(**change))


@handles("record:delete", DeleteRecord, rest=("DELETE", _ONE), audience=_WRITERS, repeated=_as_before)
async def delete_record(ctx: Context, client_id: str | None = None, **change: Any) -> dict[str, Any]:
    """Delete a record; one that is deleted already stays so."""
    return await _answer(ctx, Change(**change, data=None))


async def _answer(ctx: Context, change: Change) -> dict[str, Any]:
    outcome = await apply(ctx, change)
    ctx.created = outcome.created
    if outcome.parked is not None:
        refuse(ctx, outcome.parked)
        return {"parked": outcome.parked.current}
    assert outcome.record is not None
    return outcome.record


async def _place_of(ctx: Context, collection: str, record_id: str, owner_id: str | None) -> str:
    """The place of the record that a page is to lie before. Raises ``Invalid`` when there is none such."""
    row = await records.get(ctx.conn, collection, record_id)
    if row is None or (owner_id is not None and row.owner_id != owner_id):
        raise Invalid("The page begins at no record.", {"before": ["Is no record of this collection."]})
    position: str = row.position
    return position


def _parsed(ctx: Context, filter: str) -> filters.Filter:
    rules = ctx.services.rules
    return filters.parse(filter, terms=rules.filter_terms, length=rules.filter_length)
