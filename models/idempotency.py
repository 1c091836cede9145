"""Results of creating actions, kept under the id that the client chose for them."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Column, Table, Text, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.sets import as_set, one_of
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


async def first_results(
    conn: AsyncConnection, user_id: str, action: str, client_ids: Collection[str]
) -> dict[str, Any]:
    """What those of the client ids that were used before answered then."""
    if not client_ids:
        return {}
    rows = await conn.execute(
        select(results.c.client_id, results.c.result).where(
            results.c.user_id == user_id, results.c.action == action, one_of(results.c.client_id, "ids")
        ),
        {"ids": as_set(client_ids)},
    )
    return {row.client_id: row.result for row in rows}


async def keep_results(conn: AsyncConnection, user_id: str, action: str, answers: Mapping[str, Any]) -> None:
    """Keep the answers of several client ids, as ``keep_result`` does."""
    moment = now()
    rows = [
        {"user_id": user_id, "action": action, "client_id": client_id, "result": result, "created_at": moment}
        for client_id, result in sorted(answers.items())
    ]
    if rows:
        await conn.execute(insert(results), rows)


async def replace_result(conn: AsyncConnection, user_id: str, action: str, client_id: str, result: Any) -> None:
    """Answer something else from now on, because what was answered has changed; nothing when it is kept no longer."""
    await conn.execute(
        update(results)
        .where(results.c.user_id == user_id, results.c.action == action, results.c.client_id == client_id)
        .values(result=result)
    )


async def expire(conn: AsyncConnection, before: str) -> int:
    """Delete results older than ``before``; returns how many."""
    return (await conn.execute(delete(results).where(results.c.created_at < before))).rowcount
