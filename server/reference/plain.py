"""Plain routes: what the server answers over HTTP that is no action, described by hand."""

from collections.abc import Collection, Sequence
from typing import Any

from handlers.errors import (
    ActionError,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from handlers.shapes import TEXT, Schema, just, many, ref, success, thing
from server.demo import Guest
from server.reference.fields import of_payload

JSON = "application/json"


def json_body(shape: Schema, *, required: bool) -> dict[str, Any]:
    """A request body."""
    return {"required": required, "content": {JSON: {"schema": shape}}}


def multipart_body(fields: dict[str, Schema], files: Collection[str], required: Sequence[str]) -> dict[str, Any]:
    """A request body of parts, of which some are files."""
    parts = {name: {"description": "A file."} if name in files else shape for name, shape in fields.items()}
    shape = {"type": "object", "properties": parts, "required": list(required)}
    return {"required": True, "content": {"multipart/form-data": {"schema": shape}}}


def json_response(description: str, shape: Schema) -> dict[str, Any]:
    """A response."""
    return {"description": description, "content": {JSON: {"schema": shape}}}


def _plain(
    name: str, tag: str, summary: str, responses: dict[str, Any], *failures: type[ActionError], **more: Any
) -> dict[str, Any]:
    refused = {str(kind.status): kind.__name__ for kind in failures}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "security": [],
        "responses": responses | refused,
    } | more


def _file(name: str, summary: str, *types: str) -> dict[str, Any]:
    seen = {"description": "The picture.", "content": {each: {"schema": {}} for each in types}}
    refused: tuple[type[ActionError], ...] = (Unauthenticated, Forbidden, NotFound, Unavailable, Internal)
    described = _plain(
        name, "image", summary, {"200": seen, "304": {"description": "The browser has it already."}}, *refused
    )
    image_id = {"in": "path", "name": "imageId", "required": True, "schema": TEXT}
    return described | {
        "description": "While it waits for a moderator, for its uploader and moderators alone.",
        "security": [{"token": []}, {"cookie": []}, {"apiKey": []}, {}],
        "parameters": [image_id],
    }


_GUEST = success(thing(token=TEXT, user=ref("User")))
_DOCUMENT: Schema = {"type": "object"}

PLAIN: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/session"): _plain(
        "session:create",
        "session",
        "Sign in as a guest (in demo mode only); sets the session cookie, too.",
        {"201": json_response("Signed in.", _GUEST)},
        *(NotFound, TooLarge, Invalid, Unavailable, Internal),
        requestBody=json_body(of_payload(Guest()), required=True),
    ),
    ("DELETE", "/api/session"): _plain(
        "session:delete",
        "session",
        "Sign out: the session cookie is deleted.",
        {"200": json_response("Signed out.", success(thing()))},
    ),
    ("GET", "/api/images/{imageId}/file"): _file(
        "image:file", "A picture, without its metadata.", "image/jpeg", "image/png", "image/webp", "image/gif"
    ),
    ("GET", "/api/images/{imageId}/thumbnail"): _file("image:thumbnail", "A picture, small.", "image/webp"),
    ("GET", "/healthz"): _plain(
        "health:alive",
        "health",
        "Whether the process lives.",
        {"200": json_response("It does.", thing(status=just("alive")))},
    ),
    ("GET", "/readyz"): _plain(
        "health:ready",
        "health",
        "Whether this worker should get traffic.",
        {
            "200": json_response("It should.", thing(status=just("ready"), reasons=many(TEXT, 0))),
            "503": json_response(
                "It should not, for these reasons.", thing(status=just("not ready"), reasons=many(TEXT))
            ),
        },
    ),
    ("GET", "/metrics"): _plain(
        "metrics:show",
        "health",
        "What this worker counts, for Prometheus.",
        {"200": {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": TEXT}}}},
    ),
    ("GET", "/api/openapi.json"): _plain(
        "reference:openapi",
        "reference",
        "This document.",
        {"200": json_response("OpenAPI 3.1.", _DOCUMENT)},
    ),
    ("GET", "/api/asyncapi.json"): _plain(
        "reference:asyncapi",
        "reference",
        "Actions, channels and events over Socket.IO.",
        {"200": json_response("AsyncAPI 3.0.", _DOCUMENT)},
    ),
}
