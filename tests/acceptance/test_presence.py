"""Presence: who is online, away or gone, where they are, and what watchers are told of it."""

import secrets
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import DOORS, Gathering, Person, open_room
from tests.acceptance.presences import finds, sees, told_of, watches
from tests.support.hubbub import Cluster

GRACE_SECONDS = 1.5


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Short times, so that their end is soon seen."""
    return {
        "HUBBUB_ACTIONS_PER_SECOND": "10000",
        "HUBBUB_ACTIONS_BURST": "10000",
        "HUBBUB_PRESENCE_GRACE_SECONDS": str(GRACE_SECONDS),
        "HUBBUB_PRESENCE_CALL_SECONDS": "2",
        "HUBBUB_PRESENCE_SIGNAL_SECONDS": "0.2",
    }


def caller(cluster: Cluster, name: str, number: int = 0) -> Person:
    """Somebody who has no connection, and calls by REST."""
    id = f"{name.lower()}-{secrets.token_hex(5)}"
    worker = cluster.workers[number % len(cluster.workers)]
    return Person(worker, id, name, cluster.token(id, name=name), "rest")


async def lose(person: Person) -> None:
    """Cut somebody's connection."""
    person.socket.drop()
    await person.socket.wait_for("disconnect")


async def test_who_comes_is_online_and_who_goes_is_offline(arrive: Gathering) -> None:
    watcher = await arrive("Watcher", at=arrive.cluster.a)
    await watches(watcher)
    ada = await arrive("Ada", at=arrive.cluster.b)
    come = await sees(watcher, ada.id, status="online", isOnline=True)
    assert (come["currentPage"], come["activity"]) == (None, None)
    assert come["user"]["name"] == "Ada"
    await ada.socket.disconnect()
    gone = await sees(watcher, ada.id, status="offline", isOnline=False)
    assert gone["lastSeenAt"] > come["lastSeenAt"]
    assert [each["status"] for each in told_of(watcher, ada.id)] == ["online", "offline"]
    assert await finds(watcher, ada.id, status="offline") == gone


async def test_one_users_channel_tells_of_that_user_alone(arrive: Gathering) -> None:
    ada, bo, watcher = [await arrive(name) for name in ("Ada", "Bo", "Watcher")]
    await watches(watcher, f"presence:{ada.id}")
    await bo.does("presence:update", status="away")
    await ada.does("presence:update", status="away", currentPage="/trips/7")
    await sees(watcher, ada.id, status="away", currentPage="/trips/7")
    envelope = watcher.socket.received("presence:changed")[-1]
    contract.event(envelope, "presence:changed", signal=True)
    assert envelope["channel"] == f"presence:{ada.id}"
    await finds(watcher, bo.id, status="away")
    assert told_of(watcher, bo.id) == []


async def test_many_tabs_are_one_person_who_is_as_active_as_the_most_active(arrive: Gathering) -> None:
    watcher, first = await arrive("Watcher"), await arrive("Ada", at=arrive.cluster.a)
    second = await arrive.again(first, at=arrive.cluster.b)
    await watches(watcher)
    await first.does("presence:update", status="away", currentPage="/one")
    await second.does("presence:update", status="online", currentPage="/two", activity="editing")
    await sees(watcher, first.id, status="online", currentPage="/two", activity="editing")
    assert (await first.does("presence:update", status="away", currentPage="/three"))["currentPage"] == "/two"
    await second.does("presence:update", status="away")
    await sees(watcher, first.id, status="away", currentPage="/two")
    await first.does("presence:update", status="online")
    await sees(watcher, first.id, status="online", currentPage="/three", activity=None)
    await first.socket.disconnect()
    await sees(watcher, first.id, status="away", currentPage="/two")
    assert "offline" not in {each["status"] for each in told_of(watcher, first.id)}
    await second.socket.disconnect()
    await sees(watcher, first.id, status="offline", currentPage=None, activity=None)


async def test_what_is_left_out_of_an_update_stays_and_null_ends_it(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    told = await ada.does("presence:update", status="online", currentPage="/trips", activity="editing")
    contract.presence(told)
    assert (told["currentPage"], told["activity"]) == ("/trips", "editing")
    told = await ada.does("presence:update", status="away", activity=None)
    assert (told["status"], told["currentPage"], told["activity"]) == ("away", "/trips", None)
    told = await ada.does("presence:heartbeat")
    assert (told["status"], told["currentPage"]) == ("away", "/trips")
    told = await ada.does("presence:update", status="online", currentPage="")
    assert (told["status"], told["currentPage"]) == ("online", None)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["on the same worker", "on another worker"])
async def test_a_page_that_is_loaded_again_makes_no_noise(arrive: Gathering, elsewhere: bool) -> None:
    watcher, ada, bo = [await arrive(name, at=arrive.cluster.a) for name in ("Watcher", "Ada", "Bo")]
    await ada.does("presence:update", status="online", currentPage="/trips")
    await watches(watcher)
    await ada.socket.disconnect()
    # Bo loses his connection after Ada, so once he is told to be gone, she would have been.
    await bo.socket.disconnect()
    back = await arrive.again(ada, at=arrive.cluster.b if elsewhere else None)
    await back.does("presence:update", status="online", currentPage="/trips")
    await sees(watcher, bo.id, status="offline")
    assert told_of(watcher, ada.id) == []
    await finds(watcher, ada.id, status="online", currentPage="/trips")


async def test_a_connection_that_is_taken_up_again_says_what_it_said(arrive: Gathering) -> None:
    options = {"reconnection": False}
    watcher, ada, bo = [await arrive(name, at=arrive.cluster.a, options=options) for name in ("Watcher", "Ada", "Bo")]
    await ada.does("presence:update", status="away", currentPage="/trips")
    await bo.does("presence:update", status="away", currentPage="/posts")
    await watches(watcher)
    await lose(ada)
    await lose(bo)
    await ada.socket.open()
    await sees(watcher, bo.id, status="offline")
    assert told_of(watcher, ada.id) == []
    # After the grace as well.
    await bo.socket.open()
    assert ada.socket.recovered
    assert bo.socket.recovered
    await sees(watcher, bo.id, status="away", currentPage="/posts")


async def test_who_takes_a_connection_up_again_is_told_what_changed_meanwhile(arrive: Gathering) -> None:
    options = {"reconnection": False}
    watcher, ada, bo = [await arrive(name, at=arrive.cluster.a, options=options) for name in ("Watcher", "Ada", "Bo")]
    witness = await arrive("Witness", at=arrive.cluster.a)
    for each in (watcher, witness):
        await watches(each, "presence", f"presence:{bo.id}")
    await lose(watcher)
    await ada.does("presence:update", status="away")
    await bo.does("presence:update", status="away")
    await sees(witness, ada.id, status="away")
    await sees(witness, bo.id, status="away")
    await watcher.socket.open()
    assert watcher.socket.recovered
    await sees(watcher, ada.id, status="away")
    await sees(watcher, bo.id, status="away")


async def test_who_has_no_connection_is_online_for_a_while_after_each_call(arrive: Gathering) -> None:
    watcher = await arrive("Watcher")
    await watches(watcher)
    ada, bo = caller(arrive.cluster, "Ada", 0), caller(arrive.cluster, "Bo", 1)
    contract.presence(await ada.does("presence:heartbeat"))
    told = await bo.does("presence:update", status="away", currentPage="/trips")
    assert (told["status"], told["currentPage"]) == ("away", "/trips")
    await sees(watcher, ada.id, status="online")
    await sees(watcher, bo.id, status="away", currentPage="/trips")
    told = await bo.does("presence:heartbeat")
    assert (told["status"], told["currentPage"]) == ("away", "/trips")
    for each in (ada, bo):
        gone = await sees(watcher, each.id, status="offline")
        assert gone["lastSeenAt"] is not None


async def test_a_call_makes_nobody_less_active_than_their_connection(arrive: Gathering) -> None:
    ada = await arrive("Ada", door="rest")
    told = await ada.does("presence:update", status="away")
    assert told["status"] == "online"


@pytest.mark.parametrize("door", DOORS)
async def test_presence_of_one_of_some_and_of_a_status(arrive: Gathering, door: str) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    await bo.socket.emit("presence:update", {"status": "away", "activity": "asleep"})
    await cy.socket.disconnect()
    await finds(ada, bo.id, status="away", activity="asleep")
    await finds(ada, cy.id, status="offline")
    some = await ada.does("presence:get", ids=[bo.id, "nobody", ada.id, cy.id, bo.id])
    assert [(each["userId"], each["status"]) for each in some["presence"]] == [
        (bo.id, "away"),
        (ada.id, "online"),
        (cy.id, "offline"),
    ]
    assert some["hasMore"] is False
    online, away = [await everyone(ada, status) for status in ("online", "away")]
    assert ada.id in online
    assert bo.id in away
    assert not {bo.id, cy.id} & online
    assert (await ada.does("presence:get", ids=[]))["presence"] == []


async def everyone(person: Person, status: str) -> set[str]:
    """All with a status, page by page."""
    found: list[str] = []
    page: dict[str, Any] = {"hasMore": True}
    while page["hasMore"]:
        before = {"before": found[-1]} if found else {}
        page = await person.does("presence:get", status=status, limit=1, **before)
        for each in page["presence"]:
            contract.presence(each)
            assert each["status"] == status
            found.append(each["userId"])
    assert len(found) == len(set(found))
    return set(found)


@pytest.mark.parametrize("door", DOORS)
async def test_what_is_asked_wrongly_is_refused(arrive: Gathering, door: str) -> None:
    ada, visitor = await arrive("Ada"), await arrive.visitor()
    await ada.refused("not_found", "presence:get", userId="nobody-was-ever-called-so")
    assert "ids" in (await ada.refused("invalid", "presence:get", ids=[str(n) for n in range(1001)]))["fields"]
    assert (await ada.does("presence:get", ids=[str(n) for n in range(1000)]))["presence"] == []
    for bad in ({}, {"userId": ada.id, "status": "online"}, {"status": "offline"}, {"status": "online", "limit": 1001}):
        await ada.refused("invalid", "presence:get", **bad)
    for bad in ({}, {"status": "offline"}, {"status": 1}, {"status": "online", "currentPage": "x" * 1001}):
        await ada.refused("invalid", "presence:update", **bad)
    await ada.refused("invalid", "presence:update", status="online", activity={"doing": "nothing"})
    for action in ("presence:update", "presence:heartbeat"):
        await visitor.refused("unauthenticated", action, status="online")
    await visitor.refused("unauthenticated", "presence:get", userId=ada.id)
    backend = await arrive.backend()
    await backend.refused("forbidden", "presence:update", status="online")
    assert (await backend.does("presence:get", userId=ada.id))["status"] == "online"


async def test_visitors_may_not_watch_people(arrive: Gathering) -> None:
    ada, visitor = await arrive("Ada"), await arrive.visitor()
    for channel in ("presence", f"presence:{ada.id}"):
        await visitor.refused("unauthenticated", "channel:subscribe", channel=channel)


async def test_a_snapshot_tells_who_is_there(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    await bo.does("presence:update", status="away", currentPage="/trips")
    for each in (ada, bo):
        snapshot = (await each.subscribes("presence", snapshot=True))["snapshot"]
        there = {presence["userId"]: presence for presence in snapshot["presence"]}
        assert (there[ada.id]["status"], there[bo.id]["currentPage"]) == ("online", "/trips")
        assert "offline" not in {presence["status"] for presence in there.values()}
    (one,) = (await ada.subscribes(f"presence:{bo.id}", snapshot=True))["snapshot"]["presence"]
    contract.presence(one)
    assert (one["userId"], one["status"]) == (bo.id, "away")


async def test_members_have_the_same_presence(arrive: Gathering) -> None:
    ada, bo, cy = [await arrive(name) for name in ("Ada", "Bo", "Cy")]
    room = await open_room(ada, bo, cy)
    await bo.does("presence:update", status="away", currentPage="/trips")
    await cy.socket.disconnect()
    await finds(ada, cy.id, status="offline")
    for members in (
        (await ada.does("room:members", roomId=room["id"]))["members"],
        (await ada.does("room:join", roomId=room["id"]))["members"],
    ):
        presences = {each["userId"]: each["presence"] for each in members}
        assert {id: each["status"] for id, each in presences.items()} == {
            ada.id: "online",
            bo.id: "away",
            cy.id: "offline",
        }
        assert presences[bo.id]["currentPage"] == "/trips"
