"""Triggers on an application's own tables, which write their changes into the event log with the change itself.

A statement's changes are set aside while its transaction goes on, and numbered as its last step: writers of one table
do not wait for each other until they commit, and tables that are written in any order get in nobody's way.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.event_log import EXPIRY_LOCK
from models.table_columns import SETTINGS, TableShape, fitted, literal, quoted

_TRIGGERS = {
    "hubbub_insert": "AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows",
    "hubbub_update": "AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "hubbub_delete": "AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows",
    "hubbub_truncate": "BEFORE TRUNCATE ON {table}",
}
_PREFIX = "hubbub_watch_"
_REMARK = "hubbub watch "
# What JSON any client reads: hubbub_publish has the same bounds, and refuses where this must not.
_JSON = """
CREATE OR REPLACE FUNCTION hubbub_json(value text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = {schema}, pg_temp
AS $$
DECLARE
    parsed jsonb;
BEGIN
    parsed := value::jsonb;
    IF pg_catalog.jsonb_path_exists(parsed, 'strict $.**{{32 to last}}')
        OR pg_catalog.jsonb_path_exists(parsed, 'strict $.** ? (@.type() == "number" && (@ > 1.7e308 || @ < -1.7e308))')
    THEN
        RETURN NULL;
    END IF;
    RETURN parsed;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$
"""
_SHORT = """
CREATE OR REPLACE FUNCTION hubbub_short(whole jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = {schema}, pg_temp
AS $$
    SELECT coalesce(pg_catalog.jsonb_object_agg(key, value), '{{}}') FROM jsonb_each(whole)
    WHERE octet_length(value::text) <= 64
$$
"""
# No row of it outlives its transaction, so that nothing need be written ahead for it.
_SET_ASIDE = """
CREATE UNLOGGED TABLE IF NOT EXISTS table_changes (
    transaction xid8 NOT NULL,
    place bigint GENERATED ALWAYS AS IDENTITY,
    channel text,
    data text,
    audience text,
    PRIMARY KEY (transaction, place)
)
"""
_NUMBER = """
CREATE OR REPLACE FUNCTION hubbub_number_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp
-- Planned when the table is empty, a scan of it all would look best, and later find what is dead.
SET enable_seqscan = off SET jit = off
AS $$
DECLARE
    target text;
    count bigint;
    uncounted boolean;
    newest bigint;
BEGIN
    FOR target, count, uncounted IN
        SELECT c.channel, count(*), bool_or(c.data IS NULL) FROM table_changes AS c
        WHERE c.transaction = pg_current_xact_id() AND c.channel IS NOT NULL GROUP BY 1 ORDER BY 1
    LOOP
        PERFORM pg_notify('hubbub_events', 'c:' || target);
        IF uncounted OR count > {rows} THEN
            -- A number without an event, and none before it: nobody can go on from there.
            INSERT INTO channels AS c (name, seq) VALUES (target, 1)
                ON CONFLICT (name) DO UPDATE SET seq = c.seq + 1;
            PERFORM pg_advisory_xact_lock({lock});
            DELETE FROM event_log AS e WHERE e.channel = target;
            CONTINUE;
        END IF;
        INSERT INTO channels AS c (name, seq) VALUES (target, count)
            ON CONFLICT (name) DO UPDATE SET seq = c.seq + excluded.seq RETURNING c.seq INTO newest;
        INSERT INTO event_log (channel, seq, event, at, data, audience)
            SELECT target, newest - count + row_number() OVER (ORDER BY c.place), 'table:changed',
                date_trunc('milliseconds', clock_timestamp()), c.data, c.audience
            FROM table_changes AS c WHERE c.transaction = pg_current_xact_id() AND c.channel = target;
    END LOOP;
    DELETE FROM table_changes AS c WHERE c.transaction = pg_current_xact_id();
    RETURN NULL;
END
$$
"""
_AT_COMMIT = """
CREATE CONSTRAINT TRIGGER hubbub_number_changes AFTER INSERT ON table_changes
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.channel IS NULL) EXECUTE FUNCTION hubbub_number_changes()
"""
# Before and after: a row keeps its identity by its key, so an update of the key is a row that goes and one that comes.
_CHANGES = """
        INSERT INTO table_changes (transaction, channel, data, audience)
        WITH earlier AS ({earlier}), later AS ({later}), paired AS (
            SELECT e.id AS was_id, e.seen AS was, e.owner AS was_of, l.id AS is_id, l.seen AS now, l.owner AS is_of
            FROM earlier AS e FULL JOIN later AS l ON l.id = e.id
        ), told AS (
            SELECT 'UPDATE' AS kind, is_id AS id, was, now, is_of AS owner FROM paired
            WHERE is_id = was_id AND is_of = was_of AND now <> was
            UNION ALL
            SELECT 'DELETE', was_id, was, NULL, was_of FROM paired
            WHERE was_of IS NOT NULL AND was_of IS DISTINCT FROM is_of
            UNION ALL
            SELECT 'INSERT', is_id, NULL, now, is_of FROM paired
            WHERE is_of IS NOT NULL AND is_of IS DISTINCT FROM was_of
        )
        SELECT pg_current_xact_id(), {channel},
            '{{"eventType":"' || kind || '","id":' || pg_catalog.to_jsonb(id)::text
            || ',"new":' || coalesce(({now})::text, 'null')
            || ',"old":' || coalesce(({was})::text, 'null') || ',"version":null}}',
            {audience}
        FROM told ORDER BY id;
"""
_NO_ROWS = "SELECT NULL::text AS id, NULL::jsonb AS seen, NULL::text AS owner WHERE false"
_SIDES = {
    "INSERT": (None, "new_rows"),
    "UPDATE": ("old_rows", "new_rows"),
    "DELETE": ("old_rows", None),
    "TRUNCATE": ("{table}", None),
}
_INSTALLED = text(
    "SELECT p.oid, p.prosrc FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace AND p.proname = :name"
)
_OF_TABLE = text(
    "SELECT tgname FROM pg_trigger WHERE tgrelid = :table AND tgfoid = :function AND tgenabled IN ('O', 'A')"
)
_WATCHED = text(
    "SELECT obj_description(p.oid, 'pg_proc') FROM pg_proc p"
    " WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'hubbub\\_watch\\_%'"
)


def _function(title: str) -> str:
    return _PREFIX + hashlib.blake2s(title.encode(), digest_size=16).hexdigest()


def _body(shape: TableShape) -> str:
    """What the function of a table's triggers does; the text tells whether an installed one is up to date."""
    config = shape.config
    audience = """'{"only":[' || pg_catalog.to_jsonb(owner)::text || ']}'""" if config.owner else "NULL"
    branches = []
    for operation, sides in _SIDES.items():
        earlier, later = (
            _NO_ROWS
            if relation is None
            else f"SELECT {shape.id} AS id, {shape.row} AS seen, {shape.owner} AS owner"
            f" FROM {relation.format(table=shape.sql_name)} AS r"
            for relation in sides
        )
        changes = _CHANGES.format(
            earlier=earlier,
            later=later,
            channel=literal(config.channel),
            was=fitted("was", config),
            now=fitted("now", config),
            audience=audience,
        )
        written = (sides[1] or sides[0] or "").format(table=shape.sql_name)
        some = f"SELECT FROM {written} LIMIT {config.rows + 1}"
        branches.append(
            f"    IF TG_OP = '{operation}' THEN\n"
            f"        IF (SELECT count(*) FROM ({some}) AS rows_of_it) > {config.rows} THEN\n"
            f"            INSERT INTO table_changes (transaction, channel)"
            f" VALUES (pg_current_xact_id(), {literal(config.channel)});\n"
            f"        ELSE{changes}        END IF;\n    END IF;\n"
        )
    return (
        "\nBEGIN\n"
        + "".join(branches)
        + "    IF FOUND THEN\n"
        + "        INSERT INTO table_changes (transaction) VALUES (pg_current_xact_id());\n"
        + "    END IF;\n    RETURN NULL;\nEND\n"
    )


async def install(conn: AsyncConnection, shape: TableShape) -> None:
    """Have a table's changes told as it is configured, whatever was before. Raises what the database raises."""
    schema = quoted(await conn.scalar(text("SELECT current_schema()")) or "public")
    for statement in (_JSON, _SHORT, _SET_ASIDE, _NUMBER):
        await conn.exec_driver_sql(statement.format(schema=schema, rows=shape.config.rows, lock=EXPIRY_LOCK))
    await conn.exec_driver_sql("REVOKE ALL ON FUNCTION hubbub_number_changes() FROM PUBLIC")
    if not await conn.scalar(
        text("SELECT 1 FROM pg_trigger WHERE tgrelid = 'table_changes'::regclass AND tgname = 'hubbub_number_changes'")
    ):
        await conn.exec_driver_sql(_AT_COMMIT)
    name = _function(shape.config.title)
    settings = " ".join(f"SET {setting} = {literal(value)}" for setting, value in SETTINGS.items())
    await conn.exec_driver_sql(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        # To compile it, as PostgreSQL would a statement whose rows it cannot estimate, takes a tenth of a second.
        f" SET search_path = {schema}, pg_temp SET jit = off {settings} AS {_in_dollars(_body(shape))}"
    )
    await conn.exec_driver_sql(f"COMMENT ON FUNCTION {name}() IS {literal(_REMARK + shape.config.title)}")
    await conn.exec_driver_sql(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC")
    function = (await conn.execute(_INSTALLED, {"name": name})).one()
    present = set((await conn.execute(_OF_TABLE, {"table": shape.oid, "function": function.oid})).scalars())
    for trigger, when in _TRIGGERS.items():
        if trigger not in present:
            await conn.exec_driver_sql(
                f"CREATE TRIGGER {trigger} {when.format(table=shape.sql_name)}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {schema}.{name}()"
            )


async def remove(conn: AsyncConnection, title: str) -> bool:
    """Have nothing more told of ``schema.table``; False when nothing was. Raises what the database raises."""
    name = _function(title)
    if (await conn.execute(_INSTALLED, {"name": name})).one_or_none() is None:
        return False
    # The triggers go with it: by itself, only the table's owner may drop one.
    await conn.exec_driver_sql(f"DROP FUNCTION {name}() CASCADE")
    return True


async def is_current(conn: AsyncConnection, shape: TableShape) -> bool | None:
    """Whether a table is watched as it is configured; None when it is not watched at all."""
    found: Any = (await conn.execute(_INSTALLED, {"name": _function(shape.config.title)})).one_or_none()
    if found is None:
        return None
    present = set((await conn.execute(_OF_TABLE, {"table": shape.oid, "function": found.oid})).scalars())
    return found.prosrc == _body(shape) if present == _TRIGGERS.keys() else None


async def watched(conn: AsyncConnection) -> Iterable[str]:
    """The tables that are watched, as ``schema.table``."""
    remarks = (await conn.execute(_WATCHED)).scalars()
    return sorted(remark.removeprefix(_REMARK) for remark in remarks if remark)


def _in_dollars(body: str) -> str:
    tag = "$hubbub$"
    while tag in body:
        tag = f"{tag[:-1]}_$"
    return f"{tag}{body}{tag}"
