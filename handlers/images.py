"""Images: the pictures that people add to an entity's gallery, and that moderators let appear."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from handlers import access, moderation
from handlers.base import Context, handles
from handlers.entities import OneEntity
from handlers.errors import Conflict, Forbidden, NotFound, Unavailable
from handlers.payload import File, Id, Payload, Text, Upload, client_id, limit
from handlers.words import screen
from models import engagement, event_log, idempotency, images, leftovers

_PATH = "/api/{type}/{id}/images"
_UPLOAD = "image:upload"
KIND = "image"
CAPTION_MAX = 500


class UploadImage(OneEntity):
    """``image:upload``."""

    file = File(required=True)
    caption = Text(0, CAPTION_MAX)
    client_id = client_id()


class ListImages(OneEntity):
    """``image:list``."""

    before = Id()
    limit = limit(50, 100)


class OneImage(Payload):
    """An action on an image."""

    image_id = Id(required=True)


class FeatureImage(OneEntity):
    """``image:feature``."""

    image_id = Id(required=True)


async def _receive(
    ctx: Context, type: str, id: str, file: Upload, caption: str | None = None, client_id: str | None = None
) -> None:
    """Store what was uploaded, if it is a picture that this actor may add here and has not added before."""
    access.entity(type, id, ctx.services.rules)
    screen(ctx, caption=caption)

    async def wanted(conn: AsyncConnection) -> bool:
        ctx.conn = conn
        await access.engaged(ctx, type, id)
        if client_id is None:
            return True
        repeated, _ = await idempotency.first_result(conn, ctx.user.id, _UPLOAD, client_id)
        return not repeated

    file.kept = await ctx.services.pictures.keep(file, wanted)


@handles(_UPLOAD, UploadImage, rest=("POST", _PATH), speaks=True, prepare=_receive)
async def upload_image(
    ctx: Context, type: str, id: str, file: Upload, caption: str | None = None, client_id: str | None = None
) -> dict[str, Any]:
    """Add a picture to an entity's gallery: JPEG, PNG, WebP or GIF; it waits for a moderator unless one adds it.

    Its metadata is taken off, and it is turned upright. What others would take for another kind of file is refused.
    """
    entity = await access.engaged(ctx, type, id)
    # The upload may have taken a while.
    ctx.services.sanctions.require(ctx.actor, speaks=True)
    await engagement.lock(ctx.conn, entity)
    if file.kept is None or not await leftovers.keep(ctx.conn, file.kept.id):
        raise Unavailable("The picture took too long to store; send it again.")
    pending = not ctx.actor.is_moderator
    row = await images.create(
        ctx.conn, entity, ctx.user.id, file.kept, caption=caption or None, client_id=client_id, pending=pending
    )
    ctx.created = True
    if pending:
        await moderation.hold(ctx, KIND, row.id, entity=entity, author_id=ctx.user.id, cause="upload")
    else:
        ctx.publish(f"{entity}:images", "image:added", images.wire(row), subject=row.id)
    return images.wire(row)


@handles("image:list", ListImages, rest=("GET", _PATH), reads=True, audience=("user", "visitor", "backend"))
async def list_images(ctx: Context, type: str, id: str, before: str | None = None, limit: int = 50) -> dict[str, Any]:
    """A page of an entity's gallery, newest first; of what waits for a moderator, one's own and moderators' all."""
    entity = await access.engaged(ctx, type, id)
    found, more = await images.page(
        ctx.conn,
        entity,
        pending_of=ctx.actor.user.id if ctx.actor.user else None,
        all_pending=ctx.actor.is_moderator,
        before=before,
        limit=limit,
    )
    return {"images": [images.wire(row) for row in found], "hasMore": more}


@handles("image:delete", OneImage, rest=("DELETE", "/api/images/{imageId}"))
async def delete_image(ctx: Context, image_id: str) -> dict[str, Any]:
    """Remove a picture and its files; its uploader may, and moderators."""
    row = await _held(ctx, image_id)
    if not _is_in_charge(ctx, row):
        raise Forbidden("Only its uploader and moderators delete a picture.")
    wire = await _remove(ctx, row)
    await moderation.settle(ctx, KIND, row.id, rejected=row.user_id != ctx.user.id)
    return wire


@handles("image:feature", FeatureImage, rest=("PUT", "/api/{type}/{id}/featured-image"))
async def feature_image(ctx: Context, type: str, id: str, image_id: str) -> dict[str, Any]:
    """Let a picture stand for its entity, instead of any other; moderators may."""
    if ctx.user and not ctx.actor.is_moderator:
        raise Forbidden("Only moderators choose the picture that stands for something.")
    row = await _held(ctx, image_id)
    if row.entity != access.entity(type, id, ctx.services.rules):
        raise NotFound("There is no such picture here.")
    if row.status != "approved":
        raise Conflict("This picture waits for a moderator.", current=images.wire(row))
    if not row.is_featured:
        row = await images.feature(ctx.conn, row)
        ctx.publish(f"{row.entity}:images", "image:featured", images.wire(row), subject=row.id)
    return images.wire(row)


async def visible(ctx: Context, image_id: str) -> Any:
    """An image that the actor may see. Raises ``NotFound``."""
    row = await images.get(ctx.conn, image_id)
    if row is not None and not (row.status == "pending" and ctx.actor.is_moderator):
        # Moderators look at whatever waits for them.
        await access.engaged(ctx, *engagement.parts(row.entity))
    if row is None or (row.status == "pending" and not _is_in_charge(ctx, row)):
        raise NotFound("There is no such picture.")
    return row


async def clear(ctx: Context, entities: Sequence[str], *, rejected: bool) -> None:
    """Remove the pictures of entities that are deleted, by a moderator if ``rejected``.

    The entities are held. Nobody hears their channels any more, so that moderators alone are told, of what waited.
    """
    for row in await images.clear(ctx.conn, entities):
        await _dispose(ctx, row)
        if row.status == "pending":
            await moderation.settle(ctx, KIND, row.id, rejected=rejected)


def is_everyones(ctx: Context, image: Any) -> bool:
    """Whether anybody may see an image that was found ``visible``."""
    return image.status == "approved" and image.entity not in ctx.readers


def _is_in_charge(ctx: Context, row: Any) -> bool:
    user = ctx.actor.user
    return user is not None and (row.user_id == user.id or ctx.actor.is_moderator)


async def _held(ctx: Context, image_id: str) -> Any:
    """An image that the actor may see, its entity held. Raises ``NotFound``, ``Unauthenticated``, ``Forbidden``."""
    row = await visible(ctx, image_id)
    await engagement.lock(ctx.conn, row.entity)
    # It may be gone meanwhile.
    return await visible(ctx, image_id)


async def _remove(ctx: Context, row: Any) -> dict[str, Any]:
    await images.remove(ctx.conn, row)
    if row.status == "approved":
        ctx.publish(f"{row.entity}:images", "image:deleted", {"imageId": row.id})
    return await _dispose(ctx, row)


async def _dispose(ctx: Context, row: Any) -> dict[str, Any]:
    """Have the files of a removed picture removed, and its caption from where it was told; the image as it is now."""
    await leftovers.leave(ctx.conn, row.id)
    ctx.after_commit.append(lambda: ctx.services.background.wake("leftovers"))
    await event_log.redact(ctx.conn, row.id, {"caption": None, "subject": {"caption": None}})
    return await _known(ctx, row, images.wire(row) | {"caption": None, "status": "deleted", "isFeatured": False})


async def _known(ctx: Context, row: Any, wire: dict[str, Any]) -> dict[str, Any]:
    """The image, and from now on the answer to whoever sends it again under its client id."""
    if row.client_id is not None:
        await idempotency.replace_result(ctx.conn, row.user_id, _UPLOAD, row.client_id, wire)
    return wire


async def _wires(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {id: images.wire(row) for id, row in (await images.among(conn, ids)).items()}


async def _approve(ctx: Context, image_id: str) -> None:
    row = await images.get(ctx.conn, image_id)
    if row is not None and row.status == "pending":
        row = await images.approve(ctx.conn, row)
        wire = await _known(ctx, row, images.wire(row))
        ctx.publish(f"{row.entity}:images", "image:added", wire, subject=row.id)


async def _reject(ctx: Context, image_id: str) -> None:
    row = await images.get(ctx.conn, image_id)
    if row is not None:
        await _remove(ctx, row)


moderation.KINDS[KIND] = moderation.Kind(_wires, _approve, _reject, "picture")
