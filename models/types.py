"""Column types, and the time as the wire writes it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import DateTime, Text
from sqlalchemy.types import TypeDecorator


def now() -> str:
    """The present time: ISO 8601, UTC, milliseconds."""
    return to_wire(datetime.now(UTC))


def ago(seconds: float) -> str:
    """The time that many seconds before now, as ``now()`` writes it."""
    return to_wire(datetime.now(UTC) - timedelta(seconds=seconds))


def ahead(seconds: float) -> str:
    """The time that many seconds after now."""
    return ago(-seconds)


def to_wire(moment: datetime) -> str:
    """A moment as ``2026-11-21T01:02:03.456Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


class Timestamp(TypeDecorator[str]):
    """A moment: in Python the text of the wire, in PostgreSQL ``timestamptz``, in SQLite the same text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        """``timestamptz`` where the database has it."""
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        """The wire's text to what the driver takes."""
        return datetime.fromisoformat(value) if value is not None and dialect.name == "postgresql" else value

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        """What the driver gives to the wire's text."""
        return to_wire(value) if isinstance(value, datetime) else value


class Json(TypeDecorator[Any]):
    """A JSON value in a text column: the same bytes on both databases, written and read by orjson."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        """A Python value to JSON text."""
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        """JSON text to a Python value."""
        return None if value is None else orjson.loads(value)
