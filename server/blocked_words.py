"""Blocked words: what texts may not say, or not before a moderator has read them; the file of HUBBUB_BLOCKED_WORDS.

A line is ``hold: word``, ``refuse: several words`` or ``hold: /regular expression/``; empty lines and those that begin
with # say nothing. Words are found as whole words, whatever their case and accents; expressions whatever the case.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import re2

Verdict = Literal["hold", "refuse"]

_LINE = re.compile(r"(hold|refuse)\s*:\s*(\S.*?)\s*\Z")
_WORD = re.compile(r"[^\W_]+")
EXAMPLE = "such as hold: word or refuse: /regex/"


class Rule(NamedTuple):
    """A line of the file: a verdict, and on what: words, or an expression between slashes."""

    verdict: str
    said: str

    @property
    def expression(self) -> str | None:
        """The expression, if it is one."""
        slashes = len(self.said) > 2 and self.said.startswith("/") and self.said.endswith("/")
        return self.said[1:-1] if slashes else None


@dataclass(frozen=True, slots=True)
class _Rules:
    """What leads to one verdict: phrases by their number of words, and one expression that is any of those given."""

    phrases: dict[int, frozenset[str]]
    expression: re2._Regexp | None

    def match(self, text: str, words: list[str]) -> bool:
        """Whether the text, or its words in a row, are among them."""
        if self.expression is not None and self.expression.search(text):
            return True
        return any(
            " ".join(words[start : start + length]) in phrases
            for length, phrases in self.phrases.items()
            for start in range(len(words) - length + 1)
        )


class BlockedWords:
    """Judges texts, each in a time that grows with its length alone, whatever the expressions.

    Args:
        rules: as ``read`` found them.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        phrases: dict[str, dict[int, set[str]]] = {"hold": {}, "refuse": {}}
        expressions: dict[str, list[str]] = {"hold": [], "refuse": []}
        for rule in rules:
            if rule.expression is not None:
                expressions[rule.verdict].append(f"(?:{rule.expression})")
            else:
                words = _words(rule.said)
                phrases[rule.verdict].setdefault(len(words), set()).add(" ".join(words))
        self._hold, self._refuse = (
            _Rules(
                {length: frozenset(found) for length, found in phrases[verdict].items()},
                _compiled("|".join(expressions[verdict])) if expressions[verdict] else None,
            )
            for verdict in ("hold", "refuse")
        )

    def judge(self, text: str) -> Verdict | None:
        """What is to become of a text: ``refuse``, ``hold``, or None when nothing speaks against it."""
        words = _words(text)
        if self._refuse.match(text, words):
            return "refuse"
        return "hold" if self._hold.match(text, words) else None


def read(path: Path) -> tuple[Rule, ...]:
    """The rules of a file. Raises ``ValueError`` that names what is wrong with it."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror}); give the path of a readable file") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8; save it as UTF-8") from None
    rules = tuple(
        _rule(line.strip(), number)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    )
    try:
        BlockedWords(rules)
    except re2.error as error:
        raise ValueError(f"its expressions together cannot be used: {_reason(error)}; write fewer") from None
    return rules


def _rule(line: str, number: int) -> Rule:
    parts = _LINE.match(line)
    if parts is None:
        raise ValueError(f"line {number} is no rule; write lines {EXAMPLE}")
    rule = Rule(*parts.groups())
    if rule.expression is None:
        if not _words(rule.said):
            raise ValueError(f"line {number} holds no letter or digit; write an expression: /…/")
        return rule
    try:
        _compiled(rule.expression)
    except re2.error as error:
        raise ValueError(
            f"the expression in line {number} cannot be used: {_reason(error)}; write one that RE2 understands"
        ) from None
    return rule


def _compiled(expression: str) -> re2._Regexp:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    return re2.compile(expression, options)


def _reason(error: re2.error) -> str:
    reason = error.args[0]
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def _words(text: str) -> list[str]:
    """The words of a text without case, accents and characters that nobody sees."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    if not plain.isascii():
        plain = "".join(each for each in plain if unicodedata.category(each) not in {"Mn", "Me", "Cf"})
    return _WORD.findall(plain)
