"""Leases in Redis: what each worker holds, for all of them.

Each worker knows what itself holds, and writes all of it anew whenever Redis may not have it: after it was away, lost
its data or writes, or took this worker for dead. So nothing depends on which of its commands Redis has carried out.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from redis.exceptions import RedisError

from server.batcher import Batcher
from server.leases import Lost
from server.leases_memory import MemoryLeases, tell
from server.leases_store import DUE_LIMIT, MEMBERS_LIMIT, Found, LeaseStore, Unknown

log = logging.getLogger("hubbub.leases")

_RENEW_SECONDS = 1.0
# How long it is remembered that a loan has ended, at least: as long as the longest that this worker has lent.
_ENDED_SECONDS = 300.0
_FORGET_SECONDS = 10.0
_REQUESTS = 500
_AWAY = (RedisError, OSError, TimeoutError, Unknown)


@dataclass(slots=True)
class _Word:
    """What this worker said last of a loan: that it has this value for so long, or None: that it has ended.

    ``since`` is when, by the store's clock in µs; until the store has confirmed it only ``at`` is known, by our own.
    """

    value: str | None
    seconds: float
    at: float = field(default_factory=time.monotonic)
    since: int | None = None


@dataclass(slots=True)
class _Request:
    """Orders that stay together, each with the number of its members; ``found`` is what comes of them."""

    orders: Sequence[tuple[int, bytes]]
    writes: bool
    word: _Word | None = None
    found: Found = field(default_factory=dict)


class RedisLeases:
    """The port ``Leases`` for many workers.

    Args:
        redis: a client, of a cluster or not, that decodes responses.
        worker: this worker's name; no two at a time have the same.
        prefix: of the keys in Redis.
        lease_seconds: after how long a silent worker is dead.
        timeout: seconds to wait for Redis.
    """

    def __init__(self, redis: Any, worker: str, prefix: str, *, lease_seconds: float, timeout: float) -> None:
        self.worker = worker
        self._lease_seconds = lease_seconds
        self._renew_seconds = min(_RENEW_SECONDS, lease_seconds / 4)
        self._store = LeaseStore(
            redis,
            worker,
            prefix,
            lease_seconds=lease_seconds,
            claim_seconds=max(lease_seconds / 4, timeout),
            timeout=timeout,
        )
        self._here = MemoryLeases(worker)
        self._here.on_lost(self._ran_out_here)
        self._words: dict[tuple[str, str], _Word] = {}
        self._longest = _ENDED_SECONDS
        self._forget_at = 0.0
        # Whether Redis answers and knows this worker; what is asked meanwhile waits until all is written anew.
        self._present = False
        self._owes_restored = False
        self._epoch: str | None = None
        self._living: frozenset[str] = frozenset()
        self._missing: set[str] = set()
        self._missing_until = 0.0
        self._whole = False
        # One talk with Redis at a time: the store numbers this worker's writes, and expects them in order.
        self._talk = asyncio.Lock()
        self._requests: Batcher[_Request] = Batcher(self._carry_out, _REQUESTS)
        self._soon = asyncio.Event()
        self._lost: list[Lost] = []
        self._restored: list[Callable[[], None]] = []
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def whole(self) -> bool:
        """Whether reads answer for all workers."""
        return self._whole

    async def start(self) -> None:
        """Take the lease and keep it; without Redis this worker holds alone, and tries again."""
        await self._turn()
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Give the lease up: another worker sees at once to what is still held."""
        # Cancelling is not enough: a connection that cannot be closed in time turns it into a TimeoutError in redis-py.
        self._stopping = True
        tasks = [*self._tasks, *([self._keeper] if self._keeper else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with self._talk:
            present, self._present, self._whole = self._present, False, False
            try:
                if present:
                    await self._store.resign()
            except _AWAY as error:
                log.info("The lease could not be given up; it ends by itself", extra={"cause": repr(error)})
        await self._here.stop()

    async def hold(self, topic: str, values: Mapping[str, str | None]) -> Found:
        """Hold, or let go what is None; returns what others hold, nothing while Redis is away."""
        items = list(values.items())
        parts = [dict(items[start : start + MEMBERS_LIMIT]) for start in range(0, len(items), MEMBERS_LIMIT)]
        request = _Request([(len(part), orjson.dumps(["hold", topic, part])) for part in parts], True)
        self._here.keep(topic, values)
        return await self._ask(request) or {}

    async def lend(self, topic: str, member: str, value: str, seconds: float) -> Found:
        """Let a member stand for ``seconds`` from now; returns what workers hold of it."""
        order = orjson.dumps(["lend", topic, member, None, _ms(seconds), value])
        self._longest = max(self._longest, seconds)
        await self._here.lend(topic, member, value, seconds)
        return await self._say(topic, member, _Word(value, seconds), order)

    async def end(self, topic: str, member: str) -> Found:
        """End a loan now, whichever worker lent it; returns what workers hold of the member."""
        order = orjson.dumps(["end", topic, member, None, _ms(self._longest)])
        await self._here.end(topic, member)
        return await self._say(topic, member, _Word(None, self._longest), order)

    async def read(self, topic: str, members: Collection[str] | None = None) -> Found:
        """All values of these members, or of everyone in the topic; while Redis is away, those of this worker."""
        if members is None:
            orders = [(MEMBERS_LIMIT, orjson.dumps(["everyone", topic]))]
        else:
            ids = list(dict.fromkeys(members))
            parts = [ids[start : start + MEMBERS_LIMIT] for start in range(0, len(ids), MEMBERS_LIMIT)]
            orders = [(len(part), orjson.dumps(["read", topic, part])) for part in parts]
        found = await self._ask(_Request(orders, False))
        return self._here.known(topic, members) if found is None else found

    def on_lost(self, callback: Lost) -> None:
        """Call back when something held or lent was lost."""
        self._lost.append(callback)

    def on_restored(self, callback: Callable[[], None]) -> None:
        """Call back when Redis holds everything again."""
        self._restored.append(callback)

    async def _say(self, topic: str, member: str, word: _Word, order: bytes) -> Found:
        self._words[topic, member] = word
        return await self._ask(_Request([(1, order)], True, word)) or {}

    async def _ask(self, request: _Request) -> Found | None:
        """What the orders have found; None while Redis is away, or without a word from it."""
        if not request.orders:
            return {}
        if not self._present:
            return None
        try:
            await self._requests.submit(request)
        except _AWAY:
            return None
        return request.found

    async def _carry_out(self, requests: Sequence[_Request]) -> None:
        async with self._talk:
            if not self._present:
                raise Unknown
            try:
                try:
                    await self._send(requests)
                except Unknown:
                    await self._enter()
                    await self._send(requests)
            except _AWAY as error:
                self._miss(error)
                raise

    async def _send(self, requests: Sequence[_Request]) -> None:
        """As few calls as there may be, each about so many members that it does not hold up Redis."""
        waiting: list[tuple[_Request, bytes]] = []
        size = 0
        for request in requests:
            for members, order in request.orders:
                if waiting and size + members > MEMBERS_LIMIT:
                    await self._send_together(waiting)
                    waiting, size = [], 0
                waiting.append((request, order))
                size += members
        await self._send_together(waiting)

    async def _send_together(self, waiting: Sequence[tuple[_Request, bytes]]) -> None:
        writes = any(request.writes for request, _ in waiting)
        now, answers = await self._store.work([order for _, order in waiting], writes=writes)
        for (request, _), found in zip(waiting, answers, strict=True):
            request.found.update(found)
            if request.word is not None:
                request.word.since = now

    async def _keep(self) -> None:
        while not self._stopping:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._renew_seconds):
                    await self._soon.wait()
            self._soon.clear()
            await self._turn()

    async def _turn(self) -> None:
        """Live on, or be there again; then see to what others have left."""
        async with self._talk:
            try:
                if not self._present:
                    await self._enter()
                try:
                    renewal = await self._store.renew()
                except Unknown:
                    await self._enter()
                    renewal = await self._store.renew()
            except _AWAY as error:
                self._miss(error)
                return
        self._forget_words()
        self._look_around(renewal.living)
        for dead in renewal.dead:
            self._spawn(self._bury(dead))
        if renewal.due:
            self._spawn(self._collect(renewal.due))
        if len(renewal.due) == DUE_LIMIT:
            self._soon.set()

    async def _enter(self) -> None:
        """Write all that this worker holds anew."""
        epoch, clock = await self._store.register()
        ours = time.monotonic()
        if self._epoch is not None:
            log.info("Redis is told anew what this worker holds", extra={"lost": epoch != self._epoch})
            self._owes_restored = True
            self._whole = False
            self._soon.set()
        if self._epoch not in (None, epoch):
            # Who was there before is about to write anew as well, or is dead once its lease would have run out.
            self._missing |= self._living - {self.worker}
            self._missing_until = time.monotonic() + self._lease_seconds
        self._epoch = epoch
        # From here on changes are sent, after this: none falls between what is written now and the first that is sent.
        self._present = True
        topics = await self._store.fill(self._here.holdings())
        orders = [
            orjson.dumps(_order(topic, member, word, clock - round((ours - word.at) * 1e6)))
            for (topic, member), word in self._words.items()
        ]
        for start in range(0, len(orders), MEMBERS_LIMIT):
            await self._store.work(orders[start : start + MEMBERS_LIMIT], writes=True)
        await self._store.filled(topics)

    def _miss(self, error: BaseException) -> None:
        """Redis is away: hold alone until the next turn finds it again."""
        if self._present or self._epoch is None:
            log.warning("Redis is away; each worker holds alone until it is back", extra={"cause": repr(error)})
        # An epoch that no store has: whatever comes back is told everything, and its return is told of.
        self._epoch = self._epoch or ""
        self._present = self._whole = False
        self._owes_restored = True

    def _look_around(self, living: frozenset[str]) -> None:
        """Reads are whole again once everyone who was there before is there again, or must be dead."""
        self._missing -= living
        if time.monotonic() > self._missing_until:
            self._missing.clear()
        self._living = living | self._missing
        self._whole = not self._missing
        if self._whole and self._owes_restored:
            self._owes_restored = False
            for callback in self._restored:
                try:
                    callback()
                except Exception:
                    log.exception("What follows from the return of Redis has failed")

    async def _bury(self, dead: str) -> None:
        """Tell what a dead worker held, then remove it; if this fails or ends midway, another claims it."""
        try:
            for topic, members in (await self._store.estate(dead)).items():
                await tell(self._lost, topic, members)
            await self._store.clear(dead)
        except _AWAY as error:
            log.info("A dead worker's leases are seen to later", extra={"dead": dead, "cause": repr(error)})
        except Exception:
            log.exception("What follows from a worker's death has failed; it is tried again", extra={"dead": dead})
        else:
            log.info("A dead worker's leases are seen to", extra={"dead": dead})

    async def _collect(self, due: Sequence[str]) -> None:
        """The same for loans."""
        members: dict[str, list[str]] = {}
        for topic, member in map(orjson.loads, due):
            members.setdefault(topic, []).append(member)
        try:
            for topic, each in members.items():
                await tell(self._lost, topic, each)
            await self._store.settle(due)
        except _AWAY as error:
            log.info("Loans that ran out are seen to later", extra={"cause": repr(error)})
        except Exception:
            log.exception("What follows from a loan's end has failed; it is tried again")

    async def _ran_out_here(self, topic: str, members: Collection[str]) -> None:
        # While Redis is there it knows better: the loan may have been renewed through another worker.
        if not self._present:
            await tell(self._lost, topic, members)

    def _forget_words(self) -> None:
        now = time.monotonic()
        if now > self._forget_at:
            self._forget_at = now + _FORGET_SECONDS
            self._words = {key: word for key, word in self._words.items() if word.at + word.seconds > now}

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _order(topic: str, member: str, word: _Word, since: int) -> list[Any]:
    """To say it again; ``since`` is when it was said as far as we know."""
    told = [topic, member, since if word.since is None else word.since, _ms(word.seconds)]
    return ["end", *told] if word.value is None else ["lend", *told, word.value]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
