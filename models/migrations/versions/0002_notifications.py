"""Notifications, preferences and broadcasts"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what notifications need."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    moment = sa.DateTime(timezone=True) if postgresql else sa.Text()

    op.create_table(
        "notifications",
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("position", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("is_read", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("link", sa.Text),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False, server_default="1"),
        sa.Column("collapse_key", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_notifications"),
    )
    op.create_index("ix_notifications_user_id_position", "notifications", ["user_id", "position"])
    _partial_index("ix_notifications_unread", "notifications", ["user_id", "position"], "is_read = 0", "NOT is_read")
    _partial_index(
        "ix_notifications_collapse_key",
        "notifications",
        ["user_id", "collapse_key"],
        "collapse_key IS NOT NULL AND is_read = 0",
        "collapse_key IS NOT NULL AND NOT is_read",
    )
    _partial_index("ix_notifications_subject", "notifications", ["subject"], "subject IS NOT NULL")
    op.create_table(
        "inboxes",
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("unread_count", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("user_id", name="pk_inboxes"),
    )
    op.create_table(
        "preferences",
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("types", sa.Text, nullable=False),
        sa.Column("quiet_hours", sa.Text),
        sa.Column("muted_rooms", sa.Text, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_preferences"),
    )
    op.create_table(
        "broadcasts",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("roles", sa.Text),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("recipients", sa.Integer, nullable=False),
        sa.Column("reached", sa.Integer, nullable=False, server_default="0"),
        sa.Column("cursor", sa.Text),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("done_at", moment),
        sa.PrimaryKeyConstraint("id", name="pk_broadcasts"),
    )
    _partial_index("ix_broadcasts_open", "broadcasts", ["id"], "done_at IS NULL")
    # A broadcast to a role walks along it.
    op.create_index("ix_users_role", "users", ["role", "id"])


def _partial_index(name: str, table: str, columns: list[str], where: str, postgresql_where: str | None = None) -> None:
    op.create_index(
        name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(postgresql_where or where)
    )
