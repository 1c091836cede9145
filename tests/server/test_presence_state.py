"""What a person's connections say together."""

from dataclasses import replace
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from server.presence_state import State, together

MOMENTS = st.sampled_from([f"2026-11-21T00:00:0{second}.000Z" for second in range(5)])
PAGES = st.sampled_from([None, "/a", "/b"])
STATES = st.builds(
    State,
    status=st.sampled_from(["online", "away"]),
    page=PAGES,
    activity=PAGES,
    at=MOMENTS,
    said=st.one_of(st.just(""), MOMENTS),
    call=st.booleans(),
)


@given(STATES)
def test_what_is_written_down_is_read_again(state: State) -> None:
    assert State.decode(state.encode()) == state


@given(st.lists(STATES, min_size=1, max_size=4))
def test_the_most_active_connection_that_spoke_last_is_shown(states: list[State]) -> None:
    shown = together(states)
    assert shown.status == ("online" if any(each.status == "online" for each in states) else "away")
    equals = [each for each in states if each.status == shown.status]
    newest = max(each.said for each in equals)
    assert any(each.shown == shown.shown and each.said == newest for each in equals)
    assert shown.at == max(each.at for each in states)


@given(st.lists(STATES, min_size=1, max_size=3, unique_by=lambda state: (state.said, state.at)))
def test_the_order_of_connections_means_nothing(states: list[State]) -> None:
    assert len({together(each).shown for each in permutations(states)}) == 1


@given(STATES)
def test_a_page_that_is_loaded_again_takes_nothing_away(state: State) -> None:
    said = replace(state, said=state.said or "2026-11-21T00:00:00.000Z", status="online")
    assert together([said, State.fresh()]).shown == said.shown


def test_an_update_changes_what_it_names() -> None:
    state = State.fresh().told("away", {"page": "/a", "activity": "reading"})
    assert state.shown == ("away", "/a", "reading")
    assert state.told("online", {"page": None}).shown == ("online", None, "reading")
    assert state.told(None, {}).shown == state.shown
