"""Leftovers: pictures whose files are to be removed, because they were deleted or never came to be.

Files and rows have no transaction in common. So before the files of a picture are written, the picture is entered here,
to be removed a while later; the transaction that makes it strikes it out. One that is deleted is entered by the
transaction that deletes it. Whatever dies in between, what stands here is found and removed.
"""

from collections.abc import Iterable

from sqlalchemy import Boolean, Column, Table, Text, bindparam, delete, func, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.sets import as_set, one_of
from models.types import Timestamp, now

leftovers = Table(
    "leftovers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("due_at", Timestamp, nullable=False, index=True),
    # Somebody has begun to remove the files: the picture cannot come to be any more.
    Column("is_taken", Boolean, nullable=False),
)

_FREE = leftovers.c.is_taken == literal_column("false")
_DUE = (
    select(leftovers.c.id)
    .where(leftovers.c.due_at <= bindparam("moment", type_=Timestamp))
    .order_by(leftovers.c.due_at)
    .limit(bindparam("count"))
    .with_for_update(skip_locked=True)
)
_FIRST = select(func.min(leftovers.c.due_at))
_TAKE = (
    update(leftovers)
    .where(one_of(leftovers.c.id, "ids"))
    .values(is_taken=True, due_at=bindparam("until", type_=Timestamp))
)
_FORGET = delete(leftovers).where(one_of(leftovers.c.id, "ids"))


async def expect(conn: AsyncConnection, picture_id: str, due: str) -> None:
    """Say that files of a picture are about to be written, to be removed at that moment unless they are kept."""
    await conn.execute(insert(leftovers).values(id=picture_id, due_at=due, is_taken=False))


async def keep(conn: AsyncConnection, picture_id: str) -> bool:
    """Strike out a picture that comes to be in this transaction; False when its files are being removed already."""
    return (await conn.execute(delete(leftovers).where(leftovers.c.id == picture_id, _FREE))).rowcount == 1


async def leave(conn: AsyncConnection, picture_id: str) -> None:
    """Have the files of a picture removed that is deleted in this transaction."""
    await conn.execute(insert(leftovers).values(id=picture_id, due_at=now(), is_taken=False))


async def is_due(conn: AsyncConnection) -> bool:
    """Whether files of any are to be removed by now."""
    first: str | None = await conn.scalar(_FIRST)
    return first is not None and first <= now()


async def take(conn: AsyncConnection, count: int, until: str) -> list[str]:
    """Take some whose files are due to be removed, ``count`` at most; after ``until`` others may try."""
    found = list((await conn.scalars(_DUE, {"moment": now(), "count": count})).all())
    if found:
        await conn.execute(_TAKE, {"ids": as_set(found), "until": until})
    return found


async def forget(conn: AsyncConnection, picture_ids: Iterable[str]) -> None:
    """Strike out those whose files are gone."""
    await conn.execute(_FORGET, {"ids": as_set(picture_ids)})
