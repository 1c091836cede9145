"""A small application under Hubbub's own `run`: `python -m tests.server.small_server NAME`, settings as ever.

It tells its pid at `/` and says on stdout what becomes of it. NAME picks what goes wrong.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from server.errors import StartupError
from server.keys import DRAIN
from server.runner import run
from server.settings import Settings, load


def say(what: str) -> None:
    print(f"{what} {os.getpid()}", flush=True)


def well(settings: Settings) -> web.Application:
    """Works."""

    async def pid(_request: web.Request) -> web.Response:
        return web.Response(text=str(os.getpid()))

    async def drain() -> None:
        say("drained")

    async def resources(_app: web.Application) -> AsyncIterator[None]:
        say("opened")
        yield
        say("closed")

    app = web.Application()
    app.router.add_get("/", pid)
    app[DRAIN] = drain
    app.cleanup_ctx.append(resources)
    return app


def refusing(settings: Settings) -> web.Application:
    """Cannot start, and knows why."""
    app = well(settings)

    async def refuse(_app: web.Application) -> None:
        raise StartupError("DATABASE_URL: the schema is old; run: hubbub migrate")

    app.on_startup.append(refuse)
    return app


def refusing_at_times(settings: Settings) -> web.Application:
    """Cannot start while there is a file named `refuse` in HUBBUB_VAR."""
    return refusing(settings) if (Path(settings.var_dir) / "refuse").exists() else well(settings)


def defective(settings: Settings) -> web.Application:
    """Fails by a defect."""
    raise ZeroDivisionError("a defect")


def starting_for_ever(settings: Settings) -> web.Application:
    """Never gets ready."""
    app = well(settings)

    async def start(_app: web.Application) -> None:
        say("starting")
        await asyncio.Event().wait()

    app.on_startup.append(start)
    return app


def draining_for_ever(settings: Settings) -> web.Application:
    """Has clients that cannot be drained."""
    app = well(settings)

    async def drain() -> None:
        say("draining")
        await asyncio.Event().wait()

    app[DRAIN] = drain
    return app


def draining_badly(settings: Settings) -> web.Application:
    """Fails by a defect while it drains."""
    app = well(settings)

    async def drain() -> None:
        raise ZeroDivisionError("a defect")

    app[DRAIN] = drain
    return app


def blocking_the_loop(settings: Settings) -> web.Application:
    """Blocks its event loop when asked to, for ever."""
    app = well(settings)

    async def block(_request: web.Request) -> web.Response:
        say("blocked")
        while True:
            time.sleep(1)

    app.router.add_get("/block", block)
    return app


def holding_a_thread(settings: Settings) -> web.Application:
    """Has a thread that never ends and that the interpreter waits for."""
    threading.Thread(target=threading.Event().wait).start()
    return well(settings)


if __name__ == "__main__":
    sys.exit(run(load({}, os.environ), create_app=globals()[sys.argv[1]]))
