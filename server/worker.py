"""One worker: an event loop that serves one application until it is told to end."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine

import uvloop
from aiohttp import web

from server import listener
from server.errors import StartupError
from server.keys import DRAIN
from server.settings import Settings
from server.termination import Termination

log = logging.getLogger(__name__)

CreateApp = Callable[[Settings], web.Application]

# A drain has answered everything; a handler that still runs after it gets this long before it is cancelled.
HANDLER_SECONDS = 0.5
# What stays between the drain's end and the process's, of the 2 s that the contract gives it.
CLEANUP_SECONDS = 1.6


def run(settings: Settings, create_app: CreateApp, sock: socket.socket, announce: Callable[[], None]) -> int:
    """Serve on a bound socket until SIGTERM or SIGINT, then drain; the exit status.

    Calls `announce` once connections are accepted. Raises StartupError when the application cannot be started.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        termination = Termination(runner.get_loop(), settings.drain_seconds + CLEANUP_SECONDS)
        try:
            runner.run(_serve(settings, create_app, sock, announce, termination))
        except StartupError:
            termination.begin(2)
            raise
        except Exception:
            log.exception("The worker failed by a defect")
            termination.begin(1)
            return 1
        return 0


async def _serve(
    settings: Settings,
    create_app: CreateApp,
    sock: socket.socket,
    announce: Callable[[], None],
    termination: Termination,
) -> None:
    app = create_app(settings)
    # handler_cancellation stays off: a client that goes away must not stop a write half-way to its commit.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=False, shutdown_timeout=HANDLER_SECONDS)
    try:
        if await _completed(_start(runner, sock, settings), termination.wanted):
            announce()
            await termination.wanted.wait()
            await _drain(app, settings.drain_seconds)
    finally:
        await _clean_up(runner)


async def _start(runner: web.AppRunner, sock: socket.socket, settings: Settings) -> None:
    await runner.setup()
    try:
        await web.SockSite(runner, sock, backlog=listener.BACKLOG).start()
    except OSError as error:
        raise listener.refusal(error, settings.host, settings.port) from error


async def _completed(work: Coroutine[None, None, None], unwanted: asyncio.Event) -> bool:
    """Whether `work` was done before it became unwanted; if not it is cancelled."""
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(unwanted.wait())
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done()
    finally:
        waiting.cancel()
        working.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


async def _drain(app: web.Application, seconds: float) -> None:
    """Let the application end its business. It goes on listening meanwhile: /readyz tells balancers that it drains."""
    drain = app.get(DRAIN)
    if drain is None:
        return
    log.info("Draining", extra={"seconds": seconds})
    try:
        async with asyncio.timeout(seconds):
            await drain()
    except TimeoutError:
        log.warning("The drain was not over after HUBBUB_DRAIN_SECONDS; what is left is cut off")
    except Exception:
        log.exception("The drain failed by a defect; what is left is cut off")


async def _clean_up(runner: web.AppRunner) -> None:
    """Close everything. A failure is logged and no more, so that it hides no failure of the start."""
    try:
        await runner.cleanup()
    except Exception:
        log.exception("The clean-up failed by a defect")
