"""The errors of the contract, section 3: a stable code, the status of the REST door, a sentence for people.

A class's docstring is its message, unless the place that raises it knows better.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar


class ActionError(Exception):
    """The request failed."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    def wire(self) -> dict[str, Any]:
        """The ``error`` object of the contract."""
        return {"code": self.code, "message": str(self)}


class Unauthenticated(ActionError):
    """Sign in first: this needs a valid token."""

    code, status = "unauthenticated", 401


class Forbidden(ActionError):
    """You are not allowed to do this."""

    code, status = "forbidden", 403


class NotFound(ActionError):
    """There is nothing here by that name."""

    code, status = "not_found", 404


class Invalid(ActionError):
    """The request is not valid; see fields."""

    code, status = "invalid", 422

    def __init__(self, message: str | None = None, fields: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.fields = {name: list(_messages(said)) for name, said in (fields or {}).items()}

    def wire(self) -> dict[str, Any]:
        """The ``error`` object, with ``fields``: each field's messages."""
        return super().wire() | {"fields": self.fields}


def _messages(said: Any, place: str = "") -> Iterator[str]:
    """A field's messages, those of its parts behind their place in it: ``2.url: Must be text.``"""
    if isinstance(said, Mapping):
        for part, inner in said.items():
            yield from _messages(inner, f"{place}.{part}" if place else str(part))
    else:
        yield from (f"{place}: {each}" if place else each for each in said)


class Conflict(ActionError):
    """It has changed meanwhile; current is the stored value."""

    code, status = "conflict", 409

    def __init__(self, message: str | None = None, current: Any = None) -> None:
        super().__init__(message)
        self.current = current

    def wire(self) -> dict[str, Any]:
        """The ``error`` object, with ``current``: the stored value."""
        return super().wire() | {"current": self.current}


class TooLarge(ActionError):
    """The request is over a size limit."""

    code, status = "too_large", 413


class RateLimited(ActionError):
    """Too many requests; try again after retryAfter seconds."""

    code, status = "rate_limited", 429

    def __init__(self, retry_after: float, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = max(0.001, round(retry_after, 3))

    def wire(self) -> dict[str, Any]:
        """The ``error`` object, with ``retryAfter`` in seconds."""
        return super().wire() | {"retryAfter": self.retry_after}


class Unavailable(ActionError):
    """The server cannot do this at the moment; it is safe to try again."""

    code, status = "unavailable", 503


class Internal(ActionError):
    """The server failed."""

    code, status = "internal", 500
