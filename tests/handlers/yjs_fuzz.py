"""A program that takes many broken updates through all that a worker does with one, and dies if one of them kills.

Run by test_yjs with a seed and how many there are to be; its memory is bounded.
"""

import random
import resource
import sys
from contextlib import suppress

from pycrdt import Array, Doc, Map, Text

from handlers import yjs

MEMORY = 1 << 30
LONG_NUMBERS = (b"\xff\xff\xff\xff\x0f", b"\xff" * 9 + b"\x01", b"\x80\x80\x80\x80\x10", b"\xff\xff\xff\x7f")


def good_updates(chance: random.Random) -> list[bytes]:
    """Updates of some editors who write texts, formats, values and types."""
    docs = [Doc(client_id=chance.randrange(1, 2**32)) for _ in range(3)]
    found = []
    for _ in range(30):
        doc = chance.choice(docs)
        before = doc.get_state()
        text, things, names = doc.get("content", type=Text), doc.get("list", type=Array), doc.get("map", type=Map)
        what = chance.randrange(6)
        if what == 0 and len(text):
            del text[0:1]
        elif what == 1 and len(text):
            text.format(0, 1, {"bold": True})
        elif what == 2:
            things.append(chance.choice([1, -(2**40), 2.5, None, True, b"bytes", {"a": [1, {"b": None}]}, Text("in")]))
        elif what == 3:
            names[chance.choice("abc")] = chance.choice(["x", Map({"q": 1}), [1, 2]])
        elif what == 4:
            for other in docs:
                doc.apply_update(other.get_update())
        else:
            text.insert(0, chance.choice("xyz"))
        found.append(doc.get_update(before))
    return found


def broken(chance: random.Random, update: bytes) -> bytes:
    """An update with some bytes changed, missing or too many."""
    data = bytearray(update)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        what = chance.randrange(5)
        if what == 0 and at < len(data):
            data[at] = chance.randrange(256)
        elif what == 1:
            del data[at : at + chance.randint(1, 4)]
        elif what == 2:
            data[at:at] = chance.choice(LONG_NUMBERS)
        elif what == 3 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        else:
            data[at:at] = chance.randbytes(2)
    return bytes(data)


def main() -> None:
    """Try them, and say how many passed for updates."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    chance = random.Random(int(sys.argv[1]))
    passed = 0
    for round_ in range(int(sys.argv[2])):
        if round_ % 200 == 0:
            good = good_updates(chance)
        update = (
            chance.randbytes(chance.randrange(60)) if chance.random() < 0.2 else broken(chance, chance.choice(good))
        )
        with suppress(yjs.Malformed):
            yjs.check_state_vector(update)
        with suppress(yjs.Malformed):
            yjs.awareness(update, 32)
        try:
            yjs.check_update(update, 32)
        except yjs.Malformed:
            continue
        passed += 1
        merged = yjs.merged([good[0], update, good[-1]])
        yjs.missing(merged, yjs.state_vector(good[0]))
        yjs.check_update(merged, 32)
    print(passed)


if __name__ == "__main__":
    main()
