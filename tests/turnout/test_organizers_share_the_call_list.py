"""Silent sites are called by several organizers: each is given another one, and all see what became of it."""

import re
import secrets
from datetime import datetime, timedelta
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action, Event
from mobilize.audit import AuditRow
from mobilize.checkins.models import HeadCount
from mobilize.database import atomic, db
from mobilize.turnout.calls.operations import CLAIMED_FOR, claim_call, end_call, give_back_call
from mobilize.turnout.models import CallResult, SiteCall
from tests.at_once import all_at_once
from tests.builders import make_person, sign_in
from tests.services.client import Client
from tests.turnout.conftest import Morning

CARMEN = "+12135550111"
NOW = datetime.fromisoformat("2026-03-03T15:40:00+00:00")


@pytest.fixture
def silent(morning: Morning) -> Morning:
    """Lincoln, Madison and Roosevelt began 40 minutes ago, and nobody has sent a count."""
    begun = clock.now() - timedelta(minutes=40)
    with atomic() as session:
        session.get_one(Action, morning.action.id).starts_at = begun
        for event in morning.events.values():
            row = session.get_one(Event, event.id)
            row.starts_at, row.ends_at = begun, begun + timedelta(hours=3)
    make_person("Carmen Chair", phone=CARMEN, role=RoleName.CHAIR, site=morning.lincoln)
    morning.freeze()
    return morning


def test_two_who_call_are_given_two_sites(silent: Morning, app: Flask) -> None:
    olga, omar = _desk(app, "Olga"), _desk(app, "Omar")
    for desk in (olga, omar):
        assert desk.post(_list(silent)).status_code == 303
    first, second = _called_by(olga, silent), _called_by(omar, silent)
    assert first and second and first != second
    assert "somebody is on it" in olga.get(_list(silent)).text
    held = next(site for site in silent.sites if site.name == second)
    olga.post(f"{_list(silent)}/{held.id}", data={"do": "take"})
    assert f"Somebody else is calling {second} now." in olga.get(_list(silent)).text
    assert _called_by(olga, silent) == first


def test_what_became_of_a_call_is_seen_by_all_with_its_time_and_by_whom(silent: Morning, app: Flask) -> None:
    olga, omar = _desk(app, "Olga"), _desk(app, "Omar")
    take = {"do": "take"}
    olga.post(_of(silent), data=take)
    assert f'href="tel:{CARMEN}">(213) 555-0111' in olga.get(_list(silent)).text
    board = f"/actions/{silent.action.id}/turnout/{silent.lincoln.id}"
    assert "You are calling" in olga.get(board).text and "Being called now" not in olga.get(board).text
    assert "Being called now" in omar.get(board).text
    olga.post(_of(silent), data={"do": "wrong_number", "chair": _chair(olga.get(_list(silent)).text)})
    listed = omar.get(_list(silent)).text
    assert re.search(r"Wrong number</strong></span> <span class=\"small\">\d+:\d+.[AP]M, Olga<", listed)
    assert _called_by(olga, silent) in {"Madison", "Roosevelt"}  # the next in line
    call = db.session.scalars(db.select(SiteCall).where(SiteCall.result == CallResult.WRONG_NUMBER)).one()
    assert call.chair and call.chair.startswith("person:")
    assert db.session.scalars(db.select(AuditRow.verb).where(AuditRow.verb.startswith("call."))).all() == [
        "call.wrong_number"
    ]


def test_a_count_that_was_told_is_entered_in_place_and_ends_the_call(silent: Morning, app: Flask) -> None:
    olga = _desk(app, "Olga")
    olga.post(_of(silent), data={"do": "take"})
    page = olga.get(_list(silent)).text
    form = re.search(r'action="([^"]+/turnout/[^"]+)"[^>]*class="count"', page)
    assert form
    entered = olga.post(form[1].replace("&amp;", "&"), data={"n": "17", "nonce": secrets.token_hex(16)})
    assert entered.status_code == 303 and entered.location.startswith(_list(silent))
    assert [row.n for row in db.session.scalars(db.select(HeadCount))] == [17]
    assert [row.result for row in db.session.scalars(db.select(SiteCall))] == [CallResult.REACHED]


def test_an_area_is_chosen_and_the_next_one_is_of_it(silent: Morning, app: Flask) -> None:
    olga, south = _desk(app, "Olga"), f"?area={silent.south.id}"
    page = olga.get(_list(silent) + south).text
    assert "Roosevelt" in page and "Lincoln" not in page
    olga.post(_list(silent) + south)
    assert _called_by(olga, silent) == "Roosevelt"


def test_who_did_not_answer_is_not_next_again(silent: Morning, app: Flask) -> None:
    olga = _desk(app, "Olga")
    olga.post(_list(silent))
    called = set()
    while name := _called_by(olga, silent):
        called.add(name)
        site = next(one for one in silent.sites if one.name == name)
        olga.post(f"{_list(silent)}/{site.id}", data={"do": "no_answer"})
    assert called == {"Lincoln", "Madison", "Roosevelt"}
    assert "Each was called in the last ten minutes" in olga.get(_list(silent)).text


def test_a_site_that_has_nobody_to_call_was_not_left_unanswered(silent: Morning, app: Flask) -> None:
    olga = _desk(app, "Olga")
    madison = f"{_list(silent)}/{silent.madison.id}"
    olga.post(madison, data={"do": "take"})
    button = re.search(r'value="(\w+)">Nobody to call, next<', olga.get(_list(silent)).text)
    assert button
    olga.post(madison, data={"do": button[1]})
    page = olga.get(_list(silent)).text
    assert "<strong>Nobody to call</strong>" in page and "<strong>No answer</strong>" not in page
    assert _called_by(olga, silent) in {"Lincoln", "Roosevelt"}
    [call] = [row for row in db.session.scalars(db.select(SiteCall)) if row.ended_at]
    assert call.result == CallResult.NO_CHAIR


def test_sites_with_nobody_to_call_are_counted_apart(silent: Morning, app: Flask) -> None:
    page = _desk(app, "Olga").get(_list(silent)).text
    assert "<h2>1 site to call</h2>" in page and "2 more have nobody to call." in page


def test_a_claim_runs_out_is_given_back_and_is_not_ended_by_another(silent: Morning) -> None:
    event = silent.event(silent.lincoln).id
    assert claim_call(event, actor="person:a", now=NOW)
    assert not claim_call(event, actor="person:b", now=NOW + CLAIMED_FOR - timedelta(seconds=1))
    assert not end_call(event, CallResult.REACHED, actor="person:b", now=NOW)
    assert claim_call(event, actor="person:b", now=NOW + CLAIMED_FOR)
    assert not end_call(event, CallResult.REACHED, actor="person:a", now=NOW)
    give_back_call(event, actor="person:b")
    assert claim_call(event, actor="person:a", now=NOW)
    assert [end_call(event, CallResult.NO_ANSWER, actor="person:a", now=NOW) for _twice in range(2)] == [
        True,
        False,
    ]
    assert [row.result for row in db.session.scalars(db.select(SiteCall))] == [CallResult.NO_ANSWER]


def test_one_who_takes_another_site_gives_the_first_one_back(silent: Morning) -> None:
    lincoln, madison = (silent.event(site).id for site in (silent.lincoln, silent.madison))
    assert claim_call(lincoln, actor="person:a", now=NOW) and claim_call(madison, actor="person:a", now=NOW)
    assert claim_call(lincoln, actor="person:b", now=NOW)


def test_of_many_who_take_a_site_at_once_one_has_it(silent: Morning, app: Flask) -> None:
    event = silent.event(silent.lincoln).id

    takes = [partial(claim_call, event, actor=f"person:{n}", now=NOW) for n in range(6)]
    assert sorted(all_at_once(app, *takes)) == [False] * 5 + [True]


@pytest.mark.parametrize("form", [{}, {"do": "burn"}, {"do": "no_answer", "chair": "somebody"}])
def test_what_it_does_not_know_changes_nothing(silent: Morning, app: Flask, form: dict[str, str]) -> None:
    assert _desk(app, "Olga").post(_of(silent), data=form).status_code == 422
    assert db.session.scalars(db.select(SiteCall)).all() == []


def _desk(app: Flask, name: str) -> FlaskClient:
    client = Client(app, use_cookies=True)
    sign_in(client, make_person(name, role=RoleName.ADMIN))
    return client


def _list(silent: Morning) -> str:
    return f"/actions/{silent.action.id}/calls"


def _of(silent: Morning) -> str:
    return f"{_list(silent)}/{silent.lincoln.id}"


def _called_by(desk: FlaskClient, silent: Morning) -> str:
    """The site that this organizer is calling, or ""."""
    card = desk.get(_list(silent)).text.split('class="now-calling"')[1].split("</section>")[0]
    heading = re.search(r"<h2>([^<]+)</h2>", card)
    return heading[1] if heading and "to call" not in heading[1] else ""


def _chair(page: str) -> str:
    chair = re.search(r'name="chair" value="([^"]+)"', page)
    assert chair
    return chair[1]
