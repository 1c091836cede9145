"""Filters: what they say, what they mean, and that whatever one writes is a filter or is refused."""

import orjson
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from handlers.errors import Invalid
from handlers.filters import Filter, parse

TASK = {
    "status": "open",
    "priority": 3,
    "price": 9.5,
    "done": False,
    "empty": "",
    "due": None,
    "title": "50% off, (today) & more",
    "owner": {"name": "Ada", "team": {"id": 7}},
    "tags": ["a", "b"],
    "dotted.name": "x",
    "big": 9007199254740993,
}


def read(text: str, terms: int = 100, length: int = 4000) -> Filter:
    return parse(text, terms=terms, length=length)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status=eq.open", True),
        ("status=eq.closed", False),
        ("status=neq.closed", True),
        ("status=eq.open&priority=gte.3", True),
        ("status=eq.open&priority=gt.3", False),
        # The record's value decides what is compared: 10 is more than 3, and "10" is before "3".
        ("priority=lt.10", True),
        ("status=lt.10", False),
        ("priority=eq.3.0", True),
        ("priority=in.(1,2,3)", True),
        ("price=gt.9", True),
        ("price=lte.95e-1", True),
        ("big=eq.9007199254740993", True),
        ("big=eq.9007199254740992", False),
        ("done=eq.false", True),
        ("done=is.false", True),
        ("done=is.true", False),
        ("done=neq.true", True),
        # What cannot be compared does not match, whatever is asked.
        ("priority=eq.high", False),
        ("priority=neq.high", False),
        ("done=eq.0", False),
        ("tags=eq.a", False),
        ("tags=neq.a", False),
        ("owner=eq.Ada", False),
        # Nothing but is.null holds for null, and what is missing is null.
        ("due=is.null", True),
        ("due=is.NULL", True),
        ("missing=is.null", True),
        ("missing=eq.1", False),
        ("missing=neq.1", False),
        ("missing=is.not_null", False),
        ("status=is.not_null", True),
        ("status.deeper=is.null", True),
        ("owner.name=like.A%", True),
        ("owner.team.id=eq.7", True),
        ("tags.0=is.null", True),
        ('"dotted.name"=eq.x', True),
        ("dotted.name=is.null", True),
        ("status=like.o__n", True),
        ("status=like.O%", False),
        ("status=ilike.O%", True),
        ("status=like.*pe*", True),
        ("status=like.pe", False),
        ("status=like.%", True),
        ("status=like.%op%e%n%", True),
        ("status=like.open%open", False),
        ("status=ilike.%P_N", True),
        ("priority=like.3", False),
        (r'title=like."50\\% off%&%"', True),
        (r"title=like.5\% off%", False),
        ('title=eq."50% off, (today) & more"', True),
        ('title=in.("50% off, (today) & more",b)', True),
        ("tag=in.(a,b)", False),
        ("status=in.(open,closed)", True),
        ("status=in.(open)", True),
        ("status=in.()", False),
        ("empty=in.(a,)", True),
        # A value is taken whole: only & ends it.
        ("status=neq.a.b=c,d(e)", True),
    ],
)
def test_filter_means_what_it_says(text: str, expected: bool) -> None:
    assert read(text).matches(TASK) is expected


def test_percent_signs_are_patterns_and_never_an_encoding() -> None:
    assert read("name=like.%ada%").matches({"name": "dear ada!"})
    assert read("name=eq.a%26b").matches({"name": "a%26b"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "&",
        "status",
        "status=",
        "status=open",
        "status=eq",
        "status=equals.open",
        "status=EQ.open",
        "=eq.open",
        ".status=eq.open",
        "status.=eq.open",
        "status=eq.open&",
        "&status=eq.open",
        "status=eq.a&b",
        'status=eq."open',
        'status=eq."open"x',
        '"status=eq.open',
        '""=eq.1',
        "tag=in.a,b",
        "tag=in.(a,b",
        "tag=in.(a,b)x",
        "tag=in.(a(b)",
        "due=is.something",
        "due=is.",
        "name=like.abc\\",
        "name=like." + "a" * 101,
        "name=like.%" + "_" * 11,
    ],
)
def test_what_is_no_filter_is_invalid_and_says_so_in_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(text)
    assert refused.value.fields["filter"][0].endswith(".")


def test_filter_of_ten_thousand_terms_is_invalid() -> None:
    many = "&".join(f"a{number}=eq.1" for number in range(10_000))
    for bounds in ({"length": 4000}, {"length": 10**6}):
        with pytest.raises(Invalid) as refused:
            read(many, **bounds)
        assert "HUBBUB_FILTER_" in refused.value.fields["filter"][0]
    with pytest.raises(Invalid):
        read(f"a=in.({','.join(map(str, range(101)))})")
    assert read(f"a=in.({','.join(map(str, range(100)))})").matches({"a": 99})
    patterns = [f"a=like.%{number}%" for number in range(11)]
    assert read("&".join(patterns[:10])).matches({"a": "0123456789"})
    with pytest.raises(Invalid):
        read("&".join(patterns))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a=eq.1&b=eq.2", "b=eq.2&a=eq.1"),
        ("a=eq.1&a=eq.1", "a=eq.1"),
        ("a=in.(2,1,2)", "a=in.(1,2)"),
        ("a=in.(1)", "a=eq.1"),
        ('a=eq."1"', "a=eq.1"),
        ('"a"=is.NULL', "a=is.null"),
        ('a=in.("x","y")', "a=in.(y,x)"),
    ],
)
def test_the_same_filter_in_another_spelling_is_the_same(one: str, other: str) -> None:
    assert read(one) == read(other)
    assert hash(read(one)) == hash(read(other))


NAMES = st.text(min_size=1, max_size=6)
VALUES = st.text(alphabet=st.sampled_from("ab1.0%*_\\\"'(),&= \n%é"), max_size=8)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def terms(draw: st.DrawFn) -> str:
    path = ".".join(quoted(name) for name in draw(st.lists(NAMES, min_size=1, max_size=3)))
    op = draw(st.sampled_from(["eq", "neq", "lt", "lte", "gt", "gte", "in", "is"]))
    if op == "is":
        return f"{path}=is.{draw(st.sampled_from(['null', 'NULL', 'true', 'false', 'not_null']))}"
    if op == "in":
        return f"{path}=in.({','.join(map(quoted, draw(st.lists(VALUES, min_size=1, max_size=4))))})"
    return f"{path}={op}.{quoted(draw(VALUES))}"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(terms(), min_size=1, max_size=5), st.randoms(), JSON)
def test_canonical_form_is_read_as_itself_in_any_order_and_means_the_same(written, random, data) -> None:
    found = read("&".join(written))
    again = read(found.text)
    assert again.text == found.text
    random.shuffle(written)
    shuffled = read("&".join(written))
    assert shuffled == found
    assert found.matches(data) is again.matches(data) is shuffled.matches(data)


@given(st.text(max_size=60) | st.text(alphabet='ab=.&"\\(),in is eq like %', max_size=60), JSON)
@example('a=like."\\', {"a": "b"})
@example("a=in.(", {})
def test_any_text_is_a_filter_or_invalid(text: str, data) -> None:
    try:
        found = read(text)
    except Invalid as refused:
        assert refused.fields["filter"]
        return
    assert found.matches(data) in {True, False}
    assert read(found.text) == found


@given(st.text(max_size=20), st.text(max_size=20))
def test_text_is_compared_by_code_points(one: str, other: str) -> None:
    data = {"a": one}
    assert read(f"a=lt.{quoted(other)}").matches(data) is (one < other)
    assert read(f"a=eq.{quoted(other)}").matches(data) is (one == other)


@given(st.integers(-(2**60), 2**60), st.integers(-(2**60), 2**60))
def test_numbers_are_compared_exactly(one: int, other: int) -> None:
    data = orjson.loads(orjson.dumps({"a": one}))
    assert read(f"a=lt.{other}").matches(data) is (one < other)
    assert read(f"a=gte.{other}").matches(data) is (one >= other)
    assert read(f"a=in.({other},x,{one})").matches(data)


@given(st.text(alphabet="ab%_\\é", max_size=12), st.text(alphabet="ab%_é\n", max_size=12))
def test_patterns_match_as_sql_like_does(pattern: str, text: str) -> None:
    def like(at: int, inside: int) -> bool:
        if at == len(pattern):
            return inside == len(text)
        if pattern[at] == "%":
            return any(like(at + 1, rest) for rest in range(inside, len(text) + 1))
        escaped = pattern[at] == "\\"
        wanted = pattern[at + escaped]
        fits = inside < len(text) and (text[inside] == wanted or (wanted == "_" and not escaped))
        return fits and like(at + 1 + escaped, inside + 1)

    ends_escaping = (len(pattern) - len(pattern.rstrip("\\"))) % 2 == 1
    written = f"a=like.{quoted(pattern)}"
    assume(pattern.count("_") == 0 or pattern.count("_") + pattern.count("%") <= 10)
    if ends_escaping:
        with pytest.raises(Invalid):
            read(written)
    else:
        assert read(written).matches({"a": text}) is like(0, 0)
