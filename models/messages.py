"""Messages: what was said in a room, numbered without holes."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models import reactions
from models.database import metadata
from models.rooms import rooms
from models.sets import as_set, one_of, pair_of
from models.types import Json, Timestamp, now
from models.users import PROFILE, User, profile, users

messages = Table(
    "messages",
    metadata,
    # What full-text search refers to: SQLite's own row numbers do not survive a VACUUM.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("room_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("client_id", Text),
    Column("message", Text),
    Column("search", Text, nullable=False),
    Column("reply_to_id", Text),
    Column("mentions", Json, nullable=False),
    Column("attachments", Json, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("edited_at", Timestamp),
    Column("deleted_at", Timestamp),
    Index("uq_messages_room_id_seq", "room_id", "seq", unique=True),
    Index(
        "uq_messages_client_id",
        "user_id",
        "client_id",
        unique=True,
        sqlite_where=text("client_id IS NOT NULL"),
        postgresql_where=text("client_id IS NOT NULL"),
    ),
    Index(
        "ix_messages_deleted",
        "room_id",
        "seq",
        sqlite_where=text("deleted_at IS NOT NULL"),
        postgresql_where=text("deleted_at IS NOT NULL"),
    ),
)

mentions = Table(
    "mentions",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("room_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
)

_WITH_AUTHOR = select(messages, *PROFILE).join(users, users.c.id == messages.c.user_id)
# The index is of messages that have a client id: it is taken for a condition that says so.
_SENT_BEFORE = _WITH_AUTHOR.where(
    messages.c.client_id.is_not(None), pair_of(messages.c.user_id, messages.c.client_id, "keys")
)
_WHOSE = select(messages.c.id, messages.c.room_id, messages.c.user_id).where(one_of(messages.c.id, "ids"))
_LATEST = _WITH_AUTHOR.join(rooms, and_(rooms.c.id == messages.c.room_id, rooms.c.message_seq == messages.c.seq)).where(
    one_of(rooms.c.id, "rooms")
)


def wire(row: Any, reacted: list[dict[str, Any]]) -> dict[str, Any]:
    """The message of the contract's section 5."""
    return {
        "id": row.id,
        "seq": row.seq,
        "roomId": row.room_id,
        "userId": row.user_id,
        "message": row.message,
        "clientId": row.client_id,
        "replyToId": row.reply_to_id,
        "mentions": row.mentions,
        "attachments": row.attachments,
        "reactions": reacted,
        "createdAt": row.created_at,
        "editedAt": row.edited_at,
        "deletedAt": row.deleted_at,
        "user": profile(row.user_id, row.name, row.first_name, row.last_name, row.picture),
    }


def wire_of(row: dict[str, Any], author: User) -> dict[str, Any]:
    """The message of the contract as it was just written: a row for ``write``, nobody has reacted yet."""
    return {
        "id": row["id"],
        "seq": row["seq"],
        "roomId": row["room_id"],
        "userId": row["user_id"],
        "message": row["message"],
        "clientId": row["client_id"],
        "replyToId": row["reply_to_id"],
        "mentions": row["mentions"],
        "attachments": row["attachments"],
        "reactions": [],
        "createdAt": row["created_at"],
        "editedAt": None,
        "deletedAt": None,
        "user": author.wire(),
    }


async def wires(conn: AsyncConnection, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """The messages of the contract, with their reactions."""
    reacted = await reactions.summaries(conn, [row.id for row in rows])
    return [wire(row, reacted.get(row.id, [])) for row in rows]


async def get(conn: AsyncConnection, message_id: str) -> Any | None:
    """The message with its author's profile, or None."""
    return (await conn.execute(_WITH_AUTHOR.where(messages.c.id == message_id))).one_or_none()


async def sent_before(conn: AsyncConnection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Those of the (user, client id) pairs whose message is already stored."""
    if not keys:
        return {}
    rows = await conn.execute(_SENT_BEFORE, {"keys": as_set(keys)})
    return {(row.user_id, row.client_id): row for row in rows}


_INSERT = insert(messages)
_INSERT_MENTIONS = insert(mentions)
_NUMBER = (
    update(rooms)
    .where(rooms.c.id == bindparam("room"))
    .values(message_seq=bindparam("newest"), active_at=bindparam("at"))
)


async def write(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Store messages that are numbered already, and their rooms' newest numbers; the rooms are locked."""
    await conn.execute(_INSERT, [row | {"search": searchable(row["message"])} for row in rows])
    mentioned = [
        {"user_id": user_id, "room_id": row["room_id"], "seq": row["seq"]}
        for row in rows
        for user_id in row["mentions"]
    ]
    if mentioned:
        await conn.execute(_INSERT_MENTIONS, mentioned)
    last = {row["room_id"]: row for row in rows}
    await conn.execute(
        _NUMBER, [{"room": room, "newest": row["seq"], "at": row["created_at"]} for room, row in last.items()]
    )


async def whose(conn: AsyncConnection, message_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """For each existing message the ids of its room and of its author."""
    if not message_ids:
        return {}
    rows = await conn.execute(_WHOSE, {"ids": as_set(message_ids)})
    return {row.id: (row.room_id, row.user_id) for row in rows}


async def history(
    conn: AsyncConnection, room_id: str, *, before: int | None = None, after: int | None = None, limit: int
) -> tuple[list[Any], bool]:
    """A page of a room, oldest first, and whether there is more in the direction asked for.

    Without ``before`` and ``after`` it is the newest page.
    """
    query = _WITH_AUTHOR.where(messages.c.room_id == room_id).limit(limit + 1)
    if before is not None:
        query = query.where(messages.c.seq < before)
    if after is not None:
        query = query.where(messages.c.seq > after)
    forward = after is not None and before is None
    rows = list((await conn.execute(query.order_by(messages.c.seq if forward else messages.c.seq.desc()))).all())
    more = len(rows) > limit
    rows = rows[:limit]
    return (rows if forward else rows[::-1]), more


async def latest(conn: AsyncConnection, room_ids: Sequence[str]) -> dict[str, Any]:
    """For each room its newest message."""
    if not room_ids:
        return {}
    rows = await conn.execute(_LATEST, {"rooms": as_set(room_ids)})
    return {row.room_id: row for row in rows}


async def edit(conn: AsyncConnection, row: Any, message: str, mentioned: list[str]) -> None:
    """Replace a message's text and whom it mentions."""
    await _forget_mentions(conn, row)
    await conn.execute(
        update(messages)
        .where(messages.c.id == row.id)
        .values(message=message, search=searchable(message), mentions=mentioned, edited_at=now())
    )
    if mentioned:
        await conn.execute(
            _INSERT_MENTIONS, [{"user_id": each, "room_id": row.room_id, "seq": row.seq} for each in mentioned]
        )


async def erase(conn: AsyncConnection, row: Any) -> None:
    """Remove what a message said; the row stays, so that the numbers have no hole."""
    await _forget_mentions(conn, row)
    await reactions.clear(conn, row.id)
    await conn.execute(
        update(messages)
        .where(messages.c.id == row.id)
        .values(message=None, search="", mentions=[], attachments=[], deleted_at=now())
    )


async def _forget_mentions(conn: AsyncConnection, row: Any) -> None:
    await conn.execute(delete(mentions).where(mentions.c.room_id == row.room_id, mentions.c.seq == row.seq))


def searchable(message: str) -> str:
    """The words of a text as they are searched: without case, accents and punctuation, on both databases alike."""
    # Twice, because what looks like one sign ("℠") may hold capital letters, and folding may compose what was apart.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", message).casefold())
    words = _WORD.findall("".join(each for each in plain if not unicodedata.combining(each)))
    return " ".join(word[:_LONGEST_WORD] for word in words)


_WORD = re.compile(r"[^\W_]+")
# PostgreSQL indexes no word of more than 2,047 bytes.
_LONGEST_WORD = 255


async def search(
    conn: AsyncConnection, query: str, room_ids: Iterable[str] | Any, *, before: str | None = None, limit: int
) -> tuple[list[Any], bool]:
    """Messages that hold every word of the query (a word may be the beginning of a longer one), newest first.

    ``room_ids`` is a subquery of the rooms to look in; ``before`` the id of the last message seen.
    """
    words = searchable(query).split()
    if not words:
        return [], False
    found = _WITH_AUTHOR.where(messages.c.room_id.in_(room_ids))
    if conn.dialect.name == "postgresql":
        terms = " & ".join(f"{word}:*" for word in words)
        found = found.where(
            func.to_tsvector(literal_column("'simple'::regconfig"), messages.c.search).op("@@")(
                func.to_tsquery(literal_column("'simple'::regconfig"), terms)
            )
        )
    else:
        terms = " ".join(f'"{word}"*' for word in words)
        found = found.where(
            messages.c.number.in_(
                text("SELECT rowid FROM messages_fts WHERE messages_fts MATCH :terms").bindparams(terms=terms)
            )
        )
    if before is not None:
        found = found.where(
            messages.c.number < select(messages.c.number).where(messages.c.id == before).scalar_subquery()
        )
    rows = list((await conn.execute(found.order_by(messages.c.number.desc()).limit(limit + 1))).all())
    return rows[:limit], len(rows) > limit
