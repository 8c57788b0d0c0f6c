"""The same code on a page and in a terminal: what is drawn is read back."""

import re

import pytest
import zxingcpp
from PIL import Image

from mobilize.printing.qr import qr_address, qr_svg, qr_terminal

URL = "https://mobilize.example/c/CDFGHJKMN"


def test_code_on_a_page_is_one_path_without_style_and_reads_back() -> None:
    svg = qr_svg(URL, label="Check-in code")
    assert svg.count("<path") == 1 and "style" not in svg
    assert 'role="img"' in svg and 'aria-label="Check-in code"' in svg
    assert _read(_svg_picture(svg)) == URL.upper()


def test_label_of_a_code_cannot_break_out() -> None:
    assert 'aria-label="&lt;script&gt;&#34;"' in qr_svg(URL, label='<script>"')


def test_code_in_a_terminal_reads_back() -> None:
    assert _read(_terminal_picture(qr_terminal(URL))) == URL.upper()


@pytest.mark.parametrize(
    ("address", "coded"),
    [
        ("https://mobilize.example:8443/c/ABC", "HTTPS://MOBILIZE.EXAMPLE:8443/C/ABC"),
        ("http://localhost:5000/c/abc", "HTTP://LOCALHOST:5000/C/ABC"),
        ("https://my_union.example/c/ABC", "https://my_union.example/c/ABC"),
        ("https://mobilize.example/c/ABC?x=1", "https://mobilize.example/c/ABC?x=1"),
        ("not an address", "not an address"),
    ],
)
def test_address_is_upper_case_only_where_that_saves_modules(address: str, coded: str) -> None:
    assert qr_address(address) == coded
    assert _read(_svg_picture(qr_svg(address))) == coded


def _read(picture: Image.Image) -> str:
    (code,) = zxingcpp.read_barcodes(picture)
    return str(code.text)


def _svg_picture(svg: str) -> Image.Image:
    side = int(re.search(r'viewBox="0 0 (\d+) ', svg)[1])
    picture = Image.new("L", (side, side), 255)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", svg):
        for step in range(int(length)):
            picture.putpixel((int(x) + step, int(y)), 0)
    return picture.resize((side * 4, side * 4), Image.Resampling.NEAREST)


def _terminal_picture(drawn: str) -> Image.Image:
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in drawn.splitlines()]
    picture = Image.new("L", (len(lines[0]), 2 * len(lines)), 255)
    for y, line in enumerate(lines):
        for x, block in enumerate(line):
            if block in "▀█":
                picture.putpixel((x, 2 * y), 0)
            if block in "▄█":
                picture.putpixel((x, 2 * y + 1), 0)
    return picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)
