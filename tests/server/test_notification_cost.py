"""What a notification costs the database: one transaction, however many tabs its reader has open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database
from server import app as wiring
from server.background import BackgroundWork
from server.settings import load
from tests.support.hubbub import Hubbub
from tests.support.js import JsClients, JsSocket
from tests.support.postgres_server import PostgresServer
from tests.support.process import free_port
from tests.support.waiting import eventually

TABS = 3
# What looks into the database by itself, whatever people do.
BY_ITSELF = ("Retention.", "Broadcaster.", "PushSender.", "Delivery._watch")


class CountedDatabase(Database):
    """A database that notes on whose behalf it is used, and how."""

    uses: list[tuple[str, str]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.uses = []

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Note a read."""
        return self._noted("read", super().read())

    def scan(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Note a long read."""
        return self._noted("scan", super().scan())

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Note a transaction."""
        return self._noted("write", super().write())

    @asynccontextmanager
    async def _noted(
        self, kind: str, work: AbstractAsyncContextManager[AsyncConnection]
    ) -> AsyncIterator[AsyncConnection]:
        task = asyncio.current_task()
        assert task is not None
        whose = getattr(task.get_coro(), "__qualname__", repr(task))
        if not whose.startswith(BY_ITSELF):
            self.uses.append((kind, whose))
        async with work as conn:
            yield conn


class WatchedWork(BackgroundWork):
    """Background work that notes what was woken: each look for something to do would be a transaction as well."""

    def __init__(self) -> None:
        super().__init__()
        self.woken: list[str] = []

    def wake(self, work: str) -> None:
        """Note it, and wake."""
        self.woken.append(work)
        super().wake(work)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_notification_to_somebody_with_three_tabs_is_one_transaction(
    js: JsClients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, kind: str
) -> None:
    # Not started: it knows how a server is configured, and makes tokens for it.
    plan = Hubbub()
    variables = {name: value for name, value in plan.env.items() if name.isupper()} | {"HUBBUB_VAR": str(tmp_path)}
    if kind == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        variables["DATABASE_URL"] = postgres.create_database()
    made: list[CountedDatabase] = []

    def counted(*args: Any, **kwargs: Any) -> CountedDatabase:
        made.append(CountedDatabase(*args, **kwargs))
        return made[-1]

    work = WatchedWork()
    monkeypatch.setattr(wiring, "Database", counted)
    monkeypatch.setattr(wiring, "BackgroundWork", lambda: work)
    tabs: list[JsSocket] = []
    runner = web.AppRunner(wiring.create_app(load({}, variables)))
    await runner.setup()
    try:
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        url, [database] = f"http://127.0.0.1:{port}", made
        for _ in range(TABS):
            tabs.append(await js.connect(url, {"token": plan.token("ada")}, transports=["websocket"]))
        body = {"userIds": ["ada"], "title": "Hello", "message": "Hello", "type": "SYSTEM"}
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {plan.api_key}"}) as backend:
            for number in range(1, 4):
                database.uses.clear()
                async with backend.post(f"{url}/api/notifications", json=body) as answer:
                    assert answer.status == 201
                for tab in tabs:
                    told = await tab.wait_for("notification:created")
                    assert told.data["data"]["unreadCount"] == number
                assert [how for how, _ in database.uses] == ["write"], database.uses
            assert work.woken == []
        await eventually(lambda: all(len(tab.received("notification:created")) == 3 for tab in tabs), "all tabs")
    finally:
        for tab in tabs:
            await tab.disconnect()
        await runner.cleanup()
