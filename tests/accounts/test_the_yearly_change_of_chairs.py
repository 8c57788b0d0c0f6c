"""One list of all chairs: shown first, then carried out exactly so; nobody's chapter opens by a slip."""

import io
import json
import re
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.access.scope import scope_of
from mobilize.accounts.models import ChairChange, LineGrant, Person, RoleName, RoleTerm
from mobilize.accounts.people.chairs_apply import apply_chairs, carry_out, stage_chairs, staged_plan
from mobilize.accounts.people.chairs_plan import ChairChangeKind
from mobilize.accounts.people.operations import give_role
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.privacy.retention.purge import purge
from mobilize.roster.models import Area, Site
from tests.builders import make_event, make_person, make_site, sign_in
from tests.jobs.work import carried_out, work
from tests.services.client import Client

NOW = datetime(2026, 8, 3, 18, 0, tzinfo=UTC)
SEPTEMBER = date(2026, 9, 1)
CARMEN, ROSA, NEW = "+12135550101", "+12135550102", "+12135550103"
HEAD = "Site,Role,Name,Phone\n"


@pytest.fixture
def lincoln(north: Area) -> Site:
    return make_site("Lincoln High School", area=north)


@pytest.fixture
def rosa(lincoln: Site) -> Person:
    return make_person("Rosa Lund", phone=ROSA, role=RoleName.COCHAIR, site=lincoln)


def file(*lines: str) -> bytes:
    return (HEAD + "\n".join(lines) + "\n").encode()


def moves(data: bytes, from_on: date | None = SEPTEMBER) -> list[tuple[str, str, str]]:
    change = stage_chairs(data, from_on, by="shell", now=NOW)
    plan = staged_plan(change, now=NOW)
    return sorted((move.move.value, move.role.value, move.name) for move in plan.moves)


def problems(data: bytes) -> list[tuple[int, str]]:
    return staged_plan(stage_chairs(data, SEPTEMBER, by="shell", now=NOW), now=NOW).problems


def on(day: date) -> set[str]:
    running = select(Person).join(RoleTerm).where(RoleTerm.from_on <= day)
    lasting = running.where(RoleTerm.to_on.is_(None) | (RoleTerm.to_on > day))
    return {person.name for person in db.session.scalars(lasting)}


def test_it_says_who_starts_who_ends_and_who_stays(carmen: Person, rosa: Person, lincoln: Site) -> None:
    data = file(
        f"{lincoln.code},chair,Carmen Ortiz,(213) 555-0101",
        "Lincoln High School,Co-Chair,Nina Vale,2135550103",
    )
    assert moves(data) == [
        ("ends", "cochair", "Rosa Lund"),
        ("starts", "cochair", "Nina Vale"),
        ("stays", "chair", "Carmen Ortiz"),
    ]
    assert db.session.scalar(select(func.count()).select_from(Person)) == 2


def test_until_its_first_day_everybody_keeps_their_role(carmen: Person, rosa: Person, lincoln: Site) -> None:
    apply_chairs(file(f"{lincoln.code},chair,Nina Vale,2135550103"), SEPTEMBER, by="shell", now=NOW)
    assert on(SEPTEMBER - timedelta(days=1)) == {"Carmen Ortiz", "Rosa Lund"}
    assert on(SEPTEMBER) == {"Nina Vale"}
    nina = db.session.scalars(select(Person).where(Person.id.not_in([carmen.id, rosa.id]))).one()
    assert (nina.phone, scope_of(nina, SEPTEMBER).sites) == (NEW, {lincoln.id})


def test_sites_that_are_not_in_the_list_keep_their_chairs(carmen: Person, north: Area) -> None:
    other = make_site("Roosevelt High School", area=north)
    plan = apply_chairs(file(f"{other.code},chair,Nina Vale,2135550103"), None, by="shell", now=NOW)
    assert plan.others == 1 and on(NOW.date()) == {"Carmen Ortiz", "Nina Vale"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Lincoln High School,boss,Nina Vale,2135550103", "Write chair, co-chair or vice chair"),
        ("Lincoln High School,chair,,2135550103", "There is no name"),
        ("Lincoln High School,chair,Nina Vale,2.13556E+09", "cannot be texted"),
        ("Lincoln High School,chair,Nina Vale,213-555-0103 x12", "cannot be texted"),
        ("Lincoln High School,chair,Nina Vale,+44 20 7946 0958", "cannot be texted"),
        ("Lincoln High School,chair,Nina Vale,2135550101", "known here under another name"),
    ],
)
def test_a_refused_line_says_what_to_do_and_its_site_keeps_its_chairs(
    carmen: Person, lincoln: Site, line: str, message: str
) -> None:
    data = file(line, "Lincoln High School,Co-Chair,Vera Moss,2135550104")
    ((number, why),) = problems(data)
    assert number == 2 and message in why
    assert moves(data) == []
    apply_chairs(data, None, by="shell", now=NOW)
    assert on(NOW.date()) == {"Carmen Ortiz"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Lincon High,chair,Nina Vale,2135550103", "Nearest: Lincoln High School"),
        ("1.96473E+13,chair,Nina Vale,2135550103", "No site has this name or code"),
    ],
)
def test_a_refused_line_of_no_site_keeps_nobody_elses_line_back(
    carmen: Person, lincoln: Site, line: str, message: str
) -> None:
    data = file(line, "Lincoln High School,Co-Chair,Vera Moss,2135550104")
    ((number, why),) = problems(data)
    assert number == 2 and message in why
    assert moves(data) == [("ends", "chair", "Carmen Ortiz"), ("starts", "cochair", "Vera Moss")]
    apply_chairs(data, None, by="shell", now=NOW)
    assert on(NOW.date()) == {"Vera Moss"}


def test_one_number_under_two_names_is_refused(carmen: Person, lincoln: Site) -> None:
    data = file(
        f"{lincoln.code},chair,Nina Vale,2135550103",
        f"{lincoln.code},cochair,Vera Moss,2135550103",
        f"{lincoln.code},chair,Nina Vale,2135550103",
    )
    ((number, why),) = problems(data)
    assert number == 3 and "line 2" in why and moves(data) == []


def test_a_married_name_and_a_second_role_are_the_same_person(carmen: Person, lincoln: Site) -> None:
    data = file(f"{lincoln.code},vice chair,Carmen Ortiz-Diaz,2135550101")
    assert moves(data) == [("ends", "chair", "Carmen Ortiz"), ("starts", "vice", "Carmen Ortiz")]


def test_who_has_no_number_is_recognized_only_at_their_own_site(lincoln: Site, north: Area) -> None:
    make_person("Vera Moss", role=RoleName.CHAIR, site=lincoln)
    other = make_site("Roosevelt High School", area=north)
    data = file(f"{lincoln.code},chair,vera MOSS,", f"{other.code},chair,Vera Moss,")
    plan = apply_chairs(data, None, by="shell", now=NOW)
    assert [one.site for one in plan.without_phone] == ["Roosevelt High School"]
    assert [one.site for one in plan.of(ChairChangeKind.STAYS)] == ["Lincoln High School"]
    assert db.session.scalar(select(func.count()).select_from(Person)) == 2


def test_it_is_carried_out_once_and_the_list_is_forgotten(carmen: Person, lincoln: Site) -> None:
    change = stage_chairs(file(f"{lincoln.code},chair,Nina Vale,2135550103"), None, by="person:x", now=NOW)
    assert b"Nina" not in (change.rows_enc or b"")
    carry_out(change.id, by="person:x", now=NOW)
    with pytest.raises(Refused) as refused:
        carry_out(change.id, by="person:x", now=NOW)
    assert refused.value.code == "gone"
    assert db.session.scalars(select(ChairChange.rows_enc)).one() is None
    assert on(NOW.date()) == {"Nina Vale"}


def test_what_has_changed_since_it_was_shown_is_not_carried_out(carmen: Person, lincoln: Site) -> None:
    change = stage_chairs(file(f"{lincoln.code},chair,Nina Vale,2135550103"), None, by="person:x", now=NOW)
    give_role(make_person("Vera Moss"), RoleName.VICE_CHAIR, site=lincoln, actor="shell", now=NOW)
    with pytest.raises(Refused) as refused:
        carry_out(change.id, by="person:x", now=NOW)
    assert refused.value.code == "changed" and "Nina Vale" not in on(NOW.date())


def test_a_staged_list_is_forgotten_after_a_day(carmen: Person, lincoln: Site) -> None:
    data = file(f"{lincoln.code},chair,Nina Vale,2135550103")
    change = stage_chairs(data, SEPTEMBER, by="person:x", now=NOW)
    with pytest.raises(Refused):
        carry_out(change.id, by="person:x", now=NOW + timedelta(days=1))
    assert purge(NOW + timedelta(hours=23))["chair_lists"] == 0
    assert purge(NOW + timedelta(hours=25))["chair_lists"] == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"MZ\x90\x00program", "not_a_table"),
        (HEAD.encode(), "no_chairs"),
        (b"Name,Phone\nA,B\n", "missing_column"),
        (b"Site,Role,Name,Name,Phone\na,b,c,d,e\n", "repeated_heading"),
    ],
)
def test_what_is_no_list_is_refused_as_a_whole(lincoln: Site, data: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        stage_chairs(data, SEPTEMBER, by="shell", now=NOW)
    assert refused.value.code == code


def test_an_ended_chairs_line_closes_with_it(client: FlaskClient, carmen: Person, lincoln: Site) -> None:
    event = make_event(lincoln, starts_at=clock.now(), ends_at=clock.now())
    sign_in(client, carmen)
    client.post(f"/events/{event.id}/line")
    apply_chairs(file(f"{lincoln.code},chair,Nina Vale,2135550103"), None, by="shell", now=clock.now())
    assert db.session.scalars(select(LineGrant)).one().revoked_at
    assert client.get("/devices").status_code == 403


def test_the_office_uploads_looks_and_confirms(client: FlaskClient, carmen: Person, lincoln: Site) -> None:
    book = openpyxl.Workbook()
    for row in (["Site Code", "Role", "Name", "Phone"], [lincoln.code, "CC", "Nina Vale", "213-555-0103"]):
        book.active.append(row)
    sheet = io.BytesIO()
    book.save(sheet)
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    sheet.seek(0)
    read = carried_out(client, client.post("/people/chairs", data={"file": (sheet, "chairs.xlsx")}))
    page = client.get(read.location)
    assert "Nina Vale" in page.text and "Carmen Ortiz" in page.text and "Nothing has changed yet" in page.text
    assert on(clock.now().date()) == {"Carmen Ortiz", "Ada Stone"}
    done = client.get(carried_out(client, client.post(f"{read.location}/carry-out")).location)
    assert done.status_code == 200 and "Done, exactly as shown" in done.text and "Nina Vale" in done.text
    assert on(clock.now().date() + timedelta(days=1)) == {"Nina Vale", "Ada Stone"}
    assert client.get(read.location).status_code == 410


def test_an_organizer_brings_no_list(client: FlaskClient, north: Area) -> None:
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=north))
    assert client.get("/people/chairs").status_code == 403
    assert client.post("/people/chairs", data={}).status_code == 403


def test_the_command_line_shows_first_and_commits_when_told(
    app: Flask, carmen: Person, lincoln: Site, tmp_path: object
) -> None:
    path = f"{tmp_path}/chairs.csv"
    with open(path, "wb") as out:
        out.write(file(f"{lincoln.code},chair,Nina Vale,2135550103", "nowhere,chair,X,"))
    runner, words = app.test_cli_runner(), ["people", "import", path, "--from", "2199-09-01", "--json"]
    output = json.loads(runner.invoke(args=words).output)
    assert (output["committed"], output["starts"], output["ends"], output["refused"][0]["line"]) == (
        False,
        1,
        1,
        3,
    )
    assert on(date(2199, 9, 1)) == {"Carmen Ortiz"}
    assert json.loads(runner.invoke(args=[*words, "--commit"]).output)["committed"]
    assert on(date(2199, 9, 1)) == {"Nina Vale"}
    bad = runner.invoke(args=["people", "import", path, "--from", "2001-09-01", "--commit"])
    assert bad.exit_code == 1 and "before today" in bad.output


def test_a_list_that_ends_many_terms_waits_for_a_second_admin(app: Flask, client: FlaskClient) -> None:
    """25 sites with a chair each; the list replaces two of them, which is more than one in twenty."""
    sites = [make_site() for _ in range(25)]
    for n, site in enumerate(sites):
        make_person(f"Chair {n}", role=RoleName.CHAIR, site=site)
    ada, eva = (make_person(name, role=RoleName.ADMIN) for name in ("Ada Stone", "Eva Stone"))
    lines = [f"{site.code},chair,New {n},213555014{n}" for n, site in enumerate(sites[:2])]
    sign_in(client, ada)
    upload = {"file": (io.BytesIO(file(*lines)), "chairs.csv"), "from_on": ""}
    page = carried_out(client, client.post("/people/chairs", data=upload)).location
    assert "a second admin has to agree" in client.get(page).text
    assert client.post(f"{page}/carry-out").status_code == 403, "nobody else agreed"
    client.post(f"{page}/ask")
    other = Client(app, use_cookies=True)
    sign_in(other, eva)
    text = other.get("/approvals").text
    assert "2 start, 2 end, of 25 there are" in text and page in text
    approve = re.search(r'action="(/approvals/[^"]+/approve)"', text)
    assert approve and other.post(approve[1]).status_code == 303
    job = client.post(f"{page}/carry-out").location
    assert client.post(f"{page}/carry-out").location == job, "asked for twice it is one"
    work()
    assert "Done, exactly as shown" in client.get(client.get(job).location).text
    assert other.get(f"{page}/done").status_code == 404, "for whoever did it"
    assert client.post(f"{page}/carry-out").status_code == 410


def test_a_short_list_needs_nobody_else(app: Flask, client: FlaskClient) -> None:
    sites = [make_site() for _ in range(25)]
    for n, site in enumerate(sites):
        make_person(f"Chair {n}", role=RoleName.CHAIR, site=site)
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    one = file(f"{sites[0].code},chair,New,2135550140")
    upload = {"file": (io.BytesIO(one), "c.csv"), "from_on": ""}
    page = carried_out(client, client.post("/people/chairs", data=upload)).location
    answer = carried_out(client, client.post(f"{page}/carry-out"))
    assert client.get(answer.location).status_code == 200
