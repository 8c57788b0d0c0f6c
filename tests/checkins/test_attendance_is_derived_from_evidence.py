"""What derived attendance says of each member and shift, from rows of evidence, voids and matches alone."""

import secrets
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize.actions.models import Event
from mobilize.checkins.models import (
    Attendance,
    CheckInKind,
    Duty,
    Evidence,
    Match,
    Method,
    Outcome,
    Resolution,
    Tier,
    Void,
)
from mobilize.checkins.record.attendance import derive_attendance, drop_unfounded, strength_of
from mobilize.database import atomic, db, new_id
from mobilize.roster.models import Member, Membership, MembershipRank, Site
from tests.builders import make_event, make_member, make_site
from tests.checkins.morning import OPEN

MINUTE = timedelta(minutes=1)


@pytest.fixture
def lincoln(app: Flask) -> Site:
    return make_site("Lincoln High")


@pytest.fixture
def mia(lincoln: Site) -> Member:
    return make_member(site=lincoln)


@pytest.fixture
def event(lincoln: Site) -> Event:
    return make_event(lincoln)


def stored(row: Any) -> Any:
    with atomic() as session:
        session.add(row)
    return row


def say(event: Event, member: Member | None, *, minute: int = 0, **values: Any) -> Evidence:
    """One piece of evidence as it is stored, `minute` after the opening: a counted tick unless it says so."""
    at = OPEN + minute * MINUTE
    fields = {
        "shift_id": event.shifts[0].id,
        "method": Method.TICK,
        "tier": Tier.VOUCHED,
        "outcome": Outcome.COUNTED,
        "kind": CheckInKind.HERE,
        "member_id": member.id if member else None,
        "happened_at": at,
        "recorded_at": at,
        **values,
    }
    nonce = secrets.token_bytes(16)
    return stored(Evidence(id=new_id(), event_id=event.id, nonce=nonce, body_hash=bytes(32), **fields))


def void(row: Evidence) -> None:
    stored(Void(evidence_id=row.id, actor="shell", at=OPEN))


def match(row: Evidence, member: Member | None, verdict: Resolution = Resolution.COUNTS) -> None:
    whose = member.id if member else None
    stored(Match(evidence_id=row.id, member_id=whose, verdict=verdict, actor="shell", at=OPEN))


def derived(event: Event, *members: Member) -> list[Attendance]:
    derive_attendance(event.id, [member.id for member in members])
    return rows(event)


def rows(event: Event) -> list[Attendance]:
    db.session.expire_all()
    query = select(Attendance).where(Attendance.event_id == event.id).order_by(Attendance.first_at)
    return list(db.session.scalars(query))


@pytest.mark.parametrize(
    ("tiers", "amount_to"),
    [
        ("self", Tier.SELF),
        ("self self", Tier.SELF),
        ("vouched", Tier.VOUCHED),
        ("vouched vouched vouched", Tier.VOUCHED),
        ("self vouched", Tier.VERIFIED),
        ("vouched self", Tier.VERIFIED),
        ("self vouched vouched", Tier.VERIFIED),
        ("self verified", Tier.VERIFIED),
        ("verified vouched", Tier.VERIFIED),
        ("verified", Tier.VERIFIED),
    ],
)
def test_two_sources_that_agree_verify_and_of_one_kind_any_number_stay_what_they_are(
    tiers: str, amount_to: Tier
) -> None:
    assert strength_of(Tier(tier) for tier in tiers.split()) is amount_to


def test_one_tick_is_a_row_with_what_it_said(event: Event, mia: Member, lincoln: Site) -> None:
    say(event, mia, chapter_id=lincoln.id, duty=Duty.KITCHEN)
    [row] = derived(event, mia)
    assert (row.member_id, row.shift_id, row.chapter_id) == (mia.id, event.shifts[0].id, lincoln.id)
    assert (row.tier, row.first_at, row.out_at, row.duty) == (Tier.VOUCHED, OPEN, None, "kitchen")
    assert (row.observed, row.late) == (True, False)


def test_the_first_hour_the_last_duty_and_all_sources_together(event: Event, mia: Member) -> None:
    say(event, mia, minute=9, tier=Tier.SELF, method=Method.POSTER, duty=Duty.OFFICE)
    say(event, mia, minute=4, tier=Tier.SELF, method=Method.POSTER, outcome=Outcome.REPEAT, duty=Duty.KITCHEN)
    say(event, mia, minute=20, tier=Tier.SELF, method=Method.POSTER, outcome=Outcome.REPEAT)
    [row] = derived(event, mia)
    assert (row.tier, row.observed) == (Tier.SELF, False)
    assert (row.first_at, row.duty) == (OPEN + 4 * MINUTE, "office")
    say(event, mia, minute=6, outcome=Outcome.REPEAT)
    [row] = derived(event, mia)
    assert (row.tier, row.observed, row.first_at) == (Tier.VERIFIED, True, OPEN + 4 * MINUTE)


def test_the_chapter_is_of_what_was_recorded_first(event: Event, mia: Member, lincoln: Site) -> None:
    say(event, mia, chapter_id=make_site().id, recorded_at=OPEN + 60 * MINUTE)
    say(event, mia, chapter_id=lincoln.id, recorded_at=OPEN)
    assert derived(event, mia)[0].chapter_id == lincoln.id


def test_the_duty_is_the_last_that_was_done_and_not_the_last_that_arrived(event: Event, mia: Member) -> None:
    say(event, mia, minute=9, duty=Duty.OFFICE, tier=Tier.SELF, recorded_at=OPEN)
    say(event, mia, minute=4, duty=Duty.KITCHEN, recorded_at=OPEN + 60 * MINUTE)
    assert derived(event, mia)[0].duty == "office"


def test_derived_again_the_row_is_the_same_one_and_every_column_is_anew(event: Event, mia: Member) -> None:
    tick = say(event, mia, duty=Duty.KITCHEN)
    [before] = derived(event, mia)
    first = before.id
    say(event, mia, minute=5, tier=Tier.SELF, method=Method.POSTER)
    say(event, mia, minute=9, kind=CheckInKind.LEFT, outcome=Outcome.OUT)
    void(tick)
    [row] = derived(event, mia)
    assert (row.id, row.tier, row.observed, row.duty) == (first, Tier.SELF, False, None)
    assert (row.first_at, row.out_at) == (OPEN + 5 * MINUTE, OPEN + 9 * MINUTE)


@pytest.mark.parametrize(
    "outcome",
    [Outcome.WALKUP, Outcome.AMBIGUOUS, Outcome.OUTSIDE_HOURS, Outcome.UNRESOLVED, Outcome.UNDONE],
)
def test_what_counted_nobody_makes_no_attendance(event: Event, mia: Member, outcome: Outcome) -> None:
    say(event, mia, outcome=outcome)
    assert derived(event, mia) == []


def test_the_note_that_ticks_were_taken_back_is_no_evidence(event: Event, mia: Member) -> None:
    say(event, mia, kind=CheckInKind.UNDO)
    assert derived(event, mia) == []


@pytest.mark.parametrize(
    ("came", "left", "out"),
    [
        ([0], [10], 10),
        ([0], [10, 30], 10),  # the first time after they were last seen
        ([0, 20], [10], None),  # they came back
        ([0, 20], [10, 30], 30),
        ([10], [10], 10),
        ([10], [9], None),
    ],
)
def test_they_are_out_from_the_first_word_after_they_were_last_seen(
    event: Event, mia: Member, came: list[int], left: list[int], out: int | None
) -> None:
    for minute in came:
        say(event, mia, minute=minute)
    for minute in left:
        say(event, mia, minute=minute, kind=CheckInKind.LEFT, outcome=Outcome.OUT)
    [row] = derived(event, mia)
    assert row.out_at == (None if out is None else OPEN + out * MINUTE)


def test_who_only_left_was_never_there(event: Event, mia: Member) -> None:
    say(event, mia, kind=CheckInKind.LEFT, outcome=Outcome.OUT)
    assert derived(event, mia) == []


def test_each_shift_has_its_own_row_and_leaving_counts_for_every_one_before(
    event: Event, mia: Member
) -> None:
    other = new_id()
    say(event, mia, duty=Duty.PHONES)
    say(event, mia, minute=60, shift_id=other, tier=Tier.SELF, method=Method.LINK)
    say(event, mia, minute=90, shift_id=other, kind=CheckInKind.LEFT, outcome=Outcome.OUT)
    first, second = derived(event, mia)
    assert (first.shift_id, first.tier, first.duty) == (event.shifts[0].id, Tier.VOUCHED, "phones")
    assert (second.shift_id, second.tier, second.duty) == (other, Tier.SELF, None)
    assert first.out_at == second.out_at == OPEN + 90 * MINUTE


def test_members_are_told_apart_and_only_those_asked_about_change(event: Event, mia: Member) -> None:
    noa, eve = make_member(), make_member()
    say(event, mia)
    gone = say(event, noa, minute=1)
    kept = say(event, eve, minute=2)
    say(make_event(), mia, minute=3)
    assert [row.member_id for row in derived(event, mia, noa, eve)] == [mia.id, noa.id, eve.id]
    void(gone)
    void(kept)
    assert [row.member_id for row in derived(event, mia, noa)] == [mia.id, eve.id]
    assert [row.member_id for row in derived(event)] == [mia.id, eve.id]
    assert [row.member_id for row in derived(event, eve)] == [mia.id]


def test_when_nothing_stands_any_more_no_row_is_left_and_another_events_stays(
    event: Event, mia: Member
) -> None:
    other = make_event()
    tick = say(event, mia)
    say(other, mia)
    assert len(derived(event, mia)) == len(derived(other, mia)) == 1
    void(tick)
    assert derived(event, mia) == [] and len(rows(other)) == 1


def test_the_chapter_is_what_the_evidence_says_first_and_else_their_home(
    event: Event, mia: Member, lincoln: Site
) -> None:
    free, second = make_member(), make_site()
    with atomic() as session:
        for rank, to_at in ((MembershipRank.SECOND, None), (MembershipRank.HOME, OPEN)):
            old = Membership(member_id=mia.id, site_id=second.id, rank=rank, to_at=to_at)
            old.from_at = OPEN - timedelta(days=9 if to_at else 1)
            session.add(old)
    say(event, mia)
    say(event, free, minute=1)
    with_home, no_home = derived(event, mia, free)
    assert (with_home.chapter_id, no_home.chapter_id) == (lincoln.id, None)
    say(event, mia, minute=2, chapter_id=second.id)
    say(event, mia, minute=3, chapter_id=lincoln.id)
    assert derived(event, mia, free)[0].chapter_id == second.id


# ---- What a person matched


def test_what_a_person_matched_counts_for_whom_they_said(event: Event, mia: Member, lincoln: Site) -> None:
    row = say(event, None, outcome=Outcome.WALKUP, tier=Tier.SELF, method=Method.POSTER)
    assert derived(event, mia) == []
    match(row, mia)
    [result] = derived(event, mia)
    assert (result.member_id, result.tier, result.chapter_id) == (mia.id, Tier.SELF, lincoln.id)
    void(row)
    assert derived(event, mia) == []


@pytest.mark.parametrize("verdict", [Resolution.NOT_OURS, Resolution.OPEN])
def test_other_words_about_it_make_nobody_present(event: Event, mia: Member, verdict: Resolution) -> None:
    match(say(event, None, outcome=Outcome.WALKUP), mia, verdict)
    assert derived(event, mia) == []


@pytest.mark.parametrize("verdict", [Resolution.NOT_OURS, Resolution.OPEN])
def test_what_had_counted_and_is_said_to_be_nobodys_counts_no_more(
    event: Event, mia: Member, verdict: Resolution
) -> None:
    match(say(event, mia), None, verdict)
    assert derived(event, mia) == []


def test_a_match_at_another_event_counts_there_alone(event: Event, mia: Member) -> None:
    other = make_event()
    match(say(other, None, outcome=Outcome.WALKUP), mia)
    assert derived(event, mia) == [] and len(derived(other, mia)) == 1


def test_evidence_of_one_that_is_said_to_be_anothers_counts_for_the_other_alone(
    event: Event, mia: Member
) -> None:
    noa = make_member()
    match(say(event, mia), noa)
    assert [row.member_id for row in derived(event, mia, noa)] == [noa.id]
    assert [row.member_id for row in derived(event, mia)] == [noa.id]


# ---- Where the rest is derived later


@pytest.mark.parametrize("outcome", [Outcome.COUNTED, Outcome.REPEAT, Outcome.UNRESOLVED])
def test_only_attendance_without_standing_evidence_is_dropped(
    event: Event, mia: Member, outcome: Outcome
) -> None:
    noa, eve = make_member(), make_member()
    first = say(event, mia)
    kept = [say(event, noa, minute=1), say(event, eve, minute=2)]
    assert len(derived(event, mia, noa, eve)) == 3
    say(event, mia, minute=3, outcome=outcome)
    say(make_event(), noa)
    for row in (first, *kept):
        void(row)
    drop_unfounded(event.id, [mia.id, noa.id])
    left = {row.member_id for row in rows(event)}
    assert left == ({mia.id, eve.id} if outcome is not Outcome.UNRESOLVED else {eve.id})


def test_attendance_by_a_match_is_kept_until_the_evidence_is_taken_back(event: Event, mia: Member) -> None:
    noa, elsewhere = make_member(), make_event()
    row = say(event, None, outcome=Outcome.WALKUP)
    match(row, mia)
    say(elsewhere, mia)
    match(say(event, None, minute=1, outcome=Outcome.WALKUP), noa)
    derived(elsewhere, mia)
    assert len(derived(event, mia, noa)) == 2
    drop_unfounded(event.id, [mia.id, noa.id])
    assert len(rows(event)) == 2
    void(row)
    drop_unfounded(event.id, [mia.id, noa.id])
    assert [row.member_id for row in rows(event)] == [noa.id] and len(rows(elsewhere)) == 1
