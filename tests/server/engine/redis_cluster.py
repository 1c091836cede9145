"""A Redis Cluster of three primaries on this machine."""

from typing import Any

import redis
from redis.crc import key_slot

from tests.support.process import Process, find_program, free_port, temporary_folder
from tests.support.waiting import wait_until

SLOTS = 16384


class ClusterNode(Process):
    """One server of a cluster, in memory; what it knows of the others survives its restart."""

    def __init__(self) -> None:
        self.port, bus_port = free_port(), free_port()
        folder = temporary_folder("redis-cluster")
        options = {
            "port": self.port,
            "cluster-port": bus_port,
            "bind": "127.0.0.1",
            "save": "",
            "dir": folder,
            "cluster-enabled": "yes",
            "cluster-node-timeout": 1000,
            "cluster-require-full-coverage": "no",
            "cluster-allow-pubsubshard-when-down": "yes",
        }
        super().__init__(
            "redis-cluster-node",
            [
                find_program("redis-server", "redis-server"),
                *(str(part) for name, value in options.items() for part in (f"--{name}", value)),
            ],
            log_path=folder / "redis.log",
            ready=self._answers,
        )
        self.bus_port = bus_port

    def do(self, *command: object) -> Any:
        """Send one command to this very server."""
        with redis.Redis(port=self.port, socket_timeout=5) as client:
            return client.execute_command(*command)

    def _answers(self) -> bool:
        try:
            return bool(self.do("PING"))
        except redis.ConnectionError:
            return False


class RedisClusterServers:
    """Three primaries with a third of the slots each."""

    def __init__(self) -> None:
        self.nodes = [ClusterNode() for _ in range(3)]
        self.owner: dict[int, ClusterNode] = {}

    @property
    def url(self) -> str:
        """The address of one of the nodes."""
        return f"redis+cluster://127.0.0.1:{self.nodes[0].port}"

    def start(self) -> None:
        """Start the servers and make them one cluster."""
        share = SLOTS // len(self.nodes) + 1
        for number, node in enumerate(self.nodes):
            node.start()
            first, last = number * share, min((number + 1) * share, SLOTS) - 1
            node.do("CLUSTER ADDSLOTSRANGE", first, last)
            node.do("CLUSTER SET-CONFIG-EPOCH", number + 1)
            self.owner.update(dict.fromkeys(range(first, last + 1), node))
            if number:
                self.nodes[0].do("CLUSTER MEET", "127.0.0.1", node.port, node.bus_port)
        wait_until(self._is_whole, "the cluster to come together")

    def _is_whole(self) -> bool:
        # The client's parser makes a mapping of it; every server must know every slot's.
        return all(
            info["cluster_state"] == "ok" and info["cluster_slots_ok"] == str(SLOTS) and info["cluster_size"] == "3"
            for info in (node.do("CLUSTER INFO") for node in self.nodes)
        )

    def stop(self) -> None:
        """End every server."""
        for node in self.nodes:
            node.kill()

    def node_of(self, channel: str) -> ClusterNode:
        """The server that has a channel's slot."""
        return self.owner[key_slot(channel.encode())]

    def subscribers(self, channel: str) -> int:
        """How many connections are subscribed to a channel where it belongs."""
        return self.node_of(channel).do("PUBSUB SHARDNUMSUB", channel)[0][1]

    def move(self, channel: str, target: ClusterNode) -> None:
        """Give the slot of a channel to another server."""
        slot, source = key_slot(channel.encode()), self.node_of(channel)
        source_id, target_id = (node.do("CLUSTER MYID").decode() for node in (source, target))
        target.do("CLUSTER SETSLOT", slot, "IMPORTING", source_id)
        source.do("CLUSTER SETSLOT", slot, "MIGRATING", target_id)
        for node in (target, source, *self.nodes):
            node.do("CLUSTER SETSLOT", slot, "NODE", target_id)
        self.owner[slot] = target
