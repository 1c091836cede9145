"""The reference: both documents are valid and complete, and what the server says is what they say."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from openapi_spec_validator import validate

from handlers import REGISTRY, access
from handlers.base import Rules
from handlers.declared import Collection, WatchedTable
from handlers.events import CHANNELS, EVENTS
from handlers.replies import REPLIES
from server.app import create_app
from server.reference import asyncapi, openapi
from server.settings import load
from tests.server.reference import Reference
from tests.server.reference_walk import STAGES, Walk
from tests.support.hubbub import Cluster, Hubbub
from tests.support.js import ConnectRefused, JsClients
from tests.support.process import ROOT, temporary_folder

ASYNCAPI_SCHEMA = ROOT / "static/node_modules/@asyncapi/specs/schemas/3.0.0.json"
ENTITIES = ("trip", "post")
LOOPBACK = {"HUBBUB_PUSH_ALLOW_LOOPBACK": "on"}
# What is no part of the API: the engine's own path, the page and its files, and the answer to what there is not.
OTHER_ROUTES = {"/", "/service-worker.js", "/socket.io/", "/api{rest}"}
# What test_tables.py hears, which has tables, and what comes but once.
ASIDE = {"server:draining", "table:changed"}


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str]:
    """A push service on this machine, and a collection."""
    declared = temporary_folder("collections") / "collections.toml"
    declared.write_text('[collections.tasks]\nread = "signed-in"\nwrite = "signed-in"\n', encoding="utf-8")
    return LOOPBACK | {"HUBBUB_COLLECTIONS": str(declared)}


def references(part: Any) -> Iterator[str]:
    """Every `$ref` within a document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_openapi_is_valid() -> None:
    validate(openapi.document())


def test_asyncapi_is_valid() -> None:
    schema = json.loads(ASYNCAPI_SCHEMA.read_text())
    errors = Draft7Validator(schema).iter_errors(asyncapi.document("127.0.0.1:8000", ENTITIES))
    assert [error.message for error in errors] == []


@pytest.mark.parametrize("document", [openapi.document(), asyncapi.document("127.0.0.1:8000", ENTITIES)])
def test_every_reference_within_a_document_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert len(found) > 30
    for each in found:
        at = document
        for part in each.removeprefix("#/").split("/"):
            assert part in at, f"{each} leads nowhere"
            at = at[part]


async def test_every_route_of_the_server_is_described_and_no_other(tmp_path: Path) -> None:
    app = create_app(load({}, {"HUBBUB_VAR": str(tmp_path)}))
    served = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    expected = {each for each in served if each[1] not in OTHER_ROUTES and not each[1].startswith("/static/")}
    paths = openapi.document()["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == expected


def test_every_action_and_every_event_is_described() -> None:
    document = asyncapi.document("127.0.0.1:8000", ENTITIES)
    assert REGISTRY.keys() <= document["operations"].keys()
    described = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert EVENTS.keys() <= described
    assert REPLIES.keys() == REGISTRY.keys(), "handlers/replies.py tells what each action answers"


def test_every_channel_is_one_of_the_servers() -> None:
    collections = {"orders": Collection("orders", "public", "owner", "owner", "merge")}
    tables = {"public.orders": WatchedTable("public", "orders", "public", ("id",))}
    rules = Rules(ENTITIES, 1, 1, collections, tables)
    parts = {"userId": "ada", "roomId": "1", "type": "trip", "id": "1", "name": "orders"}
    for each in CHANNELS.values():
        name = each.address.format(**parts, schema="public", table="orders")
        assert access.canonical(name, rules) == name
    described = {each.address for each in CHANNELS.values()}
    assert {f"{{type}}:{{id}}:{topic}" for topic in access.TOPICS - {"presence"}} <= described
    assert all(channel in CHANNELS for event in EVENTS.values() for channel in event.channels)


@pytest.mark.parametrize("door", ["socket", "rest"])
async def test_what_is_answered_and_heard_is_as_described(cluster: Cluster, js: JsClients, door: str) -> None:
    walk = Walk(await Reference.of(cluster.a), cluster, js, door)
    for stage in STAGES:
        await stage(walk)
    await walk.heard(EVENTS.keys() - ASIDE)
    assert walk.called == REGISTRY.keys(), "tests/server/reference_walk.py calls every action"


@pytest.mark.parametrize("door", ["socket", "rest"])
async def test_refusals_are_as_described(cluster: Cluster, js: JsClients, door: str) -> None:
    walk = Walk(await Reference.of(cluster.a), cluster, js, door)
    ada, bo, visitor = await walk.user("ada", cluster.a), await walk.user("bo", cluster.b), await walk.visitor()
    room = (await walk.creates(ada, "room:create", name=f"Refusals of {ada.id}", slowMode=1))["id"]
    await walk.refused("unauthenticated", visitor, "room:create", name="Mine")
    await walk.refused("forbidden", bo, "message:send", roomId=room, message="Hello")
    await walk.refused("not_found", ada, "room:join", roomId="nowhere")
    await walk.refused("invalid", ada, "message:send", roomId=room, message="", mentions=[1], attachments=[{"url": 2}])
    # All at a time, so that a slow machine does not let them through one by one.
    sending = (walk.call(ada, "message:send", roomId=room, message="Hello") for _ in range(60))
    sent = await asyncio.gather(*sending)
    assert {body["error"]["code"] for body, _ in sent if not body["ok"]} == {"rate_limited"}
    await walk.does(ada, "room:archive", roomId=room)
    await walk.refused("conflict", ada, "room:update", roomId=room, name="Open again")


async def test_what_is_too_large_is_refused_as_described(cluster: Cluster) -> None:
    reference = await Reference.of(cluster.a)
    reply = await cluster.a.rest("POST", "/api/publish", {"data": "a" * 1_100_000}, token=cluster.api_key)
    assert reply.status == 413
    reference.check_response("channel:publish", reply)


async def test_a_refused_connection_is_told_as_described(cluster: Cluster, js: JsClients) -> None:
    reference = await Reference.of(cluster.a)
    with pytest.raises(ConnectRefused) as refused:
        await js.connect(cluster.a.url, {"token": "nonsense"}, transports=["websocket"])
    reference.check_refusal({"message": refused.value.message, "data": refused.value.data})


async def test_the_farewell_of_a_draining_server_is_as_described(
    start_hubbub: Callable[..., Hubbub], js: JsClients
) -> None:
    worker = start_hubbub()
    reference = await Reference.of(worker)
    socket = await js.connect(worker.url, transports=["websocket"])
    await asyncio.to_thread(worker.terminate)
    heard = await socket.wait_for("server:draining")
    reference.check_event(heard.event, heard.data)


async def test_pages_of_other_sites_and_caches_may_have_the_documents(start_hubbub: Callable[..., Hubbub]) -> None:
    worker = start_hubbub(HUBBUB_ORIGINS="https://docs.example", HUBBUB_ENTITY_TYPES="ship,planet")
    for path in ("/api/openapi.json", "/api/asyncapi.json"):
        reply = await worker.rest("GET", path, headers={"Origin": "https://docs.example"})
        assert reply.status == 200
        assert reply.headers["Access-Control-Allow-Origin"] == "https://docs.example"
        assert "max-age" in reply.headers["Cache-Control"]
    parameters = reply.body["channels"]["comments"]["parameters"]
    assert parameters["type"]["enum"] == ["ship", "planet"]
    assert reply.body["servers"]["socketio"]["variables"]["host"]["default"] == f"127.0.0.1:{worker.port}"
