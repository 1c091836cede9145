"""Messages: sent, edited, deleted and found again."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, fields, validate

from handlers import access, notices
from handlers.base import Actor, Context, Job, Rules, handles
from handlers.errors import Forbidden, NotFound
from handlers.mentions import named_in
from handlers.notices import Said
from handlers.outbox import send_batch
from handlers.payload import Id, Payload, Text, Whole, clean_all, client_id, ids, is_link, limit
from handlers.words import screen
from models import event_log, members, messages

MENTIONS_MAX = 100


class Attachment(fields.Dict):
    """An attachment: an object with a ``url`` that a browser may follow, and whatever the application keeps with it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        found = clean_all(super()._deserialize(value, attr, data, **kwargs))
        if not is_link(found.get("url")):
            raise ValidationError("Must have a url that begins with https://, http:// or /.")
        return found


class SendMessage(Payload):
    """``message:send``."""

    room_id = Id(required=True)
    message = Text(1, 4000, required=True)
    client_id = client_id()
    reply_to_id = Id()
    mentions = ids(MENTIONS_MAX, load_default=list)
    attachments = fields.List(Attachment(), load_default=list, validate=validate.Length(max=10))


class MessageHistory(Payload):
    """``message:history``."""

    room_id = Id(required=True)
    before = Whole(0)
    after = Whole(0)
    limit = limit(50, 100)


class EditMessage(Payload):
    """``message:edit``."""

    message_id = Id(required=True)
    message = Text(1, 4000, required=True)
    mentions = ids(MENTIONS_MAX)


class OneMessage(Payload):
    """An action on a message."""

    message_id = Id(required=True)


class SearchMessages(Payload):
    """``message:search``."""

    q = Text(1, 200, required=True)
    room_id = Id()
    before = Id()
    limit = limit(50, 100)


def _pace(actor: Actor, data: Mapping[str, Any], rules: Rules) -> tuple[str, float, int]:
    return f"message:{data['room_id']}:{actor.id}", rules.messages_per_second, rules.messages_burst


@handles("message:send", SendMessage, rest=("POST", "/api/chat/messages"), batch=True, limit=_pace, speaks=True)
async def send_messages(jobs: Sequence[Job]) -> None:
    """Post messages to rooms that their senders belong to, all in one transaction, each with its own outcome."""
    await send_batch(jobs)


@handles("message:history", MessageHistory, rest=("GET", "/api/chat/messages"), reads=True)
async def message_history(
    ctx: Context, room_id: str, before: int | None = None, after: int | None = None, limit: int = 50
) -> dict[str, Any]:
    """A page of a room's messages, oldest first: the newest page, the one before a message or the one after."""
    await access.seat_in(ctx, room_id)
    found, more = await messages.history(ctx.conn, room_id, before=before, after=after, limit=limit)
    return {"messages": await messages.wires(ctx.conn, found), "hasMore": more}


@handles("message:edit", EditMessage, rest=("PATCH", "/api/chat/messages/{messageId}"), speaks=True)
async def edit_message(
    ctx: Context, message_id: str, message: str, mentions: list[str] | None = None
) -> dict[str, Any]:
    """Change the text of one's own message."""
    row, seat = await written(ctx, message_id)
    access.require_active(seat.room)
    if row.user_id != ctx.user.id:
        raise Forbidden("Only its author edits a message.")
    screen(ctx, message=message)
    wanted = [*(mentions if mentions is not None else row.mentions), *named_in(message)]
    there = await members.among(ctx.conn, row.room_id, wanted)
    mentioned = [each for each in dict.fromkeys(wanted) if each in there]
    await messages.edit(ctx.conn, row, message, mentioned)
    edited = await _wire(ctx, message_id)
    ctx.publish(f"room:{row.room_id}", "message:edited", edited, subject=message_id)
    new = [each for each in mentioned if each not in row.mentions]
    await notices.of_messages(ctx, [Said(ctx.user, seat.room, message_id, row.seq, message, new)])
    return edited


@handles("message:delete", OneMessage, rest=("DELETE", "/api/chat/messages/{messageId}"))
async def delete_message(ctx: Context, message_id: str) -> dict[str, Any]:
    """Remove what a message said, from the room and from the log; its author may, and moderators."""
    row, seat = await written(ctx, message_id, deleted=True)
    if row.user_id != ctx.user.id and seat.role not in {"owner", "moderator"} and not ctx.actor.is_moderator:
        raise Forbidden("Only its author and moderators delete a message.")
    if row.deleted_at is None:
        await messages.erase(ctx.conn, row)
        erased = await _wire(ctx, message_id)
        gone = {name: erased[name] for name in ("message", "mentions", "attachments", "reactions", "deletedAt")}
        await notices.withdraw(ctx, message_id)
        await event_log.redact(ctx.conn, message_id, gone | {"notification": {"message": ""}})
        ctx.publish(f"room:{row.room_id}", "message:deleted", {"messageId": message_id, "seq": row.seq})
        return erased
    return await _wire(ctx, message_id)


@handles("message:search", SearchMessages, rest=("GET", "/api/chat/search"), reads=True, slow=True)
async def search_messages(
    ctx: Context, q: str, room_id: str | None = None, before: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """Messages with all of these words in the rooms that the actor may read, newest first."""
    if room_id is not None:
        await access.seat_in(ctx, room_id)
        where: Any = [room_id]
    else:
        where = members.readable_rooms(ctx.user.id)
    found, more = await messages.search(ctx.conn, q, where, before=before, limit=limit)
    return {"messages": await messages.wires(ctx.conn, found), "hasMore": more}


async def written(ctx: Context, message_id: str, *, deleted: bool = False) -> tuple[Any, access.Seat]:
    """A message of a room that the actor is a member of, the room locked.

    Raises ``NotFound`` when there is none, or (unless ``deleted``) none any more, ``Forbidden`` for who may only read.
    """
    row = await messages.get(ctx.conn, message_id)
    if row is None:
        raise NotFound("There is no such message.")
    try:
        seat = await access.seat_in(ctx, row.room_id, lock=True)
    except NotFound as error:
        raise NotFound("There is no such message.") from error
    if seat.member is None and not ctx.actor.is_moderator:
        raise Forbidden("Join this room first.")
    row = await messages.get(ctx.conn, message_id)
    if row is None or (row.deleted_at is not None and not deleted):
        raise NotFound("This message was deleted.")
    return row, seat


async def _wire(ctx: Context, message_id: str) -> dict[str, Any]:
    return (await messages.wires(ctx.conn, [await messages.get(ctx.conn, message_id)]))[0]
