"""Stories and posts with certain words in them: refused, or held until a moderator has read them."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person
from tests.acceptance.storytellers import now, post, show, told, write
from tests.support.process import temporary_folder

pytestmark = pytest.mark.parametrize("door", DOORS)

HELD, REFUSED = "cheap watches", "slurword"


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    """No limit on the pace, and words."""
    words = Path(temporary_folder("words")) / "words.txt"
    words.write_text(f"hold: {HELD}\nrefuse: {REFUSED}\n", encoding="utf-8")
    return {
        "HUBBUB_ACTIONS_PER_SECOND": "10000",
        "HUBBUB_ACTIONS_BURST": "10000",
        "HUBBUB_BLOCKED_WORDS": str(words),
    }


async def item_of(mo: Person, thing: dict[str, Any]) -> dict[str, Any] | None:
    """What waits for moderators about that story or post."""
    items = (await mo.does("moderation:list", limit=100))["items"]
    for each in items:
        contract.moderation_item(each)
    return next((each for each in items if each["subjectId"] == thing["id"]), None)


async def decide(mo: Person, thing: dict[str, Any], decision: str) -> None:
    """A moderator decides on it, once."""
    item = await item_of(mo, thing)
    assert item is not None
    decided = {"itemId": item["id"], "decision": decision, "reason": "Rules"}
    await mo.does("moderation:decide", **decided)
    await mo.refused("conflict", "moderation:decide", **decided)


async def people(arrive: Gathering) -> tuple[Person, Person, Person]:
    """An author, somebody else and a moderator."""
    return await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator")


async def test_words_that_are_refused_stay_out(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    story = await write(ada, "private")
    made = await post(ada, story)
    for action, payload, field in (
        ("story:create", {"title": f"A {REFUSED}"}, "title"),
        ("story:create", {"title": "x", "genre": REFUSED}, "genre"),
        ("story:create", {"title": "x", "body": f"... {REFUSED}!"}, "body"),
        ("story:update", {"storyId": story["id"], "body": REFUSED}, "body"),
        ("post:create", {"storyId": story["id"], "title": REFUSED}, "title"),
        ("post:update", {"postId": made["id"], "body": REFUSED}, "body"),
    ):
        assert set((await ada.refused("invalid", action, **payload))["fields"]) == {field}
    assert await ada.does("story:get", storyId=story["id"]) == story


async def test_a_held_story_is_its_authors_and_the_moderators_until_it_is_approved(arrive: Gathering) -> None:
    ada, bo, mo = await people(arrive)
    since = await now(bo)
    story = await ada.creates("story:create", title=HELD, visibility="public")
    contract.story(story)
    assert (story["status"], story["publishedAt"]) == ("pending", None)
    await bo.refused("not_found", "story:get", storyId=story["id"])
    for reader in (ada, mo):
        assert (await reader.does("story:get", storyId=story["id"]))["title"] == HELD
    assert await told(bo, since) == []
    item = await item_of(mo, story)
    assert item is not None
    assert (item["kind"], item["cause"], item["user"]["id"]) == ("story", "word", ada.id)
    assert (item["entityType"], item["entityId"], item["subject"]["title"]) == ("story", story["id"], HELD)
    await decide(mo, story, "approve")
    shown = await bo.does("story:get", storyId=story["id"])
    assert (shown["status"], shown["visibility"]) == ("approved", "public")
    assert await told(bo, since) == [("story:published", story["id"])]


async def test_a_rejected_story_stays_its_authors(arrive: Gathering) -> None:
    ada, bo, mo = await people(arrive)
    story = await ada.creates("story:create", title=HELD, visibility="unlisted")
    await decide(mo, story, "reject")
    kept = await ada.does("story:get", storyId=story["id"])
    assert (kept["title"], kept["visibility"], kept["status"]) == (HELD, "private", "approved")
    for other in (bo, mo):
        await other.refused("not_found", "story:get", storyId=story["id"])


async def test_a_private_story_is_nobodys_business_until_it_is_shown(arrive: Gathering) -> None:
    ada, bo, mo = await people(arrive)
    story = await write(ada, "private", body=HELD)
    assert story["status"] == "approved"
    assert await item_of(mo, story) is None
    await mo.refused("not_found", "story:get", storyId=story["id"])
    assert (await show(ada, story, "public"))["status"] == "pending"
    assert await item_of(mo, story) is not None
    await bo.refused("not_found", "story:get", storyId=story["id"])
    # Taken back, it waits for nobody any more.
    assert (await show(ada, story, "private"))["status"] == "approved"
    assert await item_of(mo, story) is None


async def test_a_public_story_that_is_changed_to_hold_such_words_vanishes(arrive: Gathering) -> None:
    ada, bo, mo = await people(arrive)
    story = await write(ada)
    since = await now(bo)
    changed = await ada.does("story:update", storyId=story["id"], body=HELD)
    assert changed["status"] == "pending"
    await bo.refused("not_found", "story:get", storyId=story["id"])
    # What is held stays held, whatever is written next.
    assert (await ada.does("story:update", storyId=story["id"], body="Harmless"))["status"] == "pending"
    await decide(mo, story, "approve")
    gone, back = ("story:deleted", story["id"]), ("story:published", story["id"])
    assert await told(bo, since) == [gone, back]
    assert await told(ada, since) == [("story:updated", story["id"])] * 2 + [back]


async def test_a_held_post_is_its_authors_and_the_moderators_until_it_is_approved(arrive: Gathering) -> None:
    ada, bo, mo = await people(arrive)
    story = await write(ada)
    since = await now(ada)
    made = await post(bo, story, title=HELD)
    assert made["status"] == "pending"
    for reader, found in ((ada, []), (bo, [made["id"]]), (mo, [made["id"]])):
        assert [each["id"] for each in (await reader.does("post:list", storyId=story["id"]))["posts"]] == found
    for reader in (ada, bo):
        assert await told(reader, since) == []
    changed = await bo.does("post:update", postId=made["id"], body="And more")
    assert changed["status"] == "pending"
    assert await told(bo, since) == [("post:updated", made["id"])]
    await decide(mo, made, "approve")
    assert await told(ada, since) == [("post:created", made["id"])]
    assert len((await ada.does("post:list", storyId=story["id"]))["posts"]) == 1


@pytest.mark.parametrize("visibility", ["public", "unlisted"])
async def test_a_post_that_is_changed_to_hold_such_words_vanishes_and_goes_when_rejected(
    arrive: Gathering, visibility: str
) -> None:
    ada, bo, mo = await people(arrive)
    cy = await arrive("Cy")
    story = await write(ada, visibility)
    made = await post(bo, story)
    since = await now(ada)
    assert (await bo.does("post:update", postId=made["id"], body=HELD))["status"] == "pending"
    await decide(mo, made, "reject")
    await bo.refused("not_found", "post:update", postId=made["id"], body="Harmless")
    id = made["id"]
    assert await told(ada, since) == [("post:deleted", id)]
    assert await told(bo, since) == [("post:updated", id), ("post:deleted", id)]
    assert await told(cy, since) == ([("post:deleted", id)] if visibility == "public" else [])


async def test_what_waits_goes_from_the_queue_with_what_it_is_about(arrive: Gathering) -> None:
    ada, bo, mo = await people(arrive)
    since = (await mo.subscribes("admin"))["seq"]
    story = await write(ada)
    first, second, third = [await post(bo, story, title=f"Secret {HELD}") for _ in range(3)]
    await bo.does("post:delete", postId=third["id"])
    assert (await ada.does("story:update", storyId=story["id"], body=f"Secret {HELD}"))["status"] == "pending"
    assert "Secret" in str(await mo.subscribes("admin", after=since))
    assert await item_of(mo, first) is not None
    # Its story is held, so that a post is not the author's to see any more.
    await bo.refused("not_found", "post:delete", postId=first["id"])
    await ada.does("story:delete", storyId=story["id"])
    for each in (story, first, second, third):
        assert await item_of(mo, each) is None
    assert "Secret" not in str(await mo.subscribes("admin", after=since))


async def test_moderators_write_what_they_like_but_for_what_is_refused(arrive: Gathering) -> None:
    mo = await arrive("Mo", role="moderator")
    story = await mo.creates("story:create", title=HELD, visibility="public")
    assert story["status"] == "approved"
    assert (await post(mo, story, title=HELD))["status"] == "approved"
    await mo.refused("invalid", "story:create", title=REFUSED)
