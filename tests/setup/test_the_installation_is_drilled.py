"""Before the day somebody drills the installation through its own address, and prints whether it is ready."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action, Event, EventState
from mobilize.checkins.models import Attendance, Evidence, KnownPhone, Walkup
from mobilize.database import Model, db
from mobilize.errors import Refused
from mobilize.observability import findings, health_checks
from mobilize.observability.findings import finding
from mobilize.setup import load_drill
from mobilize.setup.load_drill import DrillResult, expected_peak, run_drill
from mobilize.texts.models import OutboxText
from tests.builders import make_action, make_event, make_member, make_person, make_site, sign_in


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is slow on a busy machine that runs tests is good enough here."""
    monkeypatch.setattr(load_drill, "SLOW_MS", 60_000)
    yield


def rows(*tables: type[Model]) -> list[int]:
    db.session.rollback()
    return [db.session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def test_a_drill_goes_through_the_public_address_and_leaves_nothing_behind(
    live_server: str, pg_app: Flask, quick: None
) -> None:
    for _again in range(2):
        result = run_drill(seconds=2, rate=20, now=clock.now())
        assert (result.sent, result.acknowledged, result.stored) == (40, 40, 40)
        assert result.refused == result.unanswered == 0 and result.is_good
    assert rows(Evidence, Walkup, KnownPhone, Attendance, OutboxText) == [0, 0, 0, 0, 0]
    [event] = db.session.scalars(select(Event))
    assert event.state is EventState.CALLED_OFF and event.action.drill


def test_where_nobody_answers_it_is_not_good(own_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_drill, "SETTLE_S", 0)
    own_app.config["MOBILIZE"] = replace(own_app.config["MOBILIZE"], public_base_url="http://127.0.0.1:1")
    result = run_drill(seconds=1, rate=5, now=clock.now())
    assert result.unanswered == 5 and not result.is_good
    [event] = db.session.scalars(select(Event))
    assert event.state is EventState.CALLED_OFF


def test_it_is_bounded_and_stands_back_from_people(app: Flask) -> None:
    now = clock.now()
    for seconds, rate in ((61, 1.0), (1, 501.0), (0, 1.0)):
        with pytest.raises(Refused) as refused:
            run_drill(seconds=seconds, rate=rate, now=now)
        assert refused.value.code == "too_much"
    soon = {"starts_at": now + timedelta(minutes=50), "ends_at": now + timedelta(hours=2)}
    make_event(make_site(), action=make_action(**soon))
    with pytest.raises(Refused) as refused:
        run_drill(seconds=1, rate=1, now=now)
    assert refused.value.code == "line_is_open" and rows(Action) == [1]


def test_the_peak_follows_the_roster(app: Flask) -> None:
    assert expected_peak() == 1.0
    site = make_site()
    for n in range(3):
        make_member(f"Last{n}", site=site)
    assert expected_peak() == 1.0  # one at least


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"unanswered": 3, "acknowledged": 37, "stored": 37}, "Not answered: 3"),
        ({"stored": 39}, "are not stored"),
        ({"p95_ms": 4000}, "Slower than 1000 ms"),
        ({"rate": 1.0}, "a second. Try that"),
    ],
)
def test_the_page_says_why_it_is_not_ready(
    app: Flask, client: FlaskClient, fields: dict[str, float], words: str
) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "It was not tried yet" in client.get("/setup/ready").text
    good = DrillResult(2.0, 1.0, 40, 40, 0, 0, 40, 12, 40)
    store(good)
    assert "of 40 40 stored" in client.get("/setup/ready").text
    store(replace(good, **fields))
    page = client.get("/setup/ready").text
    assert words in page and "Not ready yet" in page


def test_what_the_doctor_finds_broken_is_not_ready(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "The doctor has not looked" in client.get("/setup/ready").text
    now = clock.now()
    findings.record([finding("disk.full", folder="/", free=3), finding("texts.trial")], now=now)
    page = client.get("/setup/ready").text
    assert "/ has only 3 MB left." in page and "Make room now" in page
    assert "Trial: texts reach only" not in page, "what is only worth a look keeps nobody from being ready"
    findings.record([finding("disk.ok", free=30)], now=now)
    assert "Everything is set up right" in client.get("/setup/ready").text
    findings.record([finding("disk.ok", free=30)], now=now - timedelta(hours=1))
    assert "The doctor has not looked" in client.get("/setup/ready").text


def test_a_drill_of_last_month_says_nothing_of_today(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    store(DrillResult(2.0, 1.0, 40, 40, 0, 0, 40, 12, 40), days_ago=8)
    assert "more than a week ago" in client.get("/setup/ready").text


def test_the_longest_result_fits_its_column(app: Flask) -> None:
    store(DrillResult(500.0, 250.0, 12_000, 12_000, 12_000, 12_000, 12_000, 10_000, 10_000))
    assert load_drill.last_drill() is not None


def store(result: DrillResult, *, days_ago: int = 0) -> None:
    load_drill.record(result, now=clock.now() - timedelta(days=days_ago))
    check = health_checks.latest(load_drill.CHECK)
    assert check is not None and len(check.value) <= 200 and json.loads(check.value)
