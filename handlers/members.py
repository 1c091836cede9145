"""Members: coming into a room, leaving it, and what each may do there."""

from collections.abc import Sequence
from typing import Any

from handlers import access
from handlers.base import Context, handles
from handlers.errors import Conflict, Forbidden, NotFound
from handlers.payload import Choice, Id, Payload, limit
from models import members, messages, rooms, users

JOIN_MESSAGES = 50
JOIN_MEMBERS = 100


class OwnPlace(Payload):
    """``room:join``, which again answers with the room as it is and needs no ``clientId``, and ``room:leave``."""

    room_id = Id(required=True)


class OneMember(Payload):
    """``room:invite`` and ``room:remove``."""

    room_id = Id(required=True)
    user_id = Id(required=True)


class SetRole(Payload):
    """``room:role``."""

    room_id = Id(required=True)
    user_id = Id(required=True)
    role = Choice("owner", "moderator", "member", required=True)


class ListMembers(Payload):
    """``room:members``."""

    room_id = Id(required=True)
    after = Id()
    limit = limit(100, 1000)


async def add_people(ctx: Context, room: Any, user_ids: Sequence[str], role: str) -> Any:
    """Make those members of a locked room who are not yet, and tell it and them; returns the room as it is now."""
    there = await members.among(ctx.conn, room.id, user_ids)
    new = [each for each in user_ids if each not in there]
    if not new:
        return room
    if room.member_count == 0 and room.visibility != "direct":
        # A room that everybody left belongs to the first who comes back.
        await members.add(ctx.conn, room.id, new[:1], "owner", room.message_seq)
        await members.add(ctx.conn, room.id, new[1:], role, room.message_seq) if new[1:] else None
    else:
        await members.add(ctx.conn, room.id, new, role, room.message_seq)
    room = await rooms.count_members(ctx.conn, room.id, len(new))
    wire = rooms.wire(room)
    for each in new:
        member = await members.get(ctx.conn, room.id, each)
        ctx.publish(f"room:{room.id}", "member:joined", await _wire(ctx, member))
        ctx.publish(f"user:{each}", "room:added", {"room": wire})
    return room


async def _end(ctx: Context, room: Any, user_id: str) -> None:
    await members.remove(ctx.conn, room.id, user_id)
    await rooms.count_members(ctx.conn, room.id, -1)
    ctx.publish(f"room:{room.id}", "member:left", {"userId": user_id})
    ctx.publish(f"user:{user_id}", "room:removed", {"roomId": room.id})
    ctx.after_commit.append(lambda: ctx.services.typing.stop(f"room:{room.id}", user_id))


async def _wires(ctx: Context, rows: Sequence[Any]) -> list[dict[str, Any]]:
    people = {
        row.user_id: users.User(row.user_id, row.name, row.first_name, row.last_name, row.picture) for row in rows
    }
    presence = await ctx.services.presence.of(ctx.conn, people)
    return [members.wire(row, presence[row.user_id]) for row in rows]


async def _wire(ctx: Context, row: Any) -> dict[str, Any]:
    return (await _wires(ctx, [row]))[0]


@handles("room:join", OwnPlace, rest=("POST", "/api/chat/rooms/{roomId}/members"))
async def join_room(ctx: Context, room_id: str) -> dict[str, Any]:
    """Come into a public room, or back into one's own: its newest messages, its members, its events from here on."""
    seat = await access.seat_in(ctx, room_id, lock=True)
    room = seat.room
    if seat.member is None:
        access.require_active(room)
        room = await add_people(ctx, room, [ctx.user.id], "member")
        ctx.created = True
    seq = await ctx.flush(f"room:{room_id}")
    newest, _ = await messages.history(ctx.conn, room_id, limit=JOIN_MESSAGES)
    people = await members.page(ctx.conn, room_id, limit=JOIN_MEMBERS)
    ctx.subscribe(f"room:{room_id}", seq)
    return {
        "room": rooms.wire(room),
        "messages": await messages.wires(ctx.conn, newest),
        "members": await _wires(ctx, people[:JOIN_MEMBERS]),
        "seq": seq,
    }


@handles("room:leave", OwnPlace, rest=("DELETE", "/api/chat/rooms/{roomId}/members/me"))
async def leave_room(ctx: Context, room_id: str) -> dict[str, Any]:
    """Leave a room; an owner hands over to the longest-standing moderator, else member."""
    seat = await access.seat_in(ctx, room_id, lock=True)
    if seat.member is not None:
        await _end(ctx, seat.room, ctx.user.id)
        heir = await members.successor(ctx.conn, room_id) if seat.role == "owner" else None
        if heir is not None:
            await _give_role(ctx, room_id, heir, "owner")
    return {"roomId": room_id}


@handles("room:invite", OneMember, rest=("POST", "/api/chat/rooms/{roomId}/members/{userId}"))
async def invite_member(ctx: Context, room_id: str, user_id: str) -> dict[str, Any]:
    """Make somebody a member, at once."""
    seat = await access.moderation(ctx, room_id)
    access.require_active(seat.room)
    if not await users.known(ctx.conn, [user_id]):
        raise NotFound(f"There is no user {user_id}.")
    if not await members.among(ctx.conn, room_id, [user_id]):
        await add_people(ctx, seat.room, [user_id], "member")
        ctx.created = True
    return await _wire(ctx, await members.get(ctx.conn, room_id, user_id))


@handles("room:remove", OneMember, rest=("DELETE", "/api/chat/rooms/{roomId}/members/{userId}"))
async def remove_member(ctx: Context, room_id: str, user_id: str) -> dict[str, Any]:
    """Remove a member, who stops hearing the room at once."""
    seat = await access.moderation(ctx, room_id)
    member = await _present(ctx, room_id, user_id)
    if member.role == "owner":
        raise Forbidden("Nobody removes an owner.")
    await _end(ctx, seat.room, user_id)
    return {"roomId": room_id, "userId": user_id}


@handles("room:role", SetRole, rest=("PATCH", "/api/chat/rooms/{roomId}/members/{userId}"))
async def set_role(ctx: Context, room_id: str, user_id: str, role: str) -> dict[str, Any]:
    """Give a member another role; an owner who names another owner becomes a moderator."""
    await access.moderation(ctx, room_id, owner=True)
    member = await _present(ctx, room_id, user_id)
    if member.role == role:
        return await _wire(ctx, member)
    if member.role == "owner":
        raise Conflict("A room has an owner: name another one instead.", current=await _wire(ctx, member))
    if role == "owner":
        for each in await members.owners(ctx.conn, room_id):
            await _give_role(ctx, room_id, each, "moderator")
    return await _give_role(ctx, room_id, user_id, role)


@handles("room:members", ListMembers, rest=("GET", "/api/chat/rooms/{roomId}/members"), reads=True)
async def list_members(ctx: Context, room_id: str, after: str | None = None, limit: int = 100) -> dict[str, Any]:
    """A room's members with their presence, in the order of their ids."""
    await access.seat_in(ctx, room_id)
    found = await members.page(ctx.conn, room_id, after=after, limit=limit)
    return {"members": await _wires(ctx, found[:limit]), "hasMore": len(found) > limit}


async def _present(ctx: Context, room_id: str, user_id: str) -> Any:
    member = await members.get(ctx.conn, room_id, user_id)
    if member is None:
        raise NotFound("This user is no member of the room.")
    return member


async def _give_role(ctx: Context, room_id: str, user_id: str, role: str) -> dict[str, Any]:
    await members.set_role(ctx.conn, room_id, user_id, role)
    member = await _wire(ctx, await members.get(ctx.conn, room_id, user_id))
    ctx.publish(f"room:{room_id}", "member:updated", member)
    return member
