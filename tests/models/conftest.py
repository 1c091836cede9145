"""Fixtures of the tests of what is stored: the same tests on both databases."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from models.database import Database
from models.migrate import upgrade
from server.setting_urls import database_url
from tests.support.postgres_server import PostgresServer

T = TypeVar("T")


@dataclass
class Store:
    """A migrated database with an event loop of its own, for tests that hypothesis calls again and again."""

    url: str
    database: Database
    runner: asyncio.Runner

    def run(self, work: Callable[[Database], Awaitable[T]]) -> T:
        """What a coroutine function makes of the database."""

        async def working() -> T:
            return await work(self.database)

        return self.runner.run(working())


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """A store at an async URL, closed at the end."""
    with asyncio.Runner() as runner:

        async def connect() -> Database:
            return Database(url)

        database = runner.run(connect())
        try:
            yield Store(url, database, runner)
        finally:
            runner.run(database.close())


@pytest.fixture(scope="module")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store in an SQLite file."""
    url = sqlite_url(tmp_path_factory.mktemp("models"))
    upgrade(url)
    with opened(url) as store:
        yield store


@pytest.fixture(scope="module")
def postgres_store(postgres_server: PostgresServer) -> Iterator[Store]:
    """A store in PostgreSQL."""
    with opened(database_url(postgres_server.create_database())) as store:
        yield store


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each kind of store in turn, shared by a module: its tests use channels, rooms and users of their own."""
    return request.getfixturevalue("sqlite_store" if request.param == "sqlite" else "postgres_store")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The async URL of a new database without any table, of each kind in turn."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    return database_url(postgres.create_database(migrated=False))


def sqlite_url(folder: Path) -> str:
    """The async URL of an SQLite file in a folder."""
    return database_url(f"sqlite:///{folder / 'hubbub.db'}")
