"""Notifications: sent, heard, listed, read and deleted, through both doors."""

import asyncio
import secrets
from typing import Any

import pytest

from tests.acceptance import contract
from tests.acceptance.notices import HELLO, has_none, hears, listed, notify, unread
from tests.acceptance.people import DOORS, Gathering, Person
from tests.support.waiting import eventually

both_doors = pytest.mark.parametrize("door", DOORS)


@pytest.fixture(scope="module")
def cluster_variables(cluster_variables: dict[str, str | None]) -> dict[str, str | None]:
    """Packets that a million ids fit into, each of which its receiver is to refuse."""
    return cluster_variables | {"HUBBUB_MAX_PACKET_BYTES": str(16 * 1024 * 1024)}


@both_doors
async def test_an_admin_and_a_backend_notify_people_who_hear_and_find_it(arrive: Gathering) -> None:
    admin, backend = await arrive("Admin", role="admin"), await arrive.backend()
    ada, bo = await arrive("Ada"), await arrive("Bo")
    for number, sender in enumerate((admin, backend), 1):
        fields = {
            "title": f"Order {number}",
            "message": "Your order is paid.\nThank you! 🎉",
            "type": "PAYMENT",
            "level": "success",
            "link": "https://shop.example/orders/1",
            "data": {"order": {"id": 1, "items": ["é", 1.5, None, True]}},
        }
        id = await notify(sender, ada, bo, **fields)
        for each in (ada, bo):
            told = await hears(each, id=id)
            assert told["unreadCount"] == number
            assert told["notification"] == fields | {
                "id": id,
                "isRead": False,
                "count": 1,
                "createdAt": told["notification"]["createdAt"],
            }
            assert (await listed(each))[0] == told["notification"]
            assert (await each.does("session:get"))["notificationCount"] == number


@both_doors
async def test_what_may_be_left_out_has_its_default(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    await notify(backend, ada)
    [only] = await listed(ada)
    assert {name: only[name] for name in ("level", "link", "data", "count", "isRead")} == {
        "level": "info",
        "link": None,
        "data": {},
        "count": 1,
        "isRead": False,
    }


@both_doors
async def test_only_admins_and_backends_send(arrive: Gathering) -> None:
    ada, mo, visitor = await arrive("Ada"), await arrive("Mo", role="moderator"), await arrive.visitor()
    for audience in ({"userIds": [ada.id]}, {"roles": ["user"]}, {"everyone": True}):
        await ada.refused("forbidden", "notification:send", **audience, **HELLO)
        await mo.refused("forbidden", "notification:send", **audience, **HELLO)
        await visitor.refused("unauthenticated", "notification:send", **audience, **HELLO)
    await has_none(ada)


@both_doors
async def test_visitors_and_backends_have_no_notifications(arrive: Gathering) -> None:
    visitor, backend = await arrive.visitor(), await arrive.backend()
    for action, payload in {
        "notification:list": {},
        "notification:read": {"all": True},
        "notification:delete": {"all": True},
        "notification:preferences": {"mutedRooms": []},
    }.items():
        await visitor.refused("unauthenticated", action, **payload)
        await backend.refused("forbidden", action, **payload)


@both_doors
async def test_a_sending_names_exactly_one_audience(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    for audience in (
        {},
        {"everyone": False},
        {"userIds": [ada.id], "everyone": True},
        {"userIds": [ada.id], "roles": ["user"]},
        {"roles": ["user"], "everyone": True},
        {"userIds": []},
        {"roles": []},
        {"roles": ["owner"]},
    ):
        error = await backend.refused("invalid", "notification:send", **audience, **HELLO)
        assert error["fields"].keys() <= {"userIds", "roles", "everyone"}
        assert error["fields"]
    await has_none(ada)


@both_doors
async def test_naming_somebody_twice_notifies_them_once(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    sent = await backend.creates("notification:send", userIds=[ada.id, ada.id], **HELLO)
    assert sent["recipients"] == 1
    assert [each["id"] for each in await listed(ada)] == [sent["id"]]


async def test_somebody_never_seen_before_finds_what_was_sent_when_they_come(arrive: Gathering) -> None:
    backend = await arrive.backend()
    id = f"newcomer-{secrets.token_hex(6)}"
    sent = await backend.creates("notification:send", userIds=[id], **HELLO)
    newcomer = Person(arrive.cluster.b, id, "Newcomer", arrive.cluster.token(id), "rest")
    assert [each["id"] for each in await listed(newcomer)] == [sent["id"]]
    assert await unread(newcomer) == 1


@both_doors
async def test_filters_and_pages(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    types = ["BOOKING", "TOUR", "BOOKING", "PAYMENT", "BOOKING"]
    ids = [await notify(backend, ada, type=type, title=str(place)) for place, type in enumerate(types)]
    assert [each["id"] for each in await listed(ada)] == ids[::-1]
    assert [each["id"] for each in await listed(ada, type="BOOKING")] == [ids[4], ids[2], ids[0]]
    await ada.does("notification:read", ids=[ids[4], ids[1]])
    assert [each["id"] for each in await listed(ada, unread=True)] == [ids[3], ids[2], ids[0]]
    assert [each["id"] for each in await listed(ada, unread=False)] == ids[::-1]
    assert [each["id"] for each in await listed(ada, unread=True, type="BOOKING")] == [ids[2], ids[0]]
    first = await ada.does("notification:list", limit=2)
    assert ([each["id"] for each in first["notifications"]], first["hasMore"]) == ([ids[4], ids[3]], True)
    second = await ada.does("notification:list", limit=2, before=ids[3])
    assert ([each["id"] for each in second["notifications"]], second["hasMore"]) == ([ids[2], ids[1]], True)
    third = await ada.does("notification:list", limit=2, before=ids[1])
    assert ([each["id"] for each in third["notifications"]], third["hasMore"]) == ([ids[0]], False)
    assert {page["unreadCount"] for page in (first, second, third)} == {3}


@both_doors
async def test_reading_and_unreading_is_told_to_every_tab(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada", at=arrive.cluster.a)
    tab = await arrive.again(ada, at=arrive.cluster.b)
    ids = [await notify(backend, ada) for _ in range(3)]
    for payload, count in (
        ({"ids": ids[:2]}, 1),
        ({"ids": ids[:1], "isRead": False}, 2),
        ({"all": True}, 0),
        ({"all": True, "isRead": False}, 3),
        ({"ids": ids, "isRead": True}, 0),
    ):
        told = {name: value for name, value in payload.items() if (name, value) != ("isRead", True)}
        told |= {"unreadCount": count}
        assert await ada.does("notification:read", **payload) == told
        for each in (ada, tab):
            assert (await each.hears("notification:read"))["data"] == told
        assert await unread(tab) == count
    assert all(each["isRead"] for each in await listed(tab))


@both_doors
async def test_what_changes_nothing_is_told_to_nobody(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    assert await ada.does("notification:read", all=True) == {"all": True, "unreadCount": 0}
    assert await ada.does("notification:delete", all=True) == {"all": True, "unreadCount": 0}
    id = await notify(backend, ada)
    for _ in range(3):
        assert await ada.does("notification:read", ids=[id, id]) == {"ids": [id], "unreadCount": 0}
    await ada.is_up_to_date()
    assert len(ada.heard("notification:read")) == 1
    assert ada.heard("notification:deleted") == []


@both_doors
async def test_deleting_is_told_to_every_tab(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada", at=arrive.cluster.a)
    tab = await arrive.again(ada, at=arrive.cluster.b)
    ids = [await notify(backend, ada) for _ in range(4)]
    await ada.does("notification:read", ids=[ids[0]])
    for payload, count in (({"ids": ids[:2]}, 2), ({"all": True}, 0)):
        assert await ada.does("notification:delete", **payload) == payload | {"unreadCount": count}
        for each in (ada, tab):
            assert (await each.hears("notification:deleted"))["data"] == payload | {"unreadCount": count}
    assert await listed(tab) == []
    await ada.refused("not_found", "notification:delete", ids=[ids[0]])


async def test_a_delete_without_a_body_names_them_in_its_query(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada", door="rest")

    async def delete(query: str) -> Any:
        answer = await ada.worker.rest("DELETE", f"/api/notifications{query}", token=ada.credential)
        contract.reply(answer.body)
        return answer.body.get("data") or answer.body["error"]["code"]

    ids = [await notify(backend, ada) for _ in range(4)]
    assert await delete(f"?ids={ids[0]},{ids[1]}") == {"ids": ids[:2], "unreadCount": 2}
    assert await delete("") == "invalid"
    assert await delete("?all=yes") == "invalid"
    assert await delete("?ids=nothing") == "not_found"
    assert len(await listed(ada)) == 2
    assert await delete("?all=true") == {"all": True, "unreadCount": 0}
    assert await listed(ada) == []


@both_doors
async def test_ids_of_others_are_not_found_and_nothing_is_changed(arrive: Gathering) -> None:
    backend, ada, bo = await arrive.backend(), await arrive("Ada"), await arrive("Bo")
    mine, other = await notify(backend, ada), await notify(backend, bo)
    for ids in ([other], [mine, other], [mine, "nothing"]):
        await ada.refused("not_found", "notification:read", ids=ids)
        await ada.refused("not_found", "notification:delete", ids=ids)
    for person, id in ((ada, mine), (bo, other)):
        await person.is_up_to_date()
        assert person.heard("notification:read") == person.heard("notification:deleted") == []
        [only] = await listed(person)
        assert (only["id"], only["isRead"], await unread(person)) == (id, False, 1)


@both_doors
async def test_one_sent_to_two_people_is_read_by_each_for_themselves(arrive: Gathering) -> None:
    backend, ada, bo = await arrive.backend(), await arrive("Ada"), await arrive("Bo")
    id = await notify(backend, ada, bo)
    await ada.does("notification:read", ids=[id])
    await ada.does("notification:delete", ids=[id])
    assert (await unread(ada), await unread(bo)) == (0, 1)
    assert [each["isRead"] for each in await listed(bo)] == [False]


@both_doors
async def test_either_ids_or_all(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    id = await notify(backend, ada)
    for action in ("notification:read", "notification:delete"):
        for payload in ({}, {"all": False}, {"ids": []}, {"ids": [id], "all": True}):
            await ada.refused("invalid", action, **payload)
    assert await unread(ada) == 1


@both_doors
async def test_a_client_id_sends_once(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    for audience in ({"userIds": [ada.id]}, {"roles": ["user"]}):
        title, again = secrets.token_hex(6), secrets.token_hex(6)
        payload = HELLO | audience | {"title": title, "clientId": f"{ada.id[-10:]}-{title}"}
        first = await backend.creates("notification:send", **payload)
        assert await backend.does("notification:send", **payload) == first
        assert await backend.does("notification:send", **payload | {"title": again}) == first
        await hears(ada, title=title)
        await ada.is_up_to_date()
        assert [each["title"] for each in await listed(ada)].count(title) == 1
        assert again not in [each["title"] for each in await listed(ada)]


@both_doors
async def test_what_has_a_collapse_key_renews_the_unread_one(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    first = await notify(backend, ada, title="1 booking", collapseKey="bookings", data={"n": 1}, link="/1")
    between = await notify(backend, ada, title="Apart")
    await notify(backend, ada, title="2 bookings", collapseKey="bookings", level="warning", data={"n": 2})
    await notify(backend, ada, title="Another key", collapseKey="tours")
    told = [await hears(ada) for _ in range(4)]
    assert [each["unreadCount"] for each in told] == [1, 2, 2, 3]
    renewed = told[2]["notification"]
    assert {name: renewed[name] for name in ("id", "title", "level", "link", "data", "count")} == {
        "id": first,
        "title": "2 bookings",
        "level": "warning",
        "link": None,
        "data": {"n": 2},
        "count": 2,
    }
    assert renewed["createdAt"] > told[0]["notification"]["createdAt"]
    found = await listed(ada)
    assert [each["id"] for each in found] == [told[3]["notification"]["id"], first, between]
    assert found[1] == renewed
    # Once it is read, a new one begins.
    await ada.does("notification:read", ids=[first])
    fresh = await notify(backend, ada, title="3 bookings", collapseKey="bookings")
    assert (await hears(ada, title="3 bookings"))["notification"]["count"] == 1
    assert (await listed(ada, unread=True))[0]["id"] == fresh != first


@both_doors
async def test_data_of_four_kilobytes_is_taken_and_more_is_too_large(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    fits = {"text": "x" * (4096 - len('{"text":""}'))}
    await notify(backend, ada, data=fits)
    assert (await hears(ada))["notification"]["data"] == fits
    for data in ({"text": fits["text"] + "x"}, {"text": "é" * 2100}, {"text": "x" * 100_000}):
        await backend.refused("too_large", "notification:send", userIds=[ada.id], **HELLO, data=data)
    assert await unread(ada) == 1


BAD: dict[str, tuple[Any, ...]] = {
    "title": (7, True, [], {}, "", " ", "x" * 201),
    "message": (7, True, [], {}, "", "\n", "x" * 4001),
    "type": ("OTHER", "system", 7, []),
    "level": ("fatal", 7, []),
    "link": ("javascript:alert(1)", "//evil.example", "/\\evil.example", "ftp://a", "x", "", 7, "/" + "x" * 2048),
    "data": ([], "x", 7, True),
    "collapseKey": (7, "", "x" * 256, "a\nb"),
    "clientId": (7, "", "x" * 65),
    "critical": ("yes", 1, []),
    "userIds": ("ada", 7, {}, [7], [None], [""], ["x"] * 1001),
    "roles": ("admin", [7], ["owner"], ["user"] * 4),
    "everyone": ("yes", 1),
}


@both_doors
async def test_bad_input_is_refused_by_the_name_of_its_field(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    good = HELLO | {"userIds": [ada.id]}
    for field, values in BAD.items():
        for value in values:
            error = await backend.refused("invalid", "notification:send", **good | {field: value})
            assert field in error["fields"], (field, value, error)
    for field in HELLO:
        error = await backend.refused("invalid", "notification:send", **{k: v for k, v in good.items() if k != field})
        assert field in error["fields"]
    await has_none(ada)


@both_doors
async def test_a_million_ids_are_refused(arrive: Gathering) -> None:
    ada, backend = await arrive("Ada"), await arrive.backend()
    million = ["x"] * 1_000_000
    for person, action, payload in (
        (ada, "notification:read", {"ids": million}),
        (ada, "notification:delete", {"ids": million}),
        (backend, "notification:send", HELLO | {"userIds": million}),
        (ada, "notification:preferences", {"mutedRooms": million}),
    ):
        error = await person.refused("invalid", action, **payload)
        assert error["fields"]
    assert await unread(ada) == 0


async def test_limits_of_a_page_are_held(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    for payload in ({"limit": 0}, {"limit": 101}, {"limit": "5"}, {"type": "OTHER"}, {"unread": "yes"}, {"before": 7}):
        await ada.refused("invalid", "notification:list", **payload)


@both_doors
async def test_roles_and_everyone_are_reached_in_the_background(arrive: Gathering) -> None:
    admin = await arrive("Admin", role="admin")
    mo, ada, bo = await arrive("Mo", role="moderator"), await arrive("Ada"), await arrive("Bo")
    titles = [secrets.token_hex(6) for _ in range(3)]
    sent = await admin.creates("notification:send", roles=["moderator", "admin"], **HELLO | {"title": titles[0]})
    assert sent["recipients"] >= 2
    for each in (admin, mo):
        assert (await hears(each, title=titles[0]))["notification"]["id"] == sent["id"]
    all = await admin.creates("notification:send", everyone=True, **HELLO | {"title": titles[1]})
    assert all["recipients"] >= 4
    for each in (admin, mo, ada, bo):
        assert (await hears(each, title=titles[1]))["notification"]["id"] == all["id"]
    for each in (ada, bo):
        await each.is_up_to_date()
        assert titles[0] not in [each["title"] for each in await listed(ada)]
        assert await unread(each) == 1


async def test_what_was_missed_is_replayed(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    await notify(backend, ada)
    before = await ada.hears("notification:created")
    await ada.socket.disconnect()
    ids = [await notify(backend, ada) for _ in range(3)]
    back = await arrive.again(ada)
    reply = await back.subscribes(ada.own_channel, after=before["seq"])
    assert reply["recovered"]
    told = [each["data"] for each in reply["events"] if each["event"] == "notification:created"]
    assert [(each["notification"]["id"], each["unreadCount"]) for each in told] == list(
        zip(ids, (2, 3, 4), strict=True)
    )


class Tab:
    """What a page shows that knows nothing but the events: which are unread, and the number on its bell."""

    def __init__(self, person: Person) -> None:
        self.person = person

    def shows(self) -> tuple[dict[str, bool], int]:
        """For each notification whether it was read, and the newest count; every count on the way must be right."""
        read: dict[str, bool] = {}
        count, seqs = 0, []
        for received in self.person.socket.events:
            if not received.event.startswith("notification:"):
                continue
            envelope = received.data
            data = envelope["data"]
            seqs.append(envelope["seq"])
            ids = list(read) if data.get("all") else data.get("ids")
            if received.event == "notification:created":
                read[data["notification"]["id"]] = False
            elif received.event == "notification:read":
                read |= dict.fromkeys(ids, data.get("isRead", True))
            else:
                for each in ids:
                    del read[each]
            count = data["unreadCount"]
            assert count == sum(not each for each in read.values()), envelope
        assert seqs == sorted(set(seqs))
        return read, count


async def test_two_tabs_on_two_workers_never_drift(arrive: Gathering) -> None:
    ada = await arrive("Ada", at=arrive.cluster.a)
    tabs = [ada, await arrive.again(ada, at=arrive.cluster.b)]
    senders = [await arrive.backend(at=arrive.cluster.a), await arrive.backend(at=arrive.cluster.b)]

    async def send(sender: Person) -> None:
        for number in range(15):
            await notify(sender, ada, **({"collapseKey": "key"} if number % 3 == 0 else {}))

    async def tidy(tab: Person, number: int) -> None:
        for turn in range(15):
            found = await listed(tab, limit=3)
            ids = [each["id"] for each in found[number:]]
            action = ("notification:read", "notification:read", "notification:delete")[turn % 3]
            payload: dict[str, Any] = {"all": True} if turn % 7 == 6 else {"ids": ids}
            if action == "notification:read" and turn % 6 == 1:
                payload["isRead"] = False
            if ids:
                # The other tab may have deleted one of them since.
                body, _ = await tab.call(action, **payload)
                assert body["ok"] or body["error"]["code"] == "not_found", body

    await asyncio.gather(*(send(each) for each in senders), *(tidy(tab, number) for number, tab in enumerate(tabs)))
    for tab in tabs:
        await tab.is_up_to_date()
    shown = [Tab(each).shows() for each in tabs]
    assert shown[0] == shown[1]
    read, count = shown[0]
    assert {each["id"]: each["isRead"] for each in await listed(tabs[1], limit=100)} == read
    assert count == await unread(tabs[0])
    assert (await ada.does("session:get"))["notificationCount"] == count


async def test_progress_of_broadcasts_is_told_in_log_and_metrics(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    sent = await backend.creates("notification:send", everyone=True, **HELLO)
    await hears(ada, id=sent["id"])

    def done() -> bool:
        lines = [line for worker in arrive.cluster.workers for line in worker.log().splitlines()]
        return any(sent["id"] in line and f"recipients={sent['recipients']}" in line for line in lines)

    await eventually(done, "the log to tell of the broadcast")

    async def counted() -> bool:
        bodies = [(await worker.rest("GET", "/metrics")).body for worker in arrive.cluster.workers]
        values = [
            {line.split()[0]: float(line.split()[1]) for line in body.splitlines() if not line.startswith("#")}
            for body in bodies
        ]
        delivered = sum(each["hubbub_notifications_total"] for each in values)
        return delivered >= sent["recipients"] and all(
            each["hubbub_broadcasts"] == each["hubbub_broadcasts_left"] == 0 for each in values
        )

    await eventually(counted, "the metrics to tell that it is done")
