"""The program that applies documents' updates, apart from the workers.

It is run by itself, with standard input and output as a pipe, because what people send is applied here: pycrdt follows
what is nested on the stack, and there is more of that than can be told beforehand (types within types, made by many
updates). A program that dies over a document takes nothing along.

A request is a line of JSON, ``[operation, sizes of the parts]``, and the parts' bytes behind it; so is an answer,
``[null or what was wrong, sizes]``.
"""

import json
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from typing import BinaryIO

from diff_match_patch import diff_match_patch
from pycrdt import Doc, Text, get_update, merge_updates

TEXT_NAME = "content"
# A comparison that takes longer is made coarser.
_DIFF_SECONDS = 0.5


def fold(parts: Sequence[bytes]) -> list[bytes]:
    """Of a state and updates: the state that they come to, without what was deleted, and its text."""
    merged = merge_updates(*parts)
    doc, text = _opened(merged)
    # What waits for an update that has not come yet stands in no document: it is kept beside it.
    rest = get_update(merged, doc.get_state())
    return [merge_updates(doc.get_update(), rest), str(text).encode()]


def rewrite(parts: Sequence[bytes]) -> list[bytes]:
    """Of a state and a text: the update by which the document's text becomes that one, where they differ."""
    state, wanted = parts
    doc, text = _opened(state)
    before = doc.get_state()
    differ = diff_match_patch()
    differ.Diff_Timeout = _DIFF_SECONDS
    at = 0
    changes = differ.diff_main(str(text), wanted.decode())
    differ.diff_cleanupSemantic(changes)
    with doc.transaction():
        for kind, piece in changes:
            # pycrdt counts a text in bytes of UTF-8.
            length = len(piece.encode())
            if kind == differ.DIFF_DELETE:
                del text[at : at + length]
            else:
                if kind == differ.DIFF_INSERT:
                    text.insert(at, piece)
                at += length
    return [doc.get_update(before)]


def ready(parts: Sequence[bytes]) -> list[bytes]:
    """Say that the program runs."""
    return list(parts)


def _opened(state: bytes) -> tuple[Doc, Text]:
    doc: Doc = Doc()
    text = doc.get(TEXT_NAME, type=Text)
    doc.apply_update(state)
    return doc, text


OPERATIONS: dict[str, Callable[[Sequence[bytes]], list[bytes]]] = {"fold": fold, "rewrite": rewrite, "ready": ready}


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while line := requests.readline():
        operation, sizes = json.loads(line)
        parts = [requests.read(size) for size in sizes]
        wrong, found = None, []
        try:
            found = OPERATIONS[operation](parts)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # A panic of pycrdt's is a BaseException.
            wrong = f"{type(error).__name__}: {error}"[:500]
        answers.write(json.dumps([wrong, [len(part) for part in found]]).encode() + b"\n")
        for part in found:
            answers.write(part)
        answers.flush()
        if wrong is not None:
            # What a panic leaves behind is anybody's guess.
            return


def main() -> None:
    """Serve within the memory that the first argument allows, in bytes."""
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # It ends with its input: a service manager that stops everybody must not look like a document that kills.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
