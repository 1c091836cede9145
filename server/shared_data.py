"""Shared data: the collections and watched tables that the TOML file of HUBBUB_COLLECTIONS declares.

    [collections.tasks]
    read = "signed-in"
    write = "signed-in"
    schema = "tasks.schema.json"

    [tables."public.orders"]
    read = "owner"
    owner = "user_id"
    columns = ["id", "status", "user_id"]

Whatever cannot be meant is refused with one line that names the place in the file and the cure.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from handlers.declared import OWNER, POLICIES, RESERVED, STRATEGIES, Collection, SharedData, WatchedTable
from handlers.record_schema import RecordSchema

_COLLECTION = re.compile(r"[A-Za-z0-9_-]{1,64}")
# As PostgreSQL keeps them: 63 bytes at most (its manual, section 4.1.1).
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,62}")


def read(path: Path) -> SharedData:
    """What a file declares. Raises ``ValueError`` that names what is wrong with it."""
    try:
        found = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is no TOML: {error}; correct it") from None
    _known("the file", found, ("collections", "tables"))
    return SharedData(
        {name: _collection(name, said, path.parent) for name, said in _tables("collections", found)},
        {name: _watched(name, said) for name, said in _tables("tables", found)},
    )


def _collection(name: str, said: Any, folder: Path) -> Collection:
    place = f"collections.{name}"
    if not _COLLECTION.fullmatch(name):
        raise ValueError(f'{place}: give a name of 1 to 64 letters, digits, "-" and "_"')
    if name in RESERVED:
        raise ValueError(f"{place}: conflicts of something else are listed under that name; give another one")
    _known(place, said, ("read", "write", "delete", "strategy", "schema"))
    write = _policy(place, "write", said)
    return Collection(
        name,
        read=_policy(place, "read", said),
        write=write,
        delete=_policy(place, "delete", said) if "delete" in said else write,
        strategy=_one_of(f"{place}.strategy", said.get("strategy", STRATEGIES[0]), STRATEGIES),
        schema=_schema(f"{place}.schema", said["schema"], folder) if "schema" in said else None,
    )


def _watched(name: str, said: Any) -> WatchedTable:
    place = f'tables."{name}"'
    schema, dot, table = name.partition(".")
    if not dot or not _IDENTIFIER.fullmatch(schema) or not _IDENTIFIER.fullmatch(table):
        raise ValueError(f'{place}: give a schema and a table with a dot between, such as [tables."public.orders"]')
    _known(place, said, ("read", "owner", "columns"))
    policy = _policy(place, "read", said)
    columns = said.get("columns")
    if not isinstance(columns, list) or not columns:
        raise ValueError(f'{place}.columns: give a list of those that may be seen, such as ["id", "status"]')
    for column in columns:
        _column(f"{place}.columns", column)
    if len(set(columns)) < len(columns):
        raise ValueError(f"{place}.columns: name each column once")
    if policy == OWNER and "owner" not in said:
        raise ValueError(f'{place}.owner: read = "owner" needs it; name the column with the id of a row\'s user')
    owner = _column(f"{place}.owner", said["owner"]) if "owner" in said else None
    # Another policy asks for nobody's id: the key may stay in the file while policies are tried out.
    return WatchedTable(schema, table, policy, tuple(columns), owner if policy == OWNER else None)


def _tables(name: str, found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    section = found.get(name, {})
    if not isinstance(section, Mapping):
        raise ValueError(f"{name}: make it a table, such as [{name}.NAME]")  # noqa: TRY004 - a mistake of the file
    return list(section.items())


def _known(place: str, said: Any, keys: Iterable[str]) -> None:
    if not isinstance(said, Mapping):
        raise ValueError(f"{place}: make it a table, [{place}], with {', '.join(keys)}")  # noqa: TRY004 - a mistake of the file
    for key in said:
        if key not in keys:
            close = get_close_matches(key, keys, n=1)
            raise ValueError(
                f'{place}: there is no key "{key}"; '
                + (f'was "{close[0]}" meant?' if close else f"give some of {', '.join(keys)}")
            )


def _policy(place: str, key: str, said: Mapping[str, Any]) -> str:
    if key not in said:
        raise ValueError(f"{place}.{key} is missing; give one of {', '.join(POLICIES)}")
    return _one_of(f"{place}.{key}", said[key], POLICIES)


def _one_of(place: str, value: Any, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{place}: {_shown(value)} is none of {', '.join(choices)}; give one of them")
    return value


def _column(place: str, value: Any) -> str:
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise ValueError(f"{place}: {_shown(value)} is no name of a column; give it as PostgreSQL keeps it")
    return value


def _schema(place: str, value: Any, folder: Path) -> RecordSchema:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{place}: give the path of a file, relative to this one")
    try:
        return RecordSchema(_text(folder / value))
    except ValueError as error:
        raise ValueError(f"{place} = {_shown(value)}: {error}; correct it") from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror}); give the path of a readable file") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8; save it as UTF-8") from None


def _shown(value: Any) -> str:
    return f'"{value}"'[:100] if isinstance(value, str) else repr(value)[:100]
