"""Plain routes: what the server answers over HTTP that is no action, described by hand."""

from typing import Any

from handlers.errors import ActionError, Internal, Invalid, NotFound, TooLarge, Unavailable
from handlers.shapes import TEXT, Schema, just, many, ref, success, thing
from server.demo import Guest
from server.reference.fields import of_payload

JSON = "application/json"


def json_body(shape: Schema, *, required: bool) -> dict[str, Any]:
    """A request body."""
    return {"required": required, "content": {JSON: {"schema": shape}}}


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
