"""Tokens nobody guesses, and short codes that survive cold fingers."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilize.keys.tokens import (
    CODE_LETTERS,
    hash_token,
    make_code,
    make_text_code,
    random_token,
    read_code,
    spaced_code,
)

quick = settings(max_examples=60, deadline=None)


def test_a_token_is_256_random_bits() -> None:
    tokens = {random_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(base64.urlsafe_b64decode(token + "=")) for token in tokens} == {32}


def test_of_a_token_only_its_hash_is_stored() -> None:
    assert (
        hash_token("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )  # FIPS 180-2


def test_a_poster_code_has_every_letter_in_every_place() -> None:
    codes = [make_code() for _ in range(2000)]
    assert {len(code) for code in codes} == {9}
    assert all({code[place] for code in codes} == set(CODE_LETTERS) for place in range(9))
    assert len(set(codes)) == 2000


def test_a_code_is_read_as_a_messenger_mangled_it_and_no_longer_than_it_can_be() -> None:
    assert read_code(" abc-Def_ghj.)") == "ABCDEFGHJ"
    assert read_code("a" * 40) == "A" * 32
    assert spaced_code("ABCDEFGHJ") == "ABC DEF GHJ"


@pytest.mark.parametrize("length", [4, 5, 6])
def test_a_text_code_has_its_length_and_never_begins_with_zero(length: int) -> None:
    codes = [make_text_code(length) for _ in range(500)]
    assert {len(code) for code in codes} == {length}
    assert {code[0] for code in codes} == set("123456789")
    assert all(_check(code) == 0 for code in codes)


@quick
@given(st.data())
def test_one_wrong_or_two_swapped_digits_of_a_text_code_are_never_another_one(data: st.DataObject) -> None:
    code = make_text_code(5)
    at = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != code[at]]))
    assert _check(code[:at] + other + code[at + 1 :]) != 0
    if at and code[at] != code[at - 1]:
        assert _check(code[: at - 1] + code[at] + code[at - 1] + code[at + 1 :]) != 0


def _check(code: str) -> int:
    """The check digit's own definition: 0 for a whole code, by Damm's table as published."""
    table = (
        "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
        "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
    )  # fmt: skip
    state = 0
    for digit in code:
        state = int(table[state][int(digit)])
    return state
