"""Moderation: what waits for moderators, and how they have decided."""

from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Integer,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.event_log import channels
from models.ids import new_id
from models.types import Timestamp, now

# Of each thing that is moderated one item is open at most. ``cause``: why it waits (flag, word, upload).
moderation = Table(
    "moderation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("author_id", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("flag_count", Integer, nullable=False, server_default="0"),
    Column("reason", Text),
    Column("decided_by", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("decided_at", Timestamp),
    Index(
        "uq_moderation_subject",
        "kind",
        "subject_id",
        unique=True,
        sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
    Index("ix_moderation_status", "status", "id"),
)

STATUSES = ("pending", "approved", "rejected", "withdrawn")

_GET = select(moderation).where(moderation.c.id == bindparam("item"))
# Written out, because a planner takes an index of some rows only for a condition that says which.
_OPEN = moderation.c.status == literal_column("'pending'")
# One statement, because two could stand on either side of a commit.
_PENDING_AT = select(
    select(func.count()).select_from(moderation).where(_OPEN).scalar_subquery().label("pending"),
    select(channels.c.seq).where(channels.c.name == bindparam("channel")).scalar_subquery().label("seq"),
)


async def get(conn: AsyncConnection, item_id: str) -> Any | None:
    """The item, or None."""
    return (await conn.execute(_GET, {"item": item_id})).one_or_none()


async def open_item(conn: AsyncConnection, kind: str, subject_id: str) -> Any | None:
    """What waits for a decision on this thing, or None."""
    query = select(moderation).where(moderation.c.kind == kind, moderation.c.subject_id == subject_id, _OPEN)
    return (await conn.execute(query)).one_or_none()


async def pending_at(conn: AsyncConnection, channel: str) -> tuple[int, int]:
    """How many things wait for a decision, and the number of a channel's newest event at that same moment."""
    row = (await conn.execute(_PENDING_AT, {"channel": channel})).one()
    return row.pending, row.seq or 0


async def hold(
    conn: AsyncConnection,
    kind: str,
    subject_id: str,
    *,
    entity: str,
    author_id: str,
    cause: str,
    flags: int = 0,
) -> Any:
    """Put a thing into the queue, its entity (``{type}:{id}``) being held; the item.

    What waits there already gets the flags in addition, and a word or an upload as its cause instead of a flag.
    """
    waiting = await open_item(conn, kind, subject_id)
    if waiting is not None:
        return await _change(
            conn,
            waiting.id,
            flag_count=waiting.flag_count + flags,
            cause=waiting.cause if cause == "flag" else cause,
        )
    row = {
        "id": new_id(),
        "kind": kind,
        "subject_id": subject_id,
        "entity": entity,
        "author_id": author_id,
        "cause": cause,
        "status": "pending",
        "flag_count": flags,
        "created_at": now(),
    }
    return (await conn.execute(insert(moderation).values(row).returning(moderation))).one()


async def close(conn: AsyncConnection, item: Any, status: str, by: str | None, reason: str | None = None) -> Any:
    """Write how an open item of a held entity was decided; the item as it is then."""
    return await _change(conn, item.id, status=status, decided_by=by, reason=reason, decided_at=now())


async def page(
    conn: AsyncConnection, status: str, *, kind: str | None = None, before: str | None = None, limit: int
) -> tuple[list[Any], bool]:
    """Items of one status (and kind), newest first, and whether there are more."""
    query = select(moderation).where(moderation.c.status == status)
    if kind is not None:
        query = query.where(moderation.c.kind == kind)
    if before is not None:
        query = query.where(moderation.c.id < before)
    rows = list((await conn.execute(query.order_by(moderation.c.id.desc()).limit(limit + 1))).all())
    return rows[:limit], len(rows) > limit


async def _change(conn: AsyncConnection, item_id: str, **values: Any) -> Any:
    return (
        await conn.execute(update(moderation).where(moderation.c.id == item_id).values(values).returning(moderation))
    ).one()
