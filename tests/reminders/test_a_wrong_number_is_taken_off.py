"""Somebody else answers on a member's number: it is taken off, texted no more, and listed for the office."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import RoleName
from mobilize.audit import AuditRow
from mobilize.database import db
from mobilize.demo.carrier.server import Carrier
from mobilize.reminders.inbox.answers import read_answers
from mobilize.reminders.inbox.queries import inbox_items, unknown_items
from mobilize.reminders.inbox.wrong_numbers import settle_wrong_number, wrong_numbers
from mobilize.reminders.models import WrongNumber
from mobilize.roster.models import Member
from mobilize.texts.models import Inbound, OutboxText, TextClass
from mobilize.texts.operations import PlannedText, queue_text
from mobilize.texts.queries import is_opted_out
from mobilize.texts.sending.delivery import drain
from tests.builders import make_area, make_member, make_person, make_site, sign_in
from tests.reminders.conftest import CARMEN, MIA, NATE, phones, waiting, words
from tests.texts.conftest import bodies, carrier

__all__ = ["carrier"]
Texts = Callable[[str, str, datetime], Inbound]


def phone_of(member: Member) -> str | None:
    db.session.rollback()
    return db.session.get_one(Member, member.id, populate_existing=True).phone


def test_the_number_leaves_the_member_and_stands_in_the_offices_list(
    app: Flask, client: FlaskClient, texts_us: Texts
) -> None:
    mia, now = make_member(site=make_site(), phone=MIA), clock.now()
    texts_us(MIA, "You have the wrong number", now)
    assert [read_answers(now) for _again in range(2)] == [1, 0]
    assert phone_of(mia) is None and is_opted_out(MIA)
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    page = client.get("/inbox/wrong-numbers").text
    assert "Mia Reyes" in page and "(213) 555-0101" in page and "You have the wrong number" in page
    assert inbox_items(THE_OFFICE, now) == unknown_items(now) == []


def test_it_is_confirmed_once_and_then_nothing_leaves_for_it(
    app: Flask, texts_us: Texts, carrier: Carrier
) -> None:
    make_member(site=make_site(), phone=MIA)
    now = clock.now()
    queue_text(
        PlannedText(
            purpose="reminder:1:1", phone=MIA, wording="urgent_noted", language="en", tz="UTC",
            text_class=TextClass.REQUESTED, due_at=now, expires_at=now + timedelta(hours=1),
        ),
        now=now,
    )  # fmt: skip
    for minute in range(3):
        texts_us(MIA, "wrong number", now + timedelta(minutes=minute))
        read_answers(now + timedelta(minutes=minute))
        drain(now=now + timedelta(minutes=minute))
    [body] = bodies(carrier)
    assert "We took this number off our list" in body and "START" in body


def test_a_number_that_several_share_goes_to_a_person_first(
    app: Flask, client: FlaskClient, texts_us: Texts
) -> None:
    """One of them may have written: "this is not Ana, this is Luis"."""
    site, now = make_site(), clock.now()
    both = [make_member(site=site, phone=MIA), make_member("Rios", "Luis", site=site, phone=MIA)]
    texts_us(MIA, "numero equivocado", now)
    assert read_answers(now) == 0
    assert [phone_of(member) for member in both] == [MIA, MIA] and not is_opted_out(MIA)
    [item] = inbox_items(THE_OFFICE, now)
    assert item.inbound.intent == "wrong_number" and wrong_numbers() == []
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "Several members share this number" in client.get("/inbox").text


@pytest.mark.parametrize("role", [RoleName.CHAIR, RoleName.ORGANIZER, RoleName.ADMIN])
@pytest.mark.parametrize("tied_by", ["phone", "member"])
def test_a_number_of_somebody_with_a_role_goes_to_a_person_first(
    app: Flask, texts_us: Texts, role: RoleName, tied_by: str
) -> None:
    site = make_site()
    carmen, now = make_member(site=site, phone=CARMEN), clock.now()
    where = {RoleName.CHAIR: {"site": site}, RoleName.ORGANIZER: {"area": site.area}}.get(role, {})
    person = make_person(phone=CARMEN if tied_by == "phone" else None, role=role, **where)
    if tied_by == "member":
        person.member_id = carmen.id
        db.session.commit()
    texts_us(CARMEN, "wrong number", now)
    assert read_answers(now) == 0
    assert phone_of(carmen) == CARMEN and not is_opted_out(CARMEN)
    [item] = inbox_items(THE_OFFICE, now)
    assert item.inbound.intent == "wrong_number"
    assert wrong_numbers() == [] and phones("wrong_number_noted") == phones("person_answers") == []


def test_whoever_had_a_role_once_has_none(app: Flask, texts_us: Texts) -> None:
    mia, now = make_member(site=make_site(), phone=MIA), clock.now()
    make_person(phone=MIA)
    texts_us(MIA, "wrong number", now)
    read_answers(now)
    assert phone_of(mia) is None


def test_a_number_of_nobody_stands_with_the_unknown_and_gets_no_texts(app: Flask, texts_us: Texts) -> None:
    now = clock.now()
    texts_us(NATE, "wrong number", now)
    read_answers(now)
    assert len(unknown_items(now)) == 1 and is_opted_out(NATE)
    assert db.session.scalars(select(OutboxText)).all() == []


def test_the_office_gives_it_back_and_only_start_brings_texts_again(app: Flask, texts_us: Texts) -> None:
    mia, now = make_member(site=make_site(), phone=MIA), clock.now()
    texts_us(MIA, "wrong number", now)
    read_answers(now)
    [item] = wrong_numbers()
    ada = {"actor": "person:1", "now": now}
    assert [settle_wrong_number(item.row.id, give_back=True, **ada) for _again in range(2)] == [True, False]
    assert phone_of(mia) == MIA and is_opted_out(MIA)
    assert wrong_numbers() == []
    settled = db.session.scalars(select(WrongNumber)).one()
    assert (settled.phone, settled.phone_index) == (None, None)
    texts_us(MIA, "START", now + timedelta(minutes=1))
    assert not is_opted_out(MIA)
    verbs = set(db.session.scalars(select(AuditRow.verb)))
    assert {"member.take_phone_off", "wrong_number.give_back"} <= verbs


def test_organizers_and_chairs_do_not_see_the_list(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Olga Reed", role=RoleName.ORGANIZER, area=make_area()))
    assert client.get("/inbox/wrong-numbers").status_code == 403


def test_a_spanish_reader_is_told_in_spanish(app: Flask, texts_us: Texts) -> None:
    make_member(site=make_site(), phone=MIA, language="es")
    now = clock.now()
    texts_us(MIA, "persona equivocada", now)
    read_answers(now)
    assert "disculpa" in words(waiting("wrong_number_noted")[0])
