"""What is asked for every message or every connection finds its rows by an index, however many there are."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from models import (
    broadcasts,
    event_log,
    idempotency,
    members,
    messages,
    notifications,
    preferences,
    push_subscriptions,
    pushes,
    rooms,
    users,
)
from models.broadcasts import Broadcast
from models.database import Database
from models.event_log import Draft
from models.ids import new_id
from models.notifications import Notice
from models.preferences import Preferences
from models.pushes import Claimed
from models.types import now
from tests.models.conftest import Store

PEOPLE = 5000
MESSAGES = 10_000
ROOMS = 1000

Question = Callable[[AsyncConnection, str], Awaitable[Any]]
QUESTIONS: dict[str, Question] = {
    "who sent this before": lambda conn, room: messages.sent_before(conn, [("user-1", "client-1"), ("user-2", "new")]),
    "the rooms, locked": lambda conn, room: rooms.lock_all(conn, [room]),
    "the members who send": lambda conn, room: members.places(conn, [(room, "user-1"), (room, "user-2")]),
    "whom a message mentions": lambda conn, room: members.among(conn, room, ["user-1", "user-2"]),
    "whose message that is": lambda conn, room: messages.whose(conn, ["nothing"]),
    "the newest number of a channel": lambda conn, room: event_log.newest_of(conn, ["channel-1", "channel-2"]),
    "what a channel missed": lambda conn, room: event_log.after(conn, "channel-1", 0),
    "first results": lambda conn, room: idempotency.first_results(conn, "user-1", "thing:do", ["client-1", "new"]),
    "known users": lambda conn, room: users.known(conn, ["user-1", "user-2"]),
    "when they were last seen": lambda conn, room: users.last_seen(conn, ["user-1", "user-2"]),
    "that they were seen": lambda conn, room: users.seen(conn, ["user-1", "user-2"]),
    "what waits for somebody": lambda conn, room: notifications.page(conn, "user-1", before="nothing", limit=20),
    "what somebody has not read": lambda conn, room: notifications.page(conn, "user-1", unread=True, limit=20),
    "how much that is": lambda conn, room: notifications.unread_count(conn, "user-1"),
    "that it is renewed": lambda conn, room: notifications.deliver(
        conn, [("user-1", notice(1)), ("user-2", notice(2))]
    ),
    "that it is read": lambda conn, room: notifications.mark(conn, "user-1", ["notice-1"], True),
    "that all is read": lambda conn, room: notifications.mark(conn, "user-1", None, True),
    "that it is deleted": lambda conn, room: notifications.remove(conn, "user-1", ["notice-1"]),
    "that all is deleted": lambda conn, room: notifications.remove(conn, "user-1", None),
    "that what it quotes is deleted": lambda conn, room: notifications.withdraw(conn, "message-2"),
    "what people want": lambda conn, room: preferences.of(conn, ["user-1", "user-2"]),
    "whom a broadcast reaches next": lambda conn, room: broadcasts.following(conn, broadcast(None), 100),
    "whom one to roles reaches next": lambda conn, room: broadcasts.following(conn, broadcast(["admin", "user"]), 100),
    "that it is pushed": lambda conn, room: pushes.queue(conn, [(f"user-{n}", notice(n).pushed()) for n in (1, 2)]),
    "when the first push is due": lambda conn, room: pushes.first_due(conn),
    "which pushes are due": lambda conn, room: pushes.claim(conn, 10, now()),
    "that pushes come again": lambda conn, room: pushes.retry(conn, [(CLAIMED, now())]),
    "that pushes are held back": lambda conn, room: pushes.hold(conn, [CLAIMED], now()),
    "that pushes are done with": lambda conn, room: pushes.finish(conn, [CLAIMED]),
    "that a browser subscribes": lambda conn, room: subscribed(conn, 1),
    "that a browser ends that": lambda conn, room: push_subscriptions.unsubscribe(conn, "user-1", "https://push/1"),
    "that its push service fails": lambda conn, room: push_subscriptions.rest(conn, [("subscription", now())]),
    "that it works again": lambda conn, room: push_subscriptions.recover(conn, ["subscription"]),
    "that it is gone": lambda conn, room: push_subscriptions.remove(conn, ["subscription"]),
}
CLAIMED = Claimed("subscription", "notice-1", "claim", "user-1", "", "", "", None, 0, {}, False, False, 1, now())


def notice(n: int) -> Notice:
    """A notice that quotes a message."""
    return Notice("Title", "Text", "SYSTEM", collapse_key=f"key-{n}", subject=f"message-{n}", id=f"notice-{n}")


def broadcast(roles: list[str] | None) -> Broadcast:
    """A broadcast that has come half-way."""
    return Broadcast("broadcast", notice(1), roles, PEOPLE, PEOPLE // 2, f"user-{PEOPLE // 2}")


async def subscribed(conn: AsyncConnection, n: int) -> Any:
    """The subscription of a person's browser."""
    return await push_subscriptions.subscribe(
        conn, f"user-{n}", f"https://push/{n}", p256dh="key", auth="auth", expires_at=None, maximum=20
    )


async def fill(database: Database) -> str:
    """Put so many rows into the tables that reading all of one would show; the id of one room."""
    async with database.write() as conn:
        await users.remember(conn, [users.User(f"user-{n}", f"User {n}") for n in range(PEOPLE)])
        made = [(await rooms.create(conn, name=str(n), description="", visibility="public")).id for n in range(ROOMS)]
        joined = {"role": "member", "joined_at": now()}
        await conn.execute(
            members.members.insert(),
            [joined | {"room_id": room, "user_id": f"user-{n}"} for room in made for n in range(10)],
        )
        await messages.write(conn, [_message(made[n % ROOMS], n) for n in range(MESSAGES)])
        await event_log.append(conn, [Draft(f"channel-{n}", "thing:done", n) for n in range(PEOPLE)])
        await idempotency.keep_results(conn, "user-1", "thing:do", {f"client-{n}": n for n in range(PEOPLE)})
        await notifications.deliver(conn, [(f"user-{n % 500}", notice(n)) for n in range(MESSAGES)])
        for n in range(PEOPLE):
            await preferences.save(conn, f"user-{n}", Preferences(muted_rooms=["room"]))
            await subscribed(conn, n)
        await pushes.queue(conn, [(f"user-{n % PEOPLE}", notice(n).pushed()) for n in range(MESSAGES)])
    async with database.write() as conn:
        await conn.execute(text("ANALYZE"))
    return str(made[0])


def _message(room: str, n: int) -> dict[str, Any]:
    return {
        "id": new_id(),
        "room_id": room,
        "seq": n // ROOMS + 1,
        "user_id": f"user-{n % PEOPLE}",
        "client_id": f"client-{n}",
        "message": f"Message {n}",
        "reply_to_id": None,
        "mentions": [],
        "attachments": [],
        "created_at": now(),
        "edited_at": None,
        "deleted_at": None,
    }


async def plan(database: Database, question: Question, room: str) -> list[str]:
    """The lines of the database's plan for what a question asks."""
    asked: list[tuple[str, Any]] = []
    async with database.write() as conn:
        sync = conn.sync_connection

        def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
            asked.append((statement, parameters[0] if many else parameters))

        event.listen(sync, "before_cursor_execute", note)
        await question(conn, room)
        event.remove(sync, "before_cursor_execute", note)
        explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
        return [
            str(row[-1])
            for statement, parameters in asked
            for row in await conn.exec_driver_sql(f"{explain} {statement}", parameters)
        ]


@pytest.fixture(scope="module")
def filled() -> dict[str, str]:
    """The room of each store that was filled."""
    return {}


@pytest.mark.parametrize("name", QUESTIONS)
def test_rows_are_found_by_an_index(store: Store, filled: dict[str, str], name: str) -> None:
    if store.url not in filled:
        filled[store.url] = store.run(fill)
    lines = store.run(lambda database: plan(database, QUESTIONS[name], filled[store.url]))
    assert lines
    for line in lines:
        assert "Seq Scan" not in line, lines
        # SQLite calls the rows of a subquery anon_1; they are as many as it found.
        assert not line.startswith("SCAN ") or "VIRTUAL TABLE" in line or line.startswith("SCAN anon_"), lines
