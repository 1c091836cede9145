"""The end of a worker process: asked for politely, and certain."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import wait


class Termination:
    """From the wish that this process end to its end.

    The wish is SIGTERM, SIGINT or, for a worker under a supervisor, that one's death. `wanted` is then set, in the
    loop; `seconds` later the process is gone, whatever still hangs: a drain, a handler that blocks the loop, a thread
    that the interpreter would wait for. Hence a thread of its own keeps the time. A second SIGINT ends it at once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.wanted = asyncio.Event()
        self._loop = loop
        self._seconds = seconds
        self._status = 0
        self._wishes, self._wish = os.pipe()
        supervisor = multiprocessing.parent_process()
        self._sentinels = [] if supervisor is None else [supervisor.sentinel]
        signal.signal(signal.SIGTERM, self._on_signal)
        if supervisor is None:
            signal.signal(signal.SIGINT, self._on_signal)
        threading.Thread(target=self._keep_time, name="termination", daemon=True).start()

    def begin(self, status: int) -> None:
        """Start the countdown without being asked from outside: the process ends by itself, with this exit status."""
        self._status = status
        os.write(self._wish, bytes([signal.SIGTERM]))

    def _on_signal(self, number: int, _frame: object) -> None:
        # A handler may interrupt anything, so it takes no lock: it writes a byte and leaves the rest to the thread.
        os.write(self._wish, bytes([number]))

    def _keep_time(self) -> None:
        if self._wishes in wait([self._wishes, *self._sentinels]):
            os.read(self._wishes, 1)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the end is near anyway
            self._loop.call_soon_threadsafe(self.wanted.set)
        deadline = time.monotonic() + self._seconds
        while wait([self._wishes], max(0, deadline - time.monotonic())):
            if os.read(self._wishes, 1)[0] == signal.SIGINT:
                os._exit(128 + signal.SIGINT)
        os.write(2, b"hubbub: HUBBUB_DRAIN_SECONDS are over and something still hangs; ending without it\n")
        os._exit(self._status)
