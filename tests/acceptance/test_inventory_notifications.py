"""The inventory's rows that concern notifications and what people want of them; each test bears its row's name."""

import secrets
from typing import Any

from tests.acceptance import contract
from tests.acceptance.notices import hears, listed, notify, unread
from tests.acceptance.people import Gathering, Person
from tests.support.hubbub import Hubbub
from tests.support.waiting import eventually


async def rest(person: Person, method: str, path: str, body: Any = None, expected: int = 200) -> Any:
    """The data of what the REST door answers."""
    answer = await person.worker.rest(method, path, body, token=person.credential)
    assert answer.status == expected, answer
    return answer.body["data"]


async def metric(worker: Hubbub, name: str) -> float:
    """A number of `/metrics`."""
    lines = (await worker.rest("GET", "/metrics")).body.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


async def test_notifications_title_message_level_read_unread_list_count_and_live_insert(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    for count, level in enumerate(("info", "success", "warning", "error"), 1):
        await notify(backend, ada, title=f"Title {level}", message=f"Message {level}", level=level)
        told = await hears(ada, level=level)
        assert told["unreadCount"] == count
    found = await listed(ada, unread=True)
    assert [each["level"] for each in found] == ["error", "warning", "success", "info"]
    assert [each["createdAt"] for each in found] == sorted((each["createdAt"] for each in found), reverse=True)
    for _ in range(3):
        await ada.does("notification:read", ids=[found[0]["id"]])
        await ada.does("notification:read", all=True)
        assert await unread(ada) == 0
    assert await listed(ada, unread=True) == []
    assert len(await listed(ada)) == 4


async def test_get_patch_delete_api_notifications(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada", door="rest")
    sending = {"userIds": [ada.id], "title": "Paid", "message": "Thank you", "type": "PAYMENT"}
    sent = await rest(backend, "POST", "/api/notifications", sending, 201)
    [only] = (await rest(ada, "GET", "/api/notifications"))["notifications"]
    contract.notification(only)
    assert only["id"] == sent["id"]
    read = await rest(ada, "PATCH", "/api/notifications", {"ids": [only["id"]]})
    assert read == {"ids": [only["id"]], "unreadCount": 0}
    assert (await rest(ada, "GET", "/api/notifications?unread=true"))["notifications"] == []
    assert await rest(ada, "DELETE", "/api/notifications", {"ids": [only["id"]]}) == read
    assert (await rest(ada, "GET", "/api/notifications"))["notifications"] == []


async def test_notification_types_to_one_user_and_to_admins(arrive: Gathering) -> None:
    admin, ada = await arrive("Admin", role="admin"), await arrive("Ada")
    for type in ("BOOKING", "TOUR", "PAYMENT", "SYSTEM", "PROMOTION", "MESSAGE"):
        await notify(admin, ada, type=type)
        assert (await hears(ada, type=type))["notification"]["type"] == type
    title = f"A booking was cancelled {secrets.token_hex(4)}"
    await admin.creates("notification:send", roles=["admin"], title=title, message="See there", type="BOOKING")
    await hears(admin, title=title)
    await ada.is_up_to_date()
    assert title not in [each["title"] for each in await listed(ada)]


async def test_filters_of_notifications(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    booking, tour = [await notify(backend, ada, type=type) for type in ("BOOKING", "TOUR")]
    await ada.does("notification:read", ids=[tour])
    assert [each["id"] for each in await listed(ada, type="TOUR")] == [tour]
    assert [each["id"] for each in await listed(ada, unread=True)] == [booking]


async def test_counts_of_notification_delivery_in_metrics(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(at=arrive.cluster.a), await arrive("Ada")
    before = await metric(backend.worker, "hubbub_notifications_total")
    await notify(backend, ada)
    await hears(ada)

    async def counted() -> bool:
        return await metric(backend.worker, "hubbub_notifications_total") > before

    await eventually(counted, "the notification to be counted")


async def test_notification_preferences(arrive: Gathering) -> None:
    backend, ada = await arrive.backend(), await arrive("Ada")
    await ada.does("notification:preferences", types={"PROMOTION": {"inApp": False, "push": False}})
    await notify(backend, ada, type="PROMOTION")
    await notify(backend, ada, type="BOOKING")
    assert [each["type"] for each in await listed(ada)] == ["BOOKING"]


async def test_live_booking_status_from_a_backend(arrive: Gathering) -> None:
    backend, ada, channel = await arrive.backend(), await arrive("Ada"), f"app:bookings-{secrets.token_hex(4)}"
    await ada.subscribes(channel)
    for status in ("requested", "confirmed", "paid"):
        await notify(backend, ada, type="BOOKING", title=f"Your booking is {status}", collapseKey="booking:1")
        order = {"channel": channel, "event": "booking:changed", "data": {"id": 1, "status": status}}
        await backend.creates("channel:publish", **order)
        await ada.hears("booking:changed", lambda data, status=status: data["status"] == status)
    [only] = await listed(ada)
    assert (only["title"], only["count"], await unread(ada)) == ("Your booking is paid", 3, 1)
