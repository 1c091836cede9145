"""The updates of documents that are not folded into their states yet: Yjs's bytes, as they came."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text, bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.types import Timestamp, now

document_updates = Table(
    "document_updates",
    metadata,
    Column("document_id", Text, primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("bytes", LargeBinary, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("at", Timestamp, nullable=False),
)

_AFTER = (
    select(document_updates.c.n, document_updates.c.bytes)
    .where(document_updates.c.document_id == bindparam("document"), document_updates.c.n > bindparam("after"))
    .order_by(document_updates.c.n)
)


async def append(conn: AsyncConnection, updates: Sequence[tuple[str, int, bytes, str]]) -> None:
    """Write updates: (document, number, bytes, user). Their documents are locked."""
    moment = now()
    rows = [
        {"document_id": document, "n": number, "bytes": data, "user_id": user, "at": moment}
        for document, number, data, user in updates
    ]
    await conn.execute(insert(document_updates), rows)


async def after(conn: AsyncConnection, document_id: str, number: int) -> list[tuple[int, bytes]]:
    """The updates later than ``number``, with their numbers, in their order."""
    rows = await conn.execute(_AFTER, {"document": document_id, "after": number})
    return [(row.n, row.bytes) for row in rows]


async def size_after(conn: AsyncConnection, document_id: str, number: int) -> int:
    """How many bytes the updates later than ``number`` have."""
    total = select(func.coalesce(func.sum(func.length(document_updates.c.bytes)), 0))
    found: Any = await conn.scalar(
        total.where(document_updates.c.document_id == document_id, document_updates.c.n > number)
    )
    return int(found)


async def fold(conn: AsyncConnection, document_id: str, number: int | None = None) -> None:
    """Forget the updates up to ``number`` (None: all), which stand in the document's state."""
    statement = delete(document_updates).where(document_updates.c.document_id == document_id)
    await conn.execute(statement if number is None else statement.where(document_updates.c.n <= number))
