"""Payloads: what is cleaned, measured and taken, whatever JSON there is."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from handlers.errors import Invalid
from handlers.payload import Choice, Flag, Id, Payload, Text, Whole, clean, clean_all, ids, measure

any_text = st.text(st.characters(codec=None, exclude_categories=()))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=30,
)


def may_stay(character: str) -> bool:
    """Whether a character is kept as it is."""
    return character in "\t\n\r" or unicodedata.category(character) not in {"Cc", "Cs"}


@given(any_text)
def test_text_loses_its_control_characters_and_nothing_else(text: str) -> None:
    expected = "".join(
        each if may_stay(each) else "\ufffd" if unicodedata.category(each) == "Cs" else "" for each in text
    )
    assert clean(text) == expected
    assert clean(expected) == expected
    expected.encode()


@given(json_values)
def test_values_are_cleaned_to_any_depth(value: Any) -> None:
    cleaned = clean_all(value)
    assert clean_all(cleaned) == cleaned
    assert all(may_stay(each) for each in json.dumps(cleaned, ensure_ascii=False))


def depth(value: Any) -> int:
    """How deep a value is nested; text and numbers are no level."""
    if isinstance(value, dict | list):
        return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


def keys(value: Any) -> int:
    """How many keys a value holds in all."""
    if isinstance(value, dict):
        return len(value) + sum(map(keys, value.values()))
    return sum(map(keys, value)) if isinstance(value, list) else 0


@given(st.dictionaries(st.text(), json_values), st.integers(1, 6), st.integers(0, 12))
def test_depth_and_keys_are_measured(payload: dict[str, Any], most_depth: int, most_keys: int) -> None:
    fits = depth(payload) <= most_depth and keys(payload) <= most_keys
    assert (measure(payload, most_depth, most_keys) is None) == fits


@given(st.dictionaries(st.text(), json_values, min_size=1), st.data())
def test_binary_data_is_found_wherever_it_is(payload: dict[str, Any], data: st.DataObject) -> None:
    places: list[tuple[Any, Any]] = []

    def collect(value: Any) -> None:
        for place, inner in value.items() if isinstance(value, dict) else enumerate(value):
            places.append((value, place))
            if isinstance(inner, dict | list):
                collect(inner)

    collect(payload)
    assert measure(payload, 1000, 1000) is None
    container, place = data.draw(st.sampled_from(places))
    container[place] = b"binary"
    assert measure(payload, 1000, 1000) is not None


def test_no_depth_is_too_much_to_measure() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert measure({"deep": deep}, 32, 1000) is not None
    assert measure({"deep": deep}, 200_000, 1000) is None


class Everything(Payload):
    """One field of each kind."""

    some_text = Text(1, 5)
    some_id = Id()
    whole_number = Whole(0, 10)
    flag = Flag()
    choice = Choice("one", "two")
    some_ids = ids(3)


@given(st.text(max_size=8))
def test_text_is_counted_in_code_points_after_cleaning(text: str) -> None:
    cleaned = clean(text)
    if 1 <= len(cleaned) <= 5 and cleaned.strip():
        assert Everything().load({"someText": text}) == {"some_text": cleaned}
    else:
        with pytest.raises(ValidationError) as refused:
            Everything().load({"someText": text})
        assert list(refused.value.normalized_messages()) == ["someText"]


@given(json_values)
def test_a_field_takes_its_own_kind_and_no_other(value: Any) -> None:
    takes = {
        "someText": isinstance(value, str) and 1 <= len(clean(value)) <= 5 and bool(clean(value).strip()),
        "someId": isinstance(value, str) and 0 < len(value) <= 255 and clean(value) == value and "\n" not in value,
        "wholeNumber": type(value) is int and 0 <= value <= 10,
        "flag": type(value) is bool,
        "choice": value in ("one", "two") if isinstance(value, str) else False,
        "someIds": value == [],
    }
    for name, taken in takes.items():
        if value is None:
            assert Everything().load({name: value}) == {}
        elif taken:
            assert len(Everything().load({name: value})) == 1
        elif name != "someIds" or not isinstance(value, list):
            with pytest.raises(ValidationError) as refused:
                Everything().load({name: value})
            assert list(refused.value.normalized_messages()) == [name]


@given(st.dictionaries(st.text(), json_values))
def test_unknown_fields_are_ignored(payload: dict[str, Any]) -> None:
    known = {"someText", "someId", "wholeNumber", "flag", "choice", "someIds"}
    assert Everything().load({name: value for name, value in payload.items() if name not in known}) == {}


@given(st.lists(st.integers() | st.text(max_size=3) | st.none(), max_size=5))
def test_what_is_wrong_within_a_list_is_told_in_text(values: list[Any]) -> None:
    try:
        Everything().load({"someIds": values})
    except ValidationError as error:
        fields = Invalid(fields=error.normalized_messages()).wire()["fields"]
        assert list(fields) == ["someIds"]
        assert fields["someIds"]
        assert all(isinstance(said, str) for said in fields["someIds"])
