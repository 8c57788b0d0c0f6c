"""What a program plans, once for each key; and what it only prepares, which a person confirms."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from mobilize import clock
from mobilize.accounts.approvals.models import Approval
from mobilize.accounts.models import Person, RoleName
from mobilize.accounts.tokens.models import StoredAnswer
from mobilize.actions.models import Action, Event
from mobilize.database import atomic, db
from mobilize.privacy.retention.purge import purge
from mobilize.roster.models import Area, Site
from tests.api.program import Program, make_secret
from tests.builders import make_event, make_member, make_person, make_site, sign_in
from tests.security.test_what_is_dangerous_asks_again import tell

NOON = (clock.now() + timedelta(days=40)).replace(hour=19, minute=0, second=0, microsecond=0)
NAME = {"en": "Picket at Lincoln", "es": "Piquete en Lincoln"}


def span(hours: float = 1, later: timedelta = timedelta(0)) -> dict[str, str]:
    start = NOON + later
    return {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=hours)).isoformat()}


@pytest.fixture
def own(app: Flask, olga: Person) -> Program:
    return Program(app, make_secret(olga))


def events() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Event)) or 0


def test_an_event_is_made_once_for_each_key(own: Program, lincoln: Site) -> None:
    path, body = f"/sites/{lincoln.id}/events", {"name": NAME, "meet_at": "Front gate", **span()}
    first = own.post(path, body, key="picket-2026-1")
    assert first.status_code == 201 and first.json["meet_at"] == "Front gate"
    again = own.post(path, body, key="picket-2026-1")
    assert (again.status_code, again.data, events()) == (201, first.data, 1)
    assert own.get(f"/events/{first.json['id']}").json == first.json
    other = own.post(path, body | {"meet_at": "Back"}, key="picket-2026-1")
    assert (other.status_code, other.json["code"]) == (422, "nonce_reused")
    second = own.post(path, body)
    assert (second.status_code, second.json["code"], events()) == (409, "already_one", 1)


def test_what_was_declined_may_be_tried_again_under_its_key(own: Program, lincoln: Site) -> None:
    path = f"/sites/{lincoln.id}/events"
    past = {"starts_at": "2020-01-01T15:00:00Z", "ends_at": "2020-01-01T16:00:00Z"}
    declined = own.post(path, {"name": NAME, **past}, key="picket-2026-2")
    assert (declined.status_code, declined.json["code"]) == (422, "in_the_past")
    assert own.post(path, {"name": NAME, **span()}, key="picket-2026-2").status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": {"en": " "}, **span()}, 422, "no_name"),
        ({"name": {"es": "Piquete"}, **span()}, 400, "bad_body"),
        ({"name": {"en": "Picket", "xx": "?"}, **span()}, 400, "bad_body"),
        ({"name": NAME, **span(hours=-1)}, 422, "too_long"),
        ({"name": NAME, **span(hours=20)}, 422, "too_long"),
        ({"name": NAME, **span(hours=30)}, 422, "bad_time"),
    ],
)
def test_a_plan_that_cannot_be_is_declined(
    own: Program, lincoln: Site, body: Any, status: int, code: str
) -> None:
    answer = own.post(f"/sites/{lincoln.id}/events", body)
    assert (answer.status_code, answer.json["code"], events()) == (status, code, 0)


def test_an_event_is_moved_and_its_poster_stays_good(own: Program, lincoln: Site) -> None:
    event = make_event(lincoln, starts_at=NOON, ends_at=NOON + timedelta(hours=1))
    body = {"meet_at": "Back gate", **span(later=timedelta(hours=2))}
    answer = own.post(f"/events/{event.id}/move", body, key="moved-once-1")
    assert (answer.status_code, answer.json["version"], answer.json["code"]) == (200, 2, event.code)
    assert own.post(f"/events/{event.id}/move", body, key="moved-once-1").data == answer.data


def test_moving_what_many_were_told_of_is_prepared_for_a_person(
    own: Program, client: FlaskClient, olga: Person, lincoln: Site
) -> None:
    event = make_event(lincoln, starts_at=NOON, ends_at=NOON + timedelta(hours=1))
    tell(event, 101)
    body = {"meet_at": "Back gate", **span(later=timedelta(hours=2))}
    answer = own.post(f"/events/{event.id}/move", body)
    assert (answer.status_code, answer.json["state"]) == (202, "prepared")
    assert db.session.get_one(Event, event.id, populate_existing=True).version == 1
    sign_in(client, olga)
    address = urlsplit(answer.json["confirm_url"])
    page = client.get(f"{address.path}?{address.query}")
    at = clock.local(NOON + timedelta(hours=2), event.tz)
    assert f'value="{at:%H:%M}' in page.text and "Back gate" in page.text


def test_calling_off_is_prepared_and_a_second_person_does_it(
    own: Program, client: FlaskClient, lincoln: Site, north: Area
) -> None:
    event = make_event(lincoln, starts_at=NOON, ends_at=NOON + timedelta(hours=1))
    for _n in range(25):
        make_member(site=lincoln)
    path = f"/actions/{event.action_id}/call-off"
    answer = own.post(path, {})
    assert (answer.status_code, answer.json["state"]) == (202, "prepared") and answer.json["until"]
    assert own.post(path, {}).json["until"] == answer.json["until"], "one request"
    assert db.session.get_one(Action, event.action_id).called_off_at is None
    assert len(db.session.scalars(select(Approval)).all()) == 1
    vera = make_person("Vera Lund", role=RoleName.ORGANIZER, area=north)
    sign_in(client, vera)
    assert client.post(urlsplit(answer.json["confirm_url"]).path).status_code == 303
    assert db.session.get_one(Action, event.action_id, populate_existing=True).called_off_at is not None
    assert own.post(path, {}).json["code"] == "is_over"


def test_an_action_of_more_areas_is_not_called_off_by_one(own: Program, lincoln: Site) -> None:
    event = make_event(lincoln, starts_at=NOON, ends_at=NOON + timedelta(hours=1))
    make_event(make_site(), action=event.action)
    answer = own.post(f"/actions/{event.action_id}/call-off", {})
    assert (answer.status_code, answer.json["code"]) == (403, "not_yours")


def test_a_kept_answer_is_sealed_and_gone_after_a_day(own: Program, lincoln: Site) -> None:
    body = {"name": NAME, "meet_at": "Front gate", **span()}
    own.post(f"/sites/{lincoln.id}/events", body)
    [stored] = db.session.scalars(select(StoredAnswer)).all()
    assert "Front gate" in stored.answer and b"Front gate" not in stored.answer_enc
    assert purge(clock.now() + timedelta(hours=23))["stored_answers"] == 0
    assert purge(clock.now() + timedelta(hours=25))["stored_answers"] == 1


def test_after_a_day_a_key_may_be_used_for_something_else(own: Program, lincoln: Site) -> None:
    path, body = f"/sites/{lincoln.id}/events", {"name": NAME, **span()}
    assert own.post(path, body, key="picket-2026-3").status_code == 201
    with atomic() as session:
        session.execute(update(StoredAnswer).values(made_at=clock.now() - timedelta(hours=25)))
    assert own.post(path, body | span(later=timedelta(days=2)), key="picket-2026-3").status_code == 201
