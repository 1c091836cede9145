"""What bounds and counts the traffic between workers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeerLimits:
    """Bounds of the way to another worker; `Peers` documents each."""

    timeout: float
    idle_seconds: float
    idle_connections: int


@dataclass(slots=True)
class PeerCounts:
    """What a worker has done with requests for sessions of others, and others with requests for its own."""

    #: Requests relayed to their owners.
    relayed: int = 0
    #: Connections passed on to workers of this machine.
    passed_on: int = 0
    #: Upgrades whose bytes go through this worker.
    spliced: int = 0
    #: Requests that others have relayed to this worker.
    served: int = 0
    #: Connections that others have passed on to this worker.
    adopted: int = 0
