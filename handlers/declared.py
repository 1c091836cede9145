"""What is shared, as the file of HUBBUB_COLLECTIONS declares it: collections of records, and watched tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from handlers.record_schema import RecordSchema

OWNER = "owner"
POLICIES = ("public", "signed-in", OWNER, "role:moderator", "role:admin", "nobody")
# What conflicts have for a collection that are about something else.
RESERVED = frozenset({"document"})
STRATEGIES = ("last-write-wins", "merge", "manual")


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of records: who may read, write and delete them, how a stale write is settled, what data are valid.

    ``read``, ``write`` and ``delete`` are of ``POLICIES``, ``strategy`` of ``STRATEGIES``; without a ``schema`` any
    object is valid.
    """

    name: str
    read: str
    write: str
    delete: str
    strategy: str
    schema: RecordSchema | None = None


@dataclass(frozen=True, slots=True)
class WatchedTable:
    """A table of the application's own, in PostgreSQL: who may hear of its rows, and which columns they see.

    ``owner`` is the column with the id of the user whose row it is; there is one where ``read`` is ``owner``.
    """

    schema: str
    name: str
    read: str
    columns: tuple[str, ...]
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class SharedData:
    """What the file declares: collections by their name, watched tables by ``{schema}.{table}``."""

    collections: Mapping[str, Collection] = field(default_factory=dict)
    tables: Mapping[str, WatchedTable] = field(default_factory=dict)
