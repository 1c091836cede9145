"""Preferences: what somebody wants to be notified of, and when."""

import re
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from marshmallow import ValidationError, fields

from handlers.base import Context, handles
from handlers.errors import Invalid
from handlers.payload import Flag, Payload, ids
from models import preferences
from models.notifications import TYPES
from models.preferences import NONE_SAID, Preferences

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z", re.ASCII)


class Clock(fields.Field[str]):
    """A time of the day: ``22:00``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if type(value) is not str or not _CLOCK.match(value):
            raise ValidationError("Must be a time of the day from 00:00 to 23:59.")
        return value


class TimeZone(fields.Field[str]):
    """A time zone by its IANA name."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if type(value) is not str or value not in _zones():
            raise ValidationError("Must be the name of a time zone, such as Europe/Berlin.")
        return value


@cache
def _zones() -> set[str]:
    return available_timezones()


class Ways(Payload):
    """By which ways notifications of a type come."""

    in_app = Flag()
    push = Flag()


class QuietHours(Payload):
    """From when to when there is to be quiet, every day, by the clocks of a time zone."""

    start = Clock(required=True)
    end = Clock(required=True)
    time_zone = TimeZone(required=True)


Types: type[Payload] = Payload.from_dict({each: fields.Nested(Ways) for each in TYPES}, name="Types")  # type: ignore[assignment]


class ChangePreferences(Payload):
    """``notification:preferences``."""

    types = fields.Nested(Types)
    quiet_hours = fields.Nested(QuietHours, allow_none=True)
    muted_rooms = ids()


@handles(
    "notification:preferences",
    ChangePreferences,
    rest=(("PUT", "/api/notifications/preferences"), ("GET", "/api/notifications/preferences")),
)
async def notification_preferences(
    ctx: Context,
    types: dict[str, dict[str, bool]] | None = None,
    muted_rooms: list[str] | None = None,
    **quiet: Any,
) -> dict[str, Any]:
    """What the actor wants to be notified of: as it is, or, with any field, as it is changed.

    Of `types` only what is named changes; `quietHours: null` ends quiet hours, which may go over midnight and hold back
    push alone; `mutedRooms` are all those of which the actor wants to hear nothing.
    """
    changes = types is not None or muted_rooms is not None or bool(quiet)
    now = (await preferences.of(ctx.conn, [ctx.user.id], lock=changes)).get(ctx.user.id, NONE_SAID)
    if not changes:
        return now.wire()
    hours = quiet.get("quiet_hours", now.quiet_hours)
    wanted = Preferences(
        {**now.types, **{type: {**now.types.get(type, {}), **_ways(said)} for type, said in (types or {}).items()}},
        _hours(quiet["quiet_hours"]) if quiet.get("quiet_hours") else hours,
        now.muted_rooms if muted_rooms is None else list(dict.fromkeys(muted_rooms)),
    )
    await preferences.save(ctx.conn, ctx.user.id, wanted)
    return wanted.wire()


def _ways(said: dict[str, bool]) -> dict[str, bool]:
    return {{"in_app": "inApp"}.get(way, way): wanted for way, wanted in said.items()}


def _hours(said: dict[str, str]) -> dict[str, str]:
    if said["start"] == said["end"]:
        raise Invalid(
            "Quiet hours end at another time than they start.", {"quietHours": ["Must not end when they start."]}
        )
    return {"start": said["start"], "end": said["end"], "timeZone": said["time_zone"]}
