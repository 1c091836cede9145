"""The editor's program may die over what people send: nothing else is lost, and it starts again."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from handlers import yjs
from server.document_editor import DocumentEditor, EditorBounds
from tests.support.hostile_updates import CLIENT, nested_types, number
from tests.support.updates import Pad, text_of

MEMORY = 1 << 30


@pytest.fixture
async def editor() -> AsyncIterator[DocumentEditor]:
    """An editor with the bounds that are the default."""
    started = DocumentEditor(EditorBounds(10, MEMORY))
    yield started
    await started.stop()


async def test_updates_come_to_a_state_and_a_text(editor: DocumentEditor) -> None:
    pad = Pad()
    updates = [(n, pad.write(text)) for n, text in enumerate(("one ", "two "), 1)]
    folded = await editor.fold(yjs.EMPTY, updates)
    assert (folded.text, text_of(folded.state), folded.dropped) == (str(pad), str(pad), ())


async def test_an_update_that_kills_the_program_is_left_out_alone(editor: DocumentEditor) -> None:
    pad = Pad()
    first, second = pad.write("one "), pad.write("two ")
    deadly = nested_types(60_000, deleted=True)
    yjs.check_update(deadly, 32)
    folded = await editor.fold(yjs.EMPTY, [(1, first), (2, deadly), (3, second)])
    assert folded.dropped == (2,)
    assert folded.text == text_of(folded.state) == str(pad)
    again = await editor.fold(folded.state, [(4, pad.write("three "))])
    assert again.text == str(pad)


async def test_an_update_that_pycrdt_refuses_to_apply_is_left_out_alone(editor: DocumentEditor) -> None:
    pad = Pad()
    first = pad.write("one ")
    # A text whose parent is a text's letter, which is no place to be.
    client = number(pad.doc.client_id)
    wrong = number(1) + number(1) + CLIENT + number(0) + b"\x04" + number(0) + client + number(0) + b"\x01a" + number(0)
    yjs.check_update(wrong, 32)
    folded = await editor.fold(yjs.EMPTY, [(1, first), (2, wrong), (3, pad.write("two "))])
    assert (folded.text, folded.dropped) == (str(pad), (2,))


def scattered(pad: Pad, length: int) -> bytes:
    """An update that deletes every second letter, which costs the more, the more letters there are."""
    client = number(pad.doc.client_id)
    places = b"".join(number(2 * n + 1) + number(1) for n in range(length // 2))
    return number(0) + number(1) + client + number(length // 2) + places


async def test_an_update_that_takes_too_long_is_left_out_and_nobody_waits_for_it() -> None:
    editor = DocumentEditor(EditorBounds(0.3, MEMORY))
    pad = Pad()
    long, costly = pad.write("a" * 150_000), scattered(pad, 150_000)
    yjs.check_update(costly, 32)
    slow = asyncio.create_task(editor.fold(yjs.EMPTY, [(1, long), (2, costly), (3, pad.write("end"))]))
    quick = 0
    while not slow.done():
        assert (await editor.fold(yjs.EMPTY, [(1, yjs.of_text("quick", 7))])).text == "quick"
        quick += 1
    folded = await slow
    assert (folded.dropped, folded.text) == ((2,), "end" + "a" * 150_000)
    assert quick > 1
    await editor.stop()


async def test_what_takes_long_but_not_too_long_is_done(editor: DocumentEditor) -> None:
    pad = Pad()
    long, costly = pad.write("a" * 60_000), scattered(pad, 60_000)
    folded = await editor.fold(yjs.EMPTY, [(1, long), (2, costly)])
    assert (folded.dropped, folded.text) == ((), "a" * 30_000)


async def test_a_text_becomes_an_update(editor: DocumentEditor) -> None:
    state = yjs.of_text("Hello 😀 world", 7)
    update = await editor.rewrite(state, "Hello brave 😀 world")
    assert text_of(yjs.merged([state, update])) == "Hello brave 😀 world"
    assert len(update) < 40, "only the difference is sent"
