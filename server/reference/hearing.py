"""The routes of streams and polling, described by hand: they are no actions."""

from typing import Any

from handlers.errors import (
    ActionError,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from handlers.shapes import COUNT, FLAG, TEXT, Schema, many, ref, success, thing

_FAILURES: tuple[type[ActionError], ...] = (
    Unauthenticated,
    Forbidden,
    NotFound,
    Invalid,
    RateLimited,
    Unavailable,
    Internal,
)
_REFUSED = {str(kind.status): kind.__name__ for kind in _FAILURES}
_TAG = "hearing"
_SECURITY: list[dict[str, list[str]]] = [{"token": []}, {"cookie": []}, {"apiKey": []}, {}]

_POLLED = thing(
    "The events after `after`, oldest first, and the number to go on from; `recovered` is false when the log no longer"
    " reaches back that far, and then the client reloads.",
    events=many(ref("Event"), 100),
    hasMore=FLAG,
    seq=COUNT,
    recovered=FLAG,
    retryAfter={"description": "Seconds after which to ask again.", "type": "number", "exclusiveMinimum": 0},
)
_ABOUT_STREAMS = (
    "Server-sent events. Each event is the JSON `data` of an unnamed message, whose `id` resumes the stream behind it;"
    " signals have no id. A named event `reset` with `{channel, seq}` tells that what was missed cannot be replayed:"
    " reload. A stream of several channels has opaque ids. The stream ends when one of its channels may no longer be"
    " read. A browser's `EventSource`, which would not outlive the statuses 429 and 503, gets an empty stream instead"
    " that says when to come back."
)


def _query(name: str, description: str, shape: Schema, *, required: bool = False) -> dict[str, Any]:
    return {"in": "query", "name": name, "required": required, "description": description, "schema": shape}


def _path(name: str) -> dict[str, Any]:
    return {"in": "path", "name": name, "required": True, "schema": TEXT}


_TOKEN = _query("token", "A user's JWT, for clients that can send no header.", TEXT)
_SUBSCRIPTION = _query(
    "subscription", "Subscription tokens of private channels, each a parameter of its own.", many(TEXT)
)
_RESUME = (
    _query("after", "Where to resume: an event's number, or a stream's id.", TEXT),
    {"in": "header", "name": "Last-Event-ID", "description": "The same, and stronger.", "schema": TEXT},
)


def _stream(name: str, summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    stream = {"description": "The stream.", "content": {"text/event-stream": {"schema": TEXT}}}
    return {
        "operationId": name,
        "tags": [_TAG],
        "summary": summary,
        "description": _ABOUT_STREAMS,
        "security": _SECURITY,
        "parameters": [*parameters, *_RESUME, _TOKEN],
        "responses": {"200": stream, **_REFUSED},
    }


HEARING: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", "/api/subscribe/{type}/{id}/{topic}"): _stream(
        "stream:entity",
        "Hear a channel of an entity.",
        *(_path(name) for name in ("type", "id", "topic")),
    ),
    ("GET", "/api/subscribe"): _stream(
        "stream:channels",
        "Hear channels, each named by a parameter of its own.",
        _query("channel", "A channel.", many(TEXT), required=True),
        _SUBSCRIPTION,
    ),
    ("GET", "/api/community/events"): _stream("stream:community", "Hear of stories and posts."),
    ("GET", "/api/poll"): {
        "operationId": "channel:poll",
        "tags": [_TAG],
        "summary": "Ask for the events of a channel.",
        "description": "At once, or (with `wait`) with the first event. The ETag of an answer, sent as `If-None-Match`,"
        " saves an answer that would be the same.",
        "security": _SECURITY,
        "parameters": [
            _query("channel", "A channel.", TEXT, required=True),
            _query("after", "The number to go on from; without it, from now on.", {"type": "integer", "minimum": 0}),
            _query("wait", "Seconds to wait for the first event.", {"type": "number", "minimum": 0, "maximum": 25}),
            _SUBSCRIPTION,
        ],
        "responses": {
            "200": {"description": "Here it is.", "content": {"application/json": {"schema": success(_POLLED)}}},
            "304": {"description": "It would be the same answer."},
            **_REFUSED,
        },
    },
}
