"""Chat, people and the event log"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of the first release."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    moment = sa.DateTime(timezone=True) if postgresql else sa.Text()

    op.create_table(
        "channels",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_channels"),
    )
    op.create_table(
        "event_log",
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.PrimaryKeyConstraint("channel", "seq", name="pk_event_log"),
    )
    op.create_index("ix_event_log_at", "event_log", ["at"])
    _partial_index("ix_event_log_subject", "event_log", ["subject"], "subject IS NOT NULL")
    op.create_table(
        "results",
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "action", "client_id", name="pk_results"),
    )
    op.create_index("ix_results_created_at", "results", ["created_at"])
    op.create_table(
        "users",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("first_name", sa.Text, nullable=False, server_default=""),
        sa.Column("last_name", sa.Text, nullable=False, server_default=""),
        sa.Column("picture", sa.Text),
        sa.Column("role", sa.Text, nullable=False, server_default="user"),
        sa.Column("last_seen_at", moment),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
    )
    op.create_table(
        "rooms",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("name_key", sa.Text),
        sa.Column("direct_key", sa.Text),
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("visibility", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("slow_mode", sa.Integer, nullable=False, server_default="0"),
        sa.Column("member_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("message_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("active_at", moment, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rooms"),
        sa.UniqueConstraint("direct_key", name="uq_rooms_direct_key"),
    )
    _partial_index("uq_rooms_public_name", "rooms", ["name_key"], "visibility = 'public' AND is_active", unique=True)
    op.create_index("ix_rooms_visibility", "rooms", ["visibility", "active_at"])
    op.create_table(
        "members",
        sa.Column("room_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("joined_at", moment, nullable=False),
        sa.Column("last_read_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("last_sent_at", moment),
        sa.PrimaryKeyConstraint("room_id", "user_id", name="pk_members"),
    )
    op.create_index("ix_members_user_id", "members", ["user_id"])
    op.create_table(
        "messages",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("room_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text),
        sa.Column("message", sa.Text),
        sa.Column("search", sa.Text, nullable=False),
        sa.Column("reply_to_id", sa.Text),
        sa.Column("mentions", sa.Text, nullable=False),
        sa.Column("attachments", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("edited_at", moment),
        sa.Column("deleted_at", moment),
        sa.PrimaryKeyConstraint("number", name="pk_messages"),
        sa.UniqueConstraint("id", name="uq_messages_id"),
    )
    op.create_index("uq_messages_room_id_seq", "messages", ["room_id", "seq"], unique=True)
    _partial_index("uq_messages_client_id", "messages", ["user_id", "client_id"], "client_id IS NOT NULL", unique=True)
    _partial_index("ix_messages_deleted", "messages", ["room_id", "seq"], "deleted_at IS NOT NULL")
    op.create_table(
        "mentions",
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("room_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "room_id", "seq", name="pk_mentions"),
    )
    op.create_table(
        "reactions",
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("emoji", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "emoji", "user_id", name="pk_reactions"),
    )
    _full_text_search(postgresql)


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _full_text_search(postgresql: bool) -> None:
    if postgresql:
        op.execute("CREATE INDEX ix_messages_search ON messages USING gin (to_tsvector('simple'::regconfig, search))")
        return
    op.execute(
        "CREATE VIRTUAL TABLE messages_fts USING fts5(search, content='messages', content_rowid='number', prefix='2 3')"
    )
    op.execute(
        "CREATE TRIGGER messages_fts_insert AFTER INSERT ON messages BEGIN"
        " INSERT INTO messages_fts(rowid, search) VALUES (new.number, new.search); END"
    )
    op.execute(
        "CREATE TRIGGER messages_fts_delete AFTER DELETE ON messages BEGIN"
        " INSERT INTO messages_fts(messages_fts, rowid, search) VALUES ('delete', old.number, old.search); END"
    )
    op.execute(
        "CREATE TRIGGER messages_fts_update AFTER UPDATE OF search ON messages BEGIN"
        " INSERT INTO messages_fts(messages_fts, rowid, search) VALUES ('delete', old.number, old.search);"
        " INSERT INTO messages_fts(rowid, search) VALUES (new.number, new.search); END"
    )
