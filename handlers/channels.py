"""Channels: hearing them from a connection, and publishing to them from a backend."""

import re
from typing import Any

import orjson
from marshmallow import ValidationError, fields, validate

from handlers import access, documents, snapshots, views
from handlers.base import Context, handles
from handlers.errors import Invalid, NotFound
from handlers.payload import LIST_MAX, Any_, Bounded, Flag, Id, Payload, Whole, channel_name, client_id, filter_text
from models import idempotency

# Two words and a colon; Socket.IO's own event names hold none.
_EVENT = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,49}:[A-Za-z][A-Za-z0-9_.-]{0,49}\Z")
_OWN_KINDS = ("collection:", "table:", "document:")


class Subscribe(Payload):
    """``channel:subscribe``."""

    channel = channel_name()
    after = Whole(0)
    filter = filter_text()
    snapshot = Flag(load_default=False)
    token = Id(8192)


class Unsubscribe(Payload):
    """``channel:unsubscribe``."""

    channel = channel_name()


class EventName(Id):
    """An event's name: ``noun:verb``."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if not _EVENT.match(name):
            raise ValidationError("Must be two words with a colon between, such as order:paid.")
        return name


class Publish(Payload):
    """``channel:publish``."""

    channel = channel_name()
    event = EventName(required=True)
    data = Any_(load_default=dict, allow_none=True)
    client_id = client_id()


class PublishBatch(Payload):
    """``channel:publish-batch``."""

    batches = frozenset({"events"})
    events = Bounded(fields.Nested(Publish), required=True, validate=validate.Length(min=1, max=LIST_MAX))
    client_id = client_id()


@handles("channel:subscribe", Subscribe, reads=True, audience=("user", "visitor", "backend"))
async def subscribe(
    ctx: Context,
    channel: str,
    after: int | None = None,
    filter: str | None = None,
    snapshot: bool = False,
    token: str | None = None,
) -> dict[str, Any]:
    """Hear a channel on this connection, from now on or from behind ``after``."""
    connection = _connection(ctx)
    await access.require_read(ctx, channel, token)
    channel = access.canonical(channel, ctx.services.rules)
    view = views.wanted(filter, channel, ctx.services.rules)
    ctx.services.subscriptions.check(connection, channel)
    stored = await snapshots.stored(ctx, channel, after, view) if snapshot else None

    async def attach(reply: dict[str, Any]) -> dict[str, Any]:
        if stored is not None:
            return reply | await snapshots.attach(ctx, connection, channel, stored, view)
        position = await ctx.services.subscriptions.attach(connection, channel, after, view)
        ctx.after_reply.append(lambda: position.start(False))
        replayed = [orjson.loads(event.envelope) for event in position.events]
        reply |= {"seq": position.seq, "recovered": position.recovered, "events": replayed}
        if snapshot:
            reply["snapshot"] = await _snapshot(ctx, channel)
        return reply

    ctx.finish = attach
    return {"channel": channel}


@handles("channel:unsubscribe", Unsubscribe, reads=True, audience=("user", "visitor", "backend"))
async def unsubscribe(ctx: Context, channel: str) -> dict[str, Any]:
    """Hear a channel no longer on this connection."""
    channel = access.canonical(channel, ctx.services.rules)
    ctx.services.subscriptions.detach(_connection(ctx), channel)
    return {"channel": channel}


@handles("channel:publish", Publish, rest=("POST", "/api/publish"), audience=("backend",))
async def publish(ctx: Context, channel: str, event: str, data: Any, client_id: str | None = None) -> dict[str, Any]:
    """Publish an event to a channel, from a backend."""
    target = _published(ctx, channel)
    ctx.publish(target, event, data)
    ctx.created = True
    return {"seq": await ctx.flush(target)}


@handles("channel:publish-batch", PublishBatch, rest=("POST", "/api/publish/batch"), audience=("backend",))
async def publish_batch(ctx: Context, events: list[dict[str, Any]], client_id: str | None = None) -> dict[str, Any]:
    """Publish many events from a backend, all or none; one that was published under its clientId keeps its number."""
    chosen = {each["client_id"] for each in events if "client_id" in each}
    first = await idempotency.first_results(ctx.conn, ctx.actor.id or "", "channel:publish", chosen)
    numbers = {each: result["seq"] for each, result in first.items()}
    fresh: dict[Any, dict[str, Any]] = {}
    for at, each in enumerate(events):
        target = _published(ctx, each["channel"])
        key = each.get("client_id", at)
        if key not in numbers and key not in fresh:
            fresh[key] = each
            ctx.publish(target, each["event"], each["data"])
    await ctx.flush(target)
    numbers |= {key: event.seq for key, event in zip(fresh, ctx.events, strict=True)}
    results = {each: {"seq": numbers[each]} for each in chosen - first.keys()}
    await idempotency.keep_results(ctx.conn, ctx.actor.id or "", "channel:publish", results)
    ctx.created = bool(fresh)
    return {"results": [{"seq": numbers[each.get("client_id", at)]} for at, each in enumerate(events)]}


async def _snapshot(ctx: Context, channel: str) -> dict[str, Any]:
    """What a channel that the connection hears already holds at this moment."""
    kind = access.parse(channel, ctx.services.rules)
    if kind.kind == "presence":
        return await ctx.services.presence.state(channel)
    if kind.topic == "viewers":
        return await ctx.services.viewers.state(channel)
    if kind.kind == "document":
        # Read behind the subscription: what is saved in between is told once more.
        async with ctx.services.documents.read() as ctx.conn:
            document = await documents.whole(ctx, kind.id)
        return {"document": document, **await ctx.services.documents.collaborators(kind.id)}
    return {"typing": ctx.services.typing.typing(channel)}


def _published(ctx: Context, channel: str) -> str:
    if channel.startswith(_OWN_KINDS):
        raise Invalid(
            "Only records, tables and documents themselves publish to their channels.",
            {"channel": ["Must not be a collection, a table or a document."]},
        )
    return access.canonical(channel, ctx.services.rules)


def _connection(ctx: Context) -> str:
    if ctx.actor.connection is None:
        raise NotFound("Subscribing takes a Socket.IO connection.")
    return ctx.actor.connection
