"""Fields: what the reference says of a field is what the field takes, at its bounds and beside them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from marshmallow import ValidationError, fields

from handlers import REGISTRY
from handlers.payload import Any_, Bytes, File
from server.reference.fields import of_payload

TEXTS = (
    *("", " ", "\t\n", "a", "a b", "a\tb", "a\nb", "a\u0007b", "é", "🎉", "👩‍👩‍👧", "ada", "7", "true", "null"),
    *("order:paid", "order:", ":paid", "order:paid:twice", "or der:paid", "7:paid", f"{'o' * 50}:paid"),
    *(f"{'o' * 51}:paid", "https://a.example/1", "HTTP://a", "http:///a", "/1", "//a.example", "/\\a", "javascript:1"),
    *("https://a.example/a b", "status=eq.open"),
)
THINGS: tuple[Any, ...] = ({}, {"url": "/1"}, {"url": "/1", "alt": "A"}, {"url": "1"}, {"url": 1}, {"url": None})
ITEMS: tuple[Any, ...] = ({"channel": "app:1", "event": "a:b"}, {"channel": "app:1"}, {"channel": "", "event": "a:b"})
MUTATIONS: tuple[Any, ...] = ({"mutationId": "m"}, {"mutationId": ""}, {"mutationId": None}, {"mutationId": "a" * 65})
VALUES: tuple[Any, ...] = (*TEXTS, 0, 1, -1, 7, 1.5, True, False, *THINGS, [], ["a"], ["a", 1], [[]], [None])


def candidates(shape: dict[str, Any]) -> Iterator[Any]:
    """Values for a field, among them those at the bounds that its shape names and beside them."""
    yield from VALUES
    yield from shape.get("enum", ())
    for bound in ("minLength", "maxLength"):
        if bound in shape:
            yield from ("a" * length for length in range(max(0, shape[bound] - 1), shape[bound] + 2))
    for bound in ("minimum", "maximum"):
        if bound in shape:
            yield from range(shape[bound] - 1, shape[bound] + 2)
    if "items" in shape:
        known = (*shape["items"].get("enum", ()), *TEXTS, *THINGS, *ITEMS, *MUTATIONS, 1)
        taken = next(each for each in known if fits(shape["items"], each))
        for count in {0, 1, shape.get("minItems", 0), shape.get("maxItems", 0), shape.get("maxItems", 0) + 1}:
            yield [taken] * count
        yield from ([each] for each in (*candidates(shape["items"]), *ITEMS, *MUTATIONS) if each is not None)


def fits(shape: dict[str, Any], value: Any) -> bool:
    """Whether the reference lets this value pass."""
    return Draft202012Validator(in_python(shape)).is_valid(value)


def in_python(shape: Any) -> Any:
    """A shape with its patterns in Python's dialect, in which ECMAScript's `$` is written otherwise."""
    if isinstance(shape, list):
        return [in_python(each) for each in shape]
    if not isinstance(shape, dict):
        return shape
    told = {name: in_python(value) for name, value in shape.items()}
    return told | ({"pattern": re.sub(r"\$\Z", r"\\Z", told["pattern"])} if "pattern" in told else {})


def is_taken(field: fields.Field[Any], value: Any) -> bool:
    """Whether the field takes this value."""
    try:
        field.deserialize(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("action", REGISTRY)
def test_the_reference_lets_pass_what_a_payload_takes(action: str) -> None:
    payload = REGISTRY[action].schema
    described = of_payload(payload)
    required = {field.data_key for field in payload.fields.values() if field.required}
    assert set(described.get("required", ())) == required
    for field in payload.fields.values():
        assert field.data_key is not None
        shape = described["properties"][field.data_key]
        if isinstance(field, Any_):
            assert shape == {}
            continue
        # Bytes and files are of none of JSON's types.
        assert "type" in shape or isinstance(field, (Bytes, File)), (
            f"server/reference/fields.py tells nothing of {type(field).__name__} ({field.data_key})"
        )
        for value in candidates(shape):
            taken = is_taken(field, value)
            assert fits(shape, value) == taken, f"{field.data_key} {'takes' if taken else 'refuses'} {value!r:.100}"
