"""A table as CSV or XLSX: text is never a formula, numbers and moments stay what they are."""

import ast
import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from mobilize.tabular import Cell, Sheet, csv_file, csv_text, file_name, guarded, xlsx_file

RUN = [
    "=cmd|' /C calc'!A0",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "@x",
    "\t=1",
    "\tx",
    "\r=1",
    "\rx",
    "\n=1",
    " =1",
    " +1",
    "＝1",
    "\x00=1",
    "=HYPERLINK(1)",
]
HARMLESS = ["Mia", "a=b", "O'Neill", "Peña-Ruiz", "(213) 555-0101", "", "1-2", "O-1"]


@pytest.mark.parametrize("text", RUN)
def test_no_cell_is_a_formula(text: str) -> None:
    assert guarded(text) == "'" + text.replace("\x00", "")
    rows = list(csv.reader(io.StringIO(csv_file(_sheet(text)).decode("utf-8-sig"), newline="")))
    assert rows == [["name"], [guarded(text)]]
    cell = _in_workbook(text)
    assert (cell.data_type, cell.value[0]) == ("s", "'")


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_is_kept_literally(text: str) -> None:
    assert guarded(text) == text


def test_mark_and_headings_are_guarded_as_well() -> None:
    sheet = Sheet("x", ["=1"], [], mark="=2")
    assert csv_text(sheet) == "'=2\r\n'=1\r\n"
    assert [row[0].value for row in load_workbook(io.BytesIO(xlsx_file([sheet]))).active] == ["'=2", "'=1"]


def test_numbers_stay_numbers_and_no_report_is_no_zero() -> None:
    assert csv_text(_sheet(0, None, -5, 66.7, "0123")) == "name\r\n0,,-5,66.7,0123\r\n"
    cells = [_in_workbook(value) for value in (0, None, -5, 66.7, "0123")]
    assert [cell.value for cell in cells] == [0, None, -5, 0.667, "0123"]
    assert cells[3].number_format == "0.0%"


def test_moments_are_dates_in_a_workbook() -> None:
    moment = datetime(2026, 3, 3, 15, 0, 5, tzinfo=UTC)
    assert csv_text(_sheet(moment)) == "name\r\n2026-03-03T15:00:05+00:00\r\n"
    assert _in_workbook(moment).value == moment.replace(tzinfo=None)
    assert _in_workbook(moment).number_format.endswith('"UTC"')


def test_a_workbooks_headings_stay_in_sight_and_filter_and_no_filter_hides_the_total() -> None:
    sheet = Sheet("x", ["site", "came"], [["Lincoln", 4], ["A school of a long name", 3]], "M", ["total", 7])
    page = load_workbook(io.BytesIO(xlsx_file([sheet]))).active
    assert (page.freeze_panes, page.auto_filter.ref) == ("A3", "A2:B4")
    assert [cell.value for cell in page[5]] == ["total", 7]
    assert all(cell.font.bold for cell in (*page[2], *page[5])) and not page["A3"].font.bold
    assert page.column_dimensions["A"].width > 23 > page.column_dimensions["B"].width
    assert csv_text(sheet).splitlines()[-1] == "A school of a long name,3"


def test_a_file_is_named_in_letters_that_stand_on_every_system() -> None:
    assert (
        file_name("Peña's Local", "Día 3", "2026-03-03", ending="csv") == "pena-s-local-dia-3-2026-03-03.csv"
    )
    assert file_name("\u0540\u0561\u0575", ending="pdf") == "mobilize.pdf"


def test_control_characters_do_not_break_the_file() -> None:
    assert _in_workbook("Mi\x00a\x0b").value == "Mia"


def test_what_looks_like_a_spreadsheets_error_is_text() -> None:
    assert (_in_workbook("#N/A").data_type, _in_workbook("#N/A").value) == ("s", "#N/A")


def _sheet(*cells: Cell) -> Sheet:
    return Sheet("x", ["name"], [cells])


def _in_workbook(cell: Cell) -> Any:
    return load_workbook(io.BytesIO(xlsx_file([_sheet(cell)]))).active["A2"]


def test_one_module_writes_tables() -> None:
    """So that none goes past the guard."""
    root = Path(__file__).parents[1]
    paths = [path for top in ("mobilize", "workers", "deploy") for path in (root / top).rglob("*.py")]
    assert len(paths) > 400
    writing = [str(path.relative_to(root)) for path in paths if _writers(path.read_text(encoding="utf-8"))]
    assert writing == ["mobilize/tabular.py"]


def test_this_test_sees_a_writer() -> None:
    source = "csv.reader(x)\ncsv.writer(x)\nfrom csv import DictWriter as D\nWorkbook()\nload_workbook(x)"
    assert _writers(source) == [2, 3, 4]


def _writers(source: str) -> list[int]:
    """Lines that name what writes a table: `csv.writer`, `DictWriter`, `Workbook`."""
    names = {"writer", "DictWriter", "Workbook"}
    nodes = list(ast.walk(ast.parse(source)))
    lines = {node.lineno for node in nodes if isinstance(node, ast.Name) and node.id in names - {"writer"}}
    lines |= {node.lineno for node in nodes if isinstance(node, ast.Attribute) and _is_writer(node, names)}
    lines |= {
        node.lineno
        for node in nodes
        if isinstance(node, ast.ImportFrom) and names & {alias.name for alias in node.names}
    }
    return sorted(lines)


def _is_writer(node: ast.Attribute, names: set[str]) -> bool:
    return node.attr in names and getattr(node.value, "id", "") in ("csv", "openpyxl")
