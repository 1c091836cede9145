"""The outbox: many messages written in one transaction, each with its own outcome.

Sending is the hot write of a chat. A statement costs about as much for a hundred rows as for one, so what arrives
while a commit runs is checked, numbered and stored together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from handlers import access, notices
from handlers.base import Job
from handlers.errors import ActionError, Forbidden, Invalid, NotFound, RateLimited
from handlers.mentions import named_in
from handlers.notices import Said
from handlers.words import screen
from models import members, messages, rooms
from models.ids import new_id
from models.types import now

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that may be sent: its locked room, its sender's membership, and the author whom it answers."""

    job: Job
    room: Any
    member: Any
    answered: str | None


async def send_batch(jobs: Sequence[Job]) -> None:
    """Send the messages of all jobs; each job gets its result or its error."""
    fresh, repeats = await _without_repeats(jobs)
    accepted = await _accept(fresh)
    if accepted:
        await _write(accepted)
    for job, first in repeats:
        job.result, job.error = first.result, first.error


async def _without_repeats(jobs: Sequence[Job]) -> tuple[list[Job], list[tuple[Job, Job]]]:
    """Answer what was sent before under its client id; pair what stands twice in this batch with its first."""
    keys = [(job.ctx.user.id, job.data["client_id"]) for job in jobs if "client_id" in job.data]
    stored = await messages.sent_before(jobs[0].ctx.conn, keys)
    wires = dict(zip(stored, await messages.wires(jobs[0].ctx.conn, list(stored.values())), strict=True))
    firsts: dict[tuple[str, str], Job] = {}
    fresh, repeats = [], []
    for job in jobs:
        key = (job.ctx.user.id, job.data.get("client_id", ""))
        if key in wires:
            job.result = wires[key]
        elif key[1] and key in firsts:
            repeats.append((job, firsts[key]))
        else:
            firsts[key] = job
            fresh.append(job)
    return fresh, repeats


async def _accept(jobs: Sequence[Job]) -> list[Accepted]:
    """Those jobs whose message may be sent."""
    if not jobs:
        return []
    conn = jobs[0].ctx.conn
    held = await rooms.lock_all(conn, {job.data["room_id"] for job in jobs})
    places = await members.places(conn, [_place(job) for job in jobs])
    answered = await messages.whose(conn, [job.data["reply_to_id"] for job in jobs if "reply_to_id" in job.data])
    last_sent: dict[Place, str | None] = {place: row.last_sent_at for place, row in places.items()}
    moment = now()
    accepted = []
    for job in jobs:
        place = _place(job)
        room: Any = held.get(place[0])
        member: Any = places.get(place)
        try:
            author = _check(job, room, member, answered)
            if room.slow_mode and member.role == "member" and not job.ctx.actor.is_moderator:
                _pause(last_sent[place], room.slow_mode, moment)
        except ActionError as error:
            job.error = error
            continue
        last_sent[place] = moment
        accepted.append(Accepted(job, room, member, author))
    return accepted


def _place(job: Job) -> Place:
    return job.data["room_id"], job.ctx.user.id


def _check(job: Job, room: Any, member: Any, answered: dict[str, tuple[str, str]]) -> str | None:
    """Raise unless the message may be sent; returns the author of the one that it answers."""
    if room is None or (member is None and room.visibility != "public"):
        raise NotFound("There is no such room.")
    if member is None:
        raise Forbidden("Join this room first.")
    access.require_active(room)
    screen(job.ctx, message=job.data["message"])
    if "reply_to_id" not in job.data:
        return None
    place, author = answered.get(job.data["reply_to_id"], (None, None))
    if place != room.id:
        raise Invalid("The message replied to is not in this room.", {"replyToId": ["Is no message of this room."]})
    return author


def _pause(last: str | None, seconds: int, moment: str) -> None:
    if last is None:
        return
    waited = (datetime.fromisoformat(moment) - datetime.fromisoformat(last)).total_seconds()
    if waited < seconds:
        raise RateLimited(seconds - waited, f"This room is in slow mode: one message every {seconds} seconds.")


async def _write(accepted: Sequence[Accepted]) -> None:
    mentioned = await _mentioned(accepted)
    newest = {each.room.id: each.room.message_seq for each in accepted}
    moment = now()
    rows = []
    for each, mentions in zip(accepted, mentioned, strict=True):
        newest[each.room.id] += 1
        rows.append(
            {
                "id": new_id(),
                "room_id": each.room.id,
                "seq": newest[each.room.id],
                "user_id": each.job.ctx.user.id,
                "client_id": each.job.data.get("client_id"),
                "message": each.job.data["message"],
                "reply_to_id": each.job.data.get("reply_to_id"),
                "mentions": mentions,
                "attachments": each.job.data["attachments"],
                "created_at": moment,
                "edited_at": None,
                "deleted_at": None,
            }
        )
    conn = accepted[0].job.ctx.conn
    await messages.write(conn, rows)
    mentioning = [row for row in rows if row["mentions"]]
    last = {_place(each.job): row for each, row in zip(accepted, rows, strict=True)}
    await members.sent(
        conn, [{"r": room, "u": user, "read": row["seq"], "sent": moment} for (room, user), row in last.items()]
    )
    for each, row in zip(accepted, rows, strict=True):
        job, channel = each.job, f"room:{each.room.id}"
        job.result = messages.wire_of(row, job.ctx.user)
        job.ctx.created = True
        job.ctx.publish(channel, "message:created", job.result, subject=row["id"])
        job.ctx.after_commit.append(partial(job.ctx.services.typing.stop, channel, job.ctx.user.id))
        if last[_place(job)] is row and each.member.last_read_seq < each.room.message_seq:
            state = _unread(row, mentioning, newest[each.room.id])
            job.ctx.publish(f"user:{job.ctx.user.id}", "room:unread", state)
    await notices.of_messages(accepted[0].job.ctx, _said(accepted, rows))


def _said(accepted: Sequence[Accepted], rows: Sequence[dict[str, Any]]) -> list[Said]:
    """The messages that somebody may have to be told of; what is said to a room at large is not among them."""
    return [
        Said(
            author=each.job.ctx.user,
            room=each.room,
            id=row["id"],
            seq=row["seq"],
            message=row["message"],
            mentioned=row["mentions"],
            answered=each.answered,
            people=rooms.direct_people(each.room),
        )
        for each, row in zip(accepted, rows, strict=True)
        if row["mentions"] or each.answered or each.room.visibility == "direct"
    ]


def _unread(own: dict[str, Any], mentioning: Sequence[dict[str, Any]], newest: int) -> dict[str, Any]:
    """The unread state of somebody who has just read up to their own message of this batch."""
    later = [row for row in mentioning if row["room_id"] == own["room_id"] and row["seq"] > own["seq"]]
    return {
        "roomId": own["room_id"],
        "unreadCount": newest - own["seq"],
        "mentionCount": sum(own["user_id"] in row["mentions"] for row in later),
        "lastReadSeq": own["seq"],
    }


async def _mentioned(accepted: Sequence[Accepted]) -> list[list[str]]:
    """For each message the members that it mentions, in the order in which it names them."""
    wanted = [[*each.job.data["mentions"], *named_in(each.job.data["message"])] for each in accepted]
    pairs = [(each.room.id, name) for each, named in zip(accepted, wanted, strict=True) for name in named]
    there = await members.places(accepted[0].job.ctx.conn, pairs)
    return [
        [name for name in dict.fromkeys(named) if (each.room.id, name) in there]
        for each, named in zip(accepted, wanted, strict=True)
    ]
