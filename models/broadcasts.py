"""Broadcasts: notifications to everyone or to whole roles, written in batches behind the request.

A batch is one transaction that holds the broadcast, writes to the people behind its cursor and moves the cursor. So
everybody is reached once, however many workers are at it and whichever of them dies.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Column, Index, Integer, Table, Text, case, delete, func, insert, select, text, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.notifications import Notice
from models.types import Json, Timestamp, now
from models.users import users

# ``roles`` null is everyone; ``cursor`` is the last user reached.
broadcasts = Table(
    "broadcasts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("roles", Json),
    Column("payload", Json, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("reached", Integer, nullable=False, server_default="0"),
    Column("cursor", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("done_at", Timestamp),
    Index("ix_broadcasts_open", "id", sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL")),
)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A broadcast under way: how many people it is for, and how many of them it has reached."""

    id: str
    notice: Notice
    roles: Sequence[str] | None
    recipients: int
    reached: int
    cursor: str | None


_OPEN = broadcasts.c.done_at.is_(None)
_CLAIM = select(broadcasts).where(_OPEN).order_by(broadcasts.c.id).limit(1).with_for_update(skip_locked=True)
# People who come meanwhile may be reached as well, so that more are reached than were counted.
_LEFT = case((broadcasts.c.recipients > broadcasts.c.reached, broadcasts.c.recipients - broadcasts.c.reached), else_=0)
_WAITING = select(func.count(), func.coalesce(func.sum(_LEFT), 0)).where(_OPEN)


async def begin(conn: AsyncConnection, notice: Notice, roles: Sequence[str] | None) -> int:
    """Write a notice to everyone, or to those of some roles, in the background; returns how many people that is."""
    counted = select(func.count()).select_from(users)
    recipients = await conn.scalar(counted if roles is None else counted.where(users.c.role.in_(roles))) or 0
    await conn.execute(
        insert(broadcasts).values(
            id=notice.id,
            roles=roles,
            payload=asdict(notice),
            recipients=recipients,
            created_at=now(),
        )
    )
    return recipients


async def claim(conn: AsyncConnection) -> Broadcast | None:
    """The oldest broadcast that is not done and that nobody else is at, held until the transaction ends."""
    row = (await conn.execute(_CLAIM)).one_or_none()
    if row is None:
        return None
    return Broadcast(row.id, Notice(**row.payload), row.roles, row.recipients, row.reached, row.cursor)


async def following(conn: AsyncConnection, broadcast: Broadcast, limit: int) -> list[str]:
    """The people to reach next, ``limit`` at most."""
    query = select(users.c.id).order_by(users.c.id).limit(limit)
    if broadcast.cursor is not None:
        query = query.where(users.c.id > broadcast.cursor)
    if broadcast.roles is not None:
        # Each role in the order of its index: of several together the whole rest would be read and sorted each time.
        each = [query.where(users.c.role == role).subquery() for role in broadcast.roles]
        found = union_all(*(select(rows.c.id) for rows in each)).subquery()
        query = select(found.c.id).order_by(found.c.id).limit(limit)
    return list(await conn.scalars(query))


async def advance(conn: AsyncConnection, broadcast: Broadcast, reached: Sequence[str], *, done: bool) -> None:
    """Note whom a batch has reached, and whether there is nobody left."""
    change: dict[str, Any] = {"reached": broadcast.reached + len(reached), "done_at": now() if done else None}
    if reached:
        change["cursor"] = reached[-1]
    await conn.execute(update(broadcasts).where(broadcasts.c.id == broadcast.id).values(**change))


async def waiting(conn: AsyncConnection) -> tuple[int, int]:
    """How many broadcasts are not done, and how many people they have yet to reach."""
    row = (await conn.execute(_WAITING)).one()
    return int(row[0]), int(row[1])


async def expire(conn: AsyncConnection, before: str) -> int:
    """Forget broadcasts that were done before a moment; returns how many."""
    return (await conn.execute(delete(broadcasts).where(broadcasts.c.done_at < before))).rowcount
