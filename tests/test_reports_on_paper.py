"""A report on paper: nothing is lost at a page break, and nothing leaves its column."""

import io
from dataclasses import replace

import pypdfium2
import pytest

from mobilize.printing.report_pages import Column, Figure, ReportPages, Table, report_pdf

SITES = Table(
    "Sites",
    [Column("Site", share=3), Column("There", "right"), Column("Share", "right")],
    [[f"Site {number:03d}", "12", "No report"] for number in range(90)],
    total=["All sites", "1,080", "41.2 %"],
)
REPORT = ReportPages(
    union_name="Local 1021",
    title="Area report: Valley East",
    subtitle="Picket for smaller classes",
    big_number="41.2 %",
    big_label="of eligible members were on a line",
    made_line="Made by Olga, December 8, 2026 · version 1",
    figures=[Figure("41", "Named attendance", "of 62 eligible"), Figure("47", "Head count")],
    tables=[SITES, Table("Corrections", [Column("What")], [], empty="No corrections after closing.")],
    remarks=["Share is of eligible members."],
    pages="Page {page} of {pages}",
)


def test_every_row_stands_once_and_headings_are_on_every_page_of_the_table() -> None:
    pages = _words(REPORT)
    words = " ".join(pages)
    assert len(pages) >= 3
    assert all(words.count(f"Site {number:03d}") == 1 for number in range(90))
    assert all("Site There Share" in page for page in pages if "No report" in page)
    assert all(f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, start=1))
    assert all("Made by Olga" in page for page in pages)


def test_an_areas_heading_and_figures_stand_on_each_of_its_pages() -> None:
    area = replace(SITES, heading="East, by site", note="12 of 62 came.", repeats_heading=True)
    pages = [page for page in _words(replace(REPORT, tables=[area])) if "No report" in page]
    assert len(pages) >= 3 and all("East, by site 12 of 62 came." in page for page in pages)


def test_report_says_all_it_was_given() -> None:
    words = " ".join(_words(REPORT))
    for sentence in (
        "Area report: Valley East",
        "41.2 %",
        "of eligible members were on a line",
        "Named attendance",
        "All sites 1,080 41.2 %",
        "No corrections after closing.",
        "Share is of eligible members.",
    ):
        assert sentence in words


def test_a_long_word_in_a_heading_is_neither_broken_nor_smaller_than_the_others() -> None:
    """In Spanish the numbers' columns are called *Proporción* and *Simpatizantes*."""
    heads = ("Elegibles", "Vinieron", "Proporción", "Conteo de personas", "Simpatizantes")
    columns = [Column("Escuela", share=3), Column("Estado", share=1.6), *(Column(h, "right") for h in heads)]
    row = ["Abram Friedman Occupational", "Sobre la meta", "69", "59", "85.5%", "66", "sin reporte"]
    report = replace(REPORT, tables=[Table("Por escuela", columns, [row])])
    words = _words(report)[0]
    assert all(head in words for head in heads if " " not in head)
    sizes = _sizes_of(report, ("Proporción", "Simpatizantes", "Elegibles"))
    assert len(sizes) == 1, sizes


@pytest.mark.parametrize("rows", range(15, 45))
def test_total_never_stands_alone_and_a_heading_never_ends_a_page(rows: int) -> None:
    table = replace(SITES, rows=SITES.rows[:rows])
    pages = _words(replace(REPORT, tables=[table, replace(SITES, heading="Second", rows=SITES.rows[80:83])]))
    total = next(page for page in pages if "All sites" in page)
    assert f"Site {rows - 1:03d}" in total
    assert "Site 080" in next(page for page in pages if "Second" in page)


def test_endless_cells_and_titles_stay_inside() -> None:
    endless = "W" * 300
    table = Table(endless, [Column(endless), Column("Share", "right")], [[endless, "1"]] * 3)
    report = replace(
        REPORT,
        title=endless,
        union_name=endless,
        big_label=endless,
        made_line=endless,
        tables=[table],
        remarks=[endless],
    )
    for page in _pdf(report):
        text = page.get_textpage()
        boxes = [text.get_rect(number) for number in range(text.count_rects())]
        assert all(box[0] > 29 and box[2] < page.get_width() - 29 for box in boxes)


def _pdf(report: ReportPages) -> pypdfium2.PdfDocument:
    out = io.BytesIO()
    report_pdf(report, out)
    return pypdfium2.PdfDocument(out.getvalue())


def _words(report: ReportPages) -> list[str]:
    return [" ".join(page.get_textpage().get_text_bounded().split()) for page in _pdf(report)]


def _sizes_of(report: ReportPages, words: tuple[str, ...]) -> set[float]:
    """The heights of the letters in which these words are printed."""
    out = io.BytesIO()
    report_pdf(report, out)
    page = pypdfium2.PdfDocument(out.getvalue())[0].get_textpage()
    text, sizes = page.get_text_range(), set()
    for word in words:
        _left, bottom, _right, top = page.get_charbox(text.index(word) + 1, loose=True)
        sizes.add(round(top - bottom, 1))
    return sizes
