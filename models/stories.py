"""Stories: what somebody wrote, and how far it reaches.

``visibility`` is what the author chose. ``reach`` is what follows from it and from moderation: ``everyone``; ``link``
(whoever knows the id); ``held`` (the author, and moderators, who are to decide); ``author``; ``nobody`` once it is
deleted, when its row stays so that its channels are not taken for those of an application's own thing.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Index, Table, Text, and_, bindparam, insert, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models import users
from models.database import metadata
from models.ids import new_id
from models.sets import as_set, one_of
from models.types import Timestamp, now
from models.users import User

PUBLIC, LINK, HELD, AUTHOR, NOBODY = "everyone", "link", "held", "author", "nobody"
_STATUS = {HELD: "pending", NOBODY: "deleted"}
_REACH = {"public": PUBLIC, "unlisted": LINK, "private": AUTHOR}

# Written out, because a planner takes an index of some rows only for a condition that says which.
_THERE = text("reach <> 'nobody'")

stories = Table(
    "stories",
    metadata,
    Column("id", Text, primary_key=True),
    Column("author_id", Text, nullable=False),
    Column("client_id", Text),
    Column("title", Text),
    Column("genre", Text),
    Column("body", Text),
    Column("visibility", Text, nullable=False),
    Column("reach", Text, nullable=False),
    # The order of lists: the id at first, renewed each time that the story becomes public.
    Column("position", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Column("published_at", Timestamp),
    Index("ix_stories_reach_position", "reach", "position"),
    Index("ix_stories_author_id_position", "author_id", "position", sqlite_where=_THERE, postgresql_where=_THERE),
)

_GET = select(stories).where(stories.c.id == bindparam("story"))
_LOCKED = _GET.with_for_update()
_SHARED = _GET.with_for_update(read=True)


def reach_of(visibility: str, *, held: bool = False) -> str:
    """How far a story of that visibility reaches; what nobody else sees anyway need not be held."""
    return HELD if held and visibility != "private" else _REACH[visibility]


def may_read(reach: str, author_id: str, reader: User | None) -> bool:
    """Whether somebody (None: a visitor, a backend) may read a story."""
    if reach in {PUBLIC, LINK}:
        return True
    if reader is None or reach == NOBODY:
        return False
    return reader.id == author_id or (reach == HELD and reader.role in {"moderator", "admin"})


def wire(row: Any, author: dict[str, Any]) -> dict[str, Any]:
    """The story of the contract's section 8; once it is deleted, title, genre and body are null."""
    return {
        "id": row.id,
        "title": row.title,
        "genre": row.genre,
        "body": row.body,
        "visibility": row.visibility,
        "status": _STATUS.get(row.reach, "approved"),
        "authorId": row.author_id,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "publishedAt": row.published_at,
        "deletedAt": row.updated_at if row.reach == NOBODY else None,
        "user": author,
    }


async def create(
    conn: AsyncConnection,
    *,
    author_id: str,
    client_id: str | None,
    title: str,
    genre: str | None,
    body: str,
    visibility: str,
    reach: str,
) -> Any:
    """Write a new story and return its row."""
    story_id, moment = new_id(), now()
    row = {
        "id": story_id,
        "author_id": author_id,
        "client_id": client_id,
        "title": title,
        "genre": genre,
        "body": body,
        "visibility": visibility,
        "reach": reach,
        "position": story_id,
        "created_at": moment,
        "updated_at": moment,
        "published_at": moment if reach == PUBLIC else None,
    }
    return (await conn.execute(insert(stories).values(row).returning(stories))).one()


async def get(conn: AsyncConnection, story_id: str) -> Any | None:
    """The story, deleted ones too, or None."""
    return (await conn.execute(_GET, {"story": story_id})).one_or_none()


async def lock(conn: AsyncConnection, story_id: str) -> Any | None:
    """The story, held until the transaction ends: what changes it takes its turn here."""
    return (await conn.execute(_LOCKED, {"story": story_id})).one_or_none()


async def share(conn: AsyncConnection, story_id: str) -> Any | None:
    """The story, whose reach stays as it is until the transaction ends."""
    return (await conn.execute(_SHARED, {"story": story_id})).one_or_none()


async def change(conn: AsyncConnection, story: Any, **values: Any) -> Any:
    """Change columns of a locked story and return its row as it is now; one that becomes public goes to the top."""
    moment = now()
    if values.get("reach") == PUBLIC != story.reach:
        values |= {"position": new_id(), "published_at": moment}
    return (
        await conn.execute(
            update(stories).where(stories.c.id == story.id).values(updated_at=moment, **values).returning(stories)
        )
    ).one()


async def erase(conn: AsyncConnection, story: Any) -> Any:
    """Take everything out of a locked story but that it was there."""
    return await change(conn, story, title=None, genre=None, body=None, reach=NOBODY)


async def there(conn: AsyncConnection, story_ids: Collection[str]) -> Sequence[Any]:
    """Those of the stories that were not deleted."""
    return (await conn.execute(_THERE_AMONG, {"ids": as_set(story_ids)})).all()


async def wires(conn: AsyncConnection, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """The stories, with their authors."""
    authors = await users.known(conn, {row.author_id for row in rows})
    return [wire(row, author(row, authors)) for row in rows]


def author(row: Any, known: Mapping[str, User]) -> dict[str, Any]:
    """The user who wrote a story or a post."""
    return known.get(row.author_id, User(row.author_id, "")).wire()


async def page(
    conn: AsyncConnection, *, reader_id: str | None, author_id: str | None, before: str | None, limit: int
) -> list[Any]:
    """What a reader finds in the list, the newest first: public stories, and their own.

    One more than ``limit`` when there are more.

    Args:
        author_id: this author's alone.
        before: the id of the last story seen.
    """
    mark = None if before is None else await conn.scalar(_POSITION, {"story": before})
    parts = []
    if author_id is None or author_id != reader_id:
        parts.append(select(stories).where(_by_author(author_id), stories.c.reach == PUBLIC))
    if reader_id is not None and author_id is None:
        parts.append(select(stories).where(_by_author(reader_id), stories.c.reach != PUBLIC))
    if reader_id is not None and author_id == reader_id:
        parts.append(select(stories).where(_by_author(reader_id)))
    found: list[Any] = []
    for part in parts:
        late = part if mark is None else part.where(stories.c.position < mark)
        found += (await conn.execute(late.order_by(stories.c.position.desc()).limit(limit + 1))).all()
    return sorted(found, key=lambda row: row.position, reverse=True)[: limit + 1]


def _by_author(author_id: str | None) -> Any:
    return true() if author_id is None else and_(stories.c.author_id == author_id, _THERE)


_THERE_AMONG = select(stories).where(one_of(stories.c.id, "ids"), stories.c.reach != NOBODY)
_POSITION = select(stories.c.position).where(stories.c.id == bindparam("story"))
