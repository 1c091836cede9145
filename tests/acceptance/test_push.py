"""Subscribing to Web Push through both doors, and what is refused there."""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.notices import notify
from tests.acceptance.people import DOORS, Gathering, Person
from tests.support.push_service import Browser, PushService, decode, encode, push_service

pytestmark = pytest.mark.parametrize("door", DOORS)
WITHOUT_LIMITS = {"HUBBUB_ACTIONS_PER_SECOND": "10000", "HUBBUB_ACTIONS_BURST": "10000"}


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """A push service on this machine, and few browsers a person."""
    return WITHOUT_LIMITS | {
        "HUBBUB_PUSH_ALLOW_LOOPBACK": "on",
        "HUBBUB_PUSH_SUBSCRIPTIONS_PER_USER": "3",
        "HUBBUB_PRESENCE_GRACE_SECONDS": "0.2",
    }


@pytest_asyncio.fixture(loop_scope="module")
async def service() -> AsyncIterator[PushService]:
    """A push service on this machine."""
    async with push_service() as started:
        yield started


async def leaves(person: Person) -> None:
    """Close the person's only connection."""
    await person.socket.disconnect()


async def test_browser_push_for_offline_users(arrive: Gathering, service: PushService) -> None:
    ada, backend = await arrive("Ada"), await arrive.backend()
    browser = service.browser()
    subscribed = await ada.creates("push:subscribe", **browser.subscription)
    assert subscribed == {"endpoint": browser.endpoint, "createdAt": subscribed["createdAt"]}
    assert await ada.does("push:subscribe", **browser.subscription) == subscribed
    await leaves(ada)
    await notify(backend, ada, title="While you were away")
    assert (await browser.gets()).payload["title"] == "While you were away"


async def test_who_unsubscribes_is_told_no_more(arrive: Gathering, service: PushService) -> None:
    ada, backend = await arrive("Ada"), await arrive.backend()
    ended, kept = service.browser(), service.browser()
    for each in (ended, kept):
        await ada.creates("push:subscribe", **each.subscription)
    for _ in range(2):
        assert await ada.does("push:unsubscribe", endpoint=ended.endpoint) == {"endpoint": ended.endpoint}
    await leaves(ada)
    await notify(backend, ada)
    await kept.gets()
    assert ended.pushed == []


async def test_a_browser_belongs_to_whoever_subscribed_last(arrive: Gathering, service: PushService) -> None:
    ada, bo, backend = await arrive("Ada"), await arrive("Bo"), await arrive.backend()
    shared = service.browser()
    await ada.creates("push:subscribe", **shared.subscription)
    await bo.creates("push:subscribe", **shared.subscription)
    # It is not Ada's any more, so she cannot end it.
    await ada.does("push:unsubscribe", endpoint=shared.endpoint)
    await leaves(ada)
    await leaves(bo)
    await notify(backend, ada, title="For Ada")
    await notify(backend, bo, title="For Bo")
    await shared.gets()
    assert [each.payload["title"] for each in shared.pushed] == ["For Bo"]


async def test_browsers_beyond_the_limit_take_the_place_of_the_oldest(arrive: Gathering, service: PushService) -> None:
    ada, backend = await arrive("Ada"), await arrive.backend()
    browsers = [service.browser() for _ in range(5)]
    for each in browsers:
        await ada.creates("push:subscribe", **each.subscription)
    await leaves(ada)
    await notify(backend, ada)
    for each in browsers[2:]:
        await each.gets()
    assert [len(each.pushed) for each in browsers] == [0, 0, 1, 1, 1]


async def test_everybody_may_know_the_public_key(arrive: Gathering) -> None:
    ada, visitor, backend = await arrive("Ada"), await arrive.visitor(), await arrive.backend()
    keys = {(await each.does("push:key"))["publicKey"] for each in (ada, visitor, backend)}
    [key] = keys
    assert (len(decode(key)), decode(key)[0]) == (65, 4)


async def test_only_people_who_are_signed_in_subscribe(arrive: Gathering, service: PushService) -> None:
    visitor, backend, browser = await arrive.visitor(), await arrive.backend(), service.browser()
    await visitor.refused("unauthenticated", "push:subscribe", **browser.subscription)
    await visitor.refused("unauthenticated", "push:unsubscribe", endpoint=browser.endpoint)
    await backend.refused("forbidden", "push:subscribe", **browser.subscription)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "not a URL",
        "ftp://127.0.0.1/1",
        "https://user@127.0.0.1/1",
        "https://127.0.0.1:22/1",
        "https://10.0.0.1/1",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00::1]/1",
        "https://[::ffff:192.168.0.1]/1",
        "https://0x0a000001/1",
        "https://192.168.1/1",
        f"https://127.0.0.1/{'a' * 2048}",
        7,
        ["https://127.0.0.1/1"],
    ],
)
async def test_endpoints_that_are_none_or_lead_into_a_private_network_are_refused(
    arrive: Gathering, endpoint: Any
) -> None:
    ada = await arrive("Ada")
    wanted = Browser("").subscription | {"endpoint": endpoint}
    error = await ada.refused("invalid", "push:subscribe", **wanted)
    assert list(error["fields"]) == ["endpoint"]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("keys", {"keys": None}),
        ("keys", {"keys": {}}),
        ("keys", {"keys": "keys"}),
        ("keys", {"p256dh": ""}),
        ("keys", {"p256dh": 7}),
        ("keys", {"p256dh": "not base64!"}),
        ("keys", {"p256dh": encode(b"\x04" + b"\x01" * 64)}),
        ("keys", {"p256dh": encode(b"\x04" * 64)}),
        ("keys", {"p256dh": "A" * 10_000}),
        ("keys", {"auth": ""}),
        ("keys", {"auth": encode(b"a" * 15)}),
        ("keys", {"auth": encode(b"a" * 17)}),
        ("keys", {"auth": None}),
        ("expirationTime", {"expirationTime": 1}),
        ("expirationTime", {"expirationTime": "soon"}),
        ("expirationTime", {"expirationTime": 1e300}),
        ("expirationTime", {"expirationTime": True}),
        ("endpoint", {"endpoint": None}),
    ],
)
async def test_what_is_no_push_subscription_is_refused(arrive: Gathering, field: str, change: dict[str, Any]) -> None:
    ada = await arrive("Ada")
    wanted = Browser(f"https://127.0.0.1/{secrets.token_hex(4)}").subscription
    if change.keys() <= {"p256dh", "auth"}:
        change = {"keys": wanted["keys"] | change}
    error = await ada.refused("invalid", "push:subscribe", **wanted | change)
    assert list(error["fields"]) == [field]


async def test_a_subscription_that_ends_some_day_is_taken(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    wanted = Browser(f"https://127.0.0.1/{secrets.token_hex(4)}").subscription
    padded = {name: key + "=" * (-len(key) % 4) for name, key in wanted["keys"].items()}
    ends = (time.time() + 3600) * 1000 + 0.5
    await ada.creates("push:subscribe", **wanted | {"expirationTime": ends, "keys": padded})
    await ada.does("push:unsubscribe", endpoint=wanted["endpoint"])
