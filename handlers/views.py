"""Views: a channel's changes as somebody sees them who asked for some of the records, or rows, alone.

What happens to a record outside of the filter did not happen for them; one that begins to match arrives, one that stops
goes. So a view's events keep a list of the matching records right, and nothing else is needed to do so.
"""

import logging
from typing import Any

import orjson

from handlers import access, filters
from handlers.base import Actor, Rules
from handlers.errors import Invalid
from handlers.filters import Filter
from models.event_log import Event

log = logging.getLogger("hubbub.views")

# Channels of records and rows, by the kind of the channel: the events that tell of changes.
_CHANGES = {"collection": "record:changed", "table": "table:changed"}


def wanted(text: str | None, channel: str, rules: Rules) -> Filter | None:
    """What a subscriber of a channel asks for; None when it is everything.

    Raises ``Invalid`` with ``fields.filter`` for what is no filter, or none of this channel.
    """
    if text is None:
        return None
    place = access.parse(channel, rules)
    if place.kind not in _CHANGES:
        raise Invalid("This channel takes no filter.", {"filter": ["Only collections and tables take a filter."]})
    found = filters.parse(text, terms=rules.filter_terms, length=rules.filter_length)
    if place.kind == "table":
        strangers = sorted(found.names.difference(rules.tables[place.id].columns))
        if strangers:
            raise Invalid(
                "The filter names a column that is not shown.",
                {"filter": [f"{strangers[0][:100]} is none of {', '.join(rules.tables[place.id].columns)}."]},
            )
    return found


def told(event: Event, actor: Actor, view: Filter | None) -> Event | None:
    """An event as it is for this actor, who hears its channel through ``view``; None where its number is skipped."""
    return seen(event, view) if access.may_see(event, actor) else None


def seen(event: Event, view: Filter | None) -> Event | None:
    """An event through a filter (None: as it is); None when there is nothing to see.

    Found once for each event and filter, however many ask: an event keeps what was found.
    """
    if view is None:
        return event
    if event.views is None:
        event.views = {}
    if view.text not in event.views:
        event.views[view.text] = _seen(event, view)
    found: Event | None = event.views[view.text]
    return found


def _seen(event: Event, view: Filter) -> Event | None:
    kind = event.channel.partition(":")[0]
    if event.event != _CHANGES.get(kind):
        return event
    try:
        envelope = orjson.loads(event.envelope)
        change = envelope["data"]
        was, is_ = (_matches(change[side], view, kind) for side in ("old", "new"))
    except Exception:
        # One view's trouble must not become the trouble of everybody who hears the channel.
        log.exception("A change could not be filtered, and was skipped", extra={"channel": event.channel})
        return None
    if not was and not is_:
        return None
    if was and not is_ and change["new"] is not None:
        change |= {"eventType": "DELETE", "new": None}
    elif is_ and not was and change["old"] is not None:
        change |= {"eventType": "INSERT", "old": None}
    else:
        return event
    return Event(event.channel, event.seq, event.event, orjson.dumps(envelope), event.audience)


def _matches(thing: Any, view: Filter, kind: str) -> bool:
    """Whether a record, by its data, or a row is in the view; null never is."""
    return thing is not None and view.matches(thing["data"] if kind == "collection" else thing)
