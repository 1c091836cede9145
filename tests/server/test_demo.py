"""The demo's door: guests, moderators among them, who are nobody where the demo is off."""

from collections.abc import Callable
from pathlib import Path

from server.demo import TASKS
from tests.support.hubbub import Hubbub, many_workers
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer


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


async def test_the_demo_comes_with_a_list_of_tasks(start_hubbub: Callable[..., Hubbub]) -> None:
    demo = start_hubbub(HUBBUB_DEMO="on")
    token = await sign_in(demo, name="Ada")
    path = "/api/collections/tasks/records"
    tasks = (await demo.rest("GET", path, token=token)).body["data"]["records"]
    assert {each["data"]["title"] for each in tasks} == set(TASKS.values())
    gone, left = (each["id"] for each in tasks)
    assert (await demo.rest("DELETE", f"{path}/{gone}", token=token)).status == 200
    done = {"data": {"title": "Say hello", "done": True}}
    assert (await demo.rest("PUT", f"{path}/{left}", done, token=token)).status == 200
    assert (await demo.rest("PUT", f"{path}/{left}", {"data": {"title": ""}}, token=token)).status == 422
    demo.restart()
    tasks = (await demo.rest("GET", path, token=token)).body["data"]["records"]
    assert [(each["id"], each["data"]) for each in tasks] == [(left, done["data"])]


async def test_collections_that_are_declared_take_the_place_of_the_demo_s(
    start_hubbub: Callable[..., Hubbub], tmp_path: Path
) -> None:
    (tmp_path / "own.toml").write_text('[collections.notes]\nread = "public"\nwrite = "signed-in"\n')
    demo = start_hubbub(HUBBUB_DEMO="on", HUBBUB_COLLECTIONS=str(tmp_path / "own.toml"))
    assert (await demo.rest("GET", "/api/collections/tasks/records")).status == 404
    assert (await demo.rest("GET", "/api/collections/notes/records")).body["data"] == {"records": [], "hasMore": False}


def test_workers_of_a_demo_that_begin_at_the_same_time_furnish_it_together(
    redis_server: RedisServer, postgres_server: PostgresServer
) -> None:
    cluster = many_workers(4, redis_server.url, postgres_server.create_database(), HUBBUB_DEMO="on")
    try:
        cluster.start()
    finally:
        cluster.kill()
