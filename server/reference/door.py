"""The reference's routes: both documents, made when they are first asked for."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import orjson
from aiohttp import web

from server.reference import asyncapi, openapi
from server.settings import Settings

# They change with the program alone; who reads them again within a minute needs no new copy.
_CACHE = "public, max-age=60"


class ReferenceDoor:
    """``/api/openapi.json`` and ``/api/asyncapi.json``, for everyone: they say what there is and nothing of anybody."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def routes(self) -> list[web.RouteDef]:
        """The routes of this door."""
        where = f"{self._settings.host}:{self._settings.port}"
        return [
            web.get("/api/openapi.json", _serve(openapi.document)),
            web.get("/api/asyncapi.json", _serve(lambda: asyncapi.document(where, self._settings.entity_types))),
        ]


def _serve(document: Callable[[], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
    @cache
    def made() -> bytes:
        return orjson.dumps(document())

    async def serve(request: web.Request) -> web.Response:
        return web.Response(body=made(), content_type="application/json", headers={"Cache-Control": _CACHE})

    return serve
