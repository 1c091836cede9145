"""What a push carries: whatever is said, it fits, and as much as fits is said."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from server.push_payload import PLAINTEXT_BYTES, fitted

texts = st.text(max_size=300) | st.integers(0, 5000).map("🎉".__mul__) | st.integers(0, 5000).map('"'.__mul__)
payloads = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "title": texts,
        "message": texts,
        "type": st.just("SYSTEM"),
        "level": st.just("info"),
        "link": st.none() | texts,
        "data": st.dictionaries(st.text(max_size=20), texts, max_size=5),
    }
)


@settings(deadline=None)
@given(payloads)
def test_whatever_is_said_fits(payload: dict[str, Any]) -> None:
    encoded = fitted(payload)
    assert len(encoded) <= PLAINTEXT_BYTES
    told = orjson.loads(encoded)
    assert told.keys() == payload.keys()
    assert all(told[name] == payload[name] for name in ("id", "type", "level"))
    for name in ("title", "message"):
        assert told[name] == payload[name] or payload[name].startswith(told[name].removesuffix("…"))


@settings(deadline=None)
@given(payloads)
def test_what_fits_stays_as_it_is(payload: dict[str, Any]) -> None:
    encoded = orjson.dumps(payload)
    if len(encoded) <= PLAINTEXT_BYTES:
        assert fitted(payload) == encoded


def test_data_goes_before_a_word_of_the_message_does() -> None:
    payload = {
        "id": "1",
        "title": "Hello",
        "message": "a" * 3000,
        "type": "SYSTEM",
        "level": "info",
        "link": "/1",
        "data": {"more": "b" * 3000},
    }
    assert orjson.loads(fitted(payload)) == payload | {"data": {}}
    longer = orjson.loads(fitted(payload | {"message": "ä" * 4000}))
    assert (longer["title"], longer["link"], longer["data"]) == ("Hello", "/1", {})
    assert len(longer["message"]) > 1900
    assert PLAINTEXT_BYTES - len(fitted(payload | {"message": "ä" * 4000})) < 4
