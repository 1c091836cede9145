"""Record versions: what records were before, kept for a while as what stale writes are compared with.

A version is kept from the moment that another takes its place, so that whoever has just read it finds it here.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Table, Text, bindparam, column, delete, insert, select, table, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.types import Json, Timestamp

record_versions = Table(
    "record_versions",
    metadata,
    Column("collection", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    # Null for the version that deleted the record.
    Column("data", Json),
    Column("owner_id", Text),
    Column("updated_at", Timestamp, nullable=False),
    Column("updated_by", Text),
    Column("replaced_at", Timestamp, nullable=False, index=True),
)

_COPIED = ("collection", "id", "version", "data", "owner_id", "updated_at", "updated_by")
_NOW = table("records", *map(column, _COPIED))
_KEEP = insert(record_versions).from_select(
    ["collection", "record_id", *_COPIED[2:], "replaced_at"],
    select(*(_NOW.c[name] for name in _COPIED), bindparam("moment", type_=Timestamp)).where(
        _NOW.c.collection == bindparam("name"), _NOW.c.id == bindparam("record")
    ),
)
_ONE = select(record_versions).where(
    record_versions.c.collection == bindparam("name"),
    record_versions.c.record_id == bindparam("record"),
    record_versions.c.version == bindparam("number"),
)
_KEY = (record_versions.c.collection, record_versions.c.record_id, record_versions.c.version)
_OLDEST = (
    select(*_KEY)
    .where(record_versions.c.replaced_at < bindparam("moment", type_=Timestamp))
    .order_by(record_versions.c.replaced_at)
    .limit(bindparam("count"))
)
_EXPIRE = delete(record_versions).where(tuple_(*_KEY).in_(_OLDEST))


async def keep(conn: AsyncConnection, collection: str, record_id: str, moment: str) -> None:
    """Keep the present version of a record that is about to be replaced."""
    await conn.execute(_KEEP, {"name": collection, "record": record_id, "moment": moment})


async def get(conn: AsyncConnection, collection: str, record_id: str, version: int) -> Any | None:
    """A version that was replaced; None when it is kept no longer."""
    return (await conn.execute(_ONE, {"name": collection, "record": record_id, "number": version})).one_or_none()


async def expire(conn: AsyncConnection, before: str, count: int) -> int:
    """Delete versions that were replaced before that moment, the oldest first and so many at most; returns how many."""
    return (await conn.execute(_EXPIRE, {"moment": before, "count": count})).rowcount
