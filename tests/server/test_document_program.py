"""Folding and rewriting lose nothing: whatever three writers do, whenever their edits come and are folded."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import yjs
from server.document_program import fold, rewrite
from tests.support.updates import Pad, text_of

TEXTS = st.text(st.sampled_from("ab é😀\n"), min_size=1, max_size=8)
PLACES = st.integers(0, 1000)


@dataclass(frozen=True)
class Insert:
    """A writer inserts a text somewhere."""

    writer: int
    place: int
    text: str


@dataclass(frozen=True)
class Erase:
    """A writer deletes some characters."""

    writer: int
    place: int
    length: int


@dataclass(frozen=True)
class Hear:
    """A writer gets all edits so far."""

    writer: int


WRITERS = st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.builds(Insert, WRITERS, PLACES, TEXTS),
        st.builds(Erase, WRITERS, PLACES, st.integers(1, 5)),
        st.builds(Hear, WRITERS),
    ),
    max_size=30,
)


def at(pad: Pad, characters: int) -> int:
    """The place of so many characters as pycrdt counts it: in bytes."""
    return len(str(pad)[:characters].encode())


def carry_out(pads: list[Pad], edits: list[bytes], heard: list[int], step: Any) -> None:
    """Take one step; an edit is put behind the others."""
    pad = pads[step.writer]
    size = len(str(pad))
    if isinstance(step, Hear):
        for edit in edits[heard[step.writer] :]:
            pad.apply(edit)
        heard[step.writer] = len(edits)
    elif isinstance(step, Insert):
        edits.append(pad.write(step.text, at(pad, step.place % (size + 1))))
    elif size:
        first = step.place % size
        start, end = at(pad, first), at(pad, min(size, first + step.length))
        edits.append(pad.erase(start, end - start))


def edits_of(steps: list[Any]) -> tuple[list[Pad], list[bytes], str]:
    """What three writers send, and the text that they have in the end."""
    pads, edits, heard = [Pad() for _ in range(3)], list[bytes](), [0, 0, 0]
    for step in steps:
        carry_out(pads, edits, heard, step)
    for writer in range(3):
        carry_out(pads, edits, heard, Hear(writer))
    (text,) = {str(pad) for pad in pads}
    return pads, edits, text


@settings(deadline=None)
@given(STEPS, st.data())
def test_edits_are_folded_in_any_order_and_any_pieces_without_loss(steps: list[Any], data: st.DataObject) -> None:
    pads, edits, text = edits_of(steps)
    arriving = data.draw(st.permutations(edits))
    state, folded = yjs.EMPTY, b""
    while arriving:
        count = data.draw(st.integers(1, len(arriving)))
        state, folded = fold([state, *arriving[:count]])
        arriving = arriving[count:]
    assert folded.decode() == text
    assert text_of(state) == text
    yjs.check_update(state, 32)
    # Whoever went on from what there was before finds everything in it.
    for pad in pads:
        pad.apply(state)
        assert str(pad) == text


@settings(deadline=None)
@given(STEPS, STEPS, st.text(st.sampled_from("ab é😀\n"), max_size=30))
def test_a_text_sent_whole_keeps_what_others_write_meanwhile(
    before: list[Any], meanwhile: list[Any], wanted: str
) -> None:
    pads, edits, _ = edits_of(before)
    state, _ = fold([yjs.EMPTY, *edits])
    (update,) = rewrite([state, wanted.encode()])
    assert fold([state, update])[1].decode() == wanted
    later, heard = list[bytes](), [0, 0, 0]
    for step in meanwhile:
        carry_out(pads, later, heard, step)
    mine, theirs = fold([state, *later, update]), fold([state, update, *later])
    assert mine[1] == theirs[1]
    inserted = [step.text for step in meanwhile if isinstance(step, Insert)]
    if not any(isinstance(step, Erase) for step in meanwhile):
        assert len(mine[1].decode()) == len(wanted) + sum(map(len, inserted))


@settings(deadline=None)
@given(STEPS)
def test_what_is_deleted_is_not_kept(steps: list[Any]) -> None:
    pads, edits, _ = edits_of(steps)
    secret = pads[0].write("SECRET")
    gone = pads[0].erase(0, 6)
    state, _ = fold([yjs.EMPTY, *edits, secret, gone])
    assert b"SECRET" not in state
