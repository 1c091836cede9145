"""How fast people may be: rate limits of messages and of actions, and a room's slow mode."""

import asyncio
import secrets

import pytest

from tests.acceptance.people import DOORS, Gathering, Person, call_rest, open_room, say

ACTIONS, MESSAGES = 40, 5


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Buckets so slow that no time which a test takes fills them again."""
    return {
        "HUBBUB_ACTIONS_PER_SECOND": "0.001",
        "HUBBUB_ACTIONS_BURST": str(ACTIONS),
        "HUBBUB_MESSAGES_PER_SECOND": "0.001",
        "HUBBUB_MESSAGES_BURST": str(MESSAGES),
    }


async def texts(person: Person, room: dict) -> list[str]:
    """What a room holds."""
    return [each["message"] for each in (await person.does("message:history", roomId=room["id"]))["messages"]]


@pytest.mark.parametrize("door", DOORS)
async def test_messages_of_one_user_in_one_room_are_limited_over_all_workers(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo")
    telephone = await arrive.again(ada, at=arrive.cluster.b)
    room, other = await open_room(ada, bo), await open_room(ada)
    allowed = [str(number) for number in range(MESSAGES)]
    for number, text in enumerate(allowed):
        await say((ada, telephone)[number % 2], room, text)
    for each in (ada, telephone):
        error = await each.refused("rate_limited", "message:send", roomId=room["id"], message="One more")
        assert 0 < error["retryAfter"] <= 1000
    await say(ada, other, "Elsewhere")
    await say(bo, room, "Mine")
    assert await texts(bo, room) == [*allowed, "Mine"]
    answer = await call_rest(ada.worker, ada.credential, "message:send", {"roomId": room["id"], "message": "One more"})
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) >= answer.body["error"]["retryAfter"]


@pytest.mark.parametrize("door", DOORS)
async def test_messages_sent_at_once_are_limited_as_well(arrive: Gathering) -> None:
    ada = await arrive("Ada", at=arrive.cluster.a)
    telephone = await arrive.again(ada, at=arrive.cluster.b)
    room = await open_room(ada)
    replies = await asyncio.gather(
        *(each.call("message:send", roomId=room["id"], message="Now") for _ in range(4) for each in (ada, telephone))
    )
    refused = [body["error"]["code"] for body, _ in replies if not body["ok"]]
    assert refused == ["rate_limited"] * (8 - MESSAGES)
    assert await texts(ada, room) == ["Now"] * MESSAGES


@pytest.mark.parametrize("door", DOORS)
async def test_actions_of_one_user_are_limited_over_all_connections(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo")
    telephone = await arrive.again(ada, at=arrive.cluster.b)
    replies = await asyncio.gather(
        *(each.call("room:list") for _ in range(ACTIONS // 2 + 5) for each in (ada, telephone))
    )
    assert sum(body["ok"] for body, _ in replies) == ACTIONS
    for each in (ada, telephone):
        assert (await each.refused("rate_limited", "room:list"))["retryAfter"] > 0
        # What is wrong or unknown counts as an action, too.
        await each.refused("rate_limited", "message:send")
    await bo.does("room:list")
    assert len(ada.socket.lifecycle) == len(telephone.socket.lifecycle) == 1


@pytest.mark.parametrize("door", DOORS)
async def test_backends_are_not_limited(arrive: Gathering) -> None:
    backend = await arrive.backend()
    channel = f"app:{secrets.token_hex(5)}"
    for number in range(ACTIONS + 5):
        published = await backend.creates("channel:publish", channel=channel, event="order:paid", data=number)
        assert published == {"seq": number + 1}


@pytest.mark.parametrize("door", DOORS)
async def test_slow_mode_spaces_the_messages_of_members_and_of_nobody_else(arrive: Gathering) -> None:
    ada, bo, cy, keeper = [await arrive(name) for name in ("Ada", "Bo", "Cy", "Keeper")]
    moderator = await arrive("Mo", role="moderator")
    telephone = await arrive.again(bo, at=ada.worker)
    room = await open_room(ada, bo, cy, keeper, moderator)
    await ada.does("room:role", roomId=room["id"], userId=keeper.id, role="moderator")
    await say(bo, room, "Before")
    assert (await ada.does("room:update", roomId=room["id"], slowMode=120))["slowMode"] == 120
    for each in (bo, telephone, bo):
        error = await each.refused("rate_limited", "message:send", roomId=room["id"], message="Too soon")
        assert 0 < error["retryAfter"] <= 120
    for each in (ada, keeper, moderator):
        await say(each, room, "One", "Two")
    await say(cy, room, "My first")
    await cy.refused("rate_limited", "message:send", roomId=room["id"], message="Too soon")
    assert await texts(bo, room) == ["Before", *["One", "Two"] * 3, "My first"]


async def test_slow_mode_gives_a_message_sent_again_its_first_answer(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    await ada.does("room:update", roomId=room["id"], slowMode=120)
    (message,) = await say(bo, room, "One", clientId="one")
    assert await say(bo, room, "One", clientId="one") == [message]
    assert await texts(ada, room) == ["One"]


async def test_slow_mode_ends_when_it_is_switched_off(arrive: Gathering) -> None:
    ada, bo = await arrive("Ada"), await arrive("Bo")
    room = await open_room(ada, bo)
    await ada.does("room:update", roomId=room["id"], slowMode=120)
    (message,) = await say(bo, room, "One")
    await bo.refused("rate_limited", "message:send", roomId=room["id"], message="Too soon")
    # Only messages are slowed down.
    await bo.does("message:edit", messageId=message["id"], message="Won")
    await bo.does("message:react", messageId=message["id"], emoji="🏆")
    await ada.does("room:update", roomId=room["id"], slowMode=0)
    await say(bo, room, "Two")
    assert await texts(ada, room) == ["Won", "Two"]
