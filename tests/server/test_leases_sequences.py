"""Whatever happens to workers and Redis, and in whichever order: in the end is read what is held, and nothing else."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.server.leasing import Deployment, Worker, values_of
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

LEASE_SECONDS = 0.4
TIMEOUT_SECONDS = 0.2
MOMENT = 0.02
TOPICS = st.sampled_from(["people", "viewers:trip:1"])
MEMBERS = st.sampled_from(["ada", "bo", "cy"])
HELD = st.sampled_from(["1", "2", None])
LENT = st.sampled_from(["3", "4"])
NUMBERS = st.integers(min_value=0, max_value=5)


@dataclass(eq=False)
class Actor:
    """A worker, and what it should hold."""

    worker: Worker
    cut_off: bool = False
    held: dict[tuple[str, str], str] = field(default_factory=dict)


class Workers(RuleBasedStateMachine):
    """Workers that come, go, die and are cut off for a while, on a Redis that forgets, freezes and restarts."""

    server: RedisServer

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._deployment = Deployment(self._stack, self.server.url, f"leases-{secrets.token_hex(4)}")
        self._actors: list[Actor] = []
        self._lent: dict[tuple[str, str], tuple[str | None, Actor]] = {}
        self._unknown: set[tuple[str, str]] = set()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    def _one(self, number: int, *, reachable: bool = False) -> Actor:
        actors = [each for each in self._actors if not (reachable and each.cut_off)]
        return actors[number % len(actors)]

    def _some_reach_it(self) -> bool:
        return any(not each.cut_off for each in self._actors)

    @initialize(count=st.integers(min_value=1, max_value=3))
    def begin(self, count: int) -> None:
        for _ in range(count):
            self.start()

    @precondition(lambda self: len(self._actors) < 4)
    @rule()
    def start(self) -> None:
        worker = self._do(self._deployment.start(lease_seconds=LEASE_SECONDS, timeout=TIMEOUT_SECONDS, severable=True))
        self._actors.append(Actor(worker))

    @precondition(lambda self: self._actors)
    @rule(number=NUMBERS, topic=TOPICS, member=MEMBERS, value=HELD)
    def hold(self, number: int, topic: str, member: str, value: str | None) -> None:
        actor = self._one(number)
        self._do(actor.worker.hold(topic, {member: value}))
        if value is None:
            actor.held.pop((topic, member), None)
        else:
            actor.held[topic, member] = value

    # Who is cut off speaks of no loans: the order of what several say within a few ms is known to the store alone.
    @precondition(_some_reach_it)
    @rule(number=NUMBERS, topic=TOPICS, member=MEMBERS, value=LENT)
    def lend(self, number: int, topic: str, member: str, value: str) -> None:
        actor = self._one(number, reachable=True)
        self._do(actor.worker.lend(topic, member, value, 60))
        self._said(actor, topic, member, value)

    @precondition(_some_reach_it)
    @rule(number=NUMBERS, topic=TOPICS)
    def lend_for_a_moment(self, number: int, topic: str) -> None:
        self._do(self._one(number, reachable=True).worker.lend(topic, "di", "3", MOMENT))

    @precondition(_some_reach_it)
    @rule(number=NUMBERS, topic=TOPICS, member=MEMBERS)
    def end(self, number: int, topic: str, member: str) -> None:
        actor = self._one(number, reachable=True)
        self._do(actor.worker.end(topic, member))
        self._said(actor, topic, member, None)

    def _said(self, actor: Actor, topic: str, member: str, value: str | None) -> None:
        # It may have found out only now that Redis was away, and be killed next: then nobody would have heard of it.
        self._do(eventually(lambda: actor.worker.whole, "the worker to be heard"))
        self._lent[topic, member] = value, actor
        self._unknown.discard((topic, member))

    @precondition(lambda self: self._actors)
    @rule(number=NUMBERS)
    def stop(self, number: int) -> None:
        actor = self._gone(number)
        self._do(actor.worker.stop())

    @precondition(lambda self: self._actors)
    @rule(number=NUMBERS)
    def kill(self, number: int) -> None:
        """It is never heard of again."""
        actor = self._gone(number)
        self._deployment.cut(actor.worker)

    def _gone(self, number: int) -> Actor:
        actor = self._one(number)
        self._actors.remove(actor)
        if not self._do(self._deployment.has_told_all(actor.worker)):
            self._forget()
        return actor

    @precondition(_some_reach_it)
    @rule(number=NUMBERS, for_longer_than_its_lease=st.booleans())
    def cut_off(self, number: int, for_longer_than_its_lease: bool) -> None:
        actor = self._one(number, reachable=True)
        actor.cut_off = True
        self._deployment.cut(actor.worker)
        others = [each.worker for each in self._actors if not each.cut_off]
        if for_longer_than_its_lease and others:
            gone = actor.worker.worker

            async def forgotten() -> bool:
                return not any(f":{gone}" in key for key in await self._deployment.keys())

            self._do(eventually(forgotten, "the others to clear up behind it"))

    @precondition(lambda self: any(each.cut_off for each in self._actors))
    @rule(number=NUMBERS)
    def join(self, number: int) -> None:
        cut_off = [each for each in self._actors if each.cut_off]
        self._join(cut_off[number % len(cut_off)])

    def _join(self, actor: Actor) -> None:
        actor.cut_off = False
        self._deployment.join(actor.worker)
        self._do(eventually(lambda: actor.worker.whole, "the worker to be there again"))

    @rule()
    def empty_redis(self) -> None:
        self.server.flush()
        self._forget()

    def _forget(self) -> None:
        """What was last said of a loan by somebody who is gone was known to Redis alone, or not even to it."""
        for key, (_, actor) in list(self._lent.items()):
            if actor not in self._actors:
                del self._lent[key]
                self._unknown.add(key)

    @rule()
    def restart_redis(self) -> None:
        self.server.stop()
        self.server.start()
        self._forget()
        self._everybody_is_back()

    @rule()
    def freeze_redis(self) -> None:
        self.server.pause()
        try:
            for actor in self._actors:
                self._do(eventually(lambda actor=actor: not actor.worker.whole, "the worker to notice"))
        finally:
            self.server.resume()
        self._everybody_is_back()

    def _everybody_is_back(self) -> None:
        for actor in self._actors:
            if not actor.cut_off:
                self._do(eventually(lambda actor=actor: actor.worker.whole, "the worker to be there again"))

    def teardown(self) -> None:
        try:
            if self._actors:
                for actor in self._actors:
                    if actor.cut_off:
                        self._join(actor)
                self._do(self._settles())
        finally:
            self._do(self._stack.aclose())
            self._runner.close()

    def _known(self, topic: str, found: dict[str, list[str]]) -> dict[str, list[str]]:
        """Without loans of which nothing is known, except through those who spoke of them earlier."""
        kept = {
            member: [value for value in values if value in {"1", "2"} or (topic, member) not in self._unknown]
            for member, values in found.items()
        }
        return values_of({member: values for member, values in kept.items() if values})

    async def _settles(self) -> None:
        """Every living worker reads the same, and no key is left of another."""
        lent = {key: value for key, (value, _) in self._lent.items() if value is not None}
        expected: dict[str, dict[str, list[str]]] = {"people": {}, "viewers:trip:1": {}}
        for said in [*(each.held for each in self._actors), lent]:
            for (topic, member), value in said.items():
                expected[topic].setdefault(member, []).append(value)
        expected = {topic: values_of(found) for topic, found in expected.items()}
        living = {each.worker.worker for each in self._actors}

        async def found() -> list[dict[str, Any]]:
            return [
                {topic: self._known(topic, await each.worker.read(topic)) for topic in expected}
                for each in self._actors
            ]

        async def is_true() -> bool:
            seen = await found()
            return all(each == expected for each in seen)

        async def is_clean() -> bool:
            owned = [key.split(":") for key in await self._deployment.keys()]
            return {parts[1] for parts in owned if parts[0] in {"held", "topics", "filling"}} <= living

        try:
            await eventually(is_true, "the truth")
        except AssertionError as error:
            raise AssertionError(f"{error}; expected {expected}, read {await found()}") from None
        await eventually(is_clean, "nothing to be left of the dead")


def test_it_settles_to_the_truth(own_redis: Callable[[], RedisServer]) -> None:
    machine = type("WorkersOnARedis", (Workers,), {"server": own_redis()})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
