"""Resume ids: what was encoded is decoded, and everything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import resume

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=80)
positions = st.dictionaries(names, st.integers(0, 2**53 - 1), min_size=1, max_size=30)


@given(positions)
def test_an_id_tells_the_positions_that_it_was_made_of(known: dict[str, int]) -> None:
    assert resume.decode(resume.encode(known), known) == known


@given(st.dictionaries(names, st.integers(0, 1000), min_size=2, max_size=10), st.lists(names, min_size=1, max_size=5))
def test_a_stream_may_come_back_with_other_channels(known: dict[str, int], others: list[str]) -> None:
    kept = {name: seq for name, seq in known.items() if name in others}
    assert resume.decode(resume.encode(known), others) == kept


def test_of_one_channel_it_is_the_events_number() -> None:
    assert resume.encode({"trip:1:comments": 57}) == "57"
    assert resume.decode("57", ["trip:1:comments"]) == {"trip:1:comments": 57}


def test_the_channels_order_does_not_matter() -> None:
    assert resume.encode({"a": 1, "b": 2}) == resume.encode({"b": 2, "a": 1})


def test_as_many_channels_as_one_may_hear_fit_into_a_header() -> None:
    known = {f"app:{number:03}{'x' * 250}": 10**6 + number for number in range(200)}
    assert len(resume.encode(known)) < 4000


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1.5", "1e3", "٣", "m", "m!", "mAAAA", "m" + "_" * 40, "9" * 30, str(2**53)]
)
def test_what_is_none_is_refused(text: str) -> None:
    try:
        found = resume.decode(text, ["a"])
    except ValueError as error:
        assert str(error)
    else:
        # An id of no channels at all: nothing is known of the one asked for.
        assert (text, found) == ("m", {})


@given(st.text(max_size=60))
def test_nothing_breaks_it(text: str) -> None:
    try:
        found = resume.decode(text, ["a", "b"])
    except ValueError:
        return
    assert found.keys() <= {"a", "b"}


def test_a_number_says_nothing_of_several_channels() -> None:
    with pytest.raises(ValueError, match="several"):
        resume.decode("5", ["a", "b"])
