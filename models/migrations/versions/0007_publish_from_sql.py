"""Publishing from SQL"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# What `POST /api/publish` refuses is refused here as well, so that nothing comes into the log that a client, or this
# program, could not read: names, what jsonb rejects (NUL and halves of surrogate pairs), numbers beyond a double's, and
# what is nested too deep. The data are kept as they are written, on one line, which a stream of events needs.
FUNCTION = """
CREATE FUNCTION hubbub_publish(channel text, event text, data json DEFAULT '{{}}') RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = {schema}, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    target text := channel;
    kind text := split_part(channel, ':', 1);
    plain text := translate(data::text, E'\\n\\r\\t', '   ');
    parsed jsonb := data::jsonb;
    number bigint;
BEGIN
    IF channel IS NULL OR event IS NULL OR data IS NULL THEN
        RAISE EXCEPTION 'hubbub_publish: channel, event and data must not be null; null is the JSON value ''null'''
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF kind IN ('collection', 'table', 'document') THEN
        RAISE EXCEPTION 'hubbub_publish: only records, tables and documents themselves publish to %', channel
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF length(channel) > 271 OR channel !~ '{channels}' THEN
        RAISE EXCEPTION 'hubbub_publish: there is no channel %', left(channel, 100)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Such as app:orders or trip:123:comments.';
    END IF;
    IF event !~ '^{word}:{word}$' THEN
        RAISE EXCEPTION 'hubbub_publish: % is no name of an event', left(event, 100)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Two words with a colon between, such as order:paid.';
    END IF;
    IF octet_length(plain) > 1048576 THEN
        RAISE EXCEPTION 'hubbub_publish: data of % bytes, more than 1048576', octet_length(plain)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF jsonb_path_exists(parsed, 'strict $.**{{32 to last}}')
        OR jsonb_path_exists(parsed, 'strict $.** ? (@.type() == "number" && (@ > 1.7e308 || @ < -1.7e308))')
    THEN
        RAISE EXCEPTION 'hubbub_publish: data nested deeper than 32 levels, or with a number that no double holds'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF kind NOT IN ('app', 'user', 'room', 'presence') THEN
        target := regexp_replace(channel, ':presence$', ':viewers');
    END IF;
    INSERT INTO channels AS c (name, seq) VALUES (target, 1)
        ON CONFLICT (name) DO UPDATE SET seq = c.seq + 1 RETURNING c.seq INTO number;
    INSERT INTO event_log (channel, seq, event, at, data)
        VALUES (target, number, event, date_trunc('milliseconds', clock_timestamp()), plain);
    PERFORM pg_notify('hubbub_events', 'c:' || target);
    RETURN number;
END
$$
"""
CHANNELS = (
    "^(community|presence|admin"
    "|(user|room|presence):[^\\x01-\\x1f\\x7f]+"
    "|app:[A-Za-z0-9._~:-]{1,128}"
    "|[A-Za-z][A-Za-z0-9_-]*:[A-Za-z0-9._~-]{1,128}:(comments|rating|likes|saves|images|viewers|presence))$"
)
WORD = "[A-Za-z][A-Za-z0-9_.-]{0,49}"
ARGUMENTS = "hubbub_publish(text, text, json)"


def upgrade() -> None:
    """Create the function, which nobody but its owner may call until they are allowed to; SQLite has none."""
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    schema = bind.scalar(sa.text("SELECT quote_ident(current_schema())"))
    bind.exec_driver_sql(FUNCTION.format(schema=schema, channels=CHANNELS, word=WORD))
    bind.exec_driver_sql(f"REVOKE ALL ON FUNCTION {ARGUMENTS} FROM PUBLIC")
