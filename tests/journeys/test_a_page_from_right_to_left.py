"""In a language that runs from right to left nothing scrolls sideways on a small phone."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser

from mobilize.accounts.models import RoleName
from mobilize.languages import LANGUAGES
from tests.builders import make_event, make_person, sign_in
from tests.test_a_third_language import INVENTED

STYLES = "".join(
    path.read_text(encoding="utf-8")
    for path in sorted((Path(__file__).parents[2] / "mobilize/static/css").glob("*.css"))
    if path.name != "guide.css"
)


def test_pages_fit_320_pixels(client: FlaskClient, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LANGUAGES, "xil", replace(INVENTED, locale="ar"))
    event = make_event()
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=event.site.area))
    page = browser.new_page(viewport={"width": 320, "height": 640})
    for path in (f"/c/{event.code}", "/", "/privacy", f"/actions/{event.action.id}", f"/events/{event.id}"):
        html = client.get(f"{path}?lang=xil").text
        # Drawn without a server: the styles stand in the page, and no script runs.
        html = re.sub(r"<link[^>]*>|<script.*?</script>", "", html, flags=re.DOTALL)
        page.set_content(html.replace("</head>", f"<style>{STYLES}</style></head>"))
        drawn = page.evaluate("[document.documentElement.dir, document.documentElement.scrollWidth]")
        assert drawn == ["rtl", 320], path
