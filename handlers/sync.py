"""Sync: what a client changed while nobody heard it, in the order in which it did, each change with its own result."""

import asyncio
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields, validate

from handlers.base import Context, Pieces, handles
from handlers.declared import STRATEGIES
from handlers.errors import ActionError, Invalid, Unavailable
from handlers.failures import told
from handlers.payload import LIST_MAX, Bounded, Choice, Id, Object, Payload, Whole, client_id
from handlers.record_data import RecordId
from handlers.record_writes import Change, apply
from models import idempotency, records
from models.database import is_retryable, is_unavailable

_SYNC = "record:sync"
_PASSING = {"unavailable", "rate_limited", "internal"}


class Mutation(Payload):
    """An element of ``mutations``."""

    mutation_id = client_id(required=True)
    op = Choice("upsert", "delete", required=True)
    collection = Id(required=True)
    id = RecordId(required=True)
    data = Object()
    base_version = Whole(0)
    strategy = Choice(*STRATEGIES)
    owner_id = Id()


_MUTATION = Mutation()
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Queued:
    """A mutation under its id: the change that is wanted, or what is wrong with it."""

    id: str
    change: Change | None
    error: Invalid | None = None

    @property
    def place(self) -> Place | None:
        """Which record it is about, if it can be about one."""
        return None if self.change is None else (self.change.collection, self.change.id)


class Queue(Bounded):
    """Mutations. Each but needs an id; whatever else is wrong with one is the result of that one alone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fields.Nested(Mutation), validate=validate.Length(max=LIST_MAX), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        self._validate(value)
        return [_queued(at, each) for at, each in enumerate(value)]


def _queued(at: int, mutation: Any) -> Queued:
    errors: dict[str, Any] = {}
    if isinstance(mutation, dict):
        try:
            loaded = _MUTATION.load(mutation)
            return Queued(loaded["mutation_id"], _change(**loaded))
        except ValidationError as error:
            errors = error.normalized_messages()
        if "mutationId" not in errors:
            return Queued(mutation["mutationId"], None, Invalid(fields=errors))
    raise ValidationError({at: {"mutationId": errors.get("mutationId", ["Must be an object with a mutationId."])}})


def _change(op: str, mutation_id: str, data: Any = None, **change: Any) -> Change:
    if (op == "upsert") != (data is not None):
        raise ValidationError({"data": ["Is needed for upsert." if data is None else "Is for upsert alone."]})
    return Change(**change, data=data)


class Sync(Payload):
    """``record:sync``."""

    batches = frozenset({"mutations"})
    mutations = Queue(required=True)


def _unfinished(mutation: Queued, error: dict[str, Any]) -> dict[str, Any]:
    return {"mutationId": mutation.id, "ok": False, "error": error}


@handles(
    _SYNC,
    Sync,
    rest=("POST", "/api/sync"),
    audience=("user", "backend"),
    pieces=Pieces("mutations", "results", "done", _unfinished),
)
async def sync_records(ctx: Context, mutations: list[Queued], done: Sequence[tuple[Queued, Any]]) -> dict[str, Any]:
    """Make changes in their order, each once under its mutationId; one that fails holds up its own record alone.

    What succeeded, or was parked, is answered the same for 7 days; what failed is tried again.
    """
    actor = ctx.actor.id or ""
    places = {each.place for each in mutations if each.place is not None}
    await records.take_all(ctx.conn, places)
    # Behind the locks, so that what another request did with the same mutations is seen.
    known = await idempotency.first_results(ctx.conn, actor, _SYNC, {each.id for each in mutations})
    fresh: dict[str, Any] = {}
    waiting = {each.place for each, result in done if _passes(result)}
    results = []
    for each in mutations:
        result = known.get(each.id)
        if result is None:
            # On SQLite no statement of the transaction lets anybody else run.
            await asyncio.sleep(0)
            result, lasts = await _result(ctx, each, waiting)
            if lasts:
                known[each.id] = fresh[each.id] = result
            elif _passes(result):
                waiting.add(each.place)
        results.append({"mutationId": each.id, **result})
    await records.give_back(ctx.conn, places)
    await idempotency.keep_results(ctx.conn, actor, _SYNC, fresh)
    return {"results": results}


async def _result(ctx: Context, mutation: Queued, waiting: Container[Place | None]) -> tuple[dict[str, Any], bool]:
    """``{ok, data or error}`` of a mutation, and whether that is what it is answered from now on.

    ``waiting`` are the records of which an earlier mutation is to be tried again, before any other.
    """
    change = mutation.change
    if change is None:
        assert mutation.error is not None
        return _failed(mutation.error), False
    if mutation.place in waiting:
        return _failed(Unavailable("An earlier change of this record has to be tried again first.")), False
    drafts, steps = len(ctx.drafts), len(ctx.after_commit)
    try:
        async with ctx.conn.begin_nested():
            outcome = await apply(ctx, change)
    except Exception as error:
        if is_retryable(error) or is_unavailable(error):
            raise
        del ctx.drafts[drafts:], ctx.after_commit[steps:]
        return _failed(told(error)), False
    if outcome.parked is not None:
        return _failed(outcome.parked), True
    return {"ok": True, "data": outcome.record}, True


def _passes(result: Mapping[str, Any]) -> bool:
    """Whether the same may succeed when it is sent again, although nothing else changed."""
    return not result["ok"] and result["error"]["code"] in _PASSING


def _failed(error: ActionError) -> dict[str, Any]:
    return {"ok": False, "error": error.wire()}
