"""Stories and posts: who may read them, in what order they are listed, and what stays of those that are deleted."""

import itertools
import secrets
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from models import posts, reading, stories, users
from models.database import Database
from models.users import User
from tests.models.conftest import Store

ADA, BO, MO = User("ada", "Ada"), User("bo", "Bo"), User("mo", "Mo", role="moderator")
EVERYBODY: tuple[User | None, ...] = (ADA, BO, MO, None)
VISIBILITIES = ("public", "unlisted", "private")
# Who reads the story of Ada: by its visibility, and whether it is held.
READERS: dict[tuple[str, bool], set[User | None]] = {
    ("public", False): {ADA, BO, MO, None},
    ("unlisted", False): {ADA, BO, MO, None},
    ("private", False): {ADA},
    ("public", True): {ADA, MO},
    ("unlisted", True): {ADA, MO},
    ("private", True): {ADA},
}

steps = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["write", "show", "delete"]),
        st.sampled_from(VISIBILITIES),
        st.booleans(),
        st.sampled_from([0, 1]),
    ),
    max_size=25,
)


def new_story(conn: AsyncConnection, author: str, visibility: str = "public", *, held: bool = False) -> Any:
    reach = stories.reach_of(visibility, held=held)
    told = {"title": "Title", "genre": None, "body": "Text", "visibility": visibility}
    return stories.create(conn, author_id=author, client_id=None, reach=reach, **told)


def new_post(conn: AsyncConnection, story: str, author: str, state: str = posts.SHOWN) -> Any:
    told = {"type": "review", "title": "Title", "body": "Text"}
    return posts.create(conn, story_id=story, author_id=author, client_id=None, state=state, **told)


def test_who_reads_a_story_and_a_post_of_it(store: Store) -> None:
    async def work(database: Database) -> None:
        async with database.write() as conn:
            for (visibility, held), expected in READERS.items():
                story = await new_story(conn, "ada", visibility, held=held)
                readers = await reading.readers(conn, "story", story.id)
                assert readers is not None
                assert {each for each in EVERYBODY if readers.include(each)} == expected, (visibility, held)
                for state in (posts.SHOWN, posts.HELD):
                    post = await new_post(conn, story.id, "bo", state)
                    of_post = await reading.readers(conn, "post", post.id, share=True)
                    assert of_post is not None
                    shown_to = {each for each in EVERYBODY if of_post.include(each)}
                    assert shown_to == (expected if state == posts.SHOWN else expected & {BO, MO})

    store.run(work)


def test_what_was_deleted_is_nobodys_and_what_never_was_is_everyones(store: Store) -> None:
    async def work(database: Database) -> None:
        async with database.write() as conn:
            story = await new_story(conn, "ada")
            post, other = await new_post(conn, story.id, "bo"), await new_post(conn, story.id, "ada")
            erased = await posts.erase(conn, other.id)
            assert (erased.title, erased.body) == (None, None)
            await posts.erase_all(conn, story.id)
            erased = await stories.erase(conn, story)
            assert (erased.title, erased.genre, erased.body) == (None, None, None)
            for kind, id in (("story", story.id), ("post", post.id), ("post", other.id)):
                readers = await reading.readers(conn, kind, id)
                assert readers is not None
                assert not any(readers.include(each) for each in EVERYBODY)
            for kind, id in (("story", "an-app's-own"), ("post", "an-app's-own"), ("trip", story.id)):
                assert await reading.readers(conn, kind, id) is None

    store.run(work)


@settings(max_examples=40, deadline=None)
@given(steps, st.integers(1, 4))
def test_a_list_holds_public_stories_and_ones_own_by_pages(
    store: Store, taken: list[tuple[int, str, str, bool, int]], limit: int
) -> None:
    mark = secrets.token_hex(6)
    authors = [f"{mark}-{n}" for n in range(2)]

    async def work(database: Database) -> None:
        async with database.write() as conn:
            await users.remember(conn, [User(each, each.title()) for each in authors])
            rows: dict[int, Any] = {}
            order: list[int] = []
            for slot, what, visibility, held, author in taken:
                row = rows.get(slot)
                if what == "write" and row is None:
                    rows[slot] = await new_story(conn, authors[author], visibility, held=held)
                    order.append(slot)
                elif row is not None and row.reach != stories.NOBODY and what == "show":
                    reach = stories.reach_of(visibility, held=held)
                    if reach == stories.PUBLIC != row.reach:
                        order.remove(slot)
                        order.append(slot)
                    rows[slot] = await stories.change(conn, row, visibility=visibility, reach=reach)
                elif row is not None and what == "delete":
                    rows[slot] = await stories.erase(conn, row)
            for author, reader in itertools.product(authors, [*authors, None]):
                expected = [
                    rows[slot].id
                    for slot in reversed(order)
                    if rows[slot].author_id == author
                    and rows[slot].reach != stories.NOBODY
                    and (rows[slot].reach == stories.PUBLIC or author == reader)
                ]
                assert await listed(conn, reader, author, limit) == expected

    store.run(work)


async def listed(conn: AsyncConnection, reader: str | None, author: str, limit: int) -> list[str]:
    """The ids of an author's stories, page by page."""
    found: list[str] = []
    while True:
        before = found[-1] if found else None
        rows = await stories.page(conn, reader_id=reader, author_id=author, before=before, limit=limit)
        found += [row.id for row in rows[:limit]]
        assert all(each["user"]["name"] == author.title() for each in await stories.wires(conn, rows))
        if len(rows) <= limit:
            return found


def test_a_list_of_everyones_stories_begins_with_the_newest(store: Store) -> None:
    async def work(database: Database) -> None:
        author = secrets.token_hex(6)
        async with database.write() as conn:
            made = [await new_story(conn, author, each) for each in ("public", "private", "unlisted", "public")]
            by_everyone = [
                row.id for row in await stories.page(conn, reader_id=None, author_id=None, before=None, limit=2)
            ]
            mine = await stories.page(conn, reader_id=author, author_id=None, before=None, limit=4)
        assert by_everyone[:2] == [made[3].id, made[0].id]
        assert [row.id for row in mine[:4]] == [row.id for row in reversed(made)]

    store.run(work)


def test_held_posts_are_listed_for_their_author_and_for_moderators(store: Store) -> None:
    async def work(database: Database) -> None:
        async with database.write() as conn:
            story = await new_story(conn, "ada")
            states = (posts.SHOWN, posts.HELD, posts.SHOWN, posts.HELD, posts.DELETED)
            made = [await new_post(conn, story.id, "bo", state) for state in states]
            made.append(await new_post(conn, story.id, "ada", posts.HELD))
            places = {row.id: place for place, row in enumerate(made)}
            for reader, expected in ((None, [2, 0]), (ADA, [5, 2, 0]), (BO, [3, 2, 1, 0]), (MO, [5, 3, 2, 1, 0])):
                found: list[Any] = []
                while (
                    len(
                        rows := await posts.page(
                            conn, story.id, reader=reader, before=found[-1] if found else None, limit=2
                        )
                    )
                    > 2
                ):
                    found += [row.id for row in rows[:2]]
                assert [places[id] for id in found + [row.id for row in rows]] == expected
            assert await posts.held(conn, story.id) == sorted(made[n].id for n in (1, 3, 5))
            assert await posts.among(conn, story.id, [made[0].id, made[4].id, "nothing"]) == {made[0].id, made[4].id}

    store.run(work)
