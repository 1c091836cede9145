"""The store of the leases: Redis, and what one worker asks of it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from server import leases_scripts as scripts

Found = dict[str, list[str]]

# Loans that one look at the deadlines returns.
DUE_LIMIT = 500
# Members that one call of a script touches, so that it holds up Redis for a few ms at most.
MEMBERS_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Renewal:
    """Which dead workers and loans this worker is to see to, and who lives and has told all they hold."""

    dead: Sequence[str]
    due: Sequence[str]
    living: frozenset[str]


class Unknown(Exception):
    """The store does not know this worker, or has lost some of its writes."""


class LeaseStore:
    """What one worker writes and reads. Every method raises what redis-py raises, or TimeoutError.

    Args:
        redis: a client, of a cluster or not, that decodes responses.
        worker: this worker's name.
        prefix: of the keys.
        lease_seconds: how long the worker lives after each renewal.
        claim_seconds: after how long another worker sees to what this one was to see to.
        timeout: seconds to wait for each answer.
    """

    def __init__(
        self, redis: Any, worker: str, prefix: str, *, lease_seconds: float, claim_seconds: float, timeout: float
    ) -> None:
        self._worker = worker
        self._base = f"{prefix}:{{leases}}"
        self._lease_ms = round(lease_seconds * 1000)
        self._claim_ms = round(claim_seconds * 1000)
        self._timeout = timeout
        self._turn = 0
        self._register = redis.register_script(scripts.REGISTER)
        self._renew = redis.register_script(scripts.RENEW)
        self._fill = redis.register_script(scripts.FILL)
        self._filled = redis.register_script(scripts.FILLED)
        self._work = redis.register_script(scripts.WORK)
        self._estate = redis.register_script(scripts.ESTATE)
        self._clear = redis.register_script(scripts.CLEAR)
        self._settle = redis.register_script(scripts.SETTLE)
        self._resign = redis.register_script(scripts.RESIGN)

    async def register(self) -> tuple[str, int]:
        """Become known. Returns the epoch (another one when the store has lost its data), and its time in µs."""
        self._turn += 1
        epoch, now = await self._call(self._register, self._worker, self._turn, self._lease_ms)
        return str(epoch), int(now)

    async def renew(self) -> Renewal:
        """Live on. Raises ``Unknown``."""
        found = await self._call(self._renew, self._worker, self._turn, self._lease_ms, self._claim_ms, DUE_LIMIT)
        dead, due, living = _known(found)
        return Renewal(dead, due, frozenset(living))

    async def fill(self, held: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
        """Write anew all that this worker holds; returns the topics. Raises ``Unknown``.

        Each topic is replaced in one step, so that nobody who is held is missing for a moment.
        """
        topics: list[str] = []
        parts: list[Any] = []
        size = 0
        for topic, values in held:
            topics.append(topic)
            members = list(values.items())
            for start in range(0, len(members), MEMBERS_LIMIT):
                part = members[start : start + MEMBERS_LIMIT]
                flat = [each for pair in part for each in pair]
                parts.append([topic, flat, start == 0, start + MEMBERS_LIMIT >= len(members)])
                size += len(part)
                if size >= MEMBERS_LIMIT:
                    await self._write(self._fill, orjson.dumps(parts))
                    parts, size = [], 0
        if parts:
            await self._write(self._fill, orjson.dumps(parts))
        return topics

    async def filled(self, topics: Sequence[str]) -> None:
        """Say that all is told: this worker holds nothing but these topics. Raises ``Unknown``."""
        await self._write(self._filled, orjson.dumps(topics))

    async def work(self, orders: Sequence[bytes], *, writes: bool) -> tuple[int, list[Found]]:
        """Carry out orders in one step. Returns the store's time in µs and what each has found. Raises ``Unknown``.

        An order is JSON, and finds what living workers and loans hold of its members:

            ["hold", topic, {member: value or null}]           but not this worker's own
            ["lend", topic, member, since, length, value]      but not the loan; ``since`` of the store's clock, in µs,
            ["end", topic, member, since, length]              null for now; length in ms; who spoke last wins
            ["read", topic, [member, …]], ["everyone", topic]
        """
        payload = b"[%b]" % b",".join(orders)
        if writes:
            now, answers = await self._write(self._work, payload)
        else:
            now, answers = _known(await self._call(self._work, self._worker, self._turn, self._turn, payload))
        return int(now), orjson.loads(answers)

    async def estate(self, dead: str) -> dict[str, list[str]]:
        """The members of each topic that a dead worker held; none when it lives after all."""
        return dict(orjson.loads(await self._call(self._estate, dead)))

    async def clear(self, dead: str) -> None:
        """Remove what a dead worker has left, unless it lives after all."""
        await self._call(self._clear, dead)

    async def settle(self, due: Sequence[str]) -> None:
        """Remove loans that ran out, unless they were lent again."""
        await self._call(self._settle, orjson.dumps(due))

    async def resign(self) -> None:
        """End the lease, so that another worker sees at once to what is still held."""
        await self._call(self._resign, self._worker)

    async def _write(self, script: Any, payload: bytes) -> Any:
        expected = self._turn
        # Also when no answer comes: the number of a write that may have happened is not used again.
        self._turn += 1
        return _known(await self._call(script, self._worker, expected, self._turn, payload))

    async def _call(self, script: Any, *arguments: Any) -> Any:
        async with asyncio.timeout(self._timeout):
            return await script(keys=[self._base], args=arguments)


def _known(answer: Any) -> Any:
    if answer is None:
        raise Unknown
    return answer
