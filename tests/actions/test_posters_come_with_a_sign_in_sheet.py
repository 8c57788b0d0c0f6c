"""The sign-in sheet: every name once, in an order that can be keyed in, on as many pages as it takes."""

import io
import random
import re
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pypdfium2
import pytest

from mobilize.actions.printing.sign_in_sheet_pdf import (
    SheetName,
    SignInSheet,
    sheet_mark,
    sheet_order,
    sign_in_sheet_pdf,
)
from mobilize.languages import Translated

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
NAMES = (
    SheetName("García", "Mia", "1"),
    SheetName("Garcia", "Ana", "2"),
    SheetName("Álvarez", "Carmen", "3"),
    SheetName("Nguyễn", "Thị Hạnh", "4"),
    SheetName("Սարգսյան", "Անի", "5"),
    SheetName("김", "민수", "6"),
)
SHEET = SignInSheet(
    site="Glenwood Elementary",
    area="Valley East",
    action=Translated(en="Picket for smaller classes", es="Piquete por clases más pequeñas"),
    starts_at=datetime(2026, 12, 8, 7, 0, tzinfo=LOS_ANGELES),
    ends_at=datetime(2026, 12, 8, 7, 45, tzinfo=LOS_ANGELES),
    code="CDFGHJKMN",
    names=NAMES,
)


def test_names_stand_by_surname_whatever_their_accents() -> None:
    assert [name.ref for name in sheet_order(NAMES)][:4] == ["3", "2", "1", "4"]


def test_order_and_mark_do_not_depend_on_how_the_names_came() -> None:
    namesakes = [SheetName("Kim", "Ana", ref) for ref in "cab"]
    shuffled = random.Random(7).sample(namesakes, 3)
    assert sheet_order(namesakes) == sheet_order(shuffled)
    assert sheet_mark(namesakes) == sheet_mark(shuffled)
    assert sheet_mark(namesakes) != sheet_mark(namesakes[:2])


def test_sheet_says_what_when_and_whom_to_hand_it_to() -> None:
    words = _words(SHEET)[0]
    for sentence in (
        "Glenwood Elementary",
        "Picket for smaller classes / Piquete por clases más pequeñas",
        "Tuesday, December 8, 2026, 7:00–7:45 am / Martes 8 de diciembre de 2026, 7:00–7:45 a. m.",
        "1 / 1",
        "Álvarez, Carmen",
        "Nguyễn, Thị Hạnh",
        "Սարգսյան, Անի",
        "Gim, Minsu",
        "W12",
        "Hand this sheet only to your chair.",
        "Entrega esta hoja solo a tu representante.",
        "CDF GHJ KMN",
        sheet_mark(NAMES),
    ):
        assert sentence in words


@pytest.mark.parametrize("count", [0, 1, 5, 25, 43, 44, 45, 60, 88, 179, 400])
def test_every_name_stands_once_and_walk_ins_have_lines(count: int) -> None:
    names = [SheetName(f"Name{number:03d}x", "Test", f"{number}") for number in range(count)]
    pages = _words(replace(SHEET, names=names))
    words = " ".join(pages)
    assert sorted(re.findall(r"Name(\d+)x, Test", words)) == [f"{number:03d}" for number in range(count)]
    assert len(re.findall(r"\bW\d+\b", words)) >= 4
    assert all(f"{number} / {len(pages)}" in page for number, page in enumerate(pages, start=1))


def test_hundred_letters_of_a_name_stay_in_their_line() -> None:
    long = SheetName("Wolfeschlegelsteinhausenbergerdorff-Montgomery de la Santísima", "María " * 9, "1")
    out = _pdf(replace(SHEET, names=[long, *NAMES], site="Academy of Everything " * 8, drill=True))
    text = out[0].get_textpage()
    boxes = [text.get_rect(number) for number in range(text.count_rects())]
    assert all(box[0] > 29 and box[2] < out[0].get_width() - 29 for box in boxes)
    assert "DRILL / SIMULACRO" in text.get_text_bounded()


def test_each_page_with_names_says_who_printed_it_and_when() -> None:
    names = [SheetName(f"Name{number}", "Test", f"{number}") for number in range(179)]
    pages = _words(replace(SHEET, names=names, printed="Carmen Ortiz, 2026-12-07 20:15"))
    assert len(pages) > 1 and all("Carmen Ortiz, 2026-12-07 20:15" in page for page in pages)


def _pdf(sheet: SignInSheet) -> pypdfium2.PdfDocument:
    out = io.BytesIO()
    sign_in_sheet_pdf(sheet, out, union_name="Local 1021", colour="#8a1420")
    return pypdfium2.PdfDocument(out.getvalue())


def _words(sheet: SignInSheet) -> list[str]:
    return [" ".join(page.get_textpage().get_text_bounded().split()) for page in _pdf(sheet)]
