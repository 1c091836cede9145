"""Records: what an application keeps in a collection, and what has become of it.

A record that is deleted leaves its row without data, so that its versions go on when the id is used again, and its
place in the order stays where somebody's next page begins.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Table,
    Text,
    bindparam,
    delete,
    literal_column,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models import record_versions
from models.database import metadata
from models.ids import new_id
from models.sets import as_set, pair_of
from models.types import Json, Timestamp, now

# Written out, because a planner takes an index of some rows only for a condition that says which.
_THERE = text("data IS NOT NULL")

records = Table(
    "records",
    metadata,
    Column("collection", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    # The order of lists: renewed when a deleted record's id is used again.
    Column("position", Text, nullable=False),
    Column("data", Json),
    # Counts every change; 0 for a place that was only just taken.
    Column("version", BigInteger, nullable=False),
    Column("owner_id", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Column("updated_by", Text),
    Index("ix_records_collection_position", "collection", "position", sqlite_where=_THERE, postgresql_where=_THERE),
    Index("ix_records_owner_id", "collection", "owner_id", "position", sqlite_where=_THERE, postgresql_where=_THERE),
)

_ONE = select(records).where(records.c.collection == bindparam("name"), records.c.id == bindparam("record"))
_LOCKED = _ONE.with_for_update()
# An update that changes nothing locks the row, whether it was there or not.
_TAKE_ALL = text(
    "INSERT INTO records (collection, id, position, version, created_at, updated_at)"
    " SELECT value->>0, value->>1, value->>2, 0, now(), now()"
    " FROM json_array_elements(CAST(:wanted AS json)) WITH ORDINALITY AS t(value, place) ORDER BY place"
    " ON CONFLICT (collection, id) DO UPDATE SET id = excluded.id"
)
_GIVE_BACK = delete(records).where(
    pair_of(records.c.collection, records.c.id, "pairs"), records.c.version == literal_column("0")
)
_POSITION = select(records.c.position).where(
    records.c.collection == bindparam("name"), records.c.id == bindparam("record")
)
_CHANGE = (
    update(records)
    .where(records.c.collection == bindparam("name"), records.c.id == bindparam("record"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in ("position", "data", "version", "owner_id", "created_at", "updated_at", "updated_by")
        }
    )
    .returning(records)
)
# The data as text: who reads a page wants to know how long it is before it is taken apart.
_LISTED = select(
    *(column for column in records.c if column.name != "data"), type_coerce(records.c.data, Text).label("json")
).where(records.c.collection == bindparam("name"), records.c.data.is_not(None))
_BEFORE = records.c.position < bindparam("before")
_OWN = records.c.owner_id == bindparam("owner")
_NEWEST_FIRST = records.c.position.desc()


def wire(row: Any, data: Any) -> dict[str, Any]:
    """The record of the contract's section 9; once it is deleted its data are null."""
    return {
        "id": row.id,
        "collection": row.collection,
        "data": data,
        "version": row.version,
        "ownerId": row.owner_id,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "updatedBy": row.updated_by,
    }


async def get(conn: AsyncConnection, collection: str, record_id: str) -> Any | None:
    """The record's row, of a deleted one too, or None."""
    return (await conn.execute(_ONE, {"name": collection, "record": record_id})).one_or_none()


async def lock(conn: AsyncConnection, collection: str, record_id: str) -> Any | None:
    """The same, held until the transaction ends: what changes it takes its turn here."""
    return (await conn.execute(_LOCKED, {"name": collection, "record": record_id})).one_or_none()


async def take_all(conn: AsyncConnection, pairs: Iterable[tuple[str, str]]) -> None:
    """Hold records, by collection and id, always in one order, so that two who take several do not wait in a ring.

    Of those that are not there a place is held, which is to be given back.
    """
    wanted = [(collection, id, new_id()) for collection, id in sorted(set(pairs))]
    # SQLite has one writer, who need hold nothing.
    if conn.dialect.name == "postgresql" and wanted:
        await conn.execute(_TAKE_ALL, {"wanted": orjson.dumps(wanted).decode()})


async def give_back(conn: AsyncConnection, pairs: Iterable[tuple[str, str]]) -> None:
    """Remove those places that were taken and that nothing came to."""
    wanted = set(pairs)
    if conn.dialect.name == "postgresql" and wanted:
        await conn.execute(_GIVE_BACK, {"pairs": as_set(wanted)})


async def take(conn: AsyncConnection, collection: str, record_id: str) -> Any:
    """The record's row, held; a place for it, with version 0 and without data, if there was none."""
    held = await lock(conn, collection, record_id)
    if held is not None:
        return held
    moment = now()
    upsert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(records)
    place = {
        "collection": collection,
        "id": record_id,
        "position": new_id(),
        "version": 0,
        "created_at": moment,
        "updated_at": moment,
    }
    # Somebody else may have been quicker; an update that changes nothing locks their row.
    statement = upsert.on_conflict_do_update(
        index_elements=[records.c.collection, records.c.id], set_={"id": upsert.excluded.id}
    ).returning(records)
    return (await conn.execute(statement, [place])).one()


async def write(conn: AsyncConnection, row: Any, data: Any, *, by: str | None, owner_id: str | None) -> Any:
    """Give a record that is held its next version, and return its row; ``data`` None deletes it.

    ``owner_id`` counts for one that was not there. The version before is kept among the record's versions.
    """
    moment = now()
    if row.version:
        await record_versions.keep(conn, row.collection, row.id, moment)
    begins = row.data is None and data is not None
    changed = {
        "name": row.collection,
        "record": row.id,
        "new_position": new_id() if begins else row.position,
        "new_data": data,
        "new_version": row.version + 1,
        "new_owner_id": owner_id if begins else row.owner_id,
        "new_created_at": moment if begins else row.created_at,
        "new_updated_at": moment,
        "new_updated_by": by,
    }
    return (await conn.execute(_CHANGE, changed)).one()


async def position_of(conn: AsyncConnection, collection: str, record_id: str) -> str | None:
    """The place of a record in the order of lists, also of a deleted one; None when it never was."""
    found: str | None = await conn.scalar(_POSITION, {"name": collection, "record": record_id})
    return found


async def page(
    conn: AsyncConnection, collection: str, *, owner_id: str | None, before: str | None, limit: int
) -> Sequence[Any]:
    """Records that there are, newest first, with their data as JSON text in ``json``.

    Args:
        owner_id: this owner's alone; None: everybody's.
        before: the place that they lie before; None: from the newest on.
    """
    query = _LISTED
    given: dict[str, Any] = {"name": collection}
    if owner_id is not None:
        query, given = query.where(_OWN), given | {"owner": owner_id}
    if before is not None:
        query, given = query.where(_BEFORE), given | {"before": before}
    return (await conn.execute(query.order_by(_NEWEST_FIRST).limit(limit), given)).all()


def listed(row: Any) -> dict[str, Any]:
    """A row of ``page`` as it leaves."""
    return wire(row, orjson.loads(row.json))
