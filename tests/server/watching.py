"""A shop beside Hubbub: its own role and tables in Hubbub's PostgreSQL, and the verbs that watch them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from tests.support.process import ROOT

TABLES = """
[tables."public.orders"]
read = "public"
columns = ["id", "status", "user_id"]

[tables."public.carts"]
read = "owner"
owner = "user_id"
columns = ["id", "items"]

[tables."public.refunds"]
read = "role:moderator"
columns = ["id"]
"""
SCHEMA = """
CREATE TABLE orders (id int PRIMARY KEY, status text, user_id text, secret text);
CREATE TABLE carts (id int PRIMARY KEY, items int, user_id text);
CREATE TABLE refunds (id int PRIMARY KEY);
"""


def declared(folder: Path, text: str = TABLES) -> str:
    """The path of a file that declares the shop's tables."""
    path = folder / "shared.toml"
    path.write_text(text)
    return str(path)


async def shop(url: str, role: str) -> asyncpg.Connection:
    """The shop's connection, as a role that has made its own tables and has no other rights."""
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}")
    await connection.execute(f"SET SESSION AUTHORIZATION {role}")
    await connection.execute(SCHEMA)
    return connection


def verb(environment: Mapping[str, str | None], *words: str) -> tuple[int, str]:
    """Run a verb of the program: its exit status, and the one line that it says."""
    given = {name: value for name, value in environment.items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-m", "server", *words],
        env={"PATH": os.environ["PATH"], **given},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = (done.stdout + done.stderr).splitlines()
    assert len(lines) == 1, lines
    return done.returncode, lines[0]
