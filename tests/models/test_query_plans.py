"""What is asked for every message or every connection finds its rows by an index, however many there are."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from models import (
    broadcasts,
    comments,
    conflicts,
    document_updates,
    document_versions,
    documents,
    engagement,
    event_log,
    idempotency,
    images,
    leftovers,
    likes,
    members,
    messages,
    moderation,
    notifications,
    posts,
    preferences,
    push_subscriptions,
    pushes,
    ratings,
    reading,
    record_versions,
    records,
    rooms,
    sanctions,
    saves,
    stories,
    users,
)
from models.broadcasts import Broadcast
from models.database import Database
from models.event_log import Draft
from models.ids import new_id
from models.notifications import Notice
from models.pushes import Claimed
from models.types import ago, now
from tests.models.conftest import Store

PEOPLE = 5000
MESSAGES = 10_000
ROOMS = 1000
STORIES = 2000

Question = Callable[[AsyncConnection, str], Awaitable[Any]]
QUESTIONS: dict[str, Question] = {
    "who sent this before": lambda conn, room: messages.sent_before(conn, [("user-1", "client-1"), ("user-2", "new")]),
    "the rooms, locked": lambda conn, room: rooms.lock_all(conn, [room]),
    "the members who send": lambda conn, room: members.places(conn, [(room, "user-1"), (room, "user-2")]),
    "whom a message mentions": lambda conn, room: members.among(conn, room, ["user-1", "user-2"]),
    "whose message that is": lambda conn, room: messages.whose(conn, ["nothing"]),
    "the newest number of a channel": lambda conn, room: event_log.newest_of(conn, ["channel-1", "channel-2"]),
    "what a channel missed": lambda conn, room: event_log.after(conn, "channel-1", 0),
    "a page of what it missed": lambda conn, room: event_log.after(conn, "channel-1", 0, 100),
    "when a channel's newest event was": lambda conn, room: event_log.newest_at(conn, "channel-1"),
    "first results": lambda conn, room: idempotency.first_results(conn, "user-1", "thing:do", ["client-1", "new"]),
    "known users": lambda conn, room: users.known(conn, ["user-1", "user-2"]),
    "when they were last seen": lambda conn, room: users.last_seen(conn, ["user-1", "user-2"]),
    "that a queue's records are held": lambda conn, room: _hold(conn),
    "that a record is written": lambda conn, room: _rewrite(conn),
    "what a record was": lambda conn, room: record_versions.get(conn, "tasks", "record-1", 1),
    "which versions are too old": lambda conn, room: record_versions.expire(conn, ago(5), 10),
    "a page of records": lambda conn, room: records.page(conn, "tasks", owner_id=None, before=f"{PEOPLE:06}", limit=50),
    "the first page of records": lambda conn, room: records.page(conn, "tasks", owner_id=None, before=None, limit=50),
    "somebody's records": lambda conn, room: records.page(
        conn, "tasks", owner_id="user-1", before=f"{PEOPLE:06}", limit=50
    ),
    "somebody's conflicts": lambda conn, room: conflicts.page(
        conn, user_id="user-1", status="open", before="conflict-9", limit=50
    ),
    "all conflicts": lambda conn, room: conflicts.page(conn, user_id=None, status="open", before=None, limit=50),
    "conflicts by their ids": lambda conn, room: conflicts.among(conn, ["conflict-1", "nothing"]),
    "a conflict, held": lambda conn, room: conflicts.lock(conn, "conflict-1"),
    "whether a change is parked": lambda conn, room: _park(conn),
    "which conflicts are too old": lambda conn, room: conflicts.expire(conn, ago(5), 10),
    "public stories": lambda conn, room: stories.page(conn, reader_id=None, author_id=None, before=None, limit=20),
    "stories that I find": lambda conn, room: stories.page(
        conn, reader_id="user-1", author_id=None, before="story-9", limit=20
    ),
    "somebody's stories": lambda conn, room: stories.page(
        conn, reader_id="user-1", author_id="user-1", before=None, limit=20
    ),
    "posts of a story": lambda conn, room: posts.page(
        conn, room, reader=users.User("user-1", ""), before=None, limit=20
    ),
    "who may read a post": lambda conn, room: reading.readers(conn, "post", "nothing", share=True),
    "which posts are a story's": lambda conn, room: posts.among(conn, room, ["nothing", "neither"]),
    "a page of comments": lambda conn, room: comments.page(conn, "trip:1", "user-1", before=9000, limit=50),
    "comments that followed": lambda conn, room: comments.page(conn, "trip:1", "user-1", after=100, limit=50),
    "answers to a comment": lambda conn, room: comments.page(conn, "trip:1", None, parent_id="comment-1", limit=50),
    "where a page begins": lambda conn, room: comments.position_of(conn, "trip:1", "comment-1"),
    "comments by their ids": lambda conn, room: comments.among(conn, ["comment-1", "nothing"]),
    "who objects": lambda conn, room: comments.flags_of(conn, ["comment-1", "nothing"]),
    "a page of a gallery": lambda conn, room: images.page(
        conn, "trip:1", pending_of="user-1", all_pending=False, before="image-9", limit=50
    ),
    "a gallery as moderators see it": lambda conn, room: images.page(
        conn, "trip:1", pending_of="mo", all_pending=True, before=None, limit=50
    ),
    "images by their ids": lambda conn, room: images.among(conn, ["image-1", "nothing"]),
    "an image that is served": lambda conn, room: images.get(conn, "image-1"),
    "the image that stands for a trip": lambda conn, room: _featured(conn),
    "that files are kept": lambda conn, room: leftovers.keep(conn, "image-1"),
    "whether files are to be removed": lambda conn, room: leftovers.is_due(conn),
    "which files are to be removed": lambda conn, room: leftovers.take(conn, 10, now()),
    "that files were removed": lambda conn, room: leftovers.forget(conn, ["image-1"]),
    "what an entity has": lambda conn, room: engagement.get(conn, "trip:1"),
    "what it has at a moment": lambda conn, room: engagement.at(conn, "trip:1", "trip:1:likes"),
    "that a like is gone": lambda conn, room: likes.remove(conn, "trip:1", "user-1"),
    "that something is saved": lambda conn, room: saves.add(conn, "trip:1", "user-7"),
    "what somebody saved": lambda conn, room: saves.page(conn, "user-1", before="save-9", limit=50),
    "a rating": lambda conn, room: ratings.put(conn, "trip:1", "user-1", 5),
    "what waits for moderators": lambda conn, room: moderation.page(conn, "pending", limit=50),
    "whether something waits": lambda conn, room: moderation.open_item(conn, "comment", "comment-1"),
    "how somebody stands": lambda conn, room: sanctions.of(conn, "user-1"),
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
    "the documents, locked": lambda conn, room: documents.lock_all(conn, ["document-1", "nothing"]),
    "what people may do with documents": lambda conn, room: documents.rights(conn, [("document-1", "user-1")]),
    "who may read a document": lambda conn, room: documents.readers(conn, "document-1", ["user-1", "user-2"]),
    "somebody's documents": lambda conn, room: documents.page(conn, "user-1", "document-9", 20),
    "a document, whole": lambda conn, room: documents.get(conn, "document-1"),
    "that documents were edited": lambda conn, room: _edit(conn),
    "which documents are due": lambda conn, room: documents.due(conn, "worker", 50),
    "when the next document is due": lambda conn, room: documents.next_due(conn),
    "who keeps a document": lambda conn, room: documents.keep(conn, "document-1", "worker", 10),
    "edits that followed": lambda conn, room: document_updates.after(conn, "document-1", 3),
    "how large they are": lambda conn, room: document_updates.size_after(conn, "document-1", 3),
    "that edits are folded": lambda conn, room: document_updates.fold(conn, "document-2", 3),
    "named versions": lambda conn, room: document_versions.page(conn, "document-1", None, 50),
    "how many have names": lambda conn, room: document_versions.count(conn, "document-1"),
    "what a version was": lambda conn, room: document_versions.note_base(conn, "document-1", 10_000, b"", 50),
    "which versions are over": lambda conn, room: document_versions.expire(conn, ago(1_000_000)),
}
CLAIMED = Claimed("subscription", "notice-1", "claim", "user-1", "", "", "", None, 0, {}, False, False, 1, now())


def notice(n: int) -> Notice:
    """A notice that quotes a message."""
    return Notice("Title", "Text", "SYSTEM", collapse_key=f"key-{n}", subject=f"message-{n}", id=f"notice-{n}")


async def _featured(conn: AsyncConnection) -> None:
    """Let another image of a trip be featured."""
    image: Any = await images.get(conn, "image-101")
    await images.feature(conn, image)


async def _hold(conn: AsyncConnection) -> None:
    """Hold records, of which SQLite, with its one writer, has to hold none."""
    pairs = [("tasks", "record-1"), ("tasks", "nothing")]
    await records.take_all(conn, pairs)
    await records.lock(conn, "tasks", "record-1")
    await records.give_back(conn, pairs)


async def _rewrite(conn: AsyncConnection) -> None:
    """Give a record another version."""
    row = await records.take(conn, "tasks", "record-2")
    await records.write(conn, row, {}, by="user-1", owner_id=None)


async def _park(conn: AsyncConnection) -> None:
    """Park what is parked already."""
    _, fresh = await conflicts.park(
        conn, "tasks", "record-1", "user-1", local={}, remote={}, base={}, version=2, base_version=1
    )
    assert not fresh


async def _edit(conn: AsyncConnection) -> None:
    """Edit a document."""
    row = await documents.lock(conn, "document-1")
    await documents.edited(conn, [(row, 7, 2)], documents.Pace(2, 10))


async def _write_together(conn: AsyncConnection) -> None:
    """Documents, a few of them to be saved, with edits and versions."""
    moment, numbers = now(), range(PEOPLE)
    common = {
        "title": "",
        "version": 1,
        "everyone": "none",
        "n": 6,
        "state_n": 0,
        "size": 0,
    }
    common |= {"created_at": moment, "updated_at": moment}
    await conn.execute(
        documents.documents.insert(),
        [
            common
            | {
                "id": f"document-{n}",
                "owner_id": f"user-{n % 100}",
                "unsaved_since": moment if n < 20 else None,
                "save_due_at": moment if n < 20 else None,
            }
            for n in numbers
        ],
    )
    await conn.execute(
        documents.document_states.insert(),
        [{"document_id": f"document-{n}", "content": "", "state": b""} for n in numbers],
    )
    await conn.execute(
        documents.document_access.insert(),
        [{"document_id": f"document-{n}", "user_id": f"user-{n % 90}", "access": "read"} for n in numbers],
    )
    edit = {"bytes": b"", "user_id": "user-1", "at": moment}
    await conn.execute(
        document_updates.document_updates.insert(),
        [edit | {"document_id": f"document-{n // 6}", "n": n % 6 + 1} for n in range(MESSAGES)],
    )
    version = {"name": "", "version": 1, "content": "", "user_id": "user-1", "created_at": moment}
    await conn.execute(
        document_versions.document_versions.insert(),
        [version | {"id": f"version-{n}", "document_id": f"document-{n // 6}"} for n in range(MESSAGES)],
    )
    await conn.execute(
        document_versions.document_bases.insert(),
        [{"document_id": f"document-{n // 6}", "version": n % 6, "state": b"", "at": moment} for n in range(MESSAGES)],
    )


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
        await _tell(conn, made)
        await _engage(conn)
        await idempotency.keep_results(conn, "user-1", "thing:do", {f"client-{n}": n for n in range(PEOPLE)})
        await notifications.deliver(conn, [(f"user-{n % 500}", notice(n)) for n in range(MESSAGES)])
        await _choose(conn)
        await _write_together(conn)
        await pushes.queue(conn, [(f"user-{n % PEOPLE}", notice(n).pushed()) for n in range(MESSAGES)])
    async with database.write() as conn:
        await conn.execute(text("ANALYZE"))
    return str(made[0])


async def _tell(conn: AsyncConnection, rooms: list[str]) -> None:
    """Stories and posts; a post's story has a room's id, so that a question can name it."""
    moment = {"created_at": now(), "updated_at": now()}
    reaches = (stories.PUBLIC, stories.LINK, stories.HELD, stories.AUTHOR)
    told = [
        {"id": f"story-{n}", "author_id": f"user-{n % 10}", "reach": reaches[n % 4], "position": f"story-{n}"}
        for n in range(STORIES)
    ]
    said = [
        {"story_id": rooms[n % 10], "author_id": f"user-{n}", "state": posts.SHOWN if n % 2 else posts.HELD}
        for n in range(STORIES)
    ]
    await conn.execute(stories.stories.insert(), [each | {"visibility": "public"} | moment for each in told])
    await conn.execute(
        posts.posts.insert(),
        [{"id": f"post-{n}", "type": "review"} | each | moment for n, each in enumerate(said)],
    )


async def _choose(conn: AsyncConnection) -> None:
    """Preferences, and browsers that are subscribed."""
    moment, numbers = now(), range(PEOPLE)
    chosen = {"types": {}, "muted_rooms": ["room"], "updated_at": moment}
    keys = {"p256dh": "key", "auth": "auth", "created_at": moment, "updated_at": moment}
    await conn.execute(preferences.preferences.insert(), [{"user_id": f"user-{n}"} | chosen for n in numbers])
    await conn.execute(
        push_subscriptions.push_subscriptions.insert(),
        [{"id": f"browser-{n}", "user_id": f"user-{n}", "endpoint": f"https://push/{n}"} | keys for n in numbers],
    )


async def _engage(conn: AsyncConnection) -> None:
    """Comments, likes, saves, ratings, objections, decisions and sanctions."""
    moment, numbers = now(), range(MESSAGES)
    status = ("approved", "approved", "approved", "pending", "deleted")
    rows: dict[Any, list[dict[str, Any]]] = {
        engagement.engagement: [{"entity": f"trip:{n}"} for n in numbers],
        comments.comments: [
            {
                "id": f"comment-{n}",
                "entity": f"trip:{n % 10}",
                "position": n,
                "user_id": f"user-{n % PEOPLE}",
                "parent_id": f"comment-{n % 100}",
                "body": "",
                "status": status[n % 5],
                "created_at": moment,
            }
            for n in numbers
        ],
        images.images: [
            {
                "id": f"image-{n}",
                "entity": f"trip:{n % 100}",
                "user_id": f"user-{n % 10}",
                "status": status[n % 4],
                "is_featured": n < 100,
                "media_type": "image/png",
                "width": 1,
                "height": 1,
                "bytes": 1,
                "thumbnail_bytes": 1,
                "created_at": moment,
            }
            for n in numbers
        ],
        leftovers.leftovers: [{"id": f"image-{n}", "due_at": ago(n - 10), "is_taken": False} for n in numbers],
        comments.flags: [{"comment_id": f"comment-{n}", "user_id": "user-1", "created_at": moment} for n in numbers],
        likes.likes: [{"entity": f"trip:{n % 10}", "user_id": f"user-{n}", "created_at": moment} for n in numbers],
        saves.saves: [
            {"user_id": f"user-{n % 10}", "entity": f"trip:{n}", "id": f"save-{n}", "created_at": moment}
            for n in numbers
        ],
        ratings.ratings: [
            {"entity": f"trip:{n % 10}", "user_id": f"user-{n}", "value": 1 + n % 5, "updated_at": moment}
            for n in numbers
        ],
        moderation.moderation: [
            {
                "id": f"item-{n}",
                "kind": "comment",
                "subject_id": f"comment-{n}",
                "entity": f"trip:{n % 10}",
                "author_id": "user-1",
                "cause": "flag",
                "status": moderation.STATUSES[n % 4],
                "created_at": moment,
            }
            for n in numbers
        ],
        records.records: [
            {
                "collection": "tasks" if n % 2 else "notes",
                "id": f"record-{n // 2}",
                "position": f"{n:06}",
                "data": None if n % 10 == 9 else {"n": n},
                "version": 2,
                "owner_id": f"user-{n % 100}",
                "created_at": moment,
                "updated_at": moment,
            }
            for n in numbers
        ],
        record_versions.record_versions: [
            {
                "collection": "tasks",
                "record_id": f"record-{n}",
                "version": 1,
                "data": {"n": n},
                "updated_at": moment,
                "replaced_at": ago(n),
            }
            for n in numbers
        ],
        conflicts.conflicts: [
            {
                "id": f"conflict-{n}",
                "collection": "tasks",
                "record_id": f"record-{n}",
                "user_id": f"user-{n % 50}",
                "local": {},
                "version": 2,
                "base_version": 1,
                "status": "open" if n % 3 else "resolved",
                "created_at": moment,
                "resolved_at": None if n % 3 else ago(n),
            }
            for n in numbers
        ],
        sanctions.sanctions: [
            {"user_id": f"user-{n}", "kind": "mute", "by_id": "user-1", "since": moment} for n in numbers
        ],
    }
    for table, inserted in rows.items():
        await conn.execute(table.insert(), inserted)


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
        # SQLite calls the rows of a subquery anon_1 or (subquery-1); they are as many as it found.
        found = line.startswith(("SCAN anon_", "SCAN (subquery", "SCAN CONSTANT ROW")) or "VIRTUAL TABLE" in line
        assert not line.startswith("SCAN ") or found, lines
