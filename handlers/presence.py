"""Presence: who is there, and what they say of themselves."""

from typing import Any

from handlers.base import Context, handles
from handlers.errors import Invalid, NotFound
from handlers.payload import Choice, Id, Nothing, Payload, Text, ids, limit
from models import users


class Update(Payload):
    """``presence:update``: of page and activity, what is left out stays, and null ends it."""

    status = Choice("online", "away", required=True)
    current_page = Text(0, 1000, allow_none=True)
    activity = Text(0, 200, allow_none=True)


class Get(Payload):
    """``presence:get``: of one user, of some, or of all who have a status."""

    user_id = Id()
    ids = ids()
    status = Choice("online", "away")
    before = Id()
    limit = limit(100, 1000)


@handles("presence:update", Update, rest=("PUT", "/api/users/presence"), reads=True)
async def update_presence(ctx: Context, status: str, **said: str | None) -> dict[str, Any]:
    """Say whether one is online or away, where and what one does: this connection, or for a while who has none."""
    told = {"page" if name == "current_page" else name: text or None for name, text in said.items()}
    return await ctx.services.presence.update(ctx.user, ctx.actor.connection, status, told)


@handles("presence:heartbeat", Nothing, rest=("POST", "/api/users/presence/heartbeat"), reads=True)
async def beat(ctx: Context) -> dict[str, Any]:
    """Stay online for another while without a connection; a connection needs no heartbeat."""
    return await ctx.services.presence.update(ctx.user, ctx.actor.connection, None, {})


@handles(
    "presence:get",
    Get,
    rest=(("GET", "/api/users/presence"), ("GET", "/api/users/presence/{userId}")),
    reads=True,
    audience=("user", "backend"),
)
async def get_presence(
    ctx: Context,
    user_id: str | None = None,
    ids: list[str] | None = None,
    status: str | None = None,
    before: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """The presence of one user, or a list: of these users, as far as they are known, or of all with this status."""
    if sum(each is not None for each in (user_id, ids, status)) != 1:
        raise Invalid("Ask for userId, for ids or for a status.", {"userId": ["Give this, or ids, or status."]})
    more = False
    if user_id is not None:
        ids = [user_id]
    elif ids is None:
        ids, more = await ctx.services.presence.listed(status or "", before, limit)
    known, last_seen = await users.sightings(ctx.conn, ids)
    found = await ctx.services.presence.of(ctx.conn, known, last_seen)
    if user_id is None:
        return {"presence": [found[each] for each in dict.fromkeys(ids) if each in found], "hasMore": more}
    if user_id not in found:
        raise NotFound(f"There is no user {user_id}.")
    return found[user_id]
