"""Metrics: what the worker counts, as Prometheus reads it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from handlers import REGISTRY
from models.event_log import Event
from server.broadcaster import Broadcaster
from server.connections import Connections
from server.delivery import Delivery
from server.engine import Peers, RedisBus
from server.presence import People
from server.push_sender import OUTCOMES


class Metrics:
    """Counters of one worker at ``/metrics``."""

    def __init__(self, connections: Connections, delivery: Delivery, bus: RedisBus | None, peers: Peers | None) -> None:
        self._registry = CollectorRegistry()
        self._actions = Counter(
            "hubbub_actions", "Actions by their outcome", ["action", "outcome"], registry=self._registry
        )
        self._pushes = Counter("hubbub_pushes", "Pushes by what became of them", ["outcome"], registry=self._registry)
        self._listeners = Counter(
            "hubbub_listeners",
            "Requests for streams and polls by their outcome; cut are streams whose client read too slowly",
            ["door", "outcome"],
            registry=self._registry,
        )
        self._events = Counter("hubbub_events", "Events committed here", registry=self._registry)
        self._notifications = Counter("hubbub_notifications", "Notifications delivered here", registry=self._registry)
        Gauge("hubbub_connections", "Open Socket.IO connections", registry=self._registry).set_function(
            lambda: connections.count("socket")
        )
        Gauge("hubbub_streams", "Open streams of server-sent events", registry=self._registry).set_function(
            lambda: connections.count("stream")
        )
        Gauge("hubbub_channels", "Channels heard here", registry=self._registry).set_function(lambda: len(delivery))
        Gauge("hubbub_bus_healthy", "Whether the other workers are heard", registry=self._registry).set_function(
            lambda: float(bus is None or bus.healthy)
        )
        if peers is not None:
            self._registry.register(_PeerRequests(peers))
        for name in REGISTRY:
            self._actions.labels(name, "ok")
        for outcome in OUTCOMES:
            self._pushes.labels(outcome)

    def action(self, name: str, outcome: str) -> None:
        """Count an action; ``outcome`` is ``ok`` or an error's code."""
        self._actions.labels(name, outcome).inc()

    def push(self, outcome: str) -> None:
        """Count what became of a push: one of ``push_sender.OUTCOMES``."""
        self._pushes.labels(outcome).inc()

    def events(self, events: Sequence[Event]) -> None:
        """Count committed events, and among them the notifications."""
        self._events.inc(len(events))
        notified = sum(event.event == "notification:created" for event in events)
        if notified:
            self._notifications.inc(notified)

    def watch_people(self, people: People) -> None:
        """Tell who is connected here, and count how often what is shown of them changes."""
        Gauge("hubbub_people_here", "People who are connected here", registry=self._registry).set_function(
            lambda: len(people)
        )
        people.observe = Counter(
            "hubbub_presence_changes", "Changes of people's presence, noticed here", registry=self._registry
        ).inc

    def watch_broadcasts(self, broadcaster: Broadcaster) -> None:
        """Tell how far broadcasts are."""
        Gauge("hubbub_broadcasts", "Broadcasts that are not done", registry=self._registry).set_function(
            lambda: broadcaster.open
        )
        Gauge(
            "hubbub_broadcasts_left", "People whom broadcasts have yet to reach", registry=self._registry
        ).set_function(lambda: broadcaster.left)

    def listener(self, door: str, outcome: str) -> None:
        """Count a request for a stream or a poll, or the end of a stream that was read too slowly."""
        self._listeners.labels(door, outcome).inc()

    def routes(self) -> list[web.RouteDef]:
        """The routes of this door."""
        return [web.get("/metrics", self._show)]

    async def _show(self, request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


class _PeerRequests(Collector):
    """Socket.IO requests that came to another worker than the one that holds their session, as the engine counts."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(
            "hubbub_peer_requests",
            "Requests that came to another worker than their session's",
            labels=["way"],
        )
        for way, count in asdict(self._peers.counts).items():
            family.add_metric([way], count)
        yield family
