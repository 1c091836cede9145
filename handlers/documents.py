"""Documents: texts that several people write at a time. Made, listed, shared and deleted here."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import fields, validate

from handlers import access, yjs
from handlers.base import Context, handles
from handlers.errors import Forbidden, NotFound, TooLarge
from handlers.payload import Choice, Id, Payload, Text, client_id, limit
from models import conflicts, document_updates, document_versions, documents, event_log, idempotency, users

_CREATE = "document:create"
TITLE_MAX = 200
SHARED_MAX = 1000
# A text's bound is a setting in bytes; no text has more characters.
CONTENT_MAX = 1 << 30
# Under which name conflicts of documents are listed.
COLLECTION = "document"
EVERYBODY = ("user", "visitor", "backend")


class CreateDocument(Payload):
    """``document:create``."""

    title = Text(1, TITLE_MAX, required=True)
    content = Text(0, CONTENT_MAX, load_default="")
    client_id = client_id()


class ListDocuments(Payload):
    """``document:list``."""

    before = Id()
    limit = limit(20, 100)


class OneDocument(Payload):
    """An action on a document."""

    document_id = Id(required=True)


class ShareDocument(Payload):
    """``document:share``."""

    document_id = Id(required=True)
    everyone = Choice("none", "read", "write", load_default="none")
    users = fields.Dict(
        keys=Id(), values=Choice("read", "write"), load_default=dict, validate=validate.Length(max=SHARED_MAX)
    )


@handles(_CREATE, CreateDocument, rest=("POST", "/api/documents"), speaks=True)
async def create_document(ctx: Context, title: str, content: str = "", client_id: str | None = None) -> dict[str, Any]:
    """Begin a document, for oneself at first."""
    require_size(ctx, content)
    state = yjs.of_text(content, secrets.randbits(32))
    row = await documents.create(
        ctx.conn, owner_id=ctx.user.id, client_id=client_id, title=title, content=content, state=state
    )
    await document_versions.note_base(ctx.conn, row.id, row.version, state, ctx.services.documents.rules.bases)
    ctx.created = True
    tell_listed(ctx, row, {})
    return wire(row, documents.OWNER, {}) | {"content": content}


@handles("document:list", ListDocuments, rest=("GET", "/api/documents"), reads=True)
async def list_documents(ctx: Context, before: str | None = None, limit: int = 20) -> dict[str, Any]:
    """One's own documents and those shared with one by name, the newest first, without their texts."""
    rows, more = await documents.page(ctx.conn, ctx.user.id, before, limit)
    rights = await documents.rights(ctx.conn, [(row.id, ctx.user.id) for row in rows])
    found = []
    for row in rows:
        right = documents.right_of(row, rights.get((row.id, ctx.user.id)), ctx.user.id)
        found.append(wire(row, right, await _people(ctx, row, right)))
    return {"documents": found, "hasMore": more}


@handles("document:get", OneDocument, rest=("GET", "/api/documents/{documentId}"), reads=True, audience=EVERYBODY)
async def get_document(ctx: Context, document_id: str) -> dict[str, Any]:
    """A document as it was saved last."""
    return await whole(ctx, document_id)


@handles("document:share", ShareDocument, rest=("PUT", "/api/documents/{documentId}/access"), speaks=True)
async def share_document(ctx: Context, document_id: str, everyone: str, users: Mapping[str, str]) -> dict[str, Any]:
    """Let everybody, or some people, read or write a document; who may no longer is sent away at once."""
    await _owned(ctx, document_id, "shares")
    people = {user_id: right for user_id, right in users.items() if user_id != ctx.user.id}
    await _require_known(ctx, people)
    before = await documents.shared_with(ctx.conn, document_id)
    await documents.share(ctx.conn, document_id, everyone, people)
    tell_listed(ctx, await documents.head(ctx.conn, document_id), people)
    _tell_removed(ctx, document_id, before.keys() - people.keys())
    access.announce(ctx, "document", document_id)
    return await whole(ctx, document_id)


@handles("document:delete", OneDocument, rest=("DELETE", "/api/documents/{documentId}"))
async def delete_document(ctx: Context, document_id: str) -> dict[str, Any]:
    """Remove a document with all its versions; its channel ends for everybody."""
    row = await _owned(ctx, document_id, "deletes")
    _tell_removed(ctx, document_id, {row.owner_id, *await documents.shared_with(ctx.conn, document_id)})
    await event_log.redact(ctx.conn, document_id, {"document": {"title": ""}})
    await documents.remove(ctx.conn, document_id)
    await document_updates.fold(ctx.conn, document_id)
    await document_versions.remove_all(ctx.conn, document_id)
    await conflicts.forget(ctx.conn, COLLECTION, document_id)
    gone = {"documentId": document_id}
    if row.client_id is not None:
        # What went stays gone, also for whoever creates the same again under its client id.
        emptied = wire(row, documents.OWNER, {}) | {"title": "", "content": ""}
        await idempotency.replace_result(ctx.conn, row.owner_id, _CREATE, row.client_id, emptied)
    access.announce(ctx, "document", document_id)
    return gone


async def readable(ctx: Context, document_id: str, *, write: bool = False, lock: bool = False) -> tuple[Any, str]:
    """A document that the actor may read (or ``write``), without its texts, and what they may do with it.

    ``lock`` holds it until the transaction ends. Raises ``NotFound`` when there is none or this actor may not know of
    it, and ``Forbidden`` for who may only read.
    """
    row = await (documents.lock if lock else documents.head)(ctx.conn, document_id)
    right = await _right(ctx, row)
    if row is None or right == documents.NONE:
        raise NotFound("There is no such document.")
    if write and right not in {documents.WRITE, documents.OWNER}:
        raise Forbidden("You may read this document, but not write it.")
    return row, right


async def whole(ctx: Context, document_id: str) -> dict[str, Any]:
    """A document that the actor may read, with its text. Raises ``NotFound``."""
    row = await documents.text(ctx.conn, document_id)
    right = await _right(ctx, row)
    if row is None or right == documents.NONE:
        raise NotFound("There is no such document.")
    return wire(row, right, await _people(ctx, row, right)) | {"content": row.content}


def wire(row: Any, right: str, people: Mapping[str, str]) -> dict[str, Any]:
    """The document of the contract's section 9 without its text, as somebody sees it with that right."""
    return {
        "id": row.id,
        "title": row.title,
        "version": row.version,
        "access": {"everyone": row.everyone, "users": dict(people)},
        "mine": right,
        "ownerId": row.owner_id,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }


def tell_listed(ctx: Context, row: Any, people: Mapping[str, str]) -> None:
    """Tell all tabs of its owner, and of the people whom a document is shared with, how it stands in their lists."""
    told = {row.owner_id: wire(row, documents.OWNER, people)}
    for user_id, shared in people.items():
        told[user_id] = wire(row, documents.right_of(row, shared, user_id), {user_id: shared})
    for user_id, listed in told.items():
        ctx.publish(f"user:{user_id}", "document:added", {"document": listed}, subject=row.id)


def _tell_removed(ctx: Context, document_id: str, people: Iterable[str]) -> None:
    for user_id in sorted(people):
        ctx.publish(f"user:{user_id}", "document:removed", {"documentId": document_id})


def require_size(ctx: Context, content: str) -> None:
    """Raise ``TooLarge`` for a text that is larger than an update may be."""
    most = ctx.services.documents.rules.update_bytes
    if len(content) > most or len(content.encode()) > most:
        raise TooLarge(f"A text may have {most} bytes (HUBBUB_DOCUMENT_UPDATE_BYTES).")


async def _right(ctx: Context, row: Any) -> str:
    if row is None:
        return documents.NONE
    if ctx.actor.backend:
        return documents.READ
    return await documents.right(ctx.conn, row, ctx.actor.user.id if ctx.actor.user else None)


async def _people(ctx: Context, row: Any, right: str) -> dict[str, str]:
    """Whom a document is shared with, as far as it is somebody's business: the owner's all, others' themselves."""
    if right == documents.OWNER:
        return await documents.shared_with(ctx.conn, row.id)
    if ctx.actor.user is None:
        return {}
    shared = await documents.rights(ctx.conn, [(row.id, ctx.actor.user.id)])
    return {user_id: right for (_, user_id), right in shared.items()}


async def _owned(ctx: Context, document_id: str, does: str) -> Any:
    row, right = await readable(ctx, document_id, lock=True)
    if right != documents.OWNER:
        raise Forbidden(f"Only its owner {does} a document.")
    return row


async def _require_known(ctx: Context, people: Mapping[str, str]) -> None:
    known = await users.known(ctx.conn, people)
    for user_id in people:
        if user_id not in known:
            raise NotFound(f"There is no user {user_id[:100]}.")
