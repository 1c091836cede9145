"""Preferences: what somebody wants to be notified of, read and changed through both doors, and held to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.notices import has_none, hears, listed, notify, unread
from tests.acceptance.people import DOORS, Gathering, Person

both_doors = pytest.mark.parametrize("door", DOORS)
NIGHT = {"start": "22:00", "end": "07:00", "timeZone": "Europe/Berlin"}
UNTOUCHED = {
    "types": {each: {"inApp": True, "push": True} for each in contract.TYPES},
    "quietHours": None,
    "mutedRooms": [],
}


async def wants(person: Person, **fields: Any) -> dict[str, Any]:
    """Change what a person wants, or with no field look at it."""
    found = await person.does("notification:preferences", **fields)
    contract.preferences(found)
    return found


def around_now(hours: float = 2) -> dict[str, str]:
    """Quiet hours, of UTC, that began a while ago and end in a while; or, with negative hours, that do not hold now."""
    now, away = datetime.now(UTC), timedelta(hours=hours)
    start, end = (now - away, now + away)
    return {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}", "timeZone": "Etc/UTC"}


@both_doors
async def test_who_never_said_anything_wants_everything(arrive: Gathering) -> None:
    assert await wants(await arrive("Ada")) == UNTOUCHED


@both_doors
async def test_what_is_not_named_stays_as_it_is(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    expected: dict[str, Any] = {"types": {**UNTOUCHED["types"]}, "quietHours": None, "mutedRooms": []}
    expected["types"]["BOOKING"] = {"inApp": True, "push": False}
    assert await wants(ada, types={"BOOKING": {"push": False}}) == expected
    expected["types"]["BOOKING"] = {"inApp": False, "push": False}
    expected["types"]["TOUR"] = {"inApp": True, "push": False}
    assert await wants(ada, types={"BOOKING": {"inApp": False}, "TOUR": {"push": False}}) == expected
    expected["quietHours"] = NIGHT
    assert await wants(ada, quietHours=NIGHT) == expected
    expected["mutedRooms"] = ["room-1", "room-2"]
    assert await wants(ada, mutedRooms=["room-1", "room-2", "room-1"]) == expected
    expected["types"]["BOOKING"] = {"inApp": False, "push": True}
    assert await wants(ada, types={"BOOKING": {"push": True}}) == expected
    expected["quietHours"] = None
    assert await wants(ada, quietHours=None) == expected
    expected["mutedRooms"] = []
    assert await wants(ada, mutedRooms=[]) == expected
    assert await wants(ada) == expected
    assert await wants(bo) == UNTOUCHED


async def test_a_get_reads_and_never_changes(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    kept = await wants(ada, quietHours=NIGHT, mutedRooms=["room-1"])
    for query in ("", "?mutedRooms=room-2", "?quietHours=null&types=x"):
        answer = await ada.worker.rest("GET", f"/api/notifications/preferences{query}", token=ada.credential)
        assert (answer.status, answer.body) == (200, {"ok": True, "data": kept})
    assert await wants(ada) == kept


BAD: tuple[dict[str, Any], ...] = (
    *({"quietHours": NIGHT | {"timeZone": zone}} for zone in ("Mars/Olympus", "", "../etc/passwd", "/", 7, "europe")),
    *({"quietHours": NIGHT | {"start": clock}} for clock in ("24:00", "7:00", "07:60", "07:00:00", "", 7, "٠٧:٠٠")),
    {"quietHours": NIGHT | {"end": "22:00"}},
    {"quietHours": {"start": "22:00", "end": "07:00"}},
    {"quietHours": {}},
    {"quietHours": "22:00-07:00"},
    {"types": {"BOOKING": {"push": "no"}}},
    {"types": {"BOOKING": True}},
    {"types": ["BOOKING"]},
    {"mutedRooms": "room"},
    {"mutedRooms": [7]},
    {"mutedRooms": ["room"] * 1001},
)


@both_doors
async def test_bad_input_is_refused_and_nothing_is_changed(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    kept = await wants(ada, quietHours=NIGHT, types={"TOUR": {"push": False}}, mutedRooms=["room-1"])
    for payload in BAD:
        error = await ada.refused("invalid", "notification:preferences", **payload | {"mutedRooms": [], **payload})
        assert error["fields"].keys() == payload.keys(), (payload, error)
    assert await wants(ada) == kept


@both_doors
async def test_what_is_not_wanted_in_the_app_is_neither_stored_nor_listed(arrive: Gathering) -> None:
    backend, ada, bo = await arrive.backend(), await arrive("Ada"), await arrive("Bo")
    await wants(ada, types={"PROMOTION": {"inApp": False}})
    id = await notify(backend, ada, bo, type="PROMOTION")
    assert (await hears(bo))["notification"]["id"] == id
    await has_none(ada)
    assert await unread(ada) == 0
    await wants(ada, types={"PROMOTION": {"inApp": True}})
    assert await listed(ada) == []
    wanted = await notify(backend, ada, type="PROMOTION")
    assert [each["id"] for each in await listed(ada)] == [wanted]


@both_doors
async def test_critical_passes_whatever_was_said(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    await wants(ada, types={"SYSTEM": {"inApp": False, "push": False}}, quietHours=around_now())
    id = await notify(backend, ada, critical=True)
    told = await hears(ada)
    assert told["notification"]["id"] == id
    assert "quiet" not in told


@both_doors
async def test_during_quiet_hours_an_event_says_so(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    await wants(ada, quietHours=around_now())
    await notify(backend, ada, title="Hushed")
    told = await hears(ada, title="Hushed")
    assert told["quiet"] is True
    assert told["unreadCount"] == 1
    assert [each["title"] for each in await listed(ada)] == ["Hushed"]
    await wants(ada, quietHours=around_now(-2))
    await notify(backend, ada, title="Loud")
    assert "quiet" not in await hears(ada, title="Loud")


async def test_everyone_is_everyone_who_wants_it(arrive: Gathering) -> None:
    backend, ada, bo = await arrive.backend(), await arrive("Ada"), await arrive("Bo")
    await wants(ada, types={"TOUR": {"inApp": False}})
    sent = await backend.creates("notification:send", everyone=True, title="New tours", message="Come", type="TOUR")
    await hears(bo, id=sent["id"])
    after = await backend.creates("notification:send", everyone=True, title="Later", message="Later", type="SYSTEM")
    await hears(ada, id=after["id"])
    assert sent["id"] not in [each["id"] for each in await listed(ada)]
