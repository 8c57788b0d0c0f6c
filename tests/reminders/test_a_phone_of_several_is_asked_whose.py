"""A phone that several members share: "1" or HERE from it, or a check-in on a page, and whose that was."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from flask import Flask
from sqlalchemy import select

from mobilize.actions.models import Event
from mobilize.checkins.line.queries import line_figures
from mobilize.checkins.models import Attendance
from mobilize.checkins.record.identifiers import Identifier
from mobilize.checkins.record.operations import check_in_by_poster, void
from mobilize.checkins.review.queue import unmatched
from mobilize.database import db
from mobilize.reminders.inbox.answers import read_answers
from mobilize.reminders.inbox.shared_phones import ask_who_checked_in
from mobilize.reminders.models import Rsvp
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.roster.models import Member
from mobilize.texts.models import Inbound
from tests.builders import START, ask_question, make_event, make_member, make_site
from tests.reminders.conftest import MIA, phones, waiting, words

EVENING = START - timedelta(hours=13)
DURING = START + timedelta(minutes=5)
Texts = Callable[[str, str, datetime], Inbound]


def a_couple(language: str = "en") -> tuple[Event, Member, Member]:
    event = make_event(make_site("Elm Street School"))
    # Who is asked about first is a matter of their ids, which are random.
    shared = {"site": event.site, "phone": MIA, "language": language}
    mia = make_member("Reyes", "Mia", id=UUID(int=1), **shared)
    luis = make_member("Reyes", "Luis", id=UUID(int=2), **shared)
    ask_question(MIA, "coming", event.id, expires_at=START, now=EVENING)
    return event, mia, luis


def answered(event: Event, kind: str, body: str, texts_us: Texts, at: datetime) -> int:
    """The question left, and this came back."""
    [question] = waiting(kind)
    assert (question.asks, question.event_id) == (kind, event.id)
    ask_question(MIA, kind, event.id, expires_at=question.asks_until, now=at + timedelta(seconds=5))
    texts_us(MIA, body, at + timedelta(minutes=1))
    return read_answers(at + timedelta(minutes=2))


def coming() -> dict[object, bool]:
    db.session.rollback()
    return {row.member_id: row.coming for row in db.session.scalars(select(Rsvp))}


def attending() -> set[object]:
    db.session.rollback()
    return set(db.session.scalars(select(Attendance.member_id)))


def test_they_are_asked_which_of_them_comes_and_only_that_one_is_noted(app: Flask, texts_us: Texts) -> None:
    event, _mia, luis = a_couple()
    texts_us(MIA, "1", EVENING)
    assert [read_answers(EVENING) for _again in range(2)] == [1, 0]
    assert coming() == {}
    query = words(waiting("who_comes")[0])
    assert "Who is coming to" in query and "1 Mia, 2 Luis, 3 all of us" in query
    assert answered(event, "who_comes", "2", texts_us, EVENING) == 1
    assert coming() == {luis.id: True}
    assert phones("coming_noted") == [MIA]


def test_all_of_them(app: Flask, texts_us: Texts) -> None:
    event, mia, luis = a_couple("es")
    texts_us(MIA, "1", EVENING)
    read_answers(EVENING)
    assert "1 Mia, 2 Luis, 3 todos" in words(waiting("who_comes")[0])
    assert answered(event, "who_comes", "Todos.", texts_us, EVENING) == 1
    assert coming() == {mia.id: True, luis.id: True}


def test_what_waits_is_taken_back_only_when_nobody_of_them_comes(app: Flask, texts_us: Texts) -> None:
    event, mia, luis = a_couple()
    plan_reminders(START - timedelta(hours=14))
    texts_us(MIA, "2", EVENING)
    read_answers(EVENING)
    assert answered(event, "who_does_not", "1", texts_us, EVENING) == 1
    assert coming() == {mia.id: False}
    assert phones() == [MIA]
    texts_us(MIA, "2", EVENING + timedelta(minutes=5))
    read_answers(EVENING + timedelta(minutes=6))
    assert coming() == {mia.id: False, luis.id: False}
    assert phones() == []


def test_here_counts_the_one_who_is_named(app: Flask, texts_us: Texts) -> None:
    event, mia, _luis = a_couple()
    texts_us(MIA, f"here {event.text_code}", DURING)
    read_answers(DURING)
    assert attending() == set()
    assert answered(event, "who_is_here", "1", texts_us, DURING) == 1
    assert attending() == {mia.id}
    assert phones("here_counted") == [MIA]


def test_a_check_in_on_the_page_is_asked_about_once_and_the_page_asks_nothing(
    app: Flask, texts_us: Texts
) -> None:
    event, mia, luis = a_couple()
    for page in ("one", "two"):
        check_in_by_poster(event.id, Identifier("phone", MIA), page=page, cookie=None, now=DURING)
    soon = DURING + timedelta(seconds=20)
    assert [ask_who_checked_in(soon) for _again in range(2)] == [1, 0]
    assert answered(event, "who_is_here", "3", texts_us, soon) == 1
    assert attending() == {mia.id, luis.id}
    assert line_figures(event.id).others == 0 and not unmatched([event]), "no person need look at it"
    assert ask_who_checked_in(DURING + timedelta(minutes=11)) == 0


def test_its_answer_shows_the_lines_captain_nothing(app: Flask, texts_us: Texts) -> None:
    """Whoever typed the number sees one more, as for a stranger's, and none when its answer comes."""
    home, mia, luis = a_couple()
    away = make_event(make_site("Lincoln High"), action=home.action)
    check_in_by_poster(away.id, Identifier("phone", MIA), page="one", cookie=None, now=DURING)
    assert line_figures(away.id).others == 1
    soon = DURING + timedelta(seconds=20)
    ask_who_checked_in(soon)
    assert answered(away, "who_is_here", "3", texts_us, soon) == 1
    assert attending() == {mia.id, luis.id} and line_figures(away.id).others == 1


def test_a_slip_that_was_taken_back_asks_nobody(app: Flask) -> None:
    event, _mia, _luis = a_couple()
    done, _cookie = check_in_by_poster(event.id, Identifier("phone", MIA), page="a", cookie=None, now=DURING)
    void(done.evidence_id, "a slip", actor="phone", now=DURING)
    assert ask_who_checked_in(DURING + timedelta(seconds=20)) == 0


def test_an_answer_that_fits_none_of_them_is_left_to_a_person(app: Flask, texts_us: Texts) -> None:
    event, _mia, _luis = a_couple()
    texts_us(MIA, "1", EVENING)
    read_answers(EVENING)
    assert answered(event, "who_comes", "7", texts_us, EVENING) == 0
    assert coming() == {}
