"""Whatever comes in is read or refused in words: property tests of every parser, beside those of each room.

Phones, typed numbers and poster codes: `tests/checkins/test_attendance_is_what_the_evidence_says.py` and
`tests/roster/test_reading_the_roster_by_its_contract.py`. Rosters and workbooks of any bytes:
`tests/roster/test_reading_a_file_nobody_prepared.py`.
"""

from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilize.accounts.people.chairs_file import read_chairs
from mobilize.accounts.sign_in.one_time_codes import digits_in
from mobilize.errors import Refused
from mobilize.roster.imports.reading.roster_reader import account, read_roster
from mobilize.roster.imports.reading.sites_reader import read_sites
from mobilize.roster.names import PersonName
from mobilize.texts.models import Intent, QuestionKind
from mobilize.texts.receiving.reading.phrases import STOP_WORDS
from mobilize.texts.receiving.replies import read_reply
from tests.roster.files import HEADER, NO_TABLE, SITES_HEADER, csv_bytes, site_book

QUESTIONS = st.sampled_from([None, *QuestionKind])
CELL = st.text(max_size=24)
quick = settings(max_examples=60, deadline=None)


@quick
@given(st.text(max_size=200), QUESTIONS)
def test_any_text_is_an_intent(body: str, stored: str | None) -> None:
    reading = read_reply(body, stored)
    assert isinstance(reading.intent, Intent)
    assert reading.value is None or len(str(reading.value)) <= 200


@quick
@given(
    st.sampled_from(sorted(STOP_WORDS)),
    st.text("!.,;:-¡¿ \t\n👍", max_size=4),
    st.booleans(),
    QUESTIONS,
)
def test_stop_is_stop_whatever_was_asked(word: str, around: str, loud: bool, stored: str | None) -> None:
    result = word.upper() if loud else word
    assert read_reply(f"{around}{result}{around}", stored).intent is Intent.OUT


@quick
@given(st.text(max_size=80))
def test_of_a_sign_in_code_only_digits_are_taken(typed: str) -> None:
    assert len(digits_in(typed)) <= 32 and all(c.isdigit() for c in digits_in(typed))


@quick
@given(st.lists(st.lists(CELL, min_size=len(HEADER), max_size=len(HEADER) + 1), max_size=5))
def test_every_record_of_a_roster_is_accounted_for(rows: list[list[str]]) -> None:
    try:
        reading = read_roster(csv_bytes([HEADER, *rows], "utf-8", lineterminator="\r\n"), site_book())
    except Refused as refusal:
        assert refusal.code in NO_TABLE
        return
    accounted = (
        len(reading.members) + reading.merged.total() + reading.skipped.total() + len(reading.rejected)
    )
    assert reading.records == accounted and account(reading)


@quick
@given(st.lists(st.lists(CELL, min_size=len(SITES_HEADER), max_size=len(SITES_HEADER) + 1), max_size=5))
def test_every_record_of_a_list_of_sites_is_accounted_for(rows: list[list[str]]) -> None:
    try:
        reading = read_sites(csv_bytes([SITES_HEADER, *rows], "utf-8", lineterminator="\r\n"))
    except Refused as refusal:
        assert refusal.code in NO_TABLE | {"damaged_codes"}
        return
    assert reading.records == len(reading.sites) + reading.skipped.total() + len(reading.rejected)


@quick
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_a_name_is_read_back_as_it_was_stored(last: str, first: str, preferred: str) -> None:
    name = PersonName(last, first, preferred)
    plain = [part.replace("\x1f", "") for part in (last, first, preferred)]
    assert PersonName.read(name.stored()) == PersonName(*plain)


def any_lines() -> st.SearchStrategy[bytes]:
    line = st.lists(CELL, min_size=3, max_size=5)
    return st.lists(line, max_size=4).map(
        lambda rows: csv_bytes([["Site", "Role", "Name", "Phone"], *rows], "utf-8", lineterminator="\r\n")
    )


def test_any_list_of_chairs_is_read_or_refused(sqlite_app: Flask) -> None:
    @settings(max_examples=30, deadline=None)
    @given(any_lines())
    def walk(data: bytes) -> None:
        try:
            reading = read_chairs(data)
        except Refused as refusal:
            assert refusal.code in NO_TABLE | {"no_chairs"}
        else:
            assert reading.rows or reading.problems

    walk()
