"""The settings of one start: the only reader of the environment, read once (protocol, sections 1 and 10).

Each field of `Settings` is one variable, declared with its name, default, parser and meaning. The command line's flags,
its help and the reference in the documentation are made from `VARIABLES`.
"""

# ruff: noqa: RUF009  (_var is dataclasses.field with more to say)

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server import setting_types as types
from server import setting_urls as urls
from server.blocked_words import Rule
from server.demo_secret import kept_secret

if TYPE_CHECKING:
    from handlers.declared import SharedData

_LEVELS = types.choice("debug", "info", "warning", "error")


class SettingsError(Exception):
    """NAME=what was given: what would be right. One line, fit to end the start with."""


@dataclass(frozen=True)
class Variable:
    """One environment variable, and the flag that overrides it.

    `default` is text as an operator would give it, and None where there is none or it depends on other settings;
    `default_help` says in words what then holds. The value of a `confidential` one is never shown.
    """

    name: str
    default: str | None
    parse: Callable[[str], Any]
    help: str
    default_help: str
    confidential: bool
    field: str = ""

    @property
    def flag(self) -> str:
        """`--port`, `--database-url`, `--typing-seconds`."""
        return "--" + self.name.removeprefix("HUBBUB_").lower().replace("_", "-")


def _var(name: str, default: str | None, parse: Callable[[str], Any], meaning: str, **more: Any) -> Any:
    confidential = more.get("confidential", False)
    default_help = more.get("otherwise", "none") if default is None else default
    variable = Variable(name, default, parse, meaning, default_help, confidential)
    return field(metadata={"variable": variable}, repr=not confidential)


def _seconds(name: str, default: str, meaning: str, at_most: float = 1e9) -> Any:
    return _var(name, default, types.positive(at_most), meaning)


def _count(name: str, default: str, meaning: str, at_least: int = 1) -> Any:
    return _var(name, default, types.integer(at_least), meaning)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be configured, built by `load`. Times are in seconds, sizes in bytes.

    `database_url` is in SQLAlchemy's async form; `origins` None means same origin; `secret` is None only where JWKS
    alone verifies tokens.
    """

    # Listening
    host: str = _var("HOST", "127.0.0.1", types.host, "address to listen on")
    port: int = _var("PORT", "8000", types.integer(0, 65535), "port to listen on; 0 picks a free one")
    workers: int = _var("WEB_CONCURRENCY", "1", types.integer(1, 512), "worker processes; more than 1 needs REDIS_URL")
    trusted_proxies: tuple[types.IPNetwork, ...] = _var(
        "HUBBUB_TRUSTED_PROXIES", None, types.networks, "addresses or networks whose X-Forwarded-For and -Proto count"
    )

    # Where things are kept
    var_dir: Path = _var("HUBBUB_VAR", "var", Path, "folder of what the server keeps for itself")
    database_url: str = _var(
        "DATABASE_URL",
        None,
        urls.database_url,
        "sqlite:///path or postgresql://user:password@host/name",
        otherwise="SQLite file hubbub.db in HUBBUB_VAR",
        confidential=True,
    )
    redis_url: str | None = _var(
        "REDIS_URL",
        None,
        urls.redis_url,
        "fan-out between workers: redis[s]://host, unix:///path or redis[s]+cluster://host",
        otherwise="none: in-process",
        confidential=True,
    )
    redis_prefix: str = _var("HUBBUB_REDIS_PREFIX", "hubbub", types.redis_prefix, "what all names in Redis begin with")
    peer_host: str | None = _var(
        "HUBBUB_PEER_HOST",
        None,
        types.peer_host,
        "address at which workers of other machines reach this machine's",
        otherwise="none: all workers on one machine",
    )
    media_url: str = _var(
        "HUBBUB_MEDIA_URL",
        None,
        urls.media_url,
        "where uploaded pictures go: a folder or s3://bucket/prefix",
        otherwise="folder media in HUBBUB_VAR",
    )
    shared_data: "SharedData | None" = _var(
        "HUBBUB_COLLECTIONS",
        None,
        types.shared_data,
        "TOML file of collections and watched tables",
        otherwise="none; in demo mode a collection tasks",
    )

    # Who may come in
    secret: str | None = _var(
        "HUBBUB_SECRET", None, types.secret, "HS256 key for JWTs (32 bytes or more)", confidential=True
    )
    jwks_url: str | None = _var("HUBBUB_JWKS_URL", None, types.web_url, "keys of an existing identity provider")
    jwt_issuer: str | None = _var("HUBBUB_JWT_ISSUER", None, types.text, "the iss that tokens must carry")
    jwt_audience: str | None = _var("HUBBUB_JWT_AUDIENCE", None, types.text, "the aud that tokens must carry")
    api_keys: tuple[str, ...] = _var(
        "HUBBUB_API_KEYS", None, types.api_keys, "comma-separated keys for backends", confidential=True
    )
    origins: tuple[str, ...] | None = _var(
        "HUBBUB_ORIGINS", None, types.origins, "allowed browser origins, * for any", otherwise="same origin"
    )
    visitors: bool = _var(
        "HUBBUB_VISITORS", "on", types.switch, "whether those without a token may read what is public"
    )
    demo: bool = _var(
        "HUBBUB_DEMO",
        None,
        types.switch,
        "guest sign-in and demo data; refuses to listen beyond loopback",
        otherwise="on without HUBBUB_SECRET and HUBBUB_JWKS_URL",
    )

    # Features
    entity_types: tuple[str, ...] = _var(
        "HUBBUB_ENTITY_TYPES",
        "trip,location,post,blog,story",
        types.entity_types,
        "what can be commented, rated, liked",
    )
    vapid_subject: str | None = _var(
        "HUBBUB_VAPID_SUBJECT",
        None,
        types.contact,
        "Web Push contact: mailto: or https:",
        otherwise="the first https origin of HUBBUB_ORIGINS, else mailto:postmaster@example.com",
    )
    push_allow_loopback: bool = _var(
        "HUBBUB_PUSH_ALLOW_LOOPBACK", "off", types.switch, "push to this machine, without TLS too; for tests only"
    )
    blocked_words: tuple[Rule, ...] | None = _var(
        "HUBBUB_BLOCKED_WORDS", None, types.blocked_words, "file of lines such as hold: word or refuse: /regex/"
    )

    # Times and retention
    retention_events: int = _count("HUBBUB_RETENTION_EVENTS", "1000", "events of a channel that can be resumed")
    retention_seconds: float = _seconds("HUBBUB_RETENTION_SECONDS", "86400", "how long an event can be resumed")
    record_history_seconds: float = _seconds(
        "HUBBUB_RECORD_HISTORY_SECONDS", "2592000", "how long what a record was before is kept, and a resolved conflict"
    )
    recovery_seconds: float = _seconds("HUBBUB_RECOVERY_SECONDS", "120", "Socket.IO's connection state recovery")
    typing_seconds: float = _seconds("HUBBUB_TYPING_SECONDS", "2", "how long one typing:start holds")
    presence_grace_seconds: float = _seconds("HUBBUB_PRESENCE_GRACE_SECONDS", "3", "from disconnected to offline")
    presence_lease_seconds: float = _seconds("HUBBUB_PRESENCE_LEASE_SECONDS", "12", "how long a worker's word holds")
    presence_call_seconds: float = _seconds(
        "HUBBUB_PRESENCE_CALL_SECONDS", "60", "how long a call by REST stands for who has no connection"
    )
    presence_signal_seconds: float = _seconds(
        "HUBBUB_PRESENCE_SIGNAL_SECONDS", "1", "between two signals of who is there, or of viewers, on one channel"
    )
    viewer_seconds: float = _seconds("HUBBUB_VIEWER_SECONDS", "300", "how long somebody counts as a viewer")
    push_ttl_seconds: float = _seconds("HUBBUB_PUSH_TTL_SECONDS", "86400", "how long a push is worth sending")
    push_backoff_seconds: float = _seconds("HUBBUB_PUSH_BACKOFF_SECONDS", "10", "after a failed push; then doubled")
    push_timeout_seconds: float = _seconds("HUBBUB_PUSH_TIMEOUT_SECONDS", "10", "patience with a push service")
    upload_seconds: float = _seconds("HUBBUB_UPLOAD_SECONDS", "120", "within which an upload must have come")
    picture_seconds: float = _seconds("HUBBUB_PICTURE_SECONDS", "30", "patience with the work on one picture")
    document_save_seconds: float = _seconds("HUBBUB_DOCUMENT_SAVE_SECONDS", "2", "from an edit until it is saved")
    document_save_at_most_seconds: float = _seconds(
        "HUBBUB_DOCUMENT_SAVE_AT_MOST_SECONDS", "10", "until an edit is saved while others follow"
    )
    document_base_seconds: float = _seconds(
        "HUBBUB_DOCUMENT_BASE_SECONDS", "2592000", "how long a version can be what a text without Yjs began with"
    )
    sse_heartbeat_seconds: float = _seconds("HUBBUB_SSE_HEARTBEAT_SECONDS", "30", "between heartbeats of a stream")
    drain_seconds: float = _seconds("HUBBUB_DRAIN_SECONDS", "8", "time for a drain; gone 2 s later", 3600)
    ping_interval: float = _seconds("HUBBUB_PING_INTERVAL", "25", "between two Engine.IO pings")
    ping_timeout: float = _seconds("HUBBUB_PING_TIMEOUT", "20", "how long a pong may take")

    # Limits
    max_packet_bytes: int = _count("HUBBUB_MAX_PACKET_BYTES", "1048576", "one inbound packet or REST body", 1024)
    actions_per_second: float = _var(
        "HUBBUB_ACTIONS_PER_SECOND", "50", types.positive(), "actions of a connection or user"
    )
    actions_burst: int = _count("HUBBUB_ACTIONS_BURST", "100", "actions at once")
    messages_per_second: float = _var(
        "HUBBUB_MESSAGES_PER_SECOND", "5", types.positive(), "messages of a user in a room"
    )
    messages_burst: int = _count("HUBBUB_MESSAGES_BURST", "20", "messages at once")
    connections_per_address: int = _count("HUBBUB_CONNECTIONS_PER_ADDRESS", "200", "connections; 0: no limit", 0)
    connections_per_user: int = _count("HUBBUB_CONNECTIONS_PER_USER", "20", "connections; 0: no limit", 0)
    subscriptions_per_connection: int = _count("HUBBUB_SUBSCRIPTIONS_PER_CONNECTION", "200", "channels")
    push_subscriptions_per_user: int = _count(
        "HUBBUB_PUSH_SUBSCRIPTIONS_PER_USER", "20", "browsers of a user; the one unused longest goes"
    )
    push_attempts: int = _count("HUBBUB_PUSH_ATTEMPTS", "12", "attempts at one push")
    push_concurrency: int = _count("HUBBUB_PUSH_CONCURRENCY", "32", "pushes that one worker sends at a time")
    send_buffer_bytes: int = _count("HUBBUB_SEND_BUFFER_BYTES", "1048576", "bytes waiting for one slow reader", 1024)
    connect_seconds: float = _seconds("HUBBUB_CONNECT_SECONDS", "10", "from transport open to CONNECT")
    json_depth: int = _count("HUBBUB_JSON_DEPTH", "32", "nesting of a payload")
    json_keys: int = _count("HUBBUB_JSON_KEYS", "1000", "keys of a payload, or of each element of a batch")
    upload_bytes: int = _count("HUBBUB_UPLOAD_BYTES", "10485760", "bytes of a picture")
    upload_pixels: int = _count("HUBBUB_UPLOAD_PIXELS", "40000000", "pixels of a picture")
    uploads_per_user: int = _count("HUBBUB_UPLOADS_PER_USER", "10", "uploads of a user that a worker takes at a time")
    picture_concurrency: int = _count("HUBBUB_PICTURE_CONCURRENCY", "2", "pictures that a worker works on at a time")
    record_bytes: int = _count("HUBBUB_RECORD_BYTES", "65536", "bytes of a record")
    record_page_bytes: int = _count(
        "HUBBUB_RECORD_PAGE_BYTES", "262144", "bytes of records, or conflicts, after which a page ends", 1024
    )
    record_scan_bytes: int = _count(
        "HUBBUB_RECORD_SCAN_BYTES", "4194304", "bytes of records that one filtered list looks at", 1024
    )
    filter_terms: int = _count("HUBBUB_FILTER_TERMS", "100", "comparisons of a filter; a pattern counts ten")
    filter_length: int = _count("HUBBUB_FILTER_LENGTH", "4000", "characters of a filter")
    table_rows: int = _count(
        "HUBBUB_TABLE_ROWS", "10000", "rows of a transaction told one by one; of more, subscribers reload"
    )
    snapshot_records: int = _count("HUBBUB_SNAPSHOT_RECORDS", "1000", "records, or rows, of a snapshot")
    document_update_bytes: int = _count("HUBBUB_DOCUMENT_UPDATE_BYTES", "524288", "bytes of a Yjs update")
    document_bytes: int = _count("HUBBUB_DOCUMENT_BYTES", "4194304", "bytes of a document with all its edits")
    document_awareness_bytes: int = _count(
        "HUBBUB_DOCUMENT_AWARENESS_BYTES", "4096", "bytes of what an editor says of its user"
    )
    document_versions: int = _count("HUBBUB_DOCUMENT_VERSIONS", "1000", "named versions of a document")

    # Fine tuning
    database_pool_size: int = _count("HUBBUB_DATABASE_POOL_SIZE", "10", "database connections of one worker")
    database_timeout_seconds: float = _seconds("HUBBUB_DATABASE_TIMEOUT_SECONDS", "5", "patience with the database")
    redis_timeout_seconds: float = _seconds("HUBBUB_REDIS_TIMEOUT_SECONDS", "1", "patience with Redis")
    media_timeout_seconds: float = _seconds("HUBBUB_MEDIA_TIMEOUT_SECONDS", "10", "patience with HUBBUB_MEDIA_URL")
    bus_nonce_seconds: float = _seconds("HUBBUB_BUS_NONCE_SECONDS", "2", "between a worker's messages to itself")
    bus_deaf_seconds: float = _seconds("HUBBUB_BUS_DEAF_SECONDS", "6", "after which one not hearing them is deaf")
    peer_timeout_seconds: float = _seconds("HUBBUB_PEER_TIMEOUT_SECONDS", "5", "patience with another worker")
    catch_up_seconds: float = _seconds("HUBBUB_CATCH_UP_SECONDS", "2", "between a deaf worker's looks into the log")
    broadcast_batch: int = _count("HUBBUB_BROADCAST_BATCH", "100", "people whom one transaction of a broadcast reaches")
    broadcast_share: float = _var(
        "HUBBUB_BROADCAST_SHARE", "0.5", types.positive(1), "part of a worker's time that a broadcast may take"
    )
    document_bases: int = _count("HUBBUB_DOCUMENT_BASES", "50", "versions that a text without Yjs can begin with")
    document_signal_seconds: float = _seconds(
        "HUBBUB_DOCUMENT_SIGNAL_SECONDS", "0.2", "between two signals of who is in a document"
    )
    document_keeper_seconds: float = _seconds(
        "HUBBUB_DOCUMENT_KEEPER_SECONDS", "10", "until another worker saves what one that died was to save"
    )
    document_seconds: float = _seconds(
        "HUBBUB_DOCUMENT_SECONDS", "10", "CPU time that the work on one document may take"
    )
    document_memory_bytes: int = _count(
        "HUBBUB_DOCUMENT_MEMORY_BYTES", "1073741824", "memory of a worker's program for documents", 1 << 28
    )
    document_cache_bytes: int = _count(
        "HUBBUB_DOCUMENT_CACHE_BYTES", "67108864", "documents that a worker has at hand", 0
    )
    group_commit_size: int = _count("HUBBUB_GROUP_COMMIT_SIZE", "256", "writes that may share one commit")
    sync_batch: int = _count("HUBBUB_SYNC_BATCH", "50", "mutations of a sync that share a transaction")
    log_level: str = _var("HUBBUB_LOG_LEVEL", "info", _LEVELS, "debug, info, warning or error")
    log_format: str = _var("HUBBUB_LOG_FORMAT", "text", types.choice("text", "json"), "text or json, a line each")


VARIABLES: tuple[Variable, ...] = tuple(
    replace(each.metadata["variable"], field=each.name) for each in fields(Settings)
)


def load(argv_flags: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """The settings of this start. `argv_flags` maps names of variables to what their flags gave, and wins over
    `environ`; what is empty counts as not set.

    Creates the folder HUBBUB_VAR when something is kept there by default. Raises SettingsError for the first thing that
    is wrong or missing.
    """
    given = {**environ, **argv_flags}
    values = {each.field: _value(each, given.get(each.name, "").strip()) for each in VARIABLES}
    _check_together(values, demo_was_given=values["demo"] is not None)
    _fill_in(values)
    return Settings(**values)


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A warning for each variable that looks like a mistyped one of ours. Others may begin with HUBBUB_ as well:
    Kubernetes gives every container the addresses of a service named hubbub."""
    names = {each.name for each in VARIABLES}
    strangers = sorted(name for name in environ if name.startswith("HUBBUB_") and name not in names)
    meant = {name: get_close_matches(name, names, n=1, cutoff=0.85) for name in strangers}
    return [f"{name} is no setting and is ignored: was {close[0]} meant?" for name, close in meant.items() if close]


def is_loopback(host: str) -> bool:
    """Whether a listener on `host` can be reached from this machine alone. Names but localhost count as reachable."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _value(variable: Variable, given: str) -> Any:
    text = given or variable.default
    if text is None:
        return () if variable.field in {"api_keys", "trusted_proxies"} else None
    try:
        return variable.parse(text)
    except ValueError as error:
        shown = "" if variable.confidential else f"={text}"
        raise SettingsError(f"{variable.name}{shown}: {error}") from None


def _check_together(values: Mapping[str, Any], *, demo_was_given: bool) -> None:
    """What several variables must agree on."""
    if values["workers"] > 1 and values["redis_url"] is None:
        raise SettingsError(
            f"WEB_CONCURRENCY={values['workers']}: several workers need REDIS_URL; set it, or WEB_CONCURRENCY=1"
        )
    if values["bus_deaf_seconds"] <= values["bus_nonce_seconds"]:
        raise SettingsError(
            f"HUBBUB_BUS_DEAF_SECONDS={values['bus_deaf_seconds']:g}: give more than HUBBUB_BUS_NONCE_SECONDS,"
            f" which is {values['bus_nonce_seconds']:g}"
        )
    shared = values["shared_data"]
    if shared is not None and shared.tables and not (values["database_url"] or "").startswith("postgresql"):
        name = next(iter(shared.tables))
        raise SettingsError(
            f'HUBBUB_COLLECTIONS: tables."{name}": watched tables need PostgreSQL; set DATABASE_URL=postgresql://…, or'
            " remove the table from the file"
        )
    unverifiable = values["secret"] is None and values["jwks_url"] is None
    if values["demo"] is False and unverifiable:
        raise SettingsError(
            "HUBBUB_SECRET is missing: set it (32 bytes or more), or HUBBUB_JWKS_URL, or HUBBUB_DEMO=on"
        )
    if (values["demo"] or (values["demo"] is None and unverifiable)) and not is_loopback(values["host"]):
        cure = "set HUBBUB_DEMO=off" if demo_was_given else "set HUBBUB_SECRET (32 bytes or more) to leave HUBBUB_DEMO"
        raise SettingsError(
            f"HOST={values['host']}: in demo mode anybody may sign in, so it listens on loopback only;"
            f" {cure}, or set HOST=127.0.0.1"
        )


def _fill_in(values: dict[str, Any]) -> None:
    """The defaults that depend on other settings."""
    var_dir = values["var_dir"]
    if values["demo"] is None:
        values["demo"] = values["secret"] is None and values["jwks_url"] is None
    if values["media_url"] is None:
        values["media_url"] = str(var_dir / "media")
    try:
        if values["database_url"] is None:
            var_dir.mkdir(parents=True, exist_ok=True)
            values["database_url"] = urls.database_url(f"sqlite:///{var_dir / 'hubbub.db'}")
        if values["demo"] and values["secret"] is None:
            values["secret"] = _demo_secret(var_dir / "secret")
    except OSError as error:
        raise SettingsError(f"HUBBUB_VAR={var_dir}: {error}; name a folder that this user may write to") from None
    except ValueError as error:
        raise SettingsError(f"HUBBUB_VAR={var_dir}: {error}; or remove what is kept in that folder") from None


def _demo_secret(path: Path) -> str:
    try:
        return types.secret(kept_secret(path))
    except ValueError:
        raise SettingsError(
            f"HUBBUB_SECRET: the one that the demo keeps in {path} is unfit; remove that file, or set HUBBUB_SECRET"
        ) from None
