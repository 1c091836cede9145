"""Hubbub's realtime engine, by itself: a drop-in for python-socketio's AsyncServer, and its Redis bus."""

from server.engine.local_manager import LocalManager
from server.engine.peers import Peers
from server.engine.realtime_server import RealtimeServer
from server.engine.redis_bus import RedisBus
from server.engine.rooms import IndexedRooms
from server.engine.then import Then

__all__ = ["IndexedRooms", "LocalManager", "Peers", "RealtimeServer", "RedisBus", "Then", "topic_of"]


def topic_of(room: str, namespace: str = "/") -> str:
    """The topic of the bus that carries a room."""
    return f"{namespace}:{room}"
