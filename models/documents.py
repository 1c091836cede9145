"""Documents: texts that several people write at a time, and who may read and write them.

What people write are Yjs updates (``models.document_updates``), numbered by ``n``. Now and then one worker folds them
into ``state``, which holds everything up to ``state_n``, and ``content`` becomes its text, of a new ``version``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy import text as words
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.ids import new_id
from models.sets import as_set, one_of, pair_of
from models.types import Timestamp, ahead, now, to_wire

NONE, READ, WRITE, OWNER = "none", "read", "write", "owner"
_RANKS = (NONE, READ, WRITE, OWNER)

_DUE = words("save_due_at IS NOT NULL")

# ``size`` is that of the state and of all updates behind it. ``unsaved_since`` and ``save_due_at`` are null while
# everything is saved. ``keeper`` is the worker that saves, until ``kept_until`` unless it says so again.
documents = Table(
    "documents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner_id", Text, nullable=False),
    Column("client_id", Text),
    Column("title", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("everyone", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("state_n", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("unsaved_since", Timestamp),
    Column("save_due_at", Timestamp),
    Column("keeper", Text),
    Column("kept_until", Timestamp),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Index("ix_documents_owner_id_id", "owner_id", "id"),
    Index("ix_documents_save_due_at", "save_due_at", sqlite_where=_DUE, postgresql_where=_DUE),
)

# Apart, because SQLite writes a row anew as a whole with each edit that it counts.
document_states = Table(
    "document_states",
    metadata,
    Column("document_id", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

document_access = Table(
    "document_access",
    metadata,
    Column("document_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("access", Text, nullable=False),
    Index("ix_document_access_user_id_document_id", "user_id", "document_id"),
)

_STATES = documents.join(document_states, document_states.c.document_id == documents.c.id)
_GET_HEAD = select(documents).where(documents.c.id == bindparam("document"))
_GET_TEXT = _GET_HEAD.add_columns(document_states.c.content).select_from(_STATES)
_GET = _GET_TEXT.add_columns(document_states.c.state)
_LOCK_HEADS = select(documents).where(one_of(documents.c.id, "ids")).order_by(documents.c.id).with_for_update()
_RIGHTS = select(document_access).where(pair_of(document_access.c.document_id, document_access.c.user_id, "pairs"))
_SHARED_WITH = (
    select(document_access.c.user_id, document_access.c.access)
    .where(document_access.c.document_id == bindparam("document"))
    .order_by(document_access.c.user_id)
)
_AMONG = select(document_access.c.user_id).where(
    document_access.c.document_id == bindparam("document"), one_of(document_access.c.user_id, "ids")
)
_EDITED = (
    update(documents)
    .where(documents.c.id == bindparam("document"))
    .values(
        n=bindparam("number"),
        size=documents.c.size + bindparam("bytes"),
        unsaved_since=bindparam("since"),
        save_due_at=bindparam("due"),
        updated_at=bindparam("moment"),
    )
)
_MINE = (
    select(documents.c.id)
    .where(documents.c.owner_id == bindparam("user"), documents.c.id < bindparam("before"))
    .order_by(documents.c.id.desc())
    .limit(bindparam("count"))
)
_THEIRS = (
    select(document_access.c.document_id)
    .where(document_access.c.user_id == bindparam("user"), document_access.c.document_id < bindparam("before"))
    .order_by(document_access.c.document_id.desc())
    .limit(bindparam("count"))
)
_HEADS = select(documents).where(one_of(documents.c.id, "ids")).order_by(documents.c.id.desc())
_DUE_NOW = (
    select(documents.c.id)
    .where(
        documents.c.save_due_at <= bindparam("moment"),
        or_(
            documents.c.keeper.is_(None),
            documents.c.keeper == bindparam("worker"),
            documents.c.kept_until < bindparam("moment"),
        ),
    )
    .order_by(documents.c.save_due_at)
    .limit(bindparam("count"))
)
# Behind every id.
_LAST = "~"


def better(*rights: str) -> str:
    """The widest of several rights: ``none`` < ``read`` < ``write`` < ``owner``."""
    return max(rights, key=_RANKS.index)


@dataclass(frozen=True, slots=True)
class Pace:
    """How soon what was written is saved, in seconds: after the last edit, and at most after the first."""

    after: float
    at_most: float


def right_of(row: Any, shared: str | None, user_id: str | None) -> str:
    """What somebody may do: ``none``, ``read``, ``write`` or ``owner``; of visitors (None) nobody writes."""
    if user_id is None:
        return NONE if row.everyone == NONE else READ
    if row.owner_id == user_id:
        return OWNER
    return better(row.everyone, shared or NONE)


async def create(
    conn: AsyncConnection,
    *,
    owner_id: str,
    client_id: str | None,
    title: str,
    content: str,
    state: bytes,
) -> Any:
    """A new document of somebody's own, with this state and its text; its row without them."""
    moment = now()
    row = {
        "id": new_id(),
        "owner_id": owner_id,
        "client_id": client_id,
        "title": title,
        "version": 1,
        "everyone": NONE,
        "n": 0,
        "state_n": 0,
        "size": len(state),
        "created_at": moment,
        "updated_at": moment,
    }
    await conn.execute(insert(document_states).values(document_id=row["id"], content=content, state=state))
    return (await conn.execute(insert(documents).values(row).returning(documents))).one()


async def get(conn: AsyncConnection, document_id: str) -> Any | None:
    """The document whole, or None."""
    return (await conn.execute(_GET, {"document": document_id})).one_or_none()


async def head(conn: AsyncConnection, document_id: str) -> Any | None:
    """The document without its texts, or None."""
    return (await conn.execute(_GET_HEAD, {"document": document_id})).one_or_none()


async def text(conn: AsyncConnection, document_id: str) -> Any | None:
    """The document with its text but without its state, or None."""
    return (await conn.execute(_GET_TEXT, {"document": document_id})).one_or_none()


async def lock(conn: AsyncConnection, document_id: str) -> Any | None:
    """The document without its texts, held until the transaction ends."""
    return (await lock_all(conn, [document_id])).get(document_id)


async def lock_all(conn: AsyncConnection, document_ids: Iterable[str]) -> dict[str, Any]:
    """Those of the documents that exist, held as by ``lock``, in the order of their ids."""
    rows = await conn.execute(_LOCK_HEADS, {"ids": as_set(set(document_ids))})
    return {row.id: row for row in rows}


async def rights(conn: AsyncConnection, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What documents are shared for: of each (document, user) that is in a list of access, what it says."""
    if not pairs:
        return {}
    rows = await conn.execute(_RIGHTS, {"pairs": as_set(set(pairs))})
    return {(row.document_id, row.user_id): row.access for row in rows}


async def right(conn: AsyncConnection, row: Any, user_id: str | None) -> str:
    """What somebody may do with a document."""
    shared = {} if user_id is None else await rights(conn, [(row.id, user_id)])
    return right_of(row, shared.get((row.id, user_id or "")), user_id)


async def readers(conn: AsyncConnection, document_id: str, user_ids: Collection[str]) -> set[str] | None:
    """Who of these may read a document; None for everyone, and nobody may what does not exist."""
    row = await head(conn, document_id)
    if row is None:
        return set()
    if row.everyone != NONE:
        return None
    found = await conn.scalars(_AMONG, {"document": document_id, "ids": as_set(user_ids)})
    return {*found, row.owner_id}


async def shared_with(conn: AsyncConnection, document_id: str) -> dict[str, str]:
    """The list of access: ``{userId: read/write}``."""
    return {row.user_id: row.access for row in await conn.execute(_SHARED_WITH, {"document": document_id})}


async def share(conn: AsyncConnection, document_id: str, everyone: str, people: Mapping[str, str]) -> None:
    """Replace the lists of access of a locked document."""
    await conn.execute(
        update(documents).where(documents.c.id == document_id).values(everyone=everyone, updated_at=now())
    )
    await conn.execute(delete(document_access).where(document_access.c.document_id == document_id))
    if people:
        rows = [{"document_id": document_id, "user_id": user, "access": access} for user, access in people.items()]
        await conn.execute(insert(document_access), rows)


async def retitle(conn: AsyncConnection, document_id: str, title: str) -> None:
    """Give a locked document another title."""
    await conn.execute(update(documents).where(documents.c.id == document_id).values(title=title, updated_at=now()))


async def page(conn: AsyncConnection, user_id: str, before: str | None, limit: int) -> tuple[Sequence[Any], bool]:
    """Somebody's own documents and those shared with them by name, newest first, and whether there are more."""
    asked = {"user": user_id, "before": before or _LAST, "count": limit + 1}
    found = {*await conn.scalars(_MINE, asked), *await conn.scalars(_THEIRS, asked)}
    chosen = sorted(found, reverse=True)
    rows = (await conn.execute(_HEADS, {"ids": as_set(chosen[:limit])})).all()
    return rows, len(chosen) > limit


async def edited(conn: AsyncConnection, changes: Sequence[tuple[Any, int, int]], pace: Pace) -> None:
    """Note that locked documents (row, newest number, bytes that came) were edited, and when that is to be saved."""
    moment, soon = now(), ahead(pace.after)
    rows = []
    for row, number, size in changes:
        since = row.unsaved_since or moment
        due = min(soon, _later(since, pace.at_most))
        # Somebody who has left may have made it due already.
        due = min(due, row.save_due_at) if row.save_due_at and row.save_due_at <= moment else due
        rows.append({"document": row.id, "number": number, "bytes": size, "since": since, "due": due, "moment": moment})
    await conn.execute(_EDITED, rows)


async def hurry(conn: AsyncConnection, document_id: str) -> None:
    """Let what is unsaved of a document be saved at once."""
    await conn.execute(
        update(documents)
        .where(documents.c.id == document_id, documents.c.save_due_at.is_not(None))
        .values(save_due_at=now())
    )


async def due(conn: AsyncConnection, worker: str, limit: int) -> list[str]:
    """Documents that are to be saved and that no other worker keeps, the most urgent first."""
    asked = {"moment": now(), "worker": worker, "count": limit}
    return list(await conn.scalars(_DUE_NOW, asked))


async def next_due(conn: AsyncConnection) -> str | None:
    """When the next document is to be saved; None when all are saved."""
    found = select(documents.c.save_due_at).where(documents.c.save_due_at.is_not(None))
    moment: str | None = await conn.scalar(found.order_by(documents.c.save_due_at).limit(1))
    return moment


async def keep(conn: AsyncConnection, document_id: str, worker: str, seconds: float) -> bool:
    """Become the worker that saves a document, for so long; False when another one is, or nothing is due."""
    moment = now()
    free = or_(documents.c.keeper.is_(None), documents.c.keeper == worker, documents.c.kept_until < moment)
    statement = (
        update(documents)
        .where(documents.c.id == document_id, documents.c.save_due_at.is_not(None), free)
        .values(keeper=worker, kept_until=ahead(seconds))
    )
    return bool((await conn.execute(statement)).rowcount)


async def save(
    conn: AsyncConnection,
    row: Any,
    *,
    content: str,
    version: int,
    state: bytes,
    state_n: int,
    size: int,
    whole: bool,
    pace: Pace,
) -> None:
    """Write what a locked document has become, up to the edit ``state_n``. Its keeper lets go.

    Unless that is ``whole``, there are edits that are yet to be saved: later ones from now on, or the same as before.
    """
    open_end = {"unsaved_since": now(), "save_due_at": ahead(pace.after)} if state_n > row.state_n else {}
    await conn.execute(
        update(document_states).where(document_states.c.document_id == row.id).values(content=content, state=state)
    )
    await conn.execute(
        update(documents)
        .where(documents.c.id == row.id)
        .values(
            version=version,
            state_n=state_n,
            size=size,
            keeper=None,
            kept_until=None,
            **({"unsaved_since": None, "save_due_at": None} if whole else open_end),
        )
    )


async def remove(conn: AsyncConnection, document_id: str) -> None:
    """Forget a locked document and who may read it."""
    await conn.execute(delete(document_access).where(document_access.c.document_id == document_id))
    await conn.execute(delete(document_states).where(document_states.c.document_id == document_id))
    await conn.execute(delete(documents).where(documents.c.id == document_id))


def _later(moment: str, seconds: float) -> str:
    return to_wire(datetime.fromisoformat(moment) + timedelta(seconds=seconds))
