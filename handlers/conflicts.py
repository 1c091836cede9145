"""Conflicts: what waits for somebody to say what is to hold."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from handlers import policies
from handlers.base import Context, handles
from handlers.errors import Conflict, Invalid, NotFound
from handlers.payload import Choice, Id, Object, Payload, limit
from handlers.record_writes import overwrite
from models import conflicts, records

_PATH = "/api/conflicts"


@dataclass(frozen=True, slots=True)
class Kind:
    """What conflicts are about.

    Attributes:
        carry_out: given the context, the conflict's row, and what is to hold (an object, or None for nothing at all),
            makes it so; answers what then holds, which is told as ``record``.
        present: given the first two, answers what holds; None for nothing that the actor may see.
    """

    carry_out: Callable[[Context, Any, dict[str, Any] | None], Awaitable[Any]]
    present: Callable[[Context, Any], Awaitable[Any]]


# By the ``collection`` of those that are about something else than records.
KINDS: dict[str, Kind] = {}


class ListConflicts(Payload):
    """``conflict:list``."""

    status = Choice(conflicts.OPEN, conflicts.RESOLVED, load_default=conflicts.OPEN)
    before = Id()
    limit = limit(50, 100)


class ResolveConflict(Payload):
    """``conflict:resolve``."""

    conflict_id = Id(required=True)
    resolution = Choice("local", "remote", "custom", required=True)
    data = Object()


@handles("conflict:list", ListConflicts, rest=("GET", _PATH), reads=True, audience=("user", "backend"))
async def list_conflicts(
    ctx: Context, status: str = conflicts.OPEN, before: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """One's own conflicts, of moderators everybody's, newest first: a page ends early when it grows long."""
    writer = None if _sees_all(ctx) else ctx.user.id
    found = await conflicts.page(ctx.conn, user_id=writer, status=status, before=before, limit=limit + 1)
    fitting: list[str] = []
    size = 0
    for row in found[:limit]:
        size += row.characters
        if fitting and size > ctx.services.rules.record_page_bytes:
            break
        fitting.append(row.id)
    shown = await conflicts.among(ctx.conn, fitting)
    return {"conflicts": [conflicts.wire(row) for row in shown], "hasMore": len(found) > len(fitting)}


@handles("conflict:resolve", ResolveConflict, rest=("POST", f"{_PATH}/{{conflictId}}"), audience=("user", "backend"))
async def resolve_conflict(
    ctx: Context, conflict_id: str, resolution: str, data: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Say what is to hold: what the writer wanted, what is stored, or something else; what does not is kept a while."""
    if (resolution == "custom") != (data is not None):
        need = "Is needed for custom." if data is None else "Is for custom alone."
        raise Invalid("Only a custom resolution has data.", {"data": [need]})
    row = await conflicts.get(ctx.conn, conflict_id)
    if row is None or not (_sees_all(ctx) or row.user_id == ctx.user.id):
        raise NotFound("There is no such conflict.")
    _require_open(row)
    kind = KINDS.get(row.collection, _RECORDS)
    if resolution == "remote":
        record = await kind.present(ctx, row)
    else:
        record = await kind.carry_out(ctx, row, data if resolution == "custom" else row.local)
    # Only now, behind what it is about: in the order in which whoever parks takes the two.
    _require_open(await conflicts.lock(ctx.conn, conflict_id))
    closed = await conflicts.resolve(ctx.conn, conflict_id, resolution=resolution, by=ctx.actor.id)
    told = {"conflictId": row.id, "collection": row.collection, "recordId": row.record_id, "resolution": resolution}
    ctx.publish(f"user:{row.user_id}", "conflict:resolved", told)
    return conflicts.wire(closed) | {"record": record}


def _require_open(row: Any) -> None:
    if row is None or row.status != conflicts.OPEN:
        raise Conflict("This conflict is resolved already.", row and conflicts.wire(row))


async def _overwrite(ctx: Context, row: Any, data: dict[str, Any] | None) -> dict[str, Any]:
    return await overwrite(ctx, row.collection, row.record_id, row.remote, data, authorized=_sees_all(ctx))


async def _record(ctx: Context, row: Any) -> dict[str, Any] | None:
    place = ctx.services.rules.collections.get(row.collection)
    found = await records.get(ctx.conn, row.collection, row.record_id)
    if found is None or found.data is None or place is None:
        return None
    seen = _sees_all(ctx) or policies.allows(place.read, ctx.actor, found.owner_id)
    return records.wire(found, found.data) if seen else None


_RECORDS = Kind(_overwrite, _record)


def _sees_all(ctx: Context) -> bool:
    return ctx.actor.is_moderator or ctx.actor.backend is not None
