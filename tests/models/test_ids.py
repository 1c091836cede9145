"""Ids: UUIDs of version 7 that sort by their creation, whatever the clock does."""

import threading
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import ids


def test_ids_are_uuids_of_version_7_of_this_moment() -> None:
    before = time.time_ns() // 1_000_000
    parsed = [uuid.UUID(ids.new_id()) for _ in range(100)]
    after = time.time_ns() // 1_000_000
    for each in parsed:
        assert (each.version, each.variant) == (7, uuid.RFC_4122)
        # What is made within a millisecond counts on into the next one at most.
        assert before <= each.int >> 80 <= after + 1


def test_ids_sort_by_their_creation() -> None:
    made = [ids.new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


@given(st.lists(st.integers(min_value=0, max_value=2**41), min_size=2, max_size=50))
def test_ids_sort_even_when_the_clock_jumps(moments: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = iter(moments)
        patch.setattr(ids.time, "time_ns", lambda: next(clock) * 1_000_000)
        patch.setattr(ids, "_last", 0)
        made = [ids.new_id() for _ in moments]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(uuid.UUID(each).version == 7 for each in made)


def test_ids_of_several_threads_differ() -> None:
    made: list[list[str]] = [[] for _ in range(4)]
    threads = [threading.Thread(target=lambda own=own: own.extend(ids.new_id() for _ in range(2000))) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [each for own in made for each in own]
    assert len(set(everything)) == len(everything)
