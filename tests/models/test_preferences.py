"""Preferences: when it is quiet by the clocks of a time zone, and what is kept of what people want."""

import secrets
from datetime import datetime

import pytest

from models import preferences
from models.database import Database
from models.preferences import NONE_SAID, Preferences
from tests.models.conftest import Store

BERLIN, NEW_YORK, KATHMANDU = "Europe/Berlin", "America/New_York", "Asia/Kathmandu"


def is_quiet(start: str, end: str, zone: str, moment: str) -> bool:
    """Whether these quiet hours hold at a moment of UTC."""
    return Preferences(quiet_hours={"start": start, "end": end, "timeZone": zone}).is_quiet(
        datetime.fromisoformat(f"{moment}Z")
    )


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        ("2026-01-15T11:59", False),
        ("2026-01-15T12:00", True),
        ("2026-01-15T12:59:59.999", True),
        ("2026-01-15T13:00", False),
    ],
)
def test_quiet_hours_begin_with_their_start_and_are_over_at_their_end(moment: str, quiet: bool) -> None:
    assert is_quiet("13:00", "14:00", BERLIN, moment) is quiet


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        ("2026-01-15T20:59", False),
        ("2026-01-15T21:00", True),
        ("2026-01-15T22:59", True),
        ("2026-01-15T23:00", True),
        ("2026-01-16T05:59", True),
        ("2026-01-16T06:00", False),
    ],
)
def test_quiet_hours_go_over_midnight(moment: str, quiet: bool) -> None:
    assert is_quiet("22:00", "07:00", BERLIN, moment) is quiet


@pytest.mark.parametrize(
    ("zone", "moment", "quiet"),
    [
        # Berlin, 29 March 2026: at 01:00 UTC the clocks go from 02:00 to 03:00.
        (BERLIN, "2026-03-28T20:59", False),
        (BERLIN, "2026-03-28T21:00", True),
        (BERLIN, "2026-03-29T00:59", True),
        (BERLIN, "2026-03-29T01:00", True),
        (BERLIN, "2026-03-29T04:59", True),
        (BERLIN, "2026-03-29T05:00", False),
        (BERLIN, "2026-03-29T19:59", False),
        (BERLIN, "2026-03-29T20:00", True),
        # Berlin, 25 October 2026: at 01:00 UTC the clocks go from 03:00 to 02:00.
        (BERLIN, "2026-10-24T19:59", False),
        (BERLIN, "2026-10-24T20:00", True),
        (BERLIN, "2026-10-25T00:30", True),
        (BERLIN, "2026-10-25T01:30", True),
        (BERLIN, "2026-10-25T05:59", True),
        (BERLIN, "2026-10-25T06:00", False),
        (BERLIN, "2026-10-25T20:59", False),
        (BERLIN, "2026-10-25T21:00", True),
        # New York, 8 March 2026: at 07:00 UTC the clocks go from 02:00 to 03:00.
        (NEW_YORK, "2026-03-08T02:59", False),
        (NEW_YORK, "2026-03-08T03:00", True),
        (NEW_YORK, "2026-03-08T07:00", True),
        (NEW_YORK, "2026-03-08T10:59", True),
        (NEW_YORK, "2026-03-08T11:00", False),
        (NEW_YORK, "2026-03-09T01:59", False),
        (NEW_YORK, "2026-03-09T02:00", True),
        # New York, 1 November 2026: at 06:00 UTC the clocks go from 02:00 to 01:00.
        (NEW_YORK, "2026-11-01T01:59", False),
        (NEW_YORK, "2026-11-01T02:00", True),
        (NEW_YORK, "2026-11-01T11:59", True),
        (NEW_YORK, "2026-11-01T12:00", False),
        (NEW_YORK, "2026-11-02T02:59", False),
        (NEW_YORK, "2026-11-02T03:00", True),
        # Five hours and three quarters ahead.
        (KATHMANDU, "2026-11-21T16:14", False),
        (KATHMANDU, "2026-11-21T16:15", True),
    ],
)
def test_quiet_hours_follow_the_clocks_through_summer_time(zone: str, moment: str, quiet: bool) -> None:
    assert is_quiet("22:00", "07:00", zone, moment) is quiet


@pytest.mark.parametrize(
    ("zone", "moment", "quiet"),
    [
        # An hour that the clocks leave out is quiet on no moment of that day…
        (BERLIN, "2026-03-29T00:59:59", False),
        (BERLIN, "2026-03-29T01:00", False),
        (NEW_YORK, "2026-03-08T06:59:59", False),
        (NEW_YORK, "2026-03-08T07:00", False),
        # … and one that they show twice is quiet both times.
        (BERLIN, "2026-10-25T00:15", True),
        (BERLIN, "2026-10-25T00:45", False),
        (BERLIN, "2026-10-25T01:15", True),
        (BERLIN, "2026-10-25T01:45", False),
    ],
)
def test_an_hour_that_is_left_out_or_comes_twice(zone: str, moment: str, quiet: bool) -> None:
    assert is_quiet("02:10", "02:40", zone, moment) is quiet


def test_an_hour_that_new_york_shows_twice() -> None:
    shown = [is_quiet("01:10", "01:40", NEW_YORK, f"2026-11-01T0{hour}:15") for hour in (4, 5, 6, 7)]
    assert shown == [False, True, True, False]


def test_who_never_said_anything_wants_everything_at_any_time() -> None:
    assert all(NONE_SAID.wants(type, way) for type in ("MESSAGE", "BOOKING") for way in ("inApp", "push"))
    assert not NONE_SAID.is_quiet(datetime.fromisoformat("2026-01-15T02:00Z"))


def test_what_is_kept_is_what_was_said_last(store: Store) -> None:
    async def work(database: Database) -> None:
        ada, bo = f"ada-{secrets.token_hex(6)}", f"bo-{secrets.token_hex(6)}"
        hours = {"start": "22:00", "end": "07:00", "timeZone": BERLIN}
        for wanted in (
            Preferences({"BOOKING": {"push": False}}, hours, ["room-1", "room-2"]),
            Preferences({"BOOKING": {"push": False, "inApp": False}}, None, []),
        ):
            async with database.write() as conn:
                await preferences.save(conn, ada, wanted)
            async with database.write() as conn:
                assert await preferences.of(conn, [ada, bo], lock=True) == {ada: wanted}

    store.run(work)
