"""What each kind of dirt in a roster means, rule by rule; then the whole contract on the large rosters."""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilize.phones import normalize
from mobilize.roster.imports.reading.roster_reader import account, read_roster
from mobilize.roster.imports.reading.roster_rows import MemberRow
from mobilize.roster.imports.reading.site_matcher import KnownSite, SiteDirectory
from mobilize.roster.imports.reading.sites_reader import read_sites
from tests.roster.files import BIRCH, HEADER, MAPLE, member, roster, site_book

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def read(*rows: list[str]) -> dict[str, Any]:
    return account(read_roster(roster(*rows), site_book()))


def one(*rows: list[str]) -> MemberRow:
    return next(iter(read_roster(roster(*rows), site_book()).members.values()))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (member()[:9], "malformed_row"),
        ([*member(), ""], "malformed_row"),
        (["Total records: 12"], "malformed_row"),
        (member(last="A" * 10_000), "malformed_row"),
        (member(status="Agency Fee"), "not_a_member"),
        (member(status="NON MEMBER", last="", first=""), "not_a_member"),
        (member(number=""), "missing_employee_no"),
        (member(number=" .0"), "missing_employee_no"),
        (member(number="12A45678"), "bad_employee_no"),
        (member(number="1.23457E+11"), "bad_employee_no"),
        (member(number="123456789"), "bad_employee_no"),
        (member(last=" ", first=""), "missing_name"),
        (member(status="Elsewhere"), "unknown_status"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_number_and_reason(row: list[str], reason: str) -> None:
    reading = read(member("1"), row)
    assert reading["rejected_records"] == [[2, reason]] and reading["imported"] == 1
    assert reading["rejected"][reason] == reading["rejected_total"] == 1


@pytest.mark.parametrize("written", ["00000101", "101", " 101 ", "101.0", '="00000101"', "１０１"])
def test_a_number_is_the_same_however_a_spreadsheet_wrote_it(written: str) -> None:
    assert one(member(written)).number == "00000101"


def test_blank_lines_and_repeated_headings_are_skipped_and_counted() -> None:
    reading = read(member("1"), [], [""] * len(HEADER), HEADER)
    assert reading["skipped"] == {"empty": 2, "repeated_header": 1} and reading["records_after_header"] == 4


def test_a_surname_with_a_comma_and_no_first_name_is_both() -> None:
    assert one(member(last="Reyes, Mia", first="")).name.full == "Mia Reyes"


def test_the_same_number_with_another_name_is_refused() -> None:
    assert read(member("7"), member("7", first="Rosa"))["rejected"]["employee_no_conflict"] == 1


def test_further_rows_of_a_member_are_merged_by_kind() -> None:
    second_site = member("7", code=BIRCH)
    reading = read(member("7"), member("7"), member("7", last="REYES", notes="x"), second_site, second_site)
    assert reading["merged"] == {"exact": 2, "same_person": 1, "site_added": 1} and reading["imported"] == 1


def test_the_first_written_value_wins_and_an_opt_out_in_any_row_wins() -> None:
    row = one(member(phone="", out="No"), member(phone="213-555-0107", out="STOP", notes="x"))
    assert row.phone == "+12135550107" and row.opt_out and not row.textable


@pytest.mark.parametrize(
    ("code", "school", "expected"),
    [
        (MAPLE, "", MAPLE),
        ("19-99999-0000001", "Birch Middle", MAPLE),
        ("0000002", "", BIRCH),
        ("1.96473E+13", " BIRCH  middle", BIRCH),
        ("", "cedar pena HIGH", "19999990000003"),
        ("", "Birch Early Education Center", None),
        ("", "", None),
    ],
)
def test_a_site_is_found_by_code_then_by_name(code: str, school: str, expected: str | None) -> None:
    row = one(member(code=code, school=school))
    assert [site.code for site in row.sites] == ([expected] if expected else [])


def test_an_unknown_site_is_a_warning_with_the_nearest_named() -> None:
    assert read(member(code="", school="Birch EEC"))["warnings"]["site_unresolved"] == 1
    assert site_book().nearest("Birch EEC")[0].name == "Birch Middle"


@pytest.mark.parametrize(
    ("cell", "phone", "warning"),
    [
        ("(213) 555-0101", "+12135550101", None),
        ("+1 213.555.0101", "+12135550101", None),
        ("2135550101.0", "+12135550101", None),
        ("tel:213-555-0101", "+12135550101", None),
        ("２１３５５５０１０１", "+12135550101", None),
        ("213–555–0101 (cell)", "+12135550101", None),
        ("213-555-0101 / 213-555-0102", "+12135550101", None),
        ("213-555-0101 x12", "+12135550101", "phone_extension"),
        ("213-555-0101 ext. 7", "+12135550101", "phone_extension"),
        ("", None, "no_phone"),
        ("none", None, "bad_phone"),
        ("2.13556E+09", None, "bad_phone"),
        ("555-0101", None, "bad_phone"),
        ("+44 20 7946 0958", None, "bad_phone"),
        ("(000) 000-0000", None, "bad_phone"),
    ],
)
def test_a_phone_is_read_or_left_out_and_the_row_is_kept(
    cell: str, phone: str | None, warning: str | None
) -> None:
    reading = read(member(phone=cell))
    assert one(member(phone=cell)).phone == phone
    assert reading["imported"] == 1
    warned = {kind for kind in ("no_phone", "bad_phone", "phone_extension") if reading["warnings"][kind]}
    assert warned == ({warning} if warning else set())


@pytest.mark.parametrize(
    "cells",
    [
        {"kind": "Landline"},
        {"kind": "Work"},
        {"out": "DNC"},
        {"status": "Retired"},
        {"phone": "900-555-0101"},
    ],
)
def test_who_is_not_textable(cells: dict[str, str]) -> None:
    assert one(member()).textable and not one(member(**cells)).textable


def test_two_members_may_share_a_phone() -> None:
    reading = read(member("1"), member("2", first="Nate"))
    assert reading["imported"] == 2
    assert (reading["warnings"]["shared_phone_numbers"], reading["warnings"]["shared_phone_members"]) == (
        1,
        2,
    )


def test_other_doubts_are_counted() -> None:
    row = member(last="GarcÃ\u00ada", first="", email="none", area="H")
    warnings = read(row)["warnings"]
    for kind in ("suspected_mojibake", "partial_name", "no_or_bad_email", "area_differs_from_site"):
        assert warnings[kind] == 1, kind


@given(st.text(max_size=40))
def test_any_text_is_a_phone_or_says_why_not(written: str) -> None:
    reading = normalize(written)
    assert (reading.phone is None) == (reading.problem is not None)
    assert reading.phone is None or (reading.phone.isascii() and len(reading.phone) == 12)


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """37,000 members in several layouts, made from the generator beside the project where it is present."""
    if not (DATA / "make_roster.py").exists():
        pytest.skip("the large rosters (../shared/data) are not beside this clone")
    return tmp_path_factory.mktemp("rosters")


@pytest.mark.parametrize(
    ("layout", "encoding", "n"),
    [
        ("union", "utf-8-sig", 37_000),
        ("actionnetwork", "utf-8", 5_000),
        ("nationbuilder", "cp1252", 5_000),
        ("broadstripes", "utf-8", 2_000),
    ],
)
def test_the_large_roster_reads_exactly_as_expected(big: Path, layout: str, encoding: str, n: int) -> None:
    how = ["--layout", layout, "--encoding", encoding, "--n", str(n), "--name", layout, "--dir", str(big)]
    subprocess.run([sys.executable, str(DATA / "make_roster.py"), *how], check=True, capture_output=True)
    listed = read_sites((DATA / "sites.csv").read_bytes())
    book = SiteDirectory(KnownSite(uuid.uuid4(), s.code, s.name, s.area or "") for s in listed.sites.values())
    reading = account(read_roster((big / f"roster_{layout}.csv").read_bytes(), book))
    expected = json.loads((big / f"roster_{layout}_expected.json").read_text(encoding="utf-8"))
    for key in reading:
        assert json.dumps(reading[key], sort_keys=True) == json.dumps(expected[key], sort_keys=True), key
