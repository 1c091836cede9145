"""Posts: section 8's row, through both doors."""

from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person
from tests.acceptance.storytellers import now, post, show, told, write

pytestmark = pytest.mark.parametrize("door", DOORS)


async def posts_of(reader: Person, story: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    """A page of the posts of a story."""
    page = await reader.does("post:list", storyId=story["id"], **wanted)
    for each in page["posts"]:
        contract.post(each)
    return page


@pytest.mark.parametrize("type", ["discussion", "review", "question"])
async def test_whoever_reads_a_story_says_something_about_it(arrive: Gathering, type: str) -> None:
    ada, bo, visitor = await arrive("Ada"), await arrive("Bo"), await arrive.visitor()
    for visibility in ("public", "unlisted"):
        story = await write(ada, visibility)
        made = [await post(author, story, type=type, title="Well", body="Hm.") for author in (ada, bo)]
        assert [each["authorId"] for each in made] == [ada.id, bo.id]
        assert {each["storyId"] for each in made} == {story["id"]}
        assert {(each["type"], each["title"], each["body"]) for each in made} == {(type, "Well", "Hm.")}
        for reader in (ada, bo, visitor):
            assert await posts_of(reader, story) == {"posts": made[::-1], "hasMore": False}
        await visitor.refused("unauthenticated", "post:create", storyId=story["id"], title="Hello")
    await show(ada, story, "private")
    for other in (bo, visitor):
        await other.refused("not_found", "post:list", storyId=story["id"])
    await bo.refused("not_found", "post:create", storyId=story["id"], title="Hello?")
    await post(ada, story)
    assert len((await posts_of(ada, story))["posts"]) == 3


async def test_the_author_of_a_story_announces(arrive: Gathering) -> None:
    ada, bo, mo = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator")
    story = await write(ada)
    announced = await post(ada, story, type="announcement")
    assert announced["type"] == "announcement"
    for other in (bo, mo):
        title = {"title": "Hear, hear"}
        await other.refused("forbidden", "post:create", storyId=story["id"], type="announcement", **title)
        made = await post(other, story)
        await other.refused("forbidden", "post:update", postId=made["id"], type="announcement")
    assert (await ada.does("post:update", postId=announced["id"], type="review"))["type"] == "review"


async def test_an_author_changes_and_deletes_a_post(arrive: Gathering) -> None:
    ada, bo, cy = await arrive("Ada"), await arrive("Bo"), await arrive("Cy")
    story = await write(ada)
    made, since = await post(bo, story), await now(cy)
    changed = await bo.does("post:update", postId=made["id"], title="Else", type="question")
    contract.post(changed)
    assert changed == made | {"title": "Else", "type": "question", "updatedAt": changed["updatedAt"]}
    assert await bo.does("post:update", postId=made["id"]) == changed
    for other in (ada, cy):
        await other.refused("forbidden", "post:update", postId=made["id"], title="Mine")
        await other.refused("forbidden", "post:delete", postId=made["id"])
    gone = await bo.does("post:delete", postId=made["id"])
    contract.post(gone)
    assert (gone["title"], gone["body"], gone["status"]) == (None, None, "deleted")
    for action in ("post:update", "post:delete"):
        await bo.refused("not_found", action, postId=made["id"])
    assert await posts_of(cy, story) == {"posts": [], "hasMore": False}
    assert await told(cy, since) == [("post:updated", made["id"]), ("post:deleted", made["id"])]


async def test_a_moderator_deletes_a_post(arrive: Gathering) -> None:
    ada, mo = await arrive("Ada"), await arrive("Mo", role="moderator")
    story = await write(ada)
    made, since = await post(ada, story), await now(ada)
    await mo.refused("forbidden", "post:update", postId=made["id"], title="Better")
    await mo.does("post:delete", postId=made["id"])
    assert await told(ada, since) == [("post:deleted", made["id"])]


async def test_posts_come_by_pages_newest_first(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    story = await write(ada)
    made = [await post(ada, story) for _ in range(5)][::-1]
    first = await posts_of(ada, story, limit=2)
    later = await post(ada, story)
    second = await posts_of(ada, story, limit=3, before=first["posts"][-1]["id"])
    assert first["posts"] + second["posts"] == made
    assert (first["hasMore"], second["hasMore"]) == (True, False)
    assert (await posts_of(ada, story, limit=1))["posts"] == [later]


async def test_a_repeated_client_id_makes_one_post_which_stays_deleted(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    story = await write(ada)
    wanted = {"storyId": story["id"], "title": "Once", "clientId": "once"}
    made = await ada.creates("post:create", **wanted)
    assert await ada.does("post:create", **wanted) == made
    assert (made["type"], made["body"]) == ("discussion", "")
    gone = await ada.does("post:delete", postId=made["id"])
    assert await ada.does("post:create", **wanted) == gone
    assert (await posts_of(ada, story))["posts"] == []


async def test_bad_input_is_refused_and_nothing_is_stored(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    story = await write(ada)
    made = await post(ada, story)
    since = await now(ada)
    new, one = {"storyId": story["id"], "title": "x"}, {"postId": made["id"]}
    for action, payload, fields in (
        ("post:create", {"storyId": story["id"]}, {"title"}),
        *(("post:create", new | {"title": title}, {"title"}) for title in ("", " \n", "x" * 201, 7)),
        *(("post:create", new | {"body": body}, {"body"}) for body in ("", "\t ", "x" * 20_001, ["x"])),
        *(("post:create", new | {"type": type}, {"type"}) for type in ("praise", "", 1)),
        *(("post:update", one | {"title": title}, {"title"}) for title in ("", " ", "x" * 201)),
        ("post:update", one | {"type": "praise"}, {"type"}),
        ("post:list", {"storyId": story["id"], "limit": 0}, {"limit"}),
        ("post:list", {"storyId": story["id"], "limit": 101}, {"limit"}),
    ):
        error = await ada.refused("invalid", action, **payload)
        assert set(error["fields"]) == fields, (action, payload)
    for id in ("nothing", "../etc", "a/b", story["id"]):
        await ada.refused("not_found", "post:update", postId=id, title="x")
        await ada.refused("not_found", "post:delete", postId=id)
    await ada.refused("not_found", "post:create", storyId=made["id"], title="x")
    assert await posts_of(ada, story) == {"posts": [made], "hasMore": False}
    assert await told(ada, since) == []
