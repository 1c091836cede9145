"""The URLs of what Hubbub stores things in: database, Redis, media. Parsers as in `server.setting_types`."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

_POSTGRES_SHAPE = "give postgresql://user:password@host:5432/name"
_REDIS_SHAPE = "give redis://host:6379/0, rediss://, unix:///path, redis+cluster://host:6379 or rediss+cluster://"

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SSL_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_KEPT = ("host", "passfile", "password", "port", "service", "target_session_attrs", "user")
# Hosting platforms append these to the URLs that they hand out; asyncpg refuses them and does well without.
_DROPPED = ("application_name", "channel_binding", "connect_timeout", "fallback_application_name", "gssencmode")


def database_url(value: str) -> str:
    """SQLAlchemy's async URL of a SQLite file or a PostgreSQL database, whatever driver the given URL names."""
    scheme, separator, rest = value.partition("://")
    dialect = scheme.partition("+")[0]
    if separator and dialect == "sqlite":
        return f"sqlite+aiosqlite:///{_sqlite_file(rest)}"
    if separator and dialect in {"postgres", "postgresql"}:
        return f"postgresql+asyncpg://{_postgres_address(rest)}"
    raise ValueError(f"it begins with {_beginning(value)}; {_POSTGRES_SHAPE} or sqlite:///path/to/file.db")


def _sqlite_file(rest: str) -> str:
    path = rest.removeprefix("/")
    if path == rest or not path or path.startswith((":memory:", "?")):
        raise ValueError("give a file: sqlite:///relative/path.db or sqlite:////absolute/path.db")
    file = Path(path.partition("?")[0])
    if file.is_dir() or not file.parent.is_dir():
        problem = f"{file} is a folder" if file.is_dir() else f"there is no folder {file.parent}"
        raise ValueError(f"{problem}; name a file in an existing folder")
    return path


def _postgres_address(rest: str) -> str:
    address, _, query = rest.partition("?")
    try:
        parts = urlsplit(f"//{address}")
        _ = parts.port
    except ValueError:
        raise ValueError(f"{_POSTGRES_SHAPE}, special characters of the password %-encoded") from None
    if not parts.path.strip("/"):
        raise ValueError(f"it names no database; {_POSTGRES_SHAPE}")
    parameters = [_postgres_parameter(*each) for each in parse_qsl(query) if each[0] not in _DROPPED]
    return f"{address}?{urlencode(parameters)}" if parameters else address


def _postgres_parameter(name: str, given: str) -> tuple[str, str]:
    """libpq's parameter as asyncpg takes it."""
    if name in {"sslmode", "ssl"}:
        if given in _SSL_MODES:
            return "ssl", given
        raise ValueError(f"its {name} is none of {', '.join(_SSL_MODES)}")
    if name in _SSL_FILES:
        raise ValueError(f"{name} cannot stand in the URL; set the variable PG{name.upper()} instead")
    if name in _KEPT:
        return name, given
    raise ValueError(f"its parameter {name} is unknown; leave it out (known are sslmode, {', '.join(_KEPT)})")


def redis_url(value: str) -> str:
    """A Redis URL; `redis+cluster://` and `rediss+cluster://` name a node of a cluster."""
    try:
        parts = urlsplit(value)
        address = parts.path if parts.scheme == "unix" else parts.hostname
        _ = parts.port
    except ValueError:
        raise ValueError(f"{_REDIS_SHAPE}, special characters of the password %-encoded") from None
    if parts.scheme not in {"redis", "rediss", "unix", "redis+cluster", "rediss+cluster"}:
        raise ValueError(f"it begins with {_beginning(value)}; {_REDIS_SHAPE}")
    if not address:
        raise ValueError(f"it names no host; {_REDIS_SHAPE}")
    database = "" if parts.scheme == "unix" else parts.path.strip("/")
    if database and not re.fullmatch(r"[0-9]{1,5}", database):
        raise ValueError("what follows the host is the number of a database; give redis://host:6379/0")
    if parts.scheme.endswith("+cluster") and database.strip("0"):
        raise ValueError("a cluster has database 0 alone; leave the number out")
    return value


def _beginning(url: str) -> str:
    """What may be shown of a URL that is not understood: the scheme, for the rest may hold a password."""
    scheme, separator, _ = url.partition("://")
    return f"{scheme}://" if separator else "no scheme"


def media_url(value: str) -> str:
    """A folder (a path or `file:///path`) or a bucket (`s3://bucket/prefix`)."""
    scheme, separator, rest = value.partition("://")
    if not separator:
        return value
    if scheme == "file" and rest.startswith("/"):
        return rest
    if scheme == "s3" and urlsplit(value).hostname:
        return value
    raise ValueError("give a folder, or a bucket such as s3://bucket/prefix")
