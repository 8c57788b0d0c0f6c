"""A third language is one more entry of a list: what is written in it is stored, shown, changed and sent."""

import re
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Campaign, Event
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import LANGUAGES, Language, Translated, in_language, say_when
from mobilize.reminders.broadcasts.estimates import estimate_broadcast
from mobilize.reminders.broadcasts.operations import confirm_broadcast, queue_broadcasts, write_broadcast
from mobilize.reminders.models import Audience, Broadcast
from mobilize.reminders.rules.planning import plan_reminders
from tests.builders import (
    START,
    ZONE,
    make_action,
    make_campaign,
    make_event,
    make_member,
    make_person,
    make_site,
    sign_in,
)
from tests.reminders.conftest import MIA, waiting, words

# No catalogue, no text and no country has this one.
INVENTED = Language(
    name="Ilianese",
    locale="en",
    day="d MMMM",
    day_with_year="d MMMM y",
    halves=("mo", "ev"),
    required=False,
)
WRITTEN = {"name_en": "Fair pay", "name_xil": "Amurai sel", "demands_en": "Pay\nNurses", "demands_xil": "Sel"}


@pytest.fixture(autouse=True)
def third(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LANGUAGES, "xil", INVENTED)


def test_a_campaign_is_stored_shown_and_changed_in_it(client: FlaskClient) -> None:
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=make_site().area))
    place = client.post("/campaigns/new", data=WRITTEN).headers["Location"]
    campaign = db.session.scalars(select(Campaign)).one()
    assert campaign.name == {"en": "Fair pay", "xil": "Amurai sel"}
    assert "Amurai sel</h1>" in client.get(f"{place}?lang=xil").text
    form = client.get(f"{place}/edit").text
    assert "Name in Ilianese" in form and 'name="name_xil"' in form and 'value="Amurai sel"' in form
    client.post(f"{place}/edit", data={**WRITTEN, "demands_xil": "Sel\nMedai"})
    assert "<li>Medai</li>" in client.get(place).text


@pytest.mark.parametrize(("locale", "direction"), [("hy", ""), ("ar", ' dir="rtl"'), ("he", ' dir="rtl"')])
def test_its_lines_run_as_it_is_written(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, locale: str, direction: str
) -> None:
    monkeypatch.setitem(LANGUAGES, "xil", replace(INVENTED, locale=locale))
    assert f'<html lang="xil"{direction}>' in client.get(f"/c/{make_event().code}?lang=xil").text


def test_no_stylesheet_says_left_or_right() -> None:
    sides = re.compile(
        r"(margin|padding|border|inset)-(left|right)|(?<![-\w])(left|right|float):|text-align: (left|right)"
    )
    styles = list((Path(__file__).parents[1] / "mobilize/static/css").glob("*.css"))
    assert len(styles) > 2
    assert [path.name for path in styles if sides.search(path.read_text(encoding="utf-8"))] == []


def test_what_is_too_long_in_it_is_said_at_its_field(client: FlaskClient) -> None:
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=make_site().area))
    answer = client.post("/campaigns/new", data={**WRITTEN, "name_xil": "x" * 121})
    assert answer.status_code == 422
    assert (
        '<a\n    href="#name_xil">Name in Ilianese</a>' in answer.text
        and 'id="name_xil-error"' in answer.text
    )


def test_what_was_not_written_in_it_is_read_in_english(client: FlaskClient) -> None:
    name = Translated(en="Morning picket", xil="Dor amurai")
    event = make_event(action=make_action(name=name, campaign_id=make_campaign().id))
    page = client.get(f"/c/{event.code}?lang=xil").text
    assert "Dor amurai" in page and "<li>Smaller classes</li>" in page
    assert "Morning picket" in client.get(f"/c/{event.code}?lang=en").text


def test_a_text_goes_out_in_it_and_the_usual_ones_in_english(app: Flask) -> None:
    starts_at = clock.on_local_day(clock.now(), ZONE, 3, time(7))
    event = make_event(action=make_action(starts_at=starts_at), starts_at=starts_at)
    make_member(site=event.site, phone=MIA, language="xil")
    text = Translated(en="{union}: a coat", es="{union}: abrigo", xil="{union}: tarum {time}")
    broadcast = _written(event, text)
    assert [(one.language, one.phones) for one in estimate_broadcast(broadcast, clock.now()).previews] == [
        ("en", 0), ("es", 0), ("xil", 1),
    ]  # fmt: skip
    confirm_broadcast(broadcast.id, long_ok=False, scope=None, actor="shell", now=clock.now())
    queue_broadcasts(clock.now())
    [sent] = waiting("as_written")
    assert words(sent).startswith("Test Local 100: tarum ") and words(sent)[-2:] in INVENTED.halves
    plan_reminders(starts_at - timedelta(hours=14))  # at 17:00, when it is due
    [usual] = waiting()
    assert usual.language == "en" and "Morning picket" in words(usual)


def test_a_text_wants_the_languages_that_are_required(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    event = make_event()
    _written(event, Translated(en="{union}: a coat", es="{union}: abrigo"))
    monkeypatch.setitem(LANGUAGES, "xil", replace(INVENTED, required=True))
    with pytest.raises(Refused) as refusal:
        _written(event, Translated(en="{union}: a coat", es="{union}: abrigo"))
    assert refusal.value.message.startswith("Write it in English, in Spanish, and in Ilianese:")


def test_dates_are_written_as_it_writes_them(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of languages with one locale the first one is taken.
    monkeypatch.setitem(LANGUAGES, "en", INVENTED)
    with in_language("xil"):
        assert say_when(START, START + timedelta(minutes=45), ZONE).startswith("3 March")


def test_a_language_that_is_none_of_ours_is_refused_and_one_that_was_is_not_read(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign(name=Translated(en="Fair pay", xil="Amurai sel"))
    monkeypatch.delitem(LANGUAGES, "xil")
    with pytest.raises(ValueError, match="xil"):
        Translated(en="Fair pay", xil="Amurai sel")
    db.session.expire_all()
    assert campaign.name == {"en": "Fair pay"}


def test_a_text_is_changed_whole_and_never_by_half(app: Flask) -> None:
    campaign = make_campaign(name=Translated(en="Fair pay"))
    with pytest.raises(TypeError):
        campaign.name["es"] = "Pago justo"
    with atomic():
        campaign.name = Translated({**campaign.name, "es": "Pago justo"})
    db.session.expire_all()
    assert (campaign.name.in_("es"), campaign.name.in_("ko")) == ("Pago justo", "Fair pay")


def _written(event: Event, text: Translated) -> Broadcast:
    return write_broadcast(
        event.action, text, Audience.MEMBERS, scope=THE_OFFICE, actor="shell", now=clock.now()
    )
