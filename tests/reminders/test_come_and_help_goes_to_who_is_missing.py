"""A text to those still missing leaves out who is in or said no, when it leaves."""

from flask import Flask
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.actions.models import Event
from mobilize.checkins.models import Attendance, Tier
from mobilize.database import atomic, db
from mobilize.keys.crypto import blind_index
from mobilize.reminders.broadcasts.chapter_texts import write_to_chapter
from mobilize.reminders.broadcasts.estimates import estimate_broadcast
from mobilize.reminders.models import AudienceFilter, Rsvp
from mobilize.reminders.rules.queries import is_moot
from mobilize.roster.models import Member
from mobilize.texts.sending.claiming import claim
from tests.builders import make_member, make_person
from tests.reminders.broadcasts import DAY, ZONES, an_action, sent, written
from tests.reminders.conftest import CARMEN, MIA, NATE, OLGA


def test_come_and_help_goes_only_to_those_still_missing_when_it_leaves(app: Flask) -> None:
    action = an_action()
    site = action.events[0].site
    make_member(site=site, phone=CARMEN)
    stays_away = make_member(site=site, phone=OLGA)
    stored(Rsvp(event_id=action.events[0].id, member_id=stays_away.id, coming=False, at=clock.now()))
    broadcast = written(action, audience_filter=AudienceFilter.MISSING)
    assert estimate_broadcast(broadcast, clock.now()).phones == 3
    assert sent(broadcast) == 3
    checks_in(action.events[0], MIA)
    taken = claim(10, by="a", now=DAY, zones=ZONES, is_moot=is_moot)
    assert sorted(text.to for text in taken) == sorted([NATE, CARMEN])


def test_a_text_to_all_goes_to_who_is_in_as_well(app: Flask) -> None:
    action = an_action()
    assert sent(written(action)) == 2
    checks_in(action.events[0], MIA)
    assert len(claim(10, by="a", now=DAY, zones=ZONES, is_moot=is_moot)) == 2


def test_a_chair_who_needs_people_texts_who_is_missing(app: Flask) -> None:
    event, chair = an_action().events[0], make_person("Carmen Cruz", phone=CARMEN)
    for wording, only_missing in (("chair_come", True), ("chair_thanks", False)):
        how = {"actor": f"person:{chair.id}", "now": event.starts_at}
        draft = write_to_chapter(event, event.site, wording, "", scope=THE_OFFICE, **how)
        assert draft.only_missing is only_missing


def checks_in(event: Event, phone: str) -> None:
    member = db.session.scalars(select(Member).where(Member.phone_index == blind_index("phone", phone))).one()
    place = {"event_id": event.id, "shift_id": event.shifts[0].id, "member_id": member.id}
    stored(Attendance(**place, tier=Tier.SELF, first_at=clock.now(), late=False))


def stored(row: object) -> None:
    with atomic() as session:
        session.add(row)
