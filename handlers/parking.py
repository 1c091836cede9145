"""Parking: what cannot be settled by itself waits in the list of conflicts, and its writer is told."""

from typing import Any

from handlers.base import Context
from handlers.errors import Conflict
from models import conflicts


def parked(current: Any) -> Conflict:
    """What is answered to a change that is parked; ``current`` is the stored value as it leaves, None for nothing."""
    return Conflict("It was changed meanwhile, and your change waits in the list of conflicts.", current)


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
) -> Conflict:
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
    return parked(current)


def refuse(ctx: Context, error: Exception) -> None:
    """Answer with an error once the transaction, with what was parked, is committed."""

    async def refused(_: Any) -> Any:
        raise error

    ctx.finish = refused
