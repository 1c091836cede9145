"""The outbox: many messages written in one transaction, each with its own outcome.

Sending is the hot write of a chat. A statement costs about as much for a hundred rows as for one, so what arrives
while a commit runs is checked, numbered and stored together.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from handlers import access
from handlers.base import Job
from handlers.errors import ActionError, Forbidden, Invalid, NotFound, RateLimited
from handlers.mentions import named_in
from handlers.words import screen
from models import members, messages, rooms
from models.ids import new_id
from models.types import now

Place = tuple[str, str]


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


async def _accept(jobs: Sequence[Job]) -> list[tuple[Job, Any, Any]]:
    """Those jobs whose message may be sent, each with its locked room and its sender's membership."""
    if not jobs:
        return []
    conn = jobs[0].ctx.conn
    held = await rooms.lock_all(conn, {job.data["room_id"] for job in jobs})
    places = await members.places(conn, [_place(job) for job in jobs])
    answered = [job.data["reply_to_id"] for job in jobs if "reply_to_id" in job.data]
    rooms_of_answered = await messages.rooms_of(conn, answered)
    last_sent: dict[Place, str | None] = {place: row.last_sent_at for place, row in places.items()}
    moment = now()
    accepted = []
    for job in jobs:
        place = _place(job)
        room: Any = held.get(place[0])
        member: Any = places.get(place)
        try:
            _check(job, room, member, rooms_of_answered)
            if room.slow_mode and member.role == "member" and not job.ctx.actor.is_moderator:
                _pause(last_sent[place], room.slow_mode, moment)
        except ActionError as error:
            job.error = error
            continue
        last_sent[place] = moment
        accepted.append((job, room, member))
    return accepted


def _place(job: Job) -> Place:
    return job.data["room_id"], job.ctx.user.id


def _check(job: Job, room: Any, member: Any, rooms_of_answered: dict[str, str]) -> None:
    if room is None or (member is None and room.visibility != "public"):
        raise NotFound("There is no such room.")
    if member is None:
        raise Forbidden("Join this room first.")
    access.require_active(room)
    screen(job.ctx, message=job.data["message"])
    if "reply_to_id" in job.data and rooms_of_answered.get(job.data["reply_to_id"]) != room.id:
        raise Invalid("The message replied to is not in this room.", {"replyToId": ["Is no message of this room."]})


def _pause(last: str | None, seconds: int, moment: str) -> None:
    if last is None:
        return
    waited = (datetime.fromisoformat(moment) - datetime.fromisoformat(last)).total_seconds()
    if waited < seconds:
        raise RateLimited(seconds - waited, f"This room is in slow mode: one message every {seconds} seconds.")


async def _write(accepted: Sequence[tuple[Job, Any, Any]]) -> None:
    mentioned = await _mentioned(accepted)
    newest = {room.id: room.message_seq for _, room, _ in accepted}
    moment = now()
    rows = []
    for (job, room, _), mentions in zip(accepted, mentioned, strict=True):
        newest[room.id] += 1
        rows.append(
            {
                "id": new_id(),
                "room_id": room.id,
                "seq": newest[room.id],
                "user_id": job.ctx.user.id,
                "client_id": job.data.get("client_id"),
                "message": job.data["message"],
                "reply_to_id": job.data.get("reply_to_id"),
                "mentions": mentions,
                "attachments": job.data["attachments"],
                "created_at": moment,
                "edited_at": None,
                "deleted_at": None,
            }
        )
    conn = accepted[0][0].ctx.conn
    await messages.write(conn, rows)
    mentioning = [row for row in rows if row["mentions"]]
    last = {_place(job): row for (job, _, _), row in zip(accepted, rows, strict=True)}
    await members.sent(
        conn, [{"r": room, "u": user, "read": row["seq"], "sent": moment} for (room, user), row in last.items()]
    )
    for (job, room, member), row in zip(accepted, rows, strict=True):
        channel = f"room:{room.id}"
        job.result = messages.wire_of(row, job.ctx.user)
        job.ctx.created = True
        job.ctx.publish(channel, "message:created", job.result, subject=row["id"])
        job.ctx.after_commit.append(partial(job.ctx.services.typing.stop, channel, job.ctx.user.id))
        if last[_place(job)] is row and member.last_read_seq < room.message_seq:
            job.ctx.publish(f"user:{job.ctx.user.id}", "room:unread", _unread(row, mentioning, newest[room.id]))


def _unread(own: dict[str, Any], mentioning: Sequence[dict[str, Any]], newest: int) -> dict[str, Any]:
    """The unread state of somebody who has just read up to their own message of this batch."""
    later = [row for row in mentioning if row["room_id"] == own["room_id"] and row["seq"] > own["seq"]]
    return {
        "roomId": own["room_id"],
        "unreadCount": newest - own["seq"],
        "mentionCount": sum(own["user_id"] in row["mentions"] for row in later),
        "lastReadSeq": own["seq"],
    }


async def _mentioned(accepted: Sequence[tuple[Job, Any, Any]]) -> list[list[str]]:
    """For each message the members that it mentions, in the order in which it names them."""
    wanted = [[*job.data["mentions"], *named_in(job.data["message"])] for job, _, _ in accepted]
    pairs = [(room.id, each) for (_, room, _), named in zip(accepted, wanted, strict=True) for each in named]
    there = await members.places(accepted[0][0].ctx.conn, pairs)
    return [
        [each for each in dict.fromkeys(named) if (room.id, each) in there]
        for (_, room, _), named in zip(accepted, wanted, strict=True)
    ]
