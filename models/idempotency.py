"""Results of creating actions, kept under the id that the client chose for them."""

from typing import Any

from sqlalchemy import Column, Table, Text, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.types import Json, Timestamp, now

results = Table(
    "results",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("action", Text, primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("result", Json, nullable=False),
    Column("created_at", Timestamp, nullable=False, index=True),
)


async def first_result(conn: AsyncConnection, user_id: str, action: str, client_id: str) -> tuple[bool, Any]:
    """Whether this was done before, and what it answered then."""
    row = (
        await conn.execute(
            select(results.c.result).where(
                results.c.user_id == user_id, results.c.action == action, results.c.client_id == client_id
            )
        )
    ).one_or_none()
    return (False, None) if row is None else (True, row.result)


async def keep_result(conn: AsyncConnection, user_id: str, action: str, client_id: str, result: Any) -> None:
    """Keep the answer; a unique violation means that another transaction was first, and this one is to be run again."""
    await conn.execute(
        insert(results).values(user_id=user_id, action=action, client_id=client_id, result=result, created_at=now())
    )


async def expire(conn: AsyncConnection, before: str) -> int:
    """Delete results older than ``before``; returns how many."""
    return (await conn.execute(delete(results).where(results.c.created_at < before))).rowcount
