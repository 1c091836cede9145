"""Filters: which records, or rows of a table, somebody wants to hear of (protocol, section 9).

``status=eq.open&priority=gte.3`` is a list of terms that must all hold. What the contract leaves open follows
PostgREST, where its users know filters from: nothing but ``is.null`` holds for null, a missing field is null, and ``*``
in a pattern is another way to write ``%``. A filter is text and no part of an address: nothing in it is percent-decoded
(``like.%ada%`` means what it says), and a value with ``&`` in it stands in double quotes.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import re2

from handlers.errors import Invalid

PATTERN_MAX = 100
# With more of these, one _ among them, a pattern could take a tenth of a second for one large text, not a thousandth.
WILDCARDS_MAX = 10
# How many comparisons a pattern counts, as it takes as long.
_PATTERN_COUNTS = 10
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{0,400})?([eE][+-]?[0-9]{1,4})?\Z")
_IS = {"null": None, "not_null": None, "true": True, "false": False}
# A name or value that needs no quotes to be read again as what it is.
_PLAIN_NAME = re.compile(r'[^".=&]+\Z')
_PLAIN_VALUE = re.compile(r'(?!")[^&]*\Z', re.DOTALL)
_PLAIN_ITEM = re.compile(r'[^"&,()]+\Z')

Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison: the field's ``path``, and what must hold for the value there."""

    path: tuple[str, ...]
    text: str
    test: Test = field(compare=False, repr=False)

    def holds(self, data: Any) -> bool:
        """Whether it holds for a record's data; where the path leads nowhere there is null."""
        for name in self.path:
            data = data.get(name) if isinstance(data, Mapping) else None
        return self.test(data)


@dataclass(frozen=True, slots=True)
class Filter:
    """Terms that must all hold. Filters that mean the same by the same terms are equal: they have one ``text``."""

    text: str
    terms: tuple[Term, ...] = field(compare=False, repr=False)

    def matches(self, data: Any) -> bool:
        """Whether a record's ``data``, or a row, is wanted. Never raises."""
        return all(term.holds(data) for term in self.terms)

    @property
    def names(self) -> set[str]:
        """The outermost fields that it looks at: of a table, the columns."""
        return {term.path[0] for term in self.terms}


def parse(text: str, *, terms: float = math.inf, length: float = math.inf) -> Filter:
    """Read a filter.

    Args:
        text: as the client sent it.
        terms: how many comparisons it may hold; each value of ``in`` is one, each pattern ten.
        length: of how many characters it may be.

    Raises ``Invalid`` with ``fields.filter`` that says where it is wrong.
    """
    if len(text) > length:
        raise _wrong(f"Must be at most {length} characters long (HUBBUB_FILTER_LENGTH).")
    reader = _Reader(text)
    found = [reader.term()]
    while reader.take("&"):
        found.append(reader.term())
    if sum(count for _, count in found) > terms:
        raise _wrong(f"Must hold {terms} comparisons at most (HUBBUB_FILTER_TERMS).")
    unique = {term.text: term for term, _ in found}
    ordered = tuple(unique[each] for each in sorted(unique))
    return Filter("&".join(term.text for term in ordered), ordered)


def _wrong(message: str) -> Invalid:
    return Invalid("The filter cannot be read.", {"filter": [message]})


class _Reader:
    """Reads a text from its beginning to its end, never twice."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def take(self, mark: str) -> bool:
        """Whether the mark stands here; it is read then."""
        if self._text.startswith(mark, self._at):
            self._at += len(mark)
            return True
        return False

    def term(self) -> tuple[Term, int]:
        """``field=op.value``, and how many comparisons that is."""
        path = self._path()
        op = self._until(".&")
        make = _OPERATORS.get(op)
        if make is None:
            raise _wrong(f"{_shown(op)} is no operator: give one of {', '.join(_OPERATORS)}, as in status=eq.open.")
        if not self.take("."):
            raise _wrong(f"{op} needs a value behind a dot, as in status=eq.open.")
        values = self._list() if op == "in" else [self._value()]
        said, test = make(values)
        count = _PATTERN_COUNTS if op in {"like", "ilike"} else max(1, len(values))
        return Term(path, ".".join(map(_quoted_name, path)) + "=" + said, test), count

    def _path(self) -> tuple[str, ...]:
        start, names = self._at, []
        while True:
            name = self._quoted() if self._here() == '"' else self._until('".=&')
            if not name:
                raise _wrong(f"A field's name is missing at character {start + 1}: write status=eq.open.")
            names.append(name)
            if self.take("="):
                return tuple(names)
            if not self.take("."):
                rest = _shown(self._text[start : start + 60])
                raise _wrong(f'{rest} is no comparison: write field=op.value, and a value that holds & in "quotes".')

    def _value(self) -> str:
        if self._here() != '"':
            return self._until("&")
        value = self._quoted()
        if self._here() not in {"", "&"}:
            raise _wrong(f"Something follows the closing quote of {_shown(value)}.")
        return value

    def _list(self) -> list[str]:
        if not self.take("("):
            raise _wrong("in takes a list in brackets, as in tag=in.(a,b).")
        values: list[str] = []
        while values or not self.take(")"):
            values.append(self._quoted() if self._here() == '"' else self._until(',()"&'))
            if self.take(")"):
                break
            if not self.take(","):
                raise _wrong('A list is not closed: write tag=in.(a,b), and values that hold , ( ) & or " in "quotes".')
        if self._here() not in {"", "&"}:
            raise _wrong("Something follows the closing bracket of a list.")
        return values

    def _quoted(self) -> str:
        self._at += 1
        parts: list[str] = []
        while True:
            parts.append(self._until('"\\'))
            mark = self._here()
            self._at += 1
            if mark == '"':
                return "".join(parts)
            parts.append(self._here())
            if not parts[-1]:
                raise _wrong("A quote is not closed.")
            self._at += 1

    def _here(self) -> str:
        return self._text[self._at : self._at + 1]

    def _until(self, marks: str) -> str:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in marks:
            self._at += 1
        return self._text[start : self._at]


def _shown(text: str) -> str:
    return f'"{text[:60]}"'


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _quoted_name(name: str) -> str:
    return name if _PLAIN_NAME.match(name) else _quoted(name)


def _said(op: str, value: str) -> str:
    return f"{op}.{value if _PLAIN_VALUE.match(value) else _quoted(value)}"


def _number(text: str) -> int | float | None:
    if not _NUMBER.match(text):
        return None
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


def _comparable(value: Any, number: int | float | None, text: str) -> tuple[Any, Any] | None:
    """A record's value and the one that it is compared with, as what the record's is; None when it is none of both."""
    if isinstance(value, str):
        return value, text
    if isinstance(value, bool):
        return (value, text == "true") if text in {"true", "false"} else None
    if isinstance(value, (int, float)) and number is not None:
        return value, number
    return None


def _comparison(op: str, holds: Callable[[Any, Any], bool]) -> Callable[[list[str]], tuple[str, Test]]:
    def make(values: list[str]) -> tuple[str, Test]:
        (text,) = values
        number = _number(text)

        def test(value: Any) -> bool:
            pair = _comparable(value, number, text)
            return pair is not None and holds(*pair)

        return _said(op, text), test

    return make


def _in(values: list[str]) -> tuple[str, Test]:
    unique = sorted(set(values))
    if len(unique) == 1:
        return _OPERATORS["eq"](unique)
    texts = frozenset(unique)
    numbers = frozenset(number for each in unique if (number := _number(each)) is not None)

    def test(value: Any) -> bool:
        if isinstance(value, str):
            return value in texts
        if isinstance(value, bool):
            return ("true" if value else "false") in texts
        return isinstance(value, (int, float)) and value in numbers

    return "in.(" + ",".join(each if _PLAIN_ITEM.match(each) else _quoted(each) for each in unique) + ")", test


def _is(values: list[str]) -> tuple[str, Test]:
    word = values[0].lower()
    if word not in _IS:
        raise _wrong(f"is takes one of {', '.join(_IS)}, as in due=is.null.")
    meant = _IS[word]
    if meant is not None:
        return f"is.{word}", lambda value: value is meant
    return f"is.{word}", lambda value: (value is None) == (word == "null")


def _tokens(pattern: str) -> Iterator[tuple[str, bool]]:
    """A pattern's characters, and whether each is a wildcard: ``%`` (or ``*``) is anything, ``_`` one character."""
    escaped = False
    for each in pattern:
        if not escaped and each == "\\":
            escaped = True
            continue
        wild = not escaped and each in "%*_"
        yield ("%" if wild and each == "*" else each), wild
        escaped = False
    if escaped:
        raise _wrong("A pattern ends with the backslash that should escape something.")


def _matcher(tokens: list[tuple[str, bool]]) -> Callable[[str], bool]:
    """Whether a text is of the pattern, in a time that grows with the text and never with a power of it."""
    if ("_", True) in tokens:
        # RE2 would look at each of many wildcards again at each character.
        if sum(wild for _, wild in tokens) > WILDCARDS_MAX:
            raise _wrong(f"A pattern with _ in it holds {WILDCARDS_MAX} wildcards at most.")
        options = re2.Options()
        options.log_errors = False
        options.dot_nl = True
        parts = (re2.escape(each) if not wild else "." if each == "_" else ".*" for each, wild in tokens)
        expression = re2.compile("".join(parts), options)
        return lambda text: expression.fullmatch(text) is not None
    pieces = [""]
    for each, wild in tokens:
        if wild:
            pieces.append("")
        else:
            pieces[-1] += each
    return lambda text: _has_pieces(text, pieces)


def _has_pieces(text: str, pieces: list[str]) -> bool:
    """Whether a text begins with the first piece, ends with the last, and has the others between, in their order."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, *between, last = pieces
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in between:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _like(op: str) -> Callable[[list[str]], tuple[str, Test]]:
    folds = op == "ilike"

    def make(values: list[str]) -> tuple[str, Test]:
        (text,) = values
        if len(text) > PATTERN_MAX:
            raise _wrong(f"A pattern is at most {PATTERN_MAX} characters long.")
        matches = _matcher(list(_tokens(text.lower() if folds else text)))
        return _said(op, text), lambda value: isinstance(value, str) and matches(value.lower() if folds else value)

    return make


_OPERATORS: dict[str, Callable[[list[str]], tuple[str, Test]]] = {
    "eq": _comparison("eq", lambda value, wanted: value == wanted),
    "neq": _comparison("neq", lambda value, wanted: value != wanted),
    "lt": _comparison("lt", lambda value, wanted: value < wanted),
    "lte": _comparison("lte", lambda value, wanted: value <= wanted),
    "gt": _comparison("gt", lambda value, wanted: value > wanted),
    "gte": _comparison("gte", lambda value, wanted: value >= wanted),
    "in": _in,
    "like": _like("like"),
    "ilike": _like("ilike"),
    "is": _is,
}
