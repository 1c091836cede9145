"""Fields: what the fields of a payload take, as JSON Schema.

apispec knows marshmallow's own; those of ``handlers`` are told of here. A field that nobody told of fails the tests.
The patterns are written for ECMAScript, whose ``$`` is the end of the text.
"""

from functools import singledispatch
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin, OpenAPIConverter
from marshmallow import Schema as Payload
from marshmallow import fields

from handlers.channels import EventName
from handlers.messages import Attachment
from handlers.payload import LINK_MAX, Bytes, Choice, File, Flag, Id, Link, Text, Whole, client_id
from handlers.preferences import Clock, TimeZone
from handlers.push import LAST_MS, Expiration, Key
from handlers.reactions import Emoji
from handlers.record_data import RecordId
from handlers.shapes import JSON_TYPES, Schema
from handlers.sync import Queue

OPENAPI_VERSION = "3.1.0"


@singledispatch
def constraints(field: fields.Field[Any]) -> Schema:
    """What a field of ``handlers`` takes; nothing for one of marshmallow's own."""
    return {}


@constraints.register
def _text(field: Text) -> Schema:
    # Blanks alone are nothing, where there must be something.
    something: Schema = {"minLength": field.minimum, "pattern": r"\S"} if field.minimum else {}
    return {"type": "string", "maxLength": field.maximum} | something


@constraints.register
def _emoji(field: Emoji) -> Schema:
    return _text(field) | {"pattern": r"^\S+$"}


@constraints.register
def _id(field: Id) -> Schema:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": field.maximum,
        "pattern": r"^[^\u0000-\u0008\u000a-\u000c\u000e-\u001f\u007f-\u009f]*$",
    }


@constraints.register
def _event_name(field: EventName) -> Schema:
    word = "[A-Za-z][A-Za-z0-9_.-]{0,49}"
    return _id(field) | {"pattern": f"^{word}:{word}$", "examples": ["order:paid"]}


@constraints.register
def _whole(field: Whole) -> Schema:
    return {"type": "integer", "minimum": field.minimum, "maximum": field.maximum}


@constraints.register
def _flag(field: Flag) -> Schema:
    return {"type": "boolean"}


@constraints.register
def _choice(field: Choice) -> Schema:
    return {"type": "string", "enum": list(field.choices)}


_URL: Schema = {
    "description": "A web address, or a path of the page's own site.",
    "type": "string",
    "maxLength": LINK_MAX,
    "pattern": r"^([Hh][Tt][Tt][Pp][Ss]?://[^\s/\\]|/(?![/\\]))\S*$",
}


@constraints.register
def _link(field: Link) -> Schema:
    return _URL


@constraints.register
def _clock(field: Clock) -> Schema:
    return {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$", "examples": ["22:00"]}


@constraints.register
def _time_zone(field: TimeZone) -> Schema:
    return {"type": "string", "description": "The IANA name of a time zone.", "examples": ["Europe/Berlin"]}


@constraints.register
def _key(field: Key) -> Schema:
    return {"type": "string", "pattern": "^[A-Za-z0-9_-]+=*$", "description": "URL-safe base64."}


@constraints.register
def _expiration(field: Expiration) -> Schema:
    return {"type": "number", "minimum": 0, "maximum": LAST_MS, "description": "Milliseconds since 1970."}


@constraints.register
def _attachment(field: Attachment) -> Schema:
    return {"type": "object", "properties": {"url": _URL}, "required": ["url"], "additionalProperties": True}


@constraints.register
def _record_id(field: RecordId) -> Schema:
    return {"type": "string", "pattern": r"^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,128}$"}


@constraints.register
def _queue(field: Queue) -> Schema:
    mutation: Schema = {
        "description": "`{mutationId, op, collection, id, data, baseVersion, strategy}`: `op` is `upsert` or `delete`,"
        " the rest is as `record:upsert` and `record:delete` take it. What is wrong with one is that one's result.",
        "type": "object",
        "properties": {"mutationId": _id(client_id())},
        "required": ["mutationId"],
    }
    return {"items": mutation}


@constraints.register
def _file(field: File) -> Schema:
    # JSON has no bytes: over Socket.IO they are an attachment, over HTTP a part of their own.
    return {"description": "A file: bytes.", "not": {"type": JSON_TYPES}}


@constraints.register
def _bytes(field: Bytes) -> Schema:
    return {"description": "Bytes, as an attachment.", "not": {"type": JSON_TYPES}}


def _converter() -> OpenAPIConverter:
    """apispec's converter, acquainted with our fields; a payload within a payload is described where it stands."""

    def of_our_fields(_: OpenAPIConverter, field: fields.Field[Any], **__: Any) -> Schema:
        shape = constraints(field)
        if field.allow_none and "type" in shape:
            shape = shape | {"type": [shape["type"], "null"]}
        return shape

    plugin = MarshmallowPlugin(schema_name_resolver=lambda schema: "")
    APISpec("", "", OPENAPI_VERSION, plugins=[plugin])
    assert plugin.converter is not None
    plugin.converter.add_attribute_function(of_our_fields)
    return plugin.converter


_CONVERTER = _converter()


def of_payload(payload: Payload) -> Schema:
    """The object that a payload takes."""
    described: Schema = _CONVERTER.schema2jsonschema(payload)
    return described
