"""Pushes: notifications on their way to somebody's browsers, until its push service has taken them.

A row is queued in the transaction of the notification, so neither is without the other. A worker claims what is due
for a while; if it dies, the claim runs out and another worker takes over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    false,
    func,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import metadata
from models.ids import new_id
from models.notifications import notifications
from models.push_subscriptions import push_subscriptions
from models.sets import as_set, pair_of
from models.types import Json, Timestamp, now

# ``due_at`` of a claimed row is when its ``claim`` runs out. ``is_held``: put off once because its user was online.
# ``is_stored``: its notification is in the user's list, unless it was deleted since.
pushes = Table(
    "pushes",
    metadata,
    Column("subscription_id", Text, primary_key=True),
    Column("notification_id", Text, primary_key=True),
    Column("payload", Json, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("is_stored", Boolean, nullable=False),
    Column("is_held", Boolean, nullable=False, server_default=false()),
    Column("claim", Text),
    Column("due_at", Timestamp, nullable=False, index=True),
    Column("created_at", Timestamp, nullable=False),
)

# A notification that is renewed while its push waits takes the waiting one's place.
_RENEWED = (
    " ON CONFLICT (subscription_id, notification_id) DO UPDATE SET payload = excluded.payload, attempts = 0,"
    " is_stored = excluded.is_stored, is_held = excluded.is_held, claim = NULL, due_at = excluded.due_at,"
    " created_at = excluded.created_at"
)
# In the order of the key, in which the sender writes as well, so that they never wait for each other in a circle.
_INTO = "INSERT INTO pushes (subscription_id, notification_id, payload, is_stored, is_held, due_at, created_at)"
# No EXISTS, for which PostgreSQL would read all notifications.
_STORED = "coalesce((SELECT true FROM notifications AS o WHERE o.user_id = s.user_id AND o.id ="
_QUEUE = {
    "sqlite": text(
        f"{_INTO} SELECT s.id, json_extract(n.value, '$[1]'), json_extract(n.value, '$[2]'),"
        f" {_STORED} json_extract(n.value, '$[1]')), false), false,"
        " max(:moment, coalesce(s.rests_until, :moment)), :moment"
        " FROM json_each(:notices) AS n CROSS JOIN push_subscriptions AS s"
        f" WHERE s.user_id = json_extract(n.value, '$[0]') ORDER BY 1, 2{_RENEWED}"
    ),
    "postgresql": text(
        f"{_INTO} SELECT s.id, n.value->>1, n.value->>2, {_STORED} n.value->>1), false), false,"
        " greatest(:moment, s.rests_until), :moment"
        " FROM json_array_elements(CAST(:notices AS json)) AS n(value)"
        # Person by person: the planner, which takes any list for a hundred people, would read the whole table.
        " CROSS JOIN LATERAL (SELECT * FROM push_subscriptions WHERE user_id = n.value->>0 OFFSET 0) AS s"
        f" ORDER BY 1, 2{_RENEWED}"
    ),
}
for _dialect, _statement in _QUEUE.items():
    _QUEUE[_dialect] = _statement.bindparams(bindparam("moment", type_=Timestamp))

_ours = and_(
    pushes.c.subscription_id == bindparam("subscription"),
    pushes.c.notification_id == bindparam("notification"),
    pushes.c.claim == bindparam("claimed"),
)
_moment = bindparam("moment", type_=Timestamp)
_other = pushes.alias("other")
# One at a time to each subscription, so that what is slow there is slow for its owner alone.
_BUSY = exists().where(
    _other.c.subscription_id == pushes.c.subscription_id, _other.c.claim.is_not(None), _other.c.due_at > _moment
)
_DUE = (
    select(
        pushes,
        *(push_subscriptions.c[name] for name in ("user_id", "endpoint", "p256dh", "auth", "expires_at", "failures")),
        notifications.c.is_read,
    )
    .join(push_subscriptions, push_subscriptions.c.id == pushes.c.subscription_id)
    .outerjoin(
        notifications,
        and_(notifications.c.user_id == push_subscriptions.c.user_id, notifications.c.id == pushes.c.notification_id),
    )
    .where(pushes.c.due_at <= _moment, ~_BUSY)
    .order_by(pushes.c.due_at)
    .limit(bindparam("count"))
    .with_for_update(of=pushes, skip_locked=True)
)
_CLAIM = (
    update(pushes)
    .where(pair_of(pushes.c.subscription_id, pushes.c.notification_id, "keys"))
    .values(claim=bindparam("token"), due_at=bindparam("until"), attempts=pushes.c.attempts + 1)
)
_FINISH = delete(pushes).where(_ours)
_HOLD = (
    update(pushes)
    .where(_ours)
    .values(claim=None, due_at=bindparam("until"), is_held=True, attempts=pushes.c.attempts - 1)
)
_RETRY = update(pushes).where(_ours).values(claim=None, due_at=bindparam("until"))
_WAIT = (
    update(pushes)
    .where(
        pushes.c.subscription_id == bindparam("subscription"),
        pushes.c.claim.is_(None),
        pushes.c.due_at < bindparam("until", type_=Timestamp),
    )
    .values(due_at=bindparam("until"))
)
_FIRST = select(func.min(pushes.c.due_at))
_ORPHANED = delete(pushes).where(
    pushes.c.due_at <= _moment, ~exists().where(push_subscriptions.c.id == pushes.c.subscription_id)
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A push that this worker is to send: what, where to, and how often that was begun, this time included.

    ``is_moot`` when its notification has been read or deleted meanwhile.
    """

    subscription_id: str
    notification_id: str
    claim: str
    user_id: str
    endpoint: str
    p256dh: str
    auth: str
    expires_at: str | None
    failures: int
    payload: dict[str, Any]
    is_moot: bool
    is_held: bool
    attempts: int
    created_at: str

    def key(self) -> dict[str, str]:
        """What finds its row, as long as the claim is this one."""
        return {
            "subscription": self.subscription_id,
            "notification": self.notification_id,
            "claimed": self.claim,
        }


async def queue(conn: AsyncConnection, notices: Sequence[tuple[str, dict[str, Any]]]) -> int:
    """Queue notifications, each a user's id and ``{id, title, message, type, level, link, data}``, for all browsers of
    their users; nothing is written for users without one. Returns how many pushes that makes.
    """
    if not notices:
        return 0
    latest = {(user_id, payload["id"]): payload for user_id, payload in notices}
    rows = [[*key, orjson.dumps(payload).decode()] for key, payload in latest.items()]
    queued = {"notices": orjson.dumps(rows).decode(), "moment": now()}
    return (await conn.execute(_QUEUE[conn.dialect.name], queued)).rowcount


async def claim(conn: AsyncConnection, count: int, until: str) -> list[Claimed]:
    """Take what is due, ``count`` at most and one for each subscription, for this worker alone until that moment."""
    found = (await conn.execute(_DUE, {"moment": now(), "count": count})).all()
    token = new_id()
    first: dict[str, Claimed] = {}
    for row in found:
        first.setdefault(row.subscription_id, _claimed(row, token))
    if first:
        keys = as_set((each.subscription_id, each.notification_id) for each in first.values())
        await conn.execute(_CLAIM, {"keys": keys, "token": token, "until": until})
    return list(first.values())


def _claimed(row: Any, token: str) -> Claimed:
    return Claimed(
        subscription_id=row.subscription_id,
        notification_id=row.notification_id,
        claim=token,
        user_id=row.user_id,
        endpoint=row.endpoint,
        p256dh=row.p256dh,
        auth=row.auth,
        expires_at=row.expires_at,
        failures=row.failures,
        payload=row.payload,
        is_moot=row.is_stored and row.is_read is not False,
        is_held=row.is_held,
        attempts=row.attempts + 1,
        created_at=row.created_at,
    )


async def finish(conn: AsyncConnection, done: Iterable[Claimed]) -> None:
    """Delete pushes that are done with, unless they were renewed meanwhile."""
    await _each(conn, _FINISH, [each.key() for each in done])


async def hold(conn: AsyncConnection, held: Iterable[Claimed], until: str) -> None:
    """Put pushes off once, without counting it as an attempt."""
    await _each(conn, _HOLD, [each.key() | {"until": until} for each in held])


async def retry(conn: AsyncConnection, failed: Iterable[tuple[Claimed, str]]) -> None:
    """Put pushes off until a moment each, unless they are done with, and everything else for their subscriptions."""
    later = list(failed)
    await _each(conn, _RETRY, [each.key() | {"until": until} for each, until in later])
    await _each(conn, _WAIT, [{"subscription": each.subscription_id, "until": until} for each, until in later])


async def _each(conn: AsyncConnection, statement: Any, rows: list[dict[str, str]]) -> None:
    """Write row by row in the order of the key, which is everybody's."""
    if rows:
        rows.sort(key=lambda row: (row["subscription"], row.get("notification", "")))
        await conn.execute(statement, rows)


async def first_due(conn: AsyncConnection) -> str | None:
    """When the first push of all is due, or was; None when there is none."""
    moment: str | None = await conn.scalar(_FIRST)
    return moment


async def sweep(conn: AsyncConnection) -> None:
    """Delete what is due to subscriptions that have ended."""
    await conn.execute(_ORPHANED, {"moment": now()})
