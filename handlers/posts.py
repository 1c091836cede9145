"""Posts: what people say about a story."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from handlers import community, images, moderation
from handlers.base import Context, handles
from handlers.errors import Forbidden, NotFound
from handlers.payload import Choice, Id, Payload, Text, client_id, limit
from handlers.stories import EVERYBODY, EXCERPT, TITLE_MAX, fit, keep, readable
from handlers.words import screen
from models import engagement, posts, stories

_CREATE = "post:create"
KIND = "post"
BODY_MAX = 20_000
TYPES = ("discussion", "review", "question", "announcement")


class CreatePost(Payload):
    """``post:create``."""

    story_id = Id(required=True)
    title = Text(1, TITLE_MAX, required=True)
    body = Text(1, BODY_MAX)
    type = Choice(*TYPES, load_default="discussion")
    client_id = client_id()


class UpdatePost(Payload):
    """``post:update``."""

    post_id = Id(required=True)
    title = Text(1, TITLE_MAX)
    body = Text(1, BODY_MAX)
    type = Choice(*TYPES)


class OnePost(Payload):
    """An action on a post."""

    post_id = Id(required=True)


class ListPosts(Payload):
    """``post:list``."""

    story_id = Id(required=True)
    before = Id()
    limit = limit(20, 100)


_PATH = "/api/stories/{storyId}/posts"


@handles(_CREATE, CreatePost, rest=("POST", _PATH), speaks=True)
async def create_post(
    ctx: Context, story_id: str, title: str, body: str = "", type: str = "discussion", client_id: str | None = None
) -> dict[str, Any]:
    """Say something about a story that one may read; what holds certain words waits for a moderator first."""
    story = await readable(ctx, await stories.share(ctx.conn, story_id))
    _may_be(ctx, story, type)
    post = await posts.create(
        ctx.conn,
        story_id=story_id,
        author_id=ctx.user.id,
        client_id=client_id,
        type=type,
        title=title,
        body=body,
        state=posts.HELD if screen(ctx, title=title, body=body) else posts.SHOWN,
    )
    if post.state == posts.HELD:
        await engagement.lock(ctx.conn, f"post:{post.id}")
        await _queue(ctx, post)
    community.post_created(ctx, story, post)
    for channel in (community.COMMUNITY, f"story:{story_id}:comments"):
        ctx.after_commit.append(partial(ctx.services.typing.stop, channel, ctx.user.id))
    ctx.created = True
    return posts.wire(post, ctx.user.wire())


@handles("post:update", UpdatePost, rest=("PATCH", "/api/posts/{postId}"), speaks=True)
async def update_post(ctx: Context, post_id: str, **changes: Any) -> dict[str, Any]:
    """Change one's own post; with certain words in it, it waits for a moderator before others see it on."""
    story, post = await _locked(ctx, post_id)
    if post.author_id != ctx.user.id:
        raise Forbidden("Only its author changes a post.")
    _may_be(ctx, story, changes.get("type", post.type))
    if not changes:
        return posts.wire(post, ctx.user.wire())
    held = screen(ctx, title=changes.get("title"), body=changes.get("body")) or post.state == posts.HELD
    changed = await posts.change(ctx.conn, post_id, state=posts.HELD if held else posts.SHOWN, **changes)
    await community.post_changed(ctx, story, changed, post.state)
    if held:
        await _queue(ctx, changed)
    return await _kept(ctx, changed)


@handles("post:delete", OnePost, rest=("DELETE", "/api/posts/{postId}"))
async def delete_post(ctx: Context, post_id: str) -> dict[str, Any]:
    """Remove a post; its author may, and moderators."""
    story, post = await _locked(ctx, post_id)
    if post.author_id != ctx.user.id and not ctx.actor.is_moderator:
        raise Forbidden("Only its author and moderators delete a post.")
    rejected = post.author_id != ctx.user.id
    gone = await _erase(ctx, story, post, rejected=rejected)
    await moderation.settle(ctx, KIND, post_id, rejected=rejected)
    return gone


@handles("post:list", ListPosts, rest=("GET", _PATH), reads=True, audience=EVERYBODY)
async def list_posts(ctx: Context, story_id: str, before: str | None = None, limit: int = 20) -> dict[str, Any]:
    """The posts of a story, the newest first: a page ends early when it grows long."""
    await readable(ctx, await stories.get(ctx.conn, story_id))
    found = await posts.page(ctx.conn, story_id, reader=ctx.actor.user, before=before, limit=limit)
    fitting = fit(found[:limit])
    return {"posts": await posts.wires(ctx.conn, fitting), "hasMore": len(found) > len(fitting)}


def _may_be(ctx: Context, story: Any, type: str) -> None:
    if type == "announcement" and story.author_id != ctx.user.id:
        raise Forbidden("Only the author of a story announces something about it.")


async def _locked(ctx: Context, post_id: str) -> tuple[Any, Any]:
    """The story of a post, whose reach stays, and the post, held, both as the actor may read. Raises ``NotFound``."""
    await engagement.lock(ctx.conn, f"post:{post_id}")
    story, post = await _both(ctx.conn, post_id)
    if post is None or not posts.may_read(post, story, ctx.actor.user):
        raise NotFound("There is no such post.")
    return story, post


async def _both(conn: AsyncConnection, post_id: str) -> tuple[Any, Any]:
    found = await posts.get(conn, post_id)
    story = await stories.share(conn, found.story_id) if found is not None else None
    return story, await posts.lock(conn, post_id) if story is not None else None


async def _erase(ctx: Context, story: Any, post: Any, *, rejected: bool) -> dict[str, Any]:
    erased = await posts.erase(ctx.conn, post.id)
    await images.clear(ctx, [f"post:{post.id}"], rejected=rejected)
    await community.post_changed(ctx, story, erased, post.state)
    return await _kept(ctx, erased)


async def _kept(ctx: Context, post: Any) -> dict[str, Any]:
    (wire,) = await posts.wires(ctx.conn, [post])
    await keep(ctx, _CREATE, post, wire)
    return wire


async def _queue(ctx: Context, post: Any) -> None:
    await moderation.hold(ctx, KIND, post.id, entity=f"post:{post.id}", author_id=post.author_id, cause="word")


async def _wires(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found = await posts.wires(conn, await posts.there(conn, ids))
    return {wire["id"]: wire | {"body": wire["body"][:EXCERPT]} for wire in found}


async def _approve(ctx: Context, post_id: str) -> None:
    story, post = await _both(ctx.conn, post_id)
    if post.state == posts.HELD:
        changed = await posts.change(ctx.conn, post_id, state=posts.SHOWN)
        await community.post_changed(ctx, story, changed, post.state)


async def _reject(ctx: Context, post_id: str) -> None:
    story, post = await _both(ctx.conn, post_id)
    if post.state == posts.HELD:
        await _erase(ctx, story, post, rejected=True)


moderation.KINDS[KIND] = moderation.Kind(_wires, _approve, _reject, "post")
