"""Settling: what is to become of a change that was made of a version that is not the newest any more.

Pure functions over the data of a record: ``base`` is what the writer began with, ``remote`` what is stored by now,
``local`` what the writer wants. Each is an object, or None where there is no record. The writer, who comes last, is the
later one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

Data = Mapping[str, Any] | None

_GONE = object()


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be stored (None: nothing), and what of the other side's changes is not part of it.

    ``lost`` has the stored value of each field that was changed and is overwritten; null where it had been removed.
    """

    data: dict[str, Any] | None
    lost: dict[str, Any]


def last_write_wins(base: Data, remote: Data, local: Data) -> Settled:
    """The later write, whole."""
    return _settled(base, remote, local)


def merge(base: Data, remote: Data, local: Data) -> Settled:
    """Field by field: of each the side that changed it, of one that both changed the later.

    A field that is missing was removed. A record that one side deleted is one thing: the later write has it whole.
    """
    if remote is None or local is None:
        return _settled(base, remote, local)
    began = base or {}
    merged = {}
    # In the order of what is stored, with what is new behind it.
    for name in {**remote, **local}:
        wanted = local.get(name, _GONE)
        value = remote.get(name, _GONE) if same(wanted, began.get(name, _GONE)) else wanted
        if value is not _GONE:
            merged[name] = value
    return _settled(base, remote, merged)


STRATEGIES = {"last-write-wins": last_write_wins, "merge": merge}


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same as JSON: neither ``true`` and ``1`` are, nor ``1`` and ``1.0``."""
    if one is _GONE or other is _GONE:
        return one is other
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


def _settled(base: Data, remote: Data, result: Data) -> Settled:
    began, stored, kept = base or {}, remote or {}, result or {}
    lost = {}
    for name in {**began, **stored}:
        value = stored.get(name, _GONE)
        if not same(value, began.get(name, _GONE)) and not same(value, kept.get(name, _GONE)):
            lost[name] = None if value is _GONE else value
    return Settled(None if result is None else dict(result), lost)
