"""Conflicts about documents: a text that was parked becomes the document's, or what is there stays."""

from typing import Any

from handlers import conflicts
from handlers.base import Context
from handlers.document_saves import COLLECTION, rewrite_now
from handlers.documents import whole
from handlers.errors import Invalid, NotFound


async def _carry_out(ctx: Context, row: Any, data: dict[str, Any] | None) -> dict[str, Any]:
    content = (data or {}).get("content")
    if not isinstance(content, str):
        raise Invalid("A document is resolved with a text.", {"data": ["Must be an object with content, a text."]})
    return await rewrite_now(ctx, row.record_id, content)


async def _present(ctx: Context, row: Any) -> dict[str, Any] | None:
    try:
        return await whole(ctx, row.record_id)
    except NotFound:
        return None


conflicts.KINDS[COLLECTION] = conflicts.Kind(_carry_out, _present)
