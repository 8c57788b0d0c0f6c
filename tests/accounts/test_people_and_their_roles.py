"""Inviting, ending a role, and how far an organizer's hand reaches."""

import json
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE, Scope, scope_of, today
from mobilize.accounts.models import GrantKind, LineGrant, Person, RoleName, RoleTerm
from mobilize.accounts.people.operations import Invitation, end_role, give_role, invite
from mobilize.accounts.queries import holders_in, person_in_scope
from mobilize.accounts.sign_in.role_links import fresh_link
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.roster.models import Area, Site
from tests.builders import make_area, make_event, make_person, make_site, sign_in

NOW = datetime(2026, 3, 3, 14, 45, tzinfo=UTC)
TODAY = date(2026, 3, 3)
CARMEN = "+12135550101"


@pytest.fixture
def roosevelt(app: Flask) -> Site:
    return make_site("Roosevelt High", area=make_area("South"))


def chair(site: Site, phone: str = CARMEN, name: str = "Carmen Ortiz") -> Invitation:
    return Invitation(name=name, phone=phone, role=RoleName.CHAIR, site=site)


def reach(person: Person) -> Scope:
    return scope_of(person, TODAY)


def test_an_organizer_invites_a_chair_of_their_area(client: FlaskClient, olga: Person, lincoln: Site) -> None:
    sign_in(client, olga)
    form = {"name": "Carmen Ortiz", "phone": "213 555 0101", "role": "chair", "site": lincoln.code}
    answer = client.post("/people", data=form)
    assert answer.status_code == 200 and b"/enter/" in answer.data
    carmen = db.session.scalars(select(Person).where(Person.id != olga.id)).one()
    assert (carmen.name, carmen.phone) == ("Carmen Ortiz", CARMEN)
    assert scope_of(carmen, today(clock.now())).sites == {lincoln.id}


def test_what_is_wrong_with_an_invitation_is_said_by_the_name_its_field_has(
    client: FlaskClient, olga: Person, lincoln: Site
) -> None:
    sign_in(client, olga)
    form = {"name": "Carmen Ortiz", "phone": "213 555 0101", "role": "chair", "from_on": "31/12"}
    for language, name in (("en", "First day"), ("es", "Primer día")):
        client.set_cookie("language", language, domain="localhost")
        answer = client.post("/people", data=form)
        assert answer.status_code == 422 and f'href="#from_on">{name}</a>' in answer.text


def test_inviting_twice_gives_the_role_once_and_a_fresh_link(olga: Person, lincoln: Site) -> None:
    one, two = (invite(chair(lincoln), scope=reach(olga), actor="person:x", now=NOW) for _ in range(2))
    assert one.person.id == two.person.id and one.token != two.token
    assert len(db.session.scalars(select(RoleTerm).where(RoleTerm.person_id == one.person.id)).all()) == 1


@pytest.mark.parametrize("role", [RoleName.ADMIN, RoleName.ORGANIZER])
def test_an_organizer_makes_no_organizers_or_admins(olga: Person, north: Area, role: RoleName) -> None:
    area = north if role is RoleName.ORGANIZER else None
    invitation = Invitation("Eve", "+12135550120", role, area=area)
    with pytest.raises(Refused) as refused:
        invite(invitation, scope=reach(olga), actor="person:x", now=NOW)
    assert refused.value.code == "not_yours"


def test_an_organizer_invites_nobody_to_a_site_outside(
    client: FlaskClient, olga: Person, roosevelt: Site
) -> None:
    with pytest.raises(Refused) as refused:
        invite(chair(roosevelt), scope=reach(olga), actor="person:x", now=NOW)
    assert refused.value.code == "not_yours"
    sign_in(client, olga)
    form = {"name": "Eve", "phone": "213 555 0120", "role": "chair"}
    others = client.post("/people", data={**form, "site": roosevelt.code})
    absent = client.post("/people", data={**form, "site": "no such school"})
    assert (others.status_code, absent.status_code) == (422, 422)
    assert "No site has this name or code" in others.text and "Roosevelt" not in others.text


def test_nobody_climbs_by_inviting_an_admins_phone(olga: Person, lincoln: Site) -> None:
    admin = make_person("Ada Stone", phone="+12135550130", role=RoleName.ADMIN)
    invitation = chair(lincoln, "+12135550130", "Somebody")
    access = invite(invitation, scope=reach(olga), actor=f"person:{olga.id}", now=NOW)
    assert (access.person.id, access.token, access.person.name) == (admin.id, "", "Ada Stone")
    with pytest.raises(Refused):
        fresh_link(admin, scope=reach(olga), actor="person:x", now=NOW)
    assert person_in_scope(admin.id, reach(olga), TODAY) is None


def test_no_link_for_a_chair_who_also_chairs_outside(olga: Person, lincoln: Site, roosevelt: Site) -> None:
    carmen = invite(chair(lincoln), scope=THE_OFFICE, actor="shell", now=NOW).person
    assert person_in_scope(carmen.id, reach(olga), TODAY)
    give_role(carmen, RoleName.COCHAIR, site=roosevelt, actor="shell", now=NOW)
    assert person_in_scope(carmen.id, reach(olga), TODAY) is None


def test_a_role_that_ends_now_refuses_the_next_click(client: FlaskClient, lincoln: Site) -> None:
    other = make_person("Rosa Lund", role=RoleName.ORGANIZER, area=lincoln.area)
    admin = make_person("Ada Stone", role=RoleName.ADMIN)
    sign_in(client, other)
    assert client.get("/people").status_code == 200
    end_role(other.roles[0].id, for_cause=False, scope=reach(admin), actor="person:x", now=clock.now())
    assert client.get("/people").status_code == 403


def test_an_ended_chairs_line_closes(client: FlaskClient, olga: Person, lincoln: Site) -> None:
    carmen = make_person("Carmen Ortiz", role=RoleName.CHAIR, site=lincoln)
    event = make_event(lincoln, starts_at=clock.now(), ends_at=clock.now())
    sign_in(client, carmen)
    client.post(f"/events/{event.id}/line")
    assert db.session.scalars(select(LineGrant)).one().kind is GrantKind.CHAIR
    term = carmen.roles[0].id
    sign_in(client, olga)
    assert client.post(f"/people/roles/{term}/end", data={"why": "term"}).status_code == 303
    assert db.session.scalars(select(LineGrant)).one().revoked_at
    assert client.post(f"/people/roles/{term}/end", data={"why": "term"}).status_code == 404


def test_the_last_admin_cannot_end_their_own_role(app: Flask) -> None:
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    with pytest.raises(Refused) as refused:
        end_role(ada.roles[0].id, for_cause=False, scope=reach(ada), actor="person:x", now=NOW)
    assert refused.value.code == "last_admin"
    make_person("Bea Stone", role=RoleName.ADMIN)
    end_role(ada.roles[0].id, for_cause=False, scope=reach(ada), actor="person:x", now=NOW)
    assert not reach(ada).roles


def test_the_page_lists_what_is_in_scope(
    client: FlaskClient, olga: Person, lincoln: Site, roosevelt: Site
) -> None:
    make_person("Carmen Ortiz", phone=CARMEN, role=RoleName.CHAIR, site=lincoln)
    make_person("Dora Outside", role=RoleName.CHAIR, site=roosevelt)
    make_person("Ada Stone", role=RoleName.ADMIN)
    listed = [holder.person.name for holder in holders_in(reach(olga), TODAY)]
    assert listed == ["Olga Brandt", "Carmen Ortiz"]
    sign_in(client, olga)
    page = client.get("/people").text
    assert "Carmen Ortiz" in page and "(213) 555-0101" in page
    assert "Dora Outside" not in page and "Ada Stone" not in page and "Roosevelt" not in page
    assert "Carmen Ortiz" not in client.get("/people?place=Roosevelt").text


def test_a_chair_does_not_manage_people(client: FlaskClient, lincoln: Site) -> None:
    sign_in(client, make_person(role=RoleName.CHAIR, site=lincoln))
    assert client.get("/people").status_code == 403
    assert client.post("/people", data={}).status_code == 403


def test_the_first_admin_is_invited_from_the_command_line(app: Flask, client: FlaskClient) -> None:
    words = "people invite --role admin --name Ada --phone 2135550130 --json"
    result = app.test_cli_runner().invoke(args=words.split())
    assert result.exit_code == 0, result.output
    link = json.loads(result.output)["link"]
    assert client.post(link.removeprefix(app.config["MOBILIZE"].public_base_url)).status_code == 303
    assert client.get("/people", follow_redirects=True).request.path == "/sign-in/set-up"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--role", "chair", "--name", "C", "--phone", "2135550101"], "Say which site they are chair of."),
        (
            ["--role", "chair", "--name", "C", "--phone", "2135550101", "--site", "x"],
            "No site has this name",
        ),
        (["--role", "organizer", "--name", "O", "--phone", "2135550101"], "Say which area they organize."),
        (["--role", "admin", "--name", "A", "--phone", "555"], "area code, 10 digits"),
        (["--role", "admin", "--name", " ", "--phone", "2135550101"], "Type a name."),
    ],
)
def test_a_bad_command_ends_with_one_line(app: Flask, arguments: list[str], line: str) -> None:
    result = app.test_cli_runner().invoke(args=["people", "invite", *arguments])
    assert result.exit_code == 1 and line in result.output
    assert len(result.output.strip().splitlines()) == 1
