"""What a check-in amounts to: whom it means, at which shift, in the hours or not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from mobilize.actions.models import Event, EventChapter, EventState, Shift
from mobilize.checkins.models import CheckInKind, Duty, Evidence, Method, Outcome, Tier
from mobilize.checkins.record.decision import CheckInHours, CheckInRequest, shift_of
from mobilize.checkins.record.identifiers import Identifier
from mobilize.checkins.record.lookup import shift_at
from mobilize.checkins.record.operations import check_in
from mobilize.database import atomic, db, new_id
from mobilize.errors import Refused
from mobilize.roster.models import Member, Membership, MembershipRank, Site
from tests.builders import START, make_event, make_member, make_site
from tests.checkins.morning import OPEN, nonce

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
EIGHT, TEN = datetime(2026, 3, 3, 8, tzinfo=UTC), datetime(2026, 3, 3, 10, tzinfo=UTC)
HOURS = CheckInHours(False, EIGHT, TEN)
CLOSED = CheckInHours(True, EIGHT, TEN)


# ---- By the time alone


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        (EIGHT - SECOND, Outcome.OUTSIDE_HOURS),
        (EIGHT, None),
        (TEN, None),
        (TEN + SECOND, Outcome.OUTSIDE_HOURS),
    ],
)
def test_a_known_time_is_within_the_hours_or_outside(at: datetime, outcome: Outcome | None) -> None:
    assert HOURS.outcome_at(at, None) == outcome and not HOURS.is_uncertain(at, None)
    assert CLOSED.outcome_at(at, None) is Outcome.UNRESOLVED


@pytest.mark.parametrize(
    ("earliest", "latest", "may_be"),
    [
        (EIGHT - 2 * MINUTE, EIGHT - MINUTE, False),
        (EIGHT - 2 * MINUTE, EIGHT, True),
        (EIGHT - MINUTE, TEN + MINUTE, True),
        (TEN, TEN + MINUTE, True),
        (TEN + SECOND, TEN + MINUTE, False),
    ],
)
def test_a_time_between_two_moments_may_have_been_within_them(
    earliest: datetime, latest: datetime, may_be: bool
) -> None:
    outside = EIGHT - timedelta(hours=1)
    assert HOURS.outcome_at(outside, (earliest, latest)) is (None if may_be else Outcome.OUTSIDE_HOURS)
    assert HOURS.is_uncertain(outside, (earliest, latest)) is may_be
    assert not CLOSED.is_uncertain(outside, (earliest, latest))
    for inside in (EIGHT, TEN):
        assert not HOURS.is_uncertain(inside, (earliest, latest)), "by the phone's own word it was"
    assert HOURS.is_uncertain(TEN + SECOND, (earliest, latest)) is may_be


def test_check_in_is_open_half_an_hour_around_an_event_that_is_not_called_off_nor_forgotten(
    app: Flask,
) -> None:
    event = make_event()
    half = timedelta(minutes=30)
    assert CheckInHours.of(event) == CheckInHours(False, event.starts_at - half, event.ends_at + half)
    with atomic():
        event.action.forgotten_at = OPEN
    assert CheckInHours.of(event).takes_none
    with atomic():
        event.action.forgotten_at, event.state = None, EventState.CALLED_OFF
    assert CheckInHours.of(event).takes_none


def shift(name: str, starts_at: datetime, ends_at: datetime) -> Any:
    return SimpleNamespace(shift_id=name, starts_at=starts_at, ends_at=ends_at)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (EIGHT - timedelta(hours=9), "first"),
        (EIGHT, "first"),
        (EIGHT + 59 * MINUTE, "first"),
        (EIGHT + timedelta(hours=1, minutes=29), "first"),
        (EIGHT + timedelta(hours=1, minutes=31), "second"),
        (TEN, "second"),
        (TEN + timedelta(hours=9), "second"),
    ],
)
def test_the_shift_is_the_one_that_runs_or_the_nearest(at: datetime, expected: str) -> None:
    shifts = [
        shift("second", TEN, TEN + timedelta(hours=1)),
        shift("first", EIGHT, EIGHT + timedelta(hours=1)),
    ]
    # From 9 to 10 there is none: half past is the middle.
    assert shift_of(shifts, at) == expected
    assert shift_of(shifts[:1], at) == "second"


def test_of_two_shifts_that_run_at_once_it_is_the_first_of_the_list() -> None:
    long = [
        shift("from eight", EIGHT, TEN),
        shift("from nine", EIGHT + timedelta(hours=1), TEN + timedelta(hours=1)),
    ]
    assert shift_of(long, TEN - 15 * MINUTE) == "from eight"
    assert shift_of(long[::-1], EIGHT + 65 * MINUTE) == "from nine"


def test_to_its_last_moment_a_shift_is_nearer_than_the_next() -> None:
    following = [shift("next", TEN, TEN + timedelta(hours=1)), shift("this", EIGHT, TEN)]
    assert shift_of(following, TEN - timedelta(milliseconds=500)) == "this"


# ---- Whom it means


@pytest.fixture
def site(app: Flask) -> Site:
    return make_site("Lincoln High")


@pytest.fixture
def mia(site: Site) -> Member:
    return make_member(site=site, phone="+12135550101", number="00004711")


@pytest.fixture
def event(site: Site) -> Event:
    return make_event(site)


PHONE, NUMBER = Identifier("phone", "+12135550101"), Identifier("number", "00004711")


def evidence_of(event: Event, **values: Any) -> Evidence:
    """The evidence that is stored of it."""
    if "typed" in values:
        values["typed"] = replace(values["typed"])  # its index is of this database's key
    fields = {"nonce": nonce(), "body": b"said", "method": Method.POSTER, "happened_at": OPEN, **values}
    done = check_in(CheckInRequest(event_id=event.id, **fields), now=OPEN)
    db.session.rollback()
    return db.session.get_one(Evidence, done.evidence_id)


@pytest.mark.parametrize("how", ["phone", "number", "list"])
def test_a_phone_a_number_or_a_name_on_the_list_is_somebody(
    event: Event, mia: Member, site: Site, how: str
) -> None:
    make_member(site=site, phone="+12135550102", number="00004712")
    who = {"phone": {"typed": PHONE}, "number": {"typed": NUMBER}, "list": {"member_id": mia.id}}[how]
    row = evidence_of(event, **who)
    assert (row.outcome, row.member_id, row.chapter_id) == (Outcome.COUNTED, mia.id, site.id)
    assert (row.shift_id, row.tier, row.time_uncertain) == (event.shifts[0].id, Tier.SELF, False)


@pytest.mark.parametrize(
    "typed",
    [Identifier("phone", "+12135550109"), Identifier("number", "00004719"), Identifier("name", "00004711")],
)
def test_a_number_of_nobody_and_a_name_are_a_walk_in(event: Event, mia: Member, typed: Identifier) -> None:
    row = evidence_of(event, typed=typed)
    assert (row.outcome, row.member_id, row.chapter_id) == (Outcome.WALKUP, None, None)


@pytest.mark.parametrize("gone", ["gone_on", "erased_at"])
def test_whoever_left_the_roster_or_was_erased_is_found_no_more(event: Event, mia: Member, gone: str) -> None:
    with atomic():
        setattr(mia, gone, START)
    assert evidence_of(event, typed=NUMBER).outcome is Outcome.WALKUP
    assert evidence_of(event, member_id=mia.id).outcome is Outcome.UNRESOLVED


def test_a_phone_that_several_have_means_none_of_them(event: Event, mia: Member, site: Site) -> None:
    make_member(site=site, phone="+12135550101")
    row = evidence_of(event, typed=PHONE)
    assert (row.outcome, row.member_id, row.chapter_id) == (Outcome.AMBIGUOUS, None, None)
    assert evidence_of(event, typed=NUMBER).member_id == mia.id


def test_who_was_on_the_roster_twice_is_found_by_either_entry_once(event: Event, mia: Member) -> None:
    with atomic():
        make_member(phone="+12135550101", number="00009999", merged_into_id=mia.id, gone_on=START)
    rows = [evidence_of(event, typed=one) for one in (PHONE, NUMBER, Identifier("number", "00009999"))]
    assert {row.member_id for row in rows} == {mia.id}
    assert [row.outcome for row in rows] == [Outcome.COUNTED, Outcome.REPEAT, Outcome.REPEAT]


def test_the_chapter_is_the_home_they_have_now(event: Event, mia: Member, site: Site) -> None:
    with atomic() as session:
        for rank, to_at in ((MembershipRank.SECOND, None), (MembershipRank.HOME, START)):
            began = START - timedelta(days=9)
            other = make_site()
            session.add(Membership(member_id=mia.id, site_id=other.id, rank=rank, from_at=began, to_at=to_at))
    assert evidence_of(event, typed=NUMBER).chapter_id == site.id
    free = make_member(number="00004718")
    assert evidence_of(event, member_id=free.id).chapter_id is None


# ---- Where they may stand


def test_where_only_its_chapters_count_others_wait_for_a_person(event: Event, mia: Member) -> None:
    other, free = make_member(site=make_site()), make_member()
    with atomic():
        event.action.elsewhere_ok = False
    outcomes = [evidence_of(event, member_id=who.id).outcome for who in (mia, other, free)]
    assert outcomes == [Outcome.COUNTED, Outcome.UNRESOLVED, Outcome.UNRESOLVED]
    with atomic() as session:
        event.action.elsewhere_ok = True
        session.query(EventChapter).update({"gone_at": START})
    assert evidence_of(event, member_id=free.id).outcome is Outcome.COUNTED
    with atomic():
        event.action.elsewhere_ok = False
    late = make_member(site=event.site)
    assert evidence_of(event, member_id=late.id).outcome is Outcome.UNRESOLVED, (
        "its chapter comes here no more"
    )


def test_who_leaves_is_out_and_what_is_for_a_person_waits(event: Event, mia: Member) -> None:
    assert evidence_of(event, typed=NUMBER, kind=CheckInKind.LEFT).outcome is Outcome.OUT
    row = evidence_of(event, typed=NUMBER, needs_review=True)
    assert (row.outcome, row.time_uncertain) == (Outcome.UNRESOLVED, False)
    assert evidence_of(event, typed=NUMBER, duty=Duty.KITCHEN).outcome is Outcome.COUNTED


# ---- Shifts


@pytest.fixture
def later(event: Event) -> Shift:
    """A second shift, right after the first."""
    shift = Shift(event_id=event.id, starts_at=event.ends_at, ends_at=event.ends_at + timedelta(hours=4))
    with atomic() as session:
        event.ends_at += timedelta(hours=4)
        session.add(shift)
    return shift


@pytest.mark.parametrize(("before", "second"), [(16, False), (15, False), (14, True), (0, True)])
def test_who_comes_less_than_a_quarter_of_an_hour_before_a_shift_comes_for_that_one(
    event: Event, mia: Member, later: Shift, before: int, second: bool
) -> None:
    first = min(event.shifts, key=lambda one: one.starts_at)
    at = later.starts_at - before * MINUTE
    expected = later.id if second else first.id
    assert evidence_of(event, typed=NUMBER, happened_at=at).shift_id == expected
    leaves = evidence_of(event, typed=NUMBER, happened_at=at, kind=CheckInKind.LEFT)
    assert leaves.shift_id == first.id, "who leaves was at the one that ran"
    assert shift_at(db.session(), event.id, at - SECOND) == first.id


def test_of_no_event_nothing_is_said(app: Flask) -> None:
    for ask in (
        lambda: shift_at(db.session(), new_id(), OPEN),
        lambda: evidence_of(SimpleNamespace(id=new_id()), typed=NUMBER),  # type: ignore[arg-type]
    ):
        with pytest.raises(Refused) as refusal:
            ask()
        assert (refusal.value.code, refusal.value.status) == ("no_event", 404)
        assert refusal.value.message == "There is no such event."


# ---- One operation, and one reading of the code


def test_the_same_deed_again_is_the_same_evidence_and_another_under_its_name_is_refused(
    event: Event, mia: Member
) -> None:
    first = evidence_of(event, typed=NUMBER, nonce=b"n" * 16)
    assert evidence_of(event, typed=NUMBER, nonce=b"n" * 16).id == first.id
    with pytest.raises(Refused):
        evidence_of(event, typed=NUMBER, nonce=b"n" * 16, body=b"else")
    other = make_event()
    assert evidence_of(other, typed=NUMBER, nonce=b"n" * 16).event_id == other.id


def test_one_reading_verifies_six_and_the_seventh_is_as_by_the_poster(event: Event, mia: Member) -> None:
    read = {"method": Method.ROTATING, "ticket": b"t" * 16}
    rows = [evidence_of(event, member_id=make_member().id, **read) for _n in range(5)]
    rows += [evidence_of(event, typed=NUMBER, **read) for _twice in range(2)]
    rows.append(evidence_of(event, typed=Identifier("number", "00000009"), **read))
    assert [row.ticket_place for row in rows] == [1, 2, 3, 4, 5, 6, None, None]
    assert [row.method for row in rows] == [Method.ROTATING] * 7 + [Method.POSTER]
    assert [row.tier for row in rows] == [Tier.VERIFIED] * 7 + [Tier.SELF]
    other = evidence_of(event, member_id=make_member().id, method=Method.ROTATING, ticket=b"u" * 16)
    assert (other.ticket_place, other.tier) == (1, Tier.VERIFIED), "another reading has six of its own"
    elsewhere = evidence_of(make_event(), member_id=mia.id, **read)
    assert elsewhere.ticket_place == 1


def test_without_a_ticket_no_place_is_taken(event: Event, mia: Member) -> None:
    assert evidence_of(event, typed=NUMBER).ticket_place is None
    assert evidence_of(event, member_id=mia.id, method=Method.TICK).ticket_place is None
