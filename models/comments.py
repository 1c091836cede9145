"""Comments: what people say about an entity, or answer to one another there.

A comment is ``approved`` (everyone sees it), ``pending`` (its author alone, until moderators have decided) or
``deleted`` (its text is gone; the row stays, because its id may be where somebody's next page begins).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models import engagement
from models.database import metadata
from models.ids import new_id
from models.sets import as_set, one_of
from models.types import Timestamp, now
from models.users import PROFILE, profile, users


def _of_status(name: str, *columns: str, status: str) -> Index:
    condition = text(f"status = '{status}'")
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


comments = Table(
    "comments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("parent_id", Text),
    Column("client_id", Text),
    Column("body", Text),
    Column("status", Text, nullable=False),
    Column("reply_count", Integer, nullable=False, server_default="0"),
    Column("created_at", Timestamp, nullable=False),
    Column("edited_at", Timestamp),
    Column("deleted_at", Timestamp),
    _of_status("ix_comments_entity", "entity", "position", status="approved"),
    _of_status("ix_comments_parent_id", "parent_id", "position", status="approved"),
    _of_status("ix_comments_pending", "user_id", "entity", "position", status="pending"),
)

flags = Table(
    "comment_flags",
    metadata,
    Column("comment_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("reason", Text),
    Column("created_at", Timestamp, nullable=False),
)

FLAGS_SHOWN = 20
_EACH_FLAG = (
    select(
        flags,
        func.row_number()
        .over(partition_by=flags.c.comment_id, order_by=(flags.c.created_at, flags.c.user_id))
        .label("place"),
    )
    .where(one_of(flags.c.comment_id, "ids"))
    .subquery()
)
_FLAGS = select(_EACH_FLAG).where(_EACH_FLAG.c.place <= FLAGS_SHOWN).order_by(_EACH_FLAG.c.place)
_WITH_AUTHOR = select(comments, *PROFILE).join(users, users.c.id == comments.c.user_id)
# Written out, because a planner takes an index of some rows only for a condition that says which.
_APPROVED = comments.c.status == literal_column("'approved'")
_PENDING = comments.c.status == literal_column("'pending'")
_ONE = _WITH_AUTHOR.where(comments.c.id == bindparam("comment"))
_MANY = _WITH_AUTHOR.where(one_of(comments.c.id, "ids"))


def wire(row: Any) -> dict[str, Any]:
    """The comment as it leaves; ``body`` is null once it is deleted."""
    kind, entity_id = engagement.parts(row.entity)
    return {
        "id": row.id,
        "entityType": kind,
        "entityId": entity_id,
        "userId": row.user_id,
        "parentId": row.parent_id,
        "body": row.body,
        "clientId": row.client_id,
        "status": row.status,
        "replyCount": row.reply_count,
        "createdAt": row.created_at,
        "editedAt": row.edited_at,
        "deletedAt": row.deleted_at,
        "user": profile(row.user_id, row.name, row.first_name, row.last_name, row.picture),
    }


async def get(conn: AsyncConnection, comment_id: str) -> Any | None:
    """The comment with its author's profile, or None."""
    return (await conn.execute(_ONE, {"comment": comment_id})).one_or_none()


async def among(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, Any]:
    """Those of the comments that there are, with their authors' profiles."""
    if not ids:
        return {}
    return {row.id: row for row in await conn.execute(_MANY, {"ids": as_set(ids)})}


async def create(
    conn: AsyncConnection,
    entity: str,
    user_id: str,
    *,
    body: str,
    parent_id: str | None,
    client_id: str | None,
    pending: bool,
) -> Any:
    """Write a comment on an entity that is held, and return it with its author's profile."""
    id = new_id()
    row = {
        "id": id,
        "entity": entity,
        "position": await engagement.next_position(conn, entity),
        "user_id": user_id,
        "parent_id": parent_id,
        "client_id": client_id,
        "body": body,
        "status": "pending" if pending else "approved",
        "created_at": now(),
    }
    await conn.execute(insert(comments), [row])
    if not pending:
        await _count(conn, entity, parent_id, 1)
    return await get(conn, id)


async def edit(conn: AsyncConnection, comment: Any, body: str) -> Any:
    """Replace a comment's text."""
    return await _change(conn, comment, body=body, edited_at=now())


async def hold(conn: AsyncConnection, comment: Any) -> Any:
    """Let a comment be seen by its author alone; its entity is held."""
    if comment.status == "approved":
        await _count(conn, comment.entity, comment.parent_id, -1)
    return await _change(conn, comment, status="pending")


async def approve(conn: AsyncConnection, comment: Any) -> Any:
    """Let everybody see a comment that was pending, as the newest of its entity, which is held."""
    position = await engagement.next_position(conn, comment.entity)
    await _count(conn, comment.entity, comment.parent_id, 1)
    return await _change(conn, comment, status="approved", position=position)


async def erase(conn: AsyncConnection, comment: Any) -> Any:
    """Remove what a comment said, and the comment from every list; its entity is held."""
    if comment.status == "approved":
        await _count(conn, comment.entity, comment.parent_id, -1)
    return await _change(conn, comment, status="deleted", body=None, deleted_at=now())


async def _change(conn: AsyncConnection, comment: Any, **values: Any) -> Any:
    await conn.execute(update(comments).where(comments.c.id == comment.id).values(values))
    return await get(conn, comment.id)


async def _count(conn: AsyncConnection, entity: str, parent_id: str | None, difference: int) -> None:
    await engagement.change(conn, entity, comment_count=difference)
    if parent_id is not None:
        await conn.execute(
            update(comments).where(comments.c.id == parent_id).values(reply_count=comments.c.reply_count + difference)
        )


async def position_of(conn: AsyncConnection, entity: str, comment_id: str) -> int | None:
    """The place of a comment among those of the entity, also of a deleted one; None when it is none of them."""
    found: int | None = await conn.scalar(
        select(comments.c.position).where(comments.c.id == comment_id, comments.c.entity == entity)
    )
    return found


async def page(
    conn: AsyncConnection,
    entity: str,
    reader_id: str | None,
    *,
    parent_id: str | None = None,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> tuple[list[Any], bool]:
    """A page of what a reader may see, newest first, and whether there is more in the direction asked for.

    Without ``before`` and ``after``, which are positions, it is the newest page; with ``after`` the one that
    follows upon it. ``parent_id`` asks for the answers to one comment.
    """
    forward = after is not None and before is None

    async def found(condition: Any) -> list[Any]:
        query = _WITH_AUTHOR.where(comments.c.entity == entity, condition).limit(limit + 1)
        if parent_id is not None:
            query = query.where(comments.c.parent_id == parent_id)
        if before is not None:
            query = query.where(comments.c.position < before)
        if after is not None:
            query = query.where(comments.c.position > after)
        order = comments.c.position if forward else comments.c.position.desc()
        return list((await conn.execute(query.order_by(order))).all())

    rows = await found(_APPROVED)
    if reader_id is not None:
        rows += await found(_PENDING & (comments.c.user_id == reader_id))
        rows.sort(key=lambda row: row.position, reverse=not forward)
    more = len(rows) > limit
    rows = rows[:limit]
    return (rows[::-1] if forward else rows), more


async def flag(conn: AsyncConnection, comment_id: str, user_id: str, reason: str | None) -> bool:
    """Note that a person objects to a comment; False when they did before."""
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    row = {"comment_id": comment_id, "user_id": user_id, "reason": reason, "created_at": now()}
    return (await conn.execute(make(flags).values(row).on_conflict_do_nothing())).rowcount > 0


async def flags_of(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """For each comment that somebody objects to, the first who did: ``[{userId, reason, createdAt}]``."""
    if not ids:
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in await conn.execute(_FLAGS, {"ids": as_set(ids)}):
        objection = {"userId": row.user_id, "reason": row.reason, "createdAt": row.created_at}
        found.setdefault(row.comment_id, []).append(objection)
    return found
