"""The office imports: it sees what a file would do, does exactly that, imports again later."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize.accounts.models import RoleName
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.roster.imports import operations as imports
from mobilize.roster.imports.summary import needs_second_person
from mobilize.roster.members import phone_key
from mobilize.roster.models import (
    Import,
    ImportState,
    Member,
    Membership,
    MembershipRank,
    MemberStatus,
    PhoneKind,
    Site,
    StagedMember,
    StatusSpan,
)
from mobilize.roster.operations import MemberDetails, correct_member, merge_members
from tests.builders import make_person, sign_in
from tests.roster.files import BIRCH, MAPLE, member, roster
from tests.roster.importing import (
    ANA,
    FEBRUARY,
    JANUARY,
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


def test_the_dry_run_says_what_would_change_and_changes_nothing() -> None:
    dry_run = imports.dry_run_roster(roster(MIA, NATE, ANA, member("")), by=OLGA, now=JANUARY)
    assert dry_run.state is ImportState.STAGED and dry_run.summary["changes"] == {"added": 3}
    assert dry_run.summary["rejected_lines"] == [[4, 5, "missing_employee_no"]]
    assert count(Member) == 0


def test_the_lines_to_look_at_are_shown_and_nobody_without_keys_can_read_them(client: FlaskClient) -> None:
    dry_run = imports.dry_run_roster(roster(MIA, NATE, ANA), by=OLGA, now=JANUARY)
    assert json.loads(dry_run.warned_lines)["no_phone"] == [4], "Ana's line"
    sign_in(client, make_person(role=RoleName.ADMIN))
    page = client.get(f"/imports/{dry_run.id}").text
    assert re.search(r"have no phone number</span>\s*<details>.*?<p class=\"small\">4</p>", page, re.DOTALL)
    [stored] = db.session.execute(select(Import.__table__).where(Import.id == dry_run.id)).all()
    assert b"no_phone" not in stored.warned_lines_enc
    assert "lines" not in " ".join(set(stored.summary) - {"rejected_lines"})


def test_the_commit_does_what_was_shown() -> None:
    do(roster(MIA, NATE, ANA))
    mia, nate, ana = who("101"), who("102"), who("103")
    assert (mia.person.full, mia.number, mia.phone, mia.status) == (
        "Mia Reyes",
        "00000101",
        "+12135550101",
        "active",
    )
    assert mia.phone_index == phone_key("+12135550101") and mia.phone_kind is PhoneKind.UNKNOWN
    assert (home("101"), home("101", MembershipRank.SECOND), home("103")) == (MAPLE, BIRCH, None)
    assert (nate.status, nate.language, nate.proposed_role) == (MemberStatus.LEAVE, "es", "Chapter Chair")
    assert (ana.phone, ana.status, ana.person.sorted_by) == (None, MemberStatus.SUBSTITUTE, "pena ana")
    spans = db.session.scalars(select(StatusSpan)).all()
    assert {(span.status, span.from_at, span.to_at) for span in spans} >= {
        (MemberStatus.LEAVE, JANUARY, None)
    }


def test_nothing_staged_can_be_read_without_the_keys() -> None:
    imports.dry_run_roster(roster(MIA), by=OLGA, now=JANUARY)
    staged = db.session.scalars(select(StagedMember)).one()
    sealed = b"".join(value for value in vars(staged).values() if isinstance(value, bytes))
    assert b"Reyes" not in sealed and b"5550101" not in sealed


def test_committing_twice_is_once() -> None:
    dry_run = do(roster(MIA))
    assert imports.commit_import(dry_run.id, by=OLGA, now=FEBRUARY).committed_at == JANUARY
    assert count(Member) == 1


def test_the_same_file_again_is_a_no_op() -> None:
    first = do(roster(MIA, NATE))
    again = imports.dry_run_roster(roster(MIA, NATE), by=OLGA, now=FEBRUARY)
    assert again.id == first.id and again.state is ImportState.COMMITTED


def test_the_same_people_in_another_file_change_nothing() -> None:
    do(roster(MIA, NATE, ANA))
    dry_run = imports.dry_run_roster(roster(ANA, NATE, MIA), by=OLGA, now=FEBRUARY)
    assert dry_run.summary["changes"] == {"same": 3}


def test_the_file_wins_for_name_site_and_status_from_now_on() -> None:
    do(roster(MIA, NATE))
    do(
        roster(member("101", "Reyes-Cruz", "Mia", code=BIRCH, status="Leave", phone="213-555-0101"), NATE),
        FEBRUARY,
    )
    assert (who("101").person.last, home("101"), home("101", MembershipRank.SECOND)) == (
        "Reyes-Cruz",
        BIRCH,
        None,
    )
    spans = select(StatusSpan.status, StatusSpan.from_at, StatusSpan.to_at).where(
        StatusSpan.member_id == who("101").id
    )
    assert db.session.execute(spans.order_by(StatusSpan.from_at)).all() == [
        (MemberStatus.ACTIVE, JANUARY, FEBRUARY),
        (MemberStatus.LEAVE, FEBRUARY, None),
    ]
    places = select(Membership.rank, Membership.from_at, Membership.to_at).where(
        Membership.member_id == who("101").id
    )
    assert set(db.session.execute(places)) == {
        (MembershipRank.HOME, JANUARY, FEBRUARY),
        (MembershipRank.HOME, FEBRUARY, None),
        (MembershipRank.SECOND, JANUARY, FEBRUARY),
    }


def test_a_phone_and_language_of_their_own_win_until_the_files_value_changes() -> None:
    do(roster(MIA))
    correct_member(who("101").id, details(), by=OLGA, now=JANUARY)
    do(roster(MIA, NATE), FEBRUARY)
    assert (who("101").phone, who("101").language) == ("+12135550150", "es")
    moved_on = member("101", "Reyes", "Mia", phone="213-555-0160", language="Korean", second=BIRCH)
    do(roster(moved_on, NATE), MARCH)
    assert (who("101").phone, who("101").language) == ("+12135550160", "ko")


def test_an_unreadable_phone_takes_no_number_away_and_a_blank_one_only_the_files() -> None:
    do(roster(MIA, NATE))
    correct_member(
        who("102").id,
        MemberDetails("Okafor", "Nate", "", "213-555-0170", "es", MemberStatus.LEAVE),
        by=OLGA,
        now=JANUARY,
    )
    do(roster(member("101", phone="2.13556E+09"), member("102", "Okafor", "Nate", phone="")), FEBRUARY)
    assert (who("101").phone, who("102").phone) == ("+12135550101", "+12135550170")
    do(roster(member("101", phone=""), member("102", "Okafor", "Nate", phone="")), MARCH)
    assert (who("101").phone, who("102").phone) == (None, "+12135550170")


def test_an_opt_out_is_only_ever_added() -> None:
    do(roster(member(out="STOP")))
    do(roster(member(out="No"), NATE), FEBRUARY)
    assert who("101").opted_out_in_file


def test_who_is_missing_is_gone_and_not_deleted_and_can_come_back() -> None:
    do(roster(MIA, NATE))
    do(roster(MIA), FEBRUARY)
    assert who("102").gone_on == FEBRUARY and home("102") is None
    do(roster(MIA, NATE), MARCH)
    assert who("102").gone_on is None and home("102") == MAPLE
    assert count(Membership, Membership.member_id == who("102").id) == 2


def test_an_erased_or_merged_member_does_not_come_back() -> None:
    do(roster(MIA, NATE, ANA))
    with atomic():
        erased = who("102")
        erased.erased_at, erased.gone_on, erased.name_enc, erased.number_enc = JANUARY, JANUARY, None, None
    merge_members(who("101").id, who("103").id, by=OLGA, now=JANUARY)
    dry_run = do(roster(ANA, MIA, NATE), FEBRUARY)
    assert dry_run.summary["changes"] == {"kept_out": 2, "same": 1}
    assert who("102").name is None and who("103").gone_on == JANUARY


def test_a_column_the_file_does_not_have_changes_nothing() -> None:
    do(roster(MIA))
    short = [MIA[:3] + MIA[9:10] + MIA[12:13]]
    dry_run = imports.dry_run_roster(
        roster(*short, header=["Employee No", "Last Name", "First Name", "CDS Code", "Member Status"]),
        by=OLGA,
        now=FEBRUARY,
    )
    assert dry_run.summary["changes"] == {"changed": 1, "second_sites": 1}


def test_a_site_that_is_written_wrongly_leaves_them_where_they_are() -> None:
    do(roster(MIA))
    do(roster(member("101", code="", school="Mapel Street"), NATE), FEBRUARY)
    assert home("101") == MAPLE


def test_of_two_dry_runs_the_second_commit_is_refused() -> None:
    first = imports.dry_run_roster(roster(MIA), by=OLGA, now=JANUARY)
    second = imports.dry_run_roster(roster(MIA, NATE), by="person:carmen", now=JANUARY)
    imports.commit_import(first.id, by=OLGA, now=JANUARY)
    with pytest.raises(Refused) as refusal:
        imports.commit_import(second.id, by="person:carmen", now=JANUARY)
    assert (refusal.value.code, refusal.value.status) == ("roster_changed", 409)
    assert count(Member) == 1


def test_a_dry_run_is_stale_when_a_member_it_changes_was_edited() -> None:
    do(roster(MIA))
    dry_run = imports.dry_run_roster(roster(member(last="Cruz"), NATE), by=OLGA, now=FEBRUARY)
    correct_member(who("101").id, details(), by=OLGA, now=FEBRUARY)
    with pytest.raises(Refused, match="roster_changed"):
        imports.commit_import(dry_run.id, by=OLGA, now=FEBRUARY)


def test_killed_while_staging_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "_CHUNK", 1)
    real, calls = imports._store, []

    def dies_at_the_second(chunk: list[dict[str, Any]]) -> None:
        calls.append(chunk)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(chunk)

    monkeypatch.setattr(imports, "_store", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        imports.dry_run_roster(roster(MIA, NATE, ANA), by=OLGA, now=JANUARY)
    assert count(Member) == 0 and imports.last_import().kind == "sites"
    monkeypatch.setattr(imports, "_store", real)
    do(roster(MIA, NATE, ANA))
    assert count(Member) == 3 and count(StagedMember) == 3


def test_killed_while_committing_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    dry_run = imports.dry_run_roster(roster(MIA, NATE), by=OLGA, now=JANUARY)

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(imports.audit, "note", dies)
        with pytest.raises(KeyboardInterrupt):
            imports.commit_import(dry_run.id, by=OLGA, now=JANUARY)
    assert count(Member) == 0 and count(Membership) == 0
    imports.commit_import(dry_run.id, by=OLGA, now=JANUARY)
    assert count(Member) == 2


def test_a_file_that_removes_or_changes_much_wants_a_second_person() -> None:
    many = [member(str(n), "Doe", f"N{n}", phone="") for n in range(1, 41)]
    first = do(roster(*many))
    assert not needs_second_person(first.summary)
    gone = imports.dry_run_roster(roster(*many[:37]), by=OLGA, now=FEBRUARY)
    changed = imports.dry_run_roster(
        roster(*many[9:], *[[r[0], "Roe", *r[2:]] for r in many[:9]]), by=OLGA, now=FEBRUARY
    )
    few = imports.dry_run_roster(roster(*many[1:]), by=OLGA, now=FEBRUARY)
    assert [needs_second_person(staged.summary) for staged in (gone, changed, few)] == [True, True, False]


def test_without_sites_there_is_no_roster(app: Flask) -> None:
    imports.undo_import(imports.last_import().id, by=OLGA, now=JANUARY)
    assert count(Site) == 0
    with pytest.raises(Refused, match="no_sites"):
        imports.dry_run_roster(roster(MIA), by=OLGA, now=JANUARY)
