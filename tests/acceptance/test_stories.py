"""Stories: section 8's rows, through both doors: who may do what, what is read, listed, told and gone."""

import asyncio
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.entities import Trip
from tests.acceptance.people import DOORS, Gathering, Person
from tests.acceptance.storytellers import now, post, show, told, write

pytestmark = pytest.mark.parametrize("door", DOORS)

PRIVATE, UNLISTED, PUBLIC = "private", "unlisted", "public"


async def finds(reader: Person, **wanted: Any) -> list[str]:
    """The ids of the stories that a reader finds in the list."""
    page = await reader.does("story:list", **wanted)
    for each in page["stories"]:
        contract.story(each)
    return [each["id"] for each in page["stories"]]


async def test_a_story_is_private_at_first(arrive: Gathering) -> None:
    ada, bo, visitor = await arrive("Ada"), await arrive("Bo"), await arrive.visitor()
    since = await now(ada)
    story = await ada.creates("story:create", title="  Löwe 🦁", genre="fable", body="Once\nupon a time")
    contract.story(story)
    expected = {"title": "  Löwe 🦁", "genre": "fable", "body": "Once\nupon a time", "visibility": PRIVATE}
    assert expected | {"authorId": ada.id, "status": "approved", "publishedAt": None} == {
        name: story[name] for name in (*expected, "authorId", "status", "publishedAt")
    }
    assert await ada.does("story:get", storyId=story["id"]) == story
    assert await finds(ada, authorId=ada.id) == [story["id"]]
    for other in (bo, visitor):
        await other.refused("not_found", "story:get", storyId=story["id"])
        assert await finds(other, authorId=ada.id) == []
    assert await told(ada, since) == []


async def test_a_story_may_be_public_from_the_start(arrive: Gathering) -> None:
    ada, visitor = await arrive("Ada"), await arrive.visitor()
    since = await now(visitor)
    story = await ada.creates("story:create", title="Here it is", visibility=PUBLIC)
    assert (story["genre"], story["body"]) == (None, "")
    contract.time(story["publishedAt"])
    assert await told(visitor, since) == [("story:published", story["id"])]


async def test_an_unlisted_story_is_read_by_whoever_knows_its_id(arrive: Gathering) -> None:
    ada, bo, visitor = await arrive("Ada"), await arrive("Bo"), await arrive.visitor()
    story = await write(ada, UNLISTED)
    for other in (bo, visitor):
        assert await other.does("story:get", storyId=story["id"]) == story
        assert await finds(other, authorId=ada.id) == []
    assert await finds(ada, authorId=ada.id) == [story["id"]]
    await post(bo, story)


@pytest.mark.parametrize("before", [PRIVATE, UNLISTED, PUBLIC])
@pytest.mark.parametrize("after", [PRIVATE, UNLISTED, PUBLIC])
async def test_what_a_change_of_visibility_tells_whom(arrive: Gathering, before: str, after: str) -> None:
    ada, visitor = await arrive("Ada"), await arrive.visitor()
    story = await write(ada, before)
    since = await now(ada)
    shown = await show(ada, story, after)
    if before == after:
        expected: list[list[str]] = [[], []]
        assert shown == story
    elif after == PUBLIC:
        expected = [["story:published"], ["story:published"]]
        assert shown["publishedAt"] >= story["updatedAt"]
    else:
        expected = [["story:updated"], ["story:deleted"] if before == PUBLIC else []]
    for reader, events in zip((ada, visitor), expected, strict=True):
        assert await told(reader, since) == [(event, story["id"]) for event in events]


async def test_an_author_changes_a_story(arrive: Gathering) -> None:
    ada, bo, mo = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator")
    story = await write(ada)
    since = await now(bo)
    changed = await ada.does("story:update", storyId=story["id"], title="Another", genre=None)
    contract.story(changed)
    assert changed == story | {"title": "Another", "genre": None, "updatedAt": changed["updatedAt"]}
    assert await ada.does("story:update", storyId=story["id"]) == changed
    assert await bo.does("story:get", storyId=story["id"]) == changed
    assert await told(bo, since) == [("story:updated", story["id"])]
    for other in (bo, mo):
        await other.refused("forbidden", "story:update", storyId=story["id"], title="Mine")
        await other.refused("forbidden", "story:visibility", storyId=story["id"], visibility=PRIVATE)
    await show(ada, story, PRIVATE)
    for other in (bo, mo):
        await other.refused("not_found", "story:update", storyId=story["id"], title="Mine")
        await other.refused("not_found", "story:visibility", storyId=story["id"], visibility=PUBLIC)
        await other.refused("not_found", "story:delete", storyId=story["id"])


async def test_a_deleted_story_is_gone_with_its_posts(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    story = await write(ada)
    said = await post(bo, story)
    await bo.refused("forbidden", "story:delete", storyId=story["id"])
    gone = await ada.does("story:delete", storyId=story["id"])
    contract.story(gone)
    assert (gone["title"], gone["body"], gone["status"]) == (None, None, "deleted")
    for person in (ada, bo):
        for action in ("story:get", "story:delete", "story:update", "post:list"):
            await person.refused("not_found", action, storyId=story["id"])
        await person.refused("not_found", "story:visibility", storyId=story["id"], visibility=PUBLIC)
        await person.refused("not_found", "post:create", storyId=story["id"], title="Where is it?")
        assert story["id"] not in await finds(person, limit=100)
    for action in ("post:update", "post:delete"):
        await bo.refused("not_found", action, postId=said["id"])
    for channel in (f"story:{story['id']}:comments", f"post:{said['id']}:likes"):
        body, _ = await ada.call("channel:subscribe", channel=channel)
        assert body["error"]["code"] == "not_found"


async def test_a_moderator_deletes_what_others_can_read(arrive: Gathering) -> None:
    ada, mo = await arrive("Ada"), await arrive("Mo", role="moderator")
    story = await write(ada)
    since = await now(ada)
    await mo.does("story:delete", storyId=story["id"])
    assert await told(ada, since) == [("story:deleted", story["id"])]
    assert await finds(ada, authorId=ada.id) == []


async def test_a_repeated_client_id_makes_one_story_which_stays_deleted(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    wanted = {"title": "Once", "visibility": PUBLIC, "clientId": "once"}
    since = await now(ada)
    story = await ada.creates("story:create", **wanted)
    assert await ada.does("story:create", **wanted) == story
    assert await told(ada, since) == [("story:published", story["id"])]
    changed = await ada.does("story:update", storyId=story["id"], title="Twice")
    assert await ada.does("story:create", **wanted) == changed
    gone = await ada.does("story:delete", storyId=story["id"])
    assert await ada.does("story:create", **wanted) == gone
    assert await finds(ada, authorId=ada.id) == []


async def test_lists_are_newest_first_by_pages(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    made = [await write(ada, each) for each in (PUBLIC, PRIVATE, PUBLIC, UNLISTED, PUBLIC)]
    ids = [each["id"] for each in reversed(made)]
    # What becomes public is new to those who find it only now.
    await show(ada, made[1], PUBLIC)
    ids.insert(0, ids.pop(3))
    assert await finds(ada, authorId=ada.id) == ids
    first = await ada.does("story:list", authorId=ada.id, limit=2)
    second = await ada.does("story:list", authorId=ada.id, limit=2, before=ids[1])
    third = await ada.does("story:list", authorId=ada.id, limit=2, before=ids[3])
    pages = (first, second, third)
    assert [each["id"] for page in pages for each in page["stories"]] == ids
    assert [page["hasMore"] for page in pages] == [True, True, False]
    for_others = [id for id in ids if id != made[3]["id"]]
    assert await finds(bo, authorId=ada.id) == for_others
    assert (await finds(bo, limit=4))[:4] == for_others
    assert await finds(bo, authorId="nobody") == []
    assert (await finds(ada, limit=5)) == ids


async def test_a_page_of_long_stories_ends_early_and_nothing_is_left_out(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    made = await asyncio.gather(*(write(ada, body="ä" * 90_000) for _ in range(5)))
    found: list[str] = []
    sizes = []
    while True:
        options = {"before": found[-1]} if found else {}
        page = await ada.does("story:list", authorId=ada.id, limit=100, **options)
        sizes.append(len(page["stories"]))
        found += [each["id"] for each in page["stories"]]
        if not page["hasMore"]:
            break
    assert sizes == [2, 2, 1]
    assert sorted(found) == sorted(each["id"] for each in made)
    # The connection survived all of it.
    assert (await ada.does("story:list", authorId=ada.id, limit=1))["hasMore"]


async def test_a_visitor_reads_and_nothing_else(arrive: Gathering) -> None:
    ada, visitor = await arrive("Ada"), await arrive.visitor()
    story = await write(ada)
    assert await visitor.does("story:get", storyId=story["id"]) == story
    assert (await finds(visitor, limit=1)) == [story["id"]]
    one = {"storyId": story["id"]}
    await visitor.refused("unauthenticated", "story:create", title="Mine")
    await visitor.refused("unauthenticated", "story:update", **one, title="Mine")
    await visitor.refused("unauthenticated", "story:visibility", **one, visibility=PRIVATE)
    await visitor.refused("unauthenticated", "story:delete", **one)


BAD: tuple[tuple[str, dict[str, Any], set[str]], ...] = (
    ("story:create", {}, {"title"}),
    *(("story:create", {"title": title}, {"title"}) for title in ("", "  \n", "x" * 201, 7, ["x"])),
    *(("story:create", {"title": "x", "body": body}, {"body"}) for body in ("", " \t\n", "x" * 100_001, 7)),
    *(("story:create", {"title": "x", "genre": genre}, {"genre"}) for genre in ("", " ", "x" * 51, {})),
    *(("story:create", {"title": "x", "visibility": each}, {"visibility"}) for each in ("secret", "", 1)),
    ("story:create", {"title": "x", "clientId": "x" * 65}, {"clientId"}),
    *(("story:list", {"limit": limit}, {"limit"}) for limit in (0, 101)),
)


async def test_bad_input_is_refused_and_nothing_is_stored(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    story = await write(ada)
    since = await now(ada)
    one = {"storyId": story["id"]}
    of_one = (
        ("story:update", one | {"title": " "}, {"title"}),
        ("story:update", one | {"body": ""}, {"body"}),
        ("story:visibility", one, {"visibility"}),
        ("story:visibility", one | {"visibility": "hidden"}, {"visibility"}),
    )
    for action, payload, fields in (*BAD, *of_one):
        error = await ada.refused("invalid", action, **payload)
        assert set(error["fields"]) == fields, (action, payload)
    for id in ("nothing", "../etc", "a/b", "x" * 255, story["id"].upper() + "x"):
        for action in ("story:get", "story:update", "story:delete", "post:list"):
            await ada.refused("not_found", action, storyId=id)
    assert await ada.does("story:get", **one) == story
    assert await finds(ada, authorId=ada.id) == [story["id"]]
    assert await told(ada, since) == []


async def test_only_readers_engage_with_a_story(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    story = await write(ada)
    at = {"type": "story", "id": story["id"]}
    await bo.does("like:set", **at, liked=True)
    comment = await bo.creates("comment:create", **at, body="Lovely")
    await show(ada, story, PRIVATE)
    for action, payload in (
        ("like:set", {"liked": False}),
        ("like:get", {}),
        ("save:toggle", {}),
        ("rating:set", {"value": 5}),
        ("comment:create", {"body": "Still there?"}),
        ("comment:list", {}),
        ("viewers:track", {}),
        ("viewers:get", {}),
    ):
        await bo.refused("not_found", action, **at, **payload)
    await bo.refused("not_found", "comment:edit", commentId=comment["id"], body="Hm")
    body, _ = await bo.call("typing:start", channel=f"story:{story['id']}:comments")
    assert body["error"]["code"] == "not_found"
    assert (await ada.does("like:get", **at))["count"] == 1
    # A story that Hubbub does not have is the application's own, and everyone's.
    await bo.creates("comment:create", **Trip("story").at, body="Lovely, too")
