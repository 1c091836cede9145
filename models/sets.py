"""Lists as one parameter, so that a statement is written, compiled and prepared once for any number of values."""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Text, bindparam, tuple_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Texts(FunctionElement[Any]):
    """The texts of a JSON list, as rows."""

    inherit_cache = True


class _Pairs(FunctionElement[Any]):
    """The pairs of texts of a JSON list, as rows of two columns."""

    inherit_cache = True


@compiles(_Texts, "sqlite")
def _texts_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **kw)}))"


@compiles(_Texts, "postgresql")
def _texts_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return f"(SELECT json_array_elements_text(CAST({compiler.process(element.clauses, **kw)} AS json)))"


@compiles(_Pairs, "sqlite")
def _pairs_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    rows = f"json_each({compiler.process(element.clauses, **kw)})"
    return f"(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM {rows})"


@compiles(_Pairs, "postgresql")
def _pairs_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    rows = f"json_array_elements(CAST({compiler.process(element.clauses, **kw)} AS json))"
    return f"(SELECT pair->>0, pair->>1 FROM {rows} AS pair)"


def one_of(column: Any, name: str) -> ColumnElement[bool]:
    """Whether a column's text is in the set that the parameter ``name`` brings, made by ``as_set``."""
    found: ColumnElement[bool] = column.bool_op("IN")(_Texts(bindparam(name, type_=Text)))
    return found


def pair_of(first: Any, second: Any, name: str) -> ColumnElement[bool]:
    """Whether two columns' texts are a pair of the set that the parameter ``name`` brings, made by ``as_set``."""
    found: ColumnElement[bool] = tuple_(first, second).bool_op("IN")(_Pairs(bindparam(name, type_=Text)))
    return found


def as_set(values: Iterable[str | tuple[str, str]]) -> str:
    """The parameter for ``one_of`` or ``pair_of``."""
    return orjson.dumps(list(values)).decode()
