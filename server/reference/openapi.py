"""OpenAPI: the REST door, from the registry of actions and the table of plain routes."""

import re
from collections.abc import Mapping
from typing import Any

from apispec import APISpec

from handlers import REGISTRY
from handlers.base import Action
from handlers.errors import ActionError, Conflict, RateLimited, TooLarge
from handlers.replies import REPLIES
from handlers.shapes import ERRORS, Schema, failure, success
from server.identity import COOKIE
from server.reference import parts
from server.reference.fields import OPENAPI_VERSION, of_payload
from server.reference.hearing import HEARING
from server.reference.plain import PLAIN, json_body, json_response, multipart_body

ABOUT = (
    "What a client or a backend can ask of Hubbub over HTTP. Each operation is an action that Socket.IO offers under"
    " the same name, with the same answer; the events that follow stand in `/api/asyncapi.json`. Unknown fields are"
    " ignored, and null stands for a field left out. Without a token, what is public can be read, unless"
    " `HUBBUB_VISITORS=off`."
)
_HEADERS: dict[str, dict[str, Any]] = {
    "rate_limited": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}},
    "unauthenticated": {"WWW-Authenticate": {"schema": {"const": "Bearer"}}},
}
_IN_PATH = re.compile(r"{(\w+)(?::[^{}]*)?}")


def document() -> dict[str, Any]:
    """The OpenAPI document of this server."""
    spec = APISpec(
        parts.TITLE,
        parts.CONTRACT_VERSION,
        OPENAPI_VERSION,
        info={"description": ABOUT},
        servers=[{"url": "/"}],
    )
    for name, shape in parts.schemas().items():
        spec.components.schema(name, shape)
    for code, kind in ERRORS.items():
        spec.components.response(kind.__name__, _response(kind, _HEADERS.get(code)))
    for name, scheme in parts.SECURITY_SCHEMES.items():
        spec.components.security_scheme(name, dict(scheme))
    cookie = {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": parts.COOKIE_DESCRIPTION}
    spec.components.security_scheme("cookie", cookie)
    for action in REGISTRY.values():
        for number, (method, path) in enumerate(action.routes, 1):
            operation = _operation(action, method, path, number)
            spec.path(_IN_PATH.sub(r"{\1}", path), operations={method.lower(): operation})
    for (method, path), operation in (PLAIN | HEARING).items():
        spec.path(path, operations={method.lower(): operation})
    return parts.pruned(spec.to_dict())


def _response(kind: type[ActionError], headers: Mapping[str, Any] | None) -> dict[str, Any]:
    response = json_response(kind.__doc__ or kind.code, failure(kind))
    return response | ({"headers": dict(headers)} if headers else {})


def _operation(action: Action, method: str, path: str, number: int) -> dict[str, Any]:
    in_path = _IN_PATH.findall(path)
    operation: dict[str, Any] = {
        "operationId": action.name if number == 1 else f"{action.name}-{number}",
        "tags": [parts.noun(action.name)],
        "summary": parts.summary(action),
        "description": parts.description(action),
        "security": _security(action),
        "responses": _responses(action, method),
    }
    described = of_payload(action.schema)
    parameters = [_parameter("path", name, described["properties"][name], required=True) for name in in_path]
    rest = {name: shape for name, shape in described["properties"].items() if name not in in_path}
    required = [name for name in described.get("required", ()) if name in rest]
    if method == "GET":
        # One that also writes has another route for that.
        asked = rest if action.reads else {}
        parameters += [_parameter("query", name, shape, name in required) for name, shape in asked.items()]
    elif files := action.schema.files():
        operation["requestBody"] = multipart_body(rest, files, required)
    elif rest:
        whole: Schema = {"type": "object", "properties": rest} | ({"required": required} if required else {})
        body = whole if in_path else parts.payload_ref(action.name)
        operation["requestBody"] = json_body(body, required=bool(required))
    if parameters:
        operation["parameters"] = parameters
    return operation


def _parameter(place: str, name: str, shape: Schema, required: bool) -> dict[str, Any]:
    parameter = {"in": place, "name": name, "required": required, "schema": shape}
    # A list in a query is one text with commas.
    return parameter | ({"style": "form", "explode": False} if shape.get("type") == "array" else {})


def _security(action: Action) -> list[dict[str, list[str]]]:
    named: list[dict[str, list[str]]] = [{name: []} for name in parts.schemes(action)]
    return [*named, {}] if "visitor" in action.audience else named


def _responses(action: Action, method: str) -> dict[str, Any]:
    data = success(parts.answer(action.name))
    creates = action.name in REPLIES and REPLIES[action.name].creates
    responses: dict[str, Any] = {"200": json_response("Done." if not action.reads else "Here it is.", data)}
    if creates:
        responses["200"] = json_response("It was there already.", data)
        responses["201"] = json_response("Created.", data)
    return responses | {str(kind.status): kind.__name__ for kind in _failures(action, method)}


def _failures(action: Action, method: str) -> list[type[ActionError]]:
    never: set[type[ActionError]] = set()
    if action.reads:
        never.add(Conflict)
    if method == "GET":
        never.add(TooLarge)
    if action.audience == {"backend"}:
        never.add(RateLimited)
    return [kind for kind in ERRORS.values() if kind not in never]
