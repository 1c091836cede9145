"""Lists as one parameter, so that a statement reads the same, and is prepared once, for any number of values."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import JSON, Select, Text, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection


def values_of(conn: AsyncConnection, values: Sequence[str]) -> Select[Any]:
    """A subquery of text values for ``column.in_(…)``."""
    document = literal(orjson.dumps(list(values)).decode(), Text)
    if conn.dialect.name == "postgresql":
        each = func.json_array_elements_text(cast(document, JSON)).table_valued("value")
    else:
        each = func.json_each(document).table_valued("value")
    return select(each.c.value)


def pairs_of(conn: AsyncConnection, pairs: Sequence[tuple[str, str]]) -> Select[Any]:
    """A subquery of pairs of text for ``tuple_(…).in_(…)``."""
    document = literal(orjson.dumps(pairs).decode(), Text)
    if conn.dialect.name == "postgresql":
        each = func.json_array_elements(cast(document, JSON)).table_valued("value")
        return select(each.c.value.op("->>")(0), each.c.value.op("->>")(1))
    each = func.json_each(document).table_valued("value")
    return select(func.json_extract(each.c.value, "$[0]"), func.json_extract(each.c.value, "$[1]"))
