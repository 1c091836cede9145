"""Records, their versions, and conflicts"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what collections are stored in."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    moment = sa.DateTime(timezone=True) if postgresql else sa.Text()

    op.create_table(
        "records",
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("position", sa.Text, nullable=False),
        sa.Column("data", sa.Text),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("owner_id", sa.Text),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("updated_by", sa.Text),
        sa.PrimaryKeyConstraint("collection", "id", name="pk_records"),
    )
    _partial_index("ix_records_collection_position", "records", ["collection", "position"], "data IS NOT NULL")
    _partial_index("ix_records_owner_id", "records", ["collection", "owner_id", "position"], "data IS NOT NULL")
    op.create_table(
        "record_versions",
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("data", sa.Text),
        sa.Column("owner_id", sa.Text),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("updated_by", sa.Text),
        sa.Column("replaced_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("collection", "record_id", "version", name="pk_record_versions"),
    )
    op.create_index("ix_record_versions_replaced_at", "record_versions", ["replaced_at"])
    op.create_table(
        "conflicts",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("collection", sa.Text, nullable=False),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("local", sa.Text),
        sa.Column("remote", sa.Text),
        sa.Column("base", sa.Text),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("base_version", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("resolution", sa.Text),
        sa.Column("resolved_by", sa.Text),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("resolved_at", moment),
        sa.PrimaryKeyConstraint("id", name="pk_conflicts"),
    )
    op.create_index("ix_conflicts_user_id_status", "conflicts", ["user_id", "status", "id"])
    op.create_index("ix_conflicts_status", "conflicts", ["status", "id"])
    op.create_index("ix_conflicts_resolved_at", "conflicts", ["resolved_at"])
    _partial_index("ix_conflicts_open", "conflicts", ["collection", "record_id", "user_id"], "status = 'open'")


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
