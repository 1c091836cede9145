"""Full-text search: the same words find the same messages on both databases, through both doors."""

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person, open_room, say

pytestmark = pytest.mark.parametrize("door", DOORS)

TEXTS = {
    "rome": "Rome was not built in a day!",
    "cafe": "Le Café est fermé à 18h30",
    "cafes": "Two cafeterias and a CAFE",
    "street": "Die Straße nach MÜNCHEN, 80331",
    "tokyo": "東京タワーに行きたい",
    "moscow": "Привет из Москвы",
    "athens": "Καλημέρα από την ΑΘΉΝΑ",
    "cairo": "القاهرة جميلة",
    "seoul": "서울에서 만나요",
    "delhi": "नमस्ते दिल्ली",
    "bangkok": "สวัสดีกรุงเทพ",
    "party": "Party tonight 🎉🎉 at Bo's",
    "code": "snake_case, kebab-case and user@example.com: 100% OK?",
    "numbers": "Flight LH1234, gate 7, 3.14159",
}
QUERIES = {
    "rome": {"rome"},
    "ROME": {"rome"},
    "rom": {"rome"},
    "ome": set(),
    "built day": {"rome"},
    "day built": {"rome"},
    "built night": set(),
    "cafe": {"cafe", "cafes"},
    "café": {"cafe", "cafes"},
    "cafe\u0301": {"cafe", "cafes"},
    "CAFÉ FERME": {"cafe"},
    "strasse": {"street"},
    "Straße": {"street"},
    "munchen": {"street"},
    "803": {"street"},
    "東京": {"tokyo"},
    "привет": {"moscow"},
    "МОСКВ": {"moscow"},
    "αθηνα": {"athens"},
    "القاهرة": {"cairo"},
    "서울": {"seoul"},
    "दिल्ली": {"delhi"},
    "สวัสดี": {"bangkok"},
    "snake case": {"code"},
    "kebab-case": {"code"},
    "example.com": {"code"},
    "@example": {"code"},
    "lh1234 7": {"numbers"},
    "3.14": {"numbers"},
    "party 🎉": {"party"},
    "bo's": {"party"},
    "🎉": set(),
    "!!!": set(),
    "'": set(),
    '" OR 1': set(),
    "rome OR cafe": set(),
    "rome NOT day": {"rome"},
    "NEAR(rome day)": set(),
    "rome & day | !x": set(),
    "rome:*": {"rome"},
    "rome*": {"rome"},
    "message:rome": set(),
    "(": set(),
    "\\": set(),
    "%": set(),
}


async def found(person: Person, q: str, **query: object) -> list[str]:
    """What a search finds: texts, newest first."""
    page = await person.does("message:search", q=q, **query)
    contract.keys(page, {"messages", "hasMore"})
    for message in page["messages"]:
        contract.message(message)
    return [message["message"] for message in page["messages"]]


async def test_words_are_found_whatever_their_case_accents_and_order(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada, visibility="private")
    await say(ada, room, *TEXTS.values())
    for query, expected in QUERIES.items():
        texts = await found(ada, query, roomId=room["id"])
        assert set(texts) == {TEXTS[name] for name in expected}, query
        assert texts == [text for text in reversed(TEXTS.values()) if text in texts], query
    for text in TEXTS.values():
        assert text in await found(ada, text, roomId=room["id"]), text


async def test_rooms_that_i_may_read_are_searched_and_no_others(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    word = f"needle{ada.id.partition('-')[2]}"
    public, private, shared = (
        await open_room(ada),
        await open_room(ada, visibility="private"),
        await open_room(ada, bo, visibility="private"),
    )
    for room, text in ((public, "public"), (private, "private"), (shared, "shared")):
        await say(ada, room, f"{word} {text}")
    assert await found(ada, word) == [f"{word} shared", f"{word} private", f"{word} public"]
    assert await found(bo, word) == [f"{word} shared", f"{word} public"]
    assert await found(bo, word, roomId=public["id"]) == [f"{word} public"]
    await bo.refused("not_found", "message:search", q=word, roomId=private["id"])
    await bo.refused("not_found", "message:search", q=word, roomId="no-such-room")
    await ada.does("room:remove", roomId=shared["id"], userId=bo.id)
    assert await found(bo, word) == [f"{word} public"]
    await ada.does("room:archive", roomId=public["id"])
    assert await found(bo, word) == [f"{word} public"]


async def test_what_was_edited_is_found_as_it_is_now(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    (message,) = await say(ada, room, "before")
    await ada.does("message:edit", messageId=message["id"], message="after")
    assert await found(ada, "before", roomId=room["id"]) == []
    assert await found(ada, "after", roomId=room["id"]) == ["after"]
    await ada.does("message:delete", messageId=message["id"])
    assert await found(ada, "after", roomId=room["id"]) == []


async def test_results_have_pages(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    sent = await say(ada, room, *(f"apple {number}" if number % 3 else f"pear {number}" for number in range(12)))
    expected = [message for message in reversed(sent) if message["message"].startswith("apple")]
    results, query = [], {}
    while True:
        page = await ada.does("message:search", q="apple", roomId=room["id"], limit=3, **query)
        results += page["messages"]
        assert page["hasMore"] == (len(results) < len(expected))
        if not page["hasMore"]:
            break
        query = {"before": page["messages"][-1]["id"]}
    assert results == expected


async def test_words_as_long_as_a_message_are_found(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    room = await open_room(ada)
    texts = ("x" * 4000, "y" * 300, "é" * 4000)
    await say(ada, room, *texts)
    for text in texts:
        assert await found(ada, text[:200], roomId=room["id"]) == [text]
        assert await found(ada, text[:3], roomId=room["id"]) == [text]


async def test_a_search_needs_something_to_search_for(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    for query in ({}, {"q": ""}, {"q": "  "}, {"q": "x" * 201}):
        error = await ada.refused("invalid", "message:search", **query)
        assert list(error["fields"]) == ["q"]
    for limit in (0, 101, "many"):
        error = await ada.refused("invalid", "message:search", q="x", limit=limit)
        assert list(error["fields"]) == ["limit"]
