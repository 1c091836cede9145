"""Parts that both documents share: their words, their security schemes and their schemas."""

import inspect
from collections.abc import Iterable
from typing import Any

from handlers import REGISTRY
from handlers.base import Action
from handlers.replies import REPLIES
from handlers.shapes import ANYTHING, SHAPES, Schema, ref
from server.reference.fields import of_payload

TITLE = "Hubbub"
CONTRACT_VERSION = "1"
SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A user: a JWT with `sub`, `name` and `exp`.",
    },
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "API key",
        "description": "A backend: one of `HUBBUB_API_KEYS`.",
    },
}
COOKIE_DESCRIPTION = "A user: the JWT in a cookie. Writes need an allowed Origin."
_SCHEMES = {"user": ("token", "cookie"), "visitor": (), "backend": ("apiKey",)}
_WHO = {"user": "users", "visitor": "visitors", "backend": "backends with an API key"}


def payload_name(action: str) -> str:
    """Under what name the schemas of a document hold the payload of an action."""
    return "".join(word.capitalize() for word in action.replace("-", ":").split(":"))


def schemas() -> dict[str, Schema]:
    """Every shape of the contract, and the payload of each action, by their names in a document."""
    return SHAPES | {payload_name(name): of_payload(action.schema) for name, action in REGISTRY.items()}


def pruned(document: dict[str, Any]) -> dict[str, Any]:
    """The document without those of its schemas that nothing in it refers to."""
    components = document["components"]
    known = components["schemas"]
    used: set[str] = set()
    waiting = _references({**document, "components": {**components, "schemas": {}}})
    while waiting:
        name = waiting.pop()
        if name in known and name not in used:
            used.add(name)
            waiting += _references(known[name])
    kept = {name: shape for name, shape in known.items() if name in used}
    return {**document, "components": {**components, "schemas": kept}}


def _references(part: Any) -> list[str]:
    """The names of the schemas that a part of a document refers to."""
    if isinstance(part, list):
        return [name for each in part for name in _references(each)]
    if not isinstance(part, dict):
        return []
    target = part.get("$ref")
    own = [target.rpartition("/")[2]] if isinstance(target, str) else []
    return own + [name for each in part.values() for name in _references(each)]


def answer(action: str) -> Schema:
    """The shape of what a success of this action carries; anything where nobody described it."""
    return REPLIES[action].data if action in REPLIES else ANYTHING


def summary(action: Action) -> str:
    """The first line of what its function says of itself."""
    return _told(action)[0]


def description(action: Action) -> str:
    """What its function says beyond that, who may call it, and what a ``clientId`` does."""
    who = [_WHO[kind] for kind in _SCHEMES if kind in action.audience]
    told = [*_told(action)[1:], f"For {_listed(who)}."]
    if "client_id" in action.schema.fields:
        told.append("The same `clientId` again returns the first result and changes nothing.")
    return "\n\n".join(told)


def schemes(action: Action) -> list[str]:
    """The security schemes of which one lets somebody call the action; a visitor needs none."""
    return [name for kind, names in _SCHEMES.items() if kind in action.audience for name in names]


def noun(action: str) -> str:
    """What an action is about."""
    return action.partition(":")[0]


def payload_ref(action: str) -> Schema:
    """A reference to the payload of an action."""
    return ref(payload_name(action))


def _told(action: Action) -> list[str]:
    lines = (inspect.getdoc(action.run) or action.name).splitlines()
    rest = "\n".join(lines[1:]).strip()
    return [lines[0], rest] if rest else lines[:1]


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
