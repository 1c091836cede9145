"""Log lines, as people and as machines read them."""

import json
import logging
import re
from collections.abc import Iterator

import pytest

from server import logs


@pytest.fixture(autouse=True)
def logging_as_found() -> Iterator[None]:
    """Leave the logging of the test run as it was found."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.handlers[:] = []
    yield
    logging.captureWarnings(False)
    root.setLevel(level)
    root.handlers[:] = handlers


def fail() -> None:
    """Log an exception with its traceback."""
    try:
        print(1 / 0)
    except ZeroDivisionError:
        logging.getLogger("hubbub.test").exception("It failed", extra={"action": "message:send"})


def test_a_text_line_ends_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "text", worker=2)
    logging.getLogger("hubbub.test").info("%s came", "Ada", extra={"user": "ada", "title": 'so "far"', "count": 3})
    line = capsys.readouterr().err
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO hubbub\.test: Ada came"
        r' worker=2 user=ada title="so \\"far\\"" count=3\n',
        line,
    )


def test_text_from_outside_begins_no_line_and_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "text")
    logging.getLogger("hubbub.test").info("%s came", "Eve\nINFO all is well\x1b[2J", extra={"user": "\r\x9b1m\n"})
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", line)


def test_a_traceback_stands_below_its_text_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "text")
    fail()
    first, *trace = capsys.readouterr().err.splitlines()
    assert first.endswith("ERROR hubbub.test: It failed action=message:send")
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[-1] == "ZeroDivisionError: division by zero"


def test_a_json_line_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "json", worker=2)
    fail()
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert record["exception"].endswith("ZeroDivisionError: division by zero")
    assert {name: record[name] for name in ("level", "logger", "message", "action", "worker")} == {
        "level": "error",
        "logger": "hubbub.test",
        "message": "It failed",
        "action": "message:send",
        "worker": 2,
    }


def test_a_json_line_takes_what_json_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info", "json")
    logging.getLogger("hubbub.test").info("odd", extra={"path": logging, "text": "\ud800"})
    assert json.loads(capsys.readouterr().err)["text"] == "\ud800"


def test_what_is_less_severe_than_the_level_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("warning", "text")
    logging.getLogger("hubbub.test").info("unheard")
    logging.getLogger("hubbub.test").warning("heard")
    assert re.findall(r"\w+heard|heard", capsys.readouterr().err) == ["heard"]
