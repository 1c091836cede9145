"""The file of collections and watched tables: what it declares, and how a mistake in it is told."""

import json
import pickle
from pathlib import Path

import pytest

from server.settings import Settings, SettingsError, load

TASKS = '[collections.tasks]\nread = "signed-in"\nwrite = "owner"\n'
ORDERS = '[tables."public.orders"]\nread = "owner"\nowner = "user_id"\ncolumns = ["id", "status"]\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the program is started in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def declared(folder: Path, text: str, **environ: str) -> Settings:
    """The settings of a start with this file."""
    (folder / "shared.toml").write_text(text, encoding="utf-8")
    return load({}, {"HUBBUB_COLLECTIONS": "shared.toml", **environ})


def refusal(folder: Path, text: str, **environ: str) -> str:
    """Why a start with this file is refused."""
    with pytest.raises(SettingsError) as refused:
        declared(folder, text, **environ)
    message = str(refused.value)
    assert message.startswith("HUBBUB_COLLECTIONS")
    assert "\n" not in message
    return message


def test_a_collection_deletes_as_it_writes_and_the_last_write_wins_unless_it_says_otherwise(folder: Path) -> None:
    shared = declared(folder, "\ufeff" + TASKS).shared_data
    assert shared is not None
    tasks = shared.collections["tasks"]
    assert (tasks.read, tasks.write, tasks.delete) == ("signed-in", "owner", "owner")
    assert (tasks.strategy, tasks.schema) == ("last-write-wins", None)


def test_a_schema_lies_beside_the_file_and_goes_to_other_workers(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "tasks.json").write_text(json.dumps({"properties": {"title": {"type": "string"}}}))
    settings = declared(folder, TASKS + 'schema = "deep/tasks.json"\nstrategy = "merge"\ndelete = "nobody"')
    shared = pickle.loads(pickle.dumps(settings)).shared_data
    assert shared.collections["tasks"].schema.objections({"title": 5}) == {
        "data.title": ['This value is not of type "string"']
    }
    assert shared.collections["tasks"].delete == "nobody"


def test_tables_are_declared_with_their_columns(folder: Path) -> None:
    shared = declared(folder, ORDERS, DATABASE_URL="postgres://localhost/app").shared_data
    assert shared is not None
    orders = shared.tables["public.orders"]
    assert (orders.schema, orders.name, orders.read, orders.owner) == ("public", "orders", "owner", "user_id")
    assert orders.columns == ("id", "status")


def test_an_owner_column_restricts_nothing_under_another_policy(folder: Path) -> None:
    text = ORDERS.replace('read = "owner"', 'read = "signed-in"')
    shared = declared(folder, text, DATABASE_URL="postgres://localhost/app").shared_data
    assert shared is not None
    assert shared.tables["public.orders"].owner is None


def test_what_is_public_to_write_is_taken(folder: Path) -> None:
    shared = declared(folder, '[collections.wall]\nread = "public"\nwrite = "public"').shared_data
    assert shared is not None
    assert (shared.collections["wall"].write, shared.collections["wall"].delete) == ("public", "public")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[collections", "no TOML"),
        ("[colections.tasks]", 'was "collections" meant'),
        ("[rooms]", "give some of collections, tables"),
        ("collections = 5", "collections: make it a table"),
        ("[collections]\ntasks = 5", "collections.tasks: make it a table"),
        ('[collections."two words"]', "give a name of 1 to 64 letters"),
        (f"[collections.{'a' * 65}]", "give a name of 1 to 64 letters"),
        ("[collections.document]", "give another one"),
        ("[collections.tasks]", "collections.tasks.write is missing"),
        ('[collections.tasks]\nwrite = "owner"', "collections.tasks.read is missing"),
        ('[collections.tasks]\nread = "everyone"\nwrite = "owner"', 'collections.tasks.read: "everyone" is none of'),
        ('[collections.tasks]\nread = 1\nwrite = "owner"', "collections.tasks.read: 1 is none of"),
        (TASKS + 'delet = "owner"', 'was "delete" meant'),
        (TASKS + 'delete = "admin"', 'collections.tasks.delete: "admin" is none of'),
        (TASKS + 'strategy = "newest"', 'collections.tasks.strategy: "newest" is none of last-write-wins'),
        (TASKS + "schema = 5", "collections.tasks.schema: give the path of a file"),
        (TASKS + 'schema = "missing.json"', 'collections.tasks.schema = "missing.json": it cannot be read'),
    ],
)
def test_a_mistake_about_a_collection_is_named_with_its_cure(folder: Path, text: str, said: str) -> None:
    assert said in refusal(folder, text)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{", "no JSON:"),
        ('{"type": "objct"}', '["type"]'),
        ('{"properties": {"a": {"pattern": "(?=a)"}}}', '["properties"]["a"]["pattern"]'),
        ('{"$ref": "https://example.com/schema.json"}', "Retrieval is disabled"),
        ('{"$ref": "other.json"}', "other.json"),
        ('{"$schema": "https://example.com/own"}', "Unknown meta-schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(folder: Path, schema: str, said: str) -> None:
    (folder / "tasks.json").write_text(schema)
    message = refusal(folder, TASKS + 'schema = "tasks.json"')
    assert 'collections.tasks.schema = "tasks.json"' in message
    assert said in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tables.orders]", "give a schema and a table"),
        ('[tables."public.or ders"]', "give a schema and a table"),
        ('[tables."public.orders"]\ncolumns = ["id"]', 'tables."public.orders".read is missing'),
        ('[tables."public.orders"]\nread = "public"', 'tables."public.orders".columns: give a list'),
        ('[tables."public.orders"]\nread = "public"\ncolumns = ["a b"]', '"a b" is no name of a column'),
        ('[tables."public.orders"]\nread = "public"\ncolumns = ["id", "id"]', "name each column once"),
        ('[tables."public.orders"]\nread = "owner"\ncolumns = ["id"]', 'read = "owner" needs it'),
        ('[tables."public.orders"]\nread = "owner"\nowner = 5\ncolumns = ["id"]', "5 is no name of a column"),
        ('[tables."public.orders"]\nread = "public"\ncolumns = ["id"]\nwrite = "owner"', 'there is no key "write"'),
    ],
)
def test_a_mistake_about_a_table_is_named_with_its_cure(folder: Path, text: str, said: str) -> None:
    assert said in refusal(folder, text, DATABASE_URL="postgres://localhost/app")


def test_watched_tables_need_postgresql(folder: Path) -> None:
    message = refusal(folder, ORDERS)
    assert 'tables."public.orders"' in message
    assert "DATABASE_URL=postgresql://" in message


def test_a_file_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "shared.toml").write_bytes(b"\xff\xfe[collections]")
    with pytest.raises(SettingsError, match="it is not UTF-8"):
        load({}, {"HUBBUB_COLLECTIONS": "shared.toml"})
