"""Broadcasts: notifications to everyone or to whole roles, written in batches behind the request."""

from sqlalchemy import Column, Index, Integer, Table, Text, text

from models.database import metadata
from models.types import Json, Timestamp

# ``roles`` null is everyone; ``cursor`` is the last user reached, and moves in the transaction that reaches them.
broadcasts = Table(
    "broadcasts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("roles", Json),
    Column("payload", Json, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("reached", Integer, nullable=False, server_default="0"),
    Column("cursor", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("done_at", Timestamp),
    Index("ix_broadcasts_open", "id", sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL")),
)
