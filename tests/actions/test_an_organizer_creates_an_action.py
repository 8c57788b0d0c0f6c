"""An organizer puts a picket at every site, or calls a rally with its chapters, in one step."""

import re
import threading
import uuid
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Action, ActionKind, Campaign, Event, EventChapter, Shift
from mobilize.actions.operations import (
    NewAction,
    change_campaign,
    create_action_at_sites,
    create_campaign,
    create_rally,
)
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.database import db, new_id
from mobilize.errors import Refused
from mobilize.languages import Translated
from tests.builders import make_area, make_campaign, make_member, make_person, make_site, sign_in

NOW = datetime(2026, 3, 1, 18, tzinfo=UTC)
MORNING = LocalTimeRange(date(2026, 3, 3), time(7), time(7, 45))
FORM = {
    "name_en": "Picket",
    "name_es": "Piquete",
    "kind": "picket",
    "day": "2026-03-03",
    "start": "07:00",
    "end": "07:45",
    "where": "every-site",
    "target_percent": "75",
    "elsewhere_ok": "y",
    "campaign": "",
}


def picket(**values: object) -> NewAction:
    return NewAction(Translated(en="Picket"), ActionKind.PICKET, MORNING, **values)  # type: ignore[arg-type]


def create(new: NewAction | None = None, **values: object) -> Action:
    return create_action_at_sites(new or picket(), actor="shell", now=NOW, **values)  # type: ignore[arg-type]


def count(table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_every_represented_site_gets_an_event_with_its_shift_and_chapter(app: Flask) -> None:
    sites = [make_site() for _ in range(3)]
    make_site(represented=False)
    action = create()
    events = db.session.scalars(select(Event).where(Event.action_id == action.id)).all()
    assert {event.site_id for event in events} == {site.id for site in sites}
    assert count(Shift) == count(EventChapter) == 3


def test_an_event_starts_at_the_same_time_of_day_where_its_site_is(app: Flask) -> None:
    make_site(tz="America/Los_Angeles")
    make_site(tz="America/Denver")
    create()
    starts = db.session.scalars(select(Event.starts_at).order_by(Event.starts_at)).all()
    assert [start.hour for start in starts] == [14, 15]


def test_an_action_at_some_areas_leaves_the_others_alone(app: Flask) -> None:
    north, south = make_area("North"), make_area("South")
    inside, _outside = make_site(area=north), make_site(area=south)
    create(areas=[north])
    assert db.session.scalars(select(Event.site_id)).all() == [inside.id]


def test_the_same_form_sent_twice_makes_one_action(app: Flask) -> None:
    make_site()
    new = picket(id=new_id())
    assert create(new).id == create(new).id
    assert (count(Action), count(Event)) == (1, 1)


def test_two_actions_at_every_site_share_no_code(app: Flask) -> None:
    for _ in range(40):
        make_site()
    create()
    create()
    events = db.session.scalars(select(Event)).all()
    assert len({event.code for event in events}) == len({event.text_code for event in events}) == 80
    assert all(len(event.code) == 9 and event.text_code.isdigit() for event in events)


def test_codes_of_neighbouring_sites_tell_nothing_of_each_other(app: Flask) -> None:
    for _ in range(40):
        make_site()
    create()
    codes = db.session.scalars(select(Event.code).order_by(Event.id)).all()
    alike = [sum(a == b for a, b in zip(x, y, strict=True)) for x, y in zip(codes, codes[1:], strict=False)]
    assert max(alike) < 6


def test_without_any_site_nothing_is_made(app: Flask) -> None:
    with pytest.raises(Refused) as refused:
        create()
    assert refused.value.code == "no_sites"
    assert count(Action) == 0


def test_a_rally_is_the_home_event_of_every_chapter_of_its_areas(app: Flask) -> None:
    north, south = make_area("North"), make_area("South")
    sites = [make_site(area=north), make_site(area=north)]
    make_site(area=south)
    new = NewAction(Translated(en="Rally"), ActionKind.RALLY, MORNING)
    create_rally(new, " City Hall ", areas=[north], actor="shell", now=NOW)
    event = db.session.scalars(select(Event)).one()
    assert (event.venue, event.site_id, event.area_id) == ("City Hall", None, north.id)
    assert set(db.session.scalars(select(EventChapter.site_id))) == {site.id for site in sites}


def test_a_rally_wants_a_venue_and_chapters(app: Flask) -> None:
    new = NewAction(Translated(en="Rally"), ActionKind.RALLY, MORNING)
    for venue, code in (("  ", "no_venue"), ("City Hall", "no_sites")):
        with pytest.raises(Refused) as refused:
            create_rally(new, venue, areas=None, actor="shell", now=NOW)
        assert refused.value.code == code
    assert count(Action) == 0


def test_english_stands_for_both_until_somebody_translates(app: Flask) -> None:
    campaign = create_campaign(Translated(en="Now"), Translated(en="Pay"), actor="shell", now=NOW)
    assert (campaign.name.in_("es"), campaign.demands.in_("es")) == ("Now", "Pay")
    change_campaign(
        campaign, Translated(en="Now", es="Ya"), Translated(en="Pay", es="Pago"), actor="shell", now=NOW
    )
    assert (campaign.name.in_("es"), campaign.demands.in_("es")) == ("Ya", "Pago")


@pytest.fixture
def office(app: Flask, client: FlaskClient) -> Person:
    person: Person = make_person("Olga Office", role=RoleName.ADMIN)
    with time_machine.travel(NOW, tick=False):
        sign_in(client, person)
    return person


@pytest.fixture(autouse=True)
def two_days_before() -> object:
    with time_machine.travel(NOW, tick=False):
        yield


def test_the_office_puts_a_picket_at_every_site_from_the_page(client: FlaskClient, office: Person) -> None:
    for _ in range(3):
        make_site()
    page = client.get("/actions/new").text
    assert "Every site: 3" in page
    answer = client.post("/actions/new", data=FORM, follow_redirects=True)
    assert answer.status_code == 200
    assert "Print all 3 posters" in answer.text


def test_a_double_tap_on_create_makes_one_action(client: FlaskClient, office: Person) -> None:
    make_site()
    form = {**FORM, "form_id": str(uuid.uuid4())}
    places = [client.post("/actions/new", data=form).headers["Location"] for _ in range(2)]
    assert places[0] == places[1]
    assert count(Action) == 1


def test_what_was_typed_stays_when_something_is_wrong(client: FlaskClient, office: Person) -> None:
    make_site()
    for wrong in (
        {"day": "2026-02-01"},
        {"end": "06:00"},
        {"where": "areas"},
        {"kind": "rally"},
        {"name_en": ""},
    ):
        answer = client.post("/actions/new", data={**FORM, **wrong})
        assert answer.status_code == 422, wrong
        assert "What you typed is still here" in answer.text
        assert 'value="Piquete"' in answer.text
    assert count(Action) == 0


def test_garbage_in_any_field_is_an_answer_and_never_a_fault(client: FlaskClient, office: Person) -> None:
    make_site()
    for field in FORM:
        for typed in ("\0", "💥" * 500, "-1", "../..", "9999-12-31", "0001-01-01"):
            assert client.post("/actions/new", data={**FORM, field: typed}).status_code in {303, 422}


def test_an_organizer_chooses_among_their_own_areas_only(app: Flask, client: FlaskClient) -> None:
    north, south = make_area("North"), make_area("South")
    make_site(area=north)
    make_site(area=south)
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=north))
    page = client.get("/actions/new").text
    assert "North: 1 site" in page
    assert "South" not in page and "Every site" not in page
    assert client.post("/actions/new", data=FORM).status_code == 422
    foreign = {**FORM, "where": "areas", "areas": str(south.id)}
    assert client.post("/actions/new", data=foreign).status_code == 422
    assert client.post("/actions/new", data={**foreign, "areas": str(north.id)}).status_code == 303
    assert db.session.scalars(select(Event.area_id)).all() == [north.id]


def test_on_the_night_clocks_go_back_the_page_asks_which_hour(client: FlaskClient, office: Person) -> None:
    make_site()
    night = {**FORM, "day": "2026-11-01", "start": "01:30", "end": "02:15"}
    answer = client.post("/actions/new", data=night)
    assert answer.status_code == 422
    assert "The second, an hour later" in answer.text
    assert client.post("/actions/new", data={**night, "second_hour": "second"}).status_code == 303
    assert db.session.scalars(select(Event.starts_at)).one() == datetime(2026, 11, 1, 9, 30, tzinfo=UTC)


def test_a_campaign_is_made_once_and_its_demands_can_be_changed(client: FlaskClient, office: Person) -> None:
    form = {"name_en": "Fair pay", "demands_en": "Pay\nNurses", "form_id": str(uuid.uuid4())}
    places = {client.post("/campaigns/new", data=form).headers["Location"] for _ in range(2)}
    assert len(places) == count(Campaign) == 1
    page = client.get(places.pop())
    assert "<li>Nurses</li>" in page.text
    campaign = db.session.scalars(select(Campaign)).one()
    edited = {"name_en": "Fair pay", "demands_en": "Books"}
    assert client.post(f"/campaigns/{campaign.id}/edit", data=edited).status_code == 303
    assert "<li>Books</li>" in client.get(f"/campaigns/{campaign.id}").text


def test_campaigns_show_their_actions_with_their_places(client: FlaskClient, office: Person) -> None:
    make_site()
    campaign = make_campaign()
    create(picket(campaign_id=campaign.id))
    page = client.get("/campaigns").text
    assert "Schools Our Students Deserve" in page and "Picket" in page


def test_two_organizers_at_the_same_moment_are_given_different_text_codes(app: Flask) -> None:
    for _ in range(40):
        make_site()

    def one() -> None:
        with app.app_context():
            create()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    codes = db.session.scalars(select(Event.text_code)).all()
    assert len(codes) == len(set(codes)) == 160


def test_before_something_large_is_made_a_sentence_says_what(app: Flask, client: FlaskClient) -> None:
    north = make_area("North")
    for _n in range(30):
        make_member(site=make_site(area=north))
    sign_in(client, make_person(role=RoleName.ADMIN))
    day = (clock.now() + timedelta(days=9)).date().isoformat()
    form = {**FORM, "day": day, "form_id": str(new_id())}
    first = client.post("/actions/new", data=form)
    assert "30 pickets, 30 eligible members, " in first.text and count(Action) == 0
    key = re.search(r'name="sure" value="(\w+)"', first.text)
    assert key
    changed = client.post("/actions/new", data={**form, "kind": "strike", "sure": key[1]})
    assert "30 lines, 30 eligible members, " in changed.text and count(Action) == 0
    assert client.post("/actions/new", data={**form, "sure": key[1]}).status_code == 303
    assert count(Action) == 1
