"""Ready words on a chair's page: copied without a permission, or given to the phone's own apps."""

import pytest
from playwright.sync_api import expect

from mobilize import clock
from mobilize.accounts.models import RoleName
from tests.builders import full_session, make_person
from tests.journeys.phones import SOON

NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
SHARES = "navigator.share = ({ text }) => ((window.heard = text), Promise.resolve());"
COPIES = "addEventListener('copy', () => (window.heard = getSelection().toString()));"


@pytest.fixture
def chair(gate, context, page):
    """Carla's phone, signed in, in Spanish."""
    carla = make_person("Carla", role=RoleName.CHAIR, site=gate.event.site)
    cookies = {"session": full_session(carla, now=clock.now()), "language": "es"}
    context.add_cookies([{"name": name, "value": text, "url": gate.server} for name, text in cookies.items()])
    return page


@pytest.mark.parametrize(("script", "button"), [(COPIES, "Copiar"), (SHARES, "Compartir estas palabras")])
def test_they_are_in_the_chairs_language_and_go_where_they_want(gate, chair, script, button):
    chair.add_init_script(NO_CLIPBOARD + script)
    chair.set_viewport_size({"width": 320, "height": 640})
    chair.goto(f"{gate.server}/events/{gate.event.id}")
    chair.get_by_text("Palabras para compartir").click()
    words = chair.locator("#share-es")
    expect(words).to_contain_text("Acompáñanos: ")
    assert chair.evaluate("document.documentElement.scrollWidth") == 320
    chair.locator("#share-es + .actions").get_by_role("button", name=button).click()
    if button == "Copiar":
        expect(chair.get_by_role("status").get_by_text("Copiado")).to_be_visible(timeout=SOON)
    assert chair.evaluate("heard") == words.text_content()
