"""The event log: what was committed, channel by channel, numbered without holes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, Index, Table, Text, bindparam, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models import audience
from models.audience import Audience
from models.database import metadata
from models.sets import as_set, one_of
from models.types import Timestamp, now

channels = Table(
    "channels",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

event_log = Table(
    "event_log",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("event", Text, nullable=False),
    Column("at", Timestamp, nullable=False, index=True),
    Column("data", Text, nullable=False),
    Column("subject", Text),
    Column("audience", Text),
    Index("ix_event_log_subject", "subject", postgresql_where=text("subject IS NOT NULL")),
)

# Held by whoever deletes events, so that two of them do not meet.
EXPIRY_LOCK = 0x48756262


@dataclass(slots=True)
class Draft:
    """An event that is yet to be numbered.

    ``subject`` is the id of the thing whose text the data carries, if any; ``audience`` None means everyone who hears
    the channel.
    """

    channel: str
    event: str
    data: Any
    subject: str | None = None
    audience: Audience | None = None


@dataclass(slots=True)
class Event:
    """A committed event. ``data`` is JSON text; ``envelope`` the bytes that every transport sends.

    ``views`` keeps what filters have made of it (see ``handlers.views``).
    """

    channel: str
    seq: int
    event: str
    envelope: bytes = field(repr=False)
    audience: Audience | None = None
    views: dict[str, "Event | None"] | None = field(default=None, repr=False, compare=False)

    @property
    def data(self) -> Any:
        """The event's data as a Python value."""
        return orjson.loads(self.envelope)["data"]


def envelope(channel: str, event: str, at: str, data: bytes, seq: int | None = None) -> bytes:
    """The JSON object of the contract's section 4; without ``seq`` it is a signal's."""
    number = b"" if seq is None else b',"seq":%d' % seq
    return b'{"event":%b,"channel":%b%b,"at":"%b","data":%b}' % (
        orjson.dumps(event),
        orjson.dumps(channel),
        number,
        at.encode(),
        data,
    )


# One upsert takes the numbers of all channels, in the channels' order: transactions that share channels take their
# rows one behind the other instead of in each other's way.
_TAKE_NUMBERS = {
    "sqlite": text(
        "INSERT INTO channels (name, seq) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]')"
        " FROM json_each(:wanted) WHERE true"
        " ON CONFLICT (name) DO UPDATE SET seq = channels.seq + excluded.seq RETURNING name, seq"
    ),
    "postgresql": text(
        "INSERT INTO channels (name, seq) SELECT value->>0, (value->>1)::bigint"
        " FROM json_array_elements(CAST(:wanted AS json)) WITH ORDINALITY AS t(value, place) ORDER BY place"
        " ON CONFLICT (name) DO UPDATE SET seq = channels.seq + excluded.seq RETURNING name, seq"
    ),
}
_INSERT_EVENTS = insert(event_log)


async def append(conn: AsyncConnection, drafts: Sequence[Draft]) -> list[Event]:
    """Number the drafts and write them: a transaction's last step, because each channel's row is held from here on.

    Returns the events in the order of the drafts.
    """
    if not drafts:
        return []
    counts = Counter(draft.channel for draft in drafts)
    wanted = orjson.dumps(sorted(counts.items())).decode()
    taken = await conn.execute(_TAKE_NUMBERS[conn.dialect.name], {"wanted": wanted})
    newest = {row.name: row.seq for row in taken}
    following = {name: newest[name] - count for name, count in counts.items()}
    at = now()
    events, rows = [], []
    for draft in drafts:
        following[draft.channel] += 1
        seq = following[draft.channel]
        data = orjson.dumps(draft.data)
        sent = envelope(draft.channel, draft.event, at, data, seq)
        events.append(Event(draft.channel, seq, draft.event, sent, draft.audience))
        rows.append(
            {
                "channel": draft.channel,
                "seq": seq,
                "event": draft.event,
                "at": at,
                "data": data.decode(),
                "subject": draft.subject,
                "audience": draft.audience and draft.audience.text(),
            }
        )
    await conn.execute(_INSERT_EVENTS, rows)
    return events


@dataclass(slots=True)
class Replay:
    """What follows a position: ``recovered`` is false when the log no longer reaches back to it, or it never was."""

    newest: int
    recovered: bool
    events: list[Event]


async def newest(conn: AsyncConnection, channel: str) -> int:
    """The number of the channel's newest event, 0 before the first."""
    return await conn.scalar(select(channels.c.seq).where(channels.c.name == channel)) or 0


async def newest_at(conn: AsyncConnection, channel: str) -> str | None:
    """When the newest event that the log still holds was; None when it holds none."""
    found = select(event_log.c.at).where(event_log.c.channel == channel).order_by(event_log.c.seq.desc()).limit(1)
    return await conn.scalar(found)


async def newest_of(conn: AsyncConnection, names: Sequence[str]) -> dict[str, int]:
    """The newest numbers of those channels that have any event."""
    if not names:
        return {}
    found = await conn.execute(
        select(channels.c.name, channels.c.seq).where(one_of(channels.c.name, "names")), {"names": as_set(names)}
    )
    return {row.name: row.seq for row in found}


async def after(conn: AsyncConnection, channel: str, seq: int, limit: int | None = None) -> Replay:
    """Every event later than ``seq``, oldest first; ``limit`` cuts the end off, never the beginning."""
    last = await newest(conn, channel)
    if seq >= last:
        return Replay(last, seq == last, [])
    rows = (
        await conn.execute(
            select(event_log)
            .where(event_log.c.channel == channel, event_log.c.seq > seq)
            .order_by(event_log.c.seq)
            .limit(limit)
        )
    ).all()
    if not rows or rows[0].seq != seq + 1:
        return Replay(last, False, [])
    return Replay(max(last, rows[-1].seq), True, [_event(row) for row in rows])


def _event(row: Any) -> Event:
    sent = envelope(row.channel, row.event, row.at, row.data.encode(), row.seq)
    return Event(row.channel, row.seq, row.event, sent, row.audience and audience.parse(row.audience))


async def redact(
    conn: AsyncConnection, subject: str, fields: dict[str, Any], about: tuple[str, str] | None = None
) -> None:
    """Overwrite fields in the data of every logged event about the subject: what was deleted is gone here, too.

    A field of fields overwrites those within the field. With ``about``, a field and its value, this concerns only
    those events whose data has it.
    """
    rows = (
        await conn.execute(
            select(event_log.c.channel, event_log.c.seq, event_log.c.data).where(event_log.c.subject == subject)
        )
    ).all()
    changed = []
    for row in rows:
        data = orjson.loads(row.data)
        if about is not None and data.get(about[0]) != about[1]:
            continue
        _overwrite(data, fields)
        changed.append({"c": row.channel, "s": row.seq, "d": orjson.dumps(data).decode()})
    if changed:
        await conn.execute(
            update(event_log)
            .where(event_log.c.channel == bindparam("c"), event_log.c.seq == bindparam("s"))
            .values(data=bindparam("d")),
            changed,
        )


def _overwrite(data: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, dict) and isinstance(data.get(name), dict):
            _overwrite(data[name], value)
        elif name in data:
            data[name] = value


async def expire(conn: AsyncConnection, before: str, keep: int, names: Iterable[str] | None) -> int | None:
    """Delete events older than ``before``, and all but the newest ``keep`` of the named channels (None: of every one).

    Returns how many went; None when another worker is at it on PostgreSQL, so that this one comes back later.
    """
    if conn.dialect.name == "postgresql" and not await conn.scalar(select(func.pg_try_advisory_xact_lock(EXPIRY_LOCK))):
        return None
    gone = (await conn.execute(delete(event_log).where(event_log.c.at < before))).rowcount
    counters = select(channels.c.name, (channels.c.seq - keep).label("floor")).where(channels.c.seq > keep)
    named = {}
    if names is not None:
        counters, named = counters.where(one_of(channels.c.name, "names")), {"names": as_set(names)}
    for name, floor in (await conn.execute(counters, named)).all():
        gone += (
            await conn.execute(delete(event_log).where(event_log.c.channel == name, event_log.c.seq <= floor))
        ).rowcount
    return gone
