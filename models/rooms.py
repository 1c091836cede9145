"""Rooms: where people chat."""

import unicodedata
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    insert,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.ids import new_id
from models.sets import as_set, one_of
from models.types import Timestamp, now

rooms = Table(
    "rooms",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("name_key", Text),
    Column("direct_key", Text, unique=True),
    Column("description", Text, nullable=False, server_default=""),
    Column("visibility", Text, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("slow_mode", Integer, nullable=False, server_default="0"),
    Column("member_count", Integer, nullable=False, server_default="0"),
    Column("message_seq", BigInteger, nullable=False, server_default="0"),
    Column("active_at", Timestamp, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Index(
        "uq_rooms_public_name",
        "name_key",
        unique=True,
        sqlite_where=text("visibility = 'public' AND is_active"),
        postgresql_where=text("visibility = 'public' AND is_active"),
    ),
    Index("ix_rooms_visibility", "visibility", "active_at"),
)

_GET = select(rooms).where(rooms.c.id == bindparam("room"))
_LOCK = _GET.with_for_update()
_LOCK_ALL = select(rooms).where(one_of(rooms.c.id, "ids")).order_by(rooms.c.id).with_for_update()


def wire(room: Any) -> dict[str, Any]:
    """The room of the contract's section 5."""
    return {
        "id": room.id,
        "name": room.name,
        "description": room.description,
        "visibility": room.visibility,
        "isActive": room.is_active,
        "slowMode": room.slow_mode,
        "memberCount": room.member_count,
        "createdAt": room.created_at,
        "updatedAt": room.updated_at,
    }


def name_key(name: str) -> str:
    """What two public rooms may not share: the name without case and without differences that nobody sees."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def direct_key(user_ids: Iterable[str]) -> str:
    """What identifies the direct room of these people. A line break cannot stand in an id."""
    return "\n".join(sorted(set(user_ids)))


def direct_people(room: Any) -> list[str]:
    """Those between whom a direct room is, also who has left it; nobody for another room."""
    return room.direct_key.split("\n") if room.direct_key else []


async def create(
    conn: AsyncConnection, *, name: str | None, description: str, visibility: str, direct: str | None = None
) -> Any:
    """Write a new room without members and return its row."""
    moment = now()
    row = {
        "id": new_id(),
        "name": name,
        "name_key": name_key(name) if name is not None else None,
        "direct_key": direct,
        "description": description,
        "visibility": visibility,
        "active_at": moment,
        "created_at": moment,
        "updated_at": moment,
    }
    return (await conn.execute(insert(rooms).values(row).returning(rooms))).one()


async def get(conn: AsyncConnection, room_id: str) -> Any | None:
    """The room, or None."""
    return (await conn.execute(_GET, {"room": room_id})).one_or_none()


async def lock(conn: AsyncConnection, room_id: str) -> Any | None:
    """The room, held until the transaction ends: everything that changes a room or its channel takes its turn here."""
    return (await conn.execute(_LOCK, {"room": room_id})).one_or_none()


async def lock_all(conn: AsyncConnection, room_ids: Iterable[str]) -> dict[str, Any]:
    """Those of the rooms that exist, held as by ``lock``, in the order of their ids so that nobody waits in a ring."""
    rows = await conn.execute(_LOCK_ALL, {"ids": as_set(room_ids)})
    return {row.id: row for row in rows}


async def find_public(conn: AsyncConnection, name: str) -> str | None:
    """The id of the active public room of that name."""
    found: str | None = await conn.scalar(
        select(rooms.c.id).where(rooms.c.name_key == name_key(name), rooms.c.visibility == "public", rooms.c.is_active)
    )
    return found


async def find_direct(conn: AsyncConnection, key: str) -> str | None:
    """The id of the direct room of these people."""
    found: str | None = await conn.scalar(select(rooms.c.id).where(rooms.c.direct_key == key))
    return found


async def change(conn: AsyncConnection, room_id: str, **values: Any) -> Any:
    """Change columns of a locked room and return its row as it is now."""
    if "name" in values:
        values["name_key"] = name_key(values["name"])
    return (
        await conn.execute(
            update(rooms).where(rooms.c.id == room_id).values(updated_at=now(), **values).returning(rooms)
        )
    ).one()


async def count_members(conn: AsyncConnection, room_id: str, difference: int) -> Any:
    """Keep ``member_count`` of a locked room, and return its row as it is now."""
    return (
        await conn.execute(
            update(rooms)
            .where(rooms.c.id == room_id)
            .values(member_count=rooms.c.member_count + difference)
            .returning(rooms)
        )
    ).one()


async def discover(conn: AsyncConnection, *, query: str | None, before: str | None, limit: int) -> list[Any]:
    """Active public rooms, the most recently active first, one more than ``limit`` when there are more."""
    found = select(rooms).where(rooms.c.visibility == "public", rooms.c.is_active)
    if query:
        found = found.where(rooms.c.name_key.contains(name_key(query), autoescape=True))
    return list((await conn.execute(by_activity(found, before, limit))).all())


def by_activity(query: Any, before: str | None, limit: int) -> Any:
    """Order rooms by their newest message, from behind the room ``before`` on, one more than ``limit``."""
    if before is not None:
        mark = select(rooms.c.active_at, rooms.c.id).where(rooms.c.id == before).subquery()
        query = query.join(mark, true()).where(
            or_(
                rooms.c.active_at < mark.c.active_at,
                and_(rooms.c.active_at == mark.c.active_at, rooms.c.id < mark.c.id),
            )
        )
    return query.order_by(rooms.c.active_at.desc(), rooms.c.id.desc()).limit(limit + 1)
