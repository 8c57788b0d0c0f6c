"""Posters for many sites in one PDF, sorted by area, with an outline: every language on every page."""

import unicodedata
from collections.abc import Callable, Iterable
from typing import BinaryIO

from mobilize.actions.printing.poster_pdf import Poster, draw_poster
from mobilize.languages import N_, in_each
from mobilize.printing.fonts import BOLD
from mobilize.printing.pdf import Page, draw, open_page
from mobilize.printing.text_layout import fit

__all__ = ["Poster", "poster_order", "posters_pdf"]


def posters_pdf(
    posters: Iterable[Poster],
    out: BinaryIO,
    *,
    union_name: str,
    colour: str,
    help_number: str | None = None,
    paper: str = "letter",
    tell: Callable[[int], None] | None = None,
) -> None:
    """Write one page a poster to `out`, sorted by area and site, with an outline of both.

    `colour` is #rrggbb, `paper` "letter" or "a4"; `tell(drawn)` is called with the
    progress. No posters make a PDF that says so on its one page.
    """
    page = open_page(out, title=f"{union_name}: posters", author=union_name, colour=colour, paper=paper)
    area = None
    for number, poster in enumerate(sorted(posters, key=poster_order)):
        _outline(page, poster, number, new_area=poster.area != area)
        area = poster.area
        draw_poster(page, poster, union_name, poster.help_number or help_number)
        page.canvas.showPage()
        if tell:
            tell(number + 1)
    if area is None:
        draw(page, fit(in_each(N_("No posters")), BOLD, width=page.width, largest=24, smallest=12), page.top)
    page.canvas.showOutline()
    page.canvas.save()


def poster_order(poster: Poster) -> tuple[str, str, str]:
    """By area, then site, as people look names up: accents and capitals do not count."""
    return (_folded(poster.area), _folded(poster.site), poster.code)


def _folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _outline(page: Page, poster: Poster, number: int, *, new_area: bool) -> None:
    key = f"poster-{number}"
    page.canvas.bookmarkPage(key)
    if new_area:  # under a key of its own: reportlab keeps one title for each key
        page.canvas.bookmarkPage(f"area-{number}")
        page.canvas.addOutlineEntry(poster.area, f"area-{number}", level=0, closed=True)
    page.canvas.addOutlineEntry(poster.site, key, level=1)
