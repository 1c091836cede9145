"""Sanctions: who may not speak (``mute``), not come in (``ban``), or must sign in anew (``revoke``)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Table, Text, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.types import Timestamp, now

# ``until`` is None for what has no end; ``since`` of a revocation is the moment before which tokens count no more.
sanctions = Table(
    "sanctions",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("reason", Text),
    Column("by_id", Text, nullable=False),
    Column("since", Timestamp, nullable=False),
    Column("until", Timestamp),
)


async def lock(conn: AsyncConnection, user_id: str) -> None:
    """Let no other transaction change this person's sanctions until this one ends, so that each sees the one before."""
    if conn.dialect.name == "postgresql":
        await conn.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(user_id))))


_LOCK = 0x73616E63


async def put(
    conn: AsyncConnection, user_id: str, kind: str, *, by: str, reason: str | None, until: str | None
) -> None:
    """Write a sanction, instead of one of the same kind."""
    upsert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(sanctions)
    row = {"user_id": user_id, "kind": kind, "reason": reason, "by_id": by, "since": now(), "until": until}
    changed = {name: upsert.excluded[name] for name in ("reason", "by_id", "since", "until")}
    await conn.execute(
        upsert.values(row).on_conflict_do_update(index_elements=[sanctions.c.user_id, sanctions.c.kind], set_=changed)
    )


async def lift(conn: AsyncConnection, user_id: str, kinds: Sequence[str]) -> None:
    """End sanctions; those that there are not do not matter."""
    await conn.execute(delete(sanctions).where(sanctions.c.user_id == user_id, sanctions.c.kind.in_(kinds)))


async def of(conn: AsyncConnection, user_id: str) -> dict[str, Any]:
    """A person's sanctions by their kind, those that have ended left out."""
    rows = await conn.execute(select(sanctions).where(sanctions.c.user_id == user_id, _lasting()))
    return {row.kind: row for row in rows}


async def lasting(conn: AsyncConnection) -> list[Any]:
    """All sanctions that have not ended."""
    return list((await conn.execute(select(sanctions).where(_lasting()))).all())


def _lasting() -> Any:
    return or_(sanctions.c.until.is_(None), sanctions.c.until > now())
