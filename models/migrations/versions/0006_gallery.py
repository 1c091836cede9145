"""Pictures"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what galleries are stored in, and what remembers the files that are to be removed."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    moment = sa.DateTime(timezone=True) if postgresql else sa.Text()

    op.add_column("engagement", sa.Column("image_count", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "images",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text),
        sa.Column("caption", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("is_featured", sa.Boolean, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("thumbnail_bytes", sa.Integer, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_images"),
    )
    op.create_index("ix_images_entity_status_id", "images", ["entity", "status", "id"])
    _partial_index("ix_images_pending", ["user_id", "entity", "id"], "status = 'pending'")
    _partial_index("uq_images_featured", ["entity"], "is_featured", unique=True)
    op.create_table(
        "leftovers",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("is_taken", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_leftovers"),
    )
    op.create_index("ix_leftovers_due_at", "leftovers", ["due_at"])


def _partial_index(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, "images", columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
