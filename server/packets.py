"""The JSON of Socket.IO packets."""

from typing import Any

import orjson


class PacketJson:
    """orjson with the interface that python-socketio expects of a JSON module."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        """A value as JSON text. Raises ``TypeError`` for what JSON cannot carry."""
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(text: str | bytes, **_: Any) -> Any:
        """A value from JSON text. Raises ``ValueError`` for what is not JSON, ``NaN`` included."""
        return orjson.loads(text)
