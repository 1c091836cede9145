"""Preferences: what each person wants to be notified of, and when."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Table, Text, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.notifications import TYPES
from models.sets import as_set, one_of
from models.types import Json, Timestamp, now

preferences = Table(
    "preferences",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("types", Json, nullable=False),
    Column("quiet_hours", Json),
    Column("muted_rooms", Json, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
)

WAYS = ("inApp", "push")


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person wants; as it stands here, what somebody wants who never said.

    ``types`` holds for a type what was said of it (``inApp``, ``push``), ``quiet_hours`` is ``{start, end, timeZone}``.
    """

    types: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    quiet_hours: Mapping[str, str] | None = None
    muted_rooms: Collection[str] = ()

    def wants(self, type: str, way: str) -> bool:
        """Whether notifications of a type may come ``inApp`` or by ``push``."""
        return self.types.get(type, {}).get(way, True)

    def is_quiet(self, moment: datetime) -> bool:
        """Whether a moment is within the quiet hours, as the clocks of their time zone show it."""
        if self.quiet_hours is None:
            return False
        shown = moment.astimezone(_zone(self.quiet_hours["timeZone"])).time()
        start, end = (time.fromisoformat(self.quiet_hours[each]) for each in ("start", "end"))
        return start <= shown < end if start < end else shown >= start or shown < end

    def wire(self) -> dict[str, Any]:
        """The preferences of the contract's section 7, every type among them."""
        return {
            "types": {type: {way: self.wants(type, way) for way in WAYS} for type in TYPES},
            "quietHours": self.quiet_hours,
            "mutedRooms": list(self.muted_rooms),
        }


NONE_SAID = Preferences()
_OF = select(preferences).where(one_of(preferences.c.user_id, "ids"))


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


async def of(conn: AsyncConnection, user_ids: Collection[str], *, lock: bool = False) -> dict[str, Preferences]:
    """The preferences of those who ever said any; ``lock`` holds them until the transaction ends."""
    query = _OF.order_by(preferences.c.user_id).with_for_update() if lock else _OF
    rows = await conn.execute(query, {"ids": as_set(user_ids)})
    return {row.user_id: Preferences(row.types, row.quiet_hours, row.muted_rooms) for row in rows}


async def save(conn: AsyncConnection, user_id: str, wanted: Preferences) -> None:
    """Keep what a person wants."""
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    values = {
        "types": dict(wanted.types),
        "quiet_hours": wanted.quiet_hours,
        "muted_rooms": list(wanted.muted_rooms),
        "updated_at": now(),
    }
    await conn.execute(
        make(preferences)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(index_elements=[preferences.c.user_id], set_=values)
    )
