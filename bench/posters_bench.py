"""Posters for every site of a large local: how long, how big, and does another decoder read all of them?"""

import io
import random
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pypdfium2
import zxingcpp

from mobilize.actions.printing.posters import Poster, posters_pdf
from mobilize.keys.tokens import CODE_LENGTH, CODE_LETTERS
from mobilize.languages import Translated
from mobilize.printing.qr import qr_address

SITES = 789
AREAS = ("Central", "East", "Harbor", "North", "South", "Valley East", "Valley West", "West")


def run() -> dict[str, dict[str, float | str]]:
    """The rows of `make bench` for posters: seconds and megabytes of one PDF, codes read back from it."""
    posters = [_poster(number, random.Random(number)) for number in range(SITES)]
    out = io.BytesIO()
    started = time.perf_counter()
    posters_pdf(posters, out, union_name="Local 1021", colour="#8a1420", help_number="+12135550110")
    seconds = time.perf_counter() - started
    read = _codes_read_back(out.getvalue()) & {qr_address(poster.url) for poster in posters}
    return {
        "posters_789_seconds": _row(round(seconds, 2), "s", 30, "lower"),
        "posters_789_mb": _row(round(len(out.getvalue()) / 1e6, 2), "MB", 8, "lower"),
        "posters_qr_read_back": _row(len(read), "codes", SITES, "higher"),
    }


def _row(value: float, unit: str, bar: float, better: str) -> dict[str, float | str]:
    return {"value": value, "unit": unit, "bar": bar, "better": better}


def _poster(number: int, chance: random.Random) -> Poster:
    code = "".join(chance.choices(CODE_LETTERS, k=CODE_LENGTH))
    zone = ZoneInfo("America/Los_Angeles")
    return Poster(
        area=AREAS[number % len(AREAS)],
        site=f"School {number} for " + "Science and Technology of the Valley "[: chance.randint(0, 36)],
        action=Translated(en="Picket for smaller classes", es="Piquete por clases más pequeñas"),
        demands=Translated(
            en="25 students a class, not 40\nA nurse in every school\nRaises that keep up with rent",
            es="25 estudiantes por clase, no 40\nUna enfermera en cada escuela\nAumentos para la renta",
        ),
        place=f"{number} Example Avenue, front gate",
        starts_at=datetime(2026, 12, 8, 7, 0, tzinfo=zone),
        ends_at=datetime(2026, 12, 8, 7, 45, tzinfo=zone),
        code=code,
        url=f"https://mobilize.example/c/{code}",
        text_code=f"{10000 + number}",
        text_number="+12135550142",
    )


def _codes_read_back(pdf: bytes) -> set[str]:
    """The codes zxing reads from every page, rendered at 72 dots an inch as a poor camera would see it."""
    read = set()
    for page in pypdfium2.PdfDocument(pdf):
        picture = page.render(scale=1, grayscale=True).to_pil()
        read |= {code.text for code in zxingcpp.read_barcodes(picture)}
    return read
