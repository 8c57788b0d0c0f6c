"""Posters, read back out of the rendered PDF: the codes by an independent decoder, the words as text."""

import io
from dataclasses import replace
from datetime import datetime
from itertools import combinations
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
import zxingcpp

from mobilize.actions.printing.posters import Poster, posters_pdf
from mobilize.languages import LANGUAGES, Translated
from mobilize.printing.fonts import printable
from mobilize.printing.qr import is_alphanumeric, qr_rows

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
LONG_SITE = (
    "Fenton STEM Academy: Elementary Center for Science Technology Engineering and Mathematics – Ñandú’s Peña"
)
LONG_SPANISH = (
    "Concentración y piquete antes de la campana por escuelas comunitarias con personal completo"
    " y planteles seguros"
)
POSTER = Poster(
    area="Valley East",
    site="Glenwood Elementary",
    action=Translated(en="Picket for smaller classes", es="Piquete por clases más pequeñas"),
    demands=Translated(
        en="25 students a class, not 40\nA nurse in every school",
        es="25 estudiantes por clase, no 40\nUna enfermera en cada escuela",
    ),
    place="Front gate, 8001 Example Avenue",
    starts_at=datetime(2026, 12, 8, 7, 0, tzinfo=LOS_ANGELES),
    ends_at=datetime(2026, 12, 8, 7, 45, tzinfo=LOS_ANGELES),
    code="CDFGHJKMN",
    url="https://mobilize.example/c/CDFGHJKMN",
    text_code="48219",
    text_number="+12135550142",
)
LONGEST = replace(
    POSTER,
    site=LONG_SITE,
    action=Translated(
        en="Walk-in and picket before the bell for fully staffed community schools and safe campuses",
        es=LONG_SPANISH,
    ),
    demands=Translated(
        en="No public money for privately run charter co-locations on our campuses, ever\n" * 4,
        es="Una enfermera, una bibliotecaria y una trabajadora social de tiempo completo\n" * 4,
    ),
    place="Front gate at the corner of West Martin Luther King Junior Boulevard and " * 2,
    url="https://mobilize.unitedteachersofthevalley.example/c/CDFGHJKMN",
    drill=True,
)


@pytest.fixture(autouse=True)
def two_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two languages alone: the longest words here fill a poster in two; with each more there is less room."""
    for code in LANGUAGES.keys() - {"en", "es"}:
        monkeypatch.delitem(LANGUAGES, code)


def test_every_code_is_read_back_from_the_rendered_page() -> None:
    posters = [_coded(number) for number in range(12)]
    read = [_code_on(page).text for page in _pdf(posters)]
    assert sorted(read) == sorted(poster.url.upper() for poster in posters)


def test_code_is_alphanumeric_with_a_quarter_of_it_to_spare() -> None:
    code = _code_on(_pdf([POSTER])[0])
    # 36 letters in byte mode would need version 4 at this level: 3-Q holds 47 alphanumeric or 32 bytes.
    assert (code.extra["Version"], code.ec_level, is_alphanumeric(code.text)) == ("3", "Q", True)
    rows = qr_rows(POSTER.url, "Q")
    last = len(rows) - 1
    first_four = [(last, last), (last, last - 1), (last - 1, last), (last - 1, last - 1)]
    bits = [rows[y][x] ^ ((x + y) % 3 == 0) for y, x in first_four]
    assert bits == [False, False, True, False]  # 0010: the mode indicator of ISO/IEC 18004, mask 3 taken off


@pytest.mark.parametrize("paper", ["letter", "a4"])
@pytest.mark.parametrize(
    "poster",
    [POSTER, LONGEST, replace(LONGEST, text_number=None, demands=Translated(es=LONGEST.demands["es"]))],
)
def test_code_is_eleven_centimetres_with_white_around_it(poster: Poster, paper: str) -> None:
    page = _pdf([poster], paper=paper)[0]
    picture = page.render(scale=2, grayscale=True).to_pil()
    where = _code_on(page, scale=2).position
    side = where.top_right.x - where.top_left.x
    assert side / 2 / 72 * 2.54 >= 10.95  # the decoder's corners are whole pixels inside the code
    quiet = side / len(qr_rows(poster.url, "Q")) * 4 - 4
    left, right = where.top_left.x - quiet, where.top_right.x + quiet
    top, bottom = where.top_left.y - quiet, where.bottom_left.y + quiet
    assert left >= 0
    for strip in (
        (left, top, where.top_left.x - 3, bottom),
        (where.top_right.x + 4, top, right, bottom),
        (left, top, right, where.top_left.y - 3),
        (left, where.bottom_left.y + 4, right, bottom),
    ):
        assert picture.crop(tuple(int(edge) for edge in strip)).getextrema()[0] == 255


def test_both_languages_say_everything() -> None:
    words = _words(_pdf([POSTER], help_number="+12135550110")[0])
    for part in (
        "Local 1021",
        "Valley East",
        "Glenwood Elementary",
        "Front gate, 8001 Example Avenue",
        "Picket for smaller classes",
        "Piquete por clases más pequeñas",
        "Tuesday, December 8, 7:00–7:45 am",
        "Martes 8 de diciembre, 7:00–7:45 a. m.",
        "25 students a class, not 40",
        "25 estudiantes por clase, no 40",
        "You’re counted.",
        "Y cuentas.",
        "mobilize.example/c",
        "CDF GHJ KMN",
        "Or text HERE 48219 to (213) 555-0142",
        "O manda AQUI 48219 al (213) 555-0142",
        "This poster stays good if the time or place changes.",
        "Este cartel sigue valiendo si cambia la hora o el lugar.",
        "Help: (213) 555-0110",
        "Ayuda: (213) 555-0110",
    ):
        assert part in words


def test_without_a_number_nothing_is_said_about_texting() -> None:
    words = _words(_pdf([replace(POSTER, text_number=None)])[0])
    assert "48219" not in words and "Or text" not in words


def test_drill_says_so_in_both_languages() -> None:
    words = _words(_pdf([replace(POSTER, drill=True)])[0])
    assert "DRILL" in words and "SIMULACRO" in words
    assert "DRILL" not in _words(_pdf([POSTER])[0])


@pytest.mark.parametrize("paper", ["letter", "a4"])
def test_longest_names_are_whole_and_stay_on_the_page(paper: str) -> None:
    page = _pdf([LONGEST], paper=paper)[0]
    words = _words(page)
    assert LONG_SITE in words and LONG_SPANISH in words and "…" not in words
    assert _everything_is_inside(page)


def test_a_third_language_has_a_column_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LANGUAGES, "xil", replace(LANGUAGES["en"], name="Ilianese"))
    poster = replace(POSTER, action=Translated({**POSTER.action, "xil": "Amurai sel"}))
    words = _words(_pdf([poster], help_number="+12135550110")[0])
    for sentence in ("Picket for smaller classes", "Piquete por clases más pequeñas", "Amurai sel"):
        assert sentence in words
    assert words.count("Help: (213) 555-0110") == 2 and "…" not in words
    for crowded in (LONGEST, replace(LONGEST, drill=False)):
        page = _pdf([crowded], help_number="+12135550110")[0]
        assert _everything_is_inside(page) and _code_on(page).text.endswith("CDFGHJKMN")


def test_endless_words_are_cut_instead_of_overflowing() -> None:
    endless = "X" * 400
    page = _pdf(
        [
            replace(
                LONGEST,
                site=endless,
                action=Translated(en=endless, es=LONG_SPANISH),
                place=endless,
                area=endless,
                demands=Translated(en=LONGEST.demands["en"], es=f"{endless}\n" * 6),
                text_code="1" * 60,
                code=endless,
                url=f"https://{'m' * 120}.example/c/CDFGHJKMN",
            )
        ]
    )[0]
    assert _everything_is_inside(page)
    assert _code_on(page).text.endswith("CDFGHJKMN")


def test_pages_are_sorted_and_outlined_by_area_and_site() -> None:
    posters = [
        replace(POSTER, area="West", site="Árbol High"),
        replace(POSTER, area="East", site="zebra Middle"),
        replace(POSTER, area="West", site="Apple High"),
        replace(POSTER, area="East", site="Ñandú Elementary"),
    ]
    pdf = _pdf(posters)
    outline = [(entry.level, entry.get_title(), entry.get_dest().get_index()) for entry in pdf.get_toc()]
    assert outline == [
        (0, "East", 0),
        (1, "Ñandú Elementary", 0),
        (1, "zebra Middle", 1),
        (0, "West", 2),
        (1, "Apple High", 2),
        (1, "Árbol High", 3),
    ]


def test_no_posters_make_one_page_that_says_so() -> None:
    pdf = _pdf([])
    assert len(pdf) == 1 and "No posters / Sin carteles" in _words(pdf[0])


def test_letters_the_font_lacks_are_written_otherwise() -> None:
    assert (
        printable("Nguyễn Thị Hạnh, Անի Սարգսյան, Ñandú – ’é") == "Nguyễn Thị Hạnh, Անի Սարգսյան, Ñandú – ’é"
    )
    assert printable("김 민수") == "Gim Minsu"
    assert printable("王小明 علي") == "? ?"
    assert printable("Ana\u202e\x00\tB\u0301") == "Ana B\u0301"


def _coded(number: int) -> Poster:
    code = f"CDFGH{number:02d}VX"
    return replace(POSTER, code=code, url=f"https://mobilize.example/c/{code}", site=f"Site {number}")


def _pdf(posters: list[Poster], **options: str) -> pypdfium2.PdfDocument:
    out = io.BytesIO()
    posters_pdf(posters, out, union_name="Local 1021", colour="#8a1420", **options)
    return pypdfium2.PdfDocument(out.getvalue())


def _code_on(page: pypdfium2.PdfPage, scale: int = 1) -> zxingcpp.Barcode:
    (code,) = zxingcpp.read_barcodes(page.render(scale=scale, grayscale=True).to_pil())
    return code


def _words(page: pypdfium2.PdfPage) -> str:
    return " ".join(page.get_textpage().get_text_bounded().split())


def _everything_is_inside(page: pypdfium2.PdfPage) -> bool:
    """Every letter within the margins, and no two lines of text over each other."""
    width, height = page.get_size()
    text = page.get_textpage()
    boxes = [text.get_rect(number) for number in range(text.count_rects())]
    inside = all(
        left > 29 and bottom > 27 and right < width - 29 and top < height - 29
        for left, bottom, right, top in boxes
    )
    return inside and not any(_overlap(one, other) for one, other in combinations(boxes, 2))


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    along = min(one[3], other[3]) - max(one[1], other[1])
    return across > 2 and along > 3
