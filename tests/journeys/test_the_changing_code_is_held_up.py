"""The changing code on a phone that is held up: scanned from a metre, read from three."""

import io
import re
from datetime import timedelta

import pytest
import zxingcpp
from PIL import Image, ImageFilter
from playwright.sync_api import expect

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind

# A phone's screen is 390 px and 65 mm wide. A camera with 69 degrees across sees 1,370 mm at one metre, and
# gives a scanner 1,920 px of them.
PX_PER_MM = 390 / 65
CAMERA_PX_PER_MM = 1920 / 1370
# A letter is read from 250 times its height, as on the big screen. The narrowest phone is 53 mm wide: the
# five digits fill it, in the widest of fonts, which is the one here.
READ_FROM = {390: 250, 360: 250, 320: 300}
SIZES = [(390, 844), (360, 640), (320, 640), (844, 390)]


@pytest.fixture
def held_up(gate, context, page):
    """A captain's line page; a function that opens the changing code on a screen of this size."""
    now = clock.now()
    ends = now + timedelta(hours=3)
    _grant, token = grant_line(gate.event.id, GrantKind.CAPTAIN, "Rosa", None, "shell", ends, now=now)
    context.add_cookies([{"name": f"line-{gate.event.code}", "value": token, "url": gate.server}])

    def open_code(size, language="en"):
        page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
        page.goto(f"{gate.line}?lang={language}")
        page.locator("#show-board").click()
        expect(page.locator("#board-code path")).to_have_attribute("d", re.compile("^M"))
        return page

    return open_code


@pytest.mark.parametrize("size", SIZES)
def test_from_a_metre_a_camera_reads_the_code_of_a_phone_that_is_held_up(held_up, gate, size):
    page = held_up(size)
    side = page.locator("#board-code").bounding_box()["width"]
    assert side >= min(size) * 0.98
    modules = float(page.locator("#board-code").get_attribute("viewBox").split()[2]) - 4
    assert modules <= 29
    picture = Image.open(io.BytesIO(page.screenshot())).convert("L")
    read = zxingcpp.read_barcode(seen_from_a_metre(picture, picture.width / size[0]))
    assert read and f"/C/{gate.event.code}/" in read.text


def seen_from_a_metre(picture, pixels_per_px):
    """The screen in a dark hand, as few pixels as a camera has for it, not quite in focus."""
    scale = CAMERA_PX_PER_MM / PX_PER_MM / pixels_per_px
    small = picture.resize([round(side * scale) for side in picture.size], Image.Resampling.BOX)
    scene = Image.new("L", (small.width + 80, small.height + 80), 30)
    scene.paste(small, (40, 40))
    return scene.filter(ImageFilter.GaussianBlur(0.6))


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("size", SIZES[:3])
def test_its_words_are_read_from_three_metres_and_nothing_is_cut_off(held_up, gate, size, language):
    page = held_up(size, language)
    words = page.locator("#board-far text:not(.to)")
    assert words.first.text_content() == {"en": "HERE", "es": "AQUI"}[language]
    assert words.nth(1).text_content() == gate.event.text_code
    cap_height = 0.72 * words.first.evaluate("e => e.getScreenCTM().a * 100") / PX_PER_MM
    assert cap_height >= 3000 / READ_FROM[size[0]]
    for part in ("#board-code", "#board-far", "#board .button", "#board-words"):
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= size[0] + 1, part
        assert box["y"] >= 0 and box["y"] + box["height"] <= size[1] + 1, part
