"""Logging: one line a record on stderr, as text for people or as JSON for machines.

What a record is about goes into `extra`: `log.info("Worker died", extra={"worker": 2})`; each name becomes a field.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_STANDARD = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})

# A name that somebody chose must not begin a new line of the log, nor command the terminal that shows it.
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {9: "\\t", 10: "\\n", 13: "\\r"}


def set_up(level: str, form: str, **fields: Any) -> None:
    """Log from `level` (debug, info, warning, error) on, in `form` (text, json); `fields` stand in every line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(fields) if form == "json" else TextLines(fields))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    if level == "info":
        # Alembic tells about its own parts at this level, a dozen lines a start.
        logging.getLogger("alembic").setLevel(logging.WARNING)


class _Lines(logging.Formatter):
    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__()
        self._fields = fields

    def _all_fields(self, record: logging.LogRecord) -> dict[str, Any]:
        return self._fields | {name: value for name, value in vars(record).items() if name not in _STANDARD}

    def _trace(self, record: logging.LogRecord) -> str:
        return "\n".join(
            part
            for part in (
                record.exc_info and self.formatException(record.exc_info),
                record.stack_info and self.formatStack(record.stack_info),
            )
            if part
        )


class TextLines(_Lines):
    """`2026-11-21T01:02:03.456Z INFO server.app: message name=value`, with the traceback in lines of its own below."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        fields = "".join(f" {name}={_word(value)}" for name, value in self._all_fields(record).items())
        message = record.getMessage().translate(_ESCAPES)
        line = f"{_at(record)} {record.levelname} {record.name}: {message}{fields}"
        trace = self._trace(record)
        return f"{line}\n{trace}" if trace else line


class JsonLines(_Lines):
    """`{"at", "level", "logger", "message", "pid", …}`; the traceback is the field `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        line = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
        }
        if trace := self._trace(record):
            line["exception"] = trace
        # Given twice: first in the line, and not to be overwritten by a field of the same name.
        return json.dumps({**line, **self._all_fields(record), **line}, default=str)


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _word(value: Any) -> str:
    """A value as one word: quoted where it holds spaces, quotes or nothing."""
    text = str(value)
    if text and text.isprintable() and not any(character in ' "=\\' for character in text):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
