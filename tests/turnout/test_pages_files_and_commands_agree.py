"""One morning, read through every door: page, JSON, CSV, PDF and the terminal say the same."""

import csv
import gzip
import html
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.checkins.models import Tier
from mobilize.turnout.board import cache as live
from mobilize.turnout.figures.closing import close_due_events
from mobilize.turnout.figures.queries import board
from tests.builders import START, make_action, make_event, make_member, make_person
from tests.turnout.conftest import Morning, enter, fill, text_of

DAY_AFTER = START + timedelta(days=1)


@pytest.fixture
def busy(morning: Morning) -> Morning:
    fill(morning)
    return morning


@pytest.fixture
def office(client: FlaskClient) -> FlaskClient:
    enter(client, make_person("Olga Office", role=RoleName.ADMIN), clock.now())
    return client


def test_page_json_csv_pdf_and_terminal_say_the_same(busy: Morning, office: FlaskClient, app: Flask) -> None:
    of_action = f"/actions/{busy.action.id}"
    of_chapter = f"{of_action}/sites/{busy.lincoln.id}/report"
    payload = json.loads(office.get(f"{of_action}/turnout.json").data)
    lincoln = next(site for site in payload["sites"] if site["site"] == "Lincoln")
    assert (lincoln["eligible"], lincoln["came"], lincoln["also_there"]) == (6, 4, 1)
    assert (lincoln["share_percent"], lincoln["head_count"]) == (66.7, None)
    assert (payload["total"]["eligible"], payload["total"]["with_chapter"]["eligible"]) == (13, 12)

    rows = list(csv.DictReader(io.StringIO(office.get(f"{of_action}/report.csv").get_data(True)[1:])))
    assert [r["head_count"] for r in rows if r["site"] in {"Lincoln", "Madison"}] == ["", "5"]
    for row in rows[:3]:
        same = next(site for site in payload["sites"] if site["site"] == row["site"])
        assert [row[name] for name in ("eligible", "came", "named", "hosted")] == [
            str(same[name]) for name in ("eligible", "came", "named", "hosted")
        ]

    page = office.get(of_chapter).get_data(True)
    assert "66.7%" in page and "4 of 6 eligible members" in page
    paper = text_of(office.get(f"{of_chapter}.pdf").data)
    assert "66.7%" in paper and "4 of 6" in paper and "no report" in paper

    runner = app.test_cli_runner()
    output = runner.invoke(args=["turnout", str(busy.action.id), "--by", "site", "--format", "json"])
    assert json.loads(output.output)["sites"] == payload["sites"]
    assert json.loads(output.output)["total"] == payload["total"]
    table = runner.invoke(args=["turnout", "Morning", "--by", "site"])
    assert re.search(r"Lincoln \(North\).*6 +4 +66\.7% +5 +- +-", table.output), table.output


def test_the_live_board_and_the_reports_show_what_is_in_scope(busy: Morning, client: FlaskClient) -> None:
    enter(client, make_person("Omar South", role=RoleName.ORGANIZER, area=busy.south), clock.now())
    of_action = f"/actions/{busy.action.id}"
    for path in ("turnout", "turnout.json", "report", "report.csv"):
        body = client.get(f"{of_action}/{path}").get_data(True)
        assert "Roosevelt" in body and "Lincoln" not in body, path
    assert json.loads(client.get(f"{of_action}/turnout.json").data)["no_site"] is None
    absent = client.get(f"{of_action}/sites/{busy.action.id}/report")
    others = client.get(f"{of_action}/sites/{busy.lincoln.id}/report")
    assert (absent.status_code, others.status_code) == (404, 404)
    assert client.get(f"{of_action}/areas/{busy.north.id}/report").status_code == 404
    assert client.get(f"{of_action}/areas/{busy.south.id}/report").status_code == 200


def test_only_the_chair_of_the_site_reads_names_and_no_file_of_the_report_holds_any(
    busy: Morning, client: FlaskClient, app: Flask
) -> None:
    make_member("Phoneowner", site=busy.lincoln, phone="+12135550111", since=START - timedelta(days=9))
    busy_report = f"/actions/{busy.action.id}/sites/{busy.lincoln.id}/report"
    enter(client, make_person("Carmen Chair", role=RoleName.CHAIR, site=busy.lincoln), clock.now())
    assert "Member5" in client.get(busy_report).get_data(True)
    for form in ("csv", "csv?names=1", "xlsx"):
        assert b"Member5" not in client.get(f"{busy_report}.{form}").data
    assert "Member5" not in text_of(client.get(f"{busy_report}.pdf").data)
    assert client.get(f"/actions/{busy.action.id}/turnout").status_code == 403
    enter(client, make_person("Olga North", role=RoleName.ORGANIZER, area=busy.north), clock.now())
    page = client.get(busy_report).get_data(True)
    assert "4 of 6 eligible members" in page and "Member5" not in page


def test_the_chair_can_call_who_has_not_come(morning: Morning, client: FlaskClient) -> None:
    make_member("Phoneowner", site=morning.lincoln, phone="+12135550111")
    morning.freeze()
    enter(client, make_person("Carmen Chair", role=RoleName.CHAIR, site=morning.lincoln), clock.now())
    page = client.get(f"/actions/{morning.action.id}/sites/{morning.lincoln.id}/report").get_data(True)
    assert 'href="tel:+12135550111"' in page and 'href="sms:+12135550111"' in page


def test_an_unchanged_board_answers_304_and_a_changed_one_does_not(
    busy: Morning, office: FlaskClient
) -> None:
    source = f"/actions/{busy.action.id}/turnout.json?with=html"
    first = office.get(source)
    again = office.get(source, headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    live.forget()
    assert office.get(source, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    busy.count(busy.lincoln, 9)
    live.forget()
    changed = office.get(source, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert [figures[3] for figures in json.loads(changed.data)["figures"]] == [9, 5, None]


def test_a_board_opened_in_spanish_stays_spanish_when_it_is_drawn_anew(
    busy: Morning, office: FlaskClient
) -> None:
    page = office.get(f"/actions/{busy.action.id}/turnout?lang=es").text
    source = html.unescape(page.split('data-source="')[1].split('"')[0])
    assert "Asistencia con nombre" in json.loads(office.get(source).data)["html"]


def test_a_poll_is_answered_compressed_and_the_tag_names_the_figures_not_the_bytes(
    busy: Morning, office: FlaskClient
) -> None:
    source = f"/actions/{busy.action.id}/turnout.json?with=html"
    plain, squeezed = office.get(source), office.get(source, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(squeezed.data) == plain.data
    text = squeezed.headers
    assert (text["Content-Encoding"], text["Vary"]) == ("gzip", "Accept-Encoding")
    tag = {"If-None-Match": plain.headers["ETag"], "Accept-Encoding": "gzip"}
    assert office.get(source, headers=tag).status_code == 304


def test_a_closed_event_shows_the_figures_that_were_fixed_and_since_when(
    busy: Morning, office: FlaskClient
) -> None:
    before = board(busy.action)
    assert close_due_events(DAY_AFTER) == 3
    assert close_due_events(DAY_AFTER + timedelta(hours=1)) == 0
    busy.send(busy.members[busy.lincoln.id][5], busy.lincoln, tier=Tier.VOUCHED)
    after = board(busy.action)
    assert [c.names for c in after.chapters] == [c.names for c in before.chapters]
    assert [c.line for c in after.chapters] == [c.line for c in before.chapters]
    lincoln = after.chapter(busy.lincoln.id)
    assert (lincoln.fixed_at, lincoln.version) == (DAY_AFTER, 1)
    assert (after.no_site, after.others, after.total) == (before.no_site, before.others, before.total)
    page = office.get(f"/actions/{busy.action.id}/sites/{busy.lincoln.id}/report").get_data(True)
    assert "These figures were fixed on Wednesday, March 4 at 7:00" in page and "66.7%" in page


def test_nothing_is_closed_before_its_time(busy: Morning) -> None:
    end = busy.event(busy.lincoln).ends_at
    assert close_due_events(end + timedelta(minutes=179)) == 0
    assert close_due_events(end + timedelta(minutes=180)) == 3


def test_a_report_compares_with_the_earlier_actions_of_its_campaign_but_no_drill(app: Flask) -> None:
    from mobilize.turnout.campaigns.series import chapter_series
    from tests.builders import make_action, make_campaign

    campaign = make_campaign()
    first = Morning(make_action(campaign_id=campaign.id, starts_at=START - timedelta(days=14)))
    drill = make_action(campaign_id=campaign.id, starts_at=START - timedelta(days=7), drill=True)
    Morning(drill, first.sites)
    second = Morning(make_action(campaign_id=campaign.id), first.sites)
    members = first.members[first.lincoln.id]
    for member in members[:2]:
        first.send(member, first.lincoln)
    for member in members[:5]:
        second.send(member, second.lincoln)
    close_due_events(START - timedelta(days=13))
    steps = chapter_series(second.action, second.lincoln.id, START + timedelta(hours=5))
    assert [(s.action.id, s.chapter.names.came) for s in steps] == [
        (first.action.id, 2),
        (second.action.id, 5),
    ]
    assert steps[1].change == pytest.approx(0.5)


def test_the_overview_leads_each_to_their_own_work(busy: Morning, client: FlaskClient) -> None:
    chair = make_person("Carmen Chair", role=RoleName.CHAIR, site=busy.lincoln)
    enter(client, chair, clock.now())
    page = client.get("/overview").get_data(True)
    assert "Lincoln" in page and "Madison" not in page
    enter(client, make_person("Olga North", role=RoleName.ORGANIZER, area=busy.north), clock.now())
    assert "Your work" in (page := client.get("/overview").text) and "The office's" not in page
    enter(client, make_person("Ada Office", role=RoleName.ADMIN), clock.now())
    assert "The office's work" in (page := client.get("/overview").text) and "Your work" not in page


def test_a_chairs_first_page_leads_to_all_about_the_event(client: FlaskClient) -> None:
    event = make_event(action=make_action(starts_at=clock.now() + timedelta(days=2)))
    enter(client, make_person("Carmen Chair", role=RoleName.CHAIR, site=event.site), clock.now())
    page = client.get("/overview").text
    assert "All about this event" in page and "Change time or place" not in page
    assert "Change time or place" in client.get(f"/events/{event.id}").text


def test_the_report_command_writes_a_pdf_or_says_in_one_line_what_is_wrong(
    busy: Morning, app: Flask, tmp_path: Any
) -> None:
    runner, out = app.test_cli_runner(), tmp_path / "lincoln.pdf"
    args = ["reports", str(busy.action.id), "--site", busy.lincoln.code, "-o", str(out)]
    assert runner.invoke(args=args).exit_code == 0
    assert "66.7%" in text_of(out.read_bytes())
    wrong = runner.invoke(args=["reports", str(busy.action.id), "--site", "nowhere", "-o", str(out)])
    assert (wrong.exit_code, wrong.output.count("\n")) == (1, 1)
    unknown = runner.invoke(args=["turnout", "No such action"])
    assert (unknown.exit_code, unknown.output.count("\n")) == (1, 1)


def test_the_reports_of_all_chapters_are_written_into_a_folder(
    pg_app: Flask, base_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = Morning()
    one.freeze()
    for name, value in {**base_environ, "DATABASE_URL": pg_app.config["DATABASE_URL"]}.items():
        monkeypatch.setenv(name, value)
    args = ["reports", str(one.action.id), "--all", "-o", str(tmp_path / "all")]
    assert pg_app.test_cli_runner().invoke(args=args).output.startswith("3 reports")
    files = sorted((tmp_path / "all").iterdir())
    assert [file.stem for file in files] == sorted(site.code for site in one.sites)
    assert all(file.read_bytes().startswith(b"%PDF") for file in files)
    assert pg_app.test_cli_runner().invoke(args=[*args, "--site", one.lincoln.code]).exit_code
