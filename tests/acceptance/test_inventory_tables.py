"""The inventory's row of "D: collaborative app kit" about tables, by its name."""

import pytest

from tests.acceptance.people import Gathering
from tests.acceptance.recorders import at, creates, variables, writes


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Collections, which are the tables of those who have none."""
    return variables()


async def test_subscribe_to_a_tables_insert_update_delete_with_a_filter_unsubscribe_one_or_all(
    arrive: Gathering,
) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    for name in ("notes", "texts"):
        await bo.subscribes(f"collection:{name}", filter="user_id=eq.42")
    for name in ("notes", "texts"):
        channel = f"collection:{name}"
        await creates(ada, name, {"user_id": 43})
        made = await creates(ada, name, {"user_id": 42, "title": "Pack"})
        changed = await writes(ada, made, {"user_id": 42, "title": "Packed"}, baseVersion=1)
        await ada.does("record:delete", **at(made))
        told = [(await bo.hears("record:changed", channel=channel))["data"] for _ in range(3)]
        assert [(each["eventType"], each["old"], each["new"]) for each in told] == [
            ("INSERT", None, made),
            ("UPDATE", made, changed),
            ("DELETE", changed, None),
        ]
    # One.
    await bo.does("channel:unsubscribe", channel="collection:notes")
    await creates(ada, "notes", {"user_id": 42})
    await creates(ada, "texts", {"user_id": 42})
    await bo.hears("record:changed", channel="collection:texts")
    assert len(bo.heard("record:changed", "collection:notes")) == 3
    # All: each by its name, as they were subscribed to.
    await bo.does("channel:unsubscribe", channel="collection:texts")
    await creates(ada, "texts", {"user_id": 42})
    await bo.is_up_to_date()
    assert len(bo.heard("record:changed")) == 7
