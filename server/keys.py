"""The typed keys under which an application keeps what others than its own handlers need."""

from collections.abc import Awaitable, Callable

from aiohttp import web

# Set by create_app: stops accepting work, answers what was received and lets the clients go. The worker calls it once,
# on SIGTERM, and waits for HUBBUB_DRAIN_SECONDS at most before it cleans up.
DRAIN: web.AppKey[Callable[[], Awaitable[None]]] = web.AppKey("drain")
