"""Likes: who likes what, each person once."""

from sqlalchemy import Column, Table, Text, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models import engagement
from models.database import metadata
from models.types import Timestamp, now

likes = Table(
    "likes",
    metadata,
    Column("entity", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("created_at", Timestamp, nullable=False),
)


async def is_liked(conn: AsyncConnection, entity: str, user_id: str) -> bool:
    """Whether the person likes the entity."""
    query = select(likes.c.user_id).where(likes.c.entity == entity, likes.c.user_id == user_id)
    return (await conn.execute(query)).one_or_none() is not None


async def add(conn: AsyncConnection, entity: str, user_id: str) -> int | None:
    """Let a person like an entity that is held: how many do then; None when this one did already."""
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    row = {"entity": entity, "user_id": user_id, "created_at": now()}
    done = await conn.execute(make(likes).values(row).on_conflict_do_nothing())
    return (await engagement.change(conn, entity, like_count=1)).likes if done.rowcount > 0 else None


async def remove(conn: AsyncConnection, entity: str, user_id: str) -> int | None:
    """Take a person's like of an entity that is held back: how many remain; None when there was none."""
    done = await conn.execute(delete(likes).where(likes.c.entity == entity, likes.c.user_id == user_id))
    return (await engagement.change(conn, entity, like_count=-1)).likes if done.rowcount > 0 else None
