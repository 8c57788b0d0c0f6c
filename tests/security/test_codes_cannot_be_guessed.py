"""A guesser's chance in a day, worked out from the numbers the service goes by, and stated in the docs."""

from pathlib import Path

import pytest

import config
from mobilize.accounts.sign_in import code_budgets, one_time_codes
from mobilize.accounts.sign_in.one_time_codes import DIGITS, GUESSES_A_DAY, TRIES, TRIES_OF_ALL

THREATS = Path(__file__).resolve().parents[2] / "docs" / "threats.md"
CHAIRS = 800
MOST = 0.001  # a day
WINDOWS_A_DAY = 24 * 60 * 60 / code_budgets.WINDOW.total_seconds()


@pytest.fixture
def members_codes_a_day(base_environ: dict[str, str]) -> float:
    return config.load(base_environ).member_codes_in_20_minutes * WINDOWS_A_DAY


def falls(guesses: float) -> float:
    """The chance that one of so many guesses is right: each is one of 10^8, drawn evenly."""
    return 1 - (1 - 10**-DIGITS) ** guesses


def test_that_one_of_800_chairs_falls_in_a_day_is_under_one_in_a_thousand() -> None:
    chance = falls(CHAIRS * GUESSES_A_DAY)
    assert chance < MOST
    assert f"{CHAIRS} × {GUESSES_A_DAY} / 10^{DIGITS} = {chance:.2%}" in THREATS.read_text(encoding="utf-8")


def test_that_one_of_all_members_pages_falls_in_a_day_is_under_one_in_a_thousand(
    members_codes_a_day: float,
) -> None:
    chance = falls(members_codes_a_day * TRIES_OF_ALL)
    assert chance < MOST
    fields = f"{members_codes_a_day:,.0f} × {TRIES_OF_ALL} / 10^{DIGITS} = {chance:.2%}"
    assert fields in THREATS.read_text(encoding="utf-8")


def test_the_numbers_are_those_that_were_promised() -> None:
    assert (DIGITS, TRIES, one_time_codes.GOOD_FOR.total_seconds()) == (8, 5, 600)
    assert GUESSES_A_DAY <= 100 and code_budgets.UNANSWERED_ALARM == 50
    assert TRIES <= TRIES_OF_ALL
