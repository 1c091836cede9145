"""The gallery's files over HTTP: pictures and thumbnails, for those who may see them."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from handlers import images
from handlers.base import Context, Services
from handlers.errors import ActionError
from models.database import Database
from server.dispatch import failure
from server.media import Media
from server.rest import RestDoor, respond

# What an image shows never changes; who may see it does, until it is everyone's.
_FOR_EVER = "max-age=31536000, immutable"
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
_THUMBNAIL_TYPE = "image/webp"
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    # Nobody's file may run anything here, whatever a browser makes of it.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
}


class GalleryDoor:
    """``GET /api/images/{imageId}/file`` and ``…/thumbnail``.

    Args:
        rest: knows who sends a request.
        database: asked who may see an image.
        services: the ports that checking access takes.
        media: holds the files.
        visitors: whether those without a token may see what is everyone's, and caches keep it for them.
    """

    def __init__(self, rest: RestDoor, database: Database, services: Services, media: Media, *, visitors: bool) -> None:
        self._rest = rest
        self._database = database
        self._services = services
        self._media = media
        self._cached = f"{'public' if visitors else 'private'}, {_FOR_EVER}"

    def routes(self) -> list[web.RouteDef]:
        """The routes of this door."""
        return [
            web.get("/api/images/{imageId}/file", self._serve(thumbnail=False)),
            web.get("/api/images/{imageId}/thumbnail", self._serve(thumbnail=True)),
        ]

    def _serve(self, *, thumbnail: bool) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            try:
                row, is_everyones = await self._find(request)
                headers = self._headers(row, is_everyones, thumbnail)
                if headers["ETag"] in request.headers.get("If-None-Match", ""):
                    return web.Response(status=304, headers=headers)
                size = row.thumbnail_bytes if thumbnail else row.bytes
                pieces = self._media.read(row.id, size, thumbnail=thumbnail)
                # The first piece before the headers: while there is none, there is something better to say.
                first = await anext(pieces)
            except Exception as error:
                return respond(failure(error))
            response = web.StreamResponse(headers=headers)
            response.content_length = size
            await response.prepare(request)
            if request.method != "HEAD":
                await response.write(first)
                try:
                    async for piece in pieces:
                        await response.write(piece)
                except ActionError:
                    # Too late for an answer: the reader sees that there should have been more.
                    request.protocol.force_close()
                    return response
            await response.write_eof()
            return response

        return serve

    async def _find(self, request: web.Request) -> tuple[Any, bool]:
        """The image, and whether it is everyone's. Raises ``NotFound``, ``Unauthenticated``, ``Forbidden``."""
        actor = await self._rest.actor(request)
        ctx = Context(actor, self._services)
        async with self._database.read() as ctx.conn:
            row = await images.visible(ctx, request.match_info["imageId"])
        return row, images.is_everyones(ctx, row)

    def _headers(self, row: Any, is_everyones: bool, thumbnail: bool) -> dict[str, str]:
        media_type = _THUMBNAIL_TYPE if thumbnail else row.media_type
        name = f"{'thumbnail' if thumbnail else 'picture'}.{_EXTENSIONS[media_type]}"
        return _SAFE | {
            "Content-Type": media_type,
            "Content-Disposition": f'inline; filename="{name}"',
            "Cache-Control": self._cached if is_everyones else "private, no-store",
            "ETag": f'"{row.id}"',
        }
