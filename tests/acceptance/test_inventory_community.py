"""The inventory's rows of "C: story community"; each test bears its row's name."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person
from tests.acceptance.storytellers import COMMUNITY, now, post, show, told, write
from tests.acceptance.typists import sees, start
from tests.support.sse import SseStream


async def gather(arrive: Gathering) -> tuple[Person, list[Person]]:
    """An author, and readers of the community at both workers: the author, somebody else and a visitor."""
    ada = await arrive("Ada")
    readers = [ada, await arrive("Bo"), await arrive.visitor()]
    for each in readers:
        await each.subscribes(COMMUNITY)
    return ada, readers


async def all_hear(readers: list[Person], event: str, **data: Any) -> None:
    """Wait until each of the readers hears of exactly this, at the time that it says."""
    for reader in readers:
        heard = (await reader.hears(event, lambda heard: data.items() <= heard.items(), channel=COMMUNITY))["data"]
        contract.keys(heard, contract.COMMUNITY[event])
        contract.time(heard["timestamp"])
        assert {name: value for name, value in heard.items() if name != "timestamp"} == data


@pytest.mark.parametrize("door", DOORS)
async def test_story_published(arrive: Gathering) -> None:
    ada, readers = await gather(arrive)
    story = await write(ada, title="The lighthouse", genre="mystery")
    published = {"title": "The lighthouse", "authorId": ada.id, "genre": "mystery"}
    await all_hear(readers, "story:published", storyId=story["id"], **published)


@pytest.mark.parametrize("door", DOORS)
async def test_story_updated(arrive: Gathering) -> None:
    ada, readers = await gather(arrive)
    story = await write(ada)
    await ada.does("story:update", storyId=story["id"], body="It grew light.")
    await all_hear(readers, "story:updated", storyId=story["id"])


@pytest.mark.parametrize("door", DOORS)
async def test_story_deleted(arrive: Gathering) -> None:
    ada, readers = await gather(arrive)
    story = await write(ada)
    await ada.does("story:delete", storyId=story["id"])
    await all_hear(readers, "story:deleted", storyId=story["id"])


@pytest.mark.parametrize("door", DOORS)
async def test_post_created(arrive: Gathering) -> None:
    ada, readers = await gather(arrive)
    story = await write(ada)
    bo = readers[1]
    made = await post(bo, story, title="Why dark?", type="question")
    about = {"postId": made["id"], "storyId": story["id"], "authorId": bo.id}
    await all_hear(readers, "post:created", **about, title="Why dark?", type="question")


@pytest.mark.parametrize("door", DOORS)
async def test_post_updated(arrive: Gathering) -> None:
    ada, readers = await gather(arrive)
    story = await write(ada)
    made = await post(ada, story)
    await ada.does("post:update", postId=made["id"], body="I wonder no more.")
    await all_hear(readers, "post:updated", postId=made["id"], storyId=story["id"])


@pytest.mark.parametrize("door", DOORS)
async def test_post_deleted(arrive: Gathering) -> None:
    ada, readers = await gather(arrive)
    story = await write(ada)
    made = await post(ada, story)
    await ada.does("post:delete", postId=made["id"])
    await all_hear(readers, "post:deleted", postId=made["id"], storyId=story["id"])


async def test_put_visibility_publishes_story_published_when_made_public_else_story_updated(arrive: Gathering) -> None:
    ada, readers = await gather(arrive)
    story = await write(ada, "private")

    async def put(visibility: str) -> None:
        path, body = f"/api/stories/{story['id']}/visibility", {"visibility": visibility}
        answer = await ada.worker.rest("PUT", path, body, token=ada.credential)
        assert (answer.status, answer.body["data"]["visibility"]) == (200, visibility)

    for visibility in ("unlisted", "private", "public", "unlisted"):
        await put(visibility)
        if visibility == "public":
            published = {"title": story["title"], "authorId": ada.id, "genre": story["genre"]}
            await all_hear(readers, "story:published", storyId=story["id"], **published)
        else:
            await all_hear([ada], "story:updated", storyId=story["id"])
    # Who no longer finds it hears that it is gone.
    await all_hear(readers[1:], "story:deleted", storyId=story["id"])


async def test_sse_of_community_events(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    async with AsyncExitStack() as stack:
        url = f"{arrive.cluster.b.url}/api/community/events"
        own = await stack.enter_async_context(SseStream(url, token=ada.credential))
        other = await stack.enter_async_context(SseStream(url))
        story = await write(ada)
        await show(ada, story, "private")
        await ada.does("story:update", storyId=story["id"], title="Still mine")
        await show(ada, story, "public")
        for stream, between in ((own, ["story:updated", "story:updated"]), (other, ["story:deleted"])):
            expected = ["story:published", *between, "story:published"]
            assert [each["event"] for each in await stream.has(len(expected))] == expected
        assert other.events()[0] == own.events()[0]


async def test_only_events_that_the_reader_may_see(arrive: Gathering) -> None:
    ada, (_, *others) = await gather(arrive)
    since = await now(ada)
    hidden, linked = await write(ada, "private"), await write(ada, "unlisted")
    for story in (hidden, linked):
        await ada.does("story:update", storyId=story["id"], title="Draft")
        await post(ada, story)
    shown = await write(ada)
    for reader in others:
        await reader.hears("story:published", lambda story: story["storyId"] == shown["id"])
        assert await told(reader, since) == [("story:published", shown["id"])]
        assert {each.event for each in reader.socket.events if "story" in each.event or "post" in each.event} == {
            "story:published"
        }
    assert len(await told(ada, since)) == 6


@pytest.mark.parametrize("place", ["community", "comments"])
async def test_is_writing_a_post(arrive: Gathering, place: str) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    story = await write(ada)
    channel = COMMUNITY if place == "community" else f"story:{story['id']}:comments"
    await ada.subscribes(channel)
    await start(bo, channel)
    await sees(ada, channel, bo)
    await post(bo, story)
    await sees(ada, channel)
