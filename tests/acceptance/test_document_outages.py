"""Workers that are killed while people write: nothing acknowledged is lost, and others save what they were to save."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.conftest import NO_LIMITS
from tests.acceptance.writers import LATE, SOON
from tests.support.editors import Editors, converge
from tests.support.hubbub import Cluster, Hubbub, two_workers
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

OWNER = "ada"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editors() -> AsyncIterator[Editors]:
    """A Node process with editors."""
    async with Editors() as started:
        yield started


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Nothing is saved soon, so that what is acknowledged stands in single updates; a dead keeper is replaced soon."""
    return NO_LIMITS | LATE | {"HUBBUB_PRESENCE_LEASE_SECONDS": "2"}


async def begin(cluster: Cluster, worker: Hubbub, content: str = "") -> str:
    """A new document that everybody signed in may write; its id."""
    token = cluster.token(OWNER)
    made = await worker.rest("POST", "/api/documents", {"title": "Notes", "content": content}, token=token)
    document_id: str = made.body["data"]["id"]
    shared = await worker.rest("PUT", f"/api/documents/{document_id}/access", {"everyone": "write"}, token=token)
    assert shared.status == 200
    return document_id


async def look(cluster: Cluster, worker: Hubbub, document_id: str) -> dict[str, Any]:
    """The document as it was saved last."""
    reply = await worker.rest("GET", f"/api/documents/{document_id}", token=cluster.token(OWNER))
    found: dict[str, Any] = reply.body["data"]
    return found


async def test_what_was_acknowledged_survives_the_death_of_every_worker(own_cluster: Cluster, editors: Editors) -> None:
    document_id = await begin(own_cluster, own_cluster.a)
    desk = await editors.open(own_cluster.a.url, own_cluster.token("bo"), document_id)
    for word in ("one ", "two ", "three "):
        await desk.insert(word)
    assert (await desk.settled())["acknowledged"] == 3
    await desk.does("away")
    own_cluster.kill()
    own_cluster.start()
    fresh = await editors.open(own_cluster.b.url, own_cluster.token("cy"), document_id)
    assert await fresh.text() == "one two three "


async def test_people_type_on_while_a_worker_is_killed(own_cluster: Cluster, editors: Editors) -> None:
    document_id = await begin(own_cluster, own_cluster.a)
    here, there = [
        await editors.open(worker.url, own_cluster.token(name), document_id)
        for worker, name in ((own_cluster.a, "bo"), (own_cluster.b, "cy"))
    ]
    typing = asyncio.gather(here.does("type", text="a" * 80, pause=10), there.does("type", text="b" * 80, pause=10))
    await eventually(lambda: _has(there, 10, "b"), "ten letters")
    own_cluster.b.kill()
    if own_cluster.a is not own_cluster.b:
        # Whoever was at the dead worker goes to the other one.
        await there.does("back", url=own_cluster.a.url)
    else:
        own_cluster.b.start()
    await typing
    text = await converge(here, there, within=20)
    assert (text.count("a"), text.count("b")) == (80, 80)


async def test_who_was_at_a_dead_worker_vanishes_from_the_document(own_cluster: Cluster, editors: Editors) -> None:
    if own_cluster.a is own_cluster.b:
        # With its only worker everybody is gone; those who come back are there once.
        document_id = await begin(own_cluster, own_cluster.a)
        desk = await editors.open(own_cluster.a.url, own_cluster.token("bo"), document_id)
        own_cluster.kill()
        own_cluster.start()
        await eventually(lambda: _sees(desk, "bo"), "the editor to be back")
        return
    document_id = await begin(own_cluster, own_cluster.a)
    here = await editors.open(own_cluster.a.url, own_cluster.token("bo"), document_id)
    await editors.open(own_cluster.b.url, own_cluster.token("cy"), document_id)
    await eventually(lambda: _sees(here, "bo", "cy"), "both to be there")
    own_cluster.b.kill()
    await eventually(lambda: _sees(here, "bo"), "the dead worker's people to vanish", 20)


async def _has(desk: Any, count: int, letter: str) -> bool:
    return (await desk.text()).count(letter) >= count


async def _sees(desk: Any, *names: str) -> bool:
    return [each["userId"] for each in (await desk.state())["collaborators"]] == list(names)


@pytest.fixture
async def hasty(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Two workers that save soon."""
    postgres = request.getfixturevalue("postgres_server")
    variables = SOON | {"HUBBUB_DOCUMENT_SAVE_SECONDS": "1"}
    cluster = two_workers(request.getfixturevalue("redis_server").url, postgres.create_database(), **variables)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


async def test_another_worker_saves_what_a_dead_one_was_to_save(hasty: Cluster, editors: Editors) -> None:
    document_id = await begin(hasty, hasty.a)
    desk = await editors.open(hasty.a.url, hasty.token("bo"), document_id)
    await desk.insert("Left behind")
    await desk.settled()
    # Before it is due, so that the dead worker cannot have saved it.
    hasty.a.kill()
    assert (await look(hasty, hasty.b, document_id))["version"] == 1

    async def is_saved() -> Any:
        found = await look(hasty, hasty.b, document_id)
        return found if found["version"] > 1 else None

    found = await eventually(is_saved, "the other worker to save", 20)
    assert found["content"] == "Left behind"


async def test_a_text_is_whole_however_often_it_is_folded_meanwhile(hasty: Cluster, editors: Editors) -> None:
    document_id = await begin(hasty, hasty.a)
    desks = [
        await editors.open(worker.url, hasty.token(name), document_id)
        for worker, name in ((hasty.a, "bo"), (hasty.b, "cy"))
    ]
    typing = asyncio.gather(
        *(desk.does("type", text=letter * 100, pause=10) for desk, letter in zip(desks, "ab", strict=True))
    )
    while not typing.done():
        # Each makes a version, and folds what came before.
        await hasty.b.rest("POST", f"/api/documents/{document_id}/versions", {"name": "Now"}, token=hasty.token(OWNER))
    await typing
    text = await converge(*desks)
    assert (text.count("a"), text.count("b")) == (100, 100)
    await hasty.b.rest("POST", f"/api/documents/{document_id}/versions", {"name": "End"}, token=hasty.token(OWNER))
    found = await look(hasty, hasty.a, document_id)
    assert found["content"] == text
    assert found["version"] > 3


async def test_editors_of_two_workers_find_each_other_again_after_redis_was_away(
    own_redis: Callable[[], RedisServer], postgres_server: PostgresServer, editors: Editors
) -> None:
    redis = own_redis()
    cluster = two_workers(redis.url, postgres_server.create_database(), **SOON)
    try:
        cluster.start()
        document_id = await begin(cluster, cluster.a)
        here, there = [
            await editors.open(worker.url, cluster.token(name), document_id)
            for worker, name in ((cluster.a, "bo"), (cluster.b, "cy"))
        ]
        await here.insert("before ")
        await converge(here, there)
        redis.kill()
        await here.insert("meanwhile ")
        await here.settled()
        # Nobody writes any more: what was missed shows by itself.
        redis.start()
        assert await converge(here, there, within=20) == "before meanwhile "
    finally:
        cluster.kill()
