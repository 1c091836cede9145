"""Posts: what people say about a story, whose readers are theirs.

``state`` is ``shown``, ``held`` (its author and moderators see it) or ``deleted``; the row stays then, as a story's.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column, Index, Table, Text, bindparam, insert, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models import stories
from models.database import metadata
from models.ids import new_id
from models.sets import as_set, one_of
from models.types import Timestamp, now
from models.users import PROFILE, User, profile, users

SHOWN, HELD, DELETED = "shown", "held", "deleted"

posts = Table(
    "posts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("story_id", Text, nullable=False),
    Column("author_id", Text, nullable=False),
    Column("client_id", Text),
    Column("type", Text, nullable=False),
    Column("title", Text),
    Column("body", Text),
    Column("state", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Index("ix_posts_story_id_state_id", "story_id", "state", "id"),
)

_GET = select(posts).where(posts.c.id == bindparam("post"))
_LOCKED = _GET.with_for_update()
_WIRES = (
    select(posts, *PROFILE)
    .outerjoin(users, users.c.id == posts.c.author_id)
    .where(one_of(posts.c.id, "ids"), posts.c.state != DELETED)
)
_AMONG = select(posts.c.id).where(one_of(posts.c.id, "ids"), posts.c.story_id == bindparam("story"))


def may_read(post: Any, story: Any, reader: User | None) -> bool:
    """Whether somebody (None: a visitor, a backend) may read a post of a story."""
    if not stories.may_read(story.reach, story.author_id, reader):
        return False
    if post.state != HELD:
        return bool(post.state == SHOWN)
    return reader is not None and (reader.id == post.author_id or reader.role in {"moderator", "admin"})


def wire(row: Any, author: dict[str, Any]) -> dict[str, Any]:
    """The post of the contract's section 8; once it is deleted, title and body are null."""
    return {
        "id": row.id,
        "storyId": row.story_id,
        "authorId": row.author_id,
        "title": row.title,
        "body": row.body,
        "type": row.type,
        "isHeld": row.state == HELD,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "deletedAt": row.updated_at if row.state == DELETED else None,
        "user": author,
    }


async def create(
    conn: AsyncConnection,
    *,
    story_id: str,
    author_id: str,
    client_id: str | None,
    type: str,
    title: str,
    body: str,
    state: str,
) -> Any:
    """Write a new post and return its row."""
    moment = now()
    row = {
        "id": new_id(),
        "story_id": story_id,
        "author_id": author_id,
        "client_id": client_id,
        "type": type,
        "title": title,
        "body": body,
        "state": state,
        "created_at": moment,
        "updated_at": moment,
    }
    return (await conn.execute(insert(posts).values(row).returning(posts))).one()


async def get(conn: AsyncConnection, post_id: str) -> Any | None:
    """The post, deleted ones too, or None."""
    return (await conn.execute(_GET, {"post": post_id})).one_or_none()


async def lock(conn: AsyncConnection, post_id: str) -> Any | None:
    """The post, held until the transaction ends; its story is locked or shared before."""
    return (await conn.execute(_LOCKED, {"post": post_id})).one_or_none()


async def change(conn: AsyncConnection, post_id: str, **values: Any) -> Any:
    """Change columns of a locked post and return its row as it is now."""
    return (
        await conn.execute(
            update(posts).where(posts.c.id == post_id).values(updated_at=now(), **values).returning(posts)
        )
    ).one()


async def erase(conn: AsyncConnection, post_id: str) -> Any:
    """Take everything out of a locked post but that it was there."""
    return await change(conn, post_id, title=None, body=None, state=DELETED)


async def erase_all(conn: AsyncConnection, story_id: str) -> None:
    """Erase the posts of a locked story."""
    await conn.execute(
        update(posts)
        .where(posts.c.story_id == story_id, posts.c.state.in_((SHOWN, HELD)))
        .values(title=None, body=None, state=DELETED, updated_at=now())
    )


async def wires(conn: AsyncConnection, post_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Those of the posts that were not deleted, as they leave."""
    rows = await conn.execute(_WIRES, {"ids": as_set(post_ids)})
    return {row.id: wire_of_page(row) for row in rows}


async def held(conn: AsyncConnection, story_id: str) -> list[str]:
    """The posts of a story that wait for moderators."""
    found = await conn.scalars(select(posts.c.id).where(posts.c.story_id == story_id, posts.c.state == HELD))
    return sorted(found)


async def among(conn: AsyncConnection, story_id: str, post_ids: Collection[str]) -> set[str]:
    """Those of the posts that are a story's."""
    if not post_ids:
        return set()
    return set(await conn.scalars(_AMONG, {"ids": as_set(post_ids), "story": story_id}))


async def page(
    conn: AsyncConnection, story_id: str, *, reader: User | None, before: str | None, limit: int
) -> Sequence[Any]:
    """The posts of a story that a reader of it may read, the newest first, one more than ``limit`` when there are more.

    Each row has its author's profile behind it; ``before`` is the id of the last post seen.
    """
    parts = [_part(story_id, SHOWN, before, limit)]
    if reader is not None:
        held = _part(story_id, HELD, before, limit)
        parts.append(held if reader.role in {"moderator", "admin"} else held.where(posts.c.author_id == reader.id))
    found = union_all(*(select(part.subquery()) for part in parts)).subquery()
    query = (
        select(found, *PROFILE)
        .outerjoin(users, users.c.id == found.c.author_id)
        .order_by(found.c.id.desc())
        .limit(limit + 1)
    )
    return (await conn.execute(query)).all()


def _part(story_id: str, state: str, before: str | None, limit: int) -> Any:
    found = select(posts).where(posts.c.story_id == story_id, posts.c.state == state)
    if before is not None:
        found = found.where(posts.c.id < before)
    return found.order_by(posts.c.id.desc()).limit(limit + 1)


def wire_of_page(row: Any) -> dict[str, Any]:
    """The post of a row of ``page``."""
    return wire(row, profile(row.author_id, row.name or "", row.first_name or "", row.last_name or "", row.picture))
