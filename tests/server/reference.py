"""The reference as a client uses it: requests are made from it, and what comes back is held against it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlencode

from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7, DRAFT202012

from tests.support.hubbub import Hubbub, Reply

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A request of the REST door: ``body`` is None where there is none."""

    method: str
    path: str
    body: Json | None


class Reference:
    """Both documents of a server. Replies and events are checked to the letter: what is not described fails, too."""

    def __init__(self, openapi: Json, asyncapi: Json) -> None:
        self.openapi = openapi
        self.asyncapi = asyncapi
        documents = (
            ("urn:openapi", DRAFT202012.create_resource(strict(openapi))),
            ("urn:asyncapi", DRAFT7.create_resource(strict(asyncapi))),
            ("urn:open-asyncapi", DRAFT7.create_resource(asyncapi)),
        )
        self._registry: Registry[Any] = Registry().with_resources(documents)

    @classmethod
    async def of(cls, worker: Hubbub) -> Self:
        """What a server publishes to visitors."""
        openapi = await worker.rest("GET", "/api/openapi.json")
        asyncapi = await worker.rest("GET", "/api/asyncapi.json")
        assert (openapi.status, asyncapi.status) == (200, 200)
        return cls(openapi.body, asyncapi.body)

    def has_route(self, action: str) -> bool:
        """Whether the action can be called over HTTP."""
        return any(operation["operationId"] == action for _, _, operation in self._operations())

    def request(self, action: str, payload: Mapping[str, Any]) -> Request:
        """How OpenAPI says that an action is called with a payload."""
        method, template, operation = self._operation(action, payload)
        places = {each["name"]: each["in"] for each in operation.get("parameters", ())}
        path = template.format(**{name: quote(str(payload[name]), safe="") for name in places if name in payload})
        query = {name: _text(value) for name, value in payload.items() if places.get(name) == "query"}
        body = {name: value for name, value in payload.items() if name not in places}
        assert not body or "requestBody" in operation, f"{action} takes no {list(body)} over HTTP"
        return Request(method.upper(), f"{path}?{urlencode(query)}" if query else path, body or None)

    def check_response(self, action: str, reply: Reply) -> None:
        """Hold a response of the REST door against OpenAPI."""
        method, path, operation = self._operation(action)
        status = str(reply.status)
        assert status in operation["responses"], f"{action} is not said to answer {status}: {reply.body}"
        at = ("paths", path, method, "responses", status)
        if "$ref" in operation["responses"][status]:
            at = tuple(operation["responses"][status]["$ref"].removeprefix("#/").split("/"))
        self._check("urn:openapi", (*at, "content", "application/json", "schema"), reply.body)

    def check_payload(self, action: str, payload: Mapping[str, Any]) -> None:
        """Hold what a client sends against AsyncAPI, which lets it send more than is known."""
        self._check("urn:open-asyncapi", ("channels", "connection", "messages", action, "payload"), payload)

    def check_acknowledgement(self, action: str, body: Any) -> None:
        """Hold a reply of the Socket.IO door against AsyncAPI, the events that it replays included."""
        reply = self.asyncapi["operations"][action]["reply"]["messages"][0]["$ref"]
        self._check("urn:asyncapi", (*reply.removeprefix("#/").split("/"), "payload"), body)
        for event in body.get("data", {}).get("events", ()):
            self.check_event(event["event"], event)

    def check_refusal(self, error: Mapping[str, Any]) -> None:
        """Hold a CONNECT_ERROR against AsyncAPI."""
        self._check("urn:asyncapi", ("channels", "connection", "messages", "connect_error", "payload"), error)

    def check_event(self, name: str, envelope: Any) -> None:
        """Hold an event, heard under that name, against AsyncAPI."""
        assert envelope["event"] == name
        key = self._channel(envelope["channel"]) if "channel" in envelope else "connection"
        known = self.asyncapi["channels"][key]["messages"]
        self._check(
            "urn:asyncapi", ("channels", key, "messages", name if name in known else "published", "payload"), envelope
        )

    def _channel(self, name: str) -> str:
        found = [key for key, channel in self.asyncapi["channels"].items() if re.fullmatch(_names(channel), name)]
        assert len(found) == 1, f"{name} is described as {found}"
        return found[0]

    def _operation(self, action: str, payload: Mapping[str, Any] | None = None) -> tuple[str, str, Json]:
        """The first route of an action, of those whose path a payload fills."""
        routes = [each for each in self._operations() if re.fullmatch(rf"{action}(-\d+)?", each[2]["operationId"])]
        if payload is not None:
            routes = [each for each in routes if set(re.findall(r"{(\w+)}", each[1])) <= payload.keys()]
        return min(routes, key=lambda each: each[2]["operationId"])

    def _operations(self) -> Iterator[tuple[str, str, Json]]:
        for path, methods in self.openapi["paths"].items():
            for method, operation in methods.items():
                yield method, path, operation

    def _check(self, document: str, at: tuple[str, ...], instance: Any) -> None:
        pointer = "".join("/" + quote(part.replace("~", "~0").replace("/", "~1"), safe="~") for part in at)
        kind: type[Validator] = Draft202012Validator if document == "urn:openapi" else Draft7Validator
        errors = list(kind({"$ref": f"{document}#{pointer}"}, registry=self._registry).iter_errors(instance))
        assert not errors, f"{instance} is not as {document}#{pointer} says: {errors[0].message}"


def strict(schema: Any) -> Any:
    """A copy of a document in which an object has no property that is not described."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {name: strict(value) for name, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        copy.setdefault("additionalProperties", False)
    return copy


def _names(channel: Json) -> str:
    """An expression for the names of channels of an address."""
    parts = {
        name: "|".join(map(re.escape, each["enum"])) if "enum" in each else ".+"
        for name, each in channel.get("parameters", {}).items()
    }
    return re.sub(r"{(\w+)}", lambda part: f"({parts[part[1]]})", channel["address"])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list) else str(value)
