"""Payloads: strict fields, names in camelCase, text without control characters."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

# All control characters but line breaks and tabs (Unicode category Cc).
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Browsers read a backslash as a slash, and what begins with two of them as another site.
_LINK = re.compile(r"(https?://[^\s/\\]|/(?![/\\]))\S*\Z", re.IGNORECASE)
IDENTIFIER_MAX = 255
LINK_MAX = 2048
# What a list in a payload holds at most (the contract's section 10).
LIST_MAX = 1000


def clean(text: str) -> str:
    """Text as it is stored: without control characters and halves of surrogate pairs, which nothing can carry."""
    if not text.isprintable():
        text = _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))
    return text


def clean_all(value: Any) -> Any:
    """A JSON value with every text in it cleaned, keys included."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_all(each) for each in value]
    if isinstance(value, dict):
        return {clean(name): clean_all(each) for name, each in value.items()}
    return value


class Payload(Schema):
    """The data of an action. Unknown fields are ignored; null stands for a field left out.

    ``batches`` names the lists each of whose elements may hold as many keys as a payload.
    """

    batches: ClassVar[frozenset[str]] = frozenset()

    class Meta:
        """Newer clients may send what this version does not know."""

        unknown = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Name each field on the wire in camelCase."""
        if field_obj.data_key is None:
            head, *tail = field_name.split("_")
            field_obj.data_key = head + "".join(word.capitalize() for word in tail)

    def files(self) -> set[str]:
        """The names of the fields that take files or bytes."""
        taken = (File, Bytes)
        return {name for field in self.fields.values() if isinstance(field, taken) and (name := field.data_key)}

    def without_files(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The data but its files, which are not measured as JSON is."""
        files = self.files()
        return {name: value for name, value in data.items() if name not in files} if files else data

    @pre_load
    def without_nulls(self, data: Any, **_: Any) -> Any:
        """Drop nulls, except where null is a value of its own."""
        if not isinstance(data, Mapping) or None not in data.values():
            return data
        nullable = {field.data_key for field in self.fields.values() if field.allow_none}
        return {name: value for name, value in data.items() if value is not None or name in nullable}


class Nothing(Payload):
    """No data."""


class Text(fields.Field[str]):
    """Text of so many code points, not of blanks alone where it may not be empty."""

    def __init__(self, minimum: int, maximum: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.minimum, self.maximum = minimum, maximum

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if type(value) is not str:
            raise ValidationError("Must be text.")
        value = clean(value)
        if len(value) > self.maximum:
            raise ValidationError(f"Must be at most {self.maximum} characters long.")
        if len(value) < self.minimum or (self.minimum and not value.strip()):
            raise ValidationError(f"Must be at least {self.minimum} characters long, and not of blanks alone.")
        return value


class Id(fields.Field[str]):
    """An opaque id: a text without control characters, of 255 characters at most."""

    def __init__(self, maximum: int = IDENTIFIER_MAX, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.maximum = maximum

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if type(value) is not str:
            raise ValidationError("Must be text.")
        if not 0 < len(value) <= self.maximum or clean(value) != value or "\n" in value:
            raise ValidationError(f"Must be an id of 1 to {self.maximum} characters.")
        return value


def is_link(value: Any) -> bool:
    """Whether a value is an address that a browser may follow: of the web, or a path of the page's own site."""
    return type(value) is str and len(value) <= LINK_MAX and _LINK.match(value) is not None


class Link(fields.Field[str]):
    """An address that a browser may follow."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        found: str = clean(value) if type(value) is str else ""
        if not is_link(found):
            raise ValidationError("Must begin with https://, http:// or /.")
        return found


class Whole(fields.Field[int]):
    """A whole number within bounds; neither a text nor a boolean passes for one."""

    def __init__(self, minimum: int, maximum: int = 2**53 - 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.minimum, self.maximum = minimum, maximum

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        if type(value) is not int:
            raise ValidationError("Must be a whole number.")
        if not self.minimum <= value <= self.maximum:
            raise ValidationError(f"Must be from {self.minimum} to {self.maximum}.")
        return value


class Flag(fields.Field[bool]):
    """True or false, and nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bool:
        if type(value) is not bool:
            raise ValidationError("Must be true or false.")
        return value


class Choice(fields.Field[str]):
    """One of a few words."""

    def __init__(self, *choices: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if type(value) is not str or value not in self.choices:
            raise ValidationError(f"Must be one of {', '.join(self.choices)}.")
        return value


class Object(fields.Dict):
    """An object of the application's own."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return clean_all(super()._deserialize(value, attr, data, **kwargs))


class Any_(fields.Raw):
    """Any JSON value."""


@dataclass(slots=True)
class Upload:
    """A file that came with a payload, of so many bytes; ``kept`` is what an action's ``prepare`` has made of it."""

    file: BinaryIO
    size: int
    kept: Any = None


class Bytes(fields.Field[bytes]):
    """Bytes, which Socket.IO alone can carry; how many are too many is its action's to say."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bytes:
        if not isinstance(value, (bytes, bytearray)):
            raise ValidationError("Must be bytes.")
        return bytes(value)


class File(fields.Field[Upload]):
    """A file: bytes over Socket.IO, a part of its own over HTTP."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Upload:
        if isinstance(value, (bytes, bytearray)):
            value = Upload(BytesIO(value), len(value))
        if not isinstance(value, Upload):
            raise ValidationError("Must be a file: bytes over Socket.IO, over HTTP a part of a multipart/form-data.")
        if not value.size:
            raise ValidationError("Is empty.")
        return value


def channel_name() -> Id:
    """A channel's name, with room for the longest id behind its kind."""
    return Id(IDENTIFIER_MAX + 16, required=True)


def filter_text() -> Text:
    """A filter, as it is written; how long it may be is a setting."""
    return Text(0, 1_000_000)


def client_id(**kwargs: Any) -> Id:
    """The id that makes a creating action idempotent: 64 characters at most."""
    return Id(64, **kwargs)


class Bounded(fields.List):
    """A list. One that is too long is refused without a look at what is in it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list):
            self._validate(value)
        return super()._deserialize(value, attr, data, **kwargs)


def ids(maximum: int = LIST_MAX, minimum: int | None = None, **kwargs: Any) -> Bounded:
    """A list of ids, of 1,000 at most."""
    return Bounded(Id(), validate=validate.Length(min=minimum, max=maximum), **kwargs)


def limit(default: int, maximum: int) -> Whole:
    """How many things a page holds."""
    return Whole(1, maximum, load_default=default)


def measure(payload: Mapping[str, Any], depth: int, keys: int, batches: Collection[str] = ()) -> str | None:
    """Why a payload may not pass: nested deeper than ``depth``, more than ``keys`` keys in all, or bytes; else None.

    The payload itself is the first level. Of the lists that ``batches`` names the keys of each element are counted by
    themselves; what is too long a list to be taken is not looked into.
    """
    found = {name: payload[name] for name in batches if isinstance(payload.get(name), list)}
    rest = {name: [] if name in found else value for name, value in payload.items()} if found else payload
    # Of the levels, the payload is one and its list another.
    return _measure(rest, depth, keys, depth) or next(
        (
            objection
            for elements in found.values()
            for element in elements[: LIST_MAX + 1]
            if (objection := _measure(element, depth - 2, keys, depth)) is not None
        ),
        None,
    )


def _measure(value: Any, levels: int, keys: int, depth: int) -> str | None:
    """Walks without recursion, so that no depth can hurt it."""
    level, seen = [value], 0
    for _ in range(levels):
        below: list[Any] = []
        for each in level:
            inside = each
            if isinstance(each, dict):
                seen += len(each)
                inside = each.values()
            elif not isinstance(each, list):
                # An element of a batch may be anything.
                inside = [each]
            for one in inside:
                if isinstance(one, (dict, list)):
                    below.append(one)
                elif isinstance(one, (bytes, bytearray)):
                    return "Binary data is not taken here."
        if seen > keys:
            return f"Holds more than {keys} keys."
        if not below:
            return None
        level = below
    return f"Is nested deeper than {depth} levels."
