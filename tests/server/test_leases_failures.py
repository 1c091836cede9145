"""Leases when workers are killed, frozen and cut off, and Redis goes, forgets and comes back: no ghosts, all found."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import AsyncExitStack, contextmanager

import pytest
import redis

from tests.server.lease_worker import LeaseWorker
from tests.server.leasing import LEASE_SECONDS, Deployment, Worker
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

PEOPLE = "people"
CROWD = {f"user-{n}": f"value {n}" for n in range(2500)}
SHORT = 0.3


@pytest.fixture
def server(own_redis: Callable[[], RedisServer]) -> RedisServer:
    """A Redis to stop, freeze and empty."""
    return own_redis()


@pytest.fixture
def prefix() -> str:
    return f"leases-{secrets.token_hex(4)}"


@pytest.fixture
async def deployment(server: RedisServer, prefix: str) -> AsyncIterator[Deployment]:
    async with AsyncExitStack() as stack:
        yield Deployment(stack, server.url, prefix)


@pytest.fixture
def start_process(server: RedisServer, prefix: str) -> Iterator[Callable[..., LeaseWorker]]:
    """Factory of workers that are processes: `start_process(name, topic, members)`."""
    started: list[LeaseWorker] = []

    def start(name: str, topic: str, members: Collection[str] = ()) -> LeaseWorker:
        process = LeaseWorker(server.url, prefix, name, lease_seconds=LEASE_SECONDS, topic=topic, members=members)
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.kill()


@contextmanager
def away(server: RedisServer, how: str) -> Iterator[None]:
    """Without Redis; it comes back empty (stopped) or with what it had (frozen)."""
    server.stop() if how == "stopped" else server.pause()
    try:
        yield
    finally:
        server.start() if how == "stopped" else server.resume()


def told(*workers: Worker) -> list[tuple[str, str]]:
    """Everything that was told to have been lost, in no order."""
    return sorted(each for worker in workers for each in worker.lost)


async def restored(*workers: Worker) -> None:
    """Every one of them has been told to read anew."""
    await eventually(lambda: all(worker.restored for worker in workers), "the workers to be told to read anew")


async def only_of(deployment: Deployment, *workers: Worker) -> None:
    """Nothing in the store is of anybody but these workers, and none of these is missing."""

    async def owners() -> set[str]:
        names = [key.split(":")[1] for key in await deployment.keys() if ":" in key and not key.startswith("lent:")]
        return set(names)

    async def settled() -> bool:
        return await owners() == {worker.worker for worker in workers}

    await eventually(settled, "nothing to be left of the dead")


async def test_what_a_killed_process_held_is_lost_once(
    deployment: Deployment, start_process: Callable[..., LeaseWorker]
) -> None:
    one, two = await deployment.start(), await deployment.start()
    victim = start_process("victim", PEOPLE, [f"user-{n}" for n in range(200)])
    await one.hold(PEOPLE, {"user-7": "1"})
    assert len(await two.read(PEOPLE)) == 200
    victim.kill()
    await eventually(lambda: len(told(one, two)) >= 200, "the people of the killed worker to be lost")
    assert await one.read(PEOPLE) == await two.read(PEOPLE) == {"user-7": ["1"]}
    await only_of(deployment, one)
    assert told(one, two) == sorted((PEOPLE, f"user-{n}") for n in range(200))


async def test_who_dies_over_a_dead_workers_leases_is_replaced(
    deployment: Deployment, start_process: Callable[..., LeaseWorker]
) -> None:
    victim = start_process("victim", PEOPLE, ["ada", "bo"])
    heir = start_process("heir", "-")
    victim.kill()
    await eventually(lambda: not heir.is_running, "the heir to die as well")
    assert "dies" in heir.log_path.read_text()
    late = await deployment.start()
    await eventually(lambda: len(late.lost) >= 2, "the next to be told")
    assert told(late) == [(PEOPLE, "ada"), (PEOPLE, "bo")]
    await only_of(deployment)
    assert await late.read(PEOPLE) == {}


@pytest.mark.parametrize("heir_is_busy", [False, True])
async def test_a_frozen_process_comes_back_with_what_it_held_and_tells_again(
    deployment: Deployment, start_process: Callable[..., LeaseWorker], heir_is_busy: bool
) -> None:
    one = await deployment.start()
    gate = asyncio.Event()

    async def follow(topic: str, members: Collection[str]) -> None:
        await gate.wait()

    one.on_lost(follow)
    sleeper = start_process("sleeper", PEOPLE, ["ada", "bo"])
    sleeper.pause()
    await eventually(lambda: told(one) == [(PEOPLE, "ada"), (PEOPLE, "bo")], "the frozen worker's people to be lost")
    assert await one.read(PEOPLE) == {}
    if not heir_is_busy:
        gate.set()
        await only_of(deployment)
    sleeper.resume()
    await eventually(lambda: one.sees(PEOPLE, {"ada": ["sleeper"], "bo": ["sleeper"]}), "them to be back")
    await eventually(lambda: "restored" in sleeper.log_path.read_text(), "it to be told to tell again")


async def test_who_is_cut_off_comes_back_with_what_it_holds_by_then(deployment: Deployment) -> None:
    one, two = await deployment.start(), await deployment.start(severable=True, timeout=SHORT)
    await two.hold(PEOPLE, {"ada": "old", "bo": "old"})
    deployment.cut(two)
    await eventually(lambda: told(one) == [(PEOPLE, "ada"), (PEOPLE, "bo")], "the lost worker's people to be told of")
    await only_of(deployment)
    assert await two.hold(PEOPLE, {"ada": None, "bo": "new", "cy": "new"}) == {}
    assert await two.read(PEOPLE) == {"bo": ["new"], "cy": ["new"]}
    assert not two.whole
    assert one.whole
    deployment.join(two)
    await restored(two)
    assert two.whole
    assert await one.sees(PEOPLE, {"bo": ["new"], "cy": ["new"]})
    assert one.restored == 0


async def test_who_was_away_for_less_than_its_lease_was_never_gone(deployment: Deployment) -> None:
    one = await deployment.start(lease_seconds=60)
    two = await deployment.start(lease_seconds=60, timeout=SHORT, severable=True)
    await two.hold(PEOPLE, CROWD)
    deployment.cut(two)
    await two.hold(PEOPLE, {"ada": "here"})
    seen = [len(await one.read(PEOPLE))]
    deployment.join(two)
    while not two.restored:
        seen.append(len(await one.read(PEOPLE)))
    assert set(seen) <= {len(CROWD), len(CROWD) + 1}
    assert len(await one.read(PEOPLE)) == len(CROWD) + 1
    assert told(one, two) == []


async def test_what_follows_from_a_death_and_fails_is_tried_again(deployment: Deployment) -> None:
    one, two = await deployment.start(timeout=SHORT), await deployment.start(severable=True, timeout=SHORT)
    tries: list[str] = []

    async def follow(topic: str, members: Collection[str]) -> None:
        tries.extend(members)
        if len(tries) < 3:
            raise ConnectionError("the database is away")

    one.on_lost(follow)
    await two.hold(PEOPLE, {"ada": "2"})
    await two.lend(PEOPLE, "bo", "2", 0.05)
    deployment.cut(two)
    await eventually(lambda: sorted(set(tries)) == ["ada", "bo"] and len(tries) == 4, "the tries to come to an end")
    await only_of(deployment)


async def test_an_heir_that_is_cut_off_midway_is_replaced(deployment: Deployment) -> None:
    victim = await deployment.start(severable=True, timeout=SHORT)
    heir = await deployment.start(severable=True, timeout=SHORT)
    gate = asyncio.Event()

    async def follow(topic: str, members: Collection[str]) -> None:
        await gate.wait()

    heir.on_lost(follow)
    await victim.hold(PEOPLE, {"ada": "1"})
    await heir.hold(PEOPLE, {"bo": "2"})
    deployment.cut(victim)
    await eventually(lambda: heir.lost == [(PEOPLE, "ada")], "the heir to be told")
    deployment.cut(heir)
    last = await deployment.start()
    await eventually(lambda: told(last) == [(PEOPLE, "ada"), (PEOPLE, "bo")], "the last one to be told of both")
    await only_of(deployment)
    gate.set()


async def test_who_comes_back_while_its_heir_is_busy_keeps_what_it_holds(deployment: Deployment) -> None:
    heir, sleeper = await deployment.start(), await deployment.start(severable=True, timeout=SHORT)
    gate, done = asyncio.Event(), asyncio.Event()

    async def follow(topic: str, members: Collection[str]) -> None:
        await gate.wait()
        done.set()

    heir.on_lost(follow)
    await sleeper.hold(PEOPLE, {"ada": "1"})
    deployment.cut(sleeper)
    await eventually(lambda: heir.lost, "the heir to be told")
    deployment.join(sleeper)
    await restored(sleeper)
    assert await heir.read(PEOPLE) == {"ada": ["1"]}
    gate.set()
    await done.wait()
    await deployment.renewals()
    assert await heir.read(PEOPLE) == {"ada": ["1"]}
    assert sleeper.restored == 1


async def test_a_loan_that_was_ended_stays_so_when_its_lender_tells_redis_anew(
    server: RedisServer, deployment: Deployment
) -> None:
    """The lender was cut off, and comes back after Redis has lost its data."""
    lender = await deployment.start(severable=True, timeout=SHORT)
    other = await deployment.start()
    await lender.lend(PEOPLE, "ada", "old", 60)
    await lender.lend(PEOPLE, "bo", "old", 60)
    await lender.lend(PEOPLE, "cy", "old", 60)
    await other.end(PEOPLE, "ada")
    await other.lend(PEOPLE, "bo", "new", 60)
    deployment.cut(lender)
    server.flush()
    await restored(other)
    assert await other.read(PEOPLE) == {"bo": ["new"]}
    deployment.join(lender)
    await restored(lender)
    assert await other.read(PEOPLE) == {"bo": ["new"], "cy": ["old"]}


async def test_a_redis_that_lost_its_data_is_filled_again(server: RedisServer, deployment: Deployment) -> None:
    """Topics, members, values and loans; and who is told to read anew finds everybody there already."""
    one, two, three = [await deployment.start(lease_seconds=4) for _ in range(3)]
    found: list[int] = []

    async def read(worker: Worker) -> None:
        found.append(len(await worker.read(PEOPLE)))

    reads: list[asyncio.Task[None]] = []
    for worker in (one, two, three):
        worker.on_restored(lambda worker=worker: reads.append(asyncio.create_task(read(worker))))
    await one.hold(PEOPLE, CROWD)
    await two.hold(PEOPLE, {"ada": "2", "bo": "2"})
    for n in range(300):
        await three.hold(f"viewers:trip:{n}", {"cy": str(n)})
    await one.lend(PEOPLE, "di", "old", 60)
    await three.lend(PEOPLE, "di", "new", 60)
    await one.lend(PEOPLE, "ed", "old", 60)
    await two.end(PEOPLE, "ed")
    await deployment.renewals()
    server.flush()
    await restored(one, two, three)
    await asyncio.gather(*reads)
    everyone = len(CROWD) + 3
    assert found == 3 * [everyone]
    for worker in (one, two, three):
        assert worker.whole
        assert await worker.read(PEOPLE, ["ada", "bo", "di", "ed"]) == {"ada": ["2"], "bo": ["2"], "di": ["new"]}
        assert await worker.read("viewers:trip:299") == {"cy": ["299"]}
    assert told(one, two, three) == []


async def test_right_after_redis_lost_its_data_nobody_is_taken_for_gone(
    server: RedisServer, deployment: Deployment
) -> None:
    one, two = await deployment.start(lease_seconds=4), await deployment.start(lease_seconds=4)
    await one.hold(PEOPLE, {"ada": "1"})
    await two.hold(PEOPLE, {"bo": "2"})
    await deployment.renewals()
    server.flush()
    assert await one.read(PEOPLE, ["ada"]) == {"ada": ["1"]}
    assert not one.whole
    await eventually(lambda: one.whole and two.whole, "both to have told the store all")
    assert await one.sees(PEOPLE, {"ada": ["1"], "bo": ["2"]})


async def test_who_died_with_redis_is_not_waited_for_longer_than_a_lease(
    server: RedisServer, deployment: Deployment
) -> None:
    one, two = await deployment.start(), await deployment.start(severable=True, timeout=SHORT)
    await one.hold(PEOPLE, {"ada": "1"})
    await two.hold(PEOPLE, {"bo": "2"})
    await deployment.renewals()
    deployment.cut(two)
    server.flush()
    await restored(one)
    assert one.whole
    assert await one.read(PEOPLE) == {"ada": ["1"]}


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_what_changes_while_redis_is_away_is_there_when_it_is_back(
    server: RedisServer, deployment: Deployment, how: str
) -> None:
    one, two = await deployment.start(timeout=SHORT), await deployment.start(timeout=SHORT)
    await one.hold(PEOPLE, {"ada": "1", "bo": "1"})
    await one.hold("viewers:trip:1", {"ada": "1"})
    await two.hold(PEOPLE, {"ada": "2"})
    await one.lend(PEOPLE, "di", "old", 60)
    await one.lend(PEOPLE, "ed", "old", 60)
    with away(server, how):
        assert await one.hold(PEOPLE, {"ada": None, "bo": "one", "cy": "one"}) == {}
        assert await one.hold("viewers:trip:1", {"ada": None}) == {}
        assert await one.lend(PEOPLE, "fay", "new", 60) == {}
        assert await one.lend(PEOPLE, "gus", "new", 0.05) == {}
        assert await two.end(PEOPLE, "ed") == {}
        await eventually(lambda: not one.whole and not two.whole, "the workers to notice")
        await eventually(lambda: (PEOPLE, "gus") in one.lost, "the end of a short loan")
        assert await one.read(PEOPLE, ["ada", "cy", "fay", "gus"]) == {"cy": ["one"], "fay": ["new"]}
        assert await two.read(PEOPLE) == {"ada": ["2"]}
    await restored(one, two)
    expected = {"ada": ["2"], "bo": ["one"], "cy": ["one"], "di": ["old"], "fay": ["new"]}
    for worker in (one, two):
        await eventually(lambda worker=worker: worker.sees(PEOPLE, expected), "everything to be as it was said")
        assert await worker.read("viewers:trip:1") == {}


async def test_a_worker_that_starts_without_redis_holds_alone_until_it_is_there(
    server: RedisServer, deployment: Deployment
) -> None:
    with away(server, "stopped"):
        one = await deployment.start(timeout=SHORT)
        assert not one.whole
        await one.hold(PEOPLE, {"ada": "1"})
        assert await one.read(PEOPLE) == {"ada": ["1"]}
    two = await deployment.start()
    await eventually(lambda: two.sees(PEOPLE, {"ada": ["1"]}), "what it held to be there")
    await restored(one)


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_no_ghosts_when_workers_and_redis_die_together(
    server: RedisServer, deployment: Deployment, start_process: Callable[..., LeaseWorker], how: str
) -> None:
    victims = [start_process(f"victim-{n}", PEOPLE, ["ada", f"user-{n}"]) for n in range(2)]
    with away(server, how):
        for victim in victims:
            victim.kill()
    late = await deployment.start()
    await late.hold(PEOPLE, {"user-1": "late"})
    await eventually(lambda: late.sees(PEOPLE, {"user-1": ["late"]}), "the ghosts to go")
    await only_of(deployment, late)


async def test_writes_that_a_replica_lost_when_it_took_over_are_written_again(
    server: RedisServer, deployment: Deployment
) -> None:
    one, two = await deployment.start(lease_seconds=4), await deployment.start(lease_seconds=4)
    await one.hold(PEOPLE, {"ada": "old", "bo": "old"})
    with redis.Redis.from_url(server.url) as client:
        replica = {key: client.dump(key) for key in client.scan_iter()}
        await one.hold(PEOPLE, {"ada": "new", "bo": None, "cy": "new"})
        for key, value in replica.items():
            client.restore(key, 0, value, replace=True)
    await eventually(lambda: two.sees(PEOPLE, {"ada": ["new"], "cy": ["new"]}), "what was lost to be written again")


async def test_living_costs_the_same_however_much_is_held(server: RedisServer, deployment: Deployment) -> None:
    one = await deployment.start()

    async def commands_of_a_renewal() -> float:
        with redis.Redis.from_url(server.url) as client:

            def calls() -> dict[str, int]:
                return {name: each["calls"] for name, each in client.info("commandstats").items()}

            client.config_resetstat()
            await eventually(lambda: calls().get("cmdstat_evalsha", 0) >= 5, "five renewals")
            found = calls()
        ours = {name: count for name, count in found.items() if name not in {"cmdstat_info", "cmdstat_client|setinfo"}}
        return round(sum(ours.values()) / found["cmdstat_evalsha"])

    idle = await commands_of_a_renewal()
    await one.hold(PEOPLE, CROWD)
    for n in range(100):
        await one.hold(f"viewers:trip:{n}", {"ada": "x"})
        await one.lend(PEOPLE, f"lent-{n}", "x", 60)
    assert await commands_of_a_renewal() == idle
