"""Pushes as they are stored: queued for browsers, claimed by one worker, put off, finished."""

import asyncio
import secrets
from typing import Any

from models import notifications, push_subscriptions, pushes
from models import secrets as kept_secrets
from models.database import Database
from models.notifications import Notice
from models.pushes import Claimed
from models.types import ago
from tests.models.conftest import Store

A_MINUTE, AN_HOUR = -60.0, -3600.0


def notice(id: str, **fields: Any) -> dict[str, Any]:
    """The payload of a push."""
    plain = {"title": "Hello", "message": "There", "type": "SYSTEM", "level": "info", "link": None, "data": {}}
    return {"id": id} | plain | fields


async def subscribe(
    database: Database, user_id: str, endpoint: str | None = None, maximum: int = 20
) -> tuple[Any, bool]:
    """A browser of that person."""
    async with database.write() as conn:
        return await push_subscriptions.subscribe(
            conn,
            user_id,
            endpoint or f"https://push.example/{secrets.token_hex(8)}",
            p256dh="key",
            auth="auth",
            expires_at=None,
            maximum=maximum,
        )


async def queue(database: Database, *notices: tuple[str, dict[str, Any]]) -> None:
    """Queue for these people."""
    async with database.write() as conn:
        await pushes.queue(conn, notices)


async def claim(database: Database, *people: str, until: float = A_MINUTE) -> list[Claimed]:
    """Take whatever is due until so many seconds ago; what these people are to get of it."""
    async with database.write() as conn:
        return [each for each in await pushes.claim(conn, 1000, ago(until)) if each.user_id in people]


def someone() -> str:
    """A person whom no other test knows."""
    return f"ada-{secrets.token_hex(6)}"


def test_a_notice_is_queued_for_each_browser_of_its_person_and_for_nobody_else(store: Store) -> None:
    async def work(database: Database) -> None:
        ada, bo, cy = someone(), someone(), someone()
        mine = [(await subscribe(database, ada))[0].id for _ in range(2)]
        await subscribe(database, cy)
        await queue(database, (ada, notice("1", title="One")), (bo, notice("1")))
        found = await claim(database, ada, bo, cy)
        assert sorted(each.subscription_id for each in found) == sorted(mine)
        assert {(each.user_id, each.payload["title"], each.attempts) for each in found} == {(ada, "One", 1)}

    store.run(work)


def test_a_subscription_gets_one_push_at_a_time(store: Store) -> None:
    async def work(database: Database) -> None:
        ada = someone()
        await subscribe(database, ada)
        await queue(database, *((ada, notice(str(number))) for number in range(3)))
        seen = []
        for _ in range(3):
            [taken] = await claim(database, ada)
            assert await claim(database, ada) == []
            async with database.write() as conn:
                await pushes.finish(conn, [taken])
            seen.append(taken.notification_id)
        assert sorted(seen) == ["0", "1", "2"]
        assert await claim(database, ada) == []

    store.run(work)


def test_workers_that_claim_at_once_never_take_the_same(store: Store) -> None:
    async def work(database: Database) -> None:
        people = [someone() for _ in range(40)]
        for each in people:
            await subscribe(database, each)
        await queue(database, *((each, notice("1")) for each in people))

        async def worker() -> list[str]:
            async with database.write() as conn:
                return [
                    each.subscription_id
                    for each in await pushes.claim(conn, 20, ago(A_MINUTE))
                    if each.user_id in people
                ]

        taken = [each for found in await asyncio.gather(*(worker() for _ in range(8))) for each in found]
        assert len(taken) == len(set(taken))
        taken += [each.subscription_id for each in await claim(database, *people)]
        assert len(taken) == len(set(taken)) == 40

    store.run(work)


def test_a_claim_that_has_run_out_is_anybodys(store: Store) -> None:
    async def work(database: Database) -> None:
        ada = someone()
        await subscribe(database, ada)
        await queue(database, (ada, notice("1")))
        [first] = await claim(database, ada, until=1)
        [second] = await claim(database, ada)
        assert (second.notification_id, second.attempts) == (first.notification_id, 2)
        # What the first one says of it comes too late to count.
        async with database.write() as conn:
            await pushes.retry(conn, [(first, ago(1))])
            await pushes.finish(conn, [first])
        assert await claim(database, ada) == []

    store.run(work)


def test_what_is_put_off_comes_again_and_the_whole_subscription_waits(store: Store) -> None:
    async def work(database: Database) -> None:
        ada = someone()
        row, _ = await subscribe(database, ada)
        await queue(database, (ada, notice("1")), (ada, notice("2")))
        [taken] = await claim(database, ada)
        async with database.write() as conn:
            await pushes.retry(conn, [(taken, ago(AN_HOUR))])
            await push_subscriptions.rest(conn, [(row.id, ago(AN_HOUR))])
        await queue(database, (ada, notice("3")))
        assert await claim(database, ada) == []
        async with database.write() as conn:
            await pushes.retry(conn, [])
            await push_subscriptions.rest(conn, [(row.id, ago(1))])
        await queue(database, (ada, notice("3")))
        [again] = await claim(database, ada)
        assert (again.notification_id, again.failures) == ("3", 2)
        async with database.write() as conn:
            await push_subscriptions.recover(conn, [row.id])
            await pushes.finish(conn, [again])
        await queue(database, (ada, notice("4")))
        [healthy] = await claim(database, ada)
        assert healthy.failures == 0

    store.run(work)


def test_a_push_that_is_held_back_does_not_count_as_an_attempt(store: Store) -> None:
    async def work(database: Database) -> None:
        ada = someone()
        await subscribe(database, ada)
        await queue(database, (ada, notice("1")))
        [taken] = await claim(database, ada)
        assert not taken.is_held
        async with database.write() as conn:
            await pushes.hold(conn, [taken], ago(1))
        [again] = await claim(database, ada)
        assert (again.is_held, again.attempts) == (True, 1)

    store.run(work)


def test_a_renewed_notification_takes_the_waiting_ones_place_and_what_is_said_of_that_one_is_void(
    store: Store,
) -> None:
    async def work(database: Database) -> None:
        ada = someone()
        await subscribe(database, ada)
        await queue(database, (ada, notice("1", message="one")), (ada, notice("1", message="two")))
        [old] = await claim(database, ada)
        assert old.payload["message"] == "two"
        await queue(database, (ada, notice("1", message="three")))
        async with database.write() as conn:
            await pushes.finish(conn, [old])
        [new] = await claim(database, ada)
        assert (new.payload["message"], new.attempts) == ("three", 1)

    store.run(work)


def test_what_was_read_or_deleted_meanwhile_is_moot(store: Store) -> None:
    async def work(database: Database) -> None:
        ada = someone()
        stored = {name: Notice(title="Hello", message="There", type="SYSTEM") for name in ("waits", "read", "deleted")}
        async with database.write() as conn:
            await notifications.deliver(conn, [(ada, each) for each in stored.values()])
        for each in (*stored.values(), None):
            await subscribe(database, ada)
            await queue(database, (ada, each.pushed() if each else notice("never listed")))
        async with database.write() as conn:
            await notifications.mark(conn, ada, [stored["read"].id], True)
            await notifications.remove(conn, ada, [stored["deleted"].id])
        moot: dict[str, bool] = {}
        while taken := await claim(database, ada):
            moot |= {each.notification_id: each.is_moot for each in taken}
            async with database.write() as conn:
                await pushes.finish(conn, taken)
        names = {each.id: name for name, each in stored.items()}
        assert {names.get(id, id): is_moot for id, is_moot in moot.items()} == {
            "waits": False,
            "read": True,
            "deleted": True,
            "never listed": False,
        }

    store.run(work)


def test_the_first_one_due_is_told(store: Store) -> None:
    async def work(database: Database) -> None:
        ada = someone()
        await subscribe(database, ada)
        async with database.write() as conn:
            for each in await pushes.claim(conn, 1000, ago(AN_HOUR)):
                await pushes.finish(conn, [each])
        await queue(database, (ada, notice("1")))
        async with database.read() as conn:
            told = await pushes.first_due(conn)
        assert told is not None
        assert told <= ago(0)

    store.run(work)


def test_an_endpoint_that_goes_to_another_person_takes_nothing_along(store: Store) -> None:
    async def work(database: Database) -> None:
        ada, bo, endpoint = someone(), someone(), f"https://push.example/{secrets.token_hex(8)}"
        assert (await subscribe(database, ada, endpoint))[1]
        assert not (await subscribe(database, ada, endpoint))[1]
        await queue(database, (ada, notice("private")))
        assert (await subscribe(database, bo, endpoint))[1]
        assert await claim(database, ada, bo) == []
        async with database.write() as conn:
            await pushes.sweep(conn)
            assert not await push_subscriptions.unsubscribe(conn, ada, endpoint)
            assert await push_subscriptions.unsubscribe(conn, bo, endpoint)
            assert not await push_subscriptions.unsubscribe(conn, bo, endpoint)

    store.run(work)


def test_what_was_renewed_longest_ago_goes_beyond_the_limit(store: Store) -> None:
    async def work(database: Database) -> None:
        ada = someone()
        endpoints = [f"https://push.example/{secrets.token_hex(8)}" for _ in range(4)]
        for each in endpoints[:3]:
            await subscribe(database, ada, each, maximum=3)
        while (await subscribe(database, ada, endpoints[0], maximum=3))[0].updated_at <= (
            await subscribe(database, ada, endpoints[2], maximum=3)
        )[0].created_at:
            await asyncio.sleep(0)
        await subscribe(database, ada, endpoints[3], maximum=3)
        await queue(database, (ada, notice("1")))
        kept = {each.endpoint for each in await claim(database, ada)}
        assert kept == {endpoints[0], endpoints[2], endpoints[3]}

    store.run(work)


def test_the_first_secret_of_a_name_stays(store: Store) -> None:
    async def work(database: Database) -> None:
        name = secrets.token_hex(6)

        async def offer(value: str) -> str:
            async with database.write() as conn:
                return await kept_secrets.keep(conn, name, value)

        async with database.read() as conn:
            assert await kept_secrets.get(conn, name) is None
        answers = await asyncio.gather(*(offer(str(number)) for number in range(8)))
        assert len(set(answers)) == 1
        async with database.read() as conn:
            assert await kept_secrets.get(conn, name) == answers[0]

    store.run(work)
