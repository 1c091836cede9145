"""What is told on ``community``: to each reader of a story what they may know of it.

When fewer people may read a story than before, those for whom it was listed hear that it is gone, whoever hears of it
or its posts and may not any more is sent away, and what the log says of its text goes.
"""

from typing import Any

from handlers import access
from handlers.base import Context
from models import event_log, posts, stories
from models.audience import Audience, everyone_but, only

COMMUNITY = "community"
_UNLISTED = {"title": None, "genre": None}
ERASED = _UNLISTED | {"subject": {"title": None, "genre": None, "body": None}}
# From the fewest readers to the most.
_EXTENT = [stories.NOBODY, stories.AUTHOR, stories.HELD, stories.LINK, stories.PUBLIC]


async def story_changed(ctx: Context, story: Any, before: str) -> None:
    """Tell of a story as it is now; ``before`` is how far it reached, and ``author`` where it is new."""
    told = {"storyId": story.id, "timestamp": story.updated_at}
    author = only([story.author_id])
    if story.reach == stories.PUBLIC != before:
        published = {"title": story.title, "authorId": story.author_id, "genre": story.genre}
        ctx.publish(COMMUNITY, "story:published", told | published, subject=story.id)
    elif story.reach == stories.PUBLIC:
        ctx.publish(COMMUNITY, "story:updated", told)
    elif story.reach == stories.NOBODY:
        ctx.publish(COMMUNITY, "story:deleted", told, audience=None if before == stories.PUBLIC else author)
    else:
        if before == stories.PUBLIC:
            ctx.publish(COMMUNITY, "story:deleted", told, audience=everyone_but([story.author_id]))
        ctx.publish(COMMUNITY, "story:updated", told, audience=author)
    if _EXTENT.index(story.reach) < _EXTENT.index(before):
        await event_log.redact(ctx.conn, story.id, ERASED if story.reach == stories.NOBODY else _UNLISTED)
        if story.reach != stories.LINK:
            access.announce(ctx, "story", story.id)


def post_created(ctx: Context, story: Any, post: Any) -> None:
    """Tell of a post that is new, or has passed moderation; nobody hears of one that is held."""
    if post.state != posts.SHOWN:
        return
    told = _of(post) | {"authorId": post.author_id, "title": post.title, "type": post.type}
    ctx.publish(COMMUNITY, "post:created", told, subject=story.id, audience=_readers(story, post))


async def post_changed(ctx: Context, story: Any, post: Any, before: str) -> None:
    """Tell of a post as it is now; ``before`` is the state that it was in."""
    told = _of(post)
    if post.state == posts.SHOWN and before == posts.HELD:
        post_created(ctx, story, post)
    elif post.state == posts.SHOWN:
        ctx.publish(COMMUNITY, "post:updated", told, audience=_readers(story, post))
    elif before == posts.HELD:
        if post.state == posts.DELETED:
            ctx.publish(COMMUNITY, "post:deleted", told, audience=only([post.author_id]))
        else:
            ctx.publish(COMMUNITY, "post:updated", told, audience=only([post.author_id]))
    else:
        await _post_gone(ctx, story, post)
    if post.state == posts.DELETED:
        await event_log.redact(ctx.conn, post.id, ERASED)
        access.announce(ctx, "post", post.id)


async def _post_gone(ctx: Context, story: Any, post: Any) -> None:
    """Tell those who could read a post that it is gone, and its author, where it is but held, that it was changed."""
    told, readers = _of(post), _readers(story, post)
    await event_log.redact(ctx.conn, story.id, _UNLISTED, about=("postId", post.id))
    if post.state == posts.DELETED:
        ctx.publish(COMMUNITY, "post:deleted", told, audience=readers)
        return
    author = {post.author_id}
    others = everyone_but(author) if readers is None else only(readers.people - author)
    ctx.publish(COMMUNITY, "post:deleted", told, audience=others)
    ctx.publish(COMMUNITY, "post:updated", told, audience=only(author))
    access.announce(ctx, "post", post.id)


def _of(post: Any) -> dict[str, Any]:
    return {"postId": post.id, "storyId": post.story_id, "timestamp": post.updated_at}


def _readers(story: Any, post: Any) -> Audience | None:
    """Who hears of a post that is shown: everyone only where the story is listed for everyone."""
    if story.reach == stories.PUBLIC:
        return None
    return only([story.author_id, post.author_id] if story.reach == stories.LINK else [story.author_id])
