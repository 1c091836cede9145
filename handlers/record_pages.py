"""Pages of a collection's records, newest first: bounded by their number, their bytes, and how much is looked at."""

import asyncio
from collections.abc import Sequence
from typing import Any

from handlers.base import Context
from handlers.filters import Filter
from models import records

# How many records are read at a time where not every one is wanted.
_BATCH = 50
# How many bytes of records are looked at in one turn of the loop.
_TURN_BYTES = 65_536
# What a record counts that is looked at, however small it is.
LEAST_BYTES = 200


class Page:
    """A page that grows until it is full, or enough was looked at."""

    def __init__(self, ctx: Context, wanted: Filter | None, limit: int) -> None:
        self._rules = ctx.services.rules
        self._wanted = wanted
        self._limit = limit
        self._told = 0
        self._looked_at = self._paused = 0
        self.found: list[Any] = []

    def take(self, thing: Any, data: Any, size: int) -> bool:
        """Take a thing with this ``data`` and so many bytes if it is wanted; False when the page is full already."""
        if self._wanted is None or self._wanted.matches(data):
            self._told += size
            if len(self.found) == self._limit or (self.found and self._told > self._rules.record_page_bytes):
                return False
            self.found.append(thing)
        self._looked_at += max(size, LEAST_BYTES)
        return True

    async def pause(self) -> None:
        """Let others have their turn, once a good deal was looked at."""
        if self._looked_at - self._paused > _TURN_BYTES:
            self._paused = self._looked_at
            await asyncio.sleep(0)

    @property
    def tired(self) -> bool:
        """Whether enough was looked at for what was found."""
        return self._wanted is not None and self._looked_at > self._rules.record_scan_bytes


async def read(
    ctx: Context, collection: str, *, owner_id: str | None, wanted: Filter | None, before: str | None, limit: int
) -> dict[str, Any]:
    """``{records, hasMore}``: the page that lies before a place in the order, or the first.

    One that ends because much was looked at has ``next``, the id before which the following one goes on.
    """
    page = Page(ctx, wanted, limit)
    size = limit + 1 if wanted is None else _BATCH
    while True:
        rows: Sequence[Any] = await records.page(ctx.conn, collection, owner_id=owner_id, before=before, limit=size)
        for row in rows:
            record = records.listed(row)
            if not page.take(record, record["data"], len(row.json)):
                return {"records": page.found, "hasMore": True}
            await page.pause()
            before = row.position
            if page.tired:
                return {"records": page.found, "hasMore": True, "next": row.id}
        if len(rows) < size:
            return {"records": page.found, "hasMore": False}
