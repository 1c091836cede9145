"""Yjs's bytes: good ones pass as pycrdt and Yjs write them, and nothing that is sent instead can hurt a worker."""

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import yjs
from tests.support.hostile_updates import MALFORMED, nested_types, value
from tests.support.process import ROOT
from tests.support.updates import Pad, awareness, text_of

DEPTH = 32
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=50)


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_update_is_refused_without_being_tried(name: str) -> None:
    with pytest.raises(yjs.Malformed):
        yjs.check_update(MALFORMED[name](), DEPTH)


def test_values_may_be_nested_as_deep_as_a_payload() -> None:
    yjs.check_update(value(b"\x75\x01" * DEPTH + b"\x7f"), DEPTH)
    with pytest.raises(yjs.Malformed, match="deeper than 32"):
        yjs.check_update(value(b"\x75\x01" * (DEPTH + 1) + b"\x7f"), DEPTH)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_broken_update_hurts_a_worker(seed: int) -> None:
    tried = subprocess.run(
        [sys.executable, "-m", "tests.handlers.yjs_fuzz", str(seed), "4000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 0, tried.stderr[-2000:]
    assert int(tried.stdout) > 50, "too few pass, so that little is tried"


def test_types_within_types_pass_and_are_not_applied_here() -> None:
    # pycrdt would follow them on the stack when it deletes them, so workers do not apply updates themselves.
    update = nested_types(20_000, deleted=True)
    yjs.check_update(update, DEPTH)
    assert yjs.merged([update, yjs.EMPTY])


@given(TEXTS)
def test_a_text_becomes_an_update_that_means_it(text: str) -> None:
    update = yjs.of_text(text, 7)
    yjs.check_update(update, DEPTH)
    assert text_of(update) == text


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_what_pycrdt_writes_passes_and_is_merged(texts: list[str]) -> None:
    pad = Pad()
    updates = [pad.write(text) for text in texts]
    for update in updates:
        yjs.check_update(update, DEPTH)
    merged = yjs.merged(updates)
    assert text_of(merged) == str(pad)
    behind = Pad(updates[0])
    behind.apply(yjs.missing(merged, behind.doc.get_state()))
    assert str(behind) == str(pad)


def test_the_largest_update_is_checked_within_a_second() -> None:
    update = value(b"\x75" + b"\x80\x80\x20" + b"\x7f" * 524_288)
    began = time.process_time()
    yjs.check_update(update, DEPTH)
    assert time.process_time() - began < 1


def test_awareness_is_read() -> None:
    assert yjs.awareness(awareness(7, {"cursor": {"anchor": 3}}), DEPTH) == [(7, {"cursor": {"anchor": 3}})]
    assert yjs.awareness(awareness(7, None), DEPTH) == [(7, None)]


NO_AWARENESS = {
    "nothing": b"",
    "four thousand million editors": b"\xff\xff\xff\xff\x0f",
    "a list": b"\x01\x07\x00\x02[]",
    "no JSON": b"\x01\x07\x00\x01{",
    "half a surrogate pair": b'\x01\x07\x00\x0e{"a":"\\ud800"}',
    "deeply nested": awareness(7, {"cursor": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}),
    "more behind it": b"\0\0",
}


@pytest.mark.parametrize("name", NO_AWARENESS)
def test_what_is_no_awareness_is_refused(name: str) -> None:
    with pytest.raises(yjs.Malformed):
        yjs.awareness(NO_AWARENESS[name], DEPTH)
