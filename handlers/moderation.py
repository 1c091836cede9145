"""Moderation: the queue of what waits for moderators, and their decisions.

What can be moderated says how in ``KINDS``: comments here, others likewise beside their own actions.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.base import Context, handles
from handlers.errors import Conflict, Forbidden, NotFound
from handlers.notices import notify
from handlers.payload import Choice, Id, Payload, Text, limit
from models import comments, engagement, moderation, users
from models.moderation import STATUSES
from models.notifications import Notice

CHANNEL = "admin"
REASON_MAX = 500


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of things that are moderated.

    Attributes:
        wires: those of the ids that there are, as they leave.
        approve: lets everybody see the thing; its entity is held.
        reject: takes it away; its entity is held.
        name: what its author calls it.
    """

    wires: Callable[[AsyncConnection, Sequence[str]], Awaitable[dict[str, dict[str, Any]]]]
    approve: Callable[[Context, str], Awaitable[None]]
    reject: Callable[[Context, str], Awaitable[None]]
    name: str


KINDS: dict[str, Kind] = {}


class ListModeration(Payload):
    """``moderation:list``."""

    status = Choice(*STATUSES, load_default="pending")
    kind = Id(64)
    before = Id()
    limit = limit(50, 100)


class Decide(Payload):
    """``moderation:decide``."""

    item_id = Id(required=True)
    decision = Choice("approve", "reject", required=True)
    reason = Text(0, REASON_MAX)


@handles("moderation:list", ListModeration, rest=("GET", "/api/moderation"), reads=True)
async def list_moderation(
    ctx: Context, status: str, kind: str | None = None, before: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """What waits for a decision, or was decided in one way, newest first."""
    _require_moderator(ctx)
    found, more = await moderation.page(ctx.conn, status, kind=kind, before=before, limit=limit)
    return {"items": await _wires(ctx.conn, found), "hasMore": more}


@handles("moderation:decide", Decide, rest=("POST", "/api/moderation/{itemId}"))
async def decide(ctx: Context, item_id: str, decision: str, reason: str | None = None) -> dict[str, Any]:
    """Let something stay or appear, or take it away; its author is told, with the reason."""
    _require_moderator(ctx)
    found = await moderation.get(ctx.conn, item_id)
    if found is None:
        raise NotFound("There is no such item.")
    await engagement.lock(ctx.conn, found.entity)
    # Another moderator may have decided meanwhile.
    item: Any = await moderation.get(ctx.conn, item_id)
    if item.status != "pending":
        raise Conflict("This was decided already.", current=await _wire(ctx.conn, item))
    kind = KINDS[item.kind]
    await (kind.approve if decision == "approve" else kind.reject)(ctx, item.subject_id)
    status = "approved" if decision == "approve" else "rejected"
    return await _closed(ctx, await moderation.close(ctx.conn, item, status, ctx.user.id, reason or None))


async def hold(
    ctx: Context, kind: str, subject_id: str, *, entity: str, author_id: str, cause: str, flags: int = 0
) -> None:
    """Put something into the queue, or tell of it anew if it waits there; its entity (``{type}:{id}``) is held.

    ``cause`` is ``flag``, ``word`` or ``upload``.
    """
    waits = await moderation.open_item(ctx.conn, kind, subject_id) is not None
    item = await moderation.hold(
        ctx.conn, kind, subject_id, entity=entity, author_id=author_id, cause=cause, flags=flags
    )
    data = await _wire(ctx.conn, item)
    if waits:
        ctx.publish(CHANNEL, "moderation:updated", data, subject=subject_id)
    else:
        ctx.publish(CHANNEL, "moderation:added", data, subject=subject_id)


async def changed(ctx: Context, kind: str, subject_id: str) -> None:
    """Tell moderators that something has changed, if it waits for them; its entity is held."""
    item = await moderation.open_item(ctx.conn, kind, subject_id)
    if item is not None:
        ctx.publish(CHANNEL, "moderation:updated", await _wire(ctx.conn, item), subject=subject_id)


async def settle(ctx: Context, kind: str, subject_id: str, *, rejected: bool) -> None:
    """Close what is open on something that was deleted: by its author, or (``rejected``) by a moderator."""
    item = await moderation.open_item(ctx.conn, kind, subject_id)
    if item is not None:
        status = "rejected" if rejected else "withdrawn"
        await _closed(ctx, await moderation.close(ctx.conn, item, status, ctx.user.id))


async def _closed(ctx: Context, item: Any) -> dict[str, Any]:
    data = await _wire(ctx.conn, item)
    ctx.publish(CHANNEL, "moderation:decided", data, subject=item.subject_id)
    if item.status in _SAID and item.author_id != item.decided_by:
        await notify(ctx, [item.author_id], _notice(item))
    return data


_SAID = {"approved": ("approved", "success"), "rejected": ("removed", "warning")}


def _notice(item: Any) -> Notice:
    """What the author of something is told of how it was decided."""
    entity_type, entity_id = engagement.parts(item.entity)
    said, level = _SAID[item.status]
    return Notice(
        title=f"Your {KINDS[item.kind].name} was {said}",
        message=item.reason or f"A moderator has looked at your {KINDS[item.kind].name}.",
        type="SYSTEM",
        level=level,
        data={
            "itemId": item.id,
            "kind": item.kind,
            "subjectId": item.subject_id,
            "entityType": entity_type,
            "entityId": entity_id,
            "status": item.status,
            "reason": item.reason,
        },
    )


async def _wire(conn: AsyncConnection, item: Any) -> dict[str, Any]:
    return (await _wires(conn, [item]))[0]


async def _wires(conn: AsyncConnection, items: Sequence[Any]) -> list[dict[str, Any]]:
    """The items as they leave: with what they are about (null once it is gone), its author, and who objects."""
    things: dict[tuple[str, str], Any] = {}
    for kind in {item.kind for item in items}:
        found = await KINDS[kind].wires(conn, [item.subject_id for item in items if item.kind == kind])
        things |= {(kind, id): wire for id, wire in found.items()}
    authors = await users.known(conn, [item.author_id for item in items])
    flags = await comments.flags_of(conn, [item.subject_id for item in items if item.kind == "comment"])
    wires = []
    for item in items:
        entity_type, entity_id = engagement.parts(item.entity)
        author = authors.get(item.author_id)
        wires.append(
            {
                "id": item.id,
                "kind": item.kind,
                "subjectId": item.subject_id,
                "entityType": entity_type,
                "entityId": entity_id,
                "cause": item.cause,
                "status": item.status,
                "flagCount": item.flag_count,
                "flags": flags.get(item.subject_id, []),
                "reason": item.reason,
                "decidedBy": item.decided_by,
                "createdAt": item.created_at,
                "decidedAt": item.decided_at,
                "subject": things.get((item.kind, item.subject_id)),
                "user": author.wire() if author else None,
            }
        )
    return wires


def _require_moderator(ctx: Context) -> None:
    if ctx.user and not ctx.actor.is_moderator:
        raise Forbidden("This is for moderators.")
