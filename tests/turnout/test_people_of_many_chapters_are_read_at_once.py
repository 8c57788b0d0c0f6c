"""A file of the whole union reads each table once, and lists the same people as each chapter's own report."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import event as sqlalchemy_event

from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.privacy.exports.files import table_of
from mobilize.privacy.models import ExportKind
from mobilize.privacy.retention.erasure import erase_member
from mobilize.roster.models import Membership
from mobilize.turnout.figures.people import people_of_each, who_came_and_who_did_not, who_stood
from mobilize.turnout.figures.queries import board
from tests.builders import START, make_action, make_event, make_member, make_site
from tests.privacy.morning import Morning, day


@contextmanager
def statements() -> Iterator[list[str]]:
    executed: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        executed.append(statement)

    sqlalchemy_event.listen(db.engine, "before_cursor_execute", note)
    yield executed
    sqlalchemy_event.remove(db.engine, "before_cursor_execute", note)


def same_as_one_by_one(action: Action) -> int:
    whole, listed = board(action), 0
    for chapter, *people in people_of_each(action, whole.chapters, whole):
        stood = who_stood(action, chapter, whole)
        assert people == list(who_came_and_who_did_not(action, chapter, whole, stood)), chapter.name
        listed += sum(map(len, people))
    return listed


def test_they_are_the_people_of_each_chapters_own_report(app: Flask) -> None:
    morning = Morning().happen()
    assert same_as_one_by_one(morning.action) == 6
    erase_member(morning.ana.id, by="shell", now=day(1))
    assert same_as_one_by_one(morning.action) == 5


def test_whoever_moved_after_the_start_is_listed_once(app: Flask) -> None:
    morning = Morning()
    moved, _stays = morning.home
    [home] = db.session.scalars(db.select(Membership).where(Membership.member_id == moved.id))
    home.site_id = morning.roosevelt.id
    db.session.commit()
    morning.happen()
    morning.tick(moved, morning.at_lincoln)
    home.site_id = morning.lincoln.id
    db.session.commit()
    assert same_as_one_by_one(morning.action) == 6


def test_more_chapters_do_not_read_the_attendance_more_often(app: Flask) -> None:
    action = make_action(starts_at=START, ends_at=START + timedelta(minutes=45))
    for n in range(12):
        site = make_site(f"School {n}")
        make_event(site, action=action)
        make_member(f"Doe{n}", site=site)
    whole = board(action)
    with statements() as executed:
        _headings, rows = table_of(action, whole, ExportKind.NAMES)
        assert len(list(rows)) == 12
    assert sum("FROM attendance" in one for one in executed) <= 3 and len(executed) < 20
