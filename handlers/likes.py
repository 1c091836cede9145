"""Likes: saying that one likes an entity, and taking it back."""

from typing import Any

from handlers import access
from handlers.base import Context, handles
from handlers.entities import OneEntity
from handlers.payload import Flag
from models import engagement, likes

_PATH = "/api/{type}/{id}/like"


class SetLike(OneEntity):
    """``like:set``."""

    liked = Flag(required=True)


@handles("like:toggle", OneEntity, rest=("POST", _PATH), speaks=True)
async def toggle_like(ctx: Context, type: str, id: str) -> dict[str, Any]:
    """Like an entity, or take one's like back if there is one."""
    return await _like(ctx, await access.engaged(ctx, type, id), None)


@handles("like:set", SetLike, rest=("PUT", _PATH), speaks=True)
async def set_like(ctx: Context, type: str, id: str, liked: bool) -> dict[str, Any]:
    """Like an entity or not; a second time changes nothing."""
    return await _like(ctx, await access.engaged(ctx, type, id), liked)


@handles("like:get", OneEntity, rest=("GET", _PATH), reads=True, audience=("user", "visitor", "backend"))
async def get_like(ctx: Context, type: str, id: str) -> dict[str, Any]:
    """How many people like an entity, and whether the actor does."""
    entity = await access.engaged(ctx, type, id)
    mine = ctx.actor.user is not None and await likes.is_liked(ctx.conn, entity, ctx.actor.user.id)
    return {"liked": mine, "count": (await engagement.get(ctx.conn, entity)).likes}


async def _like(ctx: Context, entity: str, wanted: bool | None) -> dict[str, Any]:
    """Make the actor like it, or not, or the opposite of what is now."""
    held = await engagement.lock(ctx.conn, entity)
    if wanted is None:
        wanted = not await likes.is_liked(ctx.conn, entity, ctx.user.id)
    count = await (likes.add if wanted else likes.remove)(ctx.conn, entity, ctx.user.id)
    if count is None:
        return {"liked": wanted, "count": held.likes}
    action = "like" if wanted else "unlike"
    ctx.publish(f"{entity}:likes", "like:changed", {"count": count, "action": action, "userId": ctx.user.id})
    return {"liked": wanted, "count": count}
