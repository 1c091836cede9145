"""A polling client's way to WebSocket: probe, answer, switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.engine.outgoing import PROBE_ANSWER
from server.engine.polling import PollingTransport

if TYPE_CHECKING:
    from server.engine.session import Session
    from server.engine.websocket import WebSocketTransport


class Upgrade:
    """Watches the WebSocket that a polling session has opened until it takes over or fails.

    Until then everything goes through polling, so that a failed upgrade loses nothing.
    """

    def __init__(self, session: Session, websocket: WebSocketTransport) -> None:
        self._session = session
        self._websocket = websocket
        self.probed = False
        self._over = False
        session.upgrade = self
        websocket.receive = self._receive
        websocket.lost = self._lost

    def give_up(self) -> None:
        """End an upgrade that did not complete; the session goes on polling."""
        if not self._over:
            self._over = True
            self._session.upgrade = None
            self._websocket.close(code=1002)

    def _receive(self, packet: str | bytes) -> None:
        session = self._session
        polling = session.transport
        if session.closed or not isinstance(polling, PollingTransport):
            self.give_up()
        elif packet == "2probe" and not self.probed:
            self.probed = True
            self._websocket.send(PROBE_ANSWER)
            polling.release_poll()
        elif packet == "5" and self.probed:
            self._switch(polling)
        else:
            self.give_up()

    def _switch(self, polling: PollingTransport) -> None:
        self._over = True
        session, websocket = self._session, self._websocket
        session.upgrade = None
        session.attach_websocket(websocket)
        for outgoing in polling.hand_over():
            websocket.send(outgoing)
        if session.reading_paused:
            websocket.set_reading_paused(True)

    def _lost(self, _reason: str) -> None:
        if not self._over:
            self._over = True
            self._session.upgrade = None
