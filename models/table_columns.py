"""Columns of an application's own table: what PostgreSQL knows of them, and how their values become JSON.

A value that JSON has no word for, or that JavaScript would round, is its text. What a type of the application's own
looks like is PostgreSQL's text as well: a cast to JSON would run a function of the application's with our rights. So
would a function that fits better than PostgreSQL's own, which is why those that take any type are named in full.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# What decides how values look as text: the same for everybody, whatever a session says.
SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",
    "standard_conforming_strings": "on",
}
_SAFE_INTEGER = 2**53 - 1


class Unfit(ValueError):
    """A table that cannot be watched as it is configured: one line that names the cause and the cure."""


@dataclass(frozen=True, slots=True)
class TableConfig:
    """What is to be told of a table: these columns, to everybody or to the ``owner`` (a column) of each row.

    A row is told of in ``row_bytes`` of JSON at most, and ``rows`` of a transaction one by one: of more, whoever hears
    the table is told to reload.
    """

    schema: str
    name: str
    columns: tuple[str, ...]
    owner: str | None
    row_bytes: int
    rows: int

    @property
    def channel(self) -> str:
        """The channel of its changes."""
        return f"table:{self.schema}.{self.name}"

    @property
    def title(self) -> str:
        """Its name as the configuration has it."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table as it is, and the SQL of what is told of a row ``r``: its id, the row as jsonb, whose it is (text)."""

    config: TableConfig
    oid: int
    key: tuple[str, ...]
    id: str
    row: str
    owner: str

    @property
    def sql_name(self) -> str:
        """Its name in SQL."""
        return f"{quoted(self.config.schema)}.{quoted(self.config.name)}"


def quoted(name: str) -> str:
    """An identifier in SQL, whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text in SQL, where ``standard_conforming_strings`` is on."""
    return "'" + value.replace("'", "''") + "'"


_TABLE = text(
    "SELECT c.oid, c.relkind, has_table_privilege(c.oid, 'TRIGGER') AS may_watch, row_security_active(c.oid) AS hidden"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = :schema AND c.relname = :name"
)
_COLUMNS = text(
    "WITH RECURSIVE base AS ("
    "  SELECT attnum, attname, atttypid AS type FROM pg_attribute"
    "  WHERE attrelid = :oid AND attnum > 0 AND NOT attisdropped"
    "  UNION ALL SELECT attnum, attname, typbasetype FROM base JOIN pg_type t ON t.oid = base.type WHERE typtype = 'd'"
    ")"
    " SELECT b.attname AS name, t.typname AS type, t.typtype = 'b' AND n.nspname = 'pg_catalog' AS known,"
    " e.typname AS element, e.typtype = 'b' AND en.nspname = 'pg_catalog' AS element_known,"
    " has_column_privilege(:oid, b.attnum, 'SELECT') AS may_read"
    " FROM base b JOIN pg_type t ON t.oid = b.type JOIN pg_namespace n ON n.oid = t.typnamespace"
    " LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'"
    " LEFT JOIN pg_namespace en ON en.oid = e.typnamespace WHERE t.typtype <> 'd' ORDER BY b.attnum"
)
_KEY = text(
    "SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)"
    " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
    " WHERE i.indrelid = :oid AND i.indisprimary ORDER BY k.place"
)


async def shape_of(conn: AsyncConnection, config: TableConfig) -> TableShape:
    """Look a table up. Raises ``Unfit`` when it is not there, lacks something, or may not be read."""
    title = config.title
    table = (await conn.execute(_TABLE, {"schema": config.schema, "name": config.name})).one_or_none()
    if table is None:
        raise Unfit(f"{title}: there is no such table; give schema and table as PostgreSQL keeps them")
    # asyncpg gives the internal type "char" as bytes.
    kind = table.relkind.decode() if isinstance(table.relkind, bytes) else table.relkind
    if kind not in {"r", "p"}:
        raise Unfit(f"{title} is no table: watch the tables that it is made of")
    columns = {row.name: row for row in await conn.execute(_COLUMNS, {"oid": table.oid})}
    key = tuple((await conn.execute(_KEY, {"oid": table.oid})).scalars())
    role = await conn.scalar(text("SELECT current_user"))
    _require_columns(config, columns, key)
    if not table.may_watch:
        raise Unfit(f"{title}: {role} may not watch it; GRANT TRIGGER, SELECT ON {title} TO {role}")
    unread = next((name for name in (*config.columns, *_owner(config)) if not columns[name].may_read), None)
    if unread is not None:
        raise Unfit(f"{title}.{unread}: {role} may not read it; GRANT SELECT ON {title} TO {role}")
    if table.hidden:
        raise Unfit(f"{title}: row security hides rows from {role}; ALTER ROLE {role} BYPASSRLS, or leave it out")
    return TableShape(
        config,
        table.oid,
        key,
        id=_id([columns[name] for name in key]),
        row=_row([columns[name] for name in config.columns]),
        owner=_as_text(f"r.{quoted(config.owner)}") if config.owner else "''",
    )


def fitted(row: str, config: TableConfig) -> str:
    """What is told of a row (SQL of a jsonb): without its long values if it is too large; null of none."""
    return f"CASE WHEN octet_length({row}::text) > {config.row_bytes} THEN hubbub_short({row}) ELSE {row} END"


def _owner(config: TableConfig) -> tuple[str, ...]:
    return (config.owner,) if config.owner else ()


def _require_columns(config: TableConfig, columns: dict[str, Any], key: Sequence[str]) -> None:
    for name in (*config.columns, *_owner(config)):
        if name not in columns:
            raise Unfit(f"{config.title}: it has no column {name}; it has {', '.join(columns)}")
    if not key:
        raise Unfit(f"{config.title} has no primary key, so nobody could tell its rows apart; give it one")
    hidden = [name for name in key if name not in config.columns]
    if hidden:
        raise Unfit(f"{config.title}: columns must hold the primary key, and {', '.join(hidden)} is missing there")


def _id(key: Sequence[Any]) -> str:
    """The id of a row: its key as text; a key of several columns as the text of a JSON array."""
    if len(key) == 1:
        return _as_text(f"r.{quoted(key[0].name)}")
    return f"pg_catalog.jsonb_build_array({', '.join(_value(column) for column in key)})::text"


def _row(columns: Sequence[Any]) -> str:
    # A function takes 100 arguments at most.
    parts = [columns[start : start + 40] for start in range(0, len(columns), 40)]
    return " || ".join(
        "pg_catalog.jsonb_build_object(" + ", ".join(f"{literal(each.name)}, {_value(each)}" for each in part) + ")"
        for part in parts
    )


def _as_text(value: str) -> str:
    """The text of a value by its type's own output function, never by a cast, which may be the application's."""
    return f"CASE WHEN {value} IS NOT DISTINCT FROM NULL THEN NULL ELSE pg_catalog.format('%s', {value}) END"


def _value(column: Any) -> str:
    value = f"r.{quoted(column.name)}"
    if column.element_known:
        return _list(column.element, value)
    if not column.known or column.element is not None:
        return f"pg_catalog.to_jsonb({_as_text(value)})"
    if column.type == "json":
        return f"hubbub_json({value}::text)"
    if column.type == "jsonb":
        return f"CASE WHEN {_unread(value)} THEN NULL ELSE {value} END"
    unsafe = _UNSAFE.get(column.type)
    return _safe(value, "text", unsafe and unsafe(value))


def _list(element: str, value: str) -> str:
    if element in {"json", "jsonb"}:
        return f"pg_catalog.to_jsonb({value}::text[])"
    unsafe = _UNSAFE.get(element)
    some = unsafe and f"EXISTS (SELECT FROM pg_catalog.unnest({value}) AS e WHERE {unsafe('e')})"
    return _safe(value, "text[]", some)


def _safe(value: str, text_type: str, unsafe: str | None) -> str:
    """A value as jsonb, or as text where a client would not read it as what it is."""
    if unsafe is None:
        return f"pg_catalog.to_jsonb({value})"
    return f"CASE WHEN {unsafe} THEN pg_catalog.to_jsonb({value}::{text_type}) ELSE pg_catalog.to_jsonb({value}) END"


def _unread(value: str) -> str:
    """Whether no client could read a jsonb: nested too deep, or with a number that no double holds."""
    numbers = '$.** ? (@.type() == "number" && (@ > 1.7e308 || @ < -1.7e308))'
    return " OR ".join(
        f"pg_catalog.jsonb_path_exists({value}, 'strict {path}')" for path in ("$.**{32 to last}", numbers)
    )


def _unsafe_integer(value: str) -> str:
    """Whether a JavaScript client would round it."""
    return f"{value} NOT BETWEEN -{_SAFE_INTEGER} AND {_SAFE_INTEGER}"


def _unsafe_numeric(value: str) -> str:
    """The same of a number of any length; those that are none, and those that no double reaches, come first."""
    return (
        f"CASE WHEN {value} = 0::numeric THEN false WHEN abs({value}) NOT BETWEEN 1e-300 AND 1e300 THEN true"
        f" ELSE {value}::float8::numeric <> {value} END"
    )


# By type: whether JavaScript would read a value as another one.
_UNSAFE = {"int8": _unsafe_integer, "numeric": _unsafe_numeric}
