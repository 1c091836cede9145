"""The session: who the token says one is, and extending it."""

from typing import Any

from handlers.base import Context, handles
from handlers.errors import Invalid
from handlers.payload import Id, Nothing, Payload
from models import members, notifications


class Refresh(Payload):
    """``session:refresh``."""

    token = Id(8192, required=True)


@handles("session:refresh", Refresh, reads=True)
async def refresh_session(ctx: Context, token: str) -> dict[str, Any]:
    """Extend the connection's session with a newer token of the same user."""
    if ctx.actor.connection is None:
        raise Invalid("Only a Socket.IO connection has a session to refresh: send the new token instead.")
    return await ctx.services.sessions.refresh(ctx.actor.connection, token)


@handles("session:get", Nothing, rest=("GET", "/api/me"), reads=True)
async def who_am_i(ctx: Context) -> dict[str, Any]:
    """The signed-in user, their role, and how much waits for them."""
    unread, mentioned = await members.unread_totals(ctx.conn, ctx.user.id)
    return {
        "user": ctx.user.wire(),
        "role": ctx.user.role,
        "unreadCount": unread,
        "mentionCount": mentioned,
        "notificationCount": await notifications.unread_count(ctx.conn, ctx.user.id),
    }
