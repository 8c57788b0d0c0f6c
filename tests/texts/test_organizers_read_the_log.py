"""The log of texts: what an organizer sees of the members of their areas, and what the commands say."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from mobilize.accounts.models import RoleName
from mobilize.demo.carrier.server import Carrier
from mobilize.texts.models import OutboxText
from mobilize.texts.operations import opt_out
from mobilize.texts.receiving import receipts
from mobilize.texts.sending.delivery import drain
from mobilize.texts.templates import wordings
from tests.builders import make_area, make_member, make_person, make_site, sign_in
from tests.texts.conftest import MIA, NATE

Queue = Callable[..., OutboxText]


def test_an_organizer_reads_the_story_of_a_text_to_their_member(
    client: FlaskClient, carrier: Carrier, queued: Queue, now: datetime
):
    area = make_area()
    mia = make_member(phone=MIA, site=make_site(area=area))
    olga = make_person("Olga Organizer", role=RoleName.ORGANIZER, area=area)
    text = queued(member_id=mia.id, wording="who", merge_fields={})
    drain(now=now)
    sign_in(client, olga)
    assert "Who we are" in client.get("/texts").text
    page = client.get(f"/texts/{text.id}").text
    assert "accepted by the carrier" in page and "Attempt 1" in page
    assert MIA[2:] not in page and "Reyes" not in page


def test_every_wording_and_whatever_the_carrier_says_has_its_words():
    words = (Path(__file__).parents[2] / "templates/texts/_words.html").read_text()
    assert [name for name in (*wordings(), *receipts.STATE_OF) if f'"{name}"' not in words] == []


def test_texts_to_other_areas_look_like_texts_that_do_not_exist(
    client: FlaskClient, app: Flask, queued: Queue
):
    elsewhere = make_member(phone=NATE, site=make_site())
    olga = make_person("Olga Organizer", role=RoleName.ORGANIZER, area=make_area())
    text = queued(NATE, member_id=elsewhere.id)
    sign_in(client, olga)
    assert client.get(f"/texts/{text.id}").status_code == 404
    assert "No texts here" in client.get("/texts").text


def test_the_log_is_filtered_by_state(client: FlaskClient, app: Flask, queued: Queue):
    sign_in(client, make_person("Ada Admin", role=RoleName.ADMIN))
    queued(wording="who", merge_fields={})
    assert "Who we are" in client.get("/texts?state=waiting").text
    assert "Who we are" not in client.get("/texts?state=delivered").text
    assert client.get("/texts?state=nonsense").status_code == 200


def test_status_counts_by_state_as_json(app: Flask, carrier: Carrier, queued: Queue, now: datetime):
    queued(purpose="a")
    drain(now=now)
    opt_out(NATE, source="reply", now=now)
    queued(NATE, purpose="b")
    done = app.test_cli_runner().invoke(args=["texts", "status", "--json"])
    payload = json.loads(done.output.splitlines()[-1])
    assert (payload["states"]["accepted"], payload["states"]["waiting"], payload["total"]) == (1, 1, 2)
    assert (payload["doubled"], payload["paused"]) == (0, {})


def test_show_tells_a_story_without_anything_personal(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
):
    text = queued()
    drain(now=now)
    done = app.test_cli_runner().invoke(args=["texts", "show", str(text.id), "--json"])
    story = json.loads(done.output.splitlines()[-1])
    assert [what for _at, what in story["story"]][1:] == ["attempt 1", "attempt 1 accepted"]
    assert MIA[2:] not in done.output


def test_pause_and_resume(app: Flask, carrier: Carrier, queued: Queue, now: datetime):
    run = app.test_cli_runner().invoke
    paused = json.loads(run(args=["texts", "pause", "storm", "--json"]).output)
    assert paused == {"paused": {"main": "storm"}}
    queued()
    assert drain(now=now).claimed == 0
    assert json.loads(run(args=["texts", "resume", "--json"]).output) == {"paused": {}}
    assert drain(now=now).accepted == 1


def test_a_pause_needs_no_reason_and_reconcile_counts_what_it_looked_up(app: Flask, carrier: Carrier):
    run = app.test_cli_runner().invoke
    assert "main" in json.loads(run(args=["texts", "pause", "--json"]).output)["paused"]
    payload = json.loads(run(args=["texts", "reconcile", "--json"]).output)
    assert payload == {"looked": 0, "adopted": 0, "sent_anew": 0, "stuck": 0}
