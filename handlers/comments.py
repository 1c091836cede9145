"""Comments: what people say about an entity, and answer to one another there."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from handlers import access, moderation
from handlers.base import Context, handles
from handlers.entities import OneEntity
from handlers.errors import Forbidden, Invalid, NotFound
from handlers.payload import Id, Payload, Text, client_id, limit
from handlers.words import screen
from models import comments, engagement, event_log, idempotency

_PATH = "/api/{type}/{id}/comments"
_CREATE = "comment:create"
KIND = "comment"


class CreateComment(OneEntity):
    """``comment:create``."""

    body = Text(1, 4000, required=True)
    parent_id = Id()
    client_id = client_id()


class ListComments(OneEntity):
    """``comment:list``."""

    parent_id = Id()
    before = Id()
    after = Id()
    limit = limit(50, 100)


class OneComment(Payload):
    """An action on a comment."""

    comment_id = Id(required=True)


class EditComment(OneComment):
    """``comment:edit``."""

    body = Text(1, 4000, required=True)


class FlagComment(OneComment):
    """``comment:flag``."""

    reason = Text(0, moderation.REASON_MAX)


@handles(_CREATE, CreateComment, rest=("POST", _PATH), speaks=True)
async def create_comment(
    ctx: Context, type: str, id: str, body: str, parent_id: str | None = None, client_id: str | None = None
) -> dict[str, Any]:
    """Comment on an entity, or answer a comment there; what holds certain words waits for a moderator first."""
    entity = await access.engaged(ctx, type, id)
    pending = screen(ctx, body=body)
    await engagement.lock(ctx.conn, entity)
    if parent_id is not None:
        parent = await comments.get(ctx.conn, parent_id)
        if parent is None or parent.entity != entity or parent.status != "approved":
            raise Invalid("The comment answered is not here.", {"parentId": ["Is no comment on this entity."]})
    row = await comments.create(
        ctx.conn, entity, ctx.user.id, body=body, parent_id=parent_id, client_id=client_id, pending=pending
    )
    ctx.created = True
    if pending:
        await moderation.hold(ctx, KIND, row.id, entity=entity, author_id=ctx.user.id, cause="word")
    else:
        ctx.publish(f"{entity}:comments", "comment:created", comments.wire(row), subject=row.id)
        ctx.after_commit.append(partial(ctx.services.typing.stop, f"{entity}:comments", ctx.user.id))
    return comments.wire(row)


@handles("comment:list", ListComments, rest=("GET", _PATH), reads=True, audience=("user", "visitor", "backend"))
async def list_comments(
    ctx: Context,
    type: str,
    id: str,
    parent_id: str | None = None,
    before: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """A page of an entity's comments, newest first: the newest page, or the one before or after a comment."""
    entity = await access.engaged(ctx, type, id)
    marks = {}
    for name, comment_id in (("before", before), ("after", after)):
        if comment_id is not None:
            marks[name] = await comments.position_of(ctx.conn, entity, comment_id)
            if marks[name] is None:
                raise Invalid("The page begins at no comment.", {name: ["Is no comment on this entity."]})
    reader = ctx.actor.user.id if ctx.actor.user else None
    found, more = await comments.page(ctx.conn, entity, reader, parent_id=parent_id, limit=limit, **marks)
    return {"comments": [comments.wire(row) for row in found], "hasMore": more}


@handles("comment:edit", EditComment, rest=("PATCH", "/api/comments/{commentId}"), speaks=True)
async def edit_comment(ctx: Context, comment_id: str, body: str) -> dict[str, Any]:
    """Replace what one's comment says; with certain words in it, it waits for a moderator before others see it."""
    row = await _held(ctx, comment_id)
    if row.user_id != ctx.user.id:
        raise Forbidden("Only its author edits a comment.")
    pending = screen(ctx, body=body)
    shown = row.status == "approved"
    row = await comments.edit(ctx.conn, row, body)
    if shown and pending:
        row = await comments.hold(ctx.conn, row)
        await _vanish(ctx, row)
        await moderation.hold(ctx, KIND, row.id, entity=row.entity, author_id=row.user_id, cause="word")
    else:
        if shown:
            ctx.publish(f"{row.entity}:comments", "comment:edited", comments.wire(row), subject=row.id)
        await moderation.changed(ctx, KIND, row.id)
    return await _kept(ctx, row)


@handles("comment:delete", OneComment, rest=("DELETE", "/api/comments/{commentId}"))
async def delete_comment(ctx: Context, comment_id: str) -> dict[str, Any]:
    """Remove a comment and what it said, from the log too; its author may, and moderators."""
    row = await _held(ctx, comment_id, deleted=True)
    if row.user_id != ctx.user.id and not ctx.actor.is_moderator:
        raise Forbidden("Only its author and moderators delete a comment.")
    if row.status == "deleted":
        return comments.wire(row)
    row = await _erase(ctx, row)
    await moderation.settle(ctx, KIND, row.id, rejected=row.user_id != ctx.user.id)
    return comments.wire(row)


@handles("comment:flag", FlagComment, rest=("POST", "/api/comments/{commentId}/flag"))
async def flag_comment(ctx: Context, comment_id: str, reason: str | None = None) -> dict[str, Any]:
    """Point moderators to a comment; a second time changes nothing."""
    row = await _held(ctx, comment_id)
    if await comments.flag(ctx.conn, row.id, ctx.user.id, reason or None):
        await moderation.hold(ctx, KIND, row.id, entity=row.entity, author_id=row.user_id, cause="flag", flags=1)
    return comments.wire(row)


async def _held(ctx: Context, comment_id: str, *, deleted: bool = False) -> Any:
    """A comment that the actor may know of, its entity held. Raises ``NotFound``."""
    row = await comments.get(ctx.conn, comment_id)
    if row is not None:
        await access.engaged(ctx, *engagement.parts(row.entity))
        await engagement.lock(ctx.conn, row.entity)
        row = await comments.get(ctx.conn, comment_id)
    mine = row is not None and (row.user_id == ctx.user.id or ctx.actor.is_moderator)
    if row is None or (row.status == "pending" and not mine) or (row.status == "deleted" and not (deleted and mine)):
        raise NotFound("There is no such comment.")
    return row


async def _vanish(ctx: Context, row: Any) -> None:
    """Tell that a comment is gone, and take what it said out of the log."""
    await event_log.redact(ctx.conn, row.id, {"body": None, "subject": {"body": None}})
    ctx.publish(f"{row.entity}:comments", "comment:deleted", {"commentId": row.id})


async def _erase(ctx: Context, row: Any) -> Any:
    shown = row.status == "approved"
    row = await comments.erase(ctx.conn, row)
    if shown:
        await _vanish(ctx, row)
    else:
        await event_log.redact(ctx.conn, row.id, {"subject": {"body": None}})
    await _kept(ctx, row)
    return row


async def _kept(ctx: Context, row: Any) -> dict[str, Any]:
    """The comment, and from now on the answer to whoever sends it again under its client id."""
    wire = comments.wire(row)
    if row.client_id is not None:
        await idempotency.replace_result(ctx.conn, row.user_id, _CREATE, row.client_id, wire)
    return wire


async def _wires(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {id: comments.wire(row) for id, row in (await comments.among(conn, ids)).items()}


async def _approve(ctx: Context, comment_id: str) -> None:
    row: Any = await comments.get(ctx.conn, comment_id)
    if row.status == "pending":
        row = await comments.approve(ctx.conn, row)
        ctx.publish(f"{row.entity}:comments", "comment:created", comments.wire(row), subject=row.id)
        await _kept(ctx, row)


async def _reject(ctx: Context, comment_id: str) -> None:
    row: Any = await comments.get(ctx.conn, comment_id)
    if row.status != "deleted":
        await _erase(ctx, row)


moderation.KINDS[KIND] = moderation.Kind(_wires, _approve, _reject, "comment")
