"""Removals: a client that lost its connection on one worker takes it up again on another.

The worker that had it hands over what it was sent and how far its channels had come; from there on the log tells. A
worker that drains leaves this in Redis. One that was killed hands over nothing, and its clients start anew.
"""

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any

import orjson
from redis.exceptions import RedisError

from handlers import access
from handlers.base import Actor
from models import event_log
from models.database import Database
from models.users import User
from server.engine import RealtimeServer, Recovered, RedisBus
from server.presence import People
from server.subscriptions import SocketSubscriptions

log = logging.getLogger("hubbub.removals")

ASK, GIVE = b"A", b"G"
# A state larger than this is not worth moving: its client reloads faster.
STATE_BYTES = 1 << 20
_ARRIVALS_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Moved:
    """Who came from another worker, and what they had there.

    That is how far their channels had come, which of them were heard through which filter, and what they had said of
    themselves.
    """

    owner: str | None
    positions: dict[str, int]
    views: dict[str, str]
    said: str | None
    at: float


class Removals:
    """The engine's port ``Elsewhere``: asks the other workers, and answers them.

    Args:
        sio, subscriptions, people, database: of this worker.
        bus, redis: shared with the others.
        prefix: of the keys in Redis.
        seconds: how long a state is kept.
        timeout: seconds to wait for another worker, or for Redis.
    """

    def __init__(
        self,
        sio: RealtimeServer,
        bus: RedisBus,
        redis: Any,
        subscriptions: SocketSubscriptions,
        people: People,
        database: Database,
        *,
        prefix: str,
        seconds: float,
        timeout: float,
    ) -> None:
        assert sio.recovery is not None
        self._sio = sio
        self._recovery = sio.recovery
        self._bus = bus
        self._redis = redis
        self._subscriptions = subscriptions
        self._people = people
        self._database = database
        self._prefix = prefix
        self._seconds = seconds
        self._timeout = timeout
        self._asked: dict[str, asyncio.Future[dict[str, Any] | None]] = {}
        self._arrivals: dict[str, Moved] = {}
        self._recovery.place = f"{bus.worker_id}~"
        self._recovery.elsewhere = self
        bus.on(ASK, self._heard_question)
        bus.on(GIVE, self._heard_answer)
        bus.retain(_topic(bus.worker_id))

    def arrived(self, connection: str) -> Moved | None:
        """What came with a connection that was taken over; each is told once."""
        return self._arrivals.pop(connection, None)

    async def take(self, namespace: str, pid: str, offset: str) -> Recovered | None:
        """Take a client over; None when nobody has it, or cannot tell all that it missed."""
        worker, mark, _ = pid.partition("~")
        if not mark or namespace != "/":
            return None
        state = await self._left_behind(pid) or await self._ask(worker, pid)
        if state is None:
            return None
        missed = _after(state, offset)
        if missed is None or not await self._reaches(state):
            return None
        recovered = self._recovery.adopt(namespace, pid, state["sid"], missed, state["storage"], self._sio.ready)
        now = time.monotonic()
        self._arrivals = {sid: moved for sid, moved in self._arrivals.items() if now - moved.at < _ARRIVALS_SECONDS}
        self._arrivals[state["sid"]] = Moved(
            state["owner"], state["positions"], state.get("views", {}), state.get("said"), now
        )
        return recovered

    async def leave_all(self) -> None:
        """Before this worker ends: leave everybody who may come back in Redis."""
        states = {pid: self._state(pid) for pid in self._recovery.expected()}
        try:
            async with asyncio.timeout(self._timeout):
                pipeline = self._redis.pipeline(transaction=False)
                for pid, state in states.items():
                    if state is not None:
                        pipeline.set(self._key(pid), state, px=max(1, int(self._seconds * 1000)))
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("Clients cannot take their connections up elsewhere", extra={"cause": repr(error)})

    def _state(self, pid: str) -> bytes | None:
        """Everything about a client that is away, which is forgotten here. Runs at once: no event comes in between."""
        given = self._recovery.give(pid)
        if given is None:
            return None
        client, base, sent = given
        owner = self._subscriptions.owner(client.sid)
        said = None if owner is None else self._people.said(owner, client.sid)
        state = {
            "sid": client.sid,
            "owner": owner,
            "said": None if said is None else said.encode(),
            "storage": client.storage,
            "base": base,
            "sent": [packet.text.decode() for packet in sent if packet.text is not None],
            "positions": self._subscriptions.positions(client.sid),
            "views": self._subscriptions.views(client.sid),
        }
        self._subscriptions.forget(client.sid)
        encoded = orjson.dumps(state)
        return encoded if len(encoded) <= STATE_BYTES else None

    async def _left_behind(self, pid: str) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(self._timeout):
                found = await self._redis.getdel(self._key(pid))
        except (RedisError, OSError, TimeoutError):
            return None
        state: dict[str, Any] | None = orjson.loads(found) if found else None
        return state

    async def _ask(self, worker: str, pid: str) -> dict[str, Any] | None:
        if worker == self._bus.worker_id or not self._bus.healthy:
            return None
        number = secrets.token_hex(8)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        question = {"number": number, "worker": self._bus.worker_id, "pid": pid}
        self._bus.publish(_topic(worker), ASK, orjson.dumps(question))
        try:
            async with asyncio.timeout(self._timeout):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._asked[number]

    def _heard_question(self, _topic_name: str, payload: bytes) -> None:
        self._sio.keep(self._answer(orjson.loads(payload)))

    async def _answer(self, question: dict[str, str]) -> None:
        pid = question["pid"]
        await self._sio.let_go(pid)
        client = self._recovery.away(pid)
        if client is not None:
            await self._subscriptions.level(client.sid)
        state = self._state(pid) or b"null"
        head = question["number"].encode() + b"\n"
        self._bus.publish(_topic(question["worker"]), GIVE, head + state)

    def _heard_answer(self, _topic_name: str, payload: bytes) -> None:
        number, state = payload.split(b"\n", 1)
        answer = self._asked.get(number.decode())
        if answer is not None and not answer.done():
            answer.set_result(orjson.loads(state))

    async def _reaches(self, state: dict[str, Any]) -> bool:
        """Whether the log still tells what followed, and the owner may still hear all of it."""
        # A role that reads more is not known here: who has one starts anew with what it alone reads.
        owner = Actor(User(state["owner"], "")) if state["owner"] else Actor()
        async with self._database.read() as conn:
            for channel, seq in state["positions"].items():
                if not (await event_log.after(conn, channel, seq)).recovered:
                    return False
                if access.can_end(channel) and not await access.still_readers(conn, channel, {"": owner}):
                    return False
        return True

    def _key(self, pid: str) -> str:
        return f"{self._prefix}:recovery:{pid}"


def _topic(worker: str) -> str:
    return f"recovery:{worker}"


def _after(state: dict[str, Any], offset: str) -> list[bytes] | None:
    """What of a state's packets follows an offset, without their offsets; None when it is another log's."""
    name, _, digits = offset.rpartition(".")
    base, _, _ = state["base"].rpartition(".")
    if name != base:
        return None
    try:
        seen = int(digits, 16)
    except ValueError:
        return None
    missed = []
    for text in state["sent"]:
        head, _, tail = text.rpartition(',"')
        if int(tail.removesuffix('"]').rpartition(".")[2], 16) > seen:
            missed.append(head.encode() + b"]")
    return missed
