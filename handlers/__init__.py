"""What a client can do: one module a noun. Importing the package fills the registry of actions."""

from handlers import (
    channels,
    comments,
    likes,
    members,
    messages,
    moderation,
    posts,
    ratings,
    reactions,
    reads,
    rooms,
    sanctions,
    saves,
    session,
    stories,
    typing,
)
from handlers.base import REGISTRY

__all__ = [
    "REGISTRY",
    "channels",
    "comments",
    "likes",
    "members",
    "messages",
    "moderation",
    "posts",
    "ratings",
    "reactions",
    "reads",
    "rooms",
    "sanctions",
    "saves",
    "session",
    "stories",
    "typing",
]
