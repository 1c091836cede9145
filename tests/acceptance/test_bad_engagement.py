"""What bad input gets that concerns entities: each its error of the contract, nothing stored, nothing leaked."""

from typing import Any

import pytest

from tests.acceptance.entities import Trip, comments_of, say
from tests.acceptance.people import DOORS, Gathering, Person

IDS = (7, 1.5, True, [], {}, "", "x" * 256, "x" * 10_000, "a\x01b", "a\nb")
# Ids of entities that are ids, but none that an entity can have.
NO_ENTITIES = ("a/b", "../b", "a b", "a%2Fb", "ä", "x" * 129, "a:b", "'--", "a\\b")
TEXTS = (7, 1.5, True, [], {}, "", " ", "\n\t ", "x" * 4001, "🎉" * 4001)
NUMBERS = ("1", "", 1.5, True, [], {}, -1, 0, 101)

# Of each action beside the entity: a payload that would be taken, and what its fields do not take.
ACTIONS: dict[str, tuple[dict[str, Any], dict[str, tuple[Any, ...]]]] = {
    "rating:set": ({"value": 3}, {"value": (0, 6, -1, 3.5, "5", "", True, [], {}, [5], 10**30)}),
    "rating:get": ({}, {}),
    "like:toggle": ({}, {}),
    "like:set": ({"liked": True}, {"liked": ("true", 1, 0, [], {})}),
    "like:get": ({}, {}),
    "save:toggle": ({}, {}),
    "save:set": ({"saved": True}, {"saved": ("true", 1, 0, [], {})}),
    "save:get": ({}, {}),
    "comment:create": ({"body": "Hm"}, {"body": TEXTS, "parentId": IDS, "clientId": (*IDS, "x" * 65)}),
    "comment:list": ({}, {"before": IDS, "after": IDS, "parentId": IDS, "limit": NUMBERS}),
}
OF_A_COMMENT: dict[str, tuple[dict[str, Any], dict[str, tuple[Any, ...]]]] = {
    "comment:edit": ({"body": "Hm"}, {"body": TEXTS, "commentId": IDS}),
    "comment:delete": ({}, {"commentId": IDS}),
    "comment:flag": ({}, {"commentId": IDS, "reason": (7, [], {}, "x" * 501)}),
}


async def engaged(person: Person, trip: Trip) -> Any:
    """All that there is to see of a trip."""
    numbers = [await person.does(action, **trip.at) for action in ("rating:get", "like:get", "save:get")]
    logs = [await person.subscribes(trip.channel(topic), after=0) for topic in ("comments", "rating", "likes", "saves")]
    return numbers, logs, await comments_of(person, trip)


@pytest.mark.parametrize("action", [*ACTIONS, *OF_A_COMMENT])
async def test_each_wrong_field_is_named_and_nothing_is_stored(arrive: Gathering, action: str) -> None:
    ada, trip = await arrive("Ada"), Trip()
    (comment,) = await say(ada, trip, "Before")
    if action in ACTIONS:
        good, wrong = ACTIONS[action]
        good, wrong = trip.at | good, wrong | {"type": IDS, "id": IDS}
    else:
        good, wrong = OF_A_COMMENT[action]
        good = {"commentId": comment["id"]} | good
    before = await engaged(ada, trip)
    for field, values in wrong.items():
        for value in values:
            error = await ada.refused("invalid", action, **good | {field: value})
            assert list(error["fields"]) == [field], (field, value, error)
    for field in good:
        error = await ada.refused("invalid", action, **{name: value for name, value in good.items() if name != field})
        assert list(error["fields"]) == [field]
    assert await engaged(ada, trip) == before


@pytest.mark.parametrize("door", DOORS)
async def test_what_no_entity_can_be_is_not_found(arrive: Gathering, door: str) -> None:
    ada = await arrive("Ada")
    for action, (more, _) in ACTIONS.items():
        for where in (
            *({"type": "trip", "id": id} for id in NO_ENTITIES),
            *({"type": type, "id": "1"} for type in ("planet", "Trip", "user", "room", "app", "trip:1")),
        ):
            error = await ada.refused("not_found", action, **where | more)
            assert "fields" not in error
    for action, (more, _) in OF_A_COMMENT.items():
        for id in ("nothing", "../comments", "x' OR '1'='1"):
            await ada.refused("not_found", action, commentId=id, **more)


async def test_dots_and_all_that_an_id_may_hold_are_an_id(arrive: Gathering) -> None:
    ada = await arrive("Ada")
    for id in ("a.b", "~", "-", "_", "..", "1.2-3_4~5", "x" * 128):
        name = f"{id[:100]}{ada.id}"[:128]
        where = {"type": "trip", "id": name}
        assert (await ada.does("like:toggle", **where))["count"] == 1
        assert (await ada.does("like:get", **where))["liked"]


@pytest.mark.parametrize("door", ["rest"])
async def test_a_number_of_a_query_that_is_none(arrive: Gathering, door: str) -> None:
    ada, trip = await arrive("Ada"), Trip()
    for limit in ("0", "101", "-1", "1.5", "ten", "1e2", "", "٣x", "9" * 30):
        error = await ada.refused("invalid", "comment:list", **trip.at, limit=limit)
        assert list(error["fields"]) == ["limit"]
