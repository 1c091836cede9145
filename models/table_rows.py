"""Rows of an application's own table, as their changes tell of them."""

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.table_columns import SETTINGS, TableShape, fitted, quoted

# How many rows are read at a time.
_BATCH = 100
_SET = text(
    "SELECT "
    + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in SETTINGS.items())
    + ", set_config('hubbub.reader', :reader, true)"
)


async def pages(conn: AsyncConnection, shape: TableShape, owner_id: str | None) -> AsyncIterator[Sequence[str]]:
    """All rows as JSON text, those with the highest keys first; takes a connection within ``one_moment``.

    With ``owner_id`` this owner's alone.
    """
    await conn.execute(_SET, {"reader": owner_id or ""})
    owned = "" if owner_id is None else f" WHERE {shape.owner} = current_setting('hubbub.reader')"
    order = ", ".join(f"r.{quoted(name)} DESC" for name in shape.key)
    await conn.exec_driver_sql(
        "DECLARE hubbub_rows NO SCROLL CURSOR FOR"
        f" SELECT ({fitted('s.seen', shape.config)})::text"
        f" FROM (SELECT {shape.row} AS seen FROM {shape.sql_name} AS r{owned} ORDER BY {order}) AS s"
    )
    while True:
        rows = (await conn.exec_driver_sql(f"FETCH {_BATCH} FROM hubbub_rows")).scalars().all()
        yield rows
        if len(rows) < _BATCH:
            return
