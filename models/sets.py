"""Lists as one parameter, so that a statement is written, compiled and prepared once for any number of values."""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Boolean, ColumnElement, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Condition(FunctionElement[bool]):
    """A condition; its SQL is an operator's, which SQLite must not be asked to compare with 1."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """Stand in a WHERE as it is."""
        return self


class _OneOf(_Condition):
    """Whether a column's text is in a JSON list: arguments (column, list)."""

    inherit_cache = True


class _PairOf(_Condition):
    """Whether two columns' texts are a pair of a JSON list: arguments (first column, second column, list)."""

    inherit_cache = True


@compiles(_OneOf, "sqlite")
def _one_of_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    column, values = (compiler.process(each, **kw) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"


@compiles(_PairOf, "sqlite")
def _pair_of_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    first, second, pairs = (compiler.process(each, **kw) for each in element.clauses)
    rows = f"SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each({pairs})"
    return f"({first}, {second}) IN ({rows})"


# PostgreSQL's planner takes a function's rows for a hundred, for which it would rather read a whole table of some
# thousand rows; an array it takes for ten, and looks each up in the index.


@compiles(_OneOf, "postgresql")
def _one_of_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    column, values = (compiler.process(each, **kw) for each in element.clauses)
    return f"{column} = ANY(ARRAY(SELECT json_array_elements_text(CAST({values} AS json))))"


@compiles(_PairOf, "postgresql")
def _pair_of_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    first, second, pairs = (compiler.process(each, **kw) for each in element.clauses)
    halves = (f"ARRAY(SELECT pair->>{n} FROM json_array_elements(CAST({pairs} AS json)) AS pair)" for n in (0, 1))
    return f"({first}, {second}) IN (SELECT * FROM unnest({', '.join(halves)}))"


def one_of(column: Any, name: str) -> ColumnElement[bool]:
    """Whether a column's text is in the set that the parameter ``name`` brings, made by ``as_set``."""
    return _OneOf(column, bindparam(name, type_=Text))


def pair_of(first: Any, second: Any, name: str) -> ColumnElement[bool]:
    """Whether two columns' texts are a pair of the set that the parameter ``name`` brings, made by ``as_set``."""
    return _PairOf(first, second, bindparam(name, type_=Text))


def as_set(values: Iterable[str | tuple[str, str]]) -> str:
    """The parameter for ``one_of`` or ``pair_of``."""
    return orjson.dumps(list(values)).decode()
