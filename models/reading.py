"""Reading: who may read an entity.

A story or a post that Hubbub has is its readers'; a deleted one is nobody's. Every other entity is an application's
own, and everyone's.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from models import posts, stories
from models.users import User

KINDS = ("story", "post")


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may read a story (``post`` is None) or a post of it."""

    story: Any
    post: Any = None

    def include(self, reader: User | None) -> bool:
        """Whether somebody (None: a visitor) is one of them."""
        if self.post is None:
            return stories.may_read(self.story.reach, self.story.author_id, reader)
        return posts.may_read(self.post, self.story, reader)


async def readers(conn: AsyncConnection, kind: str, id: str, *, share: bool = False) -> Readers | None:
    """Who may read a story or a post; None for an entity that is the application's own, and everyone's.

    With ``share`` the story's reach stays as it is until the transaction ends.
    """
    if kind not in KINDS:
        return None
    post = await posts.get(conn, id) if kind == "post" else None
    if kind == "post" and post is None:
        return None
    story_id = id if post is None else post.story_id
    story = await (stories.share if share else stories.get)(conn, story_id)
    return None if story is None else Readers(story, post)
