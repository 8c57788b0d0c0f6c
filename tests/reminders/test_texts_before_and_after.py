"""The other texts an action sends on its own: within the hour, early, to chairs, and the thank-you."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action, Event
from mobilize.checkins.models import Attendance, Tier
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.reminders.head_counts.briefing import brief_chairs
from mobilize.reminders.inbox.answers import read_answers
from mobilize.reminders.models import Rsvp, RuleKind
from mobilize.reminders.rules.operations import change_rule, set_default_rules
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.reminders.rules.queries import rules_of
from mobilize.texts.models import TextClass
from mobilize.turnout.figures.closing import close_due_events
from mobilize.turnout.reports.thank_you import plan_thanks
from tests.builders import (
    START,
    ask_question,
    make_action,
    make_event,
    make_member,
    make_person,
    make_site,
    sign_in,
)
from tests.reminders.conftest import CARMEN, MIA, NATE, OLGA, phones, waiting, words

# 15:30 in Los Angeles on the day of START.
AFTERNOON = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
HOUR, EARLY = "reminder_hour_before", "early_call"


def rally() -> Event:
    event = make_event(make_site("Elm Street School"), action=make_action(starts_at=AFTERNOON))
    make_member(site=event.site, phone=MIA)
    return event


def test_within_the_hour_before_an_afternoon_event(app: Flask) -> None:
    rally()
    plan_reminders(AFTERNOON - timedelta(minutes=80))
    [text] = waiting(HOUR)
    assert text.due_at == AFTERNOON - timedelta(hours=1)
    assert text.expires_at == AFTERNOON
    assert "starts at 3:30 pm, Elm Street School" in words(text)
    assert [plan_reminders(AFTERNOON - timedelta(minutes=50)) for _again in range(2)] == [0, 0]


def test_before_an_early_picket_nobody_is_woken(app: Flask) -> None:
    make_member(site=make_event().site, phone=MIA)
    plan_reminders(START - timedelta(minutes=60))
    assert phones(HOUR) == []


def test_who_said_they_are_not_coming_is_spared_what_waits(app: Flask, texts_us: object) -> None:
    event = rally()
    ask_question(MIA, "coming", event.id, expires_at=AFTERNOON, now=AFTERNOON - timedelta(hours=2))
    soon = AFTERNOON - timedelta(minutes=70)
    plan_reminders(soon)
    texts_us(MIA, "2", soon)  # type: ignore[operator]
    read_answers(soon)
    assert db.session.query(Rsvp).one().coming is False
    assert phones(HOUR) == []


def early_call(action: Action, reason: str = "The gate has moved") -> None:
    set_default_rules(START - timedelta(days=1))
    settings = {"minutes_before": 90, "reason": reason}
    change_rule(action, RuleKind.EARLY_CALL, settings, on=True, actor="shell", now=START)


def test_an_early_call_goes_only_to_those_who_agreed_and_has_a_reason(app: Flask) -> None:
    event = make_event()
    make_member(site=event.site, phone=MIA)
    make_member(site=event.site, phone=NATE, urgent_ok_at=START)
    plan_reminders(START - timedelta(minutes=100))
    assert phones(EARLY) == []
    with pytest.raises(Refused) as refusal:
        early_call(event.action, reason=" ")
    assert refusal.value.code == "no_reason"
    early_call(event.action)
    plan_reminders(START - timedelta(minutes=95))
    [text] = waiting(EARLY)
    assert (text.to, text.urgent, text.due_at) == (NATE, True, START - timedelta(minutes=90))


def test_chairs_are_briefed_two_days_before(app: Flask) -> None:
    event = make_event()
    make_person(phone=CARMEN, role=RoleName.CHAIR, site=event.site)
    make_person("Vera Lund", phone=OLGA, role=RoleName.VICE_CHAIR, site=event.site)
    set_default_rules(START - timedelta(days=4))
    four_pm = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    assert brief_chairs(four_pm - timedelta(minutes=1)) == 0
    assert [brief_chairs(four_pm) for _again in range(2)] == [2, 0]
    text = waiting("briefing")[0]
    assert text.text_class is TextClass.DUTY
    assert f"/events/{event.id}" in words(text)


@pytest.mark.parametrize(
    ("heads", "wording", "message"),
    [
        (
            27,
            "thanks_counted",
            "Test Local 100: we counted 27 at your chapter's line. Thank you for standing up.",
        ),
        (0, "thanks", "Test Local 100: thank you for standing at the line."),
        (None, "thanks", "Test Local 100: thank you for standing at the line."),
    ],
)
def test_the_thank_you_has_the_head_count_and_goes_to_those_who_came(
    app: Flask, heads: int | None, wording: str, message: str
) -> None:
    """Names are not final by then: what it says moves by nothing anybody types."""
    event = make_event(make_site("Elm Street School"))
    mia = make_member(site=event.site, phone=MIA)
    make_member(site=event.site, phone=NATE)
    set_default_rules(START - timedelta(days=1))
    place = {"event_id": event.id, "shift_id": event.shifts[0].id, "chapter_id": event.site_id}
    with atomic() as session:
        session.add(Attendance(**place, member_id=mia.id, tier=Tier.SELF, first_at=START, late=False))
    if heads is not None:
        report_head_count(event, heads, counted_at=START, nonce=b"n" * 16, via="line", by="test", now=START)
    later = START + timedelta(hours=4)
    assert plan_thanks(later) == 0
    close_due_events(later)
    assert [plan_thanks(later) for _again in range(2)] == [1, 0]
    [text] = waiting(wording)
    assert text.to == MIA
    assert words(text) == message


def test_yesterdays_result_is_not_news_any_more(app: Flask) -> None:
    make_event()
    set_default_rules(START)
    later = START + timedelta(hours=4)
    close_due_events(later)
    assert plan_thanks(later + timedelta(days=2)) == 0


def test_each_rule_is_turned_on_and_off_on_the_page(app: Flask, client: FlaskClient) -> None:
    action = make_action(starts_at=clock.now() + timedelta(days=3))
    make_member(site=make_event(action=action).site, phone=MIA)
    sign_in(client, make_person(role=RoleName.ADMIN))
    address = f"/actions/{action.id}/reminders"
    assert "An early text" in client.get(address).text
    for kind, typed in (
        ("hour_before", {"minutes_before": "45"}),
        ("early_call", {"minutes_before": "90", "reason": "Rain"}),
        ("briefing", {"at_local": "15:00"}),
        ("thanks", {}),
    ):
        for state in ("off", "on"):
            assert client.post(address, data={"do": f"{kind}:{state}", **typed}).status_code == 303
            db.session.rollback()
            assert rules_of(action)[RuleKind(kind)].on is (state == "on")
    assert rules_of(action)[RuleKind.HOUR_BEFORE].minutes_before == 45
    wrong = client.post(address, data={"do": "early_call:on", "minutes_before": "90", "reason": ""})
    assert wrong.status_code == 422
    assert client.post(address, data={"do": "hour_before:on", "minutes_before": "5"}).status_code == 422
