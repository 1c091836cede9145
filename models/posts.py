"""Posts: what people say about a story, whose readers are theirs.

``state`` is ``shown``, ``held`` (its author and moderators see it) or ``deleted``; the row stays then, as a story's.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Column, Index, Table, Text, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models import stories, users
from models.database import metadata
from models.ids import new_id
from models.sets import as_set, one_of
from models.types import Timestamp, now
from models.users import User

SHOWN, HELD, DELETED = "shown", "held", "deleted"
_STATUS = {SHOWN: "approved", HELD: "pending", DELETED: "deleted"}

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
_THERE = select(posts).where(one_of(posts.c.id, "ids"), posts.c.state != DELETED)
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
        "status": _STATUS[row.state],
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


async def erase_all(conn: AsyncConnection, story_id: str) -> Sequence[str]:
    """Erase the posts of a locked story; their ids."""
    erased = await conn.scalars(
        update(posts)
        .where(posts.c.story_id == story_id, posts.c.state.in_((SHOWN, HELD)))
        .values(title=None, body=None, state=DELETED, updated_at=now())
        .returning(posts.c.id)
    )
    return erased.all()


async def there(conn: AsyncConnection, post_ids: Collection[str]) -> Sequence[Any]:
    """Those of the posts that were not deleted."""
    return (await conn.execute(_THERE, {"ids": as_set(post_ids)})).all()


async def wires(conn: AsyncConnection, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """The posts, with their authors."""
    authors = await users.known(conn, {row.author_id for row in rows})
    return [wire(row, stories.author(row, authors)) for row in rows]


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
) -> list[Any]:
    """The posts of a story that a reader of it may read, the newest first, one more than ``limit`` when there are more.

    ``before`` is the id of the last post seen.
    """
    parts = [_OF_STORY.where(posts.c.state == SHOWN)]
    if reader is not None:
        held = _OF_STORY.where(posts.c.state == HELD)
        parts.append(held if reader.role in {"moderator", "admin"} else held.where(posts.c.author_id == reader.id))
    found: list[Any] = []
    for part in parts:
        late = part if before is None else part.where(posts.c.id < before)
        query = late.order_by(posts.c.id.desc()).limit(limit + 1)
        found += (await conn.execute(query, {"story": story_id})).all()
    return sorted(found, key=lambda row: row.id, reverse=True)[: limit + 1]


_OF_STORY = select(posts).where(posts.c.story_id == bindparam("story"))
