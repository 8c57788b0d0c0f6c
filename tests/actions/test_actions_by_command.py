"""The shell's door: what it prints for people and machines, and one clear line when something is wrong."""

import json
from pathlib import Path

import pypdfium2
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from mobilize.actions.models import Action, Campaign, Event
from mobilize.database import db
from mobilize.languages import Translated
from tests.builders import make_action, make_area, make_event, make_site

PICKET = (
    "--name",
    "Picket",
    "--kind",
    "picket",
    "--starts",
    "2026-03-03T07:00",
    "--ends",
    "2026-03-03T07:45",
)


def run(app: Flask, *args: str) -> Result:
    return app.test_cli_runner().invoke(args=args)


def create(app: Flask, *args: str) -> Result:
    return run(app, "actions", "create", *PICKET, *args)


def test_a_campaign_and_its_action_are_made_and_their_ids_printed(app: Flask) -> None:
    make_site()
    result = run(app, "campaigns", "create", "--name", "Pay", "--name-es", "Pago", "--demands", "A; B")
    campaign = db.session.scalars(select(Campaign)).one()
    assert result.stdout.strip() == str(campaign.id)
    assert campaign.demands["en"] == "A\nB"
    answer = create(app, "--at", "every-site", "--campaign", str(campaign.id), "--drill", "--json")
    action = db.session.scalars(select(Action)).one()
    assert json.loads(answer.stdout) == {"id": str(action.id), "name": "Picket", "events": 1}
    assert (action.campaign_id, action.drill) == (campaign.id, True)


def test_an_action_at_some_areas(app: Flask) -> None:
    north, south = make_area("Valley East"), make_area("South")
    sites = [make_site(area=north), make_site(area=south)]
    make_site()
    assert create(app, "--at", "valley east, South").exit_code == 0
    assert set(db.session.scalars(select(Event.site_id))) == {site.id for site in sites}


def test_a_rally_with_its_venue(app: Flask) -> None:
    make_site(area=make_area("North"))
    answer = create(app, "--kind", "rally", "--at", "North", "--venue", "City Hall")
    assert answer.exit_code == 0
    assert db.session.scalars(select(Event)).one().venue == "City Hall"


def test_events_are_listed_with_codes_and_address(app: Flask) -> None:
    event = make_event(make_site("Glenwood"), action=make_action(name=Translated(en="Big Tuesday")))
    rows = json.loads(run(app, "events", "list", "--action", "big", "--json").stdout)
    assert [(row["site"], row["code"], row["text_code"]) for row in rows] == [
        ("Glenwood", event.code, event.text_code)
    ]
    assert rows[0]["url"].endswith(f"/c/{event.code}")
    output = run(app, "events", "list", "--action", str(event.action_id)).stdout
    assert output.split("\t")[:2] == ["Glenwood", event.code]


def test_posters_are_written_to_a_file(app: Flask, tmp_path: Path) -> None:
    action = make_action()
    for area in (make_area("North"), make_area("South")):
        make_event(make_site(area=area), action=action)
    for more, number in (((), 2), (("--area", "North"), 1)):
        out = tmp_path / f"{number}.pdf"
        assert run(app, "posters", str(action.id), "-o", str(out), *more).exit_code == 0
        with pypdfium2.PdfDocument(out) as pdf:
            assert len(pdf) == number


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--at", "Nowhere"), "There are: North."),
        (("--at", ""), "Say where"),
        (("--at", "every-site", "--starts", "tomorrow"), "Write times like 2026-03-03T07:00."),
        (("--at", "every-site", "--ends", "2026-03-03T06:00"), "Check the times"),
        (("--at", "every-site", "--starts", "2026-03-08T02:30", "--ends", "04:00"), "Did you mean 03:30?"),
        (("--at", "every-site", "--starts", "2026-11-01T01:30", "--ends", "04:00"), "comes twice"),
        (("--at", "every-site", "--starts", "9999-12-31T23:00", "--ends", "23:30"), "Check the day"),
        (("--at", "every-site", "--kind", "party"), "'party' is not one of"),
        (("--at", "every-site", "--kind", "rally"), "Enter where the rally is."),
        (("--at", "every-site", "--venue", "City Hall"), "Only a rally has a venue"),
        (("--at", "every-site", "--campaign", "x"), "no campaign with this id"),
        (("--at", "every-site", "--name", " "), "Give it a name."),
        ((), "Missing option '--at'"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_1(app: Flask, args: tuple[str, ...], message: str) -> None:
    make_site(area=make_area("North"))
    answer = create(app, *args)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert db.session.scalar(select(Action)) is None


def test_posters_say_what_is_wrong_in_one_line(app: Flask, tmp_path: Path) -> None:
    action = make_event().action
    missing = str(tmp_path / "no" / "such.pdf")
    for args, sentence in (
        ((str(action.id), "-o", missing), "there is no such folder"),
        (("Unknown", "-o", str(tmp_path / "x.pdf")), "No action is called that."),
        ((str(action.id), "-o", str(tmp_path / "x.pdf"), "--area", "Mars"), "There is no area"),
        ((str(action.id), "-o", str(tmp_path)), "is a directory"),
        ((str(action.id),), "Missing option '-o'"),
    ):
        answer = run(app, "posters", *args)
        assert answer.exit_code == 1
        assert sentence in answer.stderr and answer.stderr.count("\n") == 1
