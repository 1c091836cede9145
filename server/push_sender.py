"""The sender: takes queued pushes to their push services, on whichever worker comes first."""

import asyncio
import email.utils
import hashlib
import logging
import random
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
from pywebpush import WebPusher, WebPushException

from models import push_subscriptions, pushes
from models.database import Database, is_retryable
from models.pushes import Claimed
from models.types import now, to_wire
from server.batcher import Batcher
from server.push_endpoints import PushEndpoints, Refused
from server.push_keys import PushKeys
from server.push_payload import fitted

log = logging.getLogger("hubbub.push")

# How often each worker looks by itself: for what others left behind, and what was due while nothing woke it.
EVERY_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 3600.0
OUTCOMES = ("sent", "unneeded", "held", "retried", "refused", "expired", "gone")
DRAIN_SECONDS = 2.0
# After the grace, until every worker knows that somebody is gone.
_GRACE_MARGIN_SECONDS = 1.0
# What is begun or ends within this time shares a transaction, of which SQLite has but one at a time.
_SHARED_SECONDS = 0.02
_SETTLED_TOGETHER = 100
_ATTEMPTS_TO_SETTLE = 4
_EXCERPT_BYTES = 300
_GONE = {404, 410}
_BUSY = {408, 425, 429}
_URGENCY = {"PROMOTION": "low"}

Statuses = Callable[[Iterable[str]], Awaitable[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How pushes are sent: how often each is tried, for how long, and how many at a time. Times are in seconds.

    ``backoff`` is the pause after a first failure; ``timeout`` that of one call; ``grace`` how long somebody whose last
    connection went still counts as online.
    """

    attempts: int
    ttl: float
    backoff: float
    timeout: float
    concurrency: int
    grace: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a push: one of ``OUTCOMES``; for ``rest`` seconds its subscription is left alone."""

    outcome: str
    rest: float = 0.0


class PushSender:
    """Sends what is queued to people who are not online. A push is sent at least once, and by one worker at a time.

    Args:
        database: where pushes are queued.
        keys: sign for this server.
        endpoints: says where pushes may go.
        statuses: the presence of people.
        pace: how to send.
        count: called with the outcome of each push.
    """

    def __init__(
        self,
        database: Database,
        keys: PushKeys,
        endpoints: PushEndpoints,
        statuses: Statuses,
        pace: Pace,
        count: Callable[[str], None],
    ) -> None:
        self._database = database
        self._keys = keys
        self._endpoints = endpoints
        self._statuses = statuses
        self._pace = pace
        self._count = count
        # A claim outlasts what it is for: the call, and writing down what came of it.
        self._claim_seconds = 3 * pace.timeout
        self._settled: Batcher[tuple[Claimed, Verdict]] = Batcher(self._settle, _SETTLED_TOGETHER)
        self._woken = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Look at once: something was queued."""
        self._woken.set()

    def start(self) -> None:
        """Begin."""
        self._session = self._endpoints.session(self._pace.concurrency)
        self._task = asyncio.create_task(self._work())

    async def drain(self) -> None:
        """Begin nothing more, and wait a moment for what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task, *self._sending], timeout=DRAIN_SECONDS)

    async def stop(self) -> None:
        """End. What is still under way is sent again by another worker, when its claim has run out."""
        if self._task is not None:
            under_way = [self._task, *self._sending]
            for each in under_way:
                each.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(_SHARED_SECONDS)
            self._woken.clear()
            # Not in step with the other workers, who started together.
            pause = EVERY_SECONDS * random.uniform(0.5, 1)  # noqa: S311 - jitter, no secret
            try:
                pause = min(pause, await self._look())
            except Exception as error:
                log.warning("Queued pushes could not be read; trying again", extra={"cause": repr(error)})
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _look(self) -> float:
        """Begin to send what is due; in how many seconds to look again."""
        free = self._pace.concurrency - len(self._sending)
        if free <= 0:
            return EVERY_SECONDS
        async with self._database.read() as conn:
            first = await pushes.first_due(conn)
        if first is None or first > now():
            return EVERY_SECONDS if first is None else max(0.0, -_age(first))
        async with self._database.write() as conn:
            claimed = await pushes.claim(conn, free, _from_now(self._claim_seconds))
            if not claimed:
                await pushes.sweep(conn)
                return EVERY_SECONDS
        statuses = await self._statuses({each.user_id for each in claimed})
        for each in claimed:
            task = asyncio.create_task(self._send(each, statuses))
            self._sending.add(task)
            task.add_done_callback(self._sent)
        return 0.0

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self.wake()

    async def _send(self, push: Claimed, statuses: Mapping[str, str]) -> None:
        verdict = self._needless(push, statuses.get(push.user_id)) or await self._call(push)
        self._count(verdict.outcome)
        try:
            await self._settled.submit((push, verdict))
        except Exception as error:
            log.warning("A push may be sent twice: its end was not written", extra={"cause": repr(error)})

    def _needless(self, push: Claimed, status: str | None) -> Verdict | None:
        """Why a push is not sent, if it is not."""
        if push.expires_at is not None and push.expires_at <= now():
            return Verdict("gone")
        if push.attempts > self._pace.attempts or _age(push.created_at) >= self._pace.ttl:
            log.info("A push was given up", extra={"attempts": push.attempts - 1, "since": push.created_at})
            return Verdict("expired")
        if push.is_moot:
            return Verdict("unneeded")
        if status != "online":
            return None
        # Whoever has just left counts as online for a moment: a second look tells.
        return Verdict("unneeded") if push.is_held else Verdict("held")

    async def _call(self, push: Claimed) -> Verdict:
        try:
            return await self._post(push)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return self._later(push, repr(error))
        except (Refused, WebPushException, ValueError) as error:
            log.warning("A push cannot be sent", extra={"subscription": push.subscription_id, "cause": str(error)})
        except Exception:
            log.exception("A push failed", extra={"subscription": push.subscription_id})
        return Verdict("refused", self._pause(push))

    async def _post(self, push: Claimed) -> Verdict:
        assert self._session is not None
        url = self._endpoints.parse(push.endpoint)
        keys = {"p256dh": push.p256dh, "auth": push.auth}
        body = WebPusher({"endpoint": push.endpoint, "keys": keys}).encode(fitted(push.payload))["body"]
        headers = {
            "Authorization": self._keys.authorization(str(url.origin())),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(max(0, int(self._pace.ttl - _age(push.created_at)))),
            "Urgency": "high" if push.payload["level"] == "error" else _URGENCY.get(push.payload["type"], "normal"),
            "Topic": _topic(push.notification_id),
        }
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with (
            asyncio.timeout(self._pace.timeout),
            self._session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            said = await response.content.read(_EXCERPT_BYTES)
        return self._judged(push, response, said, slow=loop.time() - began > self._pace.timeout / 2)

    def _judged(self, push: Claimed, response: aiohttp.ClientResponse, said: bytes, *, slow: bool) -> Verdict:
        status = response.status
        if 200 <= status < 300:
            # Whoever takes long to answer takes the place of others.
            return Verdict("sent", self._pause(push) if slow else 0.0)
        if status in _GONE:
            return Verdict("gone")
        if status in _BUSY or status >= 500:
            return self._later(push, f"status {status}", _retry_after(response.headers.get("Retry-After")))
        log.warning(
            "A push service refused a push",
            extra={"service": str(response.url.origin()), "status": status, "said": said.decode(errors="replace")},
        )
        # The next one may fare no better: what refuses all is not asked for each.
        return Verdict("refused", self._pause(push))

    def _later(self, push: Claimed, cause: str, at_least: float = 0.0) -> Verdict:
        log.info(
            "A push was not taken", extra={"subscription": push.subscription_id, "tried": push.attempts, "cause": cause}
        )
        return Verdict("retried", min(max(at_least, self._pause(push)), self._pace.ttl))

    def _pause(self, push: Claimed) -> float:
        longest = min(LONGEST_BACKOFF_SECONDS, self._pace.backoff * 2 ** min(push.failures, 30))
        return longest * random.uniform(0.5, 1)  # noqa: S311 - jitter, no secret

    async def _settle(self, ends: list[tuple[Claimed, Verdict]]) -> None:
        """Write down what became of pushes."""
        await asyncio.sleep(_SHARED_SECONDS)
        for attempt in range(1, _ATTEMPTS_TO_SETTLE + 1):
            try:
                return await self._write(ends)
            except Exception as error:
                if attempt == _ATTEMPTS_TO_SETTLE or not is_retryable(error):
                    raise

    async def _write(self, ends: list[tuple[Claimed, Verdict]]) -> None:
        resting = [(push, _from_now(verdict.rest)) for push, verdict in ends if verdict.rest]
        held = [push for push, verdict in ends if verdict.outcome == "held"]
        well = [
            push.subscription_id
            for push, verdict in ends
            if verdict.outcome == "sent" and not verdict.rest and push.failures
        ]
        gone = [push.subscription_id for push, verdict in ends if verdict.outcome == "gone"]
        async with self._database.write() as conn:
            await pushes.finish(conn, [push for push, verdict in ends if verdict.outcome not in {"retried", "held"}])
            await pushes.hold(conn, held, _from_now(self._pace.grace + _GRACE_MARGIN_SECONDS))
            await pushes.retry(conn, resting)
            await push_subscriptions.rest(conn, [(push.subscription_id, until) for push, until in resting])
            await push_subscriptions.recover(conn, well)
            await push_subscriptions.remove(conn, gone)


def _topic(notification_id: str) -> str:
    """What push services replace a waiting push by: 32 characters at most (RFC 8030, section 5.4)."""
    return urlsafe_b64encode(hashlib.blake2b(notification_id.encode(), digest_size=16).digest()).rstrip(b"=").decode()


def _retry_after(said: str | None) -> float:
    """The seconds of a ``Retry-After`` header, which may be a date; 0 without a sensible one."""
    if said is None:
        return 0.0
    if said.strip().isdecimal():
        return float(said.strip()[:9])
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _age(moment: str) -> float:
    """How many seconds ago that was."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


def _from_now(seconds: float) -> str:
    return to_wire(datetime.now(UTC) + timedelta(seconds=seconds))
