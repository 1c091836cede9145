"""The event log: numbered without holes in the order of the commits, replayed, redacted, and cut off in time."""

import asyncio
import random
import secrets
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from models import event_log
from models.database import Database
from models.event_log import Draft, Event
from models.types import ago, now
from server.setting_urls import database_url
from tests.models.conftest import Store


def channels(count: int) -> list[str]:
    """Names of channels that no other test has."""
    mark = secrets.token_hex(6)
    return [f"app:{mark}:{number}" for number in range(count)]


async def write(database: Database, drafts: list[Draft]) -> list[Event]:
    """Append drafts in a transaction of their own."""
    async with database.write() as conn:
        return await event_log.append(conn, drafts)


async def replay(database: Database, channel: str, after: int = 0, limit: int | None = None) -> event_log.Replay:
    """What follows a position."""
    async with database.read() as conn:
        return await event_log.after(conn, channel, after, limit)


class Undone(Exception):
    """A transaction that is to leave nothing behind."""


def test_events_are_numbered_channel_by_channel_in_the_order_of_the_drafts(store: Store) -> None:
    async def work(database: Database) -> None:
        one, two = channels(2)
        first = await write(database, [Draft(one, "a:b", 1), Draft(two, "a:b", 2), Draft(one, "a:c", 3)])
        second = await write(database, [Draft(two, "a:b", {"ä": [None]}), Draft(one, "a:b", "x")])
        assert [(event.channel, event.seq, event.data) for event in first + second] == [
            (one, 1, 1),
            (two, 1, 2),
            (one, 2, 3),
            (two, 2, {"ä": [None]}),
            (one, 3, "x"),
        ]
        found = await replay(database, one)
        assert (found.newest, found.recovered) == (3, True)
        assert [event.envelope for event in found.events] == [
            event.envelope for event in first + second if event.channel == one
        ]
        for event in found.events:
            whole = orjson.loads(event.envelope)
            assert set(whole) == {"event", "channel", "seq", "at", "data"}
            assert (whole["channel"], whole["seq"], whole["event"]) == (one, event.seq, event.event)

    store.run(work)


def test_what_is_undone_leaves_no_hole(store: Store) -> None:
    async def work(database: Database) -> None:
        (channel,) = channels(1)
        await write(database, [Draft(channel, "a:b", 1)])
        with pytest.raises(Undone):
            async with database.write() as conn:
                await event_log.append(conn, [Draft(channel, "a:b", "undone")] * 3)
                raise Undone
        await write(database, [Draft(channel, "a:b", 2)])
        assert [(event.seq, event.data) for event in (await replay(database, channel)).events] == [(1, 1), (2, 2)]

    store.run(work)


def test_transactions_at_once_leave_no_hole_and_are_seen_in_the_order_of_their_numbers(store: Store) -> None:
    names = channels(3)
    writers, each = 8, 12
    undone = 0

    async def append(database: Database, chance: random.Random, writer: int) -> None:
        nonlocal undone
        for number in range(each):
            drafts = [Draft(chance.choice(names), "a:b", [writer, number, place]) for place in range(3)]
            try:
                async with database.write() as conn:
                    await event_log.append(conn, drafts)
                    # Others get a turn between the numbering and the commit.
                    await asyncio.sleep(0)
                    if chance.random() < 0.2:
                        undone += 1
                        raise Undone
            except Undone:
                continue

    async def watch(database: Database, done: asyncio.Event) -> int:
        looks = 0
        while not done.is_set():
            for name in names:
                found = await replay(database, name)
                assert [event.seq for event in found.events] == list(range(1, found.newest + 1))
                looks += 1
        return looks

    async def work(database: Database) -> None:
        done = asyncio.Event()
        watching = asyncio.create_task(watch(database, done))
        await asyncio.gather(*(append(database, random.Random(writer), writer) for writer in range(writers)))
        done.set()
        assert await watching > 0
        events = [event for name in names for event in (await replay(database, name)).events]
        assert len(events) == (writers * each - undone) * 3
        assert undone > 0
        for name in names:
            of_writer: dict[int, list[Any]] = {}
            for event in (await replay(database, name)).events:
                of_writer.setdefault(event.data[0], []).append(event.data)
            assert all(written == sorted(written) for written in of_writer.values())

    store.run(work)


transactions = st.lists(
    st.tuples(st.lists(st.tuples(st.integers(0, 2), st.integers(-(2**53), 2**53)), max_size=5), st.booleans()),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(transactions, st.integers(0, 20), st.integers(1, 5))
def test_a_replay_is_what_was_committed_after_a_position(
    store: Store, written: list[tuple[list[tuple[int, int]], bool]], after: int, limit: int
) -> None:
    names = channels(3)
    committed: dict[str, list[int]] = {name: [] for name in names}

    async def work(database: Database) -> None:
        for drafts, kept in written:
            try:
                async with database.write() as conn:
                    await event_log.append(conn, [Draft(names[place], "a:b", number) for place, number in drafts])
                    if not kept:
                        raise Undone
            except Undone:
                continue
            for place, number in drafts:
                committed[names[place]].append(number)
        for name, numbers in committed.items():
            found = await replay(database, name, after)
            assert found.newest == len(numbers)
            assert found.recovered == (after <= len(numbers))
            assert [event.data for event in found.events] == numbers[after:]
            assert [event.seq for event in found.events] == list(range(after + 1, len(numbers) + 1))
            cut = await replay(database, name, after, limit)
            assert [event.data for event in cut.events] == numbers[after:][:limit]
        async with database.read() as conn:
            newest = await event_log.newest_of(conn, [*names, "app:never"])
            assert newest == {name: len(numbers) for name, numbers in committed.items() if numbers}

    store.run(work)


def test_the_newest_events_of_a_channel_are_kept(store: Store) -> None:
    async def work(database: Database) -> None:
        long, other = channels(2)
        await write(database, [Draft(long, "a:b", number) for number in range(1, 31)])
        await write(database, [Draft(other, "a:b", number) for number in range(1, 31)])
        async with database.write() as conn:
            assert await event_log.expire(conn, ago(3600), 10, {long}) == 20
        kept = await replay(database, long, 20)
        assert kept.recovered
        assert [event.seq for event in kept.events] == list(range(21, 31))
        for after in (0, 19):
            lost = await replay(database, long, after)
            assert (lost.newest, lost.recovered, lost.events) == (30, False, [])
        assert len((await replay(database, other)).events) == 30
        (following,) = await write(database, [Draft(long, "a:b", 31)])
        assert following.seq == 31
        async with database.write() as conn:
            assert await event_log.expire(conn, ago(3600), 10, None) >= 21
        assert [event.seq for event in (await replay(database, other, 20)).events] == list(range(21, 31))

    store.run(work)


def test_old_events_go_and_their_numbers_stay_taken(store: Store) -> None:
    async def work(database: Database) -> None:
        (channel,) = channels(1)
        await write(database, [Draft(channel, "a:b", number) for number in range(1, 6)])
        async with database.write() as conn:
            old = event_log.event_log.c.seq <= 3
            table = update(event_log.event_log).where(event_log.event_log.c.channel == channel, old)
            await conn.execute(table.values(at=ago(7200)))
            await event_log.expire(conn, ago(3600), 1000, None)
        assert not (await replay(database, channel, 2)).recovered
        kept = await replay(database, channel, 3)
        assert (kept.recovered, [event.seq for event in kept.events]) == (True, [4, 5])
        async with database.write() as conn:
            await conn.execute(
                update(event_log.event_log).where(event_log.event_log.c.channel == channel).values(at=ago(7200))
            )
            await event_log.expire(conn, now(), 1000, set())
        assert not (await replay(database, channel, 4)).recovered
        assert (await replay(database, channel, 5)).recovered
        (following,) = await write(database, [Draft(channel, "a:b", 6)])
        assert following.seq == 6

    store.run(work)


def test_what_is_redacted_is_gone_from_every_event_about_it_and_from_no_other(store: Store) -> None:
    async def work(database: Database) -> None:
        one, two = channels(2)
        mine, other = secrets.token_hex(6), secrets.token_hex(6)
        said = {"message": "secret", "seq": 1, "mentions": ["x"]}
        await write(
            database,
            [
                Draft(one, "message:created", said, mine),
                Draft(one, "message:created", said, other),
                Draft(two, "message:edited", said | {"message": "another secret"}, mine),
                Draft(two, "message:pinned", {"seq": 1}, mine),
                Draft(two, "message:created", said),
            ],
        )
        before = [await replay(database, name) for name in (one, two)]
        async with database.write() as conn:
            await event_log.redact(conn, mine, {"message": None, "mentions": []})
        gone = said | {"message": None, "mentions": []}
        after = [await replay(database, name) for name in (one, two)]
        assert [[event.data for event in found.events] for found in after] == [[gone, said], [gone, {"seq": 1}, said]]
        for was, found in zip(before, after, strict=True):
            assert (found.newest, found.recovered) == (was.newest, was.recovered)
            assert [(event.seq, event.event) for event in found.events] == [
                (event.seq, event.event) for event in was.events
            ]

    store.run(work)


async def test_a_worker_that_finds_another_one_at_it_is_told_to_come_back(postgres_server) -> None:
    """Two workers never expire at once; what the second was to expire must not be forgotten."""
    url = database_url(postgres_server.create_database())
    one, two = Database(url), Database(url)
    try:
        async with one.write() as first, two.write() as second:
            assert await event_log.expire(first, ago(60), 5, set()) == 0
            assert await event_log.expire(second, ago(60), 5, set()) is None
    finally:
        await one.close()
        await two.close()
