"""Notifications as people send and hear them."""

from typing import Any

from tests.acceptance import contract
from tests.acceptance.people import Person

HELLO = {"title": "Hello", "message": "How do you do?", "type": "SYSTEM"}


async def notify(sender: Person, *people: Person, **fields: Any) -> str:
    """Send a notification to these people; its id."""
    sent = await sender.creates("notification:send", userIds=[each.id for each in people], **HELLO | fields)
    contract.keys(sent, {"id", "recipients"})
    assert sent["recipients"] == len(people)
    return sent["id"]


async def hears(person: Person, **expected: Any) -> dict[str, Any]:
    """The earliest notification, come or to come, that has these fields: the data of its event, once."""
    event = await person.hears(
        "notification:created",
        lambda data: all(data["notification"][name] == value for name, value in expected.items()),
        channel=person.own_channel,
    )
    data = event["data"]
    contract.keys(data, {"notification", "unreadCount"} | ({"quiet"} if "quiet" in data else set()))
    contract.notification(data["notification"])
    return data


async def listed(person: Person, **which: Any) -> list[dict[str, Any]]:
    """A person's newest notifications."""
    page = await person.does("notification:list", **which)
    contract.keys(page, {"notifications", "unreadCount", "hasMore"})
    for each in page["notifications"]:
        contract.notification(each)
    return page["notifications"]


async def unread(person: Person) -> int:
    """How many notifications wait for a person."""
    return (await person.does("notification:list", limit=1))["unreadCount"]


async def has_none(person: Person) -> None:
    """Assert that a person was told of nothing, and that nothing waits for them."""
    await person.is_up_to_date()
    assert person.heard("notification:created") == []
    assert await listed(person) == []
