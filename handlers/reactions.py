"""Reactions: answering a message with an emoji."""

import re
from typing import Any

from marshmallow import ValidationError

from handlers import access
from handlers.base import Context, handles
from handlers.errors import Invalid
from handlers.messages import written
from handlers.payload import Id, Payload, Text
from models import messages, reactions

EMOJIS_MAX = 50


class Emoji(Text):
    """An emoji, or a short name such as ``:tada:``: 32 code points at most, no white space."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(1, 32, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        emoji = super()._deserialize(value, attr, data, **kwargs)
        if re.search(r"\s", emoji):
            raise ValidationError("Must be an emoji.")
        return emoji


class React(Payload):
    """``message:react`` and ``message:unreact``."""

    message_id = Id(required=True)
    emoji = Emoji(required=True)


@handles("message:react", React, rest=("PUT", "/api/chat/messages/{messageId}/reactions/{emoji}"), speaks=True)
async def react(ctx: Context, message_id: str, emoji: str) -> dict[str, Any]:
    """Answer a message with an emoji; a second time changes nothing."""
    row, seat = await _reacted(ctx, message_id)
    access.require_active(seat.room)
    before = (await reactions.summaries(ctx.conn, [message_id])).get(message_id, [])
    if len(before) >= EMOJIS_MAX and emoji not in {each["emoji"] for each in before}:
        raise Invalid("This message has as many emojis as it can.", {"emoji": [f"Must be one of the {EMOJIS_MAX}."]})
    return await _tell(ctx, row, await reactions.add(ctx.conn, message_id, emoji, ctx.user.id))


@handles("message:unreact", React, rest=("DELETE", "/api/chat/messages/{messageId}/reactions/{emoji}"))
async def unreact(ctx: Context, message_id: str, emoji: str) -> dict[str, Any]:
    """Take one's reaction back; nothing happens when there is none."""
    row, _ = await _reacted(ctx, message_id)
    return await _tell(ctx, row, await reactions.remove(ctx.conn, message_id, emoji, ctx.user.id))


async def _reacted(ctx: Context, message_id: str) -> tuple[Any, access.Seat]:
    row, _ = await written(ctx, message_id)
    return row, await access.membership(ctx, row.room_id)


async def _tell(ctx: Context, row: Any, changed: bool) -> dict[str, Any]:
    message = (await messages.wires(ctx.conn, [row]))[0]
    if changed:
        ctx.publish(
            f"room:{row.room_id}",
            "message:reacted",
            {"messageId": row.id, "reactions": message["reactions"]},
        )
    return message
