"""Demo mode: guests sign in with a name, and find a place to talk."""

import time
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from marshmallow import ValidationError
from sqlalchemy.exc import DBAPIError

from handlers.declared import SharedData
from handlers.errors import Invalid, NotFound
from handlers.payload import Choice, Payload, Text
from models import records, rooms
from models.database import Database, is_retryable
from models.ids import new_id
from server.dispatch import Reply, failure
from server.identity import COOKIE, GUEST_CLAIM, Identity
from server.mirror import Mirror
from server.peer import Peer
from server.rest import body, respond
from server.settings import Settings
from server.shared_data import read

GUEST_SECONDS = 7 * 86_400
COLLECTIONS = Path(__file__).with_name("demo.toml")
ROOMS = {
    "Lobby": "Come in and say hello.",
    "Travel": "Where have you been, and where to next?",
    "Stories": "What are you reading or writing?",
}
TASKS = {"say-hello": "Say hello in the Lobby", "second-tab": "Open this page in a second tab"}


def shared_data(settings: Settings) -> SharedData:
    """The collections and tables that were declared; in demo mode, if none were, the demo's own."""
    if settings.shared_data is None and settings.demo:
        return read(COLLECTIONS)
    return settings.shared_data or SharedData()


class Guest(Payload):
    """``POST /api/session``."""

    name = Text(1, 50, required=True)
    role = Choice("user", "moderator", load_default="user")


class DemoDoor:
    """``POST /api/session``: a token for a guest; outside of demo mode there is no such thing."""

    def __init__(self, settings: Settings, identity: Identity, mirror: Mirror, peer: Peer) -> None:
        self._settings = settings
        self._identity = identity
        self._mirror = mirror
        self._peer = peer
        self._schema = Guest()

    def routes(self) -> list[web.RouteDef]:
        """The routes of this door."""
        return [web.post("/api/session", self._sign_in), web.delete("/api/session", self._sign_out)]

    async def _sign_in(self, request: web.Request) -> web.Response:
        try:
            return await self._guest(request)
        except Exception as error:
            return respond(failure(error))

    async def _guest(self, request: web.Request) -> web.Response:
        if not self._settings.demo or not self._settings.secret:
            raise NotFound("Guests sign in in demo mode only.")
        payload = await body(request)
        if not isinstance(payload, dict):
            raise Invalid("The payload must be an object.")
        try:
            guest = self._schema.load(payload)
        except ValidationError as error:
            raise Invalid(fields=error.normalized_messages()) from error
        now = int(time.time())
        claims: dict[str, Any] = {"sub": new_id(), "name": guest["name"].strip(), "role": guest["role"]}
        # Marked, so that it opens nothing where the same secret is used without the demo.
        claims |= {GUEST_CLAIM: True, "iat": now, "exp": now + GUEST_SECONDS}
        token = jwt.encode(claims, self._settings.secret, "HS256")
        user = (await self._identity.user(token)).user
        assert user is not None
        await self._mirror.remember(user)
        response = respond(Reply({"ok": True, "data": {"token": token, "user": user.wire()}}, 201))
        response.set_cookie(
            COOKIE, token, max_age=GUEST_SECONDS, httponly=True, samesite="Lax", secure=self._peer.secure(request)
        )
        return response

    async def _sign_out(self, request: web.Request) -> web.Response:
        response = respond(Reply({"ok": True, "data": {}}))
        response.del_cookie(COOKIE)
        return response


async def furnish(database: Database, settings: Settings) -> None:
    """Open the rooms of the demo, those that are not there yet, and enter the tasks that were never there."""
    try:
        await _furnish(database, settings)
    except DBAPIError as error:
        if not is_retryable(error):
            raise
        # Another worker that began at the same time was quicker, and everything is there.
        await _furnish(database, settings)


async def _furnish(database: Database, settings: Settings) -> None:
    async with database.write() as conn:
        for name, description in ROOMS.items():
            if await rooms.find_public(conn, name) is None:
                await rooms.create(conn, name=name, description=description, visibility="public")
        for id, title in TASKS.items() if settings.shared_data is None else ():
            row = await records.take(conn, "tasks", id)
            if row.version == 0:
                await records.write(conn, row, {"title": title, "done": False}, by=None, owner_id=None)
