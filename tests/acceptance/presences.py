"""People who watch who is there, and who looks at what."""

from typing import Any

from tests.acceptance import contract
from tests.acceptance.people import Person
from tests.support.waiting import eventually


async def watches(person: Person, *channels: str) -> None:
    """Hear these channels, or `presence`, from now on."""
    for channel in channels or ("presence",):
        await person.subscribes(channel)


def told_of(watcher: Person, user_id: str) -> list[dict[str, Any]]:
    """Everything that a watcher was told of somebody so far, on whatever channel."""
    told = []
    for data in watcher.heard("presence:changed"):
        for presence in data.get("changes", [data]):
            contract.presence(presence)
            if presence["userId"] == user_id:
                told.append(presence)
    return told


async def sees(watcher: Person, user_id: str, **expected: Any) -> dict[str, Any]:
    """Wait until what a watcher was told of somebody last is this; the presence."""

    def last() -> dict[str, Any] | None:
        told = told_of(watcher, user_id)[-1:]
        return next((each for each in told if {name: each[name] for name in expected} == expected), None)

    presence = await eventually(last, f"{watcher.name} to be told that {user_id} is {expected}", 15)
    assert presence is not None
    return presence


async def finds(person: Person, user_id: str, **expected: Any) -> dict[str, Any]:
    """Wait until somebody's presence is this for a person who asks; the presence."""

    async def found() -> dict[str, Any] | None:
        presence = await person.does("presence:get", userId=user_id)
        contract.presence(presence)
        return presence if {name: presence[name] for name in expected} == expected else None

    presence = await eventually(found, f"{user_id} to be {expected}", 15)
    assert presence is not None
    return presence


async def counts(watcher: Person, channel: str, *viewers: Person, count: int | None = None) -> None:
    """Wait until a watcher was told that exactly these people look, or that so many do and these are the first."""

    def is_it() -> bool:
        told = watcher.heard("viewers:changed", channel)[-1:]
        for each in told:
            contract.viewers(each)
        expected = [each.id for each in viewers]
        return [(each["count"], [user["id"] for user in each["viewers"]]) for each in told] == [
            (len(viewers) if count is None else count, expected)
        ]

    await eventually(is_it, f"{watcher.name} to be told that {[each.id for each in viewers]} look", 15)
