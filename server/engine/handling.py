"""The ground floor of `RealtimeServer`: sending one packet, calling one handler."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import socketio

from server.engine.outgoing import Outgoing
from server.engine.reasons import Reason


class HandlingServer(socketio.AsyncServer):
    """Replaces how `socketio.AsyncServer` calls handlers."""

    reason = Reason
    eio: Any
    manager: Any

    def encode(
        self, kind: int, data: Any, namespace: str = "/", packet_id: int | None = None, *, volatile: bool = False
    ) -> Outgoing:
        """Return a packet ready to send."""
        raise NotImplementedError

    def _send(self, eio_sid: str, kind: int, data: Any, namespace: str, packet_id: int | None = None) -> None:
        session = self.eio.sockets.get(eio_sid)
        if session is not None:
            session.send(self.encode(kind, data, namespace, packet_id))

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """Replaces `AsyncServer._trigger_event`, which calls lifecycle handlers again after any TypeError in them."""
        handler, args = self._get_event_handler(event, namespace, args)
        if handler is None:
            handler, args = self._get_namespace_handler(namespace, args)
            if handler is None:
                return self.not_handled
            if event in self.reserved_events:
                method = getattr(handler, f"on_{event}", None)
                args = args if method is None else _fitting(method, args)
            return await handler.trigger_event(event, *args)
        if event in self.reserved_events:
            args = _fitting(handler, args)
        try:
            result = handler(*args)
            return await result if inspect.isawaitable(result) else result
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return None

    async def _trigger_catch_all(self, event: str, namespace: str, *args: Any) -> Any:
        """Call the catch-all handler, if any, for an event with the name of a handler of another kind."""
        handler = self.handlers.get(namespace, {}).get("*")
        arguments: tuple[Any, ...] = (event, *args)
        if handler is None:
            handler = self.handlers.get("*", {}).get("*")
            arguments = (event, namespace, *args)
        if handler is None:
            return self.not_handled
        result = handler(*arguments)
        return await result if inspect.isawaitable(result) else result


def _fitting(handler: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments without the last one (`auth`, `reason`) for a handler that takes one less."""
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):
        return args
    try:
        signature.bind(*args)
    except TypeError:
        return args[:-1]
    return args
