"""Reactions: who answered a message with which emoji."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Table, Text, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.sets import as_set, one_of
from models.types import Timestamp, now

reactions = Table(
    "reactions",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("emoji", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("created_at", Timestamp, nullable=False),
)

SHOWN = 20
_OF_EMOJI = (reactions.c.message_id, reactions.c.emoji)
_BY_TIME = (reactions.c.created_at, reactions.c.user_id)
_EACH = (
    select(
        reactions.c.message_id,
        reactions.c.emoji,
        reactions.c.user_id,
        func.count().over(partition_by=_OF_EMOJI).label("total"),
        func.min(reactions.c.created_at).over(partition_by=_OF_EMOJI).label("since"),
        func.row_number().over(partition_by=_OF_EMOJI, order_by=_BY_TIME).label("place"),
    )
    .where(one_of(reactions.c.message_id, "ids"))
    .subquery()
)
_SUMMARIES = select(_EACH).where(_EACH.c.place <= SHOWN).order_by(_EACH.c.since, _EACH.c.emoji, _EACH.c.place)


async def add(conn: AsyncConnection, message_id: str, emoji: str, user_id: str) -> bool:
    """React; False when the person had already."""
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    done = await conn.execute(
        make(reactions)
        .values(message_id=message_id, emoji=emoji, user_id=user_id, created_at=now())
        .on_conflict_do_nothing()
    )
    return done.rowcount > 0


async def remove(conn: AsyncConnection, message_id: str, emoji: str, user_id: str) -> bool:
    """Take a reaction back; False when there was none."""
    done = await conn.execute(
        delete(reactions).where(
            reactions.c.message_id == message_id, reactions.c.emoji == emoji, reactions.c.user_id == user_id
        )
    )
    return done.rowcount > 0


async def clear(conn: AsyncConnection, message_id: str) -> None:
    """Take all reactions of a message away."""
    await conn.execute(delete(reactions).where(reactions.c.message_id == message_id))


async def summaries(conn: AsyncConnection, message_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """For each message ``[{emoji, count, userIds}]``: emojis by their first use, of each the first 20 people."""
    if not message_ids:
        return {}
    rows = await conn.execute(_SUMMARIES, {"ids": as_set(message_ids)})
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        emojis = found.setdefault(row.message_id, {})
        entry = emojis.setdefault(row.emoji, {"emoji": row.emoji, "count": row.total, "userIds": []})
        entry["userIds"].append(row.user_id)
    return {message_id: list(emojis.values()) for message_id, emojis in found.items()}
