"""Saves: what people have put aside for later, each thing once; who did is nobody else's business."""

from typing import Any

from sqlalchemy import Column, Index, Table, Text, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models import engagement
from models.database import metadata
from models.ids import new_id
from models.types import Timestamp, now

saves = Table(
    "saves",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("entity", Text, primary_key=True),
    Column("id", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Index("uq_saves_user_id_id", "user_id", "id", unique=True),
)


def wire(row: Any) -> dict[str, Any]:
    """Something saved: ``{id, entityType, entityId, createdAt}``."""
    kind, id = engagement.parts(row.entity)
    return {"id": row.id, "entityType": kind, "entityId": id, "createdAt": row.created_at}


async def is_saved(conn: AsyncConnection, entity: str, user_id: str) -> bool:
    """Whether the person has saved the entity."""
    query = select(saves.c.id).where(saves.c.user_id == user_id, saves.c.entity == entity)
    return (await conn.execute(query)).one_or_none() is not None


async def add(conn: AsyncConnection, entity: str, user_id: str) -> int | None:
    """Save an entity that is held for a person: how many have then; None when this one had already."""
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    row = {"user_id": user_id, "entity": entity, "id": new_id(), "created_at": now()}
    done = await conn.execute(
        make(saves).values(row).on_conflict_do_nothing(index_elements=[saves.c.user_id, saves.c.entity])
    )
    return (await engagement.change(conn, entity, save_count=1)).saves if done.rowcount > 0 else None


async def remove(conn: AsyncConnection, entity: str, user_id: str) -> int | None:
    """Let go what a person saved, the entity being held: how many have it still; None when this one had not."""
    done = await conn.execute(delete(saves).where(saves.c.user_id == user_id, saves.c.entity == entity))
    return (await engagement.change(conn, entity, save_count=-1)).saves if done.rowcount > 0 else None


async def page(
    conn: AsyncConnection, user_id: str, *, kind: str | None = None, before: str | None = None, limit: int
) -> tuple[list[Any], bool]:
    """What a person has saved (of one type, if ``kind`` names it), newest first, and whether there is more."""
    query = select(saves).where(saves.c.user_id == user_id)
    if before is not None:
        query = query.where(saves.c.id < before)
    if kind is not None:
        query = query.where(saves.c.entity.startswith(f"{kind}:", autoescape=True))
    rows = list((await conn.execute(query.order_by(saves.c.id.desc()).limit(limit + 1))).all())
    return rows[:limit], len(rows) > limit
