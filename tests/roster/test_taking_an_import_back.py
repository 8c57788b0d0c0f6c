"""The office takes its last import back, as long as nothing was changed since."""

import pytest
from sqlalchemy import select

from mobilize.database import db
from mobilize.errors import Refused
from mobilize.roster.imports import operations as imports
from mobilize.roster.models import ImportState, Member, Membership, MembershipRank, Site, StatusSpan
from mobilize.roster.operations import correct_member, transfer_member
from tests.roster.files import BIRCH, MAPLE, member, roster
from tests.roster.importing import (
    ANA,
    FEBRUARY,
    MARCH,
    MIA,
    NATE,
    OLGA,
    count,
    details,
    do,
    home,
    who,
)

pytestmark = pytest.mark.usefixtures("imported_sites")


def test_undo_puts_everything_back() -> None:
    do(roster(MIA, NATE))
    before = [
        (row.id, row.name_enc, row.phone_index, row.gone_on) for row in db.session.scalars(select(Member))
    ]
    second = do(roster(member("101", "Cruz", "Mia", code=BIRCH, phone="213-555-0109"), ANA), FEBRUARY)
    imports.undo_import(second.id, by=OLGA, now=MARCH)
    db.session.expire_all()
    after = [
        (row.id, row.name_enc, row.phone_index, row.gone_on) for row in db.session.scalars(select(Member))
    ]
    assert sorted(after) == sorted(before)
    assert (home("101"), home("101", MembershipRank.SECOND), home("102")) == (MAPLE, BIRCH, MAPLE)
    assert count(StatusSpan, StatusSpan.to_at.is_(None)) == 2 and count(Membership) == 3
    assert imports.undo_import(second.id, by=OLGA, now=MARCH).state is ImportState.UNDONE


def test_undo_is_refused_when_somebody_was_edited_since_and_names_them() -> None:
    do(roster(MIA, NATE))
    second = do(roster(member("101", "Cruz", "Mia", phone="213-555-0101"), NATE), FEBRUARY)
    correct_member(who("101").id, details(last="Cruz-Luna"), by=OLGA, now=MARCH)
    with pytest.raises(Refused) as refusal:
        imports.undo_import(second.id, by=OLGA, now=MARCH)
    assert (refusal.value.code, refusal.value.status) == ("edited_since", 409)
    assert imports.edited_members(second.id) == [who("101").id]


def test_undo_is_refused_when_somebody_was_transferred_since() -> None:
    first = do(roster(MIA))
    birch = db.session.scalars(select(Site).where(Site.code == BIRCH)).one()
    transfer_member(who("101").id, birch.id, by=OLGA, now=FEBRUARY)
    with pytest.raises(Refused, match="edited_since"):
        imports.undo_import(first.id, by=OLGA, now=MARCH)


def test_only_the_last_import_can_be_undone() -> None:
    first = do(roster(MIA))
    do(roster(MIA, NATE), FEBRUARY)
    with pytest.raises(Refused, match="not_the_last"):
        imports.undo_import(first.id, by=OLGA, now=MARCH)


def test_the_one_before_is_not_undone_in_name_alone() -> None:
    first = do(roster(MIA))
    second = do(roster(MIA, NATE), FEBRUARY)
    assert imports.undoable_import() == second
    imports.undo_import(second.id, by=OLGA, now=MARCH)
    assert imports.undoable_import() is None
    with pytest.raises(Refused, match="not_the_last"):
        imports.undo_import(first.id, by=OLGA, now=MARCH)
    assert first.state is ImportState.COMMITTED and home("101") == MAPLE
