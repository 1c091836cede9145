"""Snapshots: what a channel's events have come to, for those who begin to hear it.

What is stored is read together with the number of the channel's newest event, and the subscription begins behind that
number: so the snapshot and the events that follow tell the whole story, and nothing twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from handlers import access, shared_snapshots, views
from handlers.base import Context
from handlers.errors import Unavailable
from handlers.filters import Filter
from models import engagement, event_log, moderation
from models.engagement import Counts
from models.event_log import Event

_OF_TOPIC: dict[str | None, Callable[[Counts], dict[str, Any]]] = {
    "comments": lambda counts: {"count": counts.comments},
    "likes": lambda counts: {"count": counts.likes},
    "saves": lambda counts: {"count": counts.saves},
    "rating": lambda counts: counts.rating,
    "images": lambda counts: {"count": counts.images},
}


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored when the channel's newest event was ``seq``, and the events between there and what was asked."""

    state: dict[str, Any]
    seq: int
    recovered: bool
    events: list[Event]


async def stored(ctx: Context, channel: str, after: int | None, view: Filter | None = None) -> Stored | None:
    """The stored state of a channel; None when it has none."""
    place = access.parse(channel, ctx.services.rules)
    if place.kind == "admin":
        pending, seq = await moderation.pending_at(ctx.conn, channel)
        state = {"pendingCount": pending}
    elif place.kind in {"collection", "table"}:
        state, seq = await shared_snapshots.at(ctx, place, channel, view)
    elif place.topic in _OF_TOPIC:
        counts, seq = await engagement.at(ctx.conn, place.id, channel)
        state = _OF_TOPIC[place.topic](counts)
    else:
        return None
    if after is None:
        return Stored(state, seq, True, [])
    found = await event_log.after(ctx.conn, channel, after)
    events = [event for event in found.events if event.seq <= seq]
    return Stored(state, seq, found.recovered and after <= seq, events)


async def attach(
    ctx: Context, connection: str, channel: str, found: Stored, view: Filter | None = None
) -> dict[str, Any]:
    """Subscribe behind a snapshot: the reply's ``{seq, recovered, events, snapshot}``; what is later follows it."""
    position = await ctx.services.subscriptions.attach(connection, channel, found.seq, view)
    if not position.recovered:
        raise Unavailable("The channel moves too fast; try again.")
    ctx.after_reply.append(lambda: position.start(True))
    typing = {"typing": ctx.services.typing.typing(channel)} if channel.endswith(":comments") else {}
    return {
        "seq": found.seq,
        "recovered": found.recovered,
        "events": [
            orjson.loads(seen.envelope)
            for event in found.events
            if (seen := views.told(event, ctx.actor, view)) is not None
        ],
        "snapshot": found.state | typing,
    }
