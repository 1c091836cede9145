"""Push subscriptions: the browsers that a person wants to be told in while the application is closed."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Index, Integer, Table, Text, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.ids import new_id
from models.sets import as_set, one_of
from models.types import Timestamp, now

# ``failures`` counts since the last success; until ``rests_until`` nothing is sent there.
# An endpoint that goes to another person gets a new ``id``: what was queued for the one must not reach the other.
push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("p256dh", Text, nullable=False),
    Column("auth", Text, nullable=False),
    Column("expires_at", Timestamp),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("rests_until", Timestamp),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Index("uq_push_subscriptions_endpoint", "endpoint", unique=True),
    Index("ix_push_subscriptions_user_id", "user_id", "updated_at"),
)

_REMOVE = delete(push_subscriptions).where(one_of(push_subscriptions.c.id, "ids"))
_REST = (
    update(push_subscriptions)
    .where(push_subscriptions.c.id == bindparam("subscription"))
    .values(failures=push_subscriptions.c.failures + 1, rests_until=bindparam("until"))
)
_RECOVER = (
    update(push_subscriptions)
    .where(one_of(push_subscriptions.c.id, "ids"), push_subscriptions.c.failures > 0)
    .values(failures=0, rests_until=None)
)


async def subscribe(
    conn: AsyncConnection,
    user_id: str,
    endpoint: str,
    *,
    p256dh: str,
    auth: str,
    expires_at: str | None,
    maximum: int,
) -> tuple[Any, bool]:
    """Keep a browser's subscription; returns its row, and whether this person did not have it yet.

    It is taken from whoever had the endpoint before: somebody else uses that browser now. Of more than ``maximum``
    subscriptions the ones that were renewed longest ago go, for browsers forget theirs without a word.
    """
    mine = push_subscriptions.c.endpoint == endpoint
    before = (await conn.execute(select(push_subscriptions).where(mine).with_for_update())).one_or_none()
    moment = now()
    renewed = {"p256dh": p256dh, "auth": auth, "expires_at": expires_at, "updated_at": moment}
    if before is not None and before.user_id == user_id:
        row = (
            await conn.execute(update(push_subscriptions).where(mine).values(renewed).returning(push_subscriptions))
        ).one()
        return row, False
    if before is not None:
        await conn.execute(delete(push_subscriptions).where(mine))
    added = {"id": new_id(), "user_id": user_id, "endpoint": endpoint, "created_at": moment} | renewed
    row = (await conn.execute(insert(push_subscriptions).values(added).returning(push_subscriptions))).one()
    stale = (
        select(push_subscriptions.c.id)
        .where(push_subscriptions.c.user_id == user_id)
        .order_by(push_subscriptions.c.updated_at.desc(), push_subscriptions.c.id.desc())
        .offset(maximum)
    )
    await conn.execute(delete(push_subscriptions).where(push_subscriptions.c.id.in_(stale)))
    return row, True


async def unsubscribe(conn: AsyncConnection, user_id: str, endpoint: str) -> bool:
    """End a person's subscription; whether they had it."""
    ended = delete(push_subscriptions).where(
        push_subscriptions.c.endpoint == endpoint, push_subscriptions.c.user_id == user_id
    )
    return (await conn.execute(ended)).rowcount > 0


async def remove(conn: AsyncConnection, ids: Iterable[str]) -> None:
    """Delete subscriptions that their push service knows no longer."""
    gone = sorted(ids)
    if gone:
        await conn.execute(_REMOVE, {"ids": as_set(gone)})


async def rest(conn: AsyncConnection, until: Iterable[tuple[str, str]]) -> None:
    """Leave subscriptions alone until a moment: (id, moment) of each."""
    rows = [{"subscription": each, "until": moment} for each, moment in sorted(until)]
    if rows:
        await conn.execute(_REST, rows)


async def recover(conn: AsyncConnection, ids: Iterable[str]) -> None:
    """Note that subscriptions work; nothing is written for those that did before."""
    well = sorted(ids)
    if well:
        await conn.execute(_RECOVER, {"ids": as_set(well)})


def wire(row: Any) -> dict[str, Any]:
    """The subscription as its owner sees it; its keys are the browser's own business."""
    return {"endpoint": row.endpoint, "createdAt": row.created_at}
