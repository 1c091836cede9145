"""Sanctions: keeping people from speaking or from coming in, for a while or for good."""

from collections.abc import Mapping
from typing import Any

from handlers.base import Context, handles
from handlers.errors import Forbidden
from handlers.payload import Id, Payload, Text, Whole
from models import sanctions, users
from models.event_log import Draft
from models.types import ago

_PATH = "/api/admin/users/{userId}"
_TEN_YEARS = 10 * 366 * 86_400
# Workers hear this channel, and nobody else: what is written to it stands in the log with the change itself.
CHANGES = "sanctions"


class OneUser(Payload):
    """An action on a user."""

    user_id = Id(required=True)


class Sanction(OneUser):
    """``user:mute`` and ``user:ban``."""

    seconds = Whole(1, _TEN_YEARS)
    reason = Text(0, 500)


class Revoke(OneUser):
    """``user:revoke``."""

    reason = Text(0, 500)


@handles("user:mute", Sanction, rest=("POST", f"{_PATH}/mute"), audience=("user", "backend"))
async def mute(ctx: Context, user_id: str, seconds: int | None = None, reason: str | None = None) -> dict[str, Any]:
    """Let somebody say nothing more, for so many seconds or until they are pardoned."""
    return await _put(ctx, user_id, "mute", seconds, reason)


@handles("user:ban", Sanction, rest=("POST", f"{_PATH}/ban"), audience=("user", "backend"))
async def ban(ctx: Context, user_id: str, seconds: int | None = None, reason: str | None = None) -> dict[str, Any]:
    """Send somebody away and let them in no more, for so many seconds or until they are pardoned."""
    return await _put(ctx, user_id, "ban", seconds, reason)


@handles("user:revoke", Revoke, rest=("POST", f"{_PATH}/revoke"), audience=("user", "backend"))
async def revoke(ctx: Context, user_id: str, reason: str | None = None) -> dict[str, Any]:
    """Send somebody away; the tokens that they had until now count no more."""
    return await _put(ctx, user_id, "revoke", None, reason)


@handles("user:pardon", OneUser, rest=("POST", f"{_PATH}/pardon"), audience=("user", "backend"))
async def pardon(ctx: Context, user_id: str) -> dict[str, Any]:
    """Let somebody speak and come in again; tokens that were revoked stay so."""
    await _require_authority(ctx, user_id)
    await sanctions.lock(ctx.conn, user_id)
    await sanctions.lift(ctx.conn, user_id, ("mute", "ban"))
    return await _tell(ctx, user_id)


def standing(user_id: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """How somebody stands: ``{userId, muted, banned, revokedAt}``, null where nothing holds, else a sanction."""

    def sanction(kind: str) -> dict[str, Any] | None:
        row = found.get(kind)
        if row is None:
            return None
        return {"since": row.since, "until": row.until, "reason": row.reason, "by": row.by_id}

    revoked = found.get("revoke")
    return {
        "userId": user_id,
        "muted": sanction("mute"),
        "banned": sanction("ban"),
        "revokedAt": revoked.since if revoked else None,
    }


async def _put(ctx: Context, user_id: str, kind: str, seconds: int | None, reason: str | None) -> dict[str, Any]:
    await _require_authority(ctx, user_id)
    await sanctions.lock(ctx.conn, user_id)
    until = None if seconds is None else ago(-seconds)
    await sanctions.put(ctx.conn, user_id, kind, by=ctx.actor.id or "", reason=reason or None, until=until)
    return await _tell(ctx, user_id)


async def _tell(ctx: Context, user_id: str) -> dict[str, Any]:
    """How the user stands now, told to every worker once it is committed."""
    told = standing(user_id, await sanctions.of(ctx.conn, user_id))
    ctx.drafts.append(Draft(CHANGES, "sanctions:changed", told))
    return told


async def _require_authority(ctx: Context, user_id: str) -> None:
    """Raise ``Forbidden`` unless the actor may moderate this user: moderators are the business of admins."""
    if ctx.actor.backend:
        return
    if not ctx.actor.is_moderator:
        raise Forbidden("This is for moderators.")
    if user_id == ctx.user.id:
        raise Forbidden("Nobody moderates themselves.")
    known = (await users.known(ctx.conn, [user_id])).get(user_id)
    if known is not None and known.role != "user" and ctx.user.role != "admin":
        raise Forbidden("Only admins moderate moderators.")
