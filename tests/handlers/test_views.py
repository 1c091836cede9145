"""Views: what a filter leaves of a change, found once however many ask."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from handlers import filters, views
from handlers.base import Actor
from handlers.filters import Filter, Term
from models import audience
from models.event_log import Event, envelope
from models.users import User

AT = "2026-11-29T12:00:00.000Z"


def change(old: Any, new: Any, channel: str = "collection:tasks", **more: Any) -> Event:
    """A record's change, by its data before and after."""
    name = "record:changed" if channel.startswith("collection") else "table:changed"
    kind = "INSERT" if old is None else "DELETE" if new is None else "UPDATE"

    def whole(data: Any) -> Any:
        return data if data is None or not channel.startswith("collection") else {"id": "1", "data": data}

    data = {"eventType": kind, "id": "1", "new": whole(new), "old": whole(old), "version": 3}
    return Event(channel, 7, name, envelope(channel, name, AT, orjson.dumps(data), 7), **more)


OPEN, PAID = {"status": "open"}, {"status": "paid"}
WANTED = filters.parse("status=eq.open")


@pytest.mark.parametrize("channel", ["collection:tasks", "table:public.tasks"])
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, OPEN, ("INSERT", False, True)),
        (None, PAID, None),
        (OPEN, {"status": "open", "n": 1}, ("UPDATE", True, True)),
        (OPEN, PAID, ("DELETE", True, False)),
        (PAID, OPEN, ("INSERT", False, True)),
        (PAID, {"status": "lost"}, None),
        (OPEN, None, ("DELETE", True, False)),
        (PAID, None, None),
    ],
)
def test_a_change_through_a_filter(channel: str, old: Any, new: Any, expected: Any) -> None:
    event = change(old, new, channel)
    found = views.seen(event, WANTED)
    if expected is None:
        assert found is None
        return
    assert found is not None
    told = found.data
    assert (told["eventType"], told["old"] is not None, told["new"] is not None) == expected
    original = orjson.loads(event.envelope)
    # What is there is what was there, and all else is as it was.
    assert told["old"] in (None, original["data"]["old"])
    assert told["new"] in (None, original["data"]["new"])
    assert (told["id"], told["version"]) == ("1", 3)
    seen = orjson.loads(found.envelope)
    assert {name: seen[name] for name in seen if name != "data"} == {
        name: original[name] for name in original if name != "data"
    }
    assert views.seen(found, WANTED) == found


def test_each_filter_is_asked_once_however_many_hear() -> None:
    asked: list[str] = []

    def counting(number: int) -> Filter:
        text = f"n=eq.{number}"

        def test(value: Any) -> bool:
            asked.append(text)
            return bool(value == number)

        return Filter(text, (Term(("n",), text, test),))

    event = change(None, {"n": 3})
    for _ in range(1000):
        # Each subscriber has read the filter by itself.
        seen = [views.told(event, Actor(), counting(number)) for number in range(10)]
        assert [found is not None for found in seen] == [number == 3 for number in range(10)]
    assert sorted(asked) == [f"n=eq.{number}" for number in range(10)]


def test_the_audience_comes_before_the_filter() -> None:
    mine = change(None, OPEN, audience=audience.only(["ada"]))

    def sees(actor: Actor) -> bool:
        return views.told(mine, actor, WANTED) is not None

    assert sees(Actor(User("ada", "Ada")))
    assert not sees(Actor(User("bo", "Bo", role="admin")))
    assert not sees(Actor())
    assert sees(Actor(backend="key"))


def broken(_data: Any) -> bool:
    raise RuntimeError("a filter that fails")


@pytest.mark.parametrize(
    "make",
    [
        lambda: (change(None, OPEN), Filter("x", (Term(("status",), "x", broken),))),
        lambda: (Event("collection:tasks", 7, "record:changed", b"no JSON"), WANTED),
        lambda: (Event("collection:tasks", 7, "record:changed", b'{"data": {"new": 5, "old": null}}'), WANTED),
    ],
)
def test_what_cannot_be_filtered_disturbs_nobody(
    make: Callable[[], tuple[Event, Filter]], caplog: pytest.LogCaptureFixture
) -> None:
    event, view = make()
    assert views.seen(event, view) is None
    assert views.seen(event, None) is event
    assert "could not be filtered" in caplog.text


def test_other_events_pass() -> None:
    event = Event("collection:tasks", 7, "test:marker", b'{"data": 1}')
    assert views.seen(event, WANTED) is event
