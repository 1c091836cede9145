"""Read state: how far each member has read."""

from typing import Any

from handlers import access
from handlers.base import Context, handles
from handlers.payload import Id, Payload, Whole
from models import members


class Read(Payload):
    """``message:read``."""

    room_id = Id(required=True)
    seq = Whole(0, required=True)


@handles("message:read", Read, rest=("PUT", "/api/chat/rooms/{roomId}/read"))
async def read_messages(ctx: Context, room_id: str, seq: int) -> dict[str, Any]:
    """Note how far the actor has read: never back, and no farther than the newest message."""
    seat = await access.membership(ctx, room_id, lock=True)
    seq = min(seq, seat.room.message_seq)
    if seq > seat.member.last_read_seq:
        await members.read(ctx.conn, room_id, ctx.user.id, seq)
        ctx.publish(f"room:{room_id}", "message:read", {"userId": ctx.user.id, "seq": seq})
    [state] = await members.unread(ctx.conn, [(room_id, ctx.user.id)])
    if seq > seat.member.last_read_seq:
        ctx.publish(f"user:{ctx.user.id}", "room:unread", members.unread_wire(state))
    return members.unread_wire(state)
