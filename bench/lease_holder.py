"""A worker's leases and nothing else: `python -m bench.lease_holder --redis-url URL --members N`.

It holds that many people, each with a value as long as presence's, and renews its lease.
"""

import argparse
import asyncio

import orjson
import uvloop
from redis import asyncio as aioredis

from server.leases_redis import RedisLeases

PREFIX = "bench"
TOPIC = "people"
LEASE_SECONDS = 12.0
TIMEOUT_SECONDS = 1.0


async def hold(redis_url: str, members: int) -> None:
    """Hold until killed."""
    redis = aioredis.Redis.from_url(redis_url, decode_responses=True)
    leases = RedisLeases(redis, "holder", PREFIX, lease_seconds=LEASE_SECONDS, timeout=TIMEOUT_SECONDS)
    await leases.start()
    state = {"status": "online", "currentPage": "/trips/42", "activity": None, "at": "2026-01-01T00:00:00.000Z"}
    await leases.hold(TOPIC, dict.fromkeys((f"user-{n}" for n in range(members)), orjson.dumps(state).decode()))
    print("holds", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis-url", required=True)
    parser.add_argument("--members", type=int, required=True)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(hold(options.redis_url, options.members))


if __name__ == "__main__":
    main()
