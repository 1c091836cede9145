"""The official JavaScript client, in the releases that people have, and the Python client."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import socketio

from tests.conformance.served import Served
from tests.support.process import find_node, find_program
from tests.support.waiting import eventually

HERE = Path(__file__).parent
RELEASES = ("3.0", "3.1", "4.0", "4.5", "4.6", "4.7", "newest")
TRANSPORTS = ("polling", "websocket", "polling,websocket")


@pytest.fixture(scope="session")
def releases() -> None:
    """Install the releases that package-lock.json names, unless they are there."""
    installed, lock = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        npm = find_program("npm", "npm", [Path(find_node()).parent])
        subprocess.run([npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=HERE, check=True)


@pytest.mark.parametrize("transports", TRANSPORTS, ids=lambda names: names.replace("polling,websocket", "upgrade"))
@pytest.mark.parametrize("release", RELEASES)
async def test_javascript_client(releases: None, served: Served, release: str, transports: str) -> None:
    program = await asyncio.create_subprocess_exec(
        find_node(),
        str(HERE / "javascript_client.mjs"),
        release,
        served.url,
        transports,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await program.communicate()
    assert program.returncode == 0, errors.decode()
    assert json.loads(output)[-1] == "disconnect"
    await eventually(served.is_empty, "everything to be forgotten")


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]], ids="-".join)
async def test_python_client(served: Served, transports: list[str]) -> None:
    client = socketio.AsyncClient(reconnection_delay=0.02)
    heard: list[Any] = []
    client.on("message-back", lambda *args: heard.append(args))
    await client.connect(served.url, transports=transports, auth={"token": "abc"}, namespaces=["/", "/custom"])
    try:
        for number in range(100):
            await client.emit("message", number)
        await eventually(lambda: len(heard) == 100, "100 echoes")
        assert heard == [(number,) for number in range(100)]
        arguments = ({"a": [1, None]}, b"\0\1" * 20_000)
        assert await client.call("message-with-ack", arguments) == arguments
        assert await client.call("message-with-ack", "x" * 600_000) == "x" * 600_000
        assert await client.call("message-with-ack", "there", namespace="/custom") == "there"
    finally:
        await client.disconnect()
    await eventually(served.is_empty, "everything to be forgotten")
