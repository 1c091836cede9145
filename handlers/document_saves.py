"""Saving: what was edited becomes a document's text, a new version; and texts that are sent whole become edits.

Whatever takes long is worked out outside of any transaction, and written if the document has still the version that it
was worked out for. So nothing is lost when several workers are at a document, though one is enough.
"""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

from handlers.base import Actor, Context, Documents, handles
from handlers.documents import COLLECTION, CONTENT_MAX, TITLE_MAX, readable, require_size, tell_listed, whole, wire
from handlers.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from handlers.parking import park
from handlers.payload import Choice, Id, Payload, Text, Whole, client_id, limit
from models import document_updates, document_versions, documents, idempotency, users

log = logging.getLogger("hubbub.documents")

# Somebody else may be faster each time; not for ever.
_ATTEMPTS = 10
_NAME = "document:snapshot"
NAME_MAX = 100
_VERSION = "/api/documents/{documentId}/versions"


class SaveDocument(Payload):
    """``document:save``."""

    document_id = Id(required=True)
    content = Text(0, CONTENT_MAX)
    title = Text(1, TITLE_MAX)
    base_version = Whole(1)
    strategy = Choice("last-write-wins", "merge", "manual", load_default="last-write-wins")


class ListVersions(Payload):
    """``document:history``."""

    document_id = Id(required=True)
    before = Id()
    limit = limit(50, 100)


class NameVersion(Payload):
    """``document:snapshot``."""

    document_id = Id(required=True)
    name = Text(1, NAME_MAX, required=True)
    client_id = client_id()


class RestoreVersion(Payload):
    """``document:restore``."""

    document_id = Id(required=True)
    version_id = Id(required=True)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that is to be the document's, and the state that its writer began with."""

    content: str
    began_with: bytes
    conflict: dict[str, Any] | None = None
    parked: bool = False


@handles("document:save", SaveDocument, rest=("PUT", "/api/documents/{documentId}"), reads=True, speaks=True)
async def save_document(
    ctx: Context,
    document_id: str,
    strategy: str,
    content: str | None = None,
    title: str | None = None,
    base_version: int | None = None,
) -> None:
    """Make this a document's text, by what it differs in: what others write meanwhile stays. Or give it a title."""
    if content is None and title is None:
        raise Invalid("There is nothing to save.", {"content": ["Is needed, or a title."]})
    require_size(ctx, content or "")
    _, right = await readable(ctx, document_id, write=True)

    async def save(_: None) -> dict[str, Any]:
        conflict = None
        if content is not None:
            settled = partial(_settled, content, base_version, strategy, right)
            conflict = await _rewrite(ctx, document_id, settled)
        if title is not None:
            retitle = partial(_retitle, document_id=document_id, title=title)
            await ctx.services.documents.transact(ctx.actor, retitle)
        async with ctx.services.documents.read() as ctx.conn:
            return await whole(ctx, document_id) | ({} if conflict is None else {"conflict": conflict})

    ctx.finish = save


async def _retitle(ctx: Context, *, document_id: str, title: str) -> None:
    row, _ = await readable(ctx, document_id, write=True, lock=True)
    if row.title == title:
        return
    await documents.retitle(ctx.conn, document_id, title)
    people = await documents.shared_with(ctx.conn, document_id)
    tell_listed(ctx, await documents.head(ctx.conn, document_id), people)
    told = {"documentId": document_id, "version": row.version, "n": row.state_n, "title": title}
    ctx.publish(f"document:{document_id}", "document:saved", told)


@handles("document:history", ListVersions, rest=("GET", _VERSION), reads=True, audience=("user", "visitor", "backend"))
async def list_versions(ctx: Context, document_id: str, before: str | None = None, limit: int = 50) -> dict[str, Any]:
    """A document's named versions, the newest first, without their texts."""
    await readable(ctx, document_id)
    rows, more = await document_versions.page(ctx.conn, document_id, before, limit)
    known = await users.known(ctx.conn, {row.user_id for row in rows})
    return {"versions": [_wire(row, known) for row in rows], "hasMore": more}


@handles(_NAME, NameVersion, rest=("POST", _VERSION), reads=True, speaks=True)
async def name_version(ctx: Context, document_id: str, name: str, client_id: str | None = None) -> None:
    """Give what a document is now a name, to come back to."""
    await readable(ctx, document_id, write=True)

    async def keep(_: None) -> dict[str, Any]:
        await settle(ctx.services.documents, document_id)
        step = partial(_name, document_id=document_id, name=name, client_id=client_id)
        ctx.created, made = await ctx.services.documents.transact(ctx.actor, step)
        return made

    ctx.finish = keep


@handles(
    "document:restore", RestoreVersion, rest=("POST", f"{_VERSION}/{{versionId}}/restore"), reads=True, speaks=True
)
async def restore_version(ctx: Context, document_id: str, version_id: str) -> None:
    """Make a named version's text the document's again, which is an edit like any other."""
    _, right = await readable(ctx, document_id, write=True)
    version = await document_versions.get(ctx.conn, document_id, version_id)
    if version is None:
        raise NotFound("There is no such version.")
    content = version.content

    async def restore(_: None) -> dict[str, Any]:
        # What was written a moment ago is no part of that version either.
        await settle(ctx.services.documents, document_id)
        await _rewrite(ctx, document_id, partial(_settled, content, None, "last-write-wins", right))
        async with ctx.services.documents.read() as ctx.conn:
            return await whole(ctx, document_id)

    ctx.finish = restore


async def settle(desk: Documents, document_id: str) -> None:
    """Save what was acknowledged before; nothing happens when everything is saved, or there is no such document.

    Raises ``Unavailable``.
    """
    for _ in range(_ATTEMPTS):
        async with desk.read() as conn:
            row = await documents.get(conn, document_id)
            updates = [] if row is None else await document_updates.after(conn, document_id, row.state_n)
        if row is None or not updates:
            return
        if row.state_n + len(updates) != updates[-1][0]:
            # Folded by another one between the two queries.
            continue
        folded = await desk.fold(row.state, updates)
        if folded.dropped:
            log.warning("Edits are left out", extra={"document": document_id, "numbers": list(folded.dropped)})
        step = partial(_fold, before=row, state=folded.state, text=folded.text, number=updates[-1][0])
        if await desk.transact(Actor(), step):
            return
    raise Unavailable("The document changes too fast; try again.")


async def _fold(ctx: Context, *, before: Any, state: bytes, text: str, number: int) -> bool:
    """Write what a document has become, unless it was written by another meanwhile."""
    row = await documents.lock(ctx.conn, before.id)
    if row is None:
        return True
    if (row.version, row.state_n) != (before.version, before.state_n):
        return False
    await _write(ctx, row, state, text, number, whole=row.n == number)
    return True


async def _rewrite(ctx: Context, document_id: str, settled: Any) -> dict[str, Any] | None:
    """Make a text the document's; how a conflict was settled, if there was one."""
    desk = ctx.services.documents
    for _ in range(_ATTEMPTS):
        async with desk.read() as conn:
            before = await documents.get(conn, document_id)
            if before is None:
                raise NotFound("There is no such document.")
            text = await settled(conn, before)
        if text.parked:
            refusal = await _refusal(ctx, before, text)
            if refusal is None:
                continue
            raise refusal
        update = await desk.rewrite(text.began_with, text.content)
        folded = await desk.fold(before.state, [(0, update)])
        step = partial(_put, before=before, update=update, state=folded.state, text=folded.text)
        if await desk.transact(ctx.actor, step):
            return text.conflict
    raise Unavailable("The document changes too fast; try again.")


async def _put(ctx: Context, *, before: Any, update: bytes, state: bytes, text: str) -> bool:
    """Write an edit that is a text sent whole, and the version that it makes."""
    row, _ = await readable(ctx, before.id, write=True, lock=True)
    if (row.version, row.state_n) != (before.version, before.state_n):
        return False
    desk = ctx.services.documents
    if row.size + len(update) > desk.rules.bytes:
        raise TooLarge(f"A document may have {desk.rules.bytes} bytes with all its edits (HUBBUB_DOCUMENT_BYTES).")
    if text == before.content:
        return True
    number = row.n + 1
    await document_updates.append(ctx.conn, [(row.id, number, update, ctx.user.id)])
    await documents.edited(ctx.conn, [(row, number, len(update))], desk.rules.pace)
    ctx.after_commit.append(partial(desk.edited, row.id, number, update, ctx.user.id))
    # Edits that wait to be saved stand before this one: the state holds it, but reaches only as far as before.
    everything = row.n == row.state_n
    await _write(ctx, row, state, text, number if everything else row.state_n, whole=everything)
    return True


async def _write(ctx: Context, row: Any, state: bytes, text: str, number: int, *, whole: bool) -> None:
    """Write a version: the state up to an edit, and its text."""
    rules = ctx.services.documents.rules
    version = row.version + 1
    await document_updates.fold(ctx.conn, row.id, number)
    size = len(state) + await document_updates.size_after(ctx.conn, row.id, number)
    await documents.save(
        ctx.conn, row, content=text, version=version, state=state, state_n=number, size=size, whole=whole,
        pace=rules.pace,
    )  # fmt: skip
    await document_versions.note_base(ctx.conn, row.id, version, state, rules.bases)
    ctx.publish(f"document:{row.id}", "document:saved", {"documentId": row.id, "version": version, "n": number})


async def _settled(content: str, base_version: int | None, strategy: str, right: str, conn: Any, row: Any) -> _Text:
    """Which state a text is a change of. Raises ``Invalid``, ``Conflict``."""
    if base_version is None or base_version == row.version:
        return _Text(content, row.state)
    if base_version > row.version:
        raise Invalid(
            "This version is yet to come.", {"baseVersion": [f"Must be {row.version} at most, the newest version."]}
        )
    current = wire(row, right, {}) | {"content": row.content}
    if strategy == "manual":
        base = await document_versions.base(conn, row.id, base_version)
        return _Text(content, base or b"", {"baseVersion": base_version, "current": current}, parked=True)
    if strategy == "merge":
        base = await document_versions.base(conn, row.id, base_version)
        if base is None:
            raise Conflict("This document has changed, and that version is not kept any more.", current=current)
        return _Text(content, base, {"strategy": strategy, "fields": ["content"], "lost": {}})
    lost = {"content": row.content}
    return _Text(content, row.state, {"strategy": strategy, "fields": ["content"], "lost": lost})


async def _refusal(ctx: Context, before: Any, text: _Text) -> Conflict | None:
    """Park a text in the list of conflicts; what its writer is answered, or None if the document has changed again."""
    desk, told = ctx.services.documents, text.conflict or {}
    base = (await desk.fold(text.began_with, [])).text if text.began_with else None

    async def step(ctx: Context) -> Conflict | None:
        row, _ = await readable(ctx, before.id, write=True, lock=True)
        if row.version != before.version:
            return None
        return await park(
            ctx,
            COLLECTION,
            row.id,
            local={"content": text.content},
            remote={"content": before.content},
            base=None if base is None else {"content": base},
            version=before.version,
            base_version=told["baseVersion"],
            current=told["current"],
        )

    return await desk.transact(ctx.actor, step)


async def rewrite_now(ctx: Context, document_id: str, content: str) -> dict[str, Any]:
    """Make a text the document's within the present transaction, whatever it is now; the document."""
    require_size(ctx, content)
    await readable(ctx, document_id, write=True, lock=True)
    before = await documents.get(ctx.conn, document_id)
    assert before is not None
    update = await ctx.services.documents.rewrite(before.state, content)
    folded = await ctx.services.documents.fold(before.state, [(0, update)])
    await _put(ctx, before=before, update=update, state=folded.state, text=folded.text)
    return await whole(ctx, document_id)


async def _name(ctx: Context, *, document_id: str, name: str, client_id: str | None) -> tuple[bool, dict[str, Any]]:
    """Whether a version was named only now, and the version."""
    await readable(ctx, document_id, write=True, lock=True)
    if client_id is not None:
        repeated, first = await idempotency.first_result(ctx.conn, ctx.user.id, _NAME, client_id)
        if repeated:
            return False, first
    most = ctx.services.documents.rules.versions
    if await document_versions.count(ctx.conn, document_id) >= most:
        raise Invalid(
            f"A document has {most} named versions at most (HUBBUB_DOCUMENT_VERSIONS).", {"name": ["Is one too many."]}
        )
    row = await documents.text(ctx.conn, document_id)
    if row is None:
        raise NotFound("There is no such document.")
    row = await document_versions.add(ctx.conn, document_id, name, row.version, row.content, ctx.user.id)
    made = _wire(row, {ctx.user.id: ctx.user})
    if client_id is not None:
        await idempotency.keep_result(ctx.conn, ctx.user.id, _NAME, client_id, made)
    return True, made


def _wire(row: Any, known: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "documentId": row.document_id,
        "name": row.name,
        "version": row.version,
        "createdAt": row.created_at,
        "user": known[row.user_id].wire() if row.user_id in known else None,
    }
