"""Versions of documents: those that somebody gave a name, kept until the document goes, and the last ones of all.

The last ones (*bases*) hold the states that writers without Yjs may still have in front of them, so that what they send
is understood as a change of that.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.ids import new_id
from models.types import Timestamp, now

document_versions = Table(
    "document_versions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("document_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Index("ix_document_versions_document_id_id", "document_id", "id"),
)

document_bases = Table(
    "document_bases",
    metadata,
    Column("document_id", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("state", LargeBinary, nullable=False),
    Column("at", Timestamp, nullable=False, index=True),
)

_HEAD = tuple(column for column in document_versions.c if column.name != "content")
_PAGE = (
    select(*_HEAD)
    .where(document_versions.c.document_id == bindparam("document"), document_versions.c.id < bindparam("before"))
    .order_by(document_versions.c.id.desc())
    .limit(bindparam("count"))
)
# Behind every id.
_LAST = "~"


async def add(conn: AsyncConnection, document_id: str, name: str, version: int, content: str, user_id: str) -> Any:
    """Give what a document is now a name; the row."""
    row = {
        "id": new_id(),
        "document_id": document_id,
        "name": name,
        "version": version,
        "content": content,
        "user_id": user_id,
        "created_at": now(),
    }
    return (await conn.execute(insert(document_versions).values(row).returning(document_versions))).one()


async def get(conn: AsyncConnection, document_id: str, version_id: str) -> Any | None:
    """A named version of a document, or None."""
    return (
        await conn.execute(
            select(document_versions).where(
                document_versions.c.id == version_id, document_versions.c.document_id == document_id
            )
        )
    ).one_or_none()


async def count(conn: AsyncConnection, document_id: str) -> int:
    """How many named versions a document has."""
    counted = select(func.count()).select_from(document_versions)
    return await conn.scalar(counted.where(document_versions.c.document_id == document_id)) or 0


async def page(conn: AsyncConnection, document_id: str, before: str | None, limit: int) -> tuple[Sequence[Any], bool]:
    """Named versions without their texts, newest first, and whether there are more."""
    asked = {"document": document_id, "before": before or _LAST, "count": limit + 1}
    rows = (await conn.execute(_PAGE, asked)).all()
    return rows[:limit], len(rows) > limit


async def note_base(conn: AsyncConnection, document_id: str, version: int, state: bytes, keep: int) -> None:
    """Keep the state of a version, and of the versions before it the newest ``keep``."""
    await conn.execute(insert(document_bases).values(document_id=document_id, version=version, state=state, at=now()))
    await conn.execute(
        delete(document_bases).where(
            document_bases.c.document_id == document_id, document_bases.c.version <= version - keep
        )
    )


async def base(conn: AsyncConnection, document_id: str, version: int) -> bytes | None:
    """The state that a version had; None when it is not kept any more."""
    found: bytes | None = await conn.scalar(
        select(document_bases.c.state).where(
            document_bases.c.document_id == document_id, document_bases.c.version == version
        )
    )
    return found


async def expire(conn: AsyncConnection, before: str) -> int:
    """Forget the states of versions that ceased to be the newest before a moment; returns how many."""
    return (await conn.execute(delete(document_bases).where(document_bases.c.at < before))).rowcount


async def remove_all(conn: AsyncConnection, document_id: str) -> None:
    """Forget every version of a document."""
    await conn.execute(delete(document_versions).where(document_versions.c.document_id == document_id))
    await conn.execute(delete(document_bases).where(document_bases.c.document_id == document_id))
