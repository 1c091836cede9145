"""Yjs's bytes: what may pass for an update, for a state vector and for what editors say of their users.

The formats are lib0's encoding and version 1 of the updates (yjs, INTERNALS.md and src/utils/UpdateDecoder.js) and
y-protocols' awareness. They are walked here before pycrdt sees them: its decoder follows nested values on the stack, so
that a deep enough one ends the process, and it makes room for as many things as are announced.
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pycrdt

from handlers.payload import clean_all, measure

EMPTY = b"\0\0"
"""An update without anything in it."""
TEXT_NAME = "content"

# Numbers that JavaScript holds exactly; clocks are 32 bits wide in Yjs's port to Rust.
_CLIENT_MAX = 2**53 - 1
_CLOCK_MAX = 2**32 - 1
_INFO_ORIGIN, _INFO_RIGHT, _INFO_KEY, _CONTENT = 0x80, 0x40, 0x20, 0x1F
_GC, _SKIP = 0, 10
# Types: array, map, text, XML element, fragment, hook and text; an element and a hook have a name.
_NAMED_TYPES, _TYPES = {3, 5}, 6
_FIXED = {127: 0, 126: 0, 124: 4, 123: 8, 122: 8, 121: 0, 120: 0}


class Malformed(ValueError):
    """These bytes are not what they are taken for; the message says where."""


class _Reader:
    """Reads lib0's encoding, never beyond the end. What raises is ``Malformed``."""

    __slots__ = ("at", "data", "size")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.at = 0

    def number(self, maximum: int = _CLOCK_MAX) -> int:
        data, at = self.data, self.at
        value = shift = 0
        while True:
            if at >= self.size or shift > 56:
                raise Malformed(f"a number at byte {self.at} does not end")
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        if value > maximum:
            raise Malformed(f"the number at byte {self.at} is too large")
        self.at = at
        return value

    def count(self, least: int = 1) -> int:
        """How many things follow, of ``least`` bytes each at least."""
        found = self.number()
        if found * least > self.size - self.at:
            raise Malformed(f"{found} things announced at byte {self.at} are not there")
        return found

    def byte(self) -> int:
        self.skip(1)
        return self.data[self.at - 1]

    def skip(self, count: int) -> None:
        if count > self.size - self.at:
            raise Malformed(f"ends within what begins at byte {self.at}")
        self.at += count

    def bytes(self) -> bytes:
        length = self.number()
        start = self.at
        self.skip(length)
        return self.data[start : self.at]

    def text(self) -> str:
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise Malformed(f"the text before byte {self.at} is no UTF-8") from None

    def end(self) -> None:
        if self.at != self.size:
            raise Malformed(f"goes on behind its end, at byte {self.at}")


def check_update(update: bytes, depth: int) -> None:
    """Raise ``Malformed`` unless the bytes are an update whose values are nested ``depth`` deep at most."""
    reader = _Reader(update)
    for _ in range(reader.count(3)):
        structs = reader.count(2)
        reader.number(_CLIENT_MAX)
        clock = reader.number()
        for _ in range(structs):
            clock += _struct(reader, depth)
            if clock > _CLOCK_MAX:
                raise Malformed("counts beyond 32 bits")
    for _ in range(reader.count(2)):
        reader.number(_CLIENT_MAX)
        for _ in range(reader.count(2)):
            if reader.number() + reader.number() > _CLOCK_MAX:
                raise Malformed("counts beyond 32 bits")
    reader.end()
    _tried(pycrdt.get_state, update)


def check_state_vector(vector: bytes) -> None:
    """Raise ``Malformed`` unless the bytes are a state vector."""
    reader = _Reader(vector)
    for _ in range(reader.count(2)):
        reader.number(_CLIENT_MAX)
        reader.number()
    reader.end()


def merged(updates: Sequence[bytes]) -> bytes:
    """One update that says what several say. They were checked."""
    return updates[0] if len(updates) == 1 else _tried(pycrdt.merge_updates, *updates)


def missing(update: bytes, vector: bytes | None) -> bytes:
    """What of an update is new to who has a state vector (None: has nothing). Both were checked."""
    return update if vector is None else _tried(pycrdt.get_update, update, vector)


def state_vector(update: bytes) -> bytes:
    """How far an update reaches. It was checked."""
    return _tried(pycrdt.get_state, update)


def of_text(text: str, client: int) -> bytes:
    """An update by which a new document's text becomes this."""
    if not text:
        return EMPTY
    name, data = TEXT_NAME.encode(), text.encode()
    # One client, one struct from clock 0 on: a text (4) whose parent is the root of that name; nothing is deleted.
    parts = (_encoded(1), _encoded(1), _encoded(client), _encoded(0), b"\x04", _encoded(1), _encoded(len(name)), name)
    return b"".join((*parts, _encoded(len(data)), data, _encoded(0)))


def awareness(update: bytes, depth: int) -> list[tuple[int, Any]]:
    """What editors say of their users: (client, state) of each, the state None for who has gone.

    Raises ``Malformed``, also for states that are nested deeper than ``depth``.
    """
    reader = _Reader(update)
    found = []
    for _ in range(reader.count(3)):
        client = reader.number(_CLIENT_MAX)
        reader.number()
        try:
            state = orjson.loads(reader.text() or "null")
        except orjson.JSONDecodeError:
            raise Malformed(f"the state before byte {reader.at} is no JSON") from None
        if state is not None and not isinstance(state, dict):
            raise Malformed(f"the state before byte {reader.at} is no object")
        if state is not None and measure(state, depth, len(update)) is not None:
            raise Malformed(f"the state before byte {reader.at} is nested deeper than {depth} levels")
        found.append((client, clean_all(state)))
    reader.end()
    return found


def _struct(reader: _Reader, depth: int) -> int:
    """Walk over one struct; how many clocks it takes."""
    info = reader.byte()
    kind = info & _CONTENT
    if kind in (_GC, _SKIP):
        return reader.number()
    if info & _INFO_ORIGIN:
        _id(reader)
    if info & _INFO_RIGHT:
        _id(reader)
    if not info & (_INFO_ORIGIN | _INFO_RIGHT):
        if reader.number() == 1:
            reader.text()
        else:
            _id(reader)
        if info & _INFO_KEY:
            reader.text()
    if kind == 4:
        # Clocks count as JavaScript counts a text's length.
        return len(reader.text().encode("utf-16-le")) // 2
    return _content(reader, kind, depth)


def _content(reader: _Reader, kind: int, depth: int) -> int:
    """Walk over what a struct holds; how many clocks it takes."""
    if kind == 1:
        return reader.number()
    if kind in _LISTS:
        length = reader.count()
        for _ in range(length):
            _LISTS[kind](reader, depth)
        return length
    if kind not in _SINGLE:
        raise Malformed(f"content of the unknown kind {kind} before byte {reader.at}")
    _SINGLE[kind](reader, depth)
    return 1


def _type(reader: _Reader, _: int) -> None:
    name = reader.number()
    if name > _TYPES:
        raise Malformed(f"a type of the unknown kind {name} before byte {reader.at}")
    if name in _NAMED_TYPES:
        reader.text()


def _format(reader: _Reader, _: int) -> None:
    reader.text()
    reader.text()


def _document(reader: _Reader, depth: int) -> None:
    reader.text()
    _any(reader, depth)


def _id(reader: _Reader) -> None:
    reader.number(_CLIENT_MAX)
    reader.number()


def _any(reader: _Reader, depth: int) -> None:
    """Walk over a value as ``encoding.writeAny`` of lib0 writes it, without recursion."""
    # For each list or object that is open: how many values are to come, and whether each has a key.
    open_ones: list[list[Any]] = [[1, False]]
    while open_ones:
        left = open_ones[-1]
        if not left[0]:
            open_ones.pop()
            continue
        left[0] -= 1
        if left[1]:
            reader.text()
        kind = reader.byte()
        if kind in _FIXED:
            reader.skip(_FIXED[kind])
        elif kind == 125:
            _signed(reader)
        elif kind in (119, 116):
            reader.text() if kind == 119 else reader.bytes()
        elif kind in (118, 117):
            if len(open_ones) > depth:
                raise Malformed(f"is nested deeper than {depth} levels")
            open_ones.append([reader.count(2 if kind == 118 else 1), kind == 118])
        else:
            raise Malformed(f"a value of the unknown kind {kind} before byte {reader.at}")


# What structs hold, by kind: JSON texts and values in lists; bytes, JSON, a format, a type and a document by itself.
_LISTS: dict[int, Callable[[_Reader, int], Any]] = {2: lambda reader, _: reader.text(), 8: _any}
_SINGLE: dict[int, Callable[[_Reader, int], Any]] = {
    3: lambda reader, _: reader.bytes(),
    5: lambda reader, _: reader.text(),
    6: _format,
    7: _type,
    9: _document,
}


def _signed(reader: _Reader) -> None:
    for _ in range(10):
        if reader.byte() < 0x80:
            return
    raise Malformed(f"a number before byte {reader.at} does not end")


def _encoded(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _tried(operation: Any, *arguments: Any) -> bytes:
    try:
        found: bytes = operation(*arguments)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # A panic of pycrdt's is a BaseException, so that "except Exception" lets it end the worker.
        raise Malformed(f"Yjs cannot read it: {error}") from None
    return found
