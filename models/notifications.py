"""Notifications: what waits for a person, and how much of it they have not read.

Whatever changes somebody's notifications takes their inbox first, so that its count is that of what is unread at the
moment of the commit, and counts leave in the order in which they were true.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    Text,
    bindparam,
    delete,
    false,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.ids import new_id
from models.sets import as_set, one_of, pair_of
from models.types import Json, Timestamp, now

TYPES = ("BOOKING", "TOUR", "PAYMENT", "SYSTEM", "PROMOTION", "MESSAGE")
LEVELS = ("info", "success", "warning", "error")

# The ``id`` is the sending's: everybody whom it reached has a notification of that id.
# ``subject`` is the id of the message that it quotes, ``position`` its place in the list, the newest the greatest.
notifications = Table(
    "notifications",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("position", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("is_read", Boolean, nullable=False, server_default=false()),
    Column("link", Text),
    Column("data", Json, nullable=False),
    Column("count", Integer, nullable=False, server_default="1"),
    Column("collapse_key", Text),
    Column("subject", Text),
    Column("created_at", Timestamp, nullable=False),
    Index("ix_notifications_user_id_position", "user_id", "position"),
    Index(
        "ix_notifications_unread",
        "user_id",
        "position",
        sqlite_where=text("is_read = 0"),
        postgresql_where=text("NOT is_read"),
    ),
    Index(
        "ix_notifications_collapse_key",
        "user_id",
        "collapse_key",
        sqlite_where=text("collapse_key IS NOT NULL AND is_read = 0"),
        postgresql_where=text("collapse_key IS NOT NULL AND NOT is_read"),
    ),
    Index(
        "ix_notifications_subject",
        "subject",
        sqlite_where=text("subject IS NOT NULL"),
        postgresql_where=text("subject IS NOT NULL"),
    ),
)

inboxes = Table(
    "inboxes",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("unread_count", Integer, nullable=False, server_default="0"),
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What somebody is to be told.

    ``critical`` passes their preferences; ``subject`` is the message that it quotes, ``room_id`` the room of which it
    tells, and of which somebody may want to hear nothing.
    """

    title: str
    message: str
    type: str
    level: str = "info"
    link: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    collapse_key: str | None = None
    critical: bool = False
    subject: str | None = None
    room_id: str | None = None
    id: str = field(default_factory=new_id)

    def pushed(self, id: str | None = None) -> dict[str, Any]:
        """What a push says; ``id`` is that of the notification which it renewed, if it did."""
        told = ("id", "title", "message", "type", "level", "link", "data")
        return {name: getattr(self, name) for name in told} | ({} if id is None else {"id": id})


@dataclass(frozen=True, slots=True)
class Delivered:
    """A notification as it is now in somebody's inbox, and how many wait there unread."""

    user_id: str
    notification: dict[str, Any]
    unread_count: int
    notice: Notice


def wire(row: Mapping[str, Any]) -> dict[str, Any]:
    """The notification of the contract's section 7."""
    return {
        "id": row["id"],
        "title": row["title"],
        "message": row["message"],
        "type": row["type"],
        "level": row["level"],
        "isRead": row["is_read"],
        "link": row["link"],
        "data": row["data"],
        "count": row["count"],
        "createdAt": row["created_at"],
    }


# One statement takes the inboxes of everybody, in the order of the list: transactions that share people take them one
# behind the other instead of in each other's way.
_TAKE = {
    "sqlite": text(
        "INSERT INTO inboxes (user_id, unread_count) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]')"
        " FROM json_each(:wanted) WHERE true"
        " ON CONFLICT (user_id) DO UPDATE SET unread_count = inboxes.unread_count + excluded.unread_count"
        " RETURNING user_id, unread_count"
    ),
    "postgresql": text(
        "INSERT INTO inboxes (user_id, unread_count) SELECT value->>0, (value->>1)::integer"
        " FROM json_array_elements(CAST(:wanted AS json)) WITH ORDINALITY AS t(value, place) ORDER BY place"
        " ON CONFLICT (user_id) DO UPDATE SET unread_count = inboxes.unread_count + excluded.unread_count"
        " RETURNING user_id, unread_count"
    ),
}
_UNREAD = ~notifications.c.is_read
_INSERT = insert(notifications)
_OPEN = (
    select(notifications.c.user_id, notifications.c.collapse_key, notifications.c.id, notifications.c.count)
    .where(
        # What the index says of its rows, so that it is taken.
        notifications.c.collapse_key.is_not(None),
        _UNREAD,
        pair_of(notifications.c.user_id, notifications.c.collapse_key, "pairs"),
    )
    .order_by(notifications.c.position)
)
_RENEW = (
    update(notifications)
    .where(notifications.c.user_id == bindparam("u"), notifications.c.id == bindparam("i"))
    .values(
        {
            each: bindparam(each)
            for each in ("position", "title", "message", "type", "level", "link", "data", "count", "subject")
        }
        | {"created_at": bindparam("at")}
    )
)
_COUNT = select(inboxes.c.unread_count).where(inboxes.c.user_id == bindparam("user"))


async def _take(conn: AsyncConnection, changes: Mapping[str, int]) -> dict[str, int]:
    """Hold the inboxes until the transaction ends, and add to their counts; returns the counts."""
    wanted = orjson.dumps(sorted(changes.items())).decode()
    found = await conn.execute(_TAKE[conn.dialect.name], {"wanted": wanted})
    return {row.user_id: row.unread_count for row in found}


async def deliver(conn: AsyncConnection, notices: Sequence[tuple[str, Notice]]) -> list[Delivered]:
    """Write notices into people's inboxes, given as pairs of a user's id and a notice.

    One with a ``collapse_key`` renews the person's unread notification of that key, if there is one; several of a key
    in ``notices`` are one.
    """
    if not notices:
        return []
    folded: dict[tuple[str, str], list[Notice]] = {}
    for user_id, notice in notices:
        folded.setdefault((user_id, notice.collapse_key or f"\n{notice.id}"), []).append(notice)
    new: dict[str, int] = {}
    for user_id, _ in folded:
        new[user_id] = new.get(user_id, 0) + 1
    counts = await _take(conn, new)
    keys = [(user_id, key) for user_id, key in folded if not key.startswith("\n")]
    known = {(row.user_id, row.collapse_key): row for row in await _open(conn, keys)}
    moment = now()
    rows = {
        (user_id, key): _row(user_id, same[-1], len(same), moment, known.get((user_id, key)))
        for (user_id, key), same in folded.items()
    }
    fresh = [row for place, row in rows.items() if place not in known]
    if fresh:
        await conn.execute(_INSERT, fresh)
    if known:
        await conn.execute(_RENEW, [_renewed(rows[place]) for place in known])
        over: dict[str, int] = {}
        for user_id, _ in known:
            over[user_id] = over.get(user_id, 0) - 1
        counts |= await _take(conn, over)
    return [
        Delivered(user_id, wire(rows[user_id, key]), counts[user_id], same[-1])
        for (user_id, key), same in folded.items()
    ]


async def _open(conn: AsyncConnection, keys: Sequence[tuple[str, str]]) -> Sequence[Any]:
    """The unread notifications of these (user, collapse key) pairs, the newest of each last."""
    return (await conn.execute(_OPEN, {"pairs": as_set(keys)})).all() if keys else ()


def _row(user_id: str, notice: Notice, times: int, moment: str, known: Any | None) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "id": notice.id if known is None else known.id,
        "position": new_id(),
        "title": notice.title,
        "message": notice.message,
        "type": notice.type,
        "level": notice.level,
        "is_read": False,
        "link": notice.link,
        "data": notice.data,
        "count": times if known is None else known.count + times,
        "collapse_key": notice.collapse_key,
        "subject": notice.subject,
        "created_at": moment,
    }


def _renewed(row: dict[str, Any]) -> dict[str, Any]:
    kept = {"user_id", "id", "is_read", "collapse_key", "created_at"}
    changed = {name: value for name, value in row.items() if name not in kept}
    return changed | {"u": row["user_id"], "i": row["id"], "at": row["created_at"]}


async def unread_count(conn: AsyncConnection, user_id: str) -> int:
    """How many notifications somebody has not read."""
    return await conn.scalar(_COUNT, {"user": user_id}) or 0


async def page(
    conn: AsyncConnection,
    user_id: str,
    *,
    unread: bool = False,
    type: str | None = None,
    before: str | None = None,
    limit: int,
) -> list[Any]:
    """Somebody's notifications, newest first, from behind the one of the id ``before`` on; one more than ``limit`` if
    there are more. With ``unread`` those alone that they have not read."""
    query = select(notifications).where(notifications.c.user_id == user_id)
    if unread:
        query = query.where(_UNREAD)
    if type is not None:
        query = query.where(notifications.c.type == type)
    if before is not None:
        mark = select(notifications.c.position).where(notifications.c.user_id == user_id, notifications.c.id == before)
        # One that was deleted meanwhile has left its id, which is of the moment at which it was sent.
        query = query.where(notifications.c.position < func.coalesce(mark.scalar_subquery(), before))
    return list((await conn.execute(query.order_by(notifications.c.position.desc()).limit(limit + 1))).all())


async def mark(conn: AsyncConnection, user_id: str, ids: Collection[str] | None, is_read: bool) -> tuple[int, int]:
    """Note that somebody has read these notifications (None: all), or has not; how many changed and are now unread.

    Raises ``LookupError`` when one of the ids is none of theirs; nothing has changed then.
    """
    await _take(conn, {user_id: 0})
    where = [notifications.c.user_id == user_id, _UNREAD if is_read else notifications.c.is_read]
    named = {}
    if ids is not None:
        await _require(conn, user_id, ids)
        where.append(one_of(notifications.c.id, "ids"))
        named = {"ids": as_set(ids)}
    changed = (await conn.execute(update(notifications).where(*where).values(is_read=is_read), named)).rowcount
    counts = await _take(conn, {user_id: -changed if is_read else changed})
    return changed, counts[user_id]


async def remove(conn: AsyncConnection, user_id: str, ids: Collection[str] | None) -> tuple[int, int]:
    """Delete these notifications of somebody (None: all); how many went, and how many are now unread.

    Raises ``LookupError`` when one of the ids is none of theirs; nothing has changed then.
    """
    await _take(conn, {user_id: 0})
    where, named = [notifications.c.user_id == user_id], {}
    if ids is not None:
        await _require(conn, user_id, ids)
        where.append(one_of(notifications.c.id, "ids"))
        named = {"ids": as_set(ids)}
    unread = (await conn.execute(delete(notifications).where(*where, _UNREAD), named)).rowcount
    others = (await conn.execute(delete(notifications).where(*where), named)).rowcount
    counts = await _take(conn, {user_id: -unread})
    return unread + others, counts[user_id]


async def _require(conn: AsyncConnection, user_id: str, ids: Collection[str]) -> None:
    found = await conn.scalar(
        select(func.count())
        .select_from(notifications)
        .where(notifications.c.user_id == user_id, one_of(notifications.c.id, "ids")),
        {"ids": as_set(ids)},
    )
    if found != len(set(ids)):
        raise LookupError("one of the ids is none of this user's notifications")


async def withdraw(conn: AsyncConnection, subject: str) -> list[tuple[str, list[str], int]]:
    """Take what a deleted message said out of the notifications that quote it.

    Those that tell of it alone go; those that tell of others as well stay without a text. Returns for each person who
    lost some ``(user id, their ids, how many are now unread)``.
    """
    quoting = notifications.c.subject == subject
    people = set(await conn.scalars(select(notifications.c.user_id).where(quoting)))
    if not people:
        return []
    await _take(conn, dict.fromkeys(people, 0))
    # With the inboxes in hand: meanwhile another message may have taken its place.
    gone = (
        await conn.execute(
            delete(notifications)
            .where(quoting, notifications.c.count == 1)
            .returning(notifications.c.user_id, notifications.c.id, notifications.c.is_read)
        )
    ).all()
    await conn.execute(update(notifications).where(quoting).values(message="", subject=None))
    if not gone:
        return []
    ids: dict[str, list[str]] = {}
    change: dict[str, int] = {}
    for row in gone:
        ids.setdefault(row.user_id, []).append(row.id)
        change[row.user_id] = change.get(row.user_id, 0) - (not row.is_read)
    counts = await _take(conn, change)
    return [(user_id, lost, counts[user_id]) for user_id, lost in ids.items()]
