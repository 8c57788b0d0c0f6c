"""Who counts is fixed as of the start: late, twice and after roster changes it is the same people."""

from datetime import timedelta
from itertools import count

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.event import listen

from mobilize.actions import eligibility
from mobilize.actions.eligibility import freeze_due_events, freeze_event
from mobilize.actions.models import Action, Eligible, Event, EventChapter, EventState
from mobilize.database import atomic, db
from mobilize.roster.models import Member, Membership, MembershipRank, MemberStatus, Site, StatusSpan
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
        session.add(Membership(member_id=member.id, site_id=to.id, rank=MembershipRank.HOME, from_at=at))


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
                member_id=mia.id,
                site_id=second.site_id,
                rank=MembershipRank.SECOND,
                from_at=START - timedelta(9),
            )
        )
    freeze_due_events(START)
    assert eligible(action) == {mia.id: home.site_id}


def test_a_second_site_is_no_home_where_the_home_has_no_event(app: Flask) -> None:
    event = make_event()
    mia = make_member(site=make_site())
    with atomic() as session:
        session.add(
            Membership(
                member_id=mia.id,
                site_id=event.site_id,
                rank=MembershipRank.SECOND,
                from_at=START - timedelta(9),
            )
        )
    freeze_due_events(START)
    assert eligible(event.action) == {}


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


def test_every_event_that_is_due_is_frozen_whatever_action_it_belongs_to_and_is_counted(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eligibility, "_AT_ONCE", 3)
    monkeypatch.setattr(eligibility, "_ROWS_A_STATEMENT", 2)
    morning, noon = make_action(), make_action(starts_at=START + timedelta(hours=5))
    events = [make_event(action=action) for action in (morning, noon, morning, noon, morning)]
    later = make_event(action=morning, starts_at=START + timedelta(hours=9))
    members = [make_member(site=event.site) for event in events for _three in range(3)]
    now = START + timedelta(hours=6)
    assert freeze_due_events(now) == 5
    assert {event.frozen_at for event in events} == {now} and later.frozen_at is None
    assert set(eligible(morning)) | set(eligible(noon)) == {member.id for member in members}
    assert (len(eligible(morning)), len(eligible(noon))) == (9, 6)


def test_a_worker_that_is_killed_has_fixed_the_earliest_events(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eligibility, "_AT_ONCE", 2)
    action = make_action()
    starts = [START + timedelta(minutes=minutes) for minutes in (5, 0, 0, 0)]
    late, *early = [make_event(action=action, starts_at=start) for start in starts]
    commits = count(1)

    def killed(_session: object) -> None:
        if next(commits) == 3:
            raise RuntimeError("killed")

    listen(db.session(), "before_commit", killed)
    with pytest.raises(RuntimeError, match="killed"):
        freeze_due_events(START + timedelta(hours=1))
    assert all(event.frozen_at for event in early) and late.frozen_at is None


def test_one_event_is_frozen_without_the_others_of_its_action(app: Flask) -> None:
    action = make_action()
    first, second = make_event(action=action), make_event(action=action)
    mia, noa = make_member(site=first.site), make_member(site=second.site)
    freeze_event(first.id, START + timedelta(minutes=3))
    assert (first.frozen_at, second.frozen_at) == (START + timedelta(minutes=3), None)
    assert eligible(action) == {mia.id: first.site_id}
    freeze_event(first.id, START + timedelta(hours=3))
    assert first.frozen_at == START + timedelta(minutes=3)
    assert freeze_due_events(START) == 1 and eligible(action)[noa.id] == second.site_id
    rows = db.session.execute(select(Eligible.member_id, Eligible.event_id, Eligible.action_id)).all()
    assert {tuple(row) for row in rows} == {(mia.id, first.id, action.id), (noa.id, second.id, action.id)}


def test_whoever_left_the_roster_before_the_start_does_not_count(app: Flask) -> None:
    event = make_event()
    stays = make_member(site=event.site, gone_on=START + timedelta(seconds=1))
    make_member(site=event.site, gone_on=START)
    freeze_due_events(START)
    assert eligible(event.action) == {stays.id: event.site_id}


def test_a_chapter_that_no_longer_comes_to_the_event_counts_no_more(app: Flask) -> None:
    sites = [make_site(), make_site()]
    mia, noa = (make_member(site=site) for site in sites)
    rally = make_event(chapters=sites, venue="City Hall", action=make_action(owner_site_id=sites[0].id))
    with atomic() as session:
        gone = session.scalars(select(EventChapter).where(EventChapter.site_id == sites[1].id)).one()
        gone.gone_at = START
    freeze_due_events(START)
    assert eligible(rally.action) == {mia.id: sites[0].id} and noa.id not in eligible(rally.action)


def test_who_is_on_no_list_is_fixed_with_the_first_event_as_of_the_start_of_the_action(app: Flask) -> None:
    action = make_action()
    first = make_event(action=action)
    make_event(action=action, starts_at=START + timedelta(hours=5))
    left = make_member(site=first.site)
    transfer(left, first.site, START + timedelta(hours=1))
    with atomic() as session:
        for home in session.scalars(select(Membership).where(Membership.member_id == left.id)):
            home.rank = MembershipRank.SECOND  # a second site is no home
    make_member(since=START + timedelta(minutes=1))
    freeze_due_events(START)
    make_member(status=MemberStatus.LEAVE)
    late = make_member()  # whom the roster brought afterwards
    freeze_due_events(START + timedelta(hours=5))
    assert eligible(action) == {left.id: None} and late.id not in eligible(action)


def test_who_is_on_no_list_counts_in_every_action(app: Flask) -> None:
    first, second = make_event(), make_event(action=make_action(starts_at=START + timedelta(days=1)))
    free = make_member()
    freeze_due_events(START)
    freeze_due_events(START + timedelta(days=1))
    assert eligible(first.action) == eligible(second.action) == {free.id: None}


def test_a_member_who_changed_chapters_between_two_events_counts_with_the_first_also_when_it_is_late(
    app: Flask,
) -> None:
    action = make_action()
    noon = make_event(action=action, starts_at=START + timedelta(hours=5))
    morning = make_event(action=action)
    mia = make_member(site=morning.site)
    transfer(mia, noon.site, START + timedelta(hours=1))
    freeze_due_events(START + timedelta(hours=9))
    assert eligible(action) == {mia.id: morning.site_id}


def test_whose_home_had_ended_or_not_begun_is_on_no_list(app: Flask) -> None:
    action = make_action()
    event = make_event(action=action)
    ended, begins = make_member(site=event.site), make_member(site=event.site)
    with atomic() as session:
        for home in session.scalars(select(Membership)):
            if home.member_id == ended.id:
                home.to_at = START
            else:
                home.from_at = START + timedelta(seconds=1)
    freeze_due_events(START)
    assert eligible(action) == {ended.id: None, begins.id: None}
