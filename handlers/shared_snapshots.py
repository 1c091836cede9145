"""Snapshots of collections and tables: the records or rows that somebody may read and wants to hear of."""

import logging
from typing import Any

import orjson

from handlers import policies, record_pages
from handlers.access import Channel
from handlers.base import Context
from handlers.errors import Unavailable
from handlers.filters import Filter
from models import event_log, table_columns, table_rows
from models.database import one_moment
from models.table_columns import TableConfig, Unfit

log = logging.getLogger("hubbub.tables")


async def at(ctx: Context, place: Channel, channel: str, wanted: Filter | None) -> tuple[dict[str, Any], int]:
    """The first page of what there is, and the number of the channel's newest event at that same moment."""
    async with one_moment(ctx.conn):
        seq = await event_log.newest(ctx.conn, channel)
        read = _collection if place.kind == "collection" else _table
        return await read(ctx, place.id, wanted), seq


async def _collection(ctx: Context, name: str, wanted: Filter | None) -> dict[str, Any]:
    rules = ctx.services.rules
    own = policies.require(rules.collections[name].read, ctx.actor, "read this collection") == "own"
    return await record_pages.read(
        ctx,
        name,
        owner_id=ctx.user.id if own else None,
        wanted=wanted,
        before=None,
        limit=rules.snapshot_records,
    )


async def _table(ctx: Context, name: str, wanted: Filter | None) -> dict[str, Any]:
    rules = ctx.services.rules
    table = rules.tables[name]
    own = policies.require(table.read, ctx.actor, "read this table") == "own"
    try:
        shape = await table_columns.shape_of(
            ctx.conn,
            TableConfig(table.schema, table.name, table.columns, table.owner, rules.record_bytes, rules.table_rows),
        )
    except Unfit as error:
        log.warning("A watched table cannot be read", extra={"cause": str(error)})
        raise Unavailable("The table cannot be read now; the server's log tells why.") from error
    page = record_pages.Page(ctx, wanted, rules.snapshot_records)
    async for rows in table_rows.pages(ctx.conn, shape, ctx.user.id if own else None):
        for text in rows:
            await page.pause()
            row = orjson.loads(text)
            if not page.take(row, row, len(text)) or page.tired:
                return {"records": page.found, "hasMore": True}
    return {"records": page.found, "hasMore": False}
