"""Ratings: what each person gives an entity, 1 to 5, and may give it anew."""

from sqlalchemy import Column, Integer, Table, Text, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models import engagement
from models.database import metadata
from models.engagement import Counts
from models.types import Timestamp, now

ratings = Table(
    "ratings",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("value", Integer, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
)


async def of(conn: AsyncConnection, entity: str, user_id: str) -> int | None:
    """What the person gave the entity, None for nothing yet."""
    value: int | None = await conn.scalar(
        select(ratings.c.value).where(ratings.c.entity == entity, ratings.c.user_id == user_id)
    )
    return value


async def put(conn: AsyncConnection, entity: str, user_id: str, value: int) -> Counts | None:
    """Rate an entity that is held: what it has then, None when the person had given it just that before."""
    before = await of(conn, entity, user_id)
    if before == value:
        return None
    upsert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(ratings)
    row = {"entity": entity, "user_id": user_id, "value": value, "updated_at": now()}
    await conn.execute(
        upsert.values(row).on_conflict_do_update(
            index_elements=[ratings.c.entity, ratings.c.user_id],
            set_={"value": upsert.excluded.value, "updated_at": upsert.excluded.updated_at},
        )
    )
    return await engagement.change(
        conn, entity, rating_sum=value - (before or 0), rating_count=0 if before is not None else 1
    )
