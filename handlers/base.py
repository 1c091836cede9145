"""What a handler is, what it is given, and what it may ask of the server."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from handlers.declared import Collection, WatchedTable
from handlers.errors import Forbidden, Unauthenticated
from handlers.filters import Filter
from handlers.payload import Payload, Upload
from models import event_log
from models.audience import Audience
from models.documents import Pace
from models.event_log import Draft, Event
from models.images import Kept
from models.users import User


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a signed-in user, a backend with an API key, or (neither) a visitor.

    ``connection`` is the id of the Socket.IO session that called, None over HTTP; ``address`` the peer's.
    """

    user: User | None = None
    backend: str | None = None
    connection: str | None = None
    address: str = ""

    @property
    def id(self) -> str | None:
        """Under what name results and limits are kept; None for a visitor."""
        return self.user.id if self.user else self.backend

    @property
    def is_moderator(self) -> bool:
        """Whether the actor moderates the whole application."""
        return self.user is not None and self.user.role in {"moderator", "admin"}


@dataclass(frozen=True, slots=True)
class Position:
    """Where a subscription starts: what of the channel's log follows ``after``, and how to let the live events go.

    ``start`` is called once the reply is on its way, so that no live event precedes it; ``start(True)`` sends
    ``events`` first, for replies that do not carry them.
    """

    seq: int
    recovered: bool
    events: Sequence[Event]
    start: Callable[[bool], None]


class Subscriptions(Protocol):
    """Which connections hear which channels, on this worker."""

    def check(self, connection: str, channel: str) -> None:
        """Raise ``Invalid`` when the connection may not have one more subscription."""

    async def attach(self, connection: str, channel: str, after: int | None, view: Filter | None = None) -> Position:
        """Subscribe, to what ``view`` leaves of the channel; called outside of any transaction."""

    def detach(self, connection: str, channel: str) -> None:
        """End a subscription; nothing happens when there is none."""


class TypingBoard(Protocol):
    """Who is typing where, on all workers."""

    def start(self, channel: str, user: User, connection: str | None) -> None:
        """Somebody types; it ends by itself."""

    def stop(self, channel: str, user_id: str) -> None:
        """Somebody stopped; nothing happens when they were not typing."""

    def typing(self, channel: str) -> list[dict[str, str]]:
        """Everyone typing: ``[{id, name}]``."""


class Presence(Protocol):
    """Who is online, on all workers."""

    async def update(
        self, user: User, connection: str | None, status: str | None, said: Mapping[str, str | None]
    ) -> dict[str, Any]:
        """A client says how its user is (of ``page`` and ``activity`` what is in ``said``), or without a status that
        they are still there; their presence then. A call without a connection counts for a while.
        """

    async def of(
        self, conn: AsyncConnection, people: Mapping[str, User], last_seen: Mapping[str, str | None] | None = None
    ) -> dict[str, dict[str, Any]]:
        """The presence of the contract's section 6 of each of the users.

        When they were last seen is read from the database unless it is given.
        """

    async def statuses(self, ids: Iterable[str]) -> dict[str, str]:
        """``online``, ``away`` or ``offline`` for each of the ids."""

    async def listed(self, status: str, before: str | None, limit: int) -> tuple[list[str], bool]:
        """The ids of those with this status, in descending order from below ``before``, and whether there are more."""

    async def state(self, channel: str) -> dict[str, Any]:
        """Who is there, for somebody who hears ``presence`` or ``presence:{userId}``: ``{presence: […]}``."""


class Viewers(Protocol):
    """Who looks at an entity (``{type}:{id}``), on all workers. All answer ``{count, viewers}``."""

    async def track(self, entity: str, user_id: str) -> dict[str, Any]:
        """A user looks at it, for a while from now on."""

    async def untrack(self, entity: str, user_id: str) -> dict[str, Any]:
        """What ``track`` began ends."""

    async def viewers(self, entity: str) -> dict[str, Any]:
        """How many look, and the first five of them."""

    async def state(self, channel: str) -> dict[str, Any]:
        """The same, for somebody who hears ``{type}:{id}:viewers``."""


class Sessions(Protocol):
    """The tokens of this worker's connections."""

    async def refresh(self, connection: str, token: str) -> dict[str, Any]:
        """Replace a connection's token: ``{user, expiresAt}``. Raises ``Unauthenticated``, ``Forbidden``."""

    async def may_subscribe(self, token: str, user_id: str, channel: str) -> bool:
        """Whether a subscription token lets this user hear this private channel."""


class WebPush(Protocol):
    """Telling people in their browsers while they are away."""

    @property
    def public_key(self) -> str:
        """The key that browsers subscribe with."""

    @property
    def subscriptions_per_user(self) -> int:
        """How many browsers one person may have."""

    async def check(self, endpoint: str) -> None:
        """Raise ``Invalid`` unless a push may be sent there, ``Unavailable`` while nobody can tell."""


class Pictures(Protocol):
    """Where pictures are made fit to be shown, and their files kept."""

    async def keep(self, upload: Upload, wanted: Callable[[AsyncConnection], Awaitable[bool]]) -> Kept | None:
        """Check a picture, clean it and store its files, which are removed unless an image of it is made soon.

        None, and nothing is stored, when it is not ``wanted``, which may raise as well. Raises ``Invalid`` for what is
        no picture, ``TooLarge``, and ``Unavailable`` while it cannot be stored.
        """


class Sanctions(Protocol):
    """Who may not speak, or not be here at all; known without asking anybody."""

    def require(self, actor: Actor, *, speaks: bool) -> None:
        """Raise ``Forbidden`` when the actor is banned or, for what ``speaks``, muted."""


class Words(Protocol):
    """What texts may not say."""

    def judge(self, text: str) -> Literal["hold", "refuse"] | None:
        """What is to become of a text; None when nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class DocumentRules:
    """The settings that documents need, sizes in bytes.

    Attributes:
        update_bytes: of one update, and of a text that is sent whole.
        awareness_bytes: of what an editor says of its user.
        bytes: of a document with all its updates.
        depth: how deep the values in an update may be nested.
        versions: how many named versions a document may have.
        bases: how many of the last versions somebody may still have begun with.
        pace: when what was written is saved.
    """

    update_bytes: int
    awareness_bytes: int
    bytes: int
    depth: int
    versions: int
    bases: int
    pace: Pace


@dataclass(frozen=True, slots=True)
class Folded:
    """What a document's state and updates come to: the new state, its text, and the numbers of what was left out."""

    state: bytes
    text: str
    dropped: Sequence[int]


@dataclass(frozen=True, slots=True)
class OpenState:
    """A document as its editors have it: its row without the state, everything in one update, how far that reaches.

    ``n`` is the number of the newest edit in it.
    """

    row: Any
    update: bytes
    vector: bytes
    n: int


T = TypeVar("T")


class Documents(Protocol):
    """What writing documents together takes, on all workers."""

    @property
    def rules(self) -> DocumentRules:
        """The settings that handlers need."""

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection for queries."""

    async def transact(self, actor: Actor, step: Callable[["Context"], Awaitable[T]]) -> T:
        """Run a step in a transaction of its own, again if another stood in its way; then tell what it published."""

    async def state(self, document_id: str) -> OpenState | None:
        """The document with everything that was acknowledged; None when there is none."""

    async def fold(self, state: bytes, updates: Sequence[tuple[int, bytes]]) -> Folded:
        """What a state and numbered updates come to. Raises ``Unavailable``."""

    async def rewrite(self, state: bytes, content: str) -> bytes:
        """The update by which a state's text becomes ``content``. Raises ``Invalid``, ``Unavailable``."""

    def edited(self, document_id: str, number: int, update: bytes, user_id: str) -> None:
        """After the commit: show an edit to everybody who has the document open."""

    def say(self, document_id: str, connection: str, states: Sequence[tuple[int, Any]]) -> bool:
        """What an editor says of its user; False when that connection does not have the document open."""

    async def collaborators(self, document_id: str) -> dict[str, Any]:
        """Who has the document open: ``{collaborators: [{userId, name, color, cursor, clientId}]}``."""


class Background(Protocol):
    """Work that goes on behind the requests."""

    def wake(self, work: str) -> None:
        """Say, after the commit, that something of this kind is to be done; it would be found a little later anyway."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that handlers need."""

    entity_types: tuple[str, ...]
    messages_per_second: float
    messages_burst: int
    collections: Mapping[str, Collection] = field(default_factory=dict)
    tables: Mapping[str, WatchedTable] = field(default_factory=dict)
    record_bytes: int = 65_536
    record_page_bytes: int = 262_144
    record_scan_bytes: int = 4_194_304
    filter_terms: int = 100
    filter_length: int = 4000
    snapshot_records: int = 1000
    table_rows: int = 10_000


@dataclass(frozen=True, slots=True)
class Services:
    """The ports that the server fills."""

    subscriptions: Subscriptions
    typing: TypingBoard
    presence: Presence
    viewers: Viewers
    sessions: Sessions
    rules: Rules
    background: Background
    push: WebPush
    pictures: Pictures
    sanctions: Sanctions
    words: Words
    documents: Documents


Finish = Callable[[Any], Awaitable[Any]]


@dataclass(slots=True)
class Context:
    """One action under way: who acts, its transaction, and what is to happen once it is committed.

    ``readers``: of the entities that it has met (``{type}:{id}``), those that not everyone may read.
    """

    actor: Actor
    services: Services
    conn: AsyncConnection = field(repr=False, default=None)  # type: ignore[assignment]
    created: bool = False
    readers: dict[str, Audience] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    finish: Finish | None = None
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    after_reply: list[Callable[[], None]] = field(default_factory=list)

    @property
    def user(self) -> User:
        """The signed-in user. Raises ``Unauthenticated`` for a visitor, ``Forbidden`` for a backend."""
        if self.actor.user is None:
            raise Forbidden("An API key acts for no user.") if self.actor.backend else Unauthenticated()
        return self.actor.user

    def publish(
        self, channel: str, event: str, data: Any, subject: str | None = None, audience: Audience | None = None
    ) -> None:
        """Tell the channel of this change: stored in the same transaction, delivered after its commit.

        Those who are not of the ``audience`` find the event's number skipped. What is told of an entity that not
        everyone may read is for its readers.
        """
        if self.readers and audience is None:
            audience = self.readers.get(channel.rpartition(":")[0])
        self.drafts.append(Draft(channel, event, data, subject, audience))

    async def flush(self, channel: str) -> int:
        """Write what is published so far, and return the channel's newest number."""
        drafts, self.drafts = self.drafts, []
        self.events += await event_log.append(self.conn, drafts)
        return await event_log.newest(self.conn, channel)

    def subscribe(self, channel: str, seq: int) -> None:
        """Subscribe the calling connection, if it is one, to what follows ``seq``.

        Raises ``Invalid`` when the connection may have no more subscriptions.
        """
        connection = self.actor.connection
        if connection is None:
            return
        self.services.subscriptions.check(connection, channel)

        async def attach(data: Any) -> Any:
            position = await self.services.subscriptions.attach(connection, channel, seq)
            self.after_reply.append(lambda: position.start(True))
            return data

        self.finish = attach


@dataclass(slots=True)
class Job:
    """One action of a batch: its context, its validated data, and its own outcome."""

    ctx: Context
    data: dict[str, Any]
    result: Any = None
    error: Exception | None = None


Handler = Callable[..., Awaitable[Any]]
Limit = Callable[[Actor, Mapping[str, Any], Rules], tuple[str, float, int]]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A long list in a payload that is worked at piece by piece, each in a transaction of its own.

    Attributes:
        field: the function's argument that has the list; it is called with a piece of it.
        answer: under what name its answer has the results, of each element one.
        done: the argument that has the elements of earlier pieces, each with its result.
        unfinished: the result of an element whose piece could not be carried out, of the element and the ``error``.
    """

    field: str
    answer: str
    done: str
    unfinished: Callable[[Any, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Action:
    """An entry of the registry: one action, whatever door it is called through."""

    name: str
    schema: Payload
    routes: tuple[tuple[str, str], ...]
    run: Handler
    reads: bool
    slow: bool
    audience: frozenset[str]
    batch: bool
    limit: Limit | None
    repeated: Handler | None
    speaks: bool
    prepare: Handler | None
    pieces: Pieces | None


REGISTRY: dict[str, Action] = {}


def handles(
    name: str,
    schema: type[Payload],
    *,
    rest: tuple[str, str] | Iterable[tuple[str, str]] = (),
    reads: bool = False,
    slow: bool = False,
    audience: Iterable[str] = ("user",),
    batch: bool = False,
    limit: Limit | None = None,
    repeated: Handler | None = None,
    speaks: bool = False,
    prepare: Handler | None = None,
    pieces: Pieces | None = None,
) -> Callable[[Handler], Handler]:
    """Register a function as the action ``name``.

    Args:
        schema: validates the payload; its fields become the function's keyword arguments.
        rest: the route, or routes, as (method, path); a path's ``{names}`` are fields of the payload.
        reads: the action writes nothing, so that it needs no transaction.
        slow: it reads what may take long.
        audience: who may call it, of ``user``, ``visitor`` and ``backend``.
        batch: the function takes a list of jobs that share one transaction, instead of a context and arguments.
        limit: names the bucket, its rate a second and its burst, for actions with a limit of their own.
        repeated: called with the context and the first result when a ``clientId`` comes again.
        speaks: others see what it does, so that somebody who is muted may not call it.
        prepare: called like the function before the transaction, for what may take long; may raise.
        pieces: the function is called for each piece of a long list; what follows a piece that fails is not tried.
    """
    pair = isinstance(rest, tuple) and len(rest) == 2 and isinstance(rest[0], str)
    routes: Any = (rest,) if pair else tuple(rest)

    def register(run: Handler) -> Handler:
        REGISTRY[name] = Action(
            name,
            schema(),
            routes,
            run,
            reads,
            slow,
            frozenset(audience),
            batch,
            limit,
            repeated,
            speaks,
            prepare,
            pieces,
        )
        return run

    return register
