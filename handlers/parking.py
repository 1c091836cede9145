"""Parking: what cannot be settled by itself waits in the list of conflicts, and its writer is told."""

from typing import Any

from handlers.base import Context
from handlers.errors import Conflict
from models import conflicts


class Parked(Conflict):
    """A change was made of a stale version, and waits in the list of conflicts; current is the stored value."""

    def __init__(self, conflict_id: str, current: Any) -> None:
        super().__init__(current=current)
        self.conflict_id = conflict_id

    def wire(self) -> dict[str, Any]:
        """The ``error`` object, with ``conflictId`` to resolve it by."""
        return super().wire() | {"conflictId": self.conflict_id}


async def park(
    ctx: Context,
    collection: str,
    record_id: str,
    *,
    local: Any,
    remote: Any,
    base: Any,
    version: int,
    base_version: int,
    current: Any,
) -> Parked:
    """Park a change of something that is held, once however often it comes; what its writer is to be answered.

    Args:
        local, remote, base: what the writer wants, what is stored, and what the writer began with; None for nothing.
        version, base_version: of ``remote`` and of ``base``.
        current: the stored value as it leaves.
    """
    writer = ctx.actor.id or ""
    row, fresh = await conflicts.park(
        ctx.conn,
        collection,
        record_id,
        writer,
        local=local,
        remote=remote,
        base=base,
        version=version,
        base_version=base_version,
    )
    if fresh and ctx.actor.user is not None:
        ctx.publish(
            f"user:{writer}",
            "conflict:created",
            {"conflictId": row.id, "collection": collection, "recordId": record_id},
        )
    return Parked(row.id, current)


def refuse(ctx: Context, error: Exception) -> None:
    """Answer with an error once the transaction, with what was parked, is committed."""

    async def refused(_: Any) -> Any:
        raise error

    ctx.finish = refused
