"""A feed gives each event once, in order, whatever order and however often it is brought."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from models.event_log import Event
from server.feed import Feed


def event(seq: int) -> Event:
    """The event of that number."""
    return Event("room:x", seq, "message:created", b"{}")


class Hearer:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def hear(self, event: Event) -> None:
        """Take the next event."""
        self.heard.append(event.seq)

    def hear_signal(self, channel: str, event: str, envelope: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """Take a signal."""


class Scene:
    """A feed with a listener; `held` are the events that stop it until it is resumed."""

    def __init__(self, held: Iterable[int] = ()) -> None:
        self.held = set(held)
        self.holes = 0
        self.holds: list[int] = []
        self.feed = Feed("room:x", self._hole, self._hold)
        self.hearer = Hearer()
        self.feed.add(self.hearer, self.hearer)

    def _hole(self, _feed: Feed) -> None:
        self.holes += 1

    def _hold(self, _feed: Feed, event: Event) -> bool:
        self.holds.append(event.seq)
        return event.seq in self.held

    @property
    def heard(self) -> list[int]:
        """The numbers that were heard, in order."""
        return self.hearer.heard


# Numbers in any order, with repeats; those that are missing among the first `count` are brought by the log.
offers = st.lists(st.integers(1, 12), max_size=40)


@given(offers, st.integers(0, 6))
def test_each_event_is_heard_once_and_in_order(brought: list[int], opened_at: int) -> None:
    scene = Scene()
    scene.feed.open(opened_at)
    there = set(range(1, opened_at + 1))
    for seq in brought:
        scene.feed.offer(event(seq))
        there.add(seq)
        reached = next(number for number in range(opened_at + 1, 14) if number not in there) - 1
        assert scene.heard == list(range(opened_at + 1, reached + 1))
        assert scene.feed.seq == reached


@given(offers)
def test_a_hole_is_told_until_it_is_filled_and_never_without_one(brought: list[int]) -> None:
    scene = Scene()
    scene.feed.open(0)
    there: set[int] = set()
    for seq in brought:
        before = scene.holes
        scene.feed.offer(event(seq))
        is_new = seq not in there
        there.add(seq)
        behind_a_hole = max(there) > scene.feed.seq
        assert scene.holes > before if behind_a_hole and is_new else True
        assert behind_a_hole or scene.holes == before
    for seq in range(1, 13):
        scene.feed.offer(event(seq))
    assert scene.heard == list(range(1, 13))
    before = scene.holes
    scene.feed.offer(event(13))
    assert scene.holes == before


@given(offers, st.integers(0, 12))
def test_what_is_brought_before_the_feed_is_open_is_kept(brought: list[int], opened_at: int) -> None:
    scene = Scene()
    for seq in brought:
        scene.feed.offer(event(seq))
    assert scene.heard == []
    scene.feed.open(opened_at)
    for seq in range(1, 13):
        scene.feed.offer(event(seq))
    assert scene.heard == list(range(opened_at + 1, 13))


RESUME = 0


@given(st.lists(st.integers(RESUME, 12), max_size=60), st.sets(st.integers(1, 12)))
def test_a_feed_stands_still_at_an_event_that_is_held(steps: list[int], held: set[int]) -> None:
    scene = Scene(held)
    scene.feed.open(0)
    for step in steps:
        if step == RESUME:
            scene.feed.resume()
        else:
            scene.feed.offer(event(step))
        assert scene.heard == list(range(1, len(scene.heard) + 1))
        waiting = [seq for seq in scene.holds if seq in held and seq not in scene.heard]
        assert len(waiting) <= 1
    for _ in range(14):
        for seq in range(1, 13):
            scene.feed.offer(event(seq))
        scene.feed.resume()
    assert scene.heard == list(range(1, 13))
    # Access was checked once for each event.
    assert scene.holds == list(range(1, 13))


@given(
    st.lists(st.tuples(st.sampled_from(["offer", "skip", "resume"]), st.integers(1, 12)), max_size=60),
    st.sets(st.integers(1, 12)),
)
def test_what_was_skipped_is_never_heard_afterwards(steps: list[tuple[str, int]], held: set[int]) -> None:
    scene = Scene(held)
    scene.feed.open(0)
    for step, seq in steps:
        if step == "offer":
            scene.feed.offer(event(seq))
        elif step == "skip":
            scene.feed.skip_to(seq)
        else:
            scene.feed.resume()
        assert scene.heard == sorted(set(scene.heard))


def test_a_listener_hears_from_when_it_came_until_it_left() -> None:
    scene, late = Scene(), Hearer()
    scene.feed.open(0)
    scene.feed.offer(event(1))
    scene.feed.add(late, late)
    scene.feed.offer(event(2))
    scene.feed.remove(scene.hearer)
    scene.feed.remove(scene.hearer)
    scene.feed.offer(event(3))
    assert (scene.heard, late.heard) == ([1, 2], [2, 3])


def test_a_repeat_of_what_is_held_leaves_no_hole_behind() -> None:
    scene = Scene(held={1})
    scene.feed.open(0)
    scene.feed.offer(event(1))
    scene.feed.offer(event(1))
    scene.feed.resume()
    scene.feed.offer(event(2))
    assert scene.heard == [1, 2]
    assert scene.holes == 0
