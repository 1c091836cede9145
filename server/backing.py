"""Backing services: the database, Redis and the other workers, as the settings name them."""

import asyncio
import logging
from typing import Any

from redis import asyncio as aioredis
from sqlalchemy.exc import SQLAlchemyError

from models import migrate
from models.database import Database
from server import demo
from server.engine import Peers, RedisBus
from server.errors import StartupError
from server.leases import Leases
from server.leases_memory import MemoryLeases
from server.leases_redis import RedisLeases
from server.settings import Settings

log = logging.getLogger(__name__)


def bus_of(settings: Settings) -> RedisBus | None:
    """The bus to the other workers; None without Redis."""
    if settings.redis_url is None:
        return None
    return RedisBus(
        settings.redis_url,
        prefix=settings.redis_prefix,
        timeout=settings.redis_timeout_seconds,
        nonce_seconds=settings.bus_nonce_seconds,
        deaf_seconds=settings.bus_deaf_seconds,
    )


def redis_of(settings: Settings) -> Any:
    """The client for leases and limits; None without Redis."""
    if settings.redis_url is None:
        return None
    options: dict[str, Any] = {
        "decode_responses": True,
        "socket_timeout": settings.redis_timeout_seconds,
        "socket_connect_timeout": settings.redis_timeout_seconds,
    }
    scheme, cluster, rest = settings.redis_url.partition("+cluster://")
    if cluster:
        return aioredis.RedisCluster.from_url(f"{scheme}://{rest}", **options)
    return aioredis.Redis.from_url(settings.redis_url, **options)


def leases_of(settings: Settings, redis: Any, bus: RedisBus | None) -> Leases:
    """What workers hold for as long as they live: in Redis, or in memory where there is only this one."""
    if bus is None:
        return MemoryLeases()
    return RedisLeases(
        redis,
        bus.worker_id,
        settings.redis_prefix,
        lease_seconds=settings.presence_lease_seconds,
        timeout=settings.redis_timeout_seconds,
    )


def peers_of(settings: Settings, redis: Any) -> Peers | None:
    """The other workers, for sessions that their clients divide among several; None without Redis."""
    if redis is None:
        return None
    return Peers(
        redis, prefix=settings.redis_prefix, host=settings.peer_host, timeout=settings.peer_timeout_seconds, logger=log
    )


async def start_peers(settings: Settings, peers: Peers) -> None:
    """Let the other workers reach this one. Raises ``StartupError`` when they cannot."""
    try:
        await peers.start()
    except OSError as error:
        if settings.peer_host is not None:
            raise StartupError(
                f"HUBBUB_PEER_HOST={settings.peer_host}: it cannot be listened on ({error}); give an address of this"
                " machine"
            ) from error
        raise StartupError(
            f"The other workers' way to this one cannot be opened: {error}. Set TMPDIR to a folder with a short path"
            " that this user may write to."
        ) from error


async def open_database(settings: Settings, database: Database) -> None:
    """Make sure that the database is there and has this program's schema; an embedded one is brought to it.

    Raises ``StartupError`` when it cannot be used.
    """
    try:
        if database.dialect == "sqlite":
            await asyncio.to_thread(migrate.upgrade, settings.database_url)
        async with database.read() as conn:
            current = await migrate.is_current(conn)
        if current and settings.demo:
            await demo.furnish(database, settings)
    except (SQLAlchemyError, OSError) as error:
        said = str(getattr(error, "orig", error)).splitlines()
        # A time-out says nothing.
        cause = said[0] if said else type(error).__name__
        raise StartupError(
            f"The database cannot be used: {cause}. Check that it runs, and DATABASE_URL and its rights."
        ) from error
    if not current:
        raise StartupError(
            "The database's schema is not this program's (DATABASE_URL): run `python -m server migrate` first."
        )
