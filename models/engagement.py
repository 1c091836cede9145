"""Engagement: what an entity has of comments, ratings, likes, saves and images, as numbers that are kept exactly.

Whoever changes one of them takes the entity's row first (after rooms, before inboxes and channels), so that each
change sees the one before, and the counts that leave are true in the order in which they leave.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, Table, Text, bindparam, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.event_log import channels

engagement = Table(
    "engagement",
    metadata,
    Column("entity", Text, primary_key=True),
    # Numbers comments in the order of their commits, which the ids of two workers need not follow.
    Column("comment_seq", BigInteger, nullable=False, server_default="0"),
    Column("comment_count", Integer, nullable=False, server_default="0"),
    Column("like_count", Integer, nullable=False, server_default="0"),
    Column("save_count", Integer, nullable=False, server_default="0"),
    Column("rating_sum", BigInteger, nullable=False, server_default="0"),
    Column("rating_count", Integer, nullable=False, server_default="0"),
    Column("image_count", Integer, nullable=False, server_default="0"),
)

_GET = select(engagement).where(engagement.c.entity == bindparam("entity_id"))

_NOTHING = select(literal(1).label("one")).subquery()
# One statement, because two could stand on either side of a commit.
_AT = (
    select(engagement, channels.c.seq)
    .select_from(_NOTHING)
    .outerjoin(engagement, engagement.c.entity == bindparam("entity_id"))
    .outerjoin(channels, channels.c.name == bindparam("channel"))
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What an entity has at one moment."""

    comments: int = 0
    likes: int = 0
    saves: int = 0
    rating_sum: int = 0
    rating_count: int = 0
    images: int = 0

    @property
    def rating(self) -> dict[str, Any]:
        """``{averageRating, ratingCount}``: the average to two decimals, halves upwards, and 0 where nobody rated."""
        hundredths = (200 * self.rating_sum + self.rating_count) // (2 * self.rating_count) if self.rating_count else 0
        return {"averageRating": hundredths / 100, "ratingCount": self.rating_count}


def parts(entity: str) -> tuple[str, str]:
    """The type and the id of an entity."""
    kind, _, id = entity.partition(":")
    return kind, id


async def get(conn: AsyncConnection, entity: str) -> Counts:
    """What an entity has; nothing of all when nobody ever engaged with it."""
    return _counts((await conn.execute(_GET, {"entity_id": entity})).one_or_none())


async def at(conn: AsyncConnection, entity: str, channel: str) -> tuple[Counts, int]:
    """What an entity has, and the number of a channel's newest event at that same moment."""
    row = (await conn.execute(_AT, {"entity_id": entity, "channel": channel})).one()
    return (Counts() if row.entity is None else _counts(row)), row.seq or 0


async def lock(conn: AsyncConnection, entity: str) -> Counts:
    """The same, held until the transaction ends: everything that changes it takes its turn here."""
    upsert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(engagement)
    # An update that changes nothing locks the row, whether it was there or not.
    held = upsert.on_conflict_do_update(
        index_elements=[engagement.c.entity], set_={"entity": upsert.excluded.entity}
    ).returning(engagement)
    return _counts((await conn.execute(held, [{"entity": entity}])).one())


async def change(conn: AsyncConnection, entity: str, **by: int) -> Counts:
    """Add to columns of an entity that is held, and return what it has then."""
    values = {name: engagement.c[name] + difference for name, difference in by.items()}
    return _counts(
        (
            await conn.execute(
                update(engagement).where(engagement.c.entity == entity).values(values).returning(engagement)
            )
        ).one()
    )


async def next_position(conn: AsyncConnection, entity: str) -> int:
    """The place of a new comment on an entity that is held: behind all that were committed before."""
    return (
        await conn.execute(
            update(engagement)
            .where(engagement.c.entity == entity)
            .values(comment_seq=engagement.c.comment_seq + 1)
            .returning(engagement.c.comment_seq)
        )
    ).scalar_one()


def _counts(row: Any) -> Counts:
    if row is None:
        return Counts()
    return Counts(row.comment_count, row.like_count, row.save_count, row.rating_sum, row.rating_count, row.image_count)
