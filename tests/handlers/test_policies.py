"""Policies: which rows each of them opens to whom."""

import pytest

from handlers import policies
from handlers.base import Actor
from handlers.declared import POLICIES
from handlers.errors import Forbidden, Unauthenticated
from models.users import User

VISITOR = Actor()
BACKEND = Actor(backend="backend:1")
ADA = Actor(User("ada", "Ada"))
MODERATOR = Actor(User("mo", "Mo", role="moderator"))
ADMIN = Actor(User("al", "Al", role="admin"))


@pytest.mark.parametrize(
    ("policy", "of"),
    [
        ("public", {"visitor": "all", "ada": "all", "mo": "all", "al": "all"}),
        ("signed-in", {"visitor": "none", "ada": "all", "mo": "all", "al": "all"}),
        ("owner", {"visitor": "none", "ada": "own", "mo": "own", "al": "own"}),
        ("role:moderator", {"visitor": "none", "ada": "none", "mo": "all", "al": "all"}),
        ("role:admin", {"visitor": "none", "ada": "none", "mo": "none", "al": "all"}),
        ("nobody", {"visitor": "none", "ada": "none", "mo": "none", "al": "none"}),
    ],
)
def test_a_policy_opens_all_rows_ones_own_or_none(policy: str, of: dict[str, str]) -> None:
    actors = {"visitor": VISITOR, "ada": ADA, "mo": MODERATOR, "al": ADMIN}
    assert {name: policies.rows(policy, actor) for name, actor in actors.items()} == of


def test_a_backend_passes_every_policy() -> None:
    assert {policies.rows(policy, BACKEND) for policy in POLICIES} == {"all"}
    assert all(policies.allows(policy, BACKEND, "ada") for policy in POLICIES)


def test_an_owner_s_row_is_nobody_else_s() -> None:
    assert policies.allows("owner", ADA, "ada")
    assert not policies.allows("owner", ADMIN, "ada")
    assert not policies.allows("owner", ADA, None)
    assert not policies.allows("owner", VISITOR, None)


def test_who_may_nothing_is_told_so() -> None:
    with pytest.raises(Unauthenticated):
        policies.require("signed-in", VISITOR, "read this collection")
    with pytest.raises(Forbidden, match="You may not read this collection"):
        policies.require("role:admin", MODERATOR, "read this collection")
    assert policies.require("owner", ADA, "read this collection") == "own"
