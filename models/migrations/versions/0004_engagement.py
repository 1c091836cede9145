"""Comments, ratings, likes, saves, moderation and sanctions"""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Being laid out."""
