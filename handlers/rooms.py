"""Rooms: made, found, changed and archived."""

from typing import Any

from handlers import access
from handlers.base import Context, handles
from handlers.errors import Invalid, NotFound
from handlers.members import add_people
from handlers.payload import Choice, Id, Payload, Text, Whole, client_id, ids, limit
from models import members, messages, rooms, users

DIRECT_PEOPLE = 50


class CreateRoom(Payload):
    """``room:create``."""

    name = Text(1, 100)
    description = Text(0, 1000, load_default="")
    visibility = Choice("public", "private", "direct", load_default="public")
    member_ids = ids(load_default=list)
    client_id = client_id()


class ListRooms(Payload):
    """``room:list``."""

    scope = Choice("mine", "public", load_default="mine")
    q = Text(0, 100)
    before = Id()
    limit = limit(100, 100)


class UpdateRoom(Payload):
    """``room:update``."""

    room_id = Id(required=True)
    name = Text(1, 100)
    description = Text(0, 1000)
    visibility = Choice("public", "private")
    slow_mode = Whole(0, 120)


class OneRoom(Payload):
    """An action on a room."""

    room_id = Id(required=True)


async def _subscribe_again(ctx: Context, room: dict[str, Any]) -> None:
    """A repeated ``room:create`` may come from a new connection, which hears the room just as the first one did."""
    channel = f"room:{room['id']}"
    await access.require_read(ctx, channel)
    ctx.subscribe(channel, await ctx.flush(channel))


@handles("room:create", CreateRoom, rest=("POST", "/api/chat/rooms"), repeated=_subscribe_again, speaks=True)
async def create_room(
    ctx: Context,
    name: str | None = None,
    description: str = "",
    visibility: str = "public",
    member_ids: list[str] | None = None,
    client_id: str | None = None,
) -> dict[str, Any]:
    """Open a room, or come into the one that there is: a public one of this name, a direct one of these people."""
    others = [each for each in dict.fromkeys(member_ids or ()) if each != ctx.user.id]
    found = await users.known(ctx.conn, others)
    missing = [each for each in others if each not in found]
    if missing:
        raise NotFound(f"There is no user {missing[0]}.")
    if visibility == "direct":
        return await _direct(ctx, others)
    if name is None:
        raise Invalid("A room needs a name.", {"name": ["Missing data for required field."]})
    existing = await rooms.find_public(ctx.conn, name) if visibility == "public" else None
    if existing is None:
        room = await rooms.create(ctx.conn, name=name.strip(), description=description, visibility=visibility)
        ctx.created = True
    else:
        room = await rooms.lock(ctx.conn, existing)
    room = await add_people(ctx, room, [ctx.user.id], "owner" if ctx.created else "member")
    if ctx.created:
        # Into a room that was there already its owner and moderators invite, and nobody who merely knows its name.
        room = await add_people(ctx, room, others, "member")
    await _hear(ctx, room)
    return rooms.wire(room)


async def _direct(ctx: Context, others: list[str]) -> dict[str, Any]:
    if not 0 < len(others) <= DIRECT_PEOPLE:
        raise Invalid(
            f"A direct room is between you and 1 to {DIRECT_PEOPLE} others.",
            {"memberIds": [f"Must name 1 to {DIRECT_PEOPLE} other people."]},
        )
    key = rooms.direct_key([ctx.user.id, *others])
    existing = await rooms.find_direct(ctx.conn, key)
    if existing is None:
        room = await rooms.create(ctx.conn, name=None, description="", visibility="direct", direct=key)
        ctx.created = True
    else:
        room = await rooms.lock(ctx.conn, existing)
    room = await add_people(ctx, room, [ctx.user.id, *others], "member")
    await _hear(ctx, room)
    return rooms.wire(room)


async def _hear(ctx: Context, room: Any) -> None:
    channel = f"room:{room.id}"
    ctx.subscribe(channel, await ctx.flush(channel))


@handles("room:list", ListRooms, rest=("GET", "/api/chat/rooms"), reads=True)
async def list_rooms(
    ctx: Context, scope: str = "mine", q: str | None = None, before: str | None = None, limit: int = 100
) -> dict[str, Any]:
    """The actor's rooms with what is unread in them, or the public rooms that there are to discover."""
    if scope == "public":
        found = await rooms.discover(ctx.conn, query=q, before=before, limit=limit)
        return {"rooms": [rooms.wire(room) for room in found[:limit]], "hasMore": len(found) > limit}
    mine = await members.rooms_of(ctx.conn, ctx.user.id, before=before, limit=limit)
    page = mine[:limit]
    last = await messages.latest(ctx.conn, [room.id for room in page])
    wires = dict(zip(last, await messages.wires(ctx.conn, list(last.values())), strict=True))
    people = await members.of_direct_rooms(ctx.conn, [room.id for room in page if room.visibility == "direct"])
    listed = [
        rooms.wire(room)
        | members.unread_wire(room)
        | {"lastMessage": wires.get(room.id), "role": room.role}
        | ({"users": people[room.id]} if room.id in people else {})
        for room in page
    ]
    return {"rooms": listed, "hasMore": len(mine) > limit}


@handles("room:update", UpdateRoom, rest=("PATCH", "/api/chat/rooms/{roomId}"), speaks=True)
async def update_room(ctx: Context, room_id: str, **changes: Any) -> dict[str, Any]:
    """Change a room's name, description, visibility or slow mode."""
    seat = await access.moderation(ctx, room_id)
    access.require_active(seat.room)
    if "name" in changes:
        changes["name"] = changes["name"].strip()
    visibility = changes.get("visibility", seat.room.visibility)
    name = changes.get("name", seat.room.name)
    namesake = await rooms.find_public(ctx.conn, name) if visibility == "public" else None
    if namesake not in {None, room_id}:
        raise Invalid("There is a public room of this name.", {"name": ["Is taken by another public room."]})
    if not changes:
        return rooms.wire(seat.room)
    room = rooms.wire(await rooms.change(ctx.conn, room_id, **changes))
    ctx.publish(f"room:{room_id}", "room:updated", room)
    return room


@handles("room:archive", OneRoom, rest=("DELETE", "/api/chat/rooms/{roomId}"))
async def archive_room(ctx: Context, room_id: str) -> dict[str, Any]:
    """Close a room for good: it can be read, and nothing is written to it any more."""
    seat = await access.moderation(ctx, room_id, owner=True)
    if not seat.room.is_active:
        return rooms.wire(seat.room)
    room = rooms.wire(await rooms.change(ctx.conn, room_id, is_active=False))
    ctx.publish(f"room:{room_id}", "room:updated", room)
    return room
