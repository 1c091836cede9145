"""Messages as they are stored: pages of the history, and search on both databases."""

import secrets
import unicodedata
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models import messages, rooms, users
from models.database import Database
from models.ids import new_id
from models.types import now
from models.users import User
from tests.models.conftest import Store


async def new_room(database: Database, texts: list[str]) -> str:
    """A room in which somebody has said this; its id."""
    author = User(f"ada-{secrets.token_hex(6)}", "Ada")
    async with database.write() as conn:
        await users.remember(conn, [author])
        room = await rooms.create(conn, name="Room", description="", visibility="private")
        rows = [
            {
                "id": new_id(),
                "room_id": room.id,
                "seq": seq,
                "user_id": author.id,
                "client_id": None,
                "message": text,
                "reply_to_id": None,
                "mentions": [],
                "attachments": [],
                "created_at": now(),
                "edited_at": None,
                "deleted_at": None,
            }
            for seq, text in enumerate(texts, 1)
        ]
        if rows:
            await messages.write(conn, rows)
    return room.id


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 25), st.lists(st.integers(1, 7), min_size=1), st.integers(0, 30))
def test_pages_of_any_size_are_the_whole_history(store: Store, count: int, sizes: list[int], middle: int) -> None:
    async def work(database: Database) -> None:
        room_id = await new_room(database, [f"message {number}" for number in range(1, count + 1)])

        async def walk(**start: int | None) -> list[int]:
            """Go on page by page in one direction until there is no more."""
            direction = "after" if "after" in start else "before"
            position, seen, pages = start[direction], [], 0
            while True:
                limit = sizes[pages % len(sizes)]
                async with database.read() as conn:
                    rows, more = await messages.history(conn, room_id, limit=limit, **{direction: position})
                found = [row.seq for row in rows]
                assert len(found) == limit or not more
                assert found == sorted(found)
                seen = seen + found if direction == "after" else found + seen
                pages += 1
                if not more:
                    return seen
                position = found[-1] if direction == "after" else found[0]

        assert await walk(before=None) == list(range(1, count + 1))
        assert await walk(after=0) == list(range(1, count + 1))
        assert await walk(before=middle + 1) + await walk(after=middle) == list(range(1, count + 1))

    store.run(work)


# Words of many scripts, with what makes searching hard: case, accents, ligatures, joiners, digits, marks and emoji.
LETTERS = "aAbzZéÉöÖßıİñçøæŒﬁμΩωяЯжЖشלاकि東京あアア한글กขÀ̀'’-_.,@#/\\\"*:&|!() \t\n0179½²Ⅷ🎉👍🏽\u200d\ufe0f"
written = st.text(st.sampled_from(LETTERS), max_size=25)


def matches(text: str, query: str) -> bool:
    """Whether each word of the query begins a word of the text, of both of which only the words count."""
    words = messages.searchable(text).split()
    return all(any(word.startswith(sought) for word in words) for sought in messages.searchable(query).split())


@settings(max_examples=150, deadline=None)
@given(st.lists(written, min_size=1, max_size=6), written | st.text(max_size=10))
def test_both_databases_find_the_same(sqlite_store: Store, postgres_store: Store, texts: list[str], query: str) -> None:
    texts = [text for text in texts if "\x00" not in text]
    query = query.replace("\x00", "")

    async def work(database: Database) -> list[str]:
        room_id = await new_room(database, texts)
        async with database.read() as conn:
            rows, more = await messages.search(conn, query, [room_id], limit=100)
        assert not more
        return [row.message for row in rows]

    expected = [text for text in reversed(texts) if messages.searchable(query) and matches(text, query)]
    assert sqlite_store.run(work) == expected
    assert postgres_store.run(work) == expected


@given(st.text())
def test_what_is_searched_is_words_alone(text: str) -> None:
    words = messages.searchable(text).split()
    assert all(word.isalnum() for word in words)
    assert not any(unicodedata.combining(each) for word in words for each in word)
    assert messages.searchable(text.upper()) == messages.searchable(text.upper().lower())


@given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_however_a_text_is_composed_its_words_are_the_same(text: str, form: Any) -> None:
    assert messages.searchable(unicodedata.normalize(form, text)) == messages.searchable(text)
