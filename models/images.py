"""Images: the pictures of an entity's gallery. What the files hold lies elsewhere, under the image's id.

An image is ``approved`` (everyone who may read the entity sees it) or ``pending`` (its uploader and moderators alone).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models import engagement
from models.database import metadata
from models.sets import as_set, one_of
from models.types import Timestamp, now
from models.users import PROFILE, profile, users

images = Table(
    "images",
    metadata,
    Column("id", Text, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("client_id", Text),
    Column("caption", Text),
    Column("status", Text, nullable=False),
    Column("is_featured", Boolean, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("thumbnail_bytes", Integer, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Index("ix_images_entity_status_id", "entity", "status", "id"),
    Index(
        "ix_images_pending",
        "user_id",
        "entity",
        "id",
        sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
    Index(
        "uq_images_featured",
        "entity",
        unique=True,
        sqlite_where=text("is_featured"),
        postgresql_where=text("is_featured"),
    ),
)

_WITH_UPLOADER = select(images, *PROFILE).join(users, users.c.id == images.c.user_id)
_ONE = _WITH_UPLOADER.where(images.c.id == bindparam("image"))
_OF_ENTITIES = _WITH_UPLOADER.where(one_of(images.c.entity, "entities")).order_by(images.c.id)
_MANY = _WITH_UPLOADER.where(one_of(images.c.id, "ids"))
# Written out, because a planner takes an index of some rows only for a condition that says which.
_APPROVED = images.c.status == literal_column("'approved'")
_PENDING = images.c.status == literal_column("'pending'")
_FEATURED = literal_column("images.is_featured", Boolean)


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture whose files are stored: under what id, of what kind (``image/jpeg``), and how large.

    ``width`` and ``height`` are in pixels.
    """

    id: str
    media_type: str
    width: int
    height: int
    bytes: int
    thumbnail_bytes: int


def wire(row: Any) -> dict[str, Any]:
    """The image as it leaves; its addresses are paths of this server."""
    kind, entity_id = engagement.parts(row.entity)
    return {
        "id": row.id,
        "entityType": kind,
        "entityId": entity_id,
        "url": f"/api/images/{row.id}/file",
        "thumbnailUrl": f"/api/images/{row.id}/thumbnail",
        "width": row.width,
        "height": row.height,
        "bytes": row.bytes,
        "caption": row.caption,
        "status": row.status,
        "isFeatured": row.is_featured,
        "createdAt": row.created_at,
        "user": profile(row.user_id, row.name, row.first_name, row.last_name, row.picture),
    }


async def get(conn: AsyncConnection, image_id: str) -> Any | None:
    """The image with its uploader's profile, or None."""
    return (await conn.execute(_ONE, {"image": image_id})).one_or_none()


async def among(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, Any]:
    """Those of the images that there are, with their uploaders' profiles."""
    if not ids:
        return {}
    return {row.id: row for row in await conn.execute(_MANY, {"ids": as_set(ids)})}


async def create(
    conn: AsyncConnection,
    entity: str,
    user_id: str,
    picture: Kept,
    *,
    caption: str | None,
    client_id: str | None,
    pending: bool,
) -> Any:
    """Put a picture into the gallery of an entity that is held; the image with its uploader's profile."""
    row = {
        "id": picture.id,
        "entity": entity,
        "user_id": user_id,
        "client_id": client_id,
        "caption": caption,
        "status": "pending" if pending else "approved",
        "is_featured": False,
        "media_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "bytes": picture.bytes,
        "thumbnail_bytes": picture.thumbnail_bytes,
        "created_at": now(),
    }
    await conn.execute(insert(images), [row])
    if not pending:
        await engagement.change(conn, entity, image_count=1)
    return await get(conn, picture.id)


async def approve(conn: AsyncConnection, image: Any) -> Any:
    """Let everybody see an image that was pending; its entity is held."""
    await engagement.change(conn, image.entity, image_count=1)
    return await _change(conn, image, status="approved")


async def feature(conn: AsyncConnection, image: Any) -> Any:
    """Make an image the one that stands for its entity, which is held, instead of any other."""
    await conn.execute(update(images).where(images.c.entity == image.entity, _FEATURED).values(is_featured=False))
    return await _change(conn, image, is_featured=True)


async def remove(conn: AsyncConnection, image: Any) -> None:
    """Delete an image, of which nothing stays; its entity is held."""
    await conn.execute(delete(images).where(images.c.id == image.id))
    if image.status == "approved":
        await engagement.change(conn, image.entity, image_count=-1)


async def clear(conn: AsyncConnection, entities: Sequence[str]) -> Sequence[Any]:
    """Delete all images of entities that are gone, whose counts nobody reads; what they were, with their uploaders."""
    named = {"entities": as_set(entities)}
    found = (await conn.execute(_OF_ENTITIES, named)).all()
    await conn.execute(delete(images).where(one_of(images.c.entity, "entities")), named)
    return found


async def _change(conn: AsyncConnection, image: Any, **values: Any) -> Any:
    await conn.execute(update(images).where(images.c.id == image.id).values(values))
    return await get(conn, image.id)


async def page(
    conn: AsyncConnection, entity: str, *, pending_of: str | None, all_pending: bool, before: str | None, limit: int
) -> tuple[list[Any], bool]:
    """A page of an entity's images, newest first, and whether there are more.

    Those that are pending are among them of one user (``pending_of``), or all (``all_pending``).
    """

    async def found(condition: Any) -> list[Any]:
        query = _WITH_UPLOADER.where(images.c.entity == entity, condition).limit(limit + 1)
        if before is not None:
            query = query.where(images.c.id < before)
        return list((await conn.execute(query.order_by(images.c.id.desc()))).all())

    rows = await found(_APPROVED)
    if all_pending:
        rows += await found(_PENDING)
    elif pending_of is not None:
        rows += await found(_PENDING & (images.c.user_id == pending_of))
    rows.sort(key=lambda row: row.id, reverse=True)
    return rows[:limit], len(rows) > limit
