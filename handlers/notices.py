"""Notices: telling people of something, within the transaction of what happened, as their preferences have it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from handlers.base import Context
from models import members, notifications, preferences, pushes
from models.notifications import Notice
from models.preferences import NONE_SAID, Preferences
from models.users import User

QUOTED = 200


async def notify(ctx: Context, user_ids: Sequence[str], notice: Notice) -> None:
    """Tell people of something, also those who were never here; they hear of it after the commit."""
    await tell(ctx, [(each, notice) for each in user_ids])


async def tell(ctx: Context, notices: Sequence[tuple[str, Notice]]) -> None:
    """Tell each person, given by their id, their own notice."""
    if not notices:
        return
    said = await preferences.of(ctx.conn, {user_id for user_id, _ in notices})
    moment = datetime.now(UTC)
    stored, pushed = [], []
    for user_id, notice in notices:
        wishes = said.get(user_id, NONE_SAID)
        if _may_come(notice, wishes, "inApp"):
            stored.append((user_id, notice))
        elif _may_come(notice, wishes, "push") and not wishes.is_quiet(moment):
            pushed.append((user_id, notice.pushed()))
    for each in await notifications.deliver(ctx.conn, stored):
        wishes = said.get(each.user_id, NONE_SAID)
        data = {"notification": each.notification, "unreadCount": each.unread_count}
        quiet = not each.notice.critical and wishes.is_quiet(moment)
        if quiet:
            data["quiet"] = True
        elif _may_come(each.notice, wishes, "push"):
            pushed.append((each.user_id, each.notice.pushed(each.notification["id"])))
        ctx.publish(f"user:{each.user_id}", "notification:created", data, subject=each.notice.subject)
    if await pushes.queue(ctx.conn, pushed):
        ctx.after_commit.append(lambda: ctx.services.background.wake("pushes"))


def _may_come(notice: Notice, wishes: Preferences, way: str) -> bool:
    if notice.critical:
        return True
    return notice.room_id not in wishes.muted_rooms and wishes.wants(notice.type, way)


async def withdraw(ctx: Context, subject: str) -> None:
    """Take back what quotes a message that is deleted."""
    for user_id, ids, unread in await notifications.withdraw(ctx.conn, subject):
        ctx.publish(f"user:{user_id}", "notification:deleted", {"ids": ids, "unreadCount": unread})


@dataclass(frozen=True, slots=True)
class Said:
    """A message, and whom it may concern: members whom it mentions, and the author of the one that it answers."""

    author: User
    room: Any
    id: str
    seq: int
    message: str
    mentioned: Sequence[str] = ()
    answered: str | None = None
    people: Sequence[str] = field(default=())
    """Those between whom the room is, if it is a direct one."""

    def concerns(self) -> dict[str, str]:
        """The ids of those whom it concerns but its author, and why: ``direct``, ``reply`` or ``mention``."""
        kinds = dict.fromkeys(self.people, "direct")
        if self.answered is not None:
            kinds[self.answered] = "reply"
        kinds |= dict.fromkeys(self.mentioned, "mention")
        return {user_id: kind for user_id, kind in kinds.items() if user_id != self.author.id}


async def of_messages(ctx: Context, messages: Sequence[Said]) -> None:
    """Tell people of messages: of a mention always, of a direct message or a reply while they are away."""
    concerned = [(said, user_id, kind) for said in messages for user_id, kind in said.concerns().items()]
    might = {user_id for _, user_id, kind in concerned if kind != "mention"}
    if might:
        statuses = await ctx.services.presence.statuses(might)
        away = {user_id for user_id in might if statuses[user_id] != "online"}
        places = [(said.room.id, user_id) for said, user_id, kind in concerned if kind != "mention" and user_id in away]
        there = await members.places(ctx.conn, places)
        concerned = [
            (said, user_id, kind)
            for said, user_id, kind in concerned
            if kind == "mention" or (user_id in away and (said.room.id, user_id) in there)
        ]
    await tell(ctx, [(user_id, _of_message(said, kind)) for said, user_id, kind in concerned])


def _of_message(said: Said, kind: str) -> Notice:
    name, place = said.author.name, "" if said.room.name is None else f" in {said.room.name}"
    quoted = said.message if len(said.message) <= QUOTED else f"{said.message[: QUOTED - 1]}…"
    return Notice(
        title={"mention": f"{name} mentioned you{place}", "reply": f"{name} replied to you{place}"}.get(kind, name),
        message=quoted,
        type="MESSAGE",
        data={"roomId": said.room.id, "messageId": said.id, "seq": said.seq, "kind": kind},
        collapse_key=f"room:{said.room.id}",
        subject=said.id,
        room_id=said.room.id,
    )
