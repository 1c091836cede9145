"""Mentions: the ids that a text names."""

from hypothesis import given
from hypothesis import strategies as st

from handlers.mentions import NAMED_MAX, named_in

ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9|._-]{0,30}", fullmatch=True)
before = st.sampled_from(["", " ", "\n", "(", "«", "Hi ", "🎉", "-", ","])
behind = st.sampled_from(["", " ", "\n", ".", ",", "!", "?!", ")", "…", ").", ": look", ' "x"'])


@given(before, ids, behind)
def test_an_id_is_found_whatever_stands_around_it(before: str, id: str, behind: str) -> None:
    assert id in named_in(f"{before}@{id}{behind}")


# Of "@0." both "0." and "0" are found: only ids that end in a letter or a digit have one place in the order.
@given(st.lists(ids.filter(lambda id: id[-1].isalnum()), max_size=NAMED_MAX, unique=True))
def test_all_ids_are_found_in_their_order(named: list[str]) -> None:
    found = named_in(" and ".join(f"@{id}" for id in named))
    assert [each for each in found if each in named] == named


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    found = named_in(text)
    assert len(set(found)) == len(found)
    assert all(each and f"@{each}" in text for each in found)


@given(ids.filter(lambda id: id[-1].isalnum()), ids)
def test_an_address_is_no_mention(local: str, host: str) -> None:
    assert named_in(f"{local}@{host}") == []


@given(ids.filter(lambda id: id[-1].isalnum()), ids.filter(lambda id: id[0].isalnum()))
def test_a_longer_id_is_another_id(id: str, more: str) -> None:
    assert id not in named_in(f"@{id}{more}")


def test_a_text_full_of_names_names_so_many() -> None:
    assert len(named_in(" ".join(f"@user{number}" for number in range(1000)))) == NAMED_MAX
