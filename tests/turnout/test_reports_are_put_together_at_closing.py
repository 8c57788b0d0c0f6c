"""When an event closes its report is put together, and a link goes to those who may read it."""

import csv
import io
import json
import re
from datetime import timedelta

from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.models import EventState
from mobilize.database import atomic, db
from mobilize.texts.models import OutboxText, TextClass
from mobilize.texts.templates import render
from mobilize.turnout.figures.closing import close_due_events, close_events, correct_closed_actions
from mobilize.turnout.models import Report, ReportKind
from mobilize.turnout.reports.operations import make_due_reports, reports_of
from tests.builders import START, make_action, make_campaign, make_member, make_person
from tests.turnout.conftest import Morning, arrive, enter, text_of

CLOSED = START + timedelta(hours=4)
CARMEN, OLGA, ADA = "+12135550111", "+12135550112", "+12135550113"


def test_chair_organizer_and_office_are_texted_the_link_to_their_report_once(
    morning: Morning, client: FlaskClient
) -> None:
    carmen = make_person("Carmen Chair", phone=CARMEN, role=RoleName.CHAIR, site=morning.lincoln)
    make_person("Olga North", phone=OLGA, role=RoleName.ORGANIZER, area=morning.north)
    make_person("Ada Office", phone=ADA, role=RoleName.ADMIN)
    close_due_events(CLOSED)
    assert [make_due_reports(CLOSED) for _ in range(2)] == [6, 0]  # 3 chapters, 2 areas, the union
    texts = {text.to: text for text in db.session.scalars(select(OutboxText))}
    assert set(texts) == {CARMEN, OLGA, ADA}
    assert {text.text_class for text in texts.values()} == {TextClass.DUTY}
    lines = _body(texts[CARMEN])
    assert "Lincoln" in lines and "Member0" not in lines
    enter(client, carmen, clock.now())
    page = client.get(_path(lines)).text
    assert "Report: Lincoln" in page and "Report version 1, put together" in page
    assert client.get(_path(_body(texts[OLGA]))).status_code == 404
    assert client.get(f"/reports/{morning.action.id}").status_code == 404


def test_a_report_whose_texts_were_not_queued_is_not_there_either(morning: Morning) -> None:
    close_events(morning.action.id, [morning.event(morning.roosevelt).id], CLOSED)
    assert make_due_reports(CLOSED) == 2  # its chapter's and its area's; the union's waits for the others
    close_due_events(CLOSED)
    with atomic():
        morning.event(morning.madison).state = EventState.CALLED_OFF
    assert make_due_reports(CLOSED + timedelta(days=3)) == 3
    assert not db.session.scalars(select(OutboxText)).all()


def test_after_an_outage_reports_are_made_and_nobody_is_texted_old_news(morning: Morning) -> None:
    make_person("Carmen Chair", phone=CARMEN, role=RoleName.CHAIR, site=morning.lincoln)
    late = CLOSED + timedelta(days=2)
    close_due_events(late)
    assert make_due_reports(late) == 6
    assert not db.session.scalars(select(OutboxText)).all()


def test_a_rehearsal_is_reported_and_nobody_is_texted(morning: Morning) -> None:
    with atomic():
        morning.action.drill = True
    make_person("Carmen Chair", phone=CARMEN, role=RoleName.CHAIR, site=morning.lincoln)
    close_due_events(CLOSED)
    assert make_due_reports(CLOSED) == 6
    assert not db.session.scalars(select(OutboxText)).all()


def test_who_looks_after_several_areas_gets_one_text(morning: Morning) -> None:
    olga = make_person("Olga Both", phone=OLGA, role=RoleName.ORGANIZER, area=morning.north)
    _also_organizes(olga, morning)
    close_due_events(CLOSED)
    make_due_reports(CLOSED)
    [text] = db.session.scalars(select(OutboxText)).all()
    assert f"/actions/{morning.action.id}/report" in _body(text) and "North, South" in _body(text)


def test_corrections_become_the_next_version_when_somebody_asks(
    morning: Morning, client: FlaskClient
) -> None:
    close_due_events(CLOSED)
    make_due_reports(CLOSED)
    arrive(morning, morning.members[morning.lincoln.id][:2], morning.lincoln)
    correct_closed_actions(clock.now())
    enter(client, make_person("Carmen Chair", role=RoleName.CHAIR, site=morning.lincoln), clock.now())
    report = f"/actions/{morning.action.id}/sites/{morning.lincoln.id}/report"
    assert "Figures have changed since version 1" in client.get(report).text
    form = {"kind": "chapter", "place": str(morning.lincoln.id)}
    for _twice in range(2):
        client.post(f"/actions/{morning.action.id}/report/again", data=form)
    versions = reports_of(morning.action.id, ReportKind.CHAPTER, morning.lincoln.id)
    assert [(one.version, one.figures["total"]["came"]) for one in versions] == [(1, 0), (2, 2)]
    page = client.get(report).text
    assert "Report version 2, put together" in page and "Put the report together again" not in page
    others = {"kind": "chapter", "place": str(morning.madison.id)}
    assert client.post(f"/actions/{morning.action.id}/report/again", data=others).status_code == 404


def test_an_open_event_has_no_report_yet(morning: Morning, client: FlaskClient) -> None:
    enter(client, make_person("Ada Office", role=RoleName.ADMIN), clock.now())
    form = {"kind": "union", "place": str(morning.action.id)}
    page = client.post(f"/actions/{morning.action.id}/report/again", data=form, follow_redirects=True)
    assert "not closed yet" in page.text and not db.session.scalars(select(Report)).all()


def test_the_chair_reads_whom_to_talk_to_first_and_why(app: object, client: FlaskClient) -> None:
    campaign = make_campaign()
    before = Morning(make_action(campaign_id=campaign.id, starts_at=START - timedelta(days=14)))
    faithful, lapsed, twice_unseen, *_rest = before.members[before.lincoln.id]
    for member in (faithful, lapsed):
        before.send(member, before.lincoln)
    close_due_events(START - timedelta(days=13))
    newcomer = make_member("Newcomer", site=before.lincoln, since=START - timedelta(days=2))
    now = Morning(make_action(campaign_id=campaign.id), before.sites)
    now.send(faithful, now.lincoln)
    close_due_events(CLOSED)
    carmen = make_person("Carmen Chair", role=RoleName.CHAIR, site=now.lincoln)
    enter(client, carmen, clock.now())
    report = f"/actions/{now.action.id}/sites/{now.lincoln.id}/report"
    form = {"kind": "names", "format": "csv", "reason": "To call them", "site": str(now.lincoln.id)}
    page = client.post(f"/exports/{now.action.id}", data=form).text
    link = re.findall(r'"(/exports/file/[^"]+)"', page)[0]
    content = client.post(link).get_data(True).partition("\r\n")[2]
    rows = list(csv.DictReader(io.StringIO(content)))
    why = {row["last_name"]: row["next"] for row in rows}
    assert (why["Member0"], why["Member1"], why["Member2"]) == ("", "came_before", "not_seen")
    assert why["Newcomer"] == "new"
    page = client.get(report).text
    talks = page[page.index("Next conversations") :]
    assert talks.index("Member1") < talks.index("Newcomer") < talks.index("Member2")
    assert "came to 1 of the 1 before" in talks and "new since the last action" in talks
    enter(client, make_person("Olga North", role=RoleName.ORGANIZER, area=now.north), clock.now())
    assert "Member" not in client.get(report).text
    assert newcomer.id and twice_unseen.id


def test_where_nobody_chairs_the_organizer_acts_as_chair(morning: Morning, client: FlaskClient) -> None:
    enter(client, make_person("Olga North", role=RoleName.ORGANIZER, area=morning.north), clock.now())
    report = f"/actions/{morning.action.id}/sites/{morning.lincoln.id}/report"
    assert "Member0" in client.get(report).text


def test_an_area_is_compared_with_the_campaigns_last_actions(app: object, client: FlaskClient) -> None:
    campaign = make_campaign()
    before = Morning(make_action(campaign_id=campaign.id, starts_at=START - timedelta(days=14)))
    for member in before.members[before.lincoln.id][:2]:
        before.send(member, before.lincoln)
    close_due_events(START - timedelta(days=13))
    now = Morning(make_action(campaign_id=campaign.id), before.sites)
    for member in before.members[before.lincoln.id][:5]:
        now.send(member, now.lincoln)
    enter(client, make_person("Olga North", role=RoleName.ORGANIZER, area=now.north), clock.now())
    page = client.get(f"/actions/{now.action.id}/areas/{now.north.id}/report").text
    assert "This campaign so far" in page and "20.0%" in page and "50.0%" in page and "+30.0" in page


def test_the_press_takes_the_numbers_along_as_it_likes(morning: Morning, client: FlaskClient) -> None:
    morning.freeze()
    arrive(morning, morning.members[morning.lincoln.id], morning.lincoln)
    morning.count(morning.madison, 7)
    enter(client, make_person("Ada Office", role=RoleName.ADMIN), clock.now())
    numbers = f"/actions/{morning.action.id}/numbers"
    content = json.loads(client.get(f"{numbers}.json").data)
    assert (content["came"], content["eligible"], content["share_percent"], content["head_count"]) == (
        6,
        12,
        50.0,
        7,
    )
    rows = list(csv.DictReader(io.StringIO(client.get(f"{numbers}.csv").get_data(True)[1:])))
    assert [(row["area"], row["came"], row["head_count"]) for row in rows] == [
        ("North", "6", "7"),
        ("South", "0", ""),
        ("total", "6", "7"),
    ]
    sheet = load_workbook(io.BytesIO(client.get(f"{numbers}.xlsx").data)).active
    assert [[cell if cell is not None else "" for cell in row] for row in sheet.values][1:] == [
        [_number(row[name]) for name in rows[0]] for row in rows
    ]
    for language, words in (("en", "50.0% of 12 eligible"), ("es", "50.0% de 12 miembros elegibles")):
        assert words in " ".join(text_of(client.get(f"{numbers}.pdf?lang={language}").data).split())


def test_small_counts_stay_out_of_every_file_for_the_press(morning: Morning, client: FlaskClient) -> None:
    morning.freeze()
    arrive(morning, morning.members[morning.lincoln.id], morning.lincoln)
    arrive(morning, morning.members[morning.roosevelt.id][:1], morning.roosevelt)
    enter(client, make_person("Ada Office", role=RoleName.ADMIN), clock.now())
    numbers = f"/actions/{morning.action.id}/numbers"
    content = json.loads(client.get(f"{numbers}.json").data)
    assert content["came"] == 7 and [area["came"] for area in content["areas"]] == [None, None]
    assert "not shown" in client.get(f"{numbers}.csv").get_data(True)
    assert "not shown" in text_of(client.get(f"{numbers}.pdf").data)


def _also_organizes(person: object, morning: Morning) -> None:
    from datetime import UTC, date, datetime

    from mobilize.accounts.models import Person, RoleTerm

    assert isinstance(person, Person)
    fields = {"granted_by": "shell", "granted_at": datetime(2020, 1, 1, tzinfo=UTC)}
    common = {"role": RoleName.ORGANIZER, "from_on": date(2020, 1, 1), **fields}
    with atomic() as session:
        session.add(RoleTerm(person_id=person.id, area_id=morning.south.id, **common))


def _body(text: OutboxText) -> str:
    return render(text.wording, text.language, json.loads(text.merge_fields))


def _path(text: str) -> str:
    return "/reports/" + text.partition("/reports/")[2].split()[0]


def _number(text: str) -> object:
    return round(float(text) / 100, 6) if "." in text else int(text) if text.isdigit() else text
