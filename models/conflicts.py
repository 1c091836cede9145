"""Conflicts: changes that were made of a version that was stale, parked until somebody says what is to hold.

A conflict is about a record of a collection, or about whatever else has versions: its ``collection`` says which.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.ids import new_id
from models.sets import as_set, one_of
from models.types import Json, Timestamp, now

OPEN, RESOLVED = "open", "resolved"
_IS_OPEN = text("status = 'open'")

conflicts = Table(
    "conflicts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("collection", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    # What the writer wanted, what it was when they did, and what they began with; null: nothing at all.
    Column("local", Json),
    Column("remote", Json),
    Column("base", Json),
    Column("version", BigInteger, nullable=False),
    Column("base_version", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("resolution", Text),
    Column("resolved_by", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("resolved_at", Timestamp, index=True),
    Index("ix_conflicts_user_id_status", "user_id", "status", "id"),
    Index("ix_conflicts_status", "status", "id"),
    Index("ix_conflicts_open", "collection", "record_id", "user_id", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
)

_GET = select(conflicts).where(conflicts.c.id == bindparam("conflict"))
_LOCKED = _GET.with_for_update()
_OPEN_OF = select(conflicts).where(
    conflicts.c.collection == bindparam("name"),
    conflicts.c.record_id == bindparam("record"),
    conflicts.c.user_id == bindparam("user"),
    conflicts.c.status == literal_column("'open'"),
    conflicts.c.base_version == bindparam("began"),
)
_CHARACTERS: Any = sum(
    (func.coalesce(func.length(type_coerce(conflicts.c[name], Text)), 0) for name in ("local", "remote", "base")),
    start=literal_column("0"),
)
_AMONG = select(conflicts).where(one_of(conflicts.c.id, "ids")).order_by(conflicts.c.id.desc())
_RESOLVED = (
    select(conflicts.c.id)
    .where(conflicts.c.resolved_at < bindparam("moment", type_=Timestamp))
    .order_by(conflicts.c.resolved_at)
    .limit(bindparam("count"))
)
_EXPIRE = delete(conflicts).where(conflicts.c.id.in_(_RESOLVED))


def wire(row: Any) -> dict[str, Any]:
    """The conflict of the contract's section 9."""
    return {
        "id": row.id,
        "collection": row.collection,
        "recordId": row.record_id,
        "userId": row.user_id,
        "local": row.local,
        "remote": row.remote,
        "base": row.base,
        "version": row.version,
        "baseVersion": row.base_version,
        "requiresManualResolution": row.status == OPEN,
        "status": row.status,
        "resolution": row.resolution,
        "createdAt": row.created_at,
        "resolvedAt": row.resolved_at,
        "resolvedBy": row.resolved_by,
    }


async def park(
    conn: AsyncConnection,
    collection: str,
    record_id: str,
    user_id: str,
    *,
    local: Any,
    remote: Any,
    base: Any,
    version: int,
    base_version: int,
) -> tuple[Any, bool]:
    """The open conflict of a writer's change, and whether it was parked only now: the same change is parked once.

    Whoever calls this holds what the conflict is about.
    """
    given = {"name": collection, "record": record_id, "user": user_id, "began": base_version}
    for parked in await conn.execute(_OPEN_OF, given):
        if orjson.dumps(parked.local, option=orjson.OPT_SORT_KEYS) == orjson.dumps(local, option=orjson.OPT_SORT_KEYS):
            return parked, False
    row = {
        "id": new_id(),
        "collection": collection,
        "record_id": record_id,
        "user_id": user_id,
        "local": local,
        "remote": remote,
        "base": base,
        "version": version,
        "base_version": base_version,
        "status": OPEN,
        "created_at": now(),
    }
    return (await conn.execute(insert(conflicts).values(row).returning(conflicts))).one(), True


async def get(conn: AsyncConnection, conflict_id: str) -> Any | None:
    """The conflict, or None."""
    return (await conn.execute(_GET, {"conflict": conflict_id})).one_or_none()


async def lock(conn: AsyncConnection, conflict_id: str) -> Any | None:
    """The conflict, held until the transaction ends, or None."""
    return (await conn.execute(_LOCKED, {"conflict": conflict_id})).one_or_none()


async def resolve(conn: AsyncConnection, conflict_id: str, *, resolution: str, by: str | None) -> Any:
    """Close a conflict that is held."""
    return (
        await conn.execute(
            update(conflicts)
            .where(conflicts.c.id == conflict_id)
            .values(status=RESOLVED, resolution=resolution, resolved_by=by, resolved_at=now())
            .returning(conflicts)
        )
    ).one()


async def page(
    conn: AsyncConnection, *, user_id: str | None, status: str, before: str | None, limit: int
) -> Sequence[Any]:
    """The ids of conflicts, newest first, and how many ``characters`` each holds.

    Args:
        user_id: of this writer alone; None: of everybody.
        before: the id of the last one seen.
    """
    query = select(conflicts.c.id, _CHARACTERS.label("characters")).where(conflicts.c.status == status)
    if user_id is not None:
        query = query.where(conflicts.c.user_id == user_id)
    if before is not None:
        query = query.where(conflicts.c.id < before)
    return (await conn.execute(query.order_by(conflicts.c.id.desc()).limit(limit))).all()


async def among(conn: AsyncConnection, ids: Sequence[str]) -> Sequence[Any]:
    """These conflicts, newest first."""
    return (await conn.execute(_AMONG, {"ids": as_set(ids)})).all() if ids else []


async def forget(conn: AsyncConnection, collection: str, record_id: str) -> None:
    """Delete all conflicts about something that is gone."""
    await conn.execute(
        delete(conflicts).where(conflicts.c.collection == collection, conflicts.c.record_id == record_id)
    )


async def expire(conn: AsyncConnection, before: str, count: int) -> int:
    """Delete conflicts that were resolved before that moment, so many at most; returns how many."""
    return (await conn.execute(_EXPIRE, {"moment": before, "count": count})).rowcount
