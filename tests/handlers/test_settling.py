"""Settling: what holds of every merge, whatever the two sides did."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.settling import STRATEGIES, last_write_wins, merge, same

values = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.0, 1.0, "", "x", "yz"]), st.just({"a": [1]})
)
records = st.dictionaries(st.sampled_from("abcdef"), values, max_size=6)
maybe = st.none() | records
GONE = object()


def at(data: dict[str, Any] | None, name: str) -> Any:
    """A field's value, or that there is none."""
    return (data or {}).get(name, GONE)


def alike(one: Any, other: Any) -> bool:
    """Whether two values, or that there is none, are the same."""
    if one is GONE or other is GONE:
        return one is other
    return same(one, other)


def changed(base: dict[str, Any] | None, data: dict[str, Any] | None) -> set[str]:
    """The fields that differ."""
    return {name for name in {**(base or {}), **(data or {})} if not alike(at(base, name), at(data, name))}


@given(records, records)
def test_merging_with_oneself_changes_nothing(base: dict[str, Any], data: dict[str, Any]) -> None:
    for settle in STRATEGIES.values():
        settled = settle(base, data, data)
        assert same(settled.data, data)
        assert settled.lost == {}


@given(records, records)
def test_a_side_that_changed_nothing_takes_what_the_other_did(base: dict[str, Any], other: dict[str, Any]) -> None:
    assert same(merge(base, other, base).data, other)
    assert same(merge(base, base, other).data, other)
    assert merge(base, other, base).lost == merge(base, base, other).lost == {}


@given(records, st.data())
def test_changes_of_different_fields_are_both_kept_whoever_came_first(
    base: dict[str, Any], data: st.DataObject
) -> None:
    mine, yours = set("abc"), set("def")
    sides = []
    for own in (mine, yours):
        side = data.draw(records)
        sides.append(
            {name: value for name, value in base.items() if name not in own}
            | {name: value for name, value in side.items() if name in own}
        )
    one, other = merge(base, *sides), merge(base, *reversed(sides))
    assert same(one.data, other.data)
    assert one.lost == other.lost == {}
    assert changed(base, one.data) == changed(base, sides[0]) | changed(base, sides[1])


@given(records, records, records)
def test_nothing_changes_that_both_sides_left_alone(
    base: dict[str, Any], remote: dict[str, Any], local: dict[str, Any]
) -> None:
    merged = merge(base, remote, local).data
    for name in set("abcdef") - changed(base, remote) - changed(base, local):
        assert alike(at(merged, name), at(base, name))


@given(records, records, records)
def test_what_both_changed_differently_goes_to_the_later_and_is_told(
    base: dict[str, Any], remote: dict[str, Any], local: dict[str, Any]
) -> None:
    settled = merge(base, remote, local)
    both = changed(base, remote) & changed(base, local)
    assert settled.lost.keys() == {name for name in both if not alike(at(remote, name), at(local, name))}
    for name, value in settled.lost.items():
        assert same(value, remote.get(name))
        assert alike(at(settled.data, name), at(local, name))


@given(maybe, maybe, maybe, st.sampled_from(sorted(STRATEGIES)))
def test_whatever_the_other_side_wrote_is_kept_or_told(
    base: dict[str, Any] | None, remote: dict[str, Any] | None, local: dict[str, Any] | None, strategy: str
) -> None:
    settled = STRATEGIES[strategy](base, remote, local)
    for name in changed(base, remote):
        assert alike(at(settled.data, name), at(remote, name)) or name in settled.lost
    assert settled.lost.keys() <= changed(base, remote)


@given(maybe, maybe, maybe)
def test_the_last_write_wins_whole(
    base: dict[str, Any] | None, remote: dict[str, Any] | None, local: dict[str, Any] | None
) -> None:
    assert same(last_write_wins(base, remote, local).data, local)


@given(maybe, records)
def test_a_record_that_one_side_deleted_is_one_thing(base: dict[str, Any] | None, data: dict[str, Any]) -> None:
    assert merge(base, data, None).data is None
    assert same(merge(base, None, data).data, data)


@pytest.mark.parametrize(("one", "other"), [(True, 1), (False, 0), (1, 1.0), ("1", 1), (None, False), ({}, [])])
def test_values_that_only_python_takes_for_equal_are_different(one: Any, other: Any) -> None:
    assert not same({"a": one}, {"a": other})
    assert merge({"a": one}, {"a": one}, {"a": other}).data == {"a": other}


def test_the_order_of_an_object_s_fields_means_nothing() -> None:
    assert same({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}})
