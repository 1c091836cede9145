"""Engagement: whatever people do at once, the counts are those of the rows."""

import asyncio
import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from models import comments, engagement, likes, ratings, saves, users
from models.database import Database
from models.engagement import Counts
from tests.models.conftest import Store

PEOPLE = [f"person-{number}" for number in range(4)]

person = st.sampled_from(PEOPLE)
like = st.tuples(st.just("like"), person, st.booleans())
save = st.tuples(st.just("save"), person, st.booleans())
rate = st.tuples(st.just("rate"), person, st.integers(1, 5))
comment = st.tuples(st.just("comment"), person, st.sampled_from(["approved", "pending", "answer"]))
decide = st.tuples(st.just("decide"), person, st.sampled_from(["hold", "approve", "erase"]))
# What stands in one list happens at once, on two connections.
histories = st.lists(st.lists(st.one_of(like, save, rate, comment, decide), min_size=1, max_size=6), max_size=6)


async def carry_out(database: Database, entity: str, step: tuple[str, str, Any]) -> None:
    """Do one thing in a transaction of its own, as handlers do it."""
    what, who, how = step
    async with database.write() as conn:
        await engagement.lock(conn, entity)
        if what == "like":
            await (likes.add if how else likes.remove)(conn, entity, who)
        elif what == "save":
            await (saves.add if how else saves.remove)(conn, entity, who)
        elif what == "rate":
            await ratings.put(conn, entity, who, how)
        elif what == "comment":
            found, _ = await comments.page(conn, entity, None, limit=1)
            parent = found[0].id if found and how == "answer" else None
            pending = how == "pending"
            await comments.create(conn, entity, who, body="Hm", parent_id=parent, client_id=None, pending=pending)
        else:
            found, _ = await comments.page(conn, entity, who, limit=1)
            if found and (how, found[0].status) not in {("approve", "approved"), ("hold", "pending")}:
                change = {"hold": comments.hold, "approve": comments.approve, "erase": comments.erase}[how]
                await change(conn, found[0])


async def counted(database: Database, entity: str) -> tuple[Counts, list[tuple[int, int]]]:
    """What the rows say: the counts of the entity, and of each comment its replyCount and its visible answers."""
    tables = {"comments": comments.comments, "likes": likes.likes, "saves": saves.saves, "ratings": ratings.ratings}
    async with database.read() as conn:
        found = {
            name: await conn.scalar(select(func.count()).select_from(table).where(table.c.entity == entity))
            for name, table in tables.items()
            if name != "comments"
        }
        rated = await conn.scalar(
            select(func.coalesce(func.sum(ratings.ratings.c.value), 0)).where(ratings.ratings.c.entity == entity)
        )
        rows = (await conn.execute(select(comments.comments).where(comments.comments.c.entity == entity))).all()
    visible = [row for row in rows if row.status == "approved"]
    answers = [(row.reply_count, sum(each.parent_id == row.id for each in visible)) for row in rows]
    return Counts(len(visible), found["likes"], found["saves"], int(rated), found["ratings"]), answers


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_counts_are_those_of_the_rows(store: Store, history: list[list[tuple[str, str, Any]]]) -> None:
    async def work(database: Database) -> None:
        # Another worker's connections to the same database; an SQLite file has one writing process.
        other = Database(store.url) if database.dialect == "postgresql" else database
        entity = f"trip:{secrets.token_hex(6)}"
        try:
            async with database.write() as conn:
                await users.remember(conn, [users.User(each, each) for each in PEOPLE])
            for at_once in history:
                await asyncio.gather(
                    *(carry_out((database, other)[number % 2], entity, step) for number, step in enumerate(at_once))
                )
                expected, answers = await counted(database, entity)
                async with other.read() as conn:
                    assert await engagement.get(conn, entity) == expected
                assert all(kept == counted_now for kept, counted_now in answers)
        finally:
            if other is not database:
                await other.close()

    store.run(work)


@pytest.mark.parametrize(
    ("values", "average"),
    [
        ([], 0),
        ([5], 5),
        ([1, 2], 1.5),
        ([1, 1, 2], 1.33),
        ([1, 2, 2], 1.67),
        ([4] * 7 + [5], 4.13),
        ([1] * 199 + [2], 1.01),
    ],
)
def test_an_average_has_two_decimals_halves_upwards(values: list[int], average: float) -> None:
    assert Counts(rating_sum=sum(values), rating_count=len(values)).rating == {
        "averageRating": average,
        "ratingCount": len(values),
    }


@given(st.lists(st.integers(1, 5), min_size=1, max_size=500))
def test_an_average_is_nowhere_off_by_more_than_half_a_hundredth(values: list[int]) -> None:
    average = Counts(rating_sum=sum(values), rating_count=len(values)).rating["averageRating"]
    assert abs(average - sum(values) / len(values)) <= 0.005 + 1e-12
    assert average == round(average, 2)
