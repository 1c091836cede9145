"""Events: the table holds every event that the code sends, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from handlers.events import EVENTS
from tests.support.process import ROOT

NAME = re.compile(r"[a-z]+:[a-z]+\Z")
# Functions that send an event, and what kind of event that is.
SENDERS = {
    "handlers": {"publish": {"stored"}, "signal": {"signal"}},
    "server": {
        "broadcast": {"signal", "connection"},
        "show": {"signal"},
        "_tell": {"connection"},
        "Watches": {"signal"},
    },
}
# By a function of PostgreSQL's.
SENT_BY_SQL = {"table:changed": ROOT / "models/table_triggers.py"}
# A backend's events have whatever name it gives them.
NAMED_BY_BACKENDS = ROOT / "handlers/channels.py"


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a sender in a file, and the sender's name."""
    senders = SENDERS[path.relative_to(ROOT).parts[0]]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        sender = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
        if sender in senders:
            yield sender, node


def name_in(call: ast.Call) -> str | None:
    """The event's name that a call holds, if it holds one."""
    found = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return next(filter(NAME.match, found), None)


def test_handlers_send_events_of_the_table_alone() -> None:
    seen = 0
    for path in (ROOT / "handlers").glob("*.py"):
        for sender, call in calls(path):
            name = name_in(call)
            where = f"{path.name}, line {call.lineno}"
            if path == NAMED_BY_BACKENDS and name is None:
                continue
            assert name is not None, f"{where}: write the event's name where it is sent, so that it can be looked up"
            assert name in EVENTS, f"{where} sends {name}, of which handlers/events.py does not tell"
            assert EVENTS[name].kind in SENDERS["handlers"][sender], f"{where}: {name} is of another kind"
            seen += 1
    assert seen > 10


def test_the_table_holds_nothing_that_is_never_sent() -> None:
    sent = {
        name
        for package in SENDERS
        for path in (ROOT / package).rglob("*.py")
        for sender, call in calls(path)
        if (name := name_in(call)) in EVENTS and EVENTS[name].kind in SENDERS[package][sender]
    }
    for name, path in SENT_BY_SQL.items():
        assert f"'{name}'" in path.read_text()
    assert sent | SENT_BY_SQL.keys() == EVENTS.keys()
