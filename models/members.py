"""Members: who belongs to a room, in what role, and how far each has read."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.messages import mentions, messages
from models.rooms import by_activity, rooms
from models.sets import as_set, one_of, pair_of
from models.types import Timestamp, now
from models.users import PROFILE, profile, users

members = Table(
    "members",
    metadata,
    Column("room_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("joined_at", Timestamp, nullable=False),
    Column("last_read_seq", BigInteger, nullable=False, server_default="0"),
    Column("last_sent_at", Timestamp),
    Index("ix_members_user_id", "user_id"),
)

_RANK = case((members.c.role == "owner", 0), (members.c.role == "moderator", 1), else_=2)
_PLACES = select(members).where(pair_of(members.c.room_id, members.c.user_id, "pairs"))
_AMONG = select(members.c.user_id).where(members.c.room_id == bindparam("room"), one_of(members.c.user_id, "ids"))
_WITH_PROFILE = select(members, *PROFILE).join(users, users.c.id == members.c.user_id)
_ONE = _WITH_PROFILE.where(members.c.room_id == bindparam("room"), members.c.user_id == bindparam("user"))


def wire(member: Any, presence: Any) -> dict[str, Any]:
    """The member of the contract's section 5; ``presence`` is that of section 6."""
    return {
        "userId": member.user_id,
        "role": member.role,
        "joinedAt": member.joined_at,
        "lastReadSeq": member.last_read_seq,
        "user": profile(member.user_id, member.name, member.first_name, member.last_name, member.picture),
        "presence": presence,
    }


async def get(conn: AsyncConnection, room_id: str, user_id: str) -> Any | None:
    """The member with their profile, or None."""
    return (await conn.execute(_ONE, {"room": room_id, "user": user_id})).one_or_none()


async def places(conn: AsyncConnection, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """The memberships, without profiles, among the (room, user) pairs."""
    if not pairs:
        return {}
    rows = await conn.execute(_PLACES, {"pairs": as_set(pairs)})
    return {(row.room_id, row.user_id): row for row in rows}


async def add(conn: AsyncConnection, room_id: str, user_ids: Sequence[str], role: str, read: int) -> None:
    """Make people members who have read up to ``read``."""
    moment = now()
    await conn.execute(
        insert(members),
        [
            {"room_id": room_id, "user_id": each, "role": role, "joined_at": moment, "last_read_seq": read}
            for each in user_ids
        ],
    )


async def remove(conn: AsyncConnection, room_id: str, user_id: str) -> None:
    """End a membership."""
    await conn.execute(delete(members).where(members.c.room_id == room_id, members.c.user_id == user_id))


async def set_role(conn: AsyncConnection, room_id: str, user_id: str, role: str) -> None:
    """Give a member another role."""
    await conn.execute(
        update(members).where(members.c.room_id == room_id, members.c.user_id == user_id).values(role=role)
    )


async def successor(conn: AsyncConnection, room_id: str) -> str | None:
    """Who follows an owner that left: the longest-standing moderator, else member."""
    found: str | None = await conn.scalar(
        select(members.c.user_id)
        .where(members.c.room_id == room_id)
        .order_by(_RANK, members.c.joined_at, members.c.user_id)
        .limit(1)
    )
    return found


async def page(conn: AsyncConnection, room_id: str, *, after: str | None = None, limit: int) -> list[Any]:
    """Members in the order of their ids, from behind ``after`` on, one more than ``limit`` when there are more."""
    query = _WITH_PROFILE.where(members.c.room_id == room_id).order_by(members.c.user_id).limit(limit + 1)
    if after is not None:
        query = query.where(members.c.user_id > after)
    return list((await conn.execute(query)).all())


async def ids(conn: AsyncConnection, room_id: str) -> list[str]:
    """The ids of all members."""
    return list(await conn.scalars(select(members.c.user_id).where(members.c.room_id == room_id)))


async def among(conn: AsyncConnection, room_id: str, user_ids: Sequence[str]) -> set[str]:
    """Those of the ids that are members of the room."""
    if not user_ids:
        return set()
    return set(await conn.scalars(_AMONG, {"room": room_id, "ids": as_set(user_ids)}))


_MENTIONS = (
    select(func.count())
    .select_from(mentions)
    .where(
        mentions.c.room_id == members.c.room_id,
        mentions.c.user_id == members.c.user_id,
        mentions.c.seq > members.c.last_read_seq,
    )
    .scalar_subquery()
    .label("mention_count")
)
# What was deleted no longer waits to be read.
_UNREAD = (
    rooms.c.message_seq
    - members.c.last_read_seq
    - select(func.count())
    .select_from(messages)
    .where(
        messages.c.room_id == members.c.room_id,
        messages.c.seq > members.c.last_read_seq,
        messages.c.deleted_at.is_not(None),
    )
    .scalar_subquery()
).label("unread_count")


def unread_wire(row: Any) -> dict[str, Any]:
    """The data of ``room:unread``."""
    return {
        "roomId": row.room_id,
        "unreadCount": row.unread_count,
        "mentionCount": row.mention_count,
        "lastReadSeq": row.last_read_seq,
    }


async def unread(conn: AsyncConnection, pairs: Sequence[tuple[str, str]]) -> list[Any]:
    """Each (room, user) pair's ``room_id, user_id, last_read_seq, unread_count, mention_count``."""
    found = []
    for room_id, user_id in pairs:
        query = (
            select(members.c.room_id, members.c.user_id, members.c.last_read_seq, _UNREAD, _MENTIONS)
            .join(rooms, rooms.c.id == members.c.room_id)
            .where(members.c.room_id == room_id, members.c.user_id == user_id)
        )
        row = (await conn.execute(query)).one_or_none()
        if row is not None:
            found.append(row)
    return found


async def unread_totals(conn: AsyncConnection, user_id: str) -> tuple[int, int]:
    """How many messages and mentions wait for a person, over all rooms."""
    inner = (
        select(_UNREAD, _MENTIONS)
        .select_from(members)
        .join(rooms, rooms.c.id == members.c.room_id)
        .where(members.c.user_id == user_id)
        .subquery()
    )
    row = (
        await conn.execute(
            select(func.coalesce(func.sum(inner.c.unread_count), 0), func.coalesce(func.sum(inner.c.mention_count), 0))
        )
    ).one()
    return int(row[0]), int(row[1])


async def rooms_of(conn: AsyncConnection, user_id: str, *, before: str | None, limit: int) -> list[Any]:
    """A person's rooms with their unread state, most recently active first, one more than ``limit`` if there are."""
    query = select(rooms, members.c.room_id, members.c.last_read_seq, members.c.role, _UNREAD, _MENTIONS).join(
        members, and_(members.c.room_id == rooms.c.id, members.c.user_id == user_id)
    )
    return list((await conn.execute(by_activity(query, before, limit))).all())


async def read(conn: AsyncConnection, room_id: str, user_id: str, seq: int) -> None:
    """Note how far a member has read."""
    await conn.execute(_READ, [{"r": room_id, "u": user_id, "read": seq}])


_READ = (
    update(members)
    .where(members.c.room_id == bindparam("r"), members.c.user_id == bindparam("u"))
    .values(last_read_seq=bindparam("read"))
)
_SENT = (
    update(members)
    .where(members.c.room_id == bindparam("r"), members.c.user_id == bindparam("u"))
    .values(last_read_seq=bindparam("read"), last_sent_at=bindparam("sent"))
)


async def sent(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Note who sent last what: rows of ``{r: room id, u: user id, read: seq, sent: time}``."""
    await conn.execute(_SENT, rows)


async def owners(conn: AsyncConnection, room_id: str) -> list[str]:
    """The ids of a room's owners."""
    return list(
        await conn.scalars(select(members.c.user_id).where(members.c.room_id == room_id, members.c.role == "owner"))
    )


def readable_rooms(user_id: str) -> Any:
    """A subquery: the rooms whose messages a person may read."""
    mine = select(members.c.room_id).where(members.c.user_id == user_id)
    return mine.union(select(rooms.c.id).where(rooms.c.visibility == "public"))


async def of_direct_rooms(conn: AsyncConnection, room_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """For each direct room the people in it: such a room has no name of its own to show."""
    if not room_ids:
        return {}
    rows = await conn.execute(
        _WITH_PROFILE.where(one_of(members.c.room_id, "rooms")).order_by(members.c.user_id), {"rooms": as_set(room_ids)}
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        person = profile(row.user_id, row.name, row.first_name, row.last_name, row.picture)
        found.setdefault(row.room_id, []).append(person)
    return found
