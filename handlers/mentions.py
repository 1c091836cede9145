"""Mentions: the ids that a text names."""

import re

_NAMED = re.compile(r"(?<!\w)@(\S{1,255})")
# What may follow an id in a sentence without belonging to it.
_TRAILING = ".,;:!?)]}>\"'*_~`…"
NAMED_MAX = 50


def named_in(text: str) -> list[str]:
    """Every id that ``@id`` in the text may mean: with and without the punctuation behind it, 50 names at most."""
    found: dict[str, None] = {}
    for name in _NAMED.findall(text)[:NAMED_MAX] if "@" in text else ():
        candidate = name
        found[candidate] = None
        while candidate and candidate[-1] in _TRAILING:
            candidate = candidate[:-1]
            if candidate:
                found[candidate] = None
    return list(found)
