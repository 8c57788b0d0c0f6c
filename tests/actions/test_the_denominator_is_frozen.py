"""Who counts is fixed as of the start: late, twice and after roster changes it is the same people."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from mobilize.actions.denominator import freeze_due_events
from mobilize.actions.models import Action, Eligible, Event, EventState
from mobilize.database import atomic, db
from mobilize.roster.models import Member, Membership, MemberStatus, Rank, Site, StatusSpan
from tests.builders import START, make_action, make_event, make_member, make_site


def eligible(action: Action) -> dict[object, object]:
    """Member -> chapter."""
    rows = db.session.execute(
        select(Eligible.member_id, Eligible.chapter_id).where(Eligible.action_id == action.id)
    )
    return dict(rows.all())  # type: ignore[arg-type]


def transfer(member: Member, to: Site, at: object) -> None:
    with atomic() as session:
        home = session.scalars(select(Membership).where(Membership.member_id == member.id)).one()
        home.to_at = at  # type: ignore[assignment]
        session.flush()
        session.add(Membership(member_id=member.id, site_id=to.id, rank=Rank.HOME, from_at=at))


def test_active_members_of_the_chapter_count_and_nobody_else(app: Flask) -> None:
    event = make_event()
    mia = make_member(site=event.site)
    for status in (MemberStatus.LEAVE, MemberStatus.SUBSTITUTE, MemberStatus.RETIRED):
        make_member(site=event.site, status=status)
    make_member(site=make_site())
    assert freeze_due_events(START) == 1
    assert eligible(event.action) == {mia.id: event.site_id}


def test_an_event_that_has_not_started_is_not_frozen(app: Flask) -> None:
    event = make_event()
    assert freeze_due_events(START - timedelta(seconds=1)) == 0
    assert event.frozen_at is None


def test_frozen_twice_is_frozen_once(app: Flask) -> None:
    event = make_event()
    make_member(site=event.site)
    assert [freeze_due_events(START), freeze_due_events(START + timedelta(hours=1))] == [1, 0]
    assert len(eligible(event.action)) == 1
    assert event.frozen_at == START


def test_frozen_hours_late_it_is_who_belonged_at_the_start(app: Flask) -> None:
    event, elsewhere = make_event(), make_site()
    mia, left = make_member(site=event.site), make_member(site=event.site)
    transfer(mia, elsewhere, START + timedelta(hours=2))
    transfer(left, elsewhere, START - timedelta(hours=2))
    make_member(site=event.site, since=START + timedelta(minutes=1))
    freeze_due_events(START + timedelta(hours=5))
    assert eligible(event.action) == {mia.id: event.site_id}


def test_a_change_of_status_after_the_start_does_not_matter(app: Flask) -> None:
    event = make_event()
    mia = make_member(site=event.site)
    with atomic() as session:
        session.scalars(select(StatusSpan).where(StatusSpan.member_id == mia.id)).one().to_at = (
            START + timedelta(minutes=5)
        )
    freeze_due_events(START + timedelta(hours=5))
    assert list(eligible(event.action)) == [mia.id]


def test_what_ends_exactly_at_the_start_counts_no_more_and_what_begins_then_does(app: Flask) -> None:
    event, elsewhere = make_event(), make_event(action=make_action(starts_at=START + timedelta(days=1)))
    ended, begun, moved = (
        make_member(site=event.site),
        make_member(site=event.site),
        make_member(site=event.site),
    )
    with atomic() as session:
        for member, status in ((ended, MemberStatus.LEAVE), (begun, MemberStatus.ACTIVE)):
            before = session.scalars(select(StatusSpan).where(StatusSpan.member_id == member.id)).one()
            before.status = MemberStatus.LEAVE if member is begun else MemberStatus.ACTIVE
            before.to_at = START
            session.flush()
            session.add(StatusSpan(member_id=member.id, status=status, from_at=START))
    transfer(moved, elsewhere.site, START)
    freeze_due_events(START)
    assert eligible(event.action) == {begun.id: event.site_id}


def test_whoever_is_on_no_list_counts_for_the_union_and_for_no_site(app: Flask) -> None:
    action = make_action()
    event = make_event(action=action)
    mia, free = make_member(site=event.site), make_member()
    freeze_due_events(START)
    assert eligible(action) == {mia.id: event.site_id, free.id: None}


def test_whoever_is_on_no_list_does_not_count_in_a_chairs_own_action(app: Flask) -> None:
    site = make_site()
    event = make_event(site, action=make_action(owner_site_id=site.id))
    make_member()
    freeze_due_events(START)
    assert eligible(event.action) == {}


def test_a_member_with_two_sites_counts_once_at_home(app: Flask) -> None:
    action = make_action()
    home, second = make_event(action=action), make_event(action=action)
    mia = make_member(site=home.site)
    with atomic() as session:
        session.add(
            Membership(
                member_id=mia.id, site_id=second.site_id, rank=Rank.SECOND, from_at=START - timedelta(9)
            )
        )
    freeze_due_events(START)
    assert eligible(action) == {mia.id: home.site_id}


def test_a_rally_fixes_every_chapter_that_comes_to_it(app: Flask) -> None:
    sites = [make_site(), make_site()]
    members = [make_member(site=site) for site in sites]
    rally = make_event(chapters=sites, venue="City Hall")
    freeze_due_events(START)
    assert eligible(rally.action) == {m.id: s.id for m, s in zip(members, sites, strict=True)}


def test_a_called_off_event_fixes_nothing(app: Flask) -> None:
    event: Event = make_event()
    make_member(site=event.site)
    with atomic():
        event.state = EventState.CALLED_OFF
    assert freeze_due_events(START) == 0
    assert eligible(event.action) == {}
