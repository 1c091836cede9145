"""Notifications: sent by admins and backends, listed, read and deleted by whom they are for."""

from typing import Any

import orjson
from marshmallow import fields, validate

from handlers.base import Context, handles
from handlers.errors import Forbidden, Invalid, NotFound, TooLarge
from handlers.notices import notify
from handlers.payload import Choice, Flag, Id, Link, Object, Payload, Text, client_id, ids, limit
from models import broadcasts, notifications
from models.notifications import LEVELS, TYPES, Notice

DATA_BYTES = 4096


class SendNotification(Payload):
    """``notification:send``."""

    user_ids = ids(minimum=1)
    roles = fields.List(Choice("user", "moderator", "admin"), validate=validate.Length(min=1, max=3))
    everyone = Flag(load_default=False)
    title = Text(1, 200, required=True)
    message = Text(1, 4000, required=True)
    type = Choice(*TYPES, required=True)
    level = Choice(*LEVELS, load_default="info")
    link = Link()
    data = Object(load_default=dict)
    client_id = client_id()
    collapse_key = Id()
    critical = Flag(load_default=False)


class ListNotifications(Payload):
    """``notification:list``."""

    unread = Flag(load_default=False)
    type = Choice(*TYPES)
    before = Id()
    limit = limit(50, 100)


class SomeNotifications(Payload):
    """``notification:delete``."""

    ids = ids(minimum=1)
    all = Flag(load_default=False)


class ReadNotifications(SomeNotifications):
    """``notification:read``."""

    is_read = Flag(load_default=True)


@handles("notification:send", SendNotification, rest=("POST", "/api/notifications"), audience=("user", "backend"))
async def send_notification(
    ctx: Context,
    user_ids: list[str] | None = None,
    roles: list[str] | None = None,
    everyone: bool = False,
    client_id: str | None = None,
    **notice: Any,
) -> dict[str, Any]:
    """Notify some people, everybody of some roles, or everyone who was ever here; admins may, and backends.

    People named in `userIds` are notified at once, also those who were never here. Roles and everyone are reached in
    the background, in batches. With a `collapseKey` it renews the unread notification of that key. `critical` passes
    the preferences of whom it is for.
    """
    if ctx.actor.user is not None and ctx.actor.user.role != "admin":
        raise Forbidden("Only admins and backends send notifications.")
    if sum((user_ids is not None, roles is not None, everyone)) != 1:
        message = "Name exactly one of userIds, roles and everyone."
        raise Invalid(message, {each: [message] for each in ("userIds", "roles", "everyone")})
    if len(orjson.dumps(notice["data"])) > DATA_BYTES:
        raise TooLarge(f"data is larger than {DATA_BYTES} bytes of JSON.")
    sent = Notice(**notice)
    ctx.created = True
    if user_ids is not None:
        people = list(dict.fromkeys(user_ids))
        await notify(ctx, people, sent)
        return {"id": sent.id, "recipients": len(people)}
    recipients = await broadcasts.begin(ctx.conn, sent, None if everyone else sorted(set(roles or ())))
    ctx.after_commit.append(lambda: ctx.services.background.wake("broadcasts"))
    return {"id": sent.id, "recipients": recipients}


@handles("notification:list", ListNotifications, rest=("GET", "/api/notifications"), reads=True)
async def list_notifications(
    ctx: Context,
    unread: bool = False,
    type: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """The actor's notifications, newest first: all, the unread, those of a type; and how many are unread in all."""
    found = await notifications.page(ctx.conn, ctx.user.id, unread=unread, type=type, before=before, limit=limit)
    return {
        "notifications": [notifications.wire(row._mapping) for row in found[:limit]],
        "unreadCount": await notifications.unread_count(ctx.conn, ctx.user.id),
        "hasMore": len(found) > limit,
    }


@handles("notification:read", ReadNotifications, rest=("PATCH", "/api/notifications"))
async def read_notifications(
    ctx: Context, ids: list[str] | None = None, all: bool = False, is_read: bool = True
) -> dict[str, Any]:
    """Mark notifications of the actor's as read, some or all; or, with `isRead: false`, as unread again."""
    which = _which(ids, all)
    try:
        changed, unread = await notifications.mark(ctx.conn, ctx.user.id, which.get("ids"), is_read)
    except LookupError as error:
        raise NotFound("There is no such notification among yours; nothing was changed.") from error
    told = which | {"unreadCount": unread} | ({} if is_read else {"isRead": False})
    if changed:
        ctx.publish(f"user:{ctx.user.id}", "notification:read", told)
    return told


@handles("notification:delete", SomeNotifications, rest=("DELETE", "/api/notifications"))
async def delete_notifications(ctx: Context, ids: list[str] | None = None, all: bool = False) -> dict[str, Any]:
    """Delete notifications of the actor's, some or all; over HTTP they stand in the body or in the query."""
    which = _which(ids, all)
    try:
        gone, unread = await notifications.remove(ctx.conn, ctx.user.id, which.get("ids"))
    except LookupError as error:
        raise NotFound("There is no such notification among yours; nothing was changed.") from error
    told = which | {"unreadCount": unread}
    if gone:
        ctx.publish(f"user:{ctx.user.id}", "notification:deleted", told)
    return told


def _which(ids: list[str] | None, all: bool) -> dict[str, Any]:
    if (ids is not None) == all:
        message = "Name either ids or all."
        raise Invalid(message, {"ids": [message], "all": [message]})
    return {"all": True} if ids is None else {"ids": list(dict.fromkeys(ids))}
