"""Typing: who is writing at this moment. Nothing of it is stored."""

from typing import Any

from handlers import access
from handlers.base import Context, handles
from handlers.errors import Invalid
from handlers.payload import Payload, channel_name


class Typing(Payload):
    """``typing:start`` and ``typing:stop``."""

    channel = channel_name()


@handles("typing:start", Typing, reads=True, speaks=True)
async def start_typing(ctx: Context, channel: str) -> dict[str, Any]:
    """Tell the channel that the actor types; it ends by itself unless it is repeated."""
    channel = await _typed_in(ctx, channel)
    ctx.services.typing.start(channel, ctx.user, ctx.actor.connection)
    return {"channel": channel}


@handles("typing:stop", Typing, reads=True)
async def stop_typing(ctx: Context, channel: str) -> dict[str, Any]:
    """Tell the channel that the actor types no longer."""
    channel = access.canonical(channel, ctx.services.rules)
    ctx.services.typing.stop(channel, ctx.user.id)
    return {"channel": channel}


async def _typed_in(ctx: Context, name: str) -> str:
    target = access.parse(name, ctx.services.rules)
    if target.kind == "room":
        seat = await access.membership(ctx, target.id)
        access.require_active(seat.room)
    elif not (target.kind == "community" or target.topic == "comments"):
        raise Invalid("Nobody types here.", {"channel": ["Must be a room, an entity's comments or community."]})
    else:
        await access.require_read(ctx, name)
    return access.canonical(name, ctx.services.rules)
