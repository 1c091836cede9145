"""Whatever three clients do to records, in whichever order: an old snapshot and its events are a fresh snapshot."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest
import socketio
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from handlers.settling import STRATEGIES, same
from tests.acceptance.recorders import variables
from tests.support.hubbub import Cluster, Hubbub
from tests.support.waiting import eventually

CHANNEL = "collection:notes"
CLIENTS = st.integers(min_value=0, max_value=2)
RECORDS = st.integers(min_value=0, max_value=3)
FIELDS = st.dictionaries(st.sampled_from("abn"), st.integers(min_value=0, max_value=3), max_size=3)
STRATEGY = st.sampled_from(["last-write-wins", "merge", "manual"])
# How far behind the newest version a change begins; None: it does not say.
BEHIND = st.one_of(st.none(), st.integers(min_value=-1, max_value=3))


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Collections of several kinds."""
    return variables()


@dataclass
class Client:
    """Somebody with a list of records, which a snapshot began and events keep right."""

    user_id: str
    worker: Hubbub
    filter: str | None
    wants: Any
    sio: Any = None
    seq: int | None = None
    records: dict[str, Any] = field(default_factory=dict)

    async def come(self, *, anew: bool) -> None:
        """Connect and go on behind what was heard last; ``anew`` with a snapshot."""
        self.sio = socketio.AsyncClient(reconnection=False)
        self.sio.on("record:changed", self.hear)
        await self.sio.connect(self.worker.url, auth={"token": self.worker.token(self.user_id)})
        wanted: dict[str, Any] = {"channel": CHANNEL}
        if self.filter is not None:
            wanted["filter"] = self.filter
        if anew or self.seq is None:
            wanted["snapshot"] = True
        else:
            wanted["after"] = self.seq
        reply = await self.sio.call("channel:subscribe", wanted)
        assert reply["ok"], reply
        data = reply["data"]
        if "snapshot" in data:
            self.records = {each["id"]: each for each in data["snapshot"]["records"]}
        assert data["recovered"]
        for each in data["events"]:
            await self.hear(each)
        self.seq = max(data["seq"], self.seq or 0)

    async def hear(self, envelope: dict[str, Any], *_: Any) -> None:
        """A change comes."""
        change = envelope["data"]
        assert self.seq is None or envelope["seq"] > self.seq
        self.seq = envelope["seq"]
        known = self.records.get(change["id"])
        assert (change["old"] is None) == (change["eventType"] == "INSERT") == (known is None)
        assert change["old"] == known
        if change["new"] is None:
            del self.records[change["id"]]
        else:
            self.records[change["id"]] = change["new"]

    async def go(self) -> None:
        """Lose the connection."""
        await self.sio.disconnect()
        self.sio = None


class Keepers(RuleBasedStateMachine):
    """Three clients, what they keep, and a model: of each record the data of all its versions, beginning with none."""

    cluster: Cluster

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._tag = secrets.token_hex(6)
        self._model: dict[str, list[Any]] = {f"{self._tag}-{n}": [None] for n in range(4)}
        self._parked: dict[str, tuple[str, Any, Any]] = {}
        self._clients: list[Client] = []

    @initialize()
    def begin(self) -> None:
        views = (
            (None, lambda data: True),
            ("n=gte.2", lambda data: data.get("n", 0) >= 2),
            ("a=is.null", lambda data: "a" not in data),
        )
        for at, (wanted, wants) in enumerate(views):
            worker = (self.cluster.a, self.cluster.b)[at % 2]
            text = f"tag=eq.{self._tag}" + ("" if wanted is None else f"&{wanted}")
            self._clients.append(Client(f"{self._tag}-user-{at}", worker, text, wants))
        for each in self._clients:
            self._runner.run(each.come(anew=True))

    async def _call(self, at: int, method: str, path: str, body: Any) -> Any:
        client = self._clients[at]
        reply = await client.worker.rest(method, path, body, token=client.worker.token(client.user_id))
        return reply.body

    @rule(at=CLIENTS, which=RECORDS, data=FIELDS, behind=BEHIND, strategy=STRATEGY)
    def write(self, at: int, which: int, data: dict[str, int], behind: int | None, strategy: str) -> None:
        self._change(at, f"{self._tag}-{which}", data | {"tag": self._tag}, behind, strategy)

    @rule(at=CLIENTS, which=RECORDS, behind=BEHIND, strategy=STRATEGY)
    def delete(self, at: int, which: int, behind: int | None, strategy: str) -> None:
        self._change(at, f"{self._tag}-{which}", None, behind, strategy)

    def _change(self, at: int, id: str, data: Any, behind: int | None, strategy: str) -> None:
        versions = self._model[id]
        newest, stored = len(versions) - 1, versions[-1]
        base = None if behind is None else max(0, newest - behind)
        body = {"strategy": strategy} | ({} if base is None else {"baseVersion": base})
        method, sent = ("DELETE", body) if data is None else ("PUT", body | {"data": data})
        reply = self._runner.run(self._call(at, method, f"/api/collections/notes/records/{id}", sent))
        code = reply.get("error", {}).get("code")
        if data is None and newest == 0:
            assert code == "not_found"
            return
        if base is not None and base > newest:
            assert code == "invalid"
            return
        lost: dict[str, Any] = {}
        if base in {None, newest} or (stored is None and (data is None or base == 0)):
            result = data
        elif same(data, stored):
            result = stored
        elif strategy == "manual":
            assert code == "conflict"
            assert (reply["error"]["current"] or {}).get("data") == stored
            self._park(at, id, data)
            return
        else:
            settled = STRATEGIES[strategy](versions[base], stored, data)
            result, lost = settled.data, settled.lost
        assert reply["ok"], reply
        # Without a conflict even what changes nothing is a new version.
        written = not same(result, stored) or (base in {None, newest} and data is not None)
        if written:
            versions.append(result)
        assert (reply["data"]["data"], reply["data"]["version"]) == (result, len(versions) - 1)
        assert reply["data"].get("conflict", {"lost": {}})["lost"] == lost

    def _park(self, at: int, id: str, data: Any) -> None:
        found = self._runner.run(self._call(at, "GET", "/api/conflicts", None))["data"]["conflicts"]
        mine = {each["id"]: each for each in found}
        (parked,) = [each for each in mine.values() if each["recordId"] == id and same(each["local"], data)][:1]
        self._parked[parked["id"]] = (id, data, at)

    @precondition(lambda self: self._parked)
    @rule(resolution=st.sampled_from(["local", "remote"]))
    def resolve(self, resolution: str) -> None:
        conflict, (id, data, at) = self._parked.popitem()
        reply = self._runner.run(self._call(at, "POST", f"/api/conflicts/{conflict}", {"resolution": resolution}))
        assert reply["ok"], reply
        if resolution == "local" and not same(data, self._model[id][-1]):
            self._model[id].append(data)

    @rule(at=CLIENTS)
    def drop(self, at: int) -> None:
        if self._clients[at].sio is not None:
            self._runner.run(self._clients[at].go())

    @rule(at=CLIENTS, anew=st.booleans())
    def come(self, at: int, anew: bool) -> None:
        if self._clients[at].sio is None:
            self._runner.run(self._clients[at].come(anew=anew))

    @rule()
    def look(self) -> None:
        self._runner.run(self._settled())

    async def _settled(self) -> None:
        """Whoever is here comes to see what the model says."""
        for client in self._clients:
            wanted = {
                id: (versions[-1], len(versions) - 1)
                for id, versions in self._model.items()
                if versions[-1] is not None and client.wants(versions[-1])
            }

            def is_right(client: Client = client, wanted: dict[str, Any] = wanted) -> bool:
                return {id: (each["data"], each["version"]) for id, each in client.records.items()} == wanted

            if client.sio is not None:
                await eventually(is_right, f"{wanted} for a client with {client.records}")

    def teardown(self) -> None:
        async def end() -> None:
            for each in self._clients:
                if each.sio is None:
                    await each.come(anew=False)
            await self._settled()
            for each in self._clients:
                old = each.records
                await each.go()
                await each.come(anew=True)
                assert each.records == old
                await each.go()

        self._runner.run(end())
        self._runner.close()


def test_an_old_snapshot_and_its_events_are_a_fresh_snapshot(cluster: Cluster) -> None:
    machine = type("Machine", (Keepers,), {"cluster": cluster})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
