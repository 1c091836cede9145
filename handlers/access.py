"""Who may do what to which channel: one table, by the kind of the channel."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.base import Actor, Context, Rules
from handlers.errors import Conflict, Forbidden, NotFound, Unauthenticated
from models import members, rooms
from models.event_log import Event

TOPICS = {"comments", "rating", "likes", "saves", "images", "viewers", "presence"}
_ENTITY_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}\Z")
_NAME = re.compile(r"[A-Za-z0-9._~:-]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel's name, taken apart: its kind, the id or name it is about, and of an entity the topic."""

    kind: str
    id: str
    topic: str | None = None


def parse(name: str, rules: Rules) -> Channel:
    """Take a channel's name apart. Raises ``NotFound`` when no channel can have it."""
    kind, _, rest = name.partition(":")
    if kind in {"community", "presence", "admin"} and not rest and ":" not in name:
        return Channel(kind, "")
    if kind in {"user", "room", "presence"} and rest:
        return Channel(kind, rest)
    if kind == "app" and _NAME.match(rest):
        return Channel("private" if rest.startswith("private.") else "app", rest)
    entity, _, topic = rest.rpartition(":")
    if kind in rules.entity_types and topic in TOPICS and _ENTITY_ID.match(entity):
        return Channel("entity", f"{kind}:{entity}", "viewers" if topic == "presence" else topic)
    raise NotFound(f"There is no channel {name[:100]}.")


def canonical(name: str, rules: Rules) -> str:
    """The one name of a channel that has two (``:presence`` of an entity is its ``:viewers``)."""
    channel = parse(name, rules)
    return f"{channel.id}:{channel.topic}" if channel.kind == "entity" else name


def entity(type: str, id: str, rules: Rules) -> str:
    """An entity as channels name it: ``{type}:{id}``. Raises ``NotFound`` when there can be none such."""
    if type not in rules.entity_types or not _ENTITY_ID.match(id):
        raise NotFound(f"There is no {type[:100]} {id[:100]}.")
    return f"{type}:{id}"


async def require_read(ctx: Context, name: str, token: str | None = None) -> None:
    """Raise unless the actor may hear the channel.

    Raises ``NotFound`` for what this actor may not know of, ``Unauthenticated``, ``Forbidden``.
    """
    channel = parse(name, ctx.services.rules)
    if ctx.actor.backend:
        return
    await _READERS[channel.kind](ctx, channel, name, token)


async def _everyone(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    return


async def _signed_in(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    if ctx.actor.user is None:
        raise Unauthenticated()


async def _oneself(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    if ctx.user.id != channel.id:
        raise Forbidden("This channel is another user's.")


async def _moderator(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    if ctx.user and not ctx.actor.is_moderator:
        raise Forbidden("This channel is for moderators.")


async def _token_holder(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    user = ctx.user
    if not token or not await ctx.services.sessions.may_subscribe(token, user.id, name):
        raise Forbidden("This private channel takes a subscription token for you and for it.")


async def _room_reader(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    await seat_in(ctx, channel.id)


_Reader = Callable[[Context, Channel, str, str | None], Awaitable[None]]
_READERS: dict[str, _Reader] = {
    "user": _oneself,
    "room": _room_reader,
    "entity": _everyone,
    "community": _everyone,
    "presence": _signed_in,
    "app": _signed_in,
    "private": _token_holder,
    "admin": _moderator,
}


@dataclass(frozen=True, slots=True)
class Seat:
    """A room and the actor's place in it: ``member`` is None for one who may only read."""

    room: Any
    member: Any

    @property
    def role(self) -> str | None:
        """The member's role in the room."""
        return self.member.role if self.member else None


async def seat_in(ctx: Context, room_id: str, *, lock: bool = False) -> Seat:
    """The actor's place in a room that they may read; ``lock`` holds the room until the transaction ends.

    Raises ``NotFound`` when there is no such room or this user may not know of it, ``Unauthenticated``.
    """
    user = ctx.user
    room = await (rooms.lock if lock else rooms.get)(ctx.conn, room_id)
    member = await members.get(ctx.conn, room_id, user.id) if room else None
    if room is None or (member is None and room.visibility != "public"):
        raise NotFound("There is no such room.")
    return Seat(room, member)


async def membership(ctx: Context, room_id: str, *, lock: bool = False) -> Seat:
    """Like ``seat_in``, for what takes membership. Raises ``Forbidden`` as well."""
    seat = await seat_in(ctx, room_id, lock=lock)
    if seat.member is None:
        raise Forbidden("Join this room first.")
    return seat


async def moderation(ctx: Context, room_id: str, *, owner: bool = False) -> Seat:
    """The locked room of an actor who may manage it: its owner, unless ``owner`` its moderators, and the application's.

    Raises ``Forbidden`` as well.
    """
    seat = await seat_in(ctx, room_id, lock=True)
    if seat.room.visibility == "direct":
        raise Forbidden("A direct room belongs to its people alike.")
    allowed = {"owner"} if owner else {"owner", "moderator"}
    if seat.role not in allowed and not ctx.actor.is_moderator:
        raise Forbidden(f"Only the {'owner' if owner else 'owner or a moderator'} of this room may do this.")
    return seat


async def reads_room(conn: AsyncConnection, user_id: str, room_id: str) -> bool:
    """Whether a user may hear a room at this moment."""
    room = await rooms.get(conn, room_id)
    if room is None:
        return False
    return room.visibility == "public" or bool(await members.among(conn, room_id, [user_id]))


def require_active(room: Any) -> None:
    """Raise ``Conflict`` when the room is archived."""
    if not room.is_active:
        raise Conflict("This room is archived.", current=rooms.wire(room))


# Events after which some subscribers may hear a channel no longer.
ENDS_ACCESS = {"member:left", "room:updated"}


def leaver(event: Event) -> str | None:
    """The user whom this event sends away from its channel, if it sends one."""
    gone: str | None = event.data["userId"] if event.event == "member:left" else None
    return gone


def narrows(event: Event) -> bool:
    """Whether this event leaves its channel to the members alone."""
    return event.event == "room:updated" and event.data["visibility"] != "public"


async def still_readers(conn: AsyncConnection, event: Event, actors: dict[str, Actor]) -> set[str]:
    """Which of a channel's subscribers (by connection) may go on hearing it after an event that narrows it."""
    _, _, room_id = event.channel.partition(":")
    users = {actor.user.id for actor in actors.values() if actor.user}
    kept = await members.among(conn, room_id, list(users))
    return {each for each, actor in actors.items() if actor.backend or (actor.user and actor.user.id in kept)}


def erased(event: Event) -> tuple[str, dict[str, Any]] | None:
    """The id of what this event tells the deletion of, and what is left of it in events that told of it before."""
    if event.event != "message:deleted":
        return None
    gone: dict[str, Any] = {"message": None, "mentions": [], "attachments": [], "reactions": []}
    return event.data["messageId"], gone
