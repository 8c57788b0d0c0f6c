"""A clerk uploads whatever their program wrote. It is read, or refused with what to do; never a traceback."""

import io
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilize.errors import Refused
from mobilize.roster.imports.reading.column_mapping import ROSTER, ROSTER_NEEDS, place_columns
from mobilize.roster.imports.reading.roster_reader import read_roster
from mobilize.roster.uploads import xlsx_sandbox
from mobilize.roster.uploads.uploaded_table import open_table
from tests.roster.files import HEADER, NO_TABLE, member, roster, site_book, workbook

NAMES = member(last="Peña", first="Xóchitl")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_any_encoding_and_delimiter_gives_the_same_names(encoding: str, delimiter: str) -> None:
    reading = read_roster(roster(NAMES, encoding=encoding, delimiter=delimiter), site_book())
    assert [(row.last, row.first) for row in reading.members.values()] == [("Peña", "Xóchitl")]


def test_a_character_that_windows_does_not_have_is_read_as_latin_1() -> None:
    assert open_table(b"Name,Note\r\nPe\xf1a,\x81\r\n").header == ["Name", "Note"]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_any_line_ending_is_read_and_a_blank_line_is_a_record(ending: str) -> None:
    data = ending.join(["a,b", "1,2", "", "3,4"]).encode() + ending.encode()
    assert [(r.number, r.cells) for r in open_table(data).records] == [
        (1, ["1", "2"]),
        (2, []),
        (3, ["3", "4"]),
    ]


def test_a_line_break_inside_quotes_stays_in_its_cell_and_lines_are_counted_on() -> None:
    records = list(open_table(b'a,b\r\n1,"one\r\ntwo"\r\n3,4\r\n').records)
    assert [(r.number, r.line) for r in records] == [(1, 2), (2, 4)]
    assert records[0].cells == ["1", "one\r\ntwo"]


def test_quotes_that_never_close_are_refused_with_the_line() -> None:
    with pytest.raises(Refused) as refusal:
        list(open_table(b'a,b\r\n1,"' + b"x" * 200_000).records)
    assert refusal.value.code == "broken_quotes" and "line 2" in refusal.value.message


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\xef\xbb\xbf", b"  \r\n"])
def test_an_empty_file_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="empty_file"):
        open_table(data)


@pytest.mark.parametrize(
    "data", [b"MZ\x90\0\x03" + bytes(500), b"\x7fELF" + bytes(90), b"%PDF-1.7\n", bytes(range(256)) * 9]
)
def test_a_program_under_another_name_is_refused_by_content(data: bytes) -> None:
    with pytest.raises(Refused, match="not_a_table"):
        open_table(data)


def test_formulas_typed_as_text_stay_text() -> None:
    reading = read_roster(roster(member(first="=cmd|' /C calc'!A0")), site_book())
    assert next(iter(reading.members.values())).first == "=cmd|' /C calc'!A0"


def test_invisible_marks_leave_a_name_and_accents_are_composed() -> None:
    reading = read_roster(roster(member(last="Nun\u0303ez\u202e\0", first=" Ana\u200b  Luz ")), site_book())
    assert next(iter(reading.members.values())).name.full == "Ana Luz Nuñez"


@pytest.mark.parametrize(
    "heading",
    [
        "employee_id",
        "EXTERNAL ID",
        "external_id",
        "Member Number",
        "ï»¿Employee No".encode("latin-1").decode("utf-8-sig"),
    ],
)
def test_headings_of_other_systems_are_known(heading: str) -> None:
    header = [heading, "last_name", "First name", "Membership Status", "Worksite"]
    assert set(place_columns(header, ROSTER, ROSTER_NEEDS)) == {
        "number",
        "last",
        "first",
        "status",
        "site_name",
    }


def test_columns_are_found_by_name_in_any_order() -> None:
    turned = [list(reversed(row)) for row in (HEADER, NAMES)]
    reading = read_roster(roster(turned[1], header=turned[0]), site_book())
    assert reading.members["00000101"].last == "Peña"


def test_a_missing_column_is_named_with_what_was_seen() -> None:
    with pytest.raises(Refused) as refusal:
        read_roster(roster(NAMES, header=["Nr", *HEADER[1:]]), site_book())
    assert refusal.value.code == "missing_column"
    assert "“Employee No”" in refusal.value.message and "Nr, Last Name" in refusal.value.message


def test_the_mapping_screen_says_which_column_it_is() -> None:
    data = roster(NAMES, header=["Nr", *HEADER[1:]])
    assert "00000101" in read_roster(data, site_book(), {"Nr": "number"}).members


def test_a_column_can_be_left_out() -> None:
    reading = read_roster(roster(NAMES), site_book(), {"Cell Phone": ""})
    assert reading.members["00000101"].phone is None and "phone" not in reading.fields


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(Refused, match="repeated_heading"):
        read_roster(roster([*NAMES, "x"], header=[*HEADER, "employee no"]), site_book())


def test_a_workbook_is_read_like_the_same_csv() -> None:
    row = [101, "Peña", "Xóchitl", None, 2135550101, *NAMES[5:-1]]
    reading = read_roster(workbook([HEADER, row, [], row]), site_book())
    assert reading.members["00000101"].phone == "+12135550101"
    assert (reading.records, reading.skipped["empty"], reading.merged["exact"]) == (3, 1, 1)


def _formula(sheet: object) -> None:
    sheet["A2"] = "=1+1"  # type: ignore[index]


def _far_cell(sheet: object) -> None:
    sheet["XFD2"] = "x"  # type: ignore[index]


def _far_row(sheet: object) -> None:
    sheet["A1000000"] = "x"  # type: ignore[index]


@pytest.mark.parametrize(
    ("also", "code"),
    [(_formula, "workbook_formula"), (_far_cell, "too_many_columns"), (_far_row, "workbook_empty_rows")],
)
def test_a_workbook_that_is_not_plain_rows_is_refused(also: Callable[[object], None], code: str) -> None:
    with pytest.raises(Refused, match=code):
        read_roster(workbook([HEADER, NAMES], also), site_book())


def _repacked(change: Callable[[zipfile.ZipFile], None], skip: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook([HEADER, NAMES]))) as old, zipfile.ZipFile(out, "w", 8) as new:
        for name in old.namelist():
            if name != skip:
                new.writestr(name, old.read(name))
        change(new)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>'


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_repacked(lambda z: z.writestr("xl/vbaProject.bin", b"macro")), "workbook_macros"),
        (_repacked(lambda z: z.writestr("xl/media/x.xml", b" " * 160_000_000)), "workbook_too_large"),
        (_repacked(lambda z: z.writestr(SHEET, ENTITIES), SHEET), "workbook_unsafe"),
        (_repacked(lambda z: z.writestr(SHEET, b"<worksheet><sheetData><row"), SHEET), "workbook_unreadable"),
        (_repacked(lambda z: z.writestr("mimetype", b"x"), "xl/workbook.xml"), "not_a_table"),
        (workbook([HEADER, NAMES])[:3000], "not_a_table"),
    ],
)
def test_a_dangerous_or_damaged_workbook_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refused, match=code):
        read_roster(data, site_book())


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
    )
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for start in (b"", roster(NAMES), b"PK\x03\x04"):
        try:
            read_roster(start + data, site_book())
        except Refused as refusal:
            assert refusal.code in NO_TABLE or refusal.code.startswith("workbook_")


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 6000), st.binary(min_size=1, max_size=8))
def test_a_workbook_with_any_bytes_changed_is_read_or_refused(at: int, patch: bytes) -> None:
    """Here and not in the process that usually does it, which would take half a minute for all of them."""
    data = workbook([HEADER, NAMES])
    try:
        list(xlsx_sandbox.rows(data[:at] + patch + data[at + len(patch) :]))
    except xlsx_sandbox.UnreadableWorkbook as unfit:
        assert unfit.code.startswith("workbook_")
