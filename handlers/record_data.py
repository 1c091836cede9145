"""Record data: the JSON object that a client may keep in a record."""

import math
import re
from typing import Any

import orjson
from marshmallow import ValidationError, fields

from handlers.base import Context
from handlers.declared import Collection
from handlers.errors import Invalid, TooLarge
from handlers.payload import clean_all

# As of entities, without the two that a path cannot end with.
_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._~-]{1,128}\Z")
_INTEGERS = range(-(2**63), 2**63)


class RecordId(fields.Field[str]):
    """The id of a record, which whoever creates it chooses."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if type(value) is not str:
            raise ValidationError("Must be text.")
        if not _ID.match(value):
            raise ValidationError("Must be an id of 1 to 128 letters, digits and the characters . _ ~ -")
        return value


class RecordData(fields.Dict):
    """An object of the application's own."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        found = clean_all(super()._deserialize(value, attr, data, **kwargs))
        if not _storable(found):
            raise ValidationError(
                "Holds a number that JSON cannot carry: infinite, no number, or a whole one beyond 64 bits."
            )
        return found


def _storable(value: Any) -> bool:
    """Whether every number in a value is stored, and leaves again, as what it is."""
    if isinstance(value, dict):
        return all(map(_storable, value.values()))
    if isinstance(value, list):
        return all(map(_storable, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or value in _INTEGERS


def require_fit(ctx: Context, place: Collection, data: Any) -> None:
    """Raise ``TooLarge`` for data that are larger than a record may be, and ``Invalid`` for what the schema forbids."""
    bound = ctx.services.rules.record_bytes
    if len(orjson.dumps(data)) > bound:
        raise TooLarge(f"A record's data are of {bound} bytes at most (HUBBUB_RECORD_BYTES).")
    objections = place.schema.objections(data) if place.schema is not None else {}
    if objections:
        raise Invalid(f"The data are not what {place.name} holds; see fields.", objections)
