"""Preferences: what each person wants to be notified of, and when."""

from sqlalchemy import Column, Table, Text

from models.database import metadata
from models.types import Json, Timestamp

preferences = Table(
    "preferences",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("types", Json, nullable=False),
    Column("quiet_hours", Json),
    Column("muted_rooms", Json, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
)
