"""Listening: what streams and polls pass before they hear channels: who asks, how often, and what they may read."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from handlers import access, views
from handlers.base import Actor, Context, Services
from handlers.errors import Invalid, Unauthenticated
from handlers.filters import Filter
from handlers.payload import IDENTIFIER_MAX, clean
from models.database import Database
from server import resume
from server.dispatch import Dispatcher
from server.identity import Credential, Identity
from server.rest import RestDoor

_CHANNEL_MAX = IDENTIFIER_MAX + 16
# Beyond the end of every channel: whoever resumes there is told to reload.
_NOWHERE = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Listener:
    """Who asks, by what they are that, and for which channels, by their canonical names.

    One may be heard through a filter, its ``view``.
    """

    actor: Actor
    credential: Credential
    channels: Sequence[str]
    view: Filter | None = None


class Listening:
    """The way in for those who hear channels without a Socket.IO connection.

    Args:
        database: asked who may read what.
        services: the ports that checking access takes.
        dispatcher: limits and drains.
        rest: knows who sends a request.
        identity: reads subscription tokens.
        limit: how many channels one may hear at a time.
    """

    def __init__(
        self,
        database: Database,
        services: Services,
        dispatcher: Dispatcher,
        rest: RestDoor,
        identity: Identity,
        limit: int,
    ) -> None:
        self._database = database
        self._services = services
        self._dispatcher = dispatcher
        self._rest = rest
        self._identity = identity
        self._limit = limit

    async def admit(self, request: web.Request, names: Sequence[str], *, query_token: bool) -> Listener:
        """Let a request hear channels.

        Args:
            request: names its user as every request does, and brings subscription tokens as ``subscription`` and a
                channel's ``filter``.
            names: of the channels.
            query_token: whether ``?token=`` names the user as well.

        Raises what an action would, which is an ``ActionError``, and what the database raises.
        """
        actor, credential = await self._rest.caller(request, query_token=query_token)
        await self._dispatcher.admit(actor)
        self._require_names(names)
        tokens = await self._subscription_tokens(request)
        ctx = Context(actor, self._services)
        async with self._database.read() as ctx.conn:
            for name in names:
                await access.require_read(ctx, name, tokens.get(name))
        canonical = dict.fromkeys(access.canonical(name, self._services.rules) for name in names)
        return Listener(actor, credential, list(canonical), self._view(request, list(canonical)))

    def _view(self, request: web.Request, channels: Sequence[str]) -> Filter | None:
        given = request.query.getall("filter", [])
        if not given:
            return None
        if len(given) > 1 or len(channels) > 1:
            raise Invalid("A filter is one channel's.", {"filter": ["Must be one, for one channel; join terms by &."]})
        return views.wanted(clean(given[0]), channels[0], self._services.rules)

    def _require_names(self, names: Sequence[str]) -> None:
        if not names:
            raise Invalid("Name a channel to hear.", {"channel": ["Is missing."]})
        if len(names) > self._limit:
            raise Invalid(
                f"One may hear {self._limit} channels at most (HUBBUB_SUBSCRIPTIONS_PER_CONNECTION).",
                {"channel": ["Are too many."]},
            )
        if any(len(name) > _CHANNEL_MAX for name in names):
            raise Invalid("A channel's name is too long.", {"channel": [f"Must be {_CHANNEL_MAX} characters at most."]})

    async def _subscription_tokens(self, request: web.Request) -> dict[str, str]:
        """The subscription tokens by the channels that they are for; whose they are is asked with the channel."""
        found = {}
        for token in request.query.getall("subscription", [])[: self._limit]:
            try:
                _, channel = await self._identity.subscription(token)
            except Unauthenticated:
                continue
            found[channel] = token
        return found


def resume_point(request: web.Request, channels: Sequence[str]) -> dict[str, int] | None:
    """How far a client has come, as ``Last-Event-ID`` or else ``?after=`` say; None when neither does.

    Raises ``Invalid`` for an ``after`` that says nothing. Of a header that says nothing it is certain only that
    something was missed, and browsers do not come back from an error: they are told to reload.
    """
    header = request.headers.get("Last-Event-ID")
    if header:
        try:
            return resume.decode(header, channels)
        except ValueError:
            return dict.fromkeys(channels, _NOWHERE)
    text = request.query.get("after")
    if text is None:
        return None
    try:
        return resume.decode(text, channels)
    except ValueError as error:
        raise Invalid(fields={"after": [str(error)]}) from error
