"""People: what their tokens said of them when they were last seen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Index, Table, Text, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.sets import as_set, one_of
from models.types import Timestamp, now

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("first_name", Text, nullable=False, server_default=""),
    Column("last_name", Text, nullable=False, server_default=""),
    Column("picture", Text),
    Column("role", Text, nullable=False, server_default="user"),
    Column("last_seen_at", Timestamp),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Index("ix_users_role", "role", "id"),
)

PROFILE = (users.c.name, users.c.first_name, users.c.last_name, users.c.picture)
_KNOWN = select(users.c.id, *PROFILE, users.c.role).where(one_of(users.c.id, "ids"))
_SIGHTINGS = select(users.c.id, *PROFILE, users.c.role, users.c.last_seen_at).where(one_of(users.c.id, "ids"))
_LAST_SEEN = select(users.c.id, users.c.last_seen_at).where(one_of(users.c.id, "ids"))
_SEEN = update(users).where(one_of(users.c.id, "ids")).values(last_seen_at=bindparam("moment"))


@dataclass(frozen=True, slots=True)
class User:
    """A person's profile and role; ``role`` is ``user``, ``moderator`` or ``admin``."""

    id: str
    name: str
    first_name: str = ""
    last_name: str = ""
    picture: str | None = None
    role: str = "user"

    def wire(self) -> dict[str, Any]:
        """The user of the contract: ``{id, name, firstName, lastName, profileImage}``."""
        return profile(self.id, self.name, self.first_name, self.last_name, self.picture)


def profile(id: str, name: str, first_name: str, last_name: str, picture: str | None) -> dict[str, Any]:
    """The user of the contract: ``{id, name, firstName, lastName, profileImage}``."""
    return {"id": id, "name": name, "firstName": first_name, "lastName": last_name, "profileImage": picture}


async def remember(conn: AsyncConnection, seen: Iterable[User]) -> None:
    """Mirror the claims of tokens."""
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    moment = now()
    upsert = make(users)
    claimed = {
        name: upsert.excluded[name] for name in ("name", "first_name", "last_name", "picture", "role", "updated_at")
    }
    rows = [
        {
            "id": user.id,
            "name": user.name,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "picture": user.picture,
            "role": user.role,
            "created_at": moment,
            "updated_at": moment,
        }
        for user in sorted(seen, key=lambda each: each.id)
    ]
    await conn.execute(upsert.on_conflict_do_update(index_elements=[users.c.id], set_=claimed), rows)


async def known(conn: AsyncConnection, ids: Iterable[str]) -> dict[str, User]:
    """Those of the ids that have ever been seen."""
    wanted = list(set(ids))
    if not wanted:
        return {}
    rows = await conn.execute(_KNOWN, {"ids": as_set(wanted)})
    return {row.id: User(*row) for row in rows}


async def seen(conn: AsyncConnection, ids: Iterable[str]) -> None:
    """Note that these people were here until now."""
    wanted = list(set(ids))
    if wanted:
        await conn.execute(_SEEN, {"ids": as_set(wanted), "moment": now()})


async def last_seen(conn: AsyncConnection, ids: Iterable[str]) -> dict[str, str | None]:
    """When each of the known people was last here."""
    wanted = list(set(ids))
    if not wanted:
        return {}
    rows = await conn.execute(_LAST_SEEN, {"ids": as_set(wanted)})
    return {row.id: row.last_seen_at for row in rows}


async def sightings(conn: AsyncConnection, ids: Iterable[str]) -> tuple[dict[str, User], dict[str, str | None]]:
    """Those of the ids that have ever been seen, and when each was last here; in one query."""
    wanted = list(set(ids))
    rows = (await conn.execute(_SIGHTINGS, {"ids": as_set(wanted)})).all() if wanted else []
    return {row.id: User(*row[:-1]) for row in rows}, {row.id: row.last_seen_at for row in rows}
