import re
from types import SimpleNamespace

import pytest
import time_machine

from mobilize.actions.models import ActionKind
from mobilize.checkins import queries
from mobilize.checkins.models import KnownPhone
from mobilize.crypto import blind_index
from mobilize.database import atomic, db
from mobilize.texts.models import PhoneRule
from tests.builders import START, make_action, make_event, make_member, make_site
from tests.checkins.morning import OPEN, outcomes, post, scan
from tests.services.client import Client


@pytest.fixture(autouse=True)
def in_the_morning():
    with time_machine.travel(OPEN, tick=False):
        yield


@pytest.fixture
def event(app):
    """A line with members, a repeat, an opted-out member, and two who share a phone."""
    site = make_site()
    make_member(site=site, phone="+12135550101", number="44000101")
    make_member(site=site, phone="+12135550102")
    make_member(site=site, phone="+12135550103")
    for first in ("Ana", "Beto"):
        make_member(first=first, site=site, phone="+12135550104")
    make_member(site=site, phone="+12135550105", gone_on=START)
    for n in range(6):
        make_member(site=site, phone=f"+1213555011{n}")
    event = make_event(site)
    for n in range(6):
        scan(event, f"213555011{n}")
    scan(event, "2135550102")
    opt_out("+12135550103")
    return event


def opt_out(phone):
    with atomic() as session:
        rule = PhoneRule(phone_bix=blind_index("phone", phone), opted_out_at=START, source="text")
        session.add(rule)


WHO = {
    "member": "2135550101",
    "member by number": "44000101",
    "stranger": "2135550142",
    "stranger by number": "88888888",
    "repeat": "2135550102",
    "opted out": "2135550103",
    "shared phone": "2135550104",
    "gone": "2135550105",
}


def masked(answer):
    """Status, headers and body without the two random things an answer carries: receipt code and cookie."""
    body = re.sub(r'(<dd class="code">)[0-9A-Z]{6}', r"\1", answer.get_data(as_text=True))
    headers = [(name, value) for name, value in answer.headers if name != "Date"]
    headers = [(n, re.sub(r"known=[\w-]{43}", "known=", v) if n == "Set-Cookie" else v) for n, v in headers]
    return answer.status, headers, body


@pytest.mark.parametrize("language", ["en", "es"])
def test_status_headers_and_bytes_are_the_same_for_everybody(app, event, language):
    answers = {}
    for who, typed in WHO.items():
        phone = Client(app, use_cookies=True)
        phone.set_cookie("language", language, domain="localhost")
        answers[who] = masked(post(phone, event, typed))
    assert answers["member"][0] == "200 OK"
    assert {who for who, answer in answers.items() if answer != answers["member"]} == set()
    assert {"counted", "walkup", "repeat", "ambiguous"} <= set(outcomes(event))


@pytest.mark.parametrize("typed", WHO.values(), ids=WHO.keys())
def test_the_second_time_and_by_one_tap_is_no_different(app, event, typed):
    phone = Client(app, use_cookies=True)
    first = masked(post(phone, event, typed))
    assert masked(post(phone, event, typed)) == first
    assert masked(post(phone, event, known="1")) == first


@pytest.mark.parametrize("who", ["member", "stranger", "repeat"])
def test_the_first_answer_after_the_snapshot_grew_old_does_not_count_its_own_sender(
    client, event, who, monkeypatch
):
    monkeypatch.setattr(queries, "_snapshots", {})
    standing = sum((queries.line_figures(event.id).named, queries.line_figures(event.id).walkups))
    answer = post(client, event, WHO[who]).get_data(as_text=True)
    assert f'<p class="value">{standing}</p>' in answer


def shown_later(event):
    """The figure on a receipt half a minute from now."""
    queries._snapshots.clear()
    return queries.line_snapshot(event.id)


@pytest.mark.parametrize("typed", [WHO[who] for who in WHO if who != "repeat"])
def test_whatever_is_typed_the_figure_rises_by_one_and_falls_again_with_the_undo(client, event, typed):
    before = shown_later(event)
    post(client, event, typed)
    assert shown_later(event) == before + 1
    client.post(f"/c/{event.code}/undo")
    assert shown_later(event) == before
    post(client, event, typed)
    assert shown_later(event) == before + 1


@pytest.mark.parametrize(
    "typed", ["2135550110", "2135550120", "2135550142"], ids=["ours", "theirs", "nobody's"]
)
def test_where_chapters_are_kept_apart_the_figure_does_not_tell_whose_member_it_is(client, event, typed):
    apart = make_event(event.site, action=make_action(elsewhere_ok=False))
    make_member(site=make_site(), phone="+12135550120")
    for n in range(1, 6):
        scan(apart, f"213555011{n}")
    before = shown_later(apart)
    post(client, apart, typed)
    assert shown_later(apart) == before + 1


@pytest.mark.parametrize("typed", ["2135550101", "2135550142"], ids=["member", "stranger"])
def test_who_only_says_that_she_leaves_makes_no_figure_rise(client, event, typed):
    strike = make_event(event.site, action=make_action(kind=ActionKind.STRIKE))
    for n in range(6):
        scan(strike, f"213555011{n}")
    before = shown_later(strike)
    post(client, strike, typed, left="1")
    assert shown_later(strike) == before


def test_a_snapshot_is_one_number_for_thirty_seconds(app, event, monkeypatch):
    clock = iter([0.0, 0.0, 29.0, 31.0, 31.0])
    monkeypatch.setattr(queries, "_snapshots", {})
    monkeypatch.setattr(queries, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    before = queries.line_snapshot(event.id)
    scan(event, WHO["member"])
    assert queries.line_snapshot(event.id) == before
    assert queries.line_snapshot(event.id) == before + 1


def test_fewer_than_five_are_not_told(app, client, monkeypatch):
    monkeypatch.setattr(queries, "_snapshots", {})
    quiet = make_event()
    scan(quiet, "2135550142")
    assert "On this line so far" not in post(client, quiet, "2135550143").get_data(as_text=True)


@pytest.mark.parametrize("typed", ["2135550101", "2135550142"])
def test_a_phone_remembers_what_was_typed_whether_or_not_it_matched(client, event, typed):
    post(client, event, typed)
    assert f"+1{typed}" in {phone.said.text for phone in db.session.query(KnownPhone)}
    page = client.get(f"/c/{event.code}").get_data(as_text=True)
    assert "Check me in" in page
    assert typed not in page and "Mia" not in page


def test_a_number_nobody_can_read_is_refused_in_the_same_words_and_stays_in_the_box(client, event):
    answer = post(client, event, "213 555")
    assert answer.status_code == 200, "six digits may be a member number"
    answer = post(client, event, "call me <maybe>")
    assert answer.status_code == 422
    assert "Type your mobile number with area code" in answer.text
    assert 'value="call me &lt;maybe&gt;"' in answer.text
