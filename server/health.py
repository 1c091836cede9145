"""Health: alive, ready, and why not."""

import asyncio
import logging
from collections.abc import Callable

from aiohttp import web

from models import migrate
from models.database import Database
from server.engine import RedisBus

log = logging.getLogger("hubbub.health")

CHECK_SECONDS = 2.0


class Health:
    """``/healthz`` and ``/readyz``.

    Args:
        database: must answer, and have the newest schema.
        bus: must have been heard from, where there is one.
        draining: whether the worker is on its way out.
    """

    def __init__(self, database: Database, bus: RedisBus | None, draining: Callable[[], bool]) -> None:
        self._database = database
        self._bus = bus
        self._draining = draining

    def routes(self) -> list[web.RouteDef]:
        """The routes of this door."""
        return [web.get("/healthz", self._alive), web.get("/readyz", self._ready)]

    async def _alive(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _ready(self, request: web.Request) -> web.Response:
        wrong = await self.objections()
        return web.json_response(
            {"status": "not ready" if wrong else "ready", "reasons": wrong},
            status=503 if wrong else 200,
            headers={"Cache-Control": "no-store"},
        )

    async def objections(self) -> list[str]:
        """Why this worker should get no traffic, one sentence each; none when it should."""
        wrong = []
        if self._draining():
            wrong.append("This worker is draining.")
        if self._bus is not None and not self._bus.healthy:
            wrong.append("The bus is not heard: is Redis (REDIS_URL) reachable?")
        try:
            async with asyncio.timeout(CHECK_SECONDS), self._database.read() as conn:
                if not await migrate.is_current(conn):
                    wrong.append("The database's schema is not this program's: run `python -m server migrate`.")
        except Exception as error:
            log.info("The database did not answer the readiness check", extra={"cause": repr(error)})
            wrong.append("The database (DATABASE_URL) does not answer.")
        return wrong
