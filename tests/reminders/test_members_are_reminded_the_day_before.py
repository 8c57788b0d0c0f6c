"""The day-before reminder: when it is due, to whom it goes, and that it is there once."""

import threading
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from flask import Flask

from mobilize import clock
from mobilize.actions.models import Event
from mobilize.checkins.member.personal_links import personal_code
from mobilize.checkins.models import Attendance, Tier
from mobilize.database import atomic, db
from mobilize.reminders.models import PlanningProgress, ReminderRule, Rsvp, RuleKind
from mobilize.reminders.rules import operations as operations
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.reminders.rules.queries import is_moot, rules_of
from mobilize.roster.models import MemberStatus, PhoneKind
from mobilize.texts.models import OutboxText
from mobilize.texts.operations import opt_out
from mobilize.texts.sending.claiming import claim
from mobilize.texts.sending.delivery import sweep
from tests.builders import START, ZONE, make_action, make_event, make_member, make_site
from tests.reminders.conftest import CARMEN, MIA, NATE, OLGA, left, phones, waiting, words

# 17:00 in Los Angeles on the day before START, a Tuesday at 7:00 there.
FIVE_PM = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


def stored(row: object) -> None:
    with atomic() as session:
        session.add(row)


def test_it_says_when_and_where_and_asks_who_comes(app: Flask) -> None:
    event = make_event(make_site("Elm Street School"), meet_at="front gate")
    mia = make_member(site=event.site, phone=MIA)
    plan_reminders(FIVE_PM)
    [text] = waiting()
    assert text.to == MIA
    assert text.due_at == FIVE_PM
    assert text.asks == "coming"
    assert "tomorrow, 7:00 am, Elm Street School, front gate" in words(text)
    assert f"/p/{event.code}/{personal_code(event.id, mia.id)} " in words(text), "their own link"
    assert text.segments <= 2


def test_it_is_not_there_long_before_it_is_due(app: Flask) -> None:
    make_member(site=make_event().site, phone=MIA)
    assert plan_reminders(FIVE_PM - timedelta(hours=2)) == 0
    assert plan_reminders(FIVE_PM - timedelta(minutes=20)) == 1


def test_planning_twice_puts_it_there_once(app: Flask) -> None:
    make_member(site=make_event().site, phone=MIA)
    assert [plan_reminders(FIVE_PM) for _again in range(3)] == [1, 0, 0]


def test_it_is_planned_late_after_an_outage_but_not_on_the_day_itself(app: Flask) -> None:
    first, second = make_event(), make_event(starts_at=START + timedelta(days=1))
    make_member(site=first.site, phone=MIA)
    make_member(site=second.site, phone=NATE)
    plan_reminders(clock.from_local(date(2026, 3, 3), time(0, 5), ZONE))
    assert phones() == []
    plan_reminders(clock.from_local(date(2026, 3, 3), time(19, 0), ZONE))
    assert phones() == [NATE]
    assert waiting()[0].expires_at == clock.from_local(date(2026, 3, 4), time(0), ZONE)


@pytest.mark.parametrize(
    ("starts_on", "due"),
    [
        (date(2026, 3, 8), datetime(2026, 3, 8, 1, 0, tzinfo=UTC)),  # clocks go forward that night
        (date(2026, 3, 9), datetime(2026, 3, 9, 0, 0, tzinfo=UTC)),
        (date(2026, 11, 1), datetime(2026, 11, 1, 0, 0, tzinfo=UTC)),  # clocks go back that night
        (date(2026, 11, 2), datetime(2026, 11, 2, 1, 0, tzinfo=UTC)),
    ],
)
def test_five_in_the_afternoon_is_five_on_both_nights_the_clocks_change(
    app: Flask, starts_on: date, due: datetime
) -> None:
    starts_at = clock.from_local(starts_on, time(7), ZONE)
    event = make_event(action=make_action(starts_at=starts_at))
    make_member(site=event.site, phone=MIA)
    plan_reminders(due)
    assert [text.due_at for text in waiting()] == [due]
    assert clock.local(due, ZONE).time() == time(17)


def test_a_site_in_another_zone_has_its_own_five_oclock(app: Flask) -> None:
    site = make_site(tz="America/New_York")
    event = make_event(site, tz="America/New_York")
    make_member(site=event.site, phone=MIA)
    plan_reminders(FIVE_PM - timedelta(hours=3))
    assert [text.due_at for text in waiting()] == [FIVE_PM - timedelta(hours=3)]


def test_who_reads_spanish_gets_spanish_and_everybody_else_english(app: Flask) -> None:
    site = make_event().site
    make_member(site=site, phone=MIA, language="es")
    make_member(site=site, phone=NATE, language="hy")
    plan_reminders(FIVE_PM)
    spanish, english = waiting()
    assert (spanish.language, english.language) == ("es", "en")
    assert "Piquete matutino mañana, 7:00 a.m." in words(spanish)
    assert "Morning picket tomorrow" in words(english)


def test_those_who_cannot_or_should_not_be_texted_are_left_out(app: Flask) -> None:
    event = make_event()
    site = event.site
    make_member(site=site, phone=MIA, phone_kind=PhoneKind.LANDLINE)
    make_member(site=site, phone=NATE, phone_kind=PhoneKind.EXTENSION)
    make_member(site=site, phone=CARMEN, status=MemberStatus.RETIRED)
    make_member(site=site, phone=OLGA, gone_on=FIVE_PM)
    make_member(site=site)
    make_member(site=site, phone="+12135550110", opted_out_in_file=True)
    make_member(site=site, phone="+12135550111")
    opt_out("+12135550111", source="reply", now=FIVE_PM)
    make_member(site=make_site(), phone="+12135550112")
    make_member(site=site, phone="+12135550113", status=MemberStatus.LEAVE)
    plan_reminders(FIVE_PM)
    assert phones() == ["+12135550113"]


def test_who_is_in_or_not_coming_is_not_asked(app: Flask) -> None:
    event = make_event()
    mia = make_member(site=event.site, phone=MIA)
    nate = make_member(site=event.site, phone=NATE)
    carmen = make_member(site=event.site, phone=CARMEN)
    place = {"event_id": event.id, "shift_id": event.shifts[0].id, "chapter_id": event.site_id}
    stored(Attendance(**place, member_id=mia.id, tier=Tier.SELF, first_at=FIVE_PM, late=False))
    stored(Rsvp(event_id=event.id, member_id=nate.id, coming=False, at=FIVE_PM))
    stored(Rsvp(event_id=event.id, member_id=carmen.id, coming=True, at=FIVE_PM))
    plan_reminders(FIVE_PM)
    assert phones() == [CARMEN]


def test_a_couple_on_one_phone_gets_one_text(app: Flask) -> None:
    site = make_event().site
    make_member(site=site, phone=MIA)
    make_member("Reyes", "Luis", site=site, phone=MIA)
    assert plan_reminders(FIVE_PM) == 1


def test_stop_between_planning_and_sending_is_obeyed(app: Flask) -> None:
    from mobilize.texts.sending.delivery import sweep

    make_member(site=make_event().site, phone=MIA)
    plan_reminders(FIVE_PM - timedelta(minutes=10))
    opt_out(MIA, source="reply", now=FIVE_PM)
    sweep(now=FIVE_PM + timedelta(minutes=1))
    assert waiting() == []


def test_a_rally_reminds_the_members_of_all_its_chapters(app: Flask) -> None:
    one, other = make_site(), make_site()
    make_event(chapters=[one, other], venue="Grand Park")
    make_member(site=one, phone=MIA)
    make_member(site=other, phone=NATE)
    plan_reminders(FIVE_PM)
    assert phones() == [MIA, NATE]
    assert "Grand Park" in words(waiting()[0])


def test_a_drill_reminds_nobody(app: Flask) -> None:
    make_member(site=make_event(action=make_action(drill=True)).site, phone=MIA)
    assert plan_reminders(FIVE_PM) == 0


def test_a_reminder_turned_off_is_taken_back_and_comes_back_at_its_new_time(app: Flask) -> None:
    event = make_event()
    make_member(site=event.site, phone=MIA)
    plan_reminders(FIVE_PM)
    change(event, time(17), on=False)
    plan_reminders(FIVE_PM)
    assert phones() == []
    change(event, time(18, 30), on=True)
    plan_reminders(FIVE_PM + timedelta(hours=1))
    assert [text.due_at for text in waiting()] == [FIVE_PM + timedelta(minutes=90)]


def change(event: Event, at: time, *, on: bool) -> None:
    settings = {"at_local": at}
    operations.change_rule(event.action, RuleKind.DAY_BEFORE, settings, on=on, actor="shell", now=FIVE_PM)


def test_what_was_sent_is_not_sent_again_when_the_rule_changes(app: Flask) -> None:
    event = make_event()
    make_member(site=event.site, phone=MIA)
    plan_reminders(FIVE_PM)
    left()
    change(event, time(18), on=True)
    plan_reminders(FIVE_PM + timedelta(hours=1))
    assert phones() == []


def test_a_big_reminder_waits_until_an_organizer_turns_it_on(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "ON_UP_TO", 1)
    event = make_event()
    make_member(site=event.site, phone=MIA)
    make_member(site=event.site, phone=NATE)
    assert plan_reminders(FIVE_PM) == 0
    rules = rules_of(event.action)
    assert not rules[RuleKind.DAY_BEFORE].on
    assert rules[RuleKind.COUNT_QUESTION].on
    change(event, time(17), on=True)
    assert plan_reminders(FIVE_PM) == 2


def test_pages_of_members_leave_nobody_out(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from mobilize.reminders.rules import planning

    monkeypatch.setattr(planning, "MEMBERS_AT_ONCE", 3)
    monkeypatch.setattr(planning, "EVENTS_AT_ONCE", 2)
    action = make_action()
    for n in range(5):
        site = make_event(action=action).site
        for k in range(3):
            make_member(site=site, phone=f"+1213555{100 + 3 * n + k:04d}")
    assert plan_reminders(FIVE_PM) == 15


def test_two_planners_at_once_plan_each_text_once(app: Flask) -> None:
    site = make_event().site
    for n in range(20):
        make_member(site=site, phone=f"+1213555{120 + n:04d}")
    planned: list[int] = []

    def plan() -> None:
        with app.app_context():
            planned.append(plan_reminders(FIVE_PM))
            db.session.remove()

    threads = [threading.Thread(target=plan) for _n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(planned) == 20
    assert len(waiting()) == 20
    assert db.session.query(ReminderRule).count() == len(RuleKind)


def test_one_who_dies_is_followed_by_one_who_goes_on_where_it_was(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mobilize.reminders.rules import planning

    monkeypatch.setattr(planning, "MEMBERS_AT_ONCE", 4)
    site = make_event().site
    for n in range(11):
        make_member(site=site, phone=f"+1213555{120 + n:04d}")
    pages: list[int] = []
    queue = planning.queue_texts

    def dies_at_the_third(texts: Any, *, now: datetime) -> int:
        texts = list(texts)
        pages.append(len(texts))
        if len(pages) == 3:
            raise KeyboardInterrupt
        return queue(texts, now=now)

    monkeypatch.setattr(planning, "queue_texts", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        plan_reminders(FIVE_PM)
    assert plan_reminders(FIVE_PM) == 3
    assert pages == [4, 4, 3, 3], "what was planned is not gone through again"
    assert len(waiting()) == 11
    assert db.session.query(PlanningProgress).count() == 0


def test_while_one_plans_another_has_nothing_to_do(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from mobilize.reminders.rules import planning

    make_member(site=make_event().site, phone=MIA)
    planning_now, may_end = threading.Event(), threading.Event()
    follow = planning.follow_changes

    def slow(now: datetime) -> None:
        planning_now.set()
        may_end.wait(20)
        follow(now)

    def plan() -> None:
        with app.app_context():
            plan_reminders(FIVE_PM)
            db.session.remove()

    monkeypatch.setattr(planning, "follow_changes", slow)
    first = threading.Thread(target=plan)
    first.start()
    assert planning_now.wait(20)
    assert plan_reminders(FIVE_PM) == 0
    may_end.set()
    first.join()
    assert phones() == [MIA]
    assert plan_reminders(FIVE_PM + planning.LEASE * 2) == 0


def test_who_is_in_or_stays_away_is_not_told_when_it_starts(app: Flask) -> None:
    event = make_event(make_site("Elm Street School"))
    elsewhere = make_event(action=event.action)
    mia, nate = make_member(site=event.site, phone=MIA), make_member(site=event.site, phone=NATE)
    olga = make_member(site=event.site, phone=OLGA)
    make_member(site=event.site, phone=CARMEN)
    plan_reminders(FIVE_PM)
    assert len(waiting()) == 4
    place = {"event_id": elsewhere.id, "shift_id": elsewhere.shifts[0].id}
    stored(Attendance(**place, member_id=mia.id, tier=Tier.SELF, first_at=FIVE_PM, late=False))
    stored(Rsvp(event_id=event.id, member_id=nate.id, coming=False, at=FIVE_PM))
    make_member(site=event.site, phone=OLGA)  # who shares a phone may be the other one
    stored(Rsvp(event_id=event.id, member_id=olga.id, coming=False, at=FIVE_PM))
    taken = claim(10, by="a", now=FIVE_PM, is_moot=is_moot)
    assert sorted(text.to for text in taken) == sorted([CARMEN, OLGA])
    sweep(now=FIVE_PM, is_moot=is_moot)
    assert dropped_as("not_missing") == sorted([MIA, NATE])


def dropped_as(reason: str) -> list[str]:
    db.session.rollback()
    return sorted(text.to for text in db.session.query(OutboxText).filter_by(reason=reason))
