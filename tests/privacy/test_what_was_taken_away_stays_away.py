"""What was taken away in minutes that a restore has lost is taken away again, before anything leaves."""

import uuid
from dataclasses import replace as changed
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from mobilize import clock
from mobilize.accounts.access.grants import grant_line, revoke_grant
from mobilize.accounts.access.scope import THE_OFFICE, Scope
from mobilize.accounts.models import (
    GrantKind,
    LineGrant,
    LinkKind,
    Passkey,
    Person,
    RoleName,
    RoleTerm,
    SignedInSession,
)
from mobilize.accounts.people.operations import end_role
from mobilize.accounts.second_factor.operations import forget_second_factors
from mobilize.accounts.second_factor.passkeys import passkeys_of, remove_passkey
from mobilize.accounts.second_factor.totp import remove_app, start_app, started_app
from mobilize.accounts.sign_in.one_time_links import make_link, spend_link
from mobilize.accounts.sign_in.sessions import begin_session, end_all_sessions
from mobilize.accounts.tokens.access import token_access
from mobilize.accounts.tokens.models import ApiScope
from mobilize.accounts.tokens.operations import NewToken, make_token, revoke_token
from mobilize.actions.models import Action, Event, EventState
from mobilize.actions.operations import call_off_action, move_event
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.backup import gaps, journal
from mobilize.backup.restoring import go_on_without
from mobilize.checkins.models import Attendance, Evidence, Method, Void
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.operations import check_in, void
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.observability import health_checks
from mobilize.privacy.member_page.preferences import agree_to_urgent
from mobilize.privacy.replay import UNREADABLE, replay
from mobilize.privacy.retention.erasure import erase_member
from mobilize.roster.models import Member
from mobilize.texts.consent.consents import consents_of
from mobilize.texts.consent.suppressions import is_opted_out, opt_out
from tests.backup.copies import copy_of_everything, put_back
from tests.builders import make_action, make_event, make_member, make_person, make_site

MIA, NATE = "+12135550101", "+12135550102"
EVERYWHERE = Scope(everything=True)


@pytest.fixture(autouse=True)
def folder(app: Flask, tmp_path: Path) -> Path:
    app.config["MOBILIZE"] = changed(app.config["MOBILIZE"], journal_folder=str(tmp_path / "journal"))
    gaps.look()
    return tmp_path / "journal"


def again() -> int:
    """The gap is noticed, and the journal replayed; how many lines."""
    gaps.look()
    return replay(now=clock.now()).replayed


def test_a_stop_an_erasure_and_a_withdrawn_yes(app: Flask):
    now = clock.now()
    mia = make_member("Reyes", "Mia", phone=MIA, number="00000042")
    ana = make_member("Soto", "Ana", phone="+12135550177", urgent_ok_at=now - timedelta(days=3))
    copy = copy_of_everything()
    opt_out(NATE, source="reply", wording="who", now=now)
    agree_to_urgent(ana.id, False, now=now)
    erase_member(mia.id, by="shell", now=now, stop_texts=True)
    put_back(copy)
    assert not is_opted_out(NATE) and db.session.get_one(Member, mia.id).erased_at is None
    assert again() == 4
    assert is_opted_out(NATE) and is_opted_out(MIA)
    assert [(one.granted, one.how) for one in consents_of(NATE)] == [(False, "reply")]
    db.session.expire_all()
    assert db.session.get_one(Member, ana.id).urgent_ok_at is None
    erased = db.session.get_one(Member, mia.id)
    assert erased.erased_at and not erased.name
    assert again() == 0


def test_a_role_a_grant_sessions_and_a_link_that_was_used(app: Flask):
    now = clock.now()
    site = make_site()
    make_person("Ada Office", role=RoleName.ADMIN)
    carmen = make_person("Carmen Ortiz", role=RoleName.CHAIR, site=site)
    event = make_event(site, action=make_action(starts_at=now))
    ends = now + timedelta(hours=3)
    kept, _ = grant_line(event.id, GrantKind.LINK, "Eva", None, "shell", ends, now=now)
    taken, _ = grant_line(event.id, GrantKind.LINK, "Leo", None, "shell", ends, now=now)
    begin_session(carmen, now=now - timedelta(minutes=1))
    term = db.session.scalars(select(RoleTerm).where(RoleTerm.person_id == carmen.id)).one()
    token = make_link(carmen, "shell", kind=LinkKind.TEXTED, now=now - timedelta(minutes=2))
    copy = copy_of_everything()
    spend_link(token, now=now)
    revoke_grant(taken, "shell", now=now)
    end_all_sessions(carmen.id, now=now)
    end_role(term.id, for_cause=False, scope=EVERYWHERE, actor="shell", now=now)
    put_back(copy)
    assert again() == 4
    assert db.session.get_one(RoleTerm, term.id, populate_existing=True).to_on is not None
    assert db.session.get_one(LineGrant, taken.id, populate_existing=True).revoked_at is not None
    assert db.session.get_one(LineGrant, kept.id, populate_existing=True).revoked_at is None
    ended = db.session.scalars(select(SignedInSession.ended_at)).all()
    assert ended and all(ended)
    with pytest.raises(Refused):
        spend_link(token, now=now)


def test_a_passkey_an_app_and_all_that_a_reset_took(app: Flask):
    """A passkey signs in alone: one that was lost and removed must not come back."""
    now = clock.now()
    olga, rosa, carmen = (make_person(name, role=RoleName.ADMIN) for name in ("Olga", "Rosa", "Carmen"))
    lost = Passkey(person_id=olga.id, credential_id=b"1", public_key=b"", sign_count=0, name="x", made_at=now)
    reset_one = Passkey(
        person_id=rosa.id, credential_id=b"2", public_key=b"", sign_count=0, name="x", made_at=now
    )
    with atomic() as session:
        session.add_all([lost, reset_one])
    old = start_app(carmen, now=now)
    later = now + timedelta(seconds=1)
    copy = copy_of_everything()
    remove_passkey(lost, "shell", now=later)
    remove_app(old, "shell", now=later)
    forget_second_factors(rosa, "shell", now=later)
    put_back(copy)
    assert passkeys_of(olga, now=later) and passkeys_of(rosa, now=later) and started_app(carmen, now=later)
    assert again() == 4, "and the end of all of Rosa's sessions"
    db.session.rollback()
    assert not passkeys_of(olga, now=later) and not started_app(carmen, now=later)
    assert not passkeys_of(db.session.get_one(Person, rosa.id, populate_existing=True), now=later)
    assert again() == 0


def test_a_programs_token_that_was_revoked(app: Flask):
    now = clock.now()
    ada = make_person("Ada Office", role=RoleName.ADMIN)
    new = NewToken("Dashboard", frozenset({ApiScope.READ}))
    token, secret = make_token(new, person=ada, scope=THE_OFFICE, now=now)
    copy = copy_of_everything()
    revoke_token(token.id, person=ada, scope=THE_OFFICE, now=now)
    put_back(copy)
    assert secret and token_access(secret, now=now) is not None
    assert again() == 1
    db.session.rollback()
    assert token_access(secret, now=now) is None
    assert again() == 0


def test_an_event_that_was_moved_and_an_action_that_was_called_off(app: Flask):
    now = clock.now()
    tomorrow = clock.local(now, "America/Los_Angeles").date() + timedelta(days=1)
    moved = make_event(make_site(), action=make_action(starts_at=now + timedelta(hours=6)))
    off = make_event(make_site(), action=make_action(starts_at=now + timedelta(hours=6)))
    copy = copy_of_everything()
    move_event(moved, _hours(tomorrow), "Back gate", actor="shell", now=now)
    starts_at = moved.starts_at
    call_off_action(db.session.get_one(Action, off.action_id), actor="shell", now=now)
    put_back(copy)
    assert again() == 2
    event = db.session.get_one(Event, moved.id, populate_existing=True)
    assert (event.starts_at, event.meet_at, event.version) == (starts_at, "Back gate", 2)
    assert db.session.get_one(Event, off.id, populate_existing=True).state is EventState.CALLED_OFF


def _hours(day: date) -> LocalTimeRange:
    return LocalTimeRange(day, time(7), time(8))


def test_a_check_in_that_was_taken_back_and_comes_again_from_its_phone(app: Flask):
    now = clock.now()
    site = make_site()
    mia = make_member("Reyes", "Mia", site=site, number="00000042")
    event = make_event(site, action=make_action(starts_at=now - timedelta(minutes=5)))
    copy = copy_of_everything()
    nonce = b"n" * 16
    first = _check_in(event, mia, nonce, now)
    void(first, "it was somebody else", actor="shell", now=now)
    assert _attendance(event, mia) == 0
    put_back(copy)
    assert again() == 0, "the phone has not sent it yet"
    second = _check_in(event, mia, nonce, now)
    assert second != first and _attendance(event, mia) == 1
    with atomic() as session:
        session.execute(update(gaps.RecoveryGap).values(is_loss=True))
    assert again() == 1
    assert _attendance(event, mia) == 0
    taken_back = db.session.get_one(Void, second, populate_existing=True)
    assert (taken_back.actor, taken_back.reason) == ("shell", "it was somebody else")


def _check_in(event: Event, member: Member, nonce: bytes, now: datetime) -> uuid.UUID:
    request = CheckInRequest(
        event_id=event.id, nonce=nonce, body=b"", method=Method.TICK, happened_at=now, member_id=member.id
    )
    check_in(request, now=now)
    db.session.rollback()
    return db.session.scalars(select(Evidence.id).where(Evidence.nonce == nonce)).one()


def _attendance(event: Event, member: Member) -> int:
    db.session.rollback()
    rows = select(Attendance).where(Attendance.event_id == event.id, Attendance.member_id == member.id)
    return len(db.session.scalars(rows).all())


def test_until_it_was_replayed_the_gap_stays_open(app: Flask, folder: Path):
    opt_out(NATE, source="reply", now=clock.now())
    copy = copy_of_everything()
    put_back(copy)
    keys = app.config["MOBILIZE"].secret_keys
    app.config["MOBILIZE"] = changed(app.config["MOBILIZE"], secret_keys=(changed(keys[0], id="other"),))
    assert again() == 0
    gap = gaps.latest_gap()
    assert gap and (gap.trouble, gap.replayed_at) == (UNREADABLE, None)
    app.config["MOBILIZE"] = changed(app.config["MOBILIZE"], secret_keys=keys)
    assert again() == 1
    gap = gaps.latest_gap()
    assert gap and gap.replayed_at is not None


@pytest.fixture
def lost(folder: Path) -> Path:
    """A backup from before somebody said STOP was put back where the journal's folder is empty, as on a new
    machine. Returns where the old one is."""
    journal.introduce(now=clock.now())
    copy = copy_of_everything()
    opt_out(NATE, source="reply", now=clock.now())
    put_back(copy)
    gaps.mark_restored(clock.now() - timedelta(minutes=5))
    old = folder.rename(folder.with_name("the old one"))
    folder.mkdir()
    return old


def _latest() -> tuple[str | None, bool]:
    db.session.rollback()
    gap = gaps.latest_gap()
    assert gap
    return gap.trouble, gap.replayed_at is not None


def test_an_empty_folder_is_not_taken_for_the_journal(lost: Path, folder: Path):
    assert (replay(now=clock.now()).replayed, _latest()) == (0, (UNREADABLE, False))
    opt_out(MIA, source="reply", now=clock.now())  # begins a new journal, which is not the one either
    assert (replay(now=clock.now()).replayed, _latest()) == (0, (UNREADABLE, False))
    for path in lost.iterdir():
        path.replace(folder / path.name)
    assert replay(now=clock.now()).replayed >= 1 and is_opted_out(NATE)
    assert _latest()[1]


def test_without_any_folder_it_is_missed_too(lost: Path, app: Flask):
    app.config["MOBILIZE"] = changed(app.config["MOBILIZE"], journal_folder="")
    assert (replay(now=clock.now()).replayed, _latest()) == (0, (UNREADABLE, False))


def test_who_goes_on_without_it_begins_a_new_one(lost: Path):
    replay(now=clock.now())
    go_on_without("journal", by="shell", now=clock.now())
    assert _latest()[1] and not journal.lost()
    go_on_without("journal", by="shell", now=clock.now())
    assert _latest()[1] and not journal.lost()


def test_who_goes_on_without_the_log_has_said_so_whatever_becomes_of_the_journal(lost: Path, folder: Path):
    replay(now=clock.now())
    go_on_without("log", by="shell", now=clock.now())
    replay(now=clock.now())
    gap = gaps.open_gap()
    assert gap and gap.is_given_up and _latest() == (UNREADABLE, False), "both are kept"
    for path in lost.iterdir():
        path.replace(folder / path.name)
    replay(now=clock.now())
    gap = gaps.open_gap()
    assert gap and gap.is_given_up and _latest() == (None, True)
    gaps.mark_restored(clock.now() - timedelta(minutes=1))
    assert (gap := gaps.open_gap()) and not gap.is_given_up, "of another restore it was not said"


def test_the_journals_of_two_hosts_are_both_waited_for(folder: Path, tmp_path: Path):
    now = clock.now()
    journal.introduce(now=now)
    other = folder.rename(tmp_path / "of the other host")
    journal.introduce(now=now)
    assert not journal.is_another(), "each has its own"
    put_back(copy_of_everything())
    gaps.mark_restored(now - timedelta(minutes=5))
    replay(now=clock.now())
    assert _latest() == (UNREADABLE, False)
    for path in other.iterdir():
        path.replace(folder / path.name)
    replay(now=clock.now())
    assert _latest()[1]


def test_a_backup_from_before_there_was_a_journal_waits_for_none(folder: Path):
    copy = copy_of_everything()
    put_back(copy)
    gaps.mark_restored(clock.now() - timedelta(minutes=5))
    folder.mkdir(exist_ok=True)
    replay(now=clock.now())
    assert _latest() == (None, True)


def test_a_line_that_a_power_cut_has_cut_off_spoils_no_other(app: Flask, folder: Path):
    now = clock.now()
    copy = copy_of_everything()
    opt_out(MIA, source="reply", now=now)
    [file] = folder.glob("journal-*.log")
    file.write_bytes(file.read_bytes() + b"AXQxabc")
    opt_out(NATE, source="reply", now=now)
    put_back(copy)
    assert again() == 2
    assert is_opted_out(MIA) and is_opted_out(NATE)


def test_its_lines_say_nothing_to_whoever_has_no_keys(app: Flask, folder: Path):
    now = clock.now()
    mia = make_member("Quillfeather", "Mia", phone=MIA, number="00000042")
    erase_member(mia.id, by="shell", now=now, stop_texts=True)
    [file] = folder.glob("journal-*.log")
    assert file.stat().st_mode & 0o777 == 0o600 and folder.stat().st_mode & 0o777 == 0o700
    content = file.read_bytes()
    inside = " ".join(str(one.payload) for one in journal.entries(now - timedelta(hours=1)))
    for clue in ("Quillfeather", MIA, "00000042", str(mia.id)):
        assert clue.encode() not in content
    for clue in ("Quillfeather", MIA, "00000042"):
        assert clue not in inside


def test_what_was_rolled_back_is_in_no_journal(app: Flask, folder: Path):
    with pytest.raises(ZeroDivisionError), atomic():
        opt_out(NATE, source="reply", now=clock.now())
        raise ZeroDivisionError
    opt_out(MIA, source="reply", now=clock.now())
    assert len(list(journal.entries(clock.now() - timedelta(hours=1)))) == 1


def test_a_journal_that_cannot_be_written_stops_nobody_and_is_told(app: Flask, tmp_path: Path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    settings = changed(app.config["MOBILIZE"], journal_folder=str(tmp_path / "file" / "journal"))
    app.config["MOBILIZE"] = settings
    opt_out(NATE, source="reply", now=clock.now())
    assert is_opted_out(NATE)
    check = health_checks.latest(journal.CHECK)
    assert check and check.value.startswith("not written") and journal.trouble()
