"""Stories: written by one, read by whom its author lets read."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from handlers import community, images, moderation
from handlers.base import Context, handles
from handlers.errors import Forbidden, NotFound
from handlers.payload import Choice, Id, Payload, Text, client_id, limit
from handlers.words import screen
from models import engagement, event_log, idempotency, posts, stories

_CREATE = "story:create"
KIND = "story"
EVERYBODY = ("user", "visitor", "backend")
TITLE_MAX, GENRE_MAX, BODY_MAX = 200, 50, 100_000
# A page of long stories ends early: a reply has to fit through a connection at once.
PAGE_CHARACTERS = 200_000
# How much of a body the queue of moderators shows.
EXCERPT = 2000


class CreateStory(Payload):
    """``story:create``."""

    title = Text(1, TITLE_MAX, required=True)
    genre = Text(1, GENRE_MAX, allow_none=True)
    body = Text(1, BODY_MAX)
    visibility = Choice("public", "unlisted", "private", load_default="private")
    client_id = client_id()


class UpdateStory(Payload):
    """``story:update``."""

    story_id = Id(required=True)
    title = Text(1, TITLE_MAX)
    genre = Text(1, GENRE_MAX, allow_none=True)
    body = Text(1, BODY_MAX)


class OneStory(Payload):
    """An action on a story."""

    story_id = Id(required=True)


class ShowStory(Payload):
    """``story:visibility``."""

    story_id = Id(required=True)
    visibility = Choice("public", "unlisted", "private", required=True)


class ListStories(Payload):
    """``story:list``."""

    author_id = Id()
    before = Id()
    limit = limit(20, 100)


@handles(_CREATE, CreateStory, rest=("POST", "/api/stories"), speaks=True)
async def create_story(
    ctx: Context,
    title: str,
    genre: str | None = None,
    body: str = "",
    visibility: str = "private",
    client_id: str | None = None,
) -> dict[str, Any]:
    """Write a story, for oneself at first; what holds certain words waits for a moderator before others see it."""
    held = screen(ctx, title=title, genre=genre, body=body)
    story = await stories.create(
        ctx.conn,
        author_id=ctx.user.id,
        client_id=client_id,
        title=title,
        genre=genre,
        body=body,
        visibility=visibility,
        reach=stories.reach_of(visibility, held=held),
    )
    if story.reach == stories.HELD:
        await engagement.lock(ctx.conn, f"story:{story.id}")
        await _queue(ctx, story)
    if story.reach == stories.PUBLIC:
        await community.story_changed(ctx, story, stories.AUTHOR)
    ctx.created = True
    return stories.wire(story, ctx.user.wire())


@handles("story:update", UpdateStory, rest=("PATCH", "/api/stories/{storyId}"), speaks=True)
async def update_story(ctx: Context, story_id: str, **changes: Any) -> dict[str, Any]:
    """Change one's own story; with certain words in it, it waits for a moderator before others see it on."""
    story = await _own(ctx, story_id)
    if not changes:
        return stories.wire(story, ctx.user.wire())
    held = screen(ctx, **changes) or story.reach == stories.HELD
    return await _change(ctx, story, stories.reach_of(story.visibility, held=held), **changes)


@handles("story:visibility", ShowStory, rest=("PUT", "/api/stories/{storyId}/visibility"), speaks=True)
async def show_story(ctx: Context, story_id: str, visibility: str) -> dict[str, Any]:
    """Let everyone find one's story, or whoever knows its id, or nobody."""
    story = await _own(ctx, story_id)
    if story.visibility == visibility:
        return stories.wire(story, ctx.user.wire())
    held = story.reach == stories.HELD
    if story.reach == stories.AUTHOR:
        held = screen(ctx, title=story.title, genre=story.genre, body=story.body)
    return await _change(ctx, story, stories.reach_of(visibility, held=held), visibility=visibility)


@handles("story:delete", OneStory, rest=("DELETE", "/api/stories/{storyId}"))
async def delete_story(ctx: Context, story_id: str) -> dict[str, Any]:
    """Remove a story with its posts; its author may, and moderators who can read it."""
    await readable(ctx, await stories.get(ctx.conn, story_id))
    waiting = await posts.held(ctx.conn, story_id)
    for post_id in waiting:
        await engagement.lock(ctx.conn, f"post:{post_id}")
    story = await _locked(ctx, story_id)
    if story.author_id != ctx.user.id and not ctx.actor.is_moderator:
        raise Forbidden("Only its author and moderators delete a story.")
    erased = await stories.erase(ctx.conn, story)
    gone = await posts.erase_all(ctx.conn, story_id)
    for post_id in waiting:
        await event_log.redact(ctx.conn, post_id, community.ERASED)
        await moderation.settle(ctx, "post", post_id, rejected=False)
    rejected = story.author_id != ctx.user.id
    await images.clear(ctx, [f"story:{story_id}", *(f"post:{post_id}" for post_id in gone)], rejected=rejected)
    await moderation.settle(ctx, KIND, story_id, rejected=rejected)
    await community.story_changed(ctx, erased, story.reach)
    return await _kept(ctx, erased)


@handles("story:get", OneStory, rest=("GET", "/api/stories/{storyId}"), reads=True, audience=EVERYBODY)
async def get_story(ctx: Context, story_id: str) -> dict[str, Any]:
    """One story."""
    story = await readable(ctx, await stories.get(ctx.conn, story_id))
    return (await stories.wires(ctx.conn, [story]))[0]


@handles("story:list", ListStories, rest=("GET", "/api/stories"), reads=True, audience=EVERYBODY)
async def list_stories(
    ctx: Context, author_id: str | None = None, before: str | None = None, limit: int = 20
) -> dict[str, Any]:
    """Public stories and one's own, the newest first: a page ends early when it grows long."""
    reader = ctx.actor.user.id if ctx.actor.user else None
    found = await stories.page(ctx.conn, reader_id=reader, author_id=author_id, before=before, limit=limit)
    fitting = fit(found[:limit])
    return {"stories": await stories.wires(ctx.conn, fitting), "hasMore": len(found) > len(fitting)}


def fit(rows: Any) -> list[Any]:
    """The first rows, at least one if there is any, whose bodies are not too long together."""
    fitting: list[Any] = []
    size = 0
    for row in rows:
        size += len(row.body)
        if fitting and size > PAGE_CHARACTERS:
            break
        fitting.append(row)
    return fitting


async def readable(ctx: Context, story: Any) -> Any:
    """The story, if the actor may read it. Raises ``NotFound``."""
    if story is None or not stories.may_read(story.reach, story.author_id, ctx.actor.user):
        raise NotFound("There is no such story.")
    return story


async def keep(ctx: Context, action: str, row: Any, wire: dict[str, Any]) -> None:
    """Answer this from now on to whoever creates the same again under its client id: what went stays gone."""
    if row.client_id is not None:
        await idempotency.replace_result(ctx.conn, row.author_id, action, row.client_id, wire)


async def _locked(ctx: Context, story_id: str) -> Any:
    """A story that the actor may read, held until the transaction ends. Raises ``NotFound``."""
    await engagement.lock(ctx.conn, f"story:{story_id}")
    return await readable(ctx, await stories.lock(ctx.conn, story_id))


async def _own(ctx: Context, story_id: str) -> Any:
    """One's own story, held. Raises ``Forbidden`` as well."""
    story = await _locked(ctx, story_id)
    if story.author_id != ctx.user.id:
        raise Forbidden("Only its author changes a story.")
    return story


async def _change(ctx: Context, story: Any, reach: str, **changes: Any) -> dict[str, Any]:
    changed = await stories.change(ctx.conn, story, reach=reach, **changes)
    await community.story_changed(ctx, changed, story.reach)
    if reach == stories.HELD:
        await _queue(ctx, changed)
    elif story.reach == stories.HELD:
        await moderation.settle(ctx, KIND, story.id, rejected=False)
    return await _kept(ctx, changed)


async def _kept(ctx: Context, story: Any) -> dict[str, Any]:
    (wire,) = await stories.wires(ctx.conn, [story])
    await keep(ctx, _CREATE, story, wire)
    return wire


async def _queue(ctx: Context, story: Any) -> None:
    await moderation.hold(ctx, KIND, story.id, entity=f"story:{story.id}", author_id=story.author_id, cause="word")


async def _wires(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found = await stories.wires(conn, await stories.there(conn, ids))
    return {wire["id"]: wire | {"body": wire["body"][:EXCERPT]} for wire in found}


async def _approve(ctx: Context, story_id: str) -> None:
    story = await stories.lock(ctx.conn, story_id)
    if story is not None and story.reach == stories.HELD:
        changed = await stories.change(ctx.conn, story, reach=stories.reach_of(story.visibility))
        await community.story_changed(ctx, changed, story.reach)


async def _reject(ctx: Context, story_id: str) -> None:
    """What may not be shown stays its author's."""
    story = await stories.lock(ctx.conn, story_id)
    if story is not None and story.reach == stories.HELD:
        changed = await stories.change(ctx.conn, story, reach=stories.AUTHOR, visibility="private")
        await community.story_changed(ctx, changed, story.reach)


moderation.KINDS[KIND] = moderation.Kind(_wires, _approve, _reject, "story")
