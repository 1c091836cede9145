"""JSON as every JavaScript client reads it: orjson, without what would not survive the way."""

import json
import math
import re
from typing import Any

import orjson

#: Largest integer that a JavaScript number holds exactly.
MAX_SAFE_INTEGER = 2**53 - 1
_LONG_NUMBER = re.compile(r"[0-9][0-9]{15}")
_NUL = "\\u0000"
# A whole pair first, so that its halves are not taken for lone ones; any other escape as it is.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)")
_HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


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

    :raises ValueError: not JSON, NaN and infinities included; nested deeper than `max_depth`.

    What a JavaScript client may say without meaning to is read as it means it: half of a surrogate pair (a text cut in
    the middle of an emoji) becomes U+FFFD, an integer beyond 2^53 - 1 the float that it is in JavaScript. NUL
    characters are removed: databases refuse them and no text means them.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        mended = _ESCAPE.sub(_without_halves, text)
        if mended == text:
            raise
        text = mended
        value = orjson.loads(text)
    if text.count("[") + text.count("{") > max_depth:
        _check_depth(value, max_depth)
    if _LONG_NUMBER.search(text) is not None:
        # orjson has turned integers over 64 bits into floats: only the text still tells them from real ones.
        value = json.loads(text, parse_int=_javascript_number)
    return _without_nul(value) if _NUL in text else value


def _check_depth(value: Any, depth: int) -> None:
    if isinstance(value, list | dict):
        if depth == 0:
            raise ValueError("nested too deep")
        for item in value if isinstance(value, list) else value.values():
            _check_depth(item, depth - 1)


def _javascript_number(digits: str) -> int | float:
    # The length first: converting thousands of digits takes time that the sender does not pay for.
    if len(digits) <= 17 and -MAX_SAFE_INTEGER <= int(digits) <= MAX_SAFE_INTEGER:
        return int(digits)
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"integer {digits[:20]}… is beyond what a number can hold")
    return number


def _without_halves(escape: re.Match[str]) -> str:
    return "\\ufffd" if _HALF.fullmatch(escape[0]) else escape[0]


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
