"""Hubbub's realtime engine: `RealtimeServer`, a drop-in `socketio.AsyncServer`, by itself."""

from server.engine.local_manager import LocalManager
from server.engine.realtime_server import RealtimeServer
from server.engine.rooms import IndexedRooms

__all__ = ["IndexedRooms", "LocalManager", "RealtimeServer"]
