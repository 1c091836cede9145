"""AsyncAPI: the Socket.IO door, from the registry of actions and the table of events."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from handlers import REGISTRY
from handlers.base import Action
from handlers.events import CHANNELS, EVENTS, ChannelKind, EventKind
from handlers.shapes import ANYTHING, ERRORS, SECONDS, SEQ, TEXT, TIME, Schema, just, ref, success, thing, words
from server.identity import COOKIE
from server.reference import parts

ABOUT = """What Hubbub takes and sends over Socket.IO 4 (protocol 5), with the stock clients.

**Connecting.** The client's `auth` is `{token}` for a user, `{apiKey}` for a backend, and nothing for a visitor, who
may read what is public unless `HUBBUB_VISITORS=off`; `Authorization: Bearer` and the session cookie count as well.

**Actions.** An operation that *receives* is a Socket.IO event of the client's: its name is the message's, its one
argument the payload, and its acknowledgement the reply. Unknown fields are ignored, and null stands for a field left
out. Actions of one connection are handled, and acknowledged, in the order sent. Those that have a REST route, too,
stand in `/api/openapi.json`.

**Events.** After `channel:subscribe` a connection hears the events of that channel: Socket.IO events named after
`event`, whose first argument is the envelope. `seq` counts from 1 in each channel without holes; signals have none
and are never stored or replayed."""
_PART = re.compile(r"{(\w+)}")
_CONNECTION = "connection"
_EVENT_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,49}:[A-Za-z][A-Za-z0-9_.-]{0,49}$"
_PARAMETERS = {
    "userId": "The id of a user: the `sub` of their token.",
    "roomId": "The id of a room.",
    "type": "What kind of thing it is (`HUBBUB_ENTITY_TYPES`).",
    "id": "The id of the entity: 1 to 128 of `A-Z a-z 0-9 . _ ~ -`.",
    "name": "A name of the backend's choice.",
    "schema": "A schema of PostgreSQL's.",
    "table": "A table of the application's own in it.",
}
_KINDS = {
    "stored": "Stored in the channel's log and numbered.",
    "signal": "A signal: never stored, without `seq`.",
    "connection": "To this one connection, of no channel.",
}


def document(host: str, entity_types: Sequence[str]) -> dict[str, Any]:
    """The AsyncAPI document of this server; ``host`` is where it listens unless a proxy stands before it."""
    channels = {_CONNECTION: _connection_channel()}
    channels |= {key: _channel(key, kind, entity_types) for key, kind in CHANNELS.items()}
    operations = {"connect": _connecting()}
    operations |= {name: _operation(action) for name, action in REGISTRY.items()}
    operations |= {f"{key}.events": _telling(key) for key in channels}
    made = {
        "asyncapi": "3.0.0",
        "info": {"title": parts.TITLE, "version": parts.CONTRACT_VERSION, "description": ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "socketio": {
                "host": "{host}",
                "pathname": "/socket.io/",
                "protocol": "socketio",
                "protocolVersion": "5",
                "description": "Socket.IO over WebSocket or HTTP long-polling (Engine.IO 4).",
                "variables": {"host": {"default": host, "description": "Where the server is reached."}},
                "security": _security(("token", "apiKey", "cookie")),
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {"schemas": parts.schemas(), "securitySchemes": _security_schemes()},
    }
    return parts.pruned(made)


def _connection_channel() -> dict[str, Any]:
    auth = thing(None, ("token", "apiKey"), token=TEXT, apiKey=TEXT)
    refusal = thing("The error without its message.", ("retryAfter",), code=words(*ERRORS), retryAfter=SECONDS)
    messages = {
        "connect": _message("connect", "The client's `auth` object.", auth),
        "connected": _message("connect", "Let in.", thing(sid=TEXT)),
        "connect_error": _message("connect_error", "Refused.", thing(message=TEXT, data=refusal)),
    }
    for name, action in REGISTRY.items():
        reply: Schema = {"oneOf": [success(parts.answer(name)), ref("Failure")]}
        messages[name] = _message(name, parts.summary(action), parts.payload_ref(name))
        messages[_reply(name)] = _message(_reply(name), f"The acknowledgement of `{name}`.", reply)
    messages |= {event.name: _event_message(event, ANYTHING) for event in _events(_CONNECTION)}
    return {
        "address": "/",
        "title": "The connection",
        "description": "Socket.IO's main namespace: actions, and what concerns this connection alone.",
        "messages": messages,
    }


def _channel(key: str, kind: ChannelKind, entity_types: Sequence[str]) -> dict[str, Any]:
    name = _name(kind.address)
    events = _events(key)
    messages = {event.name: _event_message(event, name) for event in events}
    own: Schema = {"not": {"enum": [event.name for event in events]}} if events else {}
    published = thing(event={"type": "string", "pattern": _EVENT_NAME} | own, channel=name, seq=SEQ, at=TIME, data={})
    messages["published"] = _message("published", "What a backend published, under a name of its choice.", published)
    parameters = {
        part: {"description": _PARAMETERS[part]} | ({"enum": list(entity_types)} if part == "type" else {})
        for part in _PART.findall(kind.address)
    }
    return {
        "address": kind.address,
        "title": kind.address,
        "description": f"{kind.about} Who may subscribe: {kind.readers}.",
        "messages": messages,
    } | ({"parameters": parameters} if parameters else {})


def _event_message(event: EventKind, channel: Schema) -> dict[str, Any]:
    envelope = {"event": just(event.name), "channel": channel, "seq": SEQ, "at": TIME, "data": event.data}
    for name in {"stored": (), "signal": ("seq",), "connection": ("seq", "channel")}[event.kind]:
        del envelope[name]
    return _message(event.name, event.about, thing(**envelope)) | {"description": _KINDS[event.kind]}


def _operation(action: Action) -> dict[str, Any]:
    operation = _asking([action.name], [_reply(action.name)]) | {
        "summary": parts.summary(action),
        "description": parts.description(action),
        "tags": [{"name": parts.noun(action.name)}],
    }
    return operation if "visitor" in action.audience else operation | {"security": _security(parts.schemes(action))}


def _connecting() -> dict[str, Any]:
    return _asking(["connect"], ["connected", "connect_error"]) | {"summary": "Connect."}


def _asking(messages: Iterable[str], replies: Iterable[str]) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": _pointer(_CONNECTION),
        "messages": [_pointer(_CONNECTION, name) for name in messages],
        "reply": {
            "channel": _pointer(_CONNECTION),
            "messages": [_pointer(_CONNECTION, name) for name in replies],
        },
    }


def _telling(key: str) -> dict[str, Any]:
    names = [event.name for event in _events(key)]
    if key != _CONNECTION:
        names.append("published")
    return {
        "action": "send",
        "channel": _pointer(key),
        "summary": "What subscribers hear." if key != _CONNECTION else "What a connection is told without asking.",
        "messages": [_pointer(key, name) for name in names],
    }


def _events(key: str) -> list[EventKind]:
    if key == _CONNECTION:
        return [event for event in EVENTS.values() if event.kind == "connection"]
    return [event for event in EVENTS.values() if key in event.channels]


def _message(name: str, summary: str, payload: Schema) -> dict[str, Any]:
    return {"name": name, "title": name, "summary": summary, "payload": payload}


def _name(address: str) -> Schema:
    """The names of the channels of an address."""
    if not _PART.search(address):
        return just(address)
    return {"type": "string", "pattern": f"^{_PART.sub('.+', address)}$"}


def _reply(action: str) -> str:
    return f"{action}.reply"


def _pointer(channel: str, message: str | None = None) -> dict[str, str]:
    return {"$ref": f"#/channels/{channel}" + (f"/messages/{message}" if message else "")}


def _security(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/components/securitySchemes/{name}"} for name in names]


def _security_schemes() -> dict[str, dict[str, str]]:
    cookie = {"type": "httpApiKey", "in": "cookie", "name": COOKIE, "description": parts.COOKIE_DESCRIPTION}
    return {name: dict(scheme) for name, scheme in parts.SECURITY_SCHEMES.items()} | {"cookie": cookie}
