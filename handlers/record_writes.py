"""Record writes: one change of a record, whichever action asks for it: who may, what a stale one becomes, who hears."""

from dataclasses import dataclass
from typing import Any

from handlers import policies
from handlers.base import Context
from handlers.declared import OWNER, Collection
from handlers.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from handlers.parking import park
from handlers.record_data import require_fit
from handlers.settling import STRATEGIES, last_write_wins, same
from models import audience, record_versions, records
from models.audience import Audience


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants a record to be; ``data`` None deletes it.

    ``base_version`` is the version that they began with (0: there was none, None: whatever it is), ``strategy`` how a
    stale one is settled, and ``owner_id`` whose the record is, if a backend says so.
    """

    collection: str
    id: str
    data: dict[str, Any] | None
    base_version: int | None = None
    strategy: str | None = None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change: the record as it leaves, or what it was parked as."""

    record: dict[str, Any] | None = None
    created: bool = False
    parked: Conflict | None = None


def collection(ctx: Context, name: str) -> Collection:
    """A collection by its name. Raises ``NotFound``."""
    found = ctx.services.rules.collections.get(name)
    if found is None:
        raise NotFound(f"There is no collection {name[:100]}.")
    return found


def readers(place: Collection, owner_id: str | None) -> Audience | None:
    """Who of those who hear the collection may see a record of this owner; None: everyone."""
    return audience.only([owner_id] if owner_id else []) if place.read == OWNER else None


async def apply(ctx: Context, change: Change) -> Outcome:
    """Make a change, in a transaction that the caller has begun.

    Raises ``Unauthenticated``, ``Forbidden`` and ``NotFound`` for what the actor may not do, ``Invalid`` and
    ``TooLarge`` for what a record cannot be, ``Conflict`` for changes that do not go together.
    """
    place = collection(ctx, change.collection)
    if change.data is None:
        row = await _held_to_delete(ctx, place, change)
    else:
        row = await _held_to_write(ctx, place, change)
    if change.base_version is not None and change.base_version > _known_version(ctx, place, row):
        raise Invalid("This version is still to come.", {"baseVersion": ["Is newer than the record."]})
    if change.data is None and row.data is None:
        return Outcome(records.wire(row, None))
    if change.base_version in {None, row.version} or (change.base_version == 0 and row.data is None):
        written = await _write(ctx, place, row, change.data, _creator(ctx, change))
        return Outcome(written, created=row.data is None)
    return await _settle(ctx, place, row, change)


async def overwrite(
    ctx: Context, name: str, record_id: str, seen: Any, data: Any, *, authorized: bool
) -> dict[str, Any]:
    """Make a record what somebody decided who saw ``seen`` of it; the record, with what it lost since they saw it.

    ``authorized``: whatever the policies say. Raises what ``apply`` raises.
    """
    place = collection(ctx, name)
    change = Change(name, record_id, data)
    if authorized:
        _require_storable(ctx, place, data)
        row = await records.take(ctx.conn, name, record_id)
    elif data is None:
        row = await _held_to_delete(ctx, place, change)
    else:
        row = await _held_to_write(ctx, place, change)
    if same(data, row.data):
        return records.wire(row, row.data)
    settled = last_write_wins(seen, row.data, data)
    # Whoever decides, one that comes back is whose it was.
    return _with_losses(await _write(ctx, place, row, data, row.owner_id), "manual", settled.lost)


async def _held_to_delete(ctx: Context, place: Collection, change: Change) -> Any:
    """The record that is to be deleted, held, if the actor may; one that is deleted already too."""
    policies.require(place.delete, ctx.actor, "delete records of this collection")
    row = await records.lock(ctx.conn, place.name, change.id)
    if row is None or row.version == 0 or not policies.allows(place.read, ctx.actor, row.owner_id):
        raise NotFound("There is no such record.")
    if not policies.allows(place.delete, ctx.actor, row.owner_id):
        raise Forbidden("You may not delete this record.")
    return row


async def _held_to_write(ctx: Context, place: Collection, change: Change) -> Any:
    """The record that is to be written, held, if the actor may; its place if there is none yet."""
    policies.require(place.write, ctx.actor, "write to this collection")
    _require_storable(ctx, place, change.data)
    row = await records.take(ctx.conn, place.name, change.id)
    if row.data is not None and not (
        policies.allows(place.read, ctx.actor, row.owner_id) and policies.allows(place.write, ctx.actor, row.owner_id)
    ):
        raise Forbidden("You may not change this record.")
    if change.owner_id not in {None, _creator(ctx, change) if row.data is None else row.owner_id}:
        raise Forbidden("Only a backend says whose a record is, and only of a new one.")
    return row


def _require_storable(ctx: Context, place: Collection, data: Any) -> None:
    if place.read not in {OWNER, "nobody"}:
        # Others would see it.
        ctx.services.sanctions.require(ctx.actor, speaks=True)
    if data is not None:
        require_fit(ctx, place, data)


def _known_version(ctx: Context, place: Collection, row: Any) -> int:
    """The version that the actor may know of: of a deleted record that was another's, none."""
    readable = row.data is not None or policies.allows(place.read, ctx.actor, row.owner_id)
    return row.version if readable else 0


async def _settle(ctx: Context, place: Collection, row: Any, change: Change) -> Outcome:
    """Settle a change that was made of a stale version."""
    assert change.base_version is not None
    strategy = change.strategy or place.strategy
    current = records.wire(row, row.data)
    if same(change.data, row.data):
        return Outcome(current)
    base = await _base(ctx, place, change)
    if strategy == "manual":
        parked = await park(
            ctx,
            place.name,
            row.id,
            local=change.data,
            remote=row.data,
            base=base,
            version=row.version,
            base_version=change.base_version,
            current=current if row.data is not None else None,
        )
        return Outcome(parked=parked)
    settled = STRATEGIES[strategy](base, row.data, change.data)
    if same(settled.data, row.data):
        return Outcome(current)
    if settled.data is not None and not same(settled.data, change.data):
        try:
            require_fit(ctx, place, settled.data)
        except (Invalid, TooLarge) as error:
            raise Conflict("The changes are not valid together; begin anew from current.", current) from error
    written = await _write(ctx, place, row, settled.data, _creator(ctx, change))
    return Outcome(_with_losses(written, strategy, settled.lost), created=row.data is None)


async def _base(ctx: Context, place: Collection, change: Change) -> Any:
    """What the writer began with, as far as it is kept and was theirs to read; else nothing."""
    found = await record_versions.get(ctx.conn, place.name, change.id, change.base_version or 0)
    return found.data if found is not None and policies.allows(place.read, ctx.actor, found.owner_id) else None


def _creator(ctx: Context, change: Change) -> str | None:
    """Whose the record is if the change creates it."""
    return ctx.actor.user.id if ctx.actor.user else change.owner_id


async def _write(ctx: Context, place: Collection, row: Any, data: Any, owner_id: str | None) -> dict[str, Any]:
    """Write a record that is held, and tell whoever may see it; ``owner_id`` is for one that was not there."""
    changed = await records.write(ctx.conn, row, data, by=ctx.actor.id, owner_id=owner_id)
    old = None if row.data is None else records.wire(row, row.data)
    written = records.wire(changed, data)
    told = {
        "eventType": "DELETE" if data is None else "INSERT" if old is None else "UPDATE",
        "id": row.id,
        "new": None if data is None else written,
        "old": old,
        "version": changed.version,
    }
    ctx.publish(f"collection:{place.name}", "record:changed", told, audience=readers(place, changed.owner_id))
    return written


def _with_losses(record: dict[str, Any], strategy: str, lost: dict[str, Any]) -> dict[str, Any]:
    """The record, with what of another change is not part of it, if anything."""
    return record | {"conflict": {"strategy": strategy, "fields": sorted(lost), "lost": lost}} if lost else record
