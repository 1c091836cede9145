"""What a push carries: no more than every push service takes, so that it is shortened rather than lost."""

from typing import Any

import orjson

# Push services take 4,096 bytes (RFC 8030, section 7.2), of which encryption takes 103 (RFC 8291, section 4).
PLAINTEXT_BYTES = 3993


def fitted(payload: dict[str, Any], size: int = PLAINTEXT_BYTES) -> bytes:
    """The payload as JSON of ``size`` bytes at most: without its data, with a shorter message, without its link, and
    with a shorter title, as far as is necessary and in this order.
    """
    encoded = orjson.dumps(payload)
    for shorten in (_without_data, _shorter_message, _without_link, _shorter_title):
        if len(encoded) <= size:
            break
        payload = shorten(payload, size)
        encoded = orjson.dumps(payload)
    return encoded


def _without_data(payload: dict[str, Any], _: int) -> dict[str, Any]:
    return payload | {"data": {}}


def _without_link(payload: dict[str, Any], _: int) -> dict[str, Any]:
    return payload | {"link": None}


def _shorter_message(payload: dict[str, Any], size: int) -> dict[str, Any]:
    return _cut(payload, "message", size)


def _shorter_title(payload: dict[str, Any], size: int) -> dict[str, Any]:
    return _cut(payload, "title", size)


def _cut(payload: dict[str, Any], name: str, size: int) -> dict[str, Any]:
    """As much of a text as there is room for; one ellipsis, if there is none at all."""
    text = payload[name]
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if len(orjson.dumps(payload | {name: f"{text[:middle]}…"})) <= size:
            fits = middle
        else:
            too_long = middle
    return payload | {name: f"{text[:fits].rstrip()}…"}
