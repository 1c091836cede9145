"""Editing a document together: opened, edited and closed by editors with Yjs, over Socket.IO alone.

An edit is durable before it is acknowledged, and needs no owner: it is checked, gets the document's next number and is
written down. What it does to the text is found out later (``handlers.document_saves``).
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from handlers import access, yjs
from handlers.base import Context, Job, handles
from handlers.documents import readable, wire
from handlers.errors import ActionError, Forbidden, Invalid, NotFound, TooLarge
from handlers.payload import Bytes, Id, Payload
from models import document_updates, documents

# Smaller ones are checked faster than a thread is woken.
_CHECKED_HERE = 4096


class OpenDocument(Payload):
    """``document:open``."""

    document_id = Id(required=True)
    state_vector = Bytes()


class EditDocument(Payload):
    """``document:update`` and ``document:awareness``."""

    document_id = Id(required=True)
    update = Bytes(required=True)


class CloseDocument(Payload):
    """``document:close``."""

    document_id = Id(required=True)


@handles("document:open", OpenDocument, reads=True, audience=("user", "visitor"))
async def open_document(ctx: Context, document_id: str, state_vector: bytes | None = None) -> None:
    """Take part in a document: what one lacks of it, and from now on everybody's edits."""
    connection = _connection(ctx)
    _, right = await readable(ctx, document_id)
    if state_vector is not None:
        _require_size(ctx, state_vector)
        try:
            yjs.check_state_vector(state_vector)
        except yjs.Malformed as error:
            raise _malformed("stateVector", error) from error
    channel = f"document:{document_id}"
    subscriptions, desk = ctx.services.subscriptions, ctx.services.documents
    subscriptions.check(connection, channel)

    async def attach(_: None) -> dict[str, Any]:
        # Heard first, read afterwards: what is acknowledged in between is heard, or read, or both.
        try:
            presence = await subscriptions.attach(connection, access.open_at(document_id), None)
            told = await subscriptions.attach(connection, channel, None)
            found = await desk.state(document_id)
            if found is None:
                raise NotFound("There is no such document.")
        except BaseException:
            _leave(ctx, connection, document_id)
            raise
        ctx.after_reply += [lambda: told.start(False), lambda: presence.start(False)]
        return {
            "document": wire(found.row, right, {}) | {"content": found.row.content},
            "update": yjs.missing(found.update, state_vector),
            "stateVector": found.vector,
            "n": found.n,
            **await desk.collaborators(document_id),
        }

    ctx.finish = attach


async def _check(ctx: Context, document_id: str, update: bytes) -> None:
    """Raise unless the bytes may pass for an update: ``Invalid``, ``TooLarge``."""
    _require_size(ctx, update)
    check = partial(yjs.check_update, update, ctx.services.documents.rules.depth)
    try:
        if len(update) <= _CHECKED_HERE:
            check()
        else:
            await asyncio.to_thread(check)
    except yjs.Malformed as error:
        raise _malformed("update", error) from error


@handles("document:update", EditDocument, batch=True, speaks=True, prepare=_check)
async def update_documents(jobs: Sequence[Job]) -> None:
    """Edit documents: updates as Yjs encodes them, all in one transaction, each with its own outcome."""
    conn, rules = jobs[0].ctx.conn, jobs[0].ctx.services.documents.rules
    rows = await documents.lock_all(conn, {job.data["document_id"] for job in jobs})
    rights = await documents.rights(conn, {_place(job) for job in jobs})
    newest = {id: row.n for id, row in rows.items()}
    grown = dict.fromkeys(rows, 0)
    written = []
    for job in jobs:
        id, update = job.data["document_id"], job.data["update"]
        try:
            _require_writer(rows.get(id), rights.get(_place(job)), job.ctx.user.id)
            if rows[id].size + grown[id] + len(update) > rules.bytes:
                raise TooLarge(f"A document may have {rules.bytes} bytes with all its edits (HUBBUB_DOCUMENT_BYTES).")
        except ActionError as error:
            job.error = error
            continue
        newest[id] += 1
        grown[id] += len(update)
        written.append((id, newest[id], update, job.ctx.user.id))
        job.result = {"documentId": id, "n": newest[id]}
        job.ctx.after_commit.append(partial(job.ctx.services.documents.edited, *written[-1]))
    if written:
        await document_updates.append(conn, written)
        changes = [(rows[id], newest[id], grown[id]) for id in rows if grown[id]]
        await documents.edited(conn, changes, rules.pace)


@handles("document:awareness", EditDocument, reads=True, speaks=True)
async def update_awareness(ctx: Context, document_id: str, update: bytes) -> dict[str, Any]:
    """Say where one is in a document that one has open: what y-protocols' awareness encodes."""
    most = ctx.services.documents.rules.awareness_bytes
    if len(update) > most:
        raise TooLarge(f"What an editor says of its user may have {most} bytes (HUBBUB_DOCUMENT_AWARENESS_BYTES).")
    try:
        states = yjs.awareness(update, ctx.services.documents.rules.depth)
    except yjs.Malformed as error:
        raise _malformed("update", error) from error
    if not ctx.services.documents.say(document_id, _connection(ctx), states):
        raise NotFound("Open this document first.")
    return {"documentId": document_id}


@handles("document:close", CloseDocument, reads=True, audience=("user", "visitor"))
async def close_document(ctx: Context, document_id: str) -> dict[str, Any]:
    """Take part in a document no longer; nothing happens when one did not."""
    connection = _connection(ctx)
    _leave(ctx, connection, document_id)
    return {"documentId": document_id}


def _leave(ctx: Context, connection: str, document_id: str) -> None:
    for channel in (access.open_at(document_id), f"document:{document_id}"):
        ctx.services.subscriptions.detach(connection, channel)


def _place(job: Job) -> tuple[str, str]:
    return job.data["document_id"], job.ctx.user.id


def _require_writer(row: Any, shared: str | None, user_id: str) -> None:
    right = documents.NONE if row is None else documents.right_of(row, shared, user_id)
    if right == documents.NONE:
        raise NotFound("There is no such document.")
    if right == documents.READ:
        raise Forbidden("You may read this document, but not write it.")


def _require_size(ctx: Context, data: bytes) -> None:
    most = ctx.services.documents.rules.update_bytes
    if len(data) > most:
        raise TooLarge(f"An update may have {most} bytes (HUBBUB_DOCUMENT_UPDATE_BYTES).")


def _malformed(field: str, error: yjs.Malformed) -> Invalid:
    return Invalid("These bytes are not what Yjs encodes.", {field: [f"{error}."]})


def _connection(ctx: Context) -> str:
    if ctx.actor.connection is None:
        raise NotFound("Documents are edited over a Socket.IO connection.")
    return ctx.actor.connection
