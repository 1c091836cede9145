"""Secrets: what the program made up for itself and every worker keeps to, such as the key pair of Web Push."""

from sqlalchemy import Column, Table, Text, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.types import Timestamp, now

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False),
)


async def get(conn: AsyncConnection, name: str) -> str | None:
    """The secret of that name, None before it was kept."""
    value: str | None = await conn.scalar(select(secrets.c.value).where(secrets.c.name == name))
    return value


async def keep(conn: AsyncConnection, name: str, value: str) -> str:
    """The secret of that name: ``value`` if there was none, for else the first one stays."""
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    offered = make(secrets).values(name=name, value=value, created_at=now())
    await conn.execute(offered.on_conflict_do_nothing())
    kept: str = (await conn.execute(select(secrets.c.value).where(secrets.c.name == name))).scalar_one()
    return kept
