"""The application: the only place where things are built and wired."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import orjson
from aiohttp import web

from handlers.access import ENDS_ACCESS
from handlers.base import Rules, Services
from models.database import Database
from models.types import now
from server import demo, pages, presence_watch, viewers, watching
from server.audience import PeopleAudience
from server.background import BackgroundWork
from server.backing import bus_of, leases_of, open_database, peers_of, redis_of, start_peers
from server.blocked_words import BlockedWords
from server.broadcaster import Broadcaster
from server.connections import Connections
from server.delivery import Delivery
from server.dispatch import Dispatcher
from server.engine import LocalManager, RealtimeServer, RedisBus, RedisManager
from server.gallery import GalleryDoor
from server.health import Health
from server.hearers import Hearers
from server.identity import Identity
from server.keys import DRAIN
from server.leftovers import Leftovers
from server.limits import LocalLimiter, RedisLimiter
from server.listening import Listening
from server.log_pages import LogPages
from server.media import Media
from server.metrics import Metrics
from server.mirror import Mirror
from server.origins import Origins
from server.peer import Peer
from server.pictures import Bounds, StoredPictures
from server.poll import PollDoor
from server.presence import People
from server.push_endpoints import PushEndpoints
from server.push_keys import PushKeys
from server.push_sender import Pace, PushSender, Statuses
from server.reference import ReferenceDoor
from server.removals import Removals
from server.rest import RestDoor
from server.retention import Retention
from server.roster import Roster
from server.sanctions import ActiveSanctions
from server.sessions import SocketSessions
from server.settings import Settings
from server.socket import SocketDoor
from server.spool import Spool
from server.sql_publications import SqlPublications
from server.sse import SseDoor
from server.streams import Streams
from server.subscriptions import SocketSubscriptions
from server.typing_board import SignalTypingBoard
from server.uploads import Uploads
from server.visibility import Visibility
from server.watches import Watches
from server.web_push import WebPush
from server.writing import Writing

log = logging.getLogger(__name__)

SOCKET_PATH = "/socket.io/"
RECONNECT_MS = (100, 2000)
_NO_CONTACT = "mailto:postmaster@example.com"


def create_app(settings: Settings) -> web.Application:
    """Build Hubbub. What it holds is opened when the application starts, and closed when it ends.

    Starting raises ``StartupError`` when the database cannot be used, or the address for other workers.
    """
    database = Database(
        settings.database_url, pool_size=settings.database_pool_size, timeout=settings.database_timeout_seconds
    )
    bus = bus_of(settings)
    redis = redis_of(settings)
    peer = Peer(settings.trusted_proxies, settings.origins)
    peers = peers_of(settings, redis)
    manager = LocalManager() if bus is None else RedisManager(bus)
    sio = RealtimeServer(
        manager,
        async_mode="aiohttp",
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        max_http_buffer_size=settings.max_packet_bytes,
        send_buffer_bytes=settings.send_buffer_bytes,
        connect_timeout=settings.connect_seconds,
        # Deeper than any payload may be, so that one that is too deep gets its answer; beyond, the packet is malformed.
        max_json_depth=max(512, settings.json_depth),
        connection_state_recovery={"max_disconnection_duration": settings.recovery_seconds},
        # Origins are checked for every door alike, by server.origins.
        cors_allowed_origins=[],
        session_owner=peer.address,
        peers=peers,
    )
    connections = Connections()
    identity = Identity(settings)
    mirror = Mirror(database)
    delivery = Delivery(database, bus, catch_up_seconds=settings.catch_up_seconds, ends_access=ENDS_ACCESS)
    leases = leases_of(settings, redis, bus)
    roster = Roster(leases, per_address=settings.connections_per_address, per_user=settings.connections_per_user)
    hearers = Hearers(delivery, database)
    visibility = Visibility(delivery, hearers, database)
    sanctions = ActiveSanctions(delivery, hearers, connections, database)
    identity.admit = sanctions.admit
    subscriptions = SocketSubscriptions(sio, delivery, connections, hearers, settings.subscriptions_per_connection)
    typing = SignalTypingBoard(delivery, settings.typing_seconds)
    presence_watches = Watches(
        delivery,
        leases,
        "presence:changed",
        partial(presence_watch.told_of, leases, database, settings.recovery_seconds),
        settings.presence_signal_seconds,
    )
    people = People(
        leases,
        presence_watches,
        mirror,
        grace_seconds=settings.presence_grace_seconds,
        call_seconds=settings.presence_call_seconds,
        recovery_seconds=settings.recovery_seconds,
    )
    viewer_watches = Watches(
        delivery,
        leases,
        "viewers:changed",
        partial(viewers.told_of, leases, database),
        settings.presence_signal_seconds,
    )
    entity_viewers = viewers.EntityViewers(
        leases, viewer_watches, grace_seconds=settings.presence_grace_seconds, call_seconds=settings.viewer_seconds
    )
    writing = Writing(settings, database, delivery, leases)
    subscriptions.audience = PeopleAudience(
        (presence_watches, viewer_watches, writing.watches), (entity_viewers, writing.people), typing
    )
    sessions = SocketSessions(connections, identity)
    shared = demo.shared_data(settings)
    rules = Rules(
        settings.entity_types,
        settings.messages_per_second,
        settings.messages_burst,
        shared.collections,
        shared.tables,
        settings.record_bytes,
        settings.record_page_bytes,
        settings.record_scan_bytes,
        settings.filter_terms,
        settings.filter_length,
        settings.snapshot_records,
        settings.table_rows,
    )
    sessions.changed = lambda connection, actor: subscriptions.act_as(connection, actor, rules)
    background = BackgroundWork()
    limiter = (
        LocalLimiter() if redis is None else RedisLimiter(redis, settings.redis_prefix, settings.redis_timeout_seconds)
    )
    retention = Retention(
        database, settings.retention_events, settings.retention_seconds, settings.record_history_seconds
    )
    sql_publications = _sql_publications(settings, database, delivery, retention)
    metrics = Metrics(connections, delivery, bus, peers)
    push = _web_push(settings, database, people.statuses, metrics.push)
    media = Media(settings.media_url, settings.media_timeout_seconds)
    spool = Spool(settings.var_dir / "uploads")
    uploads = Uploads(
        spool, size=settings.upload_bytes, seconds=settings.upload_seconds, per_user=settings.uploads_per_user
    )
    leftovers = Leftovers(database, media)
    background.register("leftovers", leftovers.wake)
    background.register("pushes", push.wake)

    def appended(events: Any) -> None:
        retention.note(events)
        metrics.events(events)

    delivery.appended = appended
    services = Services(
        subscriptions,
        typing,
        people,
        entity_viewers,
        sessions,
        rules,
        background,
        push,
        pictures=StoredPictures(database, media, spool, _bounds(settings)),
        sanctions=sanctions,
        words=BlockedWords(settings.blocked_words or ()),
        documents=writing.desk,
    )
    writing.serve(services)
    dispatcher = Dispatcher(database, services, limiter, delivery.committed, settings)
    dispatcher.observe = metrics.action
    broadcaster = Broadcaster(
        database, services, delivery.committed, batch=settings.broadcast_batch, share=settings.broadcast_share
    )
    background.register("broadcasts", broadcaster.wake)
    metrics.watch_broadcasts(broadcaster)
    metrics.watch_people(people)
    removals = _removals(settings, sio, bus, redis, subscriptions, people, database)
    SocketDoor(
        sio,
        dispatcher,
        identity,
        connections,
        sessions,
        subscriptions,
        typing,
        roster,
        people,
        mirror,
        peer,
        settings.recovery_seconds,
        removals,
    )
    rest = RestDoor(dispatcher, identity, mirror, peer, settings.entity_types, {"image:upload": uploads.read})
    gallery = GalleryDoor(rest, database, services, media, visitors=settings.visitors)
    listening = Listening(database, services, dispatcher, rest, identity, settings.subscriptions_per_connection)
    pages_of_log = LogPages(database)
    sse = SseDoor(
        listening,
        Streams(delivery, hearers, pages_of_log, subscriptions.audience, settings.sse_heartbeat_seconds),
        connections,
        sessions,
        roster,
        lambda outcome: metrics.listener("stream", outcome),
        entity_types=settings.entity_types,
        send_buffer_bytes=settings.send_buffer_bytes,
    )
    poll = PollDoor(
        listening,
        database,
        pages_of_log,
        delivery,
        hearers,
        connections,
        roster,
        lambda outcome: metrics.listener("poll", outcome),
    )
    health = Health(database, bus, lambda: dispatcher.draining)
    origins = Origins(peer, SOCKET_PATH)

    app = web.Application(client_max_size=settings.max_packet_bytes, middlewares=[origins.middleware()])
    app.on_response_prepare.append(origins.name)
    app.on_response_prepare.append(pages.secure)
    app.add_routes(health.routes())
    app.add_routes(metrics.routes())
    app.add_routes(demo.DemoDoor(settings, identity, mirror, peer).routes())
    app.add_routes(pages.routes(demo=settings.demo))
    app.add_routes(ReferenceDoor(settings).routes())
    app.add_routes(sse.routes())
    app.add_routes(poll.routes())
    app.add_routes(gallery.routes())
    app.add_routes(rest.routes())
    sio.attach(app)

    async def drain() -> None:
        def farewell(connection: str) -> None:
            data = {"reconnectInMs": random.randint(*RECONNECT_MS)}  # noqa: S311 - spreads clients, guards nothing
            payload = orjson.dumps({"event": "server:draining", "at": now(), "data": data})
            sio.broadcast(connection, "server:draining", payload)

        dispatcher.draining = True
        poll.drain()
        uploads.drain()
        try:
            await asyncio.gather(sio.drain(farewell), push.drain())
            if removals is not None:
                await removals.leave_all()
            await dispatcher.idle()
        finally:
            # Last of all: a browser that comes back while this worker still listens would be refused here.
            await sse.drain()

    async def lifetime(_: web.Application) -> AsyncIterator[None]:
        await open_database(settings, database)
        await watching.review(database, shared.tables, settings)
        media.open()
        spool.open()
        if bus is not None:
            await bus.start()
        if peers is not None:
            await start_peers(settings, peers)
        await leases.start()
        delivery.start()
        if sql_publications is not None:
            sql_publications.start()
        await visibility.start()
        presence_watches.start()
        viewer_watches.start()
        writing.start()
        await sanctions.start()
        retention.start()
        await push.start()
        leftovers.start()
        broadcaster.start()
        yield
        await writing.stop()
        await broadcaster.stop()
        await leftovers.stop()
        await push.stop()
        await retention.stop()
        await sanctions.stop()
        await visibility.stop()
        await hearers.stop()
        if sql_publications is not None:
            await sql_publications.stop()
        await delivery.stop()
        await sio.shutdown()
        await presence_watches.stop()
        await viewer_watches.stop()
        await writing.leave()
        await people.stop()
        await entity_viewers.stop()
        await leases.stop()
        if bus is not None:
            await bus.stop()
        if redis is not None:
            await redis.aclose()
        await database.close()

    app[DRAIN] = drain
    app.cleanup_ctx.append(lifetime)
    return app


def _web_push(settings: Settings, database: Database, statuses: Statuses, count: Callable[[str], None]) -> WebPush:
    keys = PushKeys(settings.vapid_subject or _contact(settings))
    endpoints = PushEndpoints(allow_loopback=settings.push_allow_loopback, timeout=settings.push_timeout_seconds)
    pace = Pace(
        attempts=settings.push_attempts,
        ttl=settings.push_ttl_seconds,
        backoff=settings.push_backoff_seconds,
        timeout=settings.push_timeout_seconds,
        concurrency=settings.push_concurrency,
        grace=settings.presence_grace_seconds,
    )
    sender = PushSender(database, keys, endpoints, statuses, pace, count)
    return WebPush(database, keys, endpoints, sender, settings.push_subscriptions_per_user)


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        bytes=settings.upload_bytes,
        pixels=settings.upload_pixels,
        seconds=settings.picture_seconds,
        concurrency=settings.picture_concurrency,
    )


def _contact(settings: Settings) -> str:
    """Whom push services may turn to when nothing else is said: some take no push without a contact."""
    return next((each for each in settings.origins or () if each.startswith("https://")), _NO_CONTACT)


def _removals(
    settings: Settings,
    sio: RealtimeServer,
    bus: RedisBus | None,
    redis: Any,
    subscriptions: SocketSubscriptions,
    people: People,
    database: Database,
) -> Removals | None:
    if bus is None:
        return None
    return Removals(
        sio,
        bus,
        redis,
        subscriptions,
        people,
        database,
        prefix=settings.redis_prefix,
        seconds=settings.recovery_seconds,
        timeout=settings.redis_timeout_seconds,
    )


def _sql_publications(
    settings: Settings, database: Database, delivery: Delivery, retention: Retention
) -> SqlPublications | None:
    if database.dialect != "postgresql":
        return None
    return SqlPublications(
        database,
        delivery,
        retention,
        nonce_seconds=settings.bus_nonce_seconds,
        deaf_seconds=settings.bus_deaf_seconds,
    )
