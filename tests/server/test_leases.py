"""What a worker holds for as long as it lives: one suite for both adapters, and for a Redis Cluster."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import AsyncExitStack

import pytest

from tests.server.engine.redis_cluster import RedisClusterServers
from tests.server.leasing import Deployment, Worker, values_of
from tests.support.waiting import eventually

PEOPLE = "people"
SHARED = ("redis", "redis-cluster")


@pytest.fixture(scope="module")
def redis_cluster() -> Iterator[RedisClusterServers]:
    servers = RedisClusterServers()
    servers.start()
    yield servers
    servers.stop()


@pytest.fixture(params=("memory", *SHARED))
async def deployment(request: pytest.FixtureRequest) -> AsyncIterator[Deployment]:
    """Every store that workers may have."""
    url = None
    if request.param == "redis":
        url = request.getfixturevalue("redis_server").url
    elif request.param == "redis-cluster":
        url = request.getfixturevalue("redis_cluster").url
    async with AsyncExitStack() as stack:
        yield Deployment(stack, url, f"leases-{secrets.token_hex(4)}")


@pytest.fixture
async def worker(deployment: Deployment) -> Worker:
    """The only worker."""
    return await deployment.start()


shared = pytest.mark.parametrize("deployment", SHARED, indirect=True)


@pytest.fixture
async def workers(deployment: Deployment) -> list[Worker]:
    """Three that share a store; their leases are so long that none is over while a test looks."""
    return [await deployment.start(lease_seconds=60) for _ in range(3)]


async def test_what_is_held_is_read(worker: Worker) -> None:
    assert await worker.hold(PEOPLE, {"ada": "online", "bo": "away"}) == {}
    assert await worker.hold("viewers:trip:1", {"ada": "5"}) == {}
    assert await worker.read(PEOPLE) == {"ada": ["online"], "bo": ["away"]}
    assert await worker.read(PEOPLE, ["bo", "cy", "bo"]) == {"bo": ["away"]}
    assert await worker.read("viewers:trip:1") == {"ada": ["5"]}
    assert await worker.read("nothing") == await worker.read("nothing", ["ada"]) == {}
    assert await worker.read(PEOPLE, []) == {}


async def test_a_value_is_replaced_and_let_go(worker: Worker) -> None:
    await worker.hold(PEOPLE, {"ada": "online", "bo": "online"})
    await worker.hold(PEOPLE, {"ada": "away", "bo": None, "cy": None})
    assert await worker.read(PEOPLE) == {"ada": ["away"]}
    await worker.hold(PEOPLE, {"ada": None})
    assert await worker.read(PEOPLE) == {}
    await worker.hold(PEOPLE, {})
    assert worker.lost == []


async def test_the_last_of_many_writes_at_a_time_stays(worker: Worker) -> None:
    await asyncio.gather(*(worker.hold(PEOPLE, {"ada": str(n), "bo": None if n % 2 else "here"}) for n in range(200)))
    assert await worker.read(PEOPLE) == {"ada": ["199"]}


ODD = ["", "1", "a b", "a:b", "{a}", 'a"b\\c', "a/b", "ä\n\t", "\0", "😀", "[1]", "x" * 500, "null"]


async def test_names_and_values_are_any_text(worker: Worker) -> None:
    for topic in ODD:
        assert await worker.hold(topic, {member: member for member in ODD}) == {}
        for member in ODD:
            await worker.lend(topic, member, member, 60)
    for topic in ODD:
        assert await worker.read(topic) == {member: [member, member] for member in ODD}
        assert await worker.read(topic, ODD) == {member: [member, member] for member in ODD}


async def test_many_are_held_and_let_go_at_a_time(worker: Worker) -> None:
    crowd = {f"user-{n}": f"value {n}" for n in range(3500)}
    await worker.hold(PEOPLE, crowd)
    expected = {member: [value] for member, value in crowd.items()}
    assert await worker.read(PEOPLE) == expected
    assert await worker.read(PEOPLE, crowd) == expected
    await worker.hold(PEOPLE, dict.fromkeys(crowd, None))
    assert await worker.read(PEOPLE) == {}


async def test_a_loan_stands_beside_what_is_held(worker: Worker) -> None:
    await worker.hold(PEOPLE, {"ada": "held"})
    assert await worker.lend(PEOPLE, "ada", "lent", 60) == {"ada": ["held"]}
    assert await worker.lend(PEOPLE, "bo", "lent", 60) == {}
    assert values_of(await worker.read(PEOPLE)) == {"ada": ["held", "lent"], "bo": ["lent"]}
    assert await worker.hold(PEOPLE, {"ada": None, "bo": "held"}) == {"ada": ["lent"], "bo": ["lent"]}
    assert await worker.end(PEOPLE, "bo") == {"bo": ["held"]}
    assert await worker.end(PEOPLE, "ada") == await worker.end(PEOPLE, "nobody") == {}
    assert await worker.read(PEOPLE) == {"bo": ["held"]}


async def test_a_loan_ends_by_itself_and_that_is_told(worker: Worker) -> None:
    await worker.hold(PEOPLE, {"bo": "held"})
    await worker.lend(PEOPLE, "ada", "lent", 0.05)
    await worker.lend(PEOPLE, "bo", "lent", 0.05)
    await worker.lend(PEOPLE, "cy", "lent", 60)
    await eventually(lambda: len(worker.lost) >= 2, "the ends of two loans")
    assert sorted(worker.lost) == [(PEOPLE, "ada"), (PEOPLE, "bo")]
    assert await worker.read(PEOPLE) == {"bo": ["held"], "cy": ["lent"]}


async def test_a_loan_lasts_from_the_last_call_on(worker: Worker) -> None:
    """Longer or shorter, with its last value; what was ended is not told of as lost."""
    await worker.lend(PEOPLE, "ada", "first", 0.05)
    await worker.lend(PEOPLE, "ada", "second", 60)
    await worker.lend(PEOPLE, "bo", "first", 60)
    await worker.lend(PEOPLE, "bo", "second", 0.05)
    await worker.lend(PEOPLE, "cy", "first", 0.05)
    await worker.end(PEOPLE, "cy")
    await worker.lend(PEOPLE, "di", "last", 0.2)
    await eventually(lambda: (PEOPLE, "di") in worker.lost and (PEOPLE, "bo") in worker.lost, "the ends of two loans")
    assert len(worker.lost) == 2
    assert await worker.read(PEOPLE) == {"ada": ["second"]}


async def test_who_was_lent_before_can_be_lent_again(worker: Worker) -> None:
    await worker.lend(PEOPLE, "ada", "first", 0.05)
    await eventually(lambda: worker.lost == [(PEOPLE, "ada")], "the end of the loan")
    await worker.lend(PEOPLE, "ada", "second", 60)
    await worker.end(PEOPLE, "ada")
    await worker.lend(PEOPLE, "ada", "third", 0.05)
    assert await worker.read(PEOPLE, ["ada"]) == {"ada": ["third"]}
    await eventually(lambda: worker.lost == 2 * [(PEOPLE, "ada")], "the end of the last loan")


async def test_what_follows_from_a_loss_is_seen_through(worker: Worker) -> None:
    gate, done = asyncio.Event(), []

    async def follow(topic: str, members: Collection[str]) -> None:
        await gate.wait()
        done.extend(members)

    worker.on_lost(follow)
    await worker.lend(PEOPLE, "ada", "lent", 0.05)
    await eventually(lambda: worker.lost, "the end of the loan")
    gate.set()
    await eventually(lambda: done == ["ada"], "what follows from it")


async def test_a_failure_in_what_follows_is_logged_and_harms_nothing(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(topic: str, members: Collection[str]) -> None:
        raise ZeroDivisionError("a defect")

    worker.on_lost(fail)
    with caplog.at_level(logging.ERROR, "hubbub.leases"):
        await worker.lend(PEOPLE, "ada", "lent", 0.05)
        await eventually(lambda: "a defect" in caplog.text, "the log of the defect")
    await worker.hold(PEOPLE, {"bo": "held"})
    assert await worker.read(PEOPLE) == {"bo": ["held"]}


async def test_it_is_whole_while_the_store_is_there(worker: Worker) -> None:
    assert worker.whole
    assert worker.restored == 0


@shared
async def test_others_are_told_who_else_holds(workers: list[Worker]) -> None:
    one, two, three = workers
    assert await one.hold(PEOPLE, {"ada": "1", "bo": "1"}) == {}
    assert await two.hold(PEOPLE, {"ada": "2"}) == {"ada": ["1"]}
    assert values_of(await three.hold(PEOPLE, {"ada": "3", "bo": None})) == {"ada": ["1", "2"], "bo": ["1"]}
    assert values_of(await one.hold(PEOPLE, {"ada": None})) == {"ada": ["2", "3"]}
    assert values_of(await one.lend(PEOPLE, "ada", "lent", 60)) == {"ada": ["2", "3"]}
    assert values_of(await two.hold(PEOPLE, {"ada": "4"})) == {"ada": ["3", "lent"]}
    for worker in workers:
        assert await worker.sees(PEOPLE, {"ada": ["3", "4", "lent"], "bo": ["1"]})
    assert values_of(await three.end(PEOPLE, "ada")) == {"ada": ["3", "4"]}
    for worker in workers:
        assert await worker.sees(PEOPLE, {"ada": ["3", "4"], "bo": ["1"]})


@shared
async def test_of_those_who_let_go_at_a_time_one_finds_nobody_left(workers: list[Worker]) -> None:
    crowd = [f"user-{n}" for n in range(50)]
    for worker in workers:
        await worker.hold(PEOPLE, dict.fromkeys(crowd, worker.worker))
    found = await asyncio.gather(*(worker.hold(PEOPLE, {each: None}) for each in crowd for worker in workers))
    by_member = [found[start : start + 3] for start in range(0, len(found), 3)]
    assert [sum(not others for others in each) for each in by_member] == [1] * len(crowd)


@shared
async def test_a_new_worker_sees_and_is_seen_at_once(workers: list[Worker], deployment: Deployment) -> None:
    await workers[0].hold(PEOPLE, {"ada": "1"})
    late = await deployment.start()
    assert await late.hold(PEOPLE, {"ada": "4", "bo": "4"}) == {"ada": ["1"]}
    assert await workers[1].read(PEOPLE, ["bo"]) == {"bo": ["4"]}
    assert await workers[2].hold(PEOPLE, {"bo": "3"}) == {"bo": ["4"]}


@shared
async def test_a_loan_is_renewed_and_ended_through_any_worker(workers: list[Worker]) -> None:
    one, two, three = workers
    await one.lend(PEOPLE, "ada", "1", 0.05)
    await two.lend(PEOPLE, "ada", "2", 60)
    await one.lend(PEOPLE, "bo", "1", 60)
    await three.end(PEOPLE, "bo")
    await three.lend(PEOPLE, "cy", "3", 0.1)
    await eventually(lambda: [each for worker in workers for each in worker.lost], "the end of the last loan")
    assert [each for worker in workers for each in worker.lost] == [(PEOPLE, "cy")]
    for worker in workers:
        assert await worker.read(PEOPLE) == {"ada": ["2"]}


@shared
async def test_a_loan_outlives_the_worker_that_was_called(workers: list[Worker]) -> None:
    one, two, _ = workers
    await one.lend(PEOPLE, "ada", "1", 60)
    await one.lend(PEOPLE, "bo", "1", 0.2)
    await one.stop()
    assert (await two.read(PEOPLE, ["ada"])) == {"ada": ["1"]}
    await eventually(lambda: [each for worker in workers for each in worker.lost] == [(PEOPLE, "bo")], "its end")


@shared
async def test_who_stops_gives_everything_up_and_another_is_told(workers: list[Worker]) -> None:
    """At once, although the lease is a minute long."""
    one, two, three = workers
    await one.hold(PEOPLE, {"ada": "1", "bo": "1"})
    await one.hold("viewers:trip:1", {"ada": "1"})
    await two.hold(PEOPLE, {"ada": "2"})
    await one.stop()
    assert await three.read(PEOPLE) == {"ada": ["2"]}
    await eventually(lambda: len(two.lost + three.lost) == 3, "what the stopped worker held to be told of")
    assert sorted(two.lost + three.lost) == [(PEOPLE, "ada"), (PEOPLE, "bo"), ("viewers:trip:1", "ada")]
    assert one.lost == []


@shared
async def test_deployments_do_not_meet(workers: list[Worker], deployment: Deployment) -> None:
    await workers[0].hold(PEOPLE, {"ada": "1"})
    async with AsyncExitStack() as stack:
        stranger = await Deployment(stack, deployment.url, "another").start()
        assert await stranger.hold(PEOPLE, {"ada": "2"}) == {}
        assert await stranger.read(PEOPLE) == {"ada": ["2"]}
    assert await workers[1].read(PEOPLE) == {"ada": ["1"]}


@shared
async def test_nothing_is_left_of_who_is_gone(workers: list[Worker], deployment: Deployment) -> None:
    one, two, three = workers
    for worker in workers:
        await worker.hold(PEOPLE, {"ada": "x", worker.worker: "x"})
        await worker.hold(f"viewers:trip:{worker.worker}", {"ada": "x"})
        await worker.lend(PEOPLE, worker.worker, "x", 0.05)
    await two.hold(f"viewers:trip:{two.worker}", {"ada": None})
    await one.stop()
    await three.stop()
    expected = {"workers", "turns", "filled", "epoch", f"topics:{two.worker}", f"held:{two.worker}:{PEOPLE}"}

    async def only_the_living() -> bool:
        return await deployment.keys() == expected

    await eventually(only_the_living, "the store to hold nothing but the living worker's")
