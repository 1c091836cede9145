"""What a setting's text may be: one parser a kind of value.

A parser takes the stripped, non-empty text of a variable and returns its value. What it cannot use it refuses with a
ValueError that says what would be right; `server.settings` puts the variable's name before it. No parser repeats its
whole input, because some inputs are secrets.
"""

import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from server.blocked_words import Rule, read

if TYPE_CHECKING:
    from handlers.declared import SharedData

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

SECRET_BYTES = 32
API_KEY_CHARACTERS = 8

# The first words of the channels that belong to no entity (protocol, section 4): an entity type of such a name would
# share its channels with them.
RESERVED_TYPES = frozenset({"admin", "app", "collection", "community", "document", "presence", "room", "table", "user"})

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_ENTITY_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_REDIS_PREFIX = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?/?")


def text(value: str) -> str:
    """Any text, as it stands."""
    return value


def switch(value: str) -> bool:
    """`on` or `off`, in the usual spellings."""
    if value.lower() in {"on", "true", "yes", "1"}:
        return True
    if value.lower() in {"off", "false", "no", "0"}:
        return False
    raise ValueError("give on or off")


def integer(at_least: int = 1, at_most: int | None = None) -> Callable[[str], int]:
    """A parser of whole numbers within these bounds."""
    bounds = f"of {at_least} or more" if at_most is None else f"from {at_least} to {at_most}"

    def parse(value: str) -> int:
        if re.fullmatch(r"[0-9]{1,15}", value) and at_least <= int(value) <= (at_most or math.inf):
            return int(value)
        raise ValueError(f"give a whole number {bounds}, digits alone")

    return parse


def positive(at_most: float = 1e9) -> Callable[[str], float]:
    """A parser of numbers above 0, fractions allowed; stricter than float(), which takes "inf", "nan" and "1_0"."""

    def parse(value: str) -> float:
        if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", value) and 0 < float(value) <= at_most:
            return float(value)
        raise ValueError(f"give a number above 0 and up to {at_most:.0f}, such as 2 or 0.5")

    return parse


def choice(*names: str) -> Callable[[str], str]:
    """A parser of one of a few words."""

    def parse(value: str) -> str:
        if value.lower() in names:
            return value.lower()
        raise ValueError(f"give {', '.join(names[:-1])} or {names[-1]}")

    return parse


def listed(value: str) -> tuple[str, ...]:
    """The items of a comma-separated list, in order, each once."""
    items = tuple(dict.fromkeys(item.strip() for item in value.split(",") if item.strip()))
    if not items:
        raise ValueError("give at least one item, or leave it unset")
    return items


def host(value: str) -> str:
    """An IP address (brackets around IPv6 are taken off) or a host name."""
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        # Digits and dots alone are a mistyped address, not a name.
        if _HOST_NAME.fullmatch(value) and not re.fullmatch(r"[0-9.]+", value):
            return value
        raise ValueError("give an address or a host name, such as 127.0.0.1, 0.0.0.0 or ::") from None


def peer_host(value: str) -> str:
    """An address of this machine, as others know it."""
    address = host(value)
    if address in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        raise ValueError("give the address that other machines reach this one at, such as 10.0.0.7")
    return address


def secret(value: str) -> str:
    """A key long enough for HS256 (RFC 7518, section 3.2)."""
    if len(value.encode()) < SECRET_BYTES:
        raise ValueError(
            f"it has {len(value.encode())} bytes; give {SECRET_BYTES} or more, such as the output of"
            " openssl rand -base64 48"
        )
    return value


def api_keys(value: str) -> tuple[str, ...]:
    """Keys that fit into an Authorization header and are not guessed at once."""
    keys = listed(value)
    for position, key in enumerate(keys, start=1):
        if len(key) < API_KEY_CHARACTERS or not re.fullmatch(r"[!-~]+", key):
            raise ValueError(
                f"key {position} of {len(keys)} is unfit; give keys of {API_KEY_CHARACTERS} or more printable ASCII"
                " characters, without spaces"
            )
    return keys


def origins(value: str) -> tuple[str, ...]:
    """Browser origins as a browser sends them (lower case, no default port), or `*` for any."""
    return tuple(dict.fromkeys(_origin(item) for item in listed(value)))


def _origin(value: str) -> str:
    match = _ORIGIN.fullmatch(value.lower())
    if value == "*":
        return value
    if match is None:
        raise ValueError("give origins such as https://app.example.com, without a path, or * for any")
    scheme, name, port = match.groups()
    default_port = {"http": "80", "https": "443"}.get(scheme)
    return f"{scheme}://{name}" if port in {None, default_port} else f"{scheme}://{name}:{port}"


def networks(value: str) -> tuple[IPNetwork, ...]:
    """IP addresses and networks; an address is a network of one."""
    return tuple(_network(item) for item in listed(value))


def _network(value: str) -> IPNetwork:
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        pass
    try:
        meant = f"; {value} lies in {ipaddress.ip_network(value, strict=False)}"
    except ValueError:
        meant = ""
    raise ValueError(f"give addresses or networks such as 10.0.0.7 or 10.0.0.0/8{meant}")


def entity_types(value: str) -> tuple[str, ...]:
    """Names of what can be commented and rated; none may be the first word of another kind of channel."""
    types = listed(value)
    for name in types:
        if not _ENTITY_TYPE.fullmatch(name):
            raise ValueError("give names of letters, digits, - and _ that begin with a letter, such as trip,location")
        if name in RESERVED_TYPES:
            raise ValueError(f'"{name}" already names channels of another kind; give another name')
    return types


def redis_prefix(value: str) -> str:
    """What the names of all Redis channels and keys begin with."""
    if not _REDIS_PREFIX.fullmatch(value):
        raise ValueError("give up to 64 letters, digits and the characters . _ : -")
    return value


def existing_file(value: str) -> Path:
    """A file that is there and can be read."""
    path = Path(value)
    if not path.is_file():
        raise ValueError("there is no such file; give the path of an existing one")
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror}); make it readable for this user") from None
    return path


def blocked_words(value: str) -> tuple[Rule, ...]:
    """The rules of a file."""
    return read(existing_file(value))


def shared_data(value: str) -> "SharedData":
    """The collections and watched tables of a file."""
    # Imported by who has such a file alone: the verbs that need no handlers answer at once.
    from server import shared_data as file  # noqa: PLC0415

    return file.read(existing_file(value))


def web_url(value: str) -> str:
    """An http(s) URL."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("give a URL such as https://login.example.com/.well-known/jwks.json")
    return value


def contact(value: str) -> str:
    """A contact as VAPID demands it (RFC 8292, section 2.1)."""
    if not re.fullmatch(r"mailto:[^@\s]+@[^@\s]+|https://[^\s/]+\S*", value):
        raise ValueError("give mailto:somebody@example.com or an https:// URL")
    return value
