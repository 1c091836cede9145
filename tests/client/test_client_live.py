"""The client library in Node, with the official socket.io-client, against real servers."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.hubbub import Cluster
from tests.support.process import ROOT, find_node

SECONDS = 100


async def node(script: str, **config: Any) -> None:
    """Run a script of this folder to its end; AssertionError with what it said when it fails."""
    path = Path(__file__).with_name(script)
    process = await asyncio.create_subprocess_exec(
        find_node(),
        path,
        json.dumps(config),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, output.decode()


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """The collections of the demo."""
    return {"HUBBUB_COLLECTIONS": str(ROOT / "server" / "demo.toml")}


async def test_nothing_is_lost_or_doubled_while_connections_are_cut(cluster: Cluster) -> None:
    """Two clients, on two workers where there are two, end with the same messages and saw each event once."""
    tokens = [cluster.token(f"cut-{name}") for name in ("ada", "bo")]
    await node("live.mjs", urls=[cluster.a.url, cluster.b.url], tokens=tokens, count=40)


async def test_a_session_is_refreshed_before_it_ends(cluster: Cluster) -> None:
    """The library asks the application for a new token in time and stays connected."""
    ends_at = int(time.time()) + 4
    tokens = [cluster.token("refreshed", exp=ends_at), cluster.token("refreshed")]
    await node("refresh.mjs", url=cluster.a.url, tokens=tokens, endsAt=ends_at * 1000)


async def test_presence_viewers_and_notifications_are_the_same_in_all_tabs(cluster: Cluster) -> None:
    """One person in two tabs and another, on two workers where there are two, end with the same on the screen."""
    tokens = [cluster.token(f"people-{name}") for name in ("ada", "bo")]
    urls = [cluster.a.url, cluster.b.url]
    await node("people.mjs", urls=urls, tokens=tokens, apiKey=cluster.api_key, count=30)


async def test_shared_records_and_documents_are_the_same_for_both_while_connections_are_cut(cluster: Cluster) -> None:
    """What two people change through the queue and write in one text ends the same for both, each change once."""
    tokens = [cluster.token(f"shared-{name}") for name in ("ada", "bo")]
    await node("shared.mjs", urls=[cluster.a.url, cluster.b.url], tokens=tokens, count=20)


async def test_comments_marks_stories_posts_and_the_queue_are_the_same_everywhere(cluster: Cluster) -> None:
    """Two people and a moderator, on two workers where there are two, end with the same on the screen."""
    tokens = [cluster.token(f"together-{name}") for name in ("ada", "bo")]
    tokens.append(cluster.token("together-mo", role="moderator"))
    await node("together.mjs", urls=[cluster.a.url, cluster.b.url], tokens=tokens, count=18)
