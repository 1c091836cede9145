"""What a client can do: one module a noun. Importing the package fills the registry of actions."""

from handlers import (
    channels,
    members,
    messages,
    notifications,
    preferences,
    presence,
    push,
    reactions,
    reads,
    rooms,
    session,
    typing,
    viewers,
)
from handlers.base import REGISTRY

__all__ = [
    "REGISTRY",
    "channels",
    "members",
    "messages",
    "notifications",
    "preferences",
    "presence",
    "push",
    "reactions",
    "reads",
    "rooms",
    "session",
    "typing",
    "viewers",
]
