"""Schemas of records: JSON Schema (draft 4 to 2020-12), applied in a time that a record's size bounds.

Patterns are matched by an engine of linear time, which knows neither look-around nor back-references; references go to
the schema itself, never to a file or an address.
"""

from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
import orjson

ERRORS_TOLD = 20
MESSAGE_CHARACTERS = 200
# Stands in messages for what the client sent, which may be long.
_MASK = "This value"


@dataclass(frozen=True, slots=True)
class RecordSchema:
    """A JSON Schema, given as JSON text. Raises ``ValueError`` that says what is wrong with it."""

    text: str
    _validator: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            schema = orjson.loads(self.text)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"it is no JSON: {error}") from None
        try:
            validator = jsonschema_rs.validator_for(
                schema,
                mask=_MASK,
                validate_formats=True,
                offline=True,
                pattern_options=jsonschema_rs.RegexOptions(),
            )
        except ValueError as error:
            raise ValueError(f"it is no JSON Schema: {_in_one_line(error)}") from None
        object.__setattr__(self, "_validator", validator)

    def __reduce__(self) -> Any:
        """Workers are given the text, and compile it themselves."""
        return type(self), (self.text,)

    def objections(self, data: Any) -> dict[str, list[str]]:
        """What is wrong with a record's data, by the place in it: ``{"data.tags.0": [messages]}``; the first 20."""
        if self._validator.is_valid(data):
            return {}
        found: dict[str, list[str]] = {}
        for told, error in enumerate(self._validator.iter_errors(data)):
            if told == ERRORS_TOLD:
                break
            place = ".".join(("data", *map(str, error.instance_path)))
            found.setdefault(place[:MESSAGE_CHARACTERS], []).append(f"{error.message}"[:MESSAGE_CHARACTERS])
        return found


def _in_one_line(error: Exception) -> str:
    said, _, more = str(error).partition("\n")
    place = next((line.strip() for line in more.splitlines() if line.startswith("On instance[")), "")
    return f"{said} ({place.removeprefix('On instance').rstrip(':')})" if place else said
