"""Who may do what to which channel: one table, by the kind of the channel."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from handlers import policies
from handlers.base import Actor, Context, Rules
from handlers.errors import Conflict, Forbidden, NotFound, Unauthenticated
from models import documents, members, reading, rooms
from models.event_log import Draft, Event

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
    if (kind == "collection" and rest in rules.collections) or (kind == "table" and rest in rules.tables):
        return Channel(kind, rest)
    if kind == "document" and _ENTITY_ID.match(rest):
        return Channel("document", rest)
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


async def engaged(ctx: Context, type: str, id: str) -> str:
    """An entity that the actor may engage with, as channels name it: ``{type}:{id}``.

    Raises ``NotFound`` when there can be none such, or this actor may not know of it.
    """
    name = entity(type, id, ctx.services.rules)
    await require_read(ctx, f"{name}:comments")
    return name


async def _everyone(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    return


async def _entity_reader(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    kind, _, id = channel.id.partition(":")
    readers = await reading.readers(ctx.conn, kind, id)
    if readers is not None and not readers.include(ctx.actor.user):
        raise NotFound(f"There is no such {kind}.")
    if readers is not None and readers.audience is not None:
        ctx.readers[channel.id] = readers.audience


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


async def _collection_reader(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    """Whoever may read any of the records: the audience of each event tells whose it is."""
    policies.require(ctx.services.rules.collections[channel.id].read, ctx.actor, "read this collection")


async def _table_reader(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    """Whoever may read any of the rows: the audience of each event tells whose it is."""
    policies.require(ctx.services.rules.tables[channel.id].read, ctx.actor, "read this table")


async def _document_reader(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    row = await documents.head(ctx.conn, channel.id)
    reader = ctx.actor.user.id if ctx.actor.user else None
    if row is None or await documents.right(ctx.conn, row, reader) == documents.NONE:
        raise NotFound("There is no such document.")


async def _room_reader(ctx: Context, channel: Channel, name: str, token: str | None) -> None:
    await seat_in(ctx, channel.id)


_Reader = Callable[[Context, Channel, str, str | None], Awaitable[None]]
_READERS: dict[str, _Reader] = {
    "user": _oneself,
    "room": _room_reader,
    "entity": _entity_reader,
    "community": _everyone,
    "presence": _signed_in,
    "app": _signed_in,
    "private": _token_holder,
    "admin": _moderator,
    "collection": _collection_reader,
    "table": _table_reader,
    "document": _document_reader,
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


def require_active(room: Any) -> None:
    """Raise ``Conflict`` when the room is archived."""
    if not room.is_active:
        raise Conflict("This room is archived.", current=rooms.wire(room))


def role_opens(channel: str, actor: Actor, rules: Rules) -> bool:
    """Whether an actor who heard a channel may do so in the role that they have now; most channels ask for none."""
    kind, _, name = channel.partition(":")
    if kind == "admin":
        return actor.is_moderator or actor.backend is not None
    if kind == "collection":
        return policies.rows(rules.collections[name].read, actor) != "none"
    return kind != "table" or policies.rows(rules.tables[name].read, actor) != "none"


# Events after which some subscribers may hear a channel no longer.
ENDS_ACCESS = {"member:left", "room:updated"}


def leaver(event: Event) -> str | None:
    """The user whom this event sends away from its channel, if it sends one."""
    return _text(event, "userId") if event.event == "member:left" else None


def narrows(event: Event) -> bool:
    """Whether this event leaves its channel to the members alone."""
    return event.event == "room:updated" and _text(event, "visibility") != "public"


def _text(event: Event, name: str) -> str | None:
    """A text in an event's data, if it is there: a backend may publish anything under our events' names."""
    data = event.data
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, str) else None


def can_end(channel: str) -> bool:
    """Whether somebody who may read the channel may lose that while they hear it."""
    return channel.partition(":")[0] in {"room", "document", *reading.KINDS}


async def still_readers(conn: AsyncConnection, channel: str, actors: Mapping[Any, Actor]) -> set[Any]:
    """Which of a channel's hearers (by any key) may read it at this moment, of a channel that ``can_end``."""
    if channel.startswith("document:"):
        _, id = entity_of(channel)
        people = {actor.user.id for actor in actors.values() if actor.user}
        allowed = await documents.readers(conn, id, people)
        if allowed is None:
            return set(actors)
        known = {key for key, actor in actors.items() if actor.user and actor.user.id in allowed}
        return known | {key for key, actor in actors.items() if actor.backend and allowed}
    if not channel.startswith("room:"):
        kind, id = entity_of(channel)
        readers = await reading.readers(conn, kind, id)
        return {key for key, actor in actors.items() if readers is None or actor.backend or readers.include(actor.user)}
    room_id = channel.removeprefix("room:")
    signed_in = {actor.user.id for actor in actors.values() if actor.user}
    room = await rooms.get(conn, room_id)
    if room is None:
        allowed = set[str]()
    elif room.visibility == "public":
        allowed = signed_in
    else:
        allowed = await members.among(conn, room_id, list(signed_in))
    return {key for key, actor in actors.items() if actor.backend or (actor.user and actor.user.id in allowed)}


# Workers hear this channel, and nobody else: what is written to it stands in the log with the change itself.
CHANGES = "access"


def announce(ctx: Context, kind: str, id: str) -> None:
    """Have everybody who hears of a story, post or document checked, on all workers, once this is committed."""
    ctx.drafts.append(Draft(CHANGES, "access:changed", {"type": kind, "id": id}))


def entity_of(channel: str) -> tuple[str, str]:
    """The type and id of the entity, or document, that a channel ``{type}:{id}:{topic}`` is about."""
    kind, _, rest = channel.partition(":")
    return kind, rest.removesuffix(OPEN) if kind == "document" else rest.rpartition(":")[0]


# Behind a document's channel: the one of those connections that have the document open. No client may name it.
OPEN = ":open"


def open_at(document_id: str) -> str:
    """The channel of those who have a document open."""
    return f"document:{document_id}{OPEN}"


def may_see(event: Event, actor: Actor) -> bool:
    """Whether an event of a channel that the actor hears is for them; else its number is skipped."""
    if event.audience is None or (actor.backend and is_shared(event.channel)):
        return True
    return event.audience.includes(actor.user.id if actor.user else None)


def is_shared(channel: str) -> bool:
    """Whether a channel is a collection's or a table's: an API key passes their policies, and so hears of every row."""
    return channel.startswith(("collection:", "table:"))


@dataclass(frozen=True, slots=True)
class Erased:
    """What is to vanish from earlier events: ``fields`` are what is left in those whose data has ``value`` as ``key``.

    Of the fields only those are changed that an event has.
    """

    key: str
    value: str
    fields: dict[str, Any]


# By the event that tells of it: where its data has the id, what earlier events call that id, and what is left of them.
_ERASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "story:deleted": ("storyId", "storyId", {"title": None, "genre": None}),
    "post:deleted": ("postId", "postId", {"title": None}),
    "message:deleted": ("messageId", "id", {"message": None, "mentions": [], "attachments": [], "reactions": []}),
    "comment:deleted": ("commentId", "id", {"body": None}),
    "image:deleted": ("imageId", "id", {"caption": None}),
}


def erased(event: Event) -> Erased | None:
    """What this event makes vanish from events that were sent before it, if anything."""
    rule = _ERASES.get(event.event)
    if rule is None:
        return None
    place, key, fields = rule
    value = _text(event, place)
    return None if value is None else Erased(key, value, fields)
