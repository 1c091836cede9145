"""Policies: who may read, write and delete what is shared."""

from typing import Literal

from handlers.base import Actor
from handlers.declared import OWNER
from handlers.errors import Forbidden, Unauthenticated

Rows = Literal["all", "own", "none"]


def rows(policy: str, actor: Actor) -> Rows:
    """Which rows a policy opens to an actor: all, their own, or none. A backend with an API key passes every policy."""
    if actor.backend or policy == "public":
        return "all"
    if actor.user is None:
        return "none"
    if policy == OWNER:
        return "own"
    moderates = policy == "role:moderator" and actor.is_moderator
    administers = policy == "role:admin" and actor.user.role == "admin"
    return "all" if policy == "signed-in" or moderates or administers else "none"


def allows(policy: str, actor: Actor, owner_id: str | None) -> bool:
    """Whether a policy opens a row of this owner to an actor."""
    found = rows(policy, actor)
    return found == "all" or (found == "own" and actor.user is not None and actor.user.id == owner_id)


def require(policy: str, actor: Actor, what: str) -> Rows:
    """Which rows a policy opens to an actor: all, or their own.

    Raises ``Unauthenticated`` for a visitor and ``Forbidden``, which names ``what`` they may not do, where it is none.
    """
    found = rows(policy, actor)
    if found == "none":
        raise Unauthenticated() if actor.user is None else Forbidden(f"You may not {what}.")
    return found
