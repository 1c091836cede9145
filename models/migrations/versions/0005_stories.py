"""Stories, posts and who may see an event"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what stories need, and let an event say whom it is for."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    moment = sa.DateTime(timezone=True) if postgresql else sa.Text()

    op.add_column("event_log", sa.Column("audience", sa.Text))
    op.create_table(
        "stories",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("author_id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text),
        sa.Column("title", sa.Text),
        sa.Column("genre", sa.Text),
        sa.Column("body", sa.Text),
        sa.Column("visibility", sa.Text, nullable=False),
        sa.Column("reach", sa.Text, nullable=False),
        sa.Column("position", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("published_at", moment),
        sa.PrimaryKeyConstraint("id", name="pk_stories"),
    )
    op.create_index("ix_stories_reach_position", "stories", ["reach", "position"])
    there = sa.text("reach <> 'nobody'")
    op.create_index(
        "ix_stories_author_id_position",
        "stories",
        ["author_id", "position"],
        sqlite_where=there,
        postgresql_where=there,
    )
    op.create_table(
        "posts",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("story_id", sa.Text, nullable=False),
        sa.Column("author_id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("body", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_posts"),
    )
    op.create_index("ix_posts_story_id_state_id", "posts", ["story_id", "state", "id"])
