"""The inventory's rows about presence and viewers; each test bears its row's name."""

import secrets
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.people import Gathering, Person, open_room, say
from tests.acceptance.presences import counts, finds, sees, told_of, watches
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Short times, so that their end is soon seen."""
    return {
        "HUBBUB_ACTIONS_PER_SECOND": "10000",
        "HUBBUB_ACTIONS_BURST": "10000",
        "HUBBUB_PRESENCE_GRACE_SECONDS": "1",
        "HUBBUB_PRESENCE_SIGNAL_SECONDS": "0.5",
        "HUBBUB_PRESENCE_CALL_SECONDS": "3",
        "HUBBUB_VIEWER_SECONDS": "3",
    }


async def call(person: Person, method: str, path: str, body: Any = None) -> Any:
    """The data of a call through the REST door."""
    answer = await person.worker.rest(method, path, body, token=person.credential)
    assert answer.status == 200, answer
    return answer.body["data"]


async def test_three_people_are_viewing_this_trip_with_the_first_five_as_avatars_signed_in_people(
    arrive: Gathering,
) -> None:
    """Row of A and B: a window that ends, refreshed by calls, and people shown as avatars."""
    trip = secrets.token_hex(6)
    channel = f"trip:{trip}:viewers"
    visitor = await arrive.visitor()
    await watches(visitor, channel)
    pictured = {"picture": "https://example.com/ada.png"}
    people = [await arrive(f"Ada{number}", **pictured) for number in range(3)]
    for each in people:
        await watches(each, channel)
    await counts(visitor, channel, *people)
    (told,) = visitor.heard("viewers:changed", channel)[-1:]
    assert {user["profileImage"] for user in told["viewers"]} == {"https://example.com/ada.png"}
    others = [await arrive(f"Bo{number}") for number in range(4)]
    for each in others:
        await call(each, "POST", f"/api/trip/{trip}/viewers")
    await counts(visitor, channel, *people, *others[:2], count=7)
    # Nobody calls again: the window of who called ends.
    await counts(visitor, channel, *people)


async def test_track_viewer_get_active_viewers_remove_viewer(arrive: Gathering) -> None:
    """Row of A and B: `trackViewer`, `getActiveViewers`, `removeViewer`, and their publish helper."""
    post = f"/api/post/{secrets.token_hex(6)}/viewers"
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.b)
    await call(ada, "POST", post)
    tracked = await call(bo, "POST", post)
    contract.viewers(tracked)
    assert tracked["count"] == 2
    assert await call(ada, "GET", post) == tracked
    removed = await call(ada, "DELETE", post)
    assert [user["id"] for user in removed["viewers"]] == [bo.id]


async def test_users_viewing_this_story_and_clean_up_on_disconnect(arrive: Gathering) -> None:
    """Rows of A, B and C: viewers of a story by its `presence` channel; who disconnects is cleaned up."""
    story = secrets.token_hex(6)
    ada = await arrive("Ada", at=arrive.cluster.a)
    bo = await arrive("Bo", at=arrive.cluster.b, options={"reconnection": False})
    for each in (ada, bo):
        await watches(each, f"story:{story}:presence")
    await counts(ada, f"story:{story}:viewers", ada, bo)
    bo.socket.drop()
    await counts(ada, f"story:{story}:viewers", ada)


async def test_presence_online_away_offline_last_seen_current_page_activity_heartbeat_and_list_of_online_users(
    arrive: Gathering,
) -> None:
    """Row of D."""
    watcher, ada = await arrive("Watcher"), await arrive("Ada")
    await watches(watcher)
    await ada.does("presence:update", status="online", currentPage="/documents/7", activity="editing")
    online = await sees(watcher, ada.id, status="online", currentPage="/documents/7", activity="editing")
    assert online["lastSeenAt"] is not None
    await ada.does("presence:update", status="away")
    await sees(watcher, ada.id, status="away")
    listed = (await call(watcher, "GET", "/api/users/presence?status=online&limit=1000"))["presence"]
    assert watcher.id in {each["userId"] for each in listed}
    assert ada.id not in {each["userId"] for each in listed}
    await ada.socket.disconnect()
    offline = await sees(watcher, ada.id, status="offline")
    assert offline["lastSeenAt"] > online["lastSeenAt"]
    beat = await call(ada, "POST", "/api/users/presence/heartbeat")
    assert (beat["userId"], beat["status"]) == (ada.id, "online")
    await sees(watcher, ada.id, status="online")
    await sees(watcher, ada.id, status="offline")


async def test_get_api_users_presence_user_id(arrive: Gathering) -> None:
    """Row of E."""
    ada, bo = await arrive("Ada"), await arrive("Bo")
    presence = await call(ada, "GET", f"/api/users/presence/{bo.id}")
    contract.presence(presence)
    assert (presence["userId"], presence["isOnline"], presence["user"]["id"]) == (bo.id, True, bo.id)
    missing = await ada.worker.rest("GET", "/api/users/presence/nobody-at-all", token=ada.credential)
    assert (missing.status, missing.body["error"]["code"]) == (404, "not_found")


async def test_presence_has_user_id_is_online_last_seen_at_and_user(arrive: Gathering) -> None:
    """Row of E: `{userId, isOnline, lastSeenAt, user}`, beside each message as well, by its author's id."""
    claims = {"given_name": "Jane", "family_name": "Doe", "picture": "https://example.com/jane.png"}
    jane, reader = await arrive("Jane Doe", **claims), await arrive("Reader")
    room = await open_room(jane, reader)
    (message,) = await say(jane, room, "Hello")
    await jane.socket.disconnect()
    gone = await finds(reader, message["userId"], isOnline=False)
    contract.time(gone["lastSeenAt"])
    assert gone["user"] == message["user"]
    assert gone["user"]["firstName"] == "Jane"


async def test_on_connect_presence_stored_and_told_on_disconnect_offline_and_last_seen(arrive: Gathering) -> None:
    """Row of E."""
    watcher = await arrive("Watcher", at=arrive.cluster.b)
    await watches(watcher)
    ada = await arrive("Ada", at=arrive.cluster.a)
    come = await sees(watcher, ada.id, status="online")
    await ada.socket.disconnect()
    gone = await sees(watcher, ada.id, status="offline")
    assert gone["lastSeenAt"] > come["lastSeenAt"]
    assert await finds(watcher, ada.id) == gone


async def test_batched_presence(arrive: Gathering) -> None:
    """Row of E: many changes at a time are few packets, and each is told."""
    watcher = await arrive("Watcher")
    await watches(watcher)
    people = [await arrive(f"Ada{number}") for number in range(30)]
    for each in people:
        await sees(watcher, each.id, status="online")
    packets = watcher.socket.received("presence:changed")
    assert len(packets) < len(people)
    assert all(len(told_of(watcher, each.id)) == 1 for each in people)


async def test_counts_of_connections_and_presence_changes(arrive: Gathering) -> None:
    """Row of E, of the logs and counts: what `/metrics` tells of people."""
    watcher, ada = await arrive("Watcher", at=arrive.cluster.a), await arrive("Ada", at=arrive.cluster.a)
    await watches(watcher)

    async def metric(name: str) -> float:
        text = (await watcher.worker.rest("GET", "/metrics")).body
        (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(line.split()[1])

    assert await metric("hubbub_connections") >= 2
    assert await metric("hubbub_people_here") >= 2
    before = await metric("hubbub_presence_changes_total")
    await ada.does("presence:update", status="away")
    await sees(watcher, ada.id, status="away")

    async def is_counted() -> bool:
        return await metric("hubbub_presence_changes_total") > before

    await eventually(is_counted, "the change to be counted")
