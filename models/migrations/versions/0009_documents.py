"""Documents"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create documents, their updates, who may read them and their versions."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    moment = sa.DateTime(timezone=True) if postgresql else sa.Text()

    op.create_table(
        "documents",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("owner_id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("everyone", sa.Text, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("state_n", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("unsaved_since", moment),
        sa.Column("save_due_at", moment),
        sa.Column("keeper", sa.Text),
        sa.Column("kept_until", moment),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
    )
    op.create_index("ix_documents_owner_id_id", "documents", ["owner_id", "id"])
    due = sa.text("save_due_at IS NOT NULL")
    op.create_index("ix_documents_save_due_at", "documents", ["save_due_at"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "document_states",
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("document_id", name="pk_document_states"),
    )
    op.create_table(
        "document_access",
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("access", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("document_id", "user_id", name="pk_document_access"),
    )
    op.create_index("ix_document_access_user_id_document_id", "document_access", ["user_id", "document_id"])
    op.create_table(
        "document_updates",
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("document_id", "n", name="pk_document_updates"),
    )
    op.create_table(
        "document_versions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_document_versions"),
    )
    op.create_index("ix_document_versions_document_id_id", "document_versions", ["document_id", "id"])
    op.create_table(
        "document_bases",
        sa.Column("document_id", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("document_id", "version", name="pk_document_bases"),
    )
    op.create_index("ix_document_bases_at", "document_bases", ["at"])
