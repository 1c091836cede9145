"""Ratings: one to five stars from each person, who may change their mind."""

from typing import Any

from handlers import access
from handlers.base import Context, handles
from handlers.entities import OneEntity
from handlers.payload import Whole
from models import engagement, ratings

_PATH = "/api/{type}/{id}/rating"


class SetRating(OneEntity):
    """``rating:set``."""

    value = Whole(1, 5, required=True)


@handles("rating:set", SetRating, rest=("POST", _PATH))
async def set_rating(ctx: Context, type: str, id: str, value: int) -> dict[str, Any]:
    """Rate an entity, instead of what one gave it before."""
    entity = await access.engaged(ctx, type, id)
    held = await engagement.lock(ctx.conn, entity)
    changed = await ratings.put(ctx.conn, entity, ctx.user.id, value)
    if changed is not None:
        ctx.publish(f"{entity}:rating", "rating:changed", changed.rating)
    return (changed or held).rating | {"mine": value}


@handles("rating:get", OneEntity, rest=("GET", _PATH), reads=True, audience=("user", "visitor", "backend"))
async def get_rating(ctx: Context, type: str, id: str) -> dict[str, Any]:
    """The average of an entity's ratings, how many there are, and the actor's own."""
    entity = await access.engaged(ctx, type, id)
    mine = await ratings.of(ctx.conn, entity, ctx.actor.user.id) if ctx.actor.user is not None else None
    return (await engagement.get(ctx.conn, entity)).rating | {"mine": mine}
