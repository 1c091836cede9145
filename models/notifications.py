"""Notifications: what waits for a person, and how much of it they have not read."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, false, text

from models.database import metadata
from models.types import Json, Timestamp

# The ``id`` is the sending's: everybody whom it reached has a notification of that id.
# ``subject`` is the id of the message that it quotes, ``position`` its place in the list, the newest the greatest.
notifications = Table(
    "notifications",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("position", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("is_read", Boolean, nullable=False, server_default=false()),
    Column("link", Text),
    Column("data", Json, nullable=False),
    Column("count", Integer, nullable=False, server_default="1"),
    Column("collapse_key", Text),
    Column("subject", Text),
    Column("created_at", Timestamp, nullable=False),
    Index("ix_notifications_user_id_position", "user_id", "position"),
    Index(
        "ix_notifications_unread",
        "user_id",
        "position",
        sqlite_where=text("is_read = 0"),
        postgresql_where=text("NOT is_read"),
    ),
    Index(
        "ix_notifications_collapse_key",
        "user_id",
        "collapse_key",
        sqlite_where=text("collapse_key IS NOT NULL AND is_read = 0"),
        postgresql_where=text("collapse_key IS NOT NULL AND NOT is_read"),
    ),
    Index(
        "ix_notifications_subject",
        "subject",
        sqlite_where=text("subject IS NOT NULL"),
        postgresql_where=text("subject IS NOT NULL"),
    ),
)

inboxes = Table(
    "inboxes",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("unread_count", Integer, nullable=False, server_default="0"),
)
