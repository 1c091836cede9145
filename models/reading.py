"""Reading: who may read an entity.

A story or a post that Hubbub has is its readers'; a deleted one is nobody's. Every other entity is an application's
own, and everyone's.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from models import posts, stories
from models.audience import Audience, only
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

    @property
    def audience(self) -> Audience | None:
        """Those whom an event about it is for: None for everyone, else its authors. Moderators hear on ``admin``."""
        people = None if self.story.reach in {stories.PUBLIC, stories.LINK} else {self.story.author_id}
        if self.post is not None and self.post.state != posts.SHOWN:
            held = {self.post.author_id}
            people = held if people is None else people & held
        return None if people is None else only(people)


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
