"""The pipeline that every action passes, whatever door it came through, and whose reply always leaves."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from marshmallow import ValidationError

from handlers import REGISTRY
from handlers.base import Action, Actor, Context, Job, Pieces, Services
from handlers.errors import (
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from handlers.failures import told
from handlers.payload import measure
from models import event_log, idempotency
from models.database import Database, is_retryable, is_unavailable
from models.event_log import Event
from server.batcher import Batcher
from server.limits import Limiter
from server.settings import Settings

ATTEMPTS = 4
Delivered = Callable[[Sequence[Event]], None]
Read = Callable[[], Awaitable[Any]]


@dataclass(slots=True)
class Reply:
    """What leaves: the JSON of the contract, the status of the REST door, and what follows once it is on its way."""

    body: dict[str, Any]
    status: int = 200
    after: list[Callable[[], None]] = field(default_factory=list)


class Dispatcher:
    """Validates, limits, runs, commits, delivers and answers.

    Args:
        database: where actions read and write.
        services: the ports given to handlers.
        limiter: holds the rate limits.
        deliver: called with the events of each commit, in their order.
        settings: limits and sizes.
    """

    def __init__(
        self, database: Database, services: Services, limiter: Limiter, deliver: Delivered, settings: Settings
    ) -> None:
        self._database = database
        self._services = services
        self._limiter = limiter
        self._deliver = deliver
        self._settings = settings
        self._batches: dict[str, Batcher[Job]] = {
            action.name: Batcher(self._group_commit(action), settings.group_commit_size)
            for action in REGISTRY.values()
            if action.batch
        }
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = False
        self.observe: Callable[[str, str], None] = lambda action, outcome: None

    async def run(self, name: Any, actor: Actor, payload: Any, *, read: Read | None = None) -> Reply:
        """Run an action. Never raises (but when cancelled): what goes wrong is in the reply.

        With ``read`` the payload is what that brings, which is asked once the actor may call the action.
        """
        self._under_way += 1
        self._idle.clear()
        try:
            try:
                reply = await self._run(name, actor, payload, read)
            except Exception as error:
                reply = failure(error)
            self.observe(name if name in REGISTRY else "unknown", reply.body.get("error", {}).get("code", "ok"))
            return reply
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def run_all(self, name: str, actor: Actor, payloads: Sequence[Any]) -> list[Reply]:
        """Run an action several times, in order: what is a batch anyway shares a transaction."""
        # Tasks start in the order in which they are made, and take their turns in it.
        return await asyncio.gather(*(self.run(name, actor, payload) for payload in payloads))

    async def admit(self, actor: Actor) -> None:
        """Let an actor ask for something. Raises ``Unavailable`` while ``draining``, and ``RateLimited``."""
        if self.draining:
            raise Unavailable("The server is restarting; try again in a moment.")
        await self._limit(
            f"actions:{actor.id or actor.connection or actor.address}",
            actor,
            self._settings.actions_per_second,
            self._settings.actions_burst,
        )

    async def idle(self) -> None:
        """Wait until every action under way has answered; while ``draining``, what begins is ``unavailable``."""
        await self._idle.wait()

    async def _run(self, name: Any, actor: Actor, payload: Any, read: Read | None) -> Reply:
        # Before anything else, so that nobody floods the server with what it refuses.
        await self.admit(actor)
        action = REGISTRY.get(name) if isinstance(name, str) else None
        if action is None:
            raise NotFound("There is no such action.")
        _require_audience(action, actor)
        self._services.sanctions.require(actor, speaks=action.speaks)
        data = self._load(action, payload if read is None else await read())
        if action.limit is not None:
            key, rate, burst = action.limit(actor, data, self._services.rules)
            await self._limit(key, actor, rate, burst)
        ctx = Context(actor, self._services)
        if action.prepare is not None:
            await action.prepare(ctx, **data)
        if action.batch:
            job = Job(ctx, data)
            await self._batches[name].submit(job)
            if job.error is not None:
                raise job.error
            ctx, result = job.ctx, job.result
        elif action.reads:
            async with self._database.scan() if action.slow else self._database.read() as ctx.conn:
                result = await action.run(ctx, **data)
        elif action.pieces is not None:
            ctx, result = await self._piece_by_piece(action, action.pieces, actor, data)
        else:
            ctx, result = await self._retried(lambda: self._transaction(action, actor, data))
        if ctx.finish is not None:
            result = await ctx.finish(result)
        return Reply({"ok": True, "data": result}, 201 if ctx.created else 200, ctx.after_reply)

    def _load(self, action: Action, payload: Any) -> dict[str, Any]:
        if payload is None:
            payload = {}
        if not isinstance(payload, Mapping):
            raise Invalid("The payload must be an object.")
        objection = measure(
            action.schema.without_files(payload),
            self._settings.json_depth,
            self._settings.json_keys,
            action.schema.batches,
        )
        if objection is not None:
            raise Invalid(f"The payload is not taken: {objection[0].lower()}{objection[1:]}")
        try:
            loaded: dict[str, Any] = action.schema.load(payload)
        except ValidationError as error:
            raise Invalid(fields=error.normalized_messages()) from error
        return loaded

    async def _limit(self, key: str, actor: Actor, rate: float, burst: int) -> None:
        if actor.backend:
            return
        wait = await self._limiter.take(key, rate, burst)
        if wait:
            raise RateLimited(wait)

    async def _transaction(self, action: Action, actor: Actor, data: dict[str, Any]) -> tuple[Context, Any]:
        ctx = Context(actor, self._services)
        async with self._database.write() as ctx.conn:
            result = await self._once(action, ctx, data)
            ctx.events += await event_log.append(ctx.conn, ctx.drafts)
        self._committed([ctx])
        return ctx, result

    async def _piece_by_piece(
        self, action: Action, pieces: Pieces, actor: Actor, data: dict[str, Any]
    ) -> tuple[Context, dict[str, Any]]:
        """Others get their turn between the pieces. What follows one that failed is not begun: nothing overtakes it."""
        whole, results = data[pieces.field], list[Any]()
        for start in range(0, max(1, len(whole)), self._settings.sync_batch):
            done = list(zip(whole, results, strict=False))
            piece = data | {pieces.field: whole[start : start + self._settings.sync_batch], pieces.done: done}
            try:
                ctx, result = await self._retried(partial(self._transaction, action, actor, piece))
            except Exception as error:
                if not results:
                    raise
                wire = told(error).wire()
                results += [pieces.unfinished(each, wire) for each in whole[start:]]
                break
            results += result[pieces.answer]
        return ctx, {pieces.answer: results}

    async def _once(self, action: Action, ctx: Context, data: dict[str, Any]) -> Any:
        """Run the handler, unless this actor did the same under the same client id before."""
        client_id, actor_id = data.get("client_id"), ctx.actor.id
        if client_id is None or actor_id is None:
            return await action.run(ctx, **data)
        repeated, result = await idempotency.first_result(ctx.conn, actor_id, action.name, client_id)
        if repeated:
            if action.repeated is not None:
                await action.repeated(ctx, result)
            return result
        result = await action.run(ctx, **data)
        await idempotency.keep_result(ctx.conn, actor_id, action.name, client_id, result)
        return result

    async def _retried(self, transaction: Callable[[], Awaitable[Any]]) -> Any:
        """Run a transaction again that the database undid because another one stood in its way."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await transaction()
            except Exception as error:
                if not is_retryable(error):
                    raise
        return await transaction()

    def _group_commit(self, action: Action) -> Callable[[list[Job]], Awaitable[None]]:
        """Hot writes share a transaction; when it fails for a reason of one of them, each is tried by itself."""

        async def attempt(jobs: list[Job]) -> None:
            for job in jobs:
                job.ctx, job.result, job.error = Context(job.ctx.actor, self._services), None, None
            async with self._database.write() as conn:
                for job in jobs:
                    job.ctx.conn = conn
                await action.run(jobs)
                drafts = [draft for job in jobs for draft in job.ctx.drafts]
                jobs[0].ctx.events += await event_log.append(conn, drafts)
            self._committed([job.ctx for job in jobs])

        async def alone(job: Job) -> None:
            try:
                await self._retried(lambda: attempt([job]))
            except Exception as error:
                job.error = error

        async def run(jobs: list[Job]) -> None:
            try:
                await attempt(jobs)
            except Exception as error:
                if is_unavailable(error):
                    raise
                for job in jobs:
                    await alone(job)

        return run

    def _committed(self, contexts: Sequence[Context]) -> None:
        for ctx in contexts:
            self._deliver(ctx.events)
        for ctx in contexts:
            for step in ctx.after_commit:
                step()


def _require_audience(action: Action, actor: Actor) -> None:
    kind = "user" if actor.user else "backend" if actor.backend else "visitor"
    if kind in action.audience:
        return
    if kind == "visitor":
        raise Unauthenticated()
    raise Forbidden("This takes a signed-in user." if kind == "backend" else "This takes an API key.")


def failure(error: Exception) -> Reply:
    """The reply to a request that failed."""
    known = told(error)
    return Reply({"ok": False, "error": known.wire()}, known.status)
