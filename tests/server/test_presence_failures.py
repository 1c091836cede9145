"""Presence through failures: workers that are killed or drained, a Redis that forgets, a restart of everything."""

import asyncio
import secrets
import signal
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest

from tests.server.crowd import Crowd
from tests.support.hubbub import Cluster, Hubbub, many_workers, one_worker
from tests.support.js import JsClients, JsSocket
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

QUICK = {
    "HUBBUB_PRESENCE_LEASE_SECONDS": "2",
    "HUBBUB_PRESENCE_GRACE_SECONDS": "4",
    "HUBBUB_ACTIONS_PER_SECOND": "10000",
    "HUBBUB_ACTIONS_BURST": "10000",
}
# Less than until everything is looked through in any case: what happens is noticed, not found.
PATIENCE_SECONDS = 12


@pytest.fixture
def four(redis_server: RedisServer, postgres_server: PostgresServer) -> Iterator[Cluster]:
    """Four workers."""
    yield from running(many_workers(4, redis_server.url, postgres_server.create_database(), **QUICK))


@pytest.fixture
def on_own_redis(
    own_redis: Callable[[], RedisServer], postgres_server: PostgresServer
) -> Iterator[tuple[Cluster, RedisServer]]:
    """Three workers, and the Redis that they have for themselves."""
    redis = own_redis()
    for cluster in running(many_workers(3, redis.url, postgres_server.create_database(), **QUICK)):
        yield cluster, redis


def running(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster until the end of a test."""
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


def people(count: int, name: str = "p") -> list[str]:
    """Ids that nobody has yet."""
    mark = secrets.token_hex(4)
    return [f"{name}-{mark}-{number}" for number in range(count)]


async def watcher(js: JsClients, worker: Hubbub) -> JsSocket:
    """Somebody who watches everyone from a worker."""
    socket = await js.connect(worker.url, {"token": worker.token(f"watcher-{secrets.token_hex(4)}")})
    reply = await socket.emit("channel:subscribe", {"channel": "presence"})
    assert reply["ok"], reply
    return socket


def told(watcher: JsSocket) -> dict[str, list[str]]:
    """The statuses that a watcher was told of each person, in order."""
    found: dict[str, list[str]] = {}
    for envelope in watcher.received("presence:changed"):
        for each in envelope["data"]["changes"]:
            found.setdefault(each["userId"], []).append(each["status"])
    return found


async def all_told(watchers: Collection[JsSocket], ids: Collection[str], status: str) -> None:
    """Wait until the last that every watcher was told of each of these people is this status."""

    def are_told() -> bool:
        return all((told(each).get(id) or [""])[-1] == status for each in watchers for id in ids)

    await eventually(are_told, f"{len(watchers)} watchers to be told that {len(ids)} are {status}", PATIENCE_SECONDS)


async def presence_of(worker: Hubbub, ids: Collection[str]) -> list[dict[str, Any]]:
    """What a worker answers about these people, by presence:get."""
    reply = await worker.rest("GET", f"/api/users/presence?ids={','.join(ids)}", token=worker.api_key)
    assert reply.status == 200, reply
    return reply.body["data"]["presence"]


async def all_are(workers: Collection[Hubbub], ids: Collection[str], status: str) -> None:
    """Wait until every worker answers that these people have this status."""

    async def are() -> bool:
        found = [each for worker in workers for each in await presence_of(worker, ids)]
        return len(found) == len(workers) * len(ids) and {each["status"] for each in found} == {status}

    await eventually(are, f"{len(workers)} workers to find {len(ids)} people {status}", PATIENCE_SECONDS)


async def test_a_killed_workers_people_go_offline_for_all_others(four: Cluster, js: JsClients) -> None:
    """200 of them; who has another tab elsewhere, or comes back there at once, makes no noise."""
    doomed, *others = four.workers
    lonely, doubled, quick = people(200, "lonely"), people(5, "doubled"), people(5, "quick")
    async with Crowd(four) as crowd:
        await crowd.come(doomed, [*lonely, *doubled, *quick])
        await crowd.come(others[0], doubled)
        await all_are(four.workers, [*lonely, *doubled, *quick], "online")
        watchers = [await watcher(js, each) for each in others]
        doomed.kill()
        await crowd.come(others[1], quick)
        await all_told(watchers, lonely, "offline")
        await all_are(others, lonely, "offline")
        assert all(each["lastSeenAt"] for each in await presence_of(others[0], lonely))
        await all_are(others, [*doubled, *quick], "online")
        for each in watchers:
            heard = told(each)
            assert {id: heard[id] for id in lonely} == {id: ["offline"] for id in lonely}
            assert not set(heard) & {*doubled, *quick}
            # Nobody was told of one after the other.
            assert len(each.received("presence:changed")) < 10


async def test_a_drained_workers_people_go_through_the_grace_elsewhere(four: Cluster, js: JsClients) -> None:
    """A rolling restart: who comes back in time makes no noise, who does not is offline soon."""
    drained, *others = four.workers
    staying, leaving = people(40, "staying"), people(40, "leaving")
    async with Crowd(four) as crowd:
        await crowd.come(drained, [*staying, *leaving])
        await all_are(four.workers, [*staying, *leaving], "online")
        watchers = [await watcher(js, each) for each in others]
        drained.send_signal(signal.SIGTERM)
        await crowd.closed([*staying, *leaving])
        # Nobody holds them any more when they come back.
        await asyncio.to_thread(drained.wait)
        await crowd.come(others[0], staying)
        await all_told(watchers, leaving, "offline")
        await all_are(others, leaving, "offline")
        await all_are(others, staying, "online")
        for each in watchers:
            heard = told(each)
            assert {id: heard[id] for id in leaving} == {id: ["offline"] for id in leaving}
            assert not set(heard) & set(staying)


async def test_a_redis_that_forgets_everything_is_told_again(
    on_own_redis: tuple[Cluster, RedisServer], js: JsClients
) -> None:
    """Nobody seems to have gone, and who came or went meanwhile is noticed."""
    cluster, redis = on_own_redis
    staying, leaving, coming = people(50, "staying"), people(10, "leaving"), people(10, "coming")
    async with Crowd(cluster) as crowd:
        await crowd.come(cluster.workers[0], [*staying[:25], *leaving])
        await crowd.come(cluster.workers[1], staying[25:])
        await all_are(cluster.workers, [*staying, *leaving], "online")
        watchers = [await watcher(js, each) for each in cluster.workers]
        redis.stop()
        await crowd.leave(leaving)
        await crowd.come(cluster.workers[2], coming)
        redis.start()
        await all_told(watchers, leaving, "offline")
        await all_told(watchers, coming, "online")
        await all_are(cluster.workers, leaving, "offline")
        await all_are(cluster.workers, [*staying, *coming], "online")
        for each in watchers:
            assert not set(told(each)) & set(staying)
        redis.flush()
        more = people(5, "more")
        await crowd.come(cluster.workers[0], more)
        await all_told(watchers, more, "online")
        await all_are(cluster.workers, [*staying, *coming, *more], "online")
        for each in watchers:
            assert not set(told(each)) & set(staying)


@pytest.mark.parametrize("forgetful", [False, True], ids=["Redis stays", "Redis is empty"])
async def test_no_ghost_survives_a_restart_of_everything(
    on_own_redis: tuple[Cluster, RedisServer], js: JsClients, forgetful: bool
) -> None:
    cluster, redis = on_own_redis
    ghosts = people(50, "ghost")
    async with Crowd(cluster) as crowd:
        await crowd.come(cluster.workers[0], ghosts[:25])
        await crowd.come(cluster.workers[1], ghosts[25:])
        await all_are(cluster.workers, ghosts, "online")
        viewing = f"/api/trip/{secrets.token_hex(4)}/viewers"
        looks = await js.connect(cluster.a.url, {"token": cluster.token(ghosts[0])}, reconnection=False)
        channel = viewing.removeprefix("/api/").replace("/", ":")
        assert (await looks.emit("channel:subscribe", {"channel": channel, "snapshot": True}))["ok"]
        cluster.kill()
    if forgetful:
        redis.stop()
        redis.start()
    cluster.start()
    await all_are(cluster.workers, ghosts, "offline")
    assert all(each["lastSeenAt"] for each in await presence_of(cluster.b, ghosts))
    listed = await cluster.b.rest("GET", "/api/users/presence?status=online", token=cluster.api_key)
    assert listed.body["data"] == {"presence": [], "hasMore": False}
    assert (await cluster.b.rest("GET", viewing)).body["data"] == {"count": 0, "viewers": []}


@pytest.mark.parametrize("how", ["killed", "drained"])
async def test_one_worker_knows_after_its_restart_when_people_were_last_seen(how: str, js: JsClients) -> None:
    for cluster in running(one_worker(**QUICK)):
        ghosts = people(20, "ghost")
        async with Crowd(cluster) as crowd:
            await crowd.come(cluster.a, ghosts)
            before = {each["userId"]: each["lastSeenAt"] for each in await presence_of(cluster.a, ghosts)}
            cluster.kill() if how == "killed" else cluster.a.terminate()
        cluster.start()
        for each in await presence_of(cluster.a, ghosts):
            assert each["status"] == "offline"
            assert each["lastSeenAt"] is not None
            if how == "drained":
                assert each["lastSeenAt"] >= before[each["userId"]]


async def test_a_thousand_people_who_come_in_a_second_cost_each_watcher_a_few_packets(
    four: Cluster, js: JsClients
) -> None:
    watchers = [await watcher(js, each) for each in four.workers]
    crowds = [people(250, f"crowd{number}") for number in range(4)]
    async with Crowd(four) as crowd:
        for worker, ids in zip(four.workers, crowds, strict=True):
            await crowd.come(worker, ids)
        everyone = [each for ids in crowds for each in ids]
        await all_told(watchers, everyone, "online")
        for each in watchers:
            heard = told(each)
            assert all(heard[id] == ["online"] for id in everyone)
            packets = each.received("presence:changed")
            assert len(packets) <= 15, [(packet["at"], len(packet["data"]["changes"])) for packet in packets]
