"""The engine: a drop-in for python-socketio's AsyncServer and its Redis manager."""

from server.engine.redis_bus import RedisBus
from server.engine.thin import RealtimeServer, Then

__all__ = ["RealtimeServer", "RedisBus", "Then", "topic_of"]


def topic_of(room: str, namespace: str = "/") -> str:
    """The topic of the bus that carries a room."""
    return f"{namespace}:{room}"
