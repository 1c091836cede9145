"""What a client can do: one module a noun. Importing the package fills the registry of actions."""

from handlers import (
    channels,
    likes,
    members,
    messages,
    notifications,
    preferences,
    presence,
    push,
    ratings,
    reactions,
    reads,
    rooms,
    saves,
    session,
    typing,
    viewers,
)
from handlers.base import REGISTRY

__all__ = [
    "REGISTRY",
    "channels",
    "likes",
    "members",
    "messages",
    "notifications",
    "preferences",
    "presence",
    "push",
    "ratings",
    "reactions",
    "reads",
    "rooms",
    "saves",
    "session",
    "typing",
    "viewers",
]
