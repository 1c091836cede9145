"""Hubbub's realtime engine, by itself: a drop-in for python-socketio's AsyncServer, and its Redis manager."""

from server.engine.handover import watch_abort
from server.engine.local_manager import LocalManager
from server.engine.peers import Peers
from server.engine.realtime_server import RealtimeServer
from server.engine.reasons import RECOVERABLE
from server.engine.recovery import Recovered
from server.engine.redis_bus import RedisBus
from server.engine.redis_manager import RedisManager
from server.engine.rooms import IndexedRooms
from server.engine.then import Then
from server.engine.topics import topic_of

__all__ = [
    "RECOVERABLE",
    "IndexedRooms",
    "LocalManager",
    "Peers",
    "RealtimeServer",
    "Recovered",
    "RedisBus",
    "RedisManager",
    "Then",
    "topic_of",
    "watch_abort",
]
