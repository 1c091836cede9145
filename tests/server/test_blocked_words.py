"""Blocked words: what is found in texts, and how long that takes."""

from pathlib import Path

import pytest

from server.blocked_words import BlockedWords, Rule, read


def words(tmp_path: Path, *lines: str) -> BlockedWords:
    """The words of a file with these lines."""
    path = tmp_path / "words.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return BlockedWords(read(path))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("a viagra pill", "hold"),
        ("VIAGRA", "hold"),
        ("v\u00edagra", "hold"),
        ("via\u200bgra\ufeff", "hold"),
        ("\uff36\uff29\uff21\uff27\uff32\uff21", "hold"),
        ("viagras", None),
        ("so very, VERY bad it is", "hold"),
        ("very bad", "hold"),
        ("bad very", None),
        ("a very good and bad thing", None),
        ("call +49 123 456", "refuse"),
        ("viagra at +49 123 456", "refuse"),
        ("", None),
        ("...", None),
    ],
)
def test_words_are_found_whole_and_expressions_anywhere(tmp_path: Path, text: str, verdict: str | None) -> None:
    rules = words(tmp_path, "\ufeff# Ours", "hold: Viagra", "", "  hold :  very   bad  ", r"refuse: /\+\d\d[ \d]+/")
    assert rules.judge(text) == verdict


def test_nothing_is_blocked_without_a_file() -> None:
    assert BlockedWords().judge("anything at all") is None


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("word", "line 2 is no rule"),
        ("forbid: word", "line 2 is no rule"),
        ("hold:", "line 2 is no rule"),
        ("hold: ...", "line 2 holds no letter"),
        ("refuse: /(/", "the expression in line 2"),
        ("refuse: /(?<=a)b/", "the expression in line 2"),
        (r"refuse: /(a)\1/", "the expression in line 2"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: str, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        words(tmp_path, "hold: fine", line)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(b"hold: \xff\xfe")
    with pytest.raises(ValueError, match="UTF-8"):
        read(tmp_path / "words.txt")


def test_rules_are_what_the_lines_say(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("hold: a b\nrefuse: /x/\n")
    found = read(tmp_path / "words.txt")
    assert found == (Rule("hold", "a b"), Rule("refuse", "/x/"))
    assert [each.expression for each in found] == [None, "x"]


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|aa)+$", "(.*a){20}b", "([a-z]+)*!"])
def test_an_expression_that_would_take_other_engines_for_ever_ends(tmp_path: Path, expression: str) -> None:
    rules = words(tmp_path, f"refuse: /{expression}/", "hold: never said")
    # Backtracking would double with each character; a thousand times as many would never end.
    assert rules.judge("a" * 4000 + "\x01") is None
    assert rules.judge("b" * 100_000) is None
