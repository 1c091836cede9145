"""Comments, ratings, likes, saves, moderation and sanctions"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what engagement with entities, and its moderation, are stored in."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    moment = sa.DateTime(timezone=True) if postgresql else sa.Text()

    _engagement(moment)
    _moderation(moment)


def _engagement(moment: sa.types.TypeEngine) -> None:
    op.create_table(
        "engagement",
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("comment_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("comment_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("like_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("save_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("rating_sum", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("rating_count", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("entity", name="pk_engagement"),
    )
    op.create_table(
        "likes",
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("entity", "user_id", name="pk_likes"),
    )
    op.create_table(
        "saves",
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "entity", name="pk_saves"),
    )
    op.create_index("uq_saves_user_id_id", "saves", ["user_id", "id"], unique=True)
    op.create_table(
        "ratings",
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("value", sa.Integer, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("entity", "user_id", name="pk_ratings"),
    )
    op.create_table(
        "comments",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("parent_id", sa.Text),
        sa.Column("client_id", sa.Text),
        sa.Column("body", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reply_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("edited_at", moment),
        sa.Column("deleted_at", moment),
        sa.PrimaryKeyConstraint("id", name="pk_comments"),
    )
    _partial_index("ix_comments_entity", "comments", ["entity", "position"], "status = 'approved'")
    _partial_index("ix_comments_parent_id", "comments", ["parent_id", "position"], "status = 'approved'")
    _partial_index("ix_comments_pending", "comments", ["user_id", "entity", "position"], "status = 'pending'")
    op.create_table(
        "comment_flags",
        sa.Column("comment_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("comment_id", "user_id", name="pk_comment_flags"),
    )


def _moderation(moment: sa.types.TypeEngine) -> None:
    op.create_table(
        "moderation",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("author_id", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("flag_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("reason", sa.Text),
        sa.Column("decided_by", sa.Text),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("decided_at", moment),
        sa.PrimaryKeyConstraint("id", name="pk_moderation"),
    )
    _partial_index("uq_moderation_subject", "moderation", ["kind", "subject_id"], "status = 'pending'", unique=True)
    op.create_index("ix_moderation_status", "moderation", ["status", "id"])
    op.create_table(
        "sanctions",
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("by_id", sa.Text, nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.Column("until", moment),
        sa.PrimaryKeyConstraint("user_id", "kind", name="pk_sanctions"),
    )


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
