"""The names of channels, and what each is a channel of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.access import TOPICS, Channel, canonical, parse
from handlers.base import Rules
from handlers.declared import Collection, WatchedTable
from handlers.errors import NotFound

RULES = Rules(
    ("trip", "story"),
    1.0,
    1,
    {"tasks": Collection("tasks", "public", "owner", "owner", "merge")},
    {"public.orders": WatchedTable("public", "orders", "public", ("id",))},
)
entity_ids = st.from_regex(r"[A-Za-z0-9._~-]{1,128}", fullmatch=True)
KNOWN = ("user", "room", "presence", "app", "community", "admin", "document", "trip", "story")


@given(st.sampled_from(["trip", "story"]), entity_ids, st.sampled_from(sorted(TOPICS)))
def test_an_entity_has_a_channel_for_each_topic(kind: str, id: str, topic: str) -> None:
    shown = "viewers" if topic == "presence" else topic
    assert parse(f"{kind}:{id}:{topic}", RULES) == Channel("entity", f"{kind}:{id}", shown)
    assert canonical(f"{kind}:{id}:{topic}", RULES) == f"{kind}:{id}:{shown}"


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("user:ada", Channel("user", "ada")),
        ("user:a:b|c d", Channel("user", "a:b|c d")),
        ("room:x", Channel("room", "x")),
        ("community", Channel("community", "")),
        ("presence", Channel("presence", "")),
        ("presence:ada", Channel("presence", "ada")),
        ("admin", Channel("admin", "")),
        ("app:orders", Channel("app", "orders")),
        ("app:orders:eu", Channel("app", "orders:eu")),
        ("app:private.orders", Channel("private", "private.orders")),
        ("collection:tasks", Channel("collection", "tasks")),
        ("table:public.orders", Channel("table", "public.orders")),
    ],
)
def test_every_other_channel_has_one_name(name: str, channel: Channel) -> None:
    assert parse(name, RULES) == channel
    assert canonical(name, RULES) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", ":", "user", "user:", "room", "room:", "app", "app:", "admin:", "admin:x", "community:", "community:x"),
        *("presence:", "trip", "trip:", "trip:1", "trip:1:", "trip::comments", "trip:1:nothing", "blog:1:comments"),
        *(
            f"trip:{'x' * 129}:comments",
            "trip:a b:comments",
            "trip:a/b:comments",
            "trip:é:comments",
            "trip:1:comments:",
        ),
        *("collection:", "collection:notes", "collection:tasks:1", "table:orders", "table:public.carts", "table:"),
        *("app:a b", "app:é", f"app:{'x' * 129}", "Room:x", " room:x", "rooms:x", "message:x", "trip:1:comments\n"),
    ],
)
def test_what_no_channel_is_called_is_not_found(name: str) -> None:
    with pytest.raises(NotFound):
        parse(name, RULES)


@given(st.text())
def test_any_other_name_is_not_found(name: str) -> None:
    if name.partition(":")[0] not in KNOWN:
        with pytest.raises(NotFound):
            parse(name, RULES)
