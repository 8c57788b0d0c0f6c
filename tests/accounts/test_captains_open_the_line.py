"""Grants of a line: the chair's own, and captains' links that open one event and are taken back."""

from datetime import datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize.accounts.access.grants import grant_line, hand_over, open_grants, revoke_grant
from mobilize.accounts.models import GrantKind, LineGrant, Person, RoleName
from mobilize.actions.models import Event
from mobilize.database import db
from mobilize.roster.models import Site
from tests.builders import make_event, make_person, make_site, sign_in


def captain(event: Event, now: datetime) -> tuple[LineGrant, str]:
    return grant_line(event.id, GrantKind.LINK, "Rosa", None, "person:x", now + timedelta(hours=1), now=now)


def link_of(event: Event) -> LineGrant:
    return db.session.scalars(select(LineGrant).filter_by(event_id=event.id, kind=GrantKind.LINK)).one()


def line(client: FlaskClient, event: Event) -> int:
    return client.get(f"/line/{event.code}").status_code


def test_a_preview_opens_nothing_and_the_button_opens_the_line(
    client: FlaskClient, picket: Event, now: datetime
) -> None:
    _grant, token = captain(picket, now)
    preview = client.get(f"/l/{token}")
    assert preview.status_code == 200 and "Lincoln High" in preview.text
    assert "Set-Cookie" not in preview.headers and line(client, picket) == 403
    opened = client.post(f"/l/{token}")
    assert (opened.status_code, opened.location) == (303, f"/line/{picket.code}")
    assert line(client, picket) == 200


def test_a_scanned_link_in_capitals_opens_too(client: FlaskClient, picket: Event, now: datetime) -> None:
    _grant, token = captain(picket, now)
    assert client.post(f"/L/{token.lower()}").status_code == 303
    assert line(client, picket) == 200


def test_a_grant_opens_no_other_line_whatever_its_cookie_is_called(
    client: FlaskClient, picket: Event, now: datetime
) -> None:
    other = make_event(make_site(), starts_at=now, ends_at=now)
    _grant, token = captain(picket, now)
    client.post(f"/l/{token}")
    cookie = client.get_cookie(f"line-{picket.code}", domain="localhost").value
    client.set_cookie(f"line-{other.code}", cookie, domain="localhost")
    assert line(client, other) == 403


def test_a_revoked_link_is_refused_at_the_next_request(
    client: FlaskClient, picket: Event, now: datetime
) -> None:
    grant, token = captain(picket, now)
    client.post(f"/l/{token}")
    for _ in range(2):
        revoke_grant(grant, "person:x", now=now)
    assert line(client, picket) == 403
    for answer in (client.get(f"/l/{token}"), client.post(f"/l/{token}")):
        assert answer.status_code == 410 and "Lincoln" not in answer.text
        assert "Set-Cookie" not in answer.headers


def test_a_link_ends(client: FlaskClient, picket: Event, now: datetime) -> None:
    ends_at = now - timedelta(seconds=1)
    _grant, token = grant_line(picket.id, GrantKind.LINK, "Rosa", None, "person:x", ends_at, now=now)
    assert client.get(f"/l/{token}").status_code == 410
    client.set_cookie(f"line-{picket.code}", token, domain="localhost")
    assert line(client, picket) == 403


def test_handing_over_takes_back_the_old_phone(picket: Event, now: datetime) -> None:
    grant, _token = captain(picket, now)
    new, _token = hand_over(grant, "Sam", "person:x", now=now)
    assert [running.id for running in open_grants(picket.id, now=now)] == [new.id]
    assert (new.label, new.ends_at) == ("Sam", grant.ends_at)


def test_the_chair_opens_their_line_without_another_grant_each_time(
    client: FlaskClient, carmen: Person, picket: Event, now: datetime
) -> None:
    sign_in(client, carmen)
    for _ in range(2):
        assert client.post(f"/events/{picket.id}/line").location == f"/line/{picket.code}"
    grant = db.session.scalars(select(LineGrant)).one()
    assert (grant.kind, grant.person_id) == (GrantKind.CHAIR, carmen.id)
    assert grant.ends_at == picket.ends_at + timedelta(hours=3)
    assert line(client, picket) == 200


def test_the_chair_gives_sees_and_takes_back_captains_links(
    app: Flask, client: FlaskClient, carmen: Person, picket: Event
) -> None:
    sign_in(client, carmen)
    page = f"/events/{picket.id}/captains"
    response = client.post(page, data={"label": "Rosa, back gate"})
    link = response.text.split('value="http', 1)[1].split('"', 1)[0].split("/l/")[1]
    assert "<svg" in response.text and "Rosa, back gate" in response.text
    listed = client.get(page).text
    assert link not in listed and "Rosa, back gate" in listed
    captain = app.test_client()
    captain.post(f"/l/{link}")
    assert line(captain, picket) == 200
    grant = link_of(picket)
    assert client.post(f"{page}/{grant.id}/revoke").status_code == 303
    assert line(captain, picket) == 403


def test_the_chair_hands_a_captains_link_over(
    app: Flask, client: FlaskClient, carmen: Person, picket: Event
) -> None:
    sign_in(client, carmen)
    page = f"/events/{picket.id}/captains"
    first = client.post(page, data={"label": "Juana"}).text.split('value="http', 1)[1].split('"', 1)[0]
    juanas, veras = app.test_client(), app.test_client()
    juanas.post(f"/l/{first.split('/l/')[1]}")
    grant = link_of(picket)
    handed = client.post(f"{page}/{grant.id}/hand-over", data={"label": "Vera"})
    second = handed.text.split('value="http', 1)[1].split('"', 1)[0]
    veras.post(f"/l/{second.split('/l/')[1]}")
    assert (line(juanas, picket), line(veras, picket)) == (403, 200)
    listed = client.get(page).text
    assert "Vera" in listed and "Juana" not in listed
    assert client.post(f"{page}/{grant.id}/hand-over").status_code == 404


def test_a_link_wants_a_word_for_whose_it_is(client: FlaskClient, carmen: Person, picket: Event) -> None:
    sign_in(client, carmen)
    assert client.post(f"/events/{picket.id}/captains", data={"label": " "}).status_code == 422


def test_a_chair_takes_back_no_other_lines_grant(
    client: FlaskClient, carmen: Person, picket: Event, now: datetime
) -> None:
    other = make_event(make_site(), starts_at=now, ends_at=now)
    grant, _token = captain(other, now)
    sign_in(client, carmen)
    assert client.post(f"/events/{picket.id}/captains/{grant.id}/revoke").status_code == 404
    assert client.post(f"/events/{other.id}/captains/{grant.id}/revoke").status_code == 404


def test_campuses_that_share_a_line_have_chairs_who_share_it(client: FlaskClient, now: datetime) -> None:
    host, guest = make_site("Host"), make_site("Guest")
    shared = make_event(host, chapters=[host, guest], starts_at=now, ends_at=now + timedelta(hours=1))
    sign_in(client, make_person(role=RoleName.CHAIR, site=guest))
    assert client.post(f"/events/{shared.id}/line").status_code == 303


def test_a_rallys_line_is_the_organizers(
    client: FlaskClient, lincoln: Site, carmen: Person, now: datetime
) -> None:
    rally = make_event(
        chapters=[lincoln], venue="Grand Park", area_id=lincoln.area_id, starts_at=now, ends_at=now
    )
    sign_in(client, carmen)
    assert client.post(f"/events/{rally.id}/line").status_code == 404
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=lincoln.area))
    assert client.post(f"/events/{rally.id}/line").status_code == 303
