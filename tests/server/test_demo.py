"""The demo's door: guests, moderators among them, who are nobody where the demo is off."""

from collections.abc import Callable

from tests.support.hubbub import Hubbub


async def sign_in(server: Hubbub, **guest: object) -> str:
    """A guest's token."""
    reply = await server.rest("POST", "/api/session", guest)
    assert reply.status == 201, reply
    return str(reply.body["data"]["token"])


async def role_of(server: Hubbub, token: str) -> str | None:
    """The role of a token's bearer; None where the token opens nothing."""
    reply = await server.rest("GET", "/api/me", token=token)
    assert reply.status in {200, 401}, reply
    return reply.body["data"]["role"] if reply.status == 200 else None


async def test_a_guest_is_a_user_unless_they_ask_to_moderate(start_hubbub: Callable[..., Hubbub]) -> None:
    demo = start_hubbub(HUBBUB_DEMO="on")
    assert await role_of(demo, await sign_in(demo, name="Ada")) == "user"
    moderator = await sign_in(demo, name="Mo", role="moderator")
    assert await role_of(demo, moderator) == "moderator"
    assert (await demo.rest("GET", "/api/moderation", token=moderator)).status == 200
    for role in ("admin", "owner", 1):
        reply = await demo.rest("POST", "/api/session", {"name": "Eve", "role": role})
        assert (reply.status, list(reply.body["error"]["fields"])) == (422, ["role"])


async def test_outside_the_demo_nobody_becomes_a_moderator_by_asking(start_hubbub: Callable[..., Hubbub]) -> None:
    demo = start_hubbub(HUBBUB_DEMO="on")
    token = await sign_in(demo, name="Mo", role="moderator")
    server = start_hubbub(HUBBUB_DEMO="off", HUBBUB_SECRET=demo.secret)
    assert (await server.rest("POST", "/api/session", {"name": "Mo", "role": "moderator"})).status == 404
    assert await role_of(server, server.token("ada", role="moderator")) == "moderator"
    assert await role_of(server, token) is None
