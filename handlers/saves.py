"""Saves: putting an entity aside for later. How many people did is public, who did is not."""

from typing import Any

from handlers import access
from handlers.base import Context, handles
from handlers.entities import OneEntity
from handlers.payload import Flag, Id, Payload, limit
from models import engagement, saves

_PATH = "/api/{type}/{id}/save"


class SetSave(OneEntity):
    """``save:set``."""

    saved = Flag(required=True)


class ListSaves(Payload):
    """``save:list``."""

    type = Id()
    before = Id()
    limit = limit(50, 100)


@handles("save:toggle", OneEntity, rest=("POST", _PATH))
async def toggle_save(ctx: Context, type: str, id: str) -> dict[str, Any]:
    """Save an entity, or let it go if it is saved."""
    return await _save(ctx, await access.engaged(ctx, type, id), None)


@handles("save:set", SetSave, rest=("PUT", _PATH))
async def set_save(ctx: Context, type: str, id: str, saved: bool) -> dict[str, Any]:
    """Save an entity or let it go; a second time changes nothing."""
    return await _save(ctx, await access.engaged(ctx, type, id), saved)


@handles("save:get", OneEntity, rest=("GET", _PATH), reads=True, audience=("user", "visitor", "backend"))
async def get_save(ctx: Context, type: str, id: str) -> dict[str, Any]:
    """How many people have saved an entity, and whether the actor has."""
    entity = await access.engaged(ctx, type, id)
    mine = ctx.actor.user is not None and await saves.is_saved(ctx.conn, entity, ctx.actor.user.id)
    return {"saved": mine, "count": (await engagement.get(ctx.conn, entity)).saves}


@handles("save:list", ListSaves, rest=("GET", "/api/saves"), reads=True)
async def list_saves(
    ctx: Context, type: str | None = None, before: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """What the actor has saved (of one type, if it is named), newest first."""
    found, more = await saves.page(ctx.conn, ctx.user.id, kind=type, before=before, limit=limit)
    return {"saves": [saves.wire(row) for row in found], "hasMore": more}


async def _save(ctx: Context, entity: str, wanted: bool | None) -> dict[str, Any]:
    """Make the actor have it, or not, or the opposite of what is now."""
    held = await engagement.lock(ctx.conn, entity)
    if wanted is None:
        wanted = not await saves.is_saved(ctx.conn, entity, ctx.user.id)
    count = await (saves.add if wanted else saves.remove)(ctx.conn, entity, ctx.user.id)
    if count is None:
        return {"saved": wanted, "count": held.saves}
    action = "save" if wanted else "unsave"
    ctx.publish(f"{entity}:saves", "save:changed", {"count": count, "action": action})
    return {"saved": wanted, "count": count}
