"""Viewers: how many people look at an entity, and who they are."""

import secrets

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person
from tests.acceptance.presences import counts, watches
from tests.support.hubbub import Cluster
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Short times, so that their end is soon seen."""
    return {
        "HUBBUB_ACTIONS_PER_SECOND": "10000",
        "HUBBUB_ACTIONS_BURST": "10000",
        "HUBBUB_PRESENCE_GRACE_SECONDS": "1.5",
        "HUBBUB_PRESENCE_SIGNAL_SECONDS": "0.2",
        "HUBBUB_VIEWER_SECONDS": "2",
    }


@pytest.fixture
def trip() -> dict[str, str]:
    """A trip that nobody else looks at."""
    return {"type": "trip", "id": secrets.token_hex(6)}


@pytest.fixture
def channel(trip: dict[str, str]) -> str:
    """Where its viewers are told of."""
    return f"trip:{trip['id']}:viewers"


def caller(cluster: Cluster, name: str, number: int = 0) -> Person:
    """Somebody who has no connection, and calls by REST."""
    id = f"{name.lower()}-{secrets.token_hex(5)}"
    worker = cluster.workers[number % len(cluster.workers)]
    return Person(worker, id, name, cluster.token(id, name=name), "rest")


async def test_who_hears_the_channel_looks(arrive: Gathering, channel: str) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    await watches(ada, channel)
    await watches(bo, channel)
    for each in (ada, bo):
        await counts(each, channel, ada, bo)
    snapshot = (await cy.subscribes(channel, snapshot=True))["snapshot"]
    contract.viewers(snapshot)
    assert [user["id"] for user in snapshot["viewers"]] == [ada.id, bo.id, cy.id]
    await counts(ada, channel, ada, bo, cy)
    await bo.does("channel:unsubscribe", channel=channel)
    await counts(ada, channel, ada, cy)
    await cy.socket.disconnect()
    await counts(ada, channel, ada)


async def test_presence_of_an_entity_is_another_name_of_its_viewers(
    arrive: Gathering, trip: dict[str, str], channel: str
) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    assert (await ada.subscribes(f"trip:{trip['id']}:presence", snapshot=True))["channel"] == channel
    await watches(bo, channel)
    await counts(ada, channel, ada, bo)


async def test_people_are_counted_not_tabs(arrive: Gathering, channel: str) -> None:
    ada, watcher = await arrive("Ada", at=arrive.cluster.a), await arrive("Watcher", at=arrive.cluster.b)
    again, third = await arrive.again(ada, at=arrive.cluster.b), await arrive.again(ada, at=arrive.cluster.a)
    await watches(watcher, channel)
    for each in (ada, again, third):
        await watches(each, channel)
    await counts(watcher, channel, watcher, ada)
    for each in (ada, third):
        await each.does("channel:unsubscribe", channel=channel)
    bo = await arrive("Bo")
    await watches(bo, channel)
    await counts(watcher, channel, watcher, ada, bo)
    await again.does("channel:unsubscribe", channel=channel)
    await counts(watcher, channel, watcher, bo)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["on the same worker", "on another worker"])
async def test_a_page_that_is_loaded_again_changes_no_number(arrive: Gathering, channel: str, elsewhere: bool) -> None:
    ada, bo, watcher = [await arrive(name, at=arrive.cluster.a) for name in ("Ada", "Bo", "Watcher")]
    for each in (ada, bo, watcher):
        await watches(each, channel)
    await counts(watcher, channel, ada, bo, watcher)
    told = len(watcher.heard("viewers:changed", channel))
    await ada.socket.disconnect()
    await bo.socket.disconnect()
    back = await arrive.again(ada, at=arrive.cluster.b if elsewhere else None)
    await watches(back, channel)
    # Bo left after Ada: by the time at which he is not counted any more, neither would she be.
    await counts(watcher, channel, ada, watcher)
    assert len(watcher.heard("viewers:changed", channel)) == told + 1


async def test_visitors_hear_and_are_not_counted(arrive: Gathering, trip: dict[str, str], channel: str) -> None:
    visitor, ada = await arrive.visitor(at=arrive.cluster.b), await arrive("Ada", at=arrive.cluster.a)
    snapshot = (await visitor.subscribes(channel, snapshot=True))["snapshot"]
    assert snapshot == {"count": 0, "viewers": []}
    await watches(ada, channel)
    await counts(visitor, channel, ada)
    assert (await visitor.does("viewers:get", **trip))["count"] == 1
    await visitor.refused("unauthenticated", "viewers:track", **trip)
    await visitor.refused("unauthenticated", "viewers:untrack", **trip)


async def test_a_call_counts_for_a_while(arrive: Gathering, trip: dict[str, str], channel: str) -> None:
    visitor = await arrive.visitor()
    await watches(visitor, channel)
    ada, bo = caller(arrive.cluster, "Ada", 0), caller(arrive.cluster, "Bo", 1)
    first = await ada.does("viewers:track", **trip)
    contract.viewers(first)
    assert [user["id"] for user in first["viewers"]] == [ada.id]
    second = await bo.does("viewers:track", **trip)
    assert [user["id"] for user in second["viewers"]] == [ada.id, bo.id]
    # Who calls again keeps their place.
    assert await ada.does("viewers:track", **trip) == second == await bo.does("viewers:get", **trip)
    await counts(visitor, channel, ada, bo)
    assert [user["id"] for user in (await ada.does("viewers:untrack", **trip))["viewers"]] == [bo.id]
    await counts(visitor, channel, bo)
    await counts(visitor, channel)
    assert await ada.does("viewers:untrack", **trip) == {"count": 0, "viewers": []}


async def test_looking_away_by_call_leaves_who_hears_the_channel(
    arrive: Gathering, trip: dict[str, str], channel: str
) -> None:
    ada = await arrive("Ada")
    await watches(ada, channel)
    assert (await ada.does("viewers:track", **trip))["count"] == 1
    assert (await ada.does("viewers:untrack", **trip))["count"] == 1


async def test_the_first_five_are_shown_and_all_are_counted(
    arrive: Gathering, trip: dict[str, str], channel: str
) -> None:
    people = [await arrive(f"Ada{number}") for number in range(8)]
    for each in people:
        await watches(each, channel)
    for worker in arrive.cluster.workers:
        told = (await worker.rest("GET", f"/api/trip/{trip['id']}/viewers")).body["data"]
        contract.viewers(told)
        assert (told["count"], [user["id"] for user in told["viewers"]]) == (8, [each.id for each in people[:5]])
    await counts(people[7], channel, *people[:5], count=8)


@pytest.mark.parametrize("door", DOORS)
async def test_there_are_viewers_of_entities_alone(arrive: Gathering, door: str) -> None:
    ada = await arrive("Ada")
    for entity in (
        {"type": "user", "id": "1"},
        {"type": "users", "id": "presence"},
        {"type": "chat", "id": "rooms"},
        {"type": "trip", "id": "a b"},
        {"type": "trip", "id": "a:b"},
        {"type": "trip", "id": "x" * 129},
        {"type": "presence", "id": "1"},
    ):
        for action in ("viewers:track", "viewers:untrack", "viewers:get"):
            await ada.refused("not_found", action, **entity)
    if door == "socket":
        for bad in ({}, {"type": "trip"}, {"type": "trip", "id": 7}, {"type": ["trip"], "id": "1"}):
            await ada.refused("invalid", "viewers:track", **bad)


async def test_paths_of_entities_swallow_no_others(arrive: Gathering) -> None:
    ada = await arrive("Ada", door="rest")
    viewers = await arrive("Viewers")
    token = arrive.cluster.token("viewers", name="Viewers")
    same = await arrive.js.connect(viewers.worker.url, {"token": token}, transports=["websocket"])

    async def is_found() -> bool:
        found = await ada.worker.rest("GET", "/api/users/presence/viewers", token=ada.credential)
        return found.status == 200 and found.body["data"]["userId"] == "viewers"

    await eventually(is_found, "the presence of somebody whose id is viewers")
    await same.disconnect()
