"""JSON as every JavaScript client reads it: orjson, without what would not survive the way."""

import json
import re
from typing import Any

import orjson

#: Largest integer that a JavaScript number holds exactly.
MAX_SAFE_INTEGER = 2**53 - 1
_LONG_NUMBER = re.compile(r"[0-9][0-9]{15}")
_NUL = "\\u0000"


def dumps(value: Any) -> bytes:
    """Encode `value` as compact JSON.

    NaN and infinities become null, as in JavaScript. Falls back to the standard library for what orjson refuses but
    JSON can carry (integers over 64 bits, lone surrogates).

    :raises TypeError: the value has no JSON form.
    :raises ValueError: the value has no JSON form (NaN beside such an integer, a reference to itself).
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def loads(text: str, max_depth: int) -> Any:
    """Decode JSON that a client sent.

    :raises ValueError: not JSON; NaN, infinities and lone surrogates included; an integer that JavaScript cannot
        hold; nested deeper than `max_depth`.

    NUL characters are removed: databases refuse them and no text means them.
    """
    value = orjson.loads(text)
    if text.count("[") + text.count("{") > max_depth:
        _check_depth(value, max_depth)
    if _LONG_NUMBER.search(text) is not None:
        # orjson has turned integers over 64 bits into floats: only the text still tells them from real ones.
        value = json.loads(text, parse_int=_safe_integer)
    return _without_nul(value) if _NUL in text else value


def _check_depth(value: Any, depth: int) -> None:
    if isinstance(value, list | dict):
        if depth == 0:
            raise ValueError("nested too deep")
        for item in value if isinstance(value, list) else value.values():
            _check_depth(item, depth - 1)


def _safe_integer(digits: str) -> int:
    # The length first: converting thousands of digits takes time that the sender does not pay for.
    if len(digits) > 17 or not -MAX_SAFE_INTEGER <= int(digits) <= MAX_SAFE_INTEGER:
        raise ValueError(f"integer {digits[:20]} is beyond 2^53 - 1, which JavaScript cannot hold")
    return int(digits)


def _without_nul(value: Any) -> Any:
    if type(value) is str:
        return value.replace("\0", "")
    if type(value) is list:
        return [_without_nul(item) for item in value]
    if type(value) is dict:
        return {key.replace("\0", ""): _without_nul(item) for key, item in value.items()}
    return value


class StandardJson:
    """`dumps` and `loads` under the standard library's names, for python-socketio's own packets and managers."""

    @staticmethod
    def dumps(value: Any, **_options: Any) -> str:
        """Encode to text; the options of `json.dumps` that python-socketio passes only make it compact."""
        return dumps(value).decode()

    loads = staticmethod(orjson.loads)
