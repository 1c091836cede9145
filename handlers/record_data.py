"""Record data: what a client may keep in a record, and under which id."""

import re
from typing import Any

import orjson
from marshmallow import ValidationError, fields

from handlers.base import Context
from handlers.declared import Collection
from handlers.errors import Invalid, TooLarge

# As of entities, without the two that a path cannot end with.
_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._~-]{1,128}\Z")


class RecordId(fields.Field[str]):
    """The id of a record, which whoever creates it chooses."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if type(value) is not str:
            raise ValidationError("Must be text.")
        if not _ID.match(value):
            raise ValidationError("Must be an id of 1 to 128 letters, digits and the characters . _ ~ -")
        return value


def require_fit(ctx: Context, place: Collection, data: Any) -> None:
    """Raise ``TooLarge`` for data that are larger than a record may be, and ``Invalid`` for what the schema forbids."""
    bound = ctx.services.rules.record_bytes
    if len(orjson.dumps(data)) > bound:
        raise TooLarge(f"A record's data are of {bound} bytes at most (HUBBUB_RECORD_BYTES).")
    objections = place.schema.objections(data) if place.schema is not None else {}
    if objections:
        raise Invalid(f"The data are not what {place.name} holds; see fields.", objections)
