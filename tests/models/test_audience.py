"""Audiences: kept with an event, found again as they were, and what they say of everybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import event_log
from models.audience import Audience, everyone_but, only, parse
from models.database import Database
from models.event_log import Draft
from tests.models.conftest import Store
from tests.models.test_event_log import channels, replay, write

people = st.lists(st.text(max_size=20), max_size=5)


@given(people, st.booleans())
def test_an_audience_is_read_as_it_was_written(ids: list[str], excluded: bool) -> None:
    audience = Audience(frozenset(ids), excluded)
    assert parse(audience.text()) == audience
    assert "\n" not in audience.text()


@given(people, st.text(max_size=20))
def test_somebody_is_of_one_of_two_opposite_audiences(ids: list[str], somebody: str) -> None:
    assert only(ids).includes(somebody) == (somebody in ids)
    assert everyone_but(ids).includes(somebody) != only(ids).includes(somebody)
    assert not only(ids).includes(None)
    assert everyone_but(ids).includes(None)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"all": []}', '{"only": [], "except": []}', "only"])
def test_anything_else_is_no_audience(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_the_log_keeps_whom_an_event_is_for(store: Store) -> None:
    async def work(database: Database) -> None:
        (channel,) = channels(1)
        audiences = [None, only(["ada", "bo\n"]), everyone_but(["ada"]), only([])]
        written = await write(database, [Draft(channel, "a:b", n, audience=each) for n, each in enumerate(audiences)])
        assert [event.audience for event in written] == audiences
        assert [event.audience for event in (await replay(database, channel)).events] == audiences

    store.run(work)


def test_what_is_redacted_may_be_narrowed_to_a_part_of_a_subject(store: Store) -> None:
    async def work(database: Database) -> None:
        (channel,) = channels(1)
        drafts = [Draft(channel, "a:b", {"postId": n, "title": "Secret"}, subject=channel) for n in ("1", "2")]
        await write(database, drafts)
        async with database.write() as conn:
            await event_log.redact(conn, channel, {"title": None}, about=("postId", "2"))
        titles = [event.data["title"] for event in (await replay(database, channel)).events]
        assert titles == ["Secret", None]

    store.run(work)
