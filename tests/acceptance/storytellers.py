"""People who write stories and posts, and what others hear of them."""

import secrets
from typing import Any

from tests.acceptance import contract
from tests.acceptance.people import Person

COMMUNITY = "community"


async def write(author: Person, visibility: str = "public", **fields: Any) -> dict[str, Any]:
    """A new story of that visibility."""
    wanted = {"title": f"Story {secrets.token_hex(4)}", "genre": "mystery", "body": "It was dark."} | fields
    story = await author.creates("story:create", **wanted)
    contract.story(story)
    return story if visibility == "private" else await show(author, story, visibility)


async def show(author: Person, story: dict[str, Any], visibility: str) -> dict[str, Any]:
    """Change who may read a story; the story as it is then."""
    shown = await author.does("story:visibility", storyId=story["id"], visibility=visibility)
    contract.story(shown)
    assert shown["visibility"] == visibility
    return shown


async def post(author: Person, story: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A new post about a story."""
    wanted = {"title": f"Post {secrets.token_hex(4)}", "body": "I wonder.", "type": "discussion"} | fields
    made = await author.creates("post:create", storyId=story["id"], **wanted)
    contract.post(made)
    return made


async def told(reader: Person, since: int) -> list[tuple[str, str]]:
    """What the community tells a reader of what followed a number: each event's name, and whose it is."""
    reply = await reader.subscribes(COMMUNITY, after=since)
    assert reply["recovered"]
    found = []
    for event in reply["events"]:
        contract.event(event, event["event"])
        contract.keys(event["data"], contract.COMMUNITY[event["event"]])
        found.append((event["event"], event["data"].get("postId") or event["data"]["storyId"]))
    return found


async def now(reader: Person) -> int:
    """The number of the community's newest event."""
    return (await reader.subscribes(COMMUNITY))["seq"]
