"""People who type, and who see it."""

import secrets

from tests.acceptance.people import Person, open_room

PLACES = ("room", "comments", "community")


async def sees(person: Person, channel: str, *typing: Person) -> None:
    """Wait until the channel tells this person that exactly these people type, in whatever order."""
    expected = sorted((each.id, each.name) for each in typing)

    def is_it(data: dict) -> bool:
        assert set(data) == {"users"}
        assert all(set(user) == {"id", "name"} for user in data["users"])
        return sorted((user["id"], user["name"]) for user in data["users"]) == expected

    await person.hears("typing:changed", is_it, channel=channel)


async def start(person: Person, channel: str) -> None:
    """Begin to type."""
    await person.does("typing:start", channel=channel)


async def channel_of(place: str, *people: Person) -> str:
    """A channel of that kind that all of these people hear."""
    if place == "room":
        return f"room:{(await open_room(*people))['id']}"
    channel = f"trip:{secrets.token_hex(5)}:comments" if place == "comments" else "community"
    for each in people:
        await each.subscribes(channel)
    return channel
