"""Viewers: who looks at an entity at this moment."""

from typing import Any

from handlers import access
from handlers.base import Context, handles
from handlers.entities import OneEntity

_PATH = "/api/{type}/{id}/viewers"


@handles("viewers:track", OneEntity, rest=("POST", _PATH), reads=True)
async def track(ctx: Context, type: str, id: str) -> dict[str, Any]:
    """Look at an entity, for a while from each call on; who hears its channel need not call."""
    return await ctx.services.viewers.track(await access.engaged(ctx, type, id), ctx.user.id)


@handles("viewers:untrack", OneEntity, rest=("DELETE", _PATH), reads=True)
async def untrack(ctx: Context, type: str, id: str) -> dict[str, Any]:
    """Look away from an entity; who hears its channel is counted on."""
    return await ctx.services.viewers.untrack(access.entity(type, id, ctx.services.rules), ctx.user.id)


@handles("viewers:get", OneEntity, rest=("GET", _PATH), reads=True, audience=("user", "visitor", "backend"))
async def get_viewers(ctx: Context, type: str, id: str) -> dict[str, Any]:
    """How many people look at an entity, and the first five of them."""
    return await ctx.services.viewers.viewers(await access.engaged(ctx, type, id))
