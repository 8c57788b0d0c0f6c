"""Erasing Mia: name and numbers go, what was counted stays, a stop stays, no import brings them back."""

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize.accounts.models import Person, RoleName
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.privacy.retention.erasure import erase_member
from mobilize.privacy.retention.forgetting import forget_due
from mobilize.privacy.retention.legal_holds import place_hold
from mobilize.roster.imports import operations as imports
from mobilize.roster.models import Member, Membership
from mobilize.texts.consent.suppressions import is_opted_out
from mobilize.texts.models import Suppression
from mobilize.texts.operations import opt_out
from tests.builders import make_member, make_person, make_site
from tests.privacy.morning import MIA, Morning, day, where_is

ROW = "Employee Number,Last Name,First Name,Site Code,Status,Mobile Phone\r\n"


@pytest.fixture
def morning(app: Flask) -> Morning:
    return Morning().happen()


def erase(member: Member, n: int = 1, **more: bool) -> None:
    erase_member(member.id, by="member", now=day(n), **more)


def roster(morning: Morning) -> bytes:
    row = f"90000101,Reyes,Mia,{morning.lincoln.code},Active,(213) 555-0101\r\n"
    others = "".join(
        f"{m.number},{m.person.last},{m.person.first},{morning.lincoln.code},Active,\r\n"
        for m in (morning.ana, *morning.home)
    )
    return (ROW + row + others).encode()


def test_nothing_says_who_they_were_and_every_number_stays(morning: Morning) -> None:
    before = morning.numbers()
    erase(morning.mia)
    assert morning.numbers() == before
    phone, number = blind_index("phone", MIA), blind_index("number", "90000101")
    assert where_is(phone) == set()
    assert where_is(number) == {"members"}
    assert where_is(morning.mia.id) <= {"members", "memberships", "status_spans", "audit"}
    gone = db.session.get_one(Member, morning.mia.id, populate_existing=True)
    assert (gone.name, gone.number, gone.phone, gone.erased_at) == (None, None, None, day(1))
    open_ones = select(Membership).where(Membership.member_id == gone.id, Membership.to_at.is_(None))
    assert db.session.scalars(open_ones).all() == []


def test_numbers_stay_also_when_the_rest_is_forgotten_later(morning: Morning) -> None:
    before = morning.numbers()
    erase(morning.mia)
    forget_due(day(91))
    assert morning.numbers() == before


def test_twice_is_once(morning: Morning) -> None:
    erase(morning.mia)
    erase(morning.mia, 2)
    assert db.session.get_one(Member, morning.mia.id, populate_existing=True).erased_at == day(1)


def test_the_next_import_does_not_bring_them_back(morning: Morning) -> None:
    erase(morning.mia)
    first = imports.dry_run_roster(roster(morning), by="shell", now=day(2))
    imports.commit_import(first.id, by="shell", now=day(2))
    assert where_is(blind_index("phone", MIA)) == set()
    assert where_is(blind_index("number", "90000101")) == {"members"}
    gone = db.session.get_one(Member, morning.mia.id, populate_existing=True)
    assert gone.name is None and gone.erased_at == day(1)


def test_an_import_that_was_waiting_or_is_undone_does_not_either(morning: Morning) -> None:
    file = roster(morning).replace(b"Reyes,Mia", b"Reyes,Mia Maria")
    waiting = imports.dry_run_roster(file, by="shell", now=day(1))
    erase(morning.mia)
    imports.commit_import(waiting.id, by="shell", now=day(2))
    assert db.session.get_one(Member, morning.mia.id, populate_existing=True).name is None
    assert where_is(blind_index("phone", MIA)) == set()


def test_undoing_the_last_import_does_not_bring_them_back(morning: Morning) -> None:
    file = roster(morning).replace(b"Reyes,Mia", b"Reyes,Mia Maria")
    done = imports.dry_run_roster(file, by="shell", now=day(1))
    imports.commit_import(done.id, by="shell", now=day(1))
    erase(morning.mia, 2)
    imports.undo_import(done.id, by="shell", now=day(3))
    assert db.session.get_one(Member, morning.mia.id, populate_existing=True).name is None


@pytest.mark.parametrize(("asks", "had"), [(True, False), (False, True), (False, False)])
def test_a_stop_stays_by_number_when_they_had_one_or_ask_for_it(
    morning: Morning, asks: bool, had: bool
) -> None:
    if had:
        opt_out(MIA, source="reply", now=day(0))
    erase(morning.mia, stop_texts=asks)
    assert is_opted_out(MIA) is (asks or had)
    rules = db.session.scalars(select(Suppression)).all()
    assert [(rule.source, rule.phone) for rule in rules] == ([("erased", None)] if asks or had else [])


def test_an_opt_out_that_only_the_roster_knew_stays_too(app: Flask) -> None:
    member = make_member(phone=MIA, opted_out_in_file=True)
    erase(member)
    assert is_opted_out(MIA)


def test_what_the_other_member_on_their_phone_has_stays(morning: Morning) -> None:
    max_ = make_member("Reyes", "Max", phone=MIA)
    opt_out(MIA, source="reply", now=day(0))
    erase(morning.mia)
    assert db.session.get_one(Member, max_.id, populate_existing=True).phone == MIA
    assert is_opted_out(MIA)


def test_somebody_with_a_role_is_refused_and_afterwards_their_account_goes_too(app: Flask) -> None:
    member = make_member(phone=MIA)
    person = make_person(phone=MIA, role=RoleName.CHAIR, site=make_site())
    with pytest.raises(Refused) as refused:
        erase(member)
    assert refused.value.code == "has_role"
    with atomic():
        row = db.session.get_one(Person, person.id)
        for term in row.roles:
            term.to_on = day(0).date()
    erase(member)
    account = db.session.get_one(Person, person.id, populate_existing=True)
    assert (account.name, account.phone, account.phone_index) == ("", None, None)


def test_a_hold_refuses_it(morning: Morning) -> None:
    other = make_member("Other", phone="+12135550177")
    place_hold(morning.action.id, "Case 12, by counsel", by="person:x", now=day(0))
    with pytest.raises(Refused) as refused:
        erase(morning.mia)
    assert refused.value.code == "on_hold"
    erase(other)
    place_hold(None, "Everything, by counsel", by="person:x", now=day(1))
    with pytest.raises(Refused):
        erase(make_member("Another"))
