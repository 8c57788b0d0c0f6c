"""The figures against a second counting in plain Python, and the cases people argue about."""

import random
from collections import defaultdict
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from mobilize.actions.eligibility import freeze_event
from mobilize.actions.models import Eligible, EventChapter
from mobilize.checkins.models import Attendance, HeadCount, Tier
from mobilize.database import atomic, db
from mobilize.roster.models import Membership, MemberStatus, StatusSpan
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.types import State
from tests.builders import START, make_action, make_event, make_member, make_site
from tests.turnout.conftest import Morning

MINUTE = timedelta(minutes=1)


def test_the_board_equals_a_recount_in_plain_python(morning: Morning) -> None:
    morning.freeze()
    dice = random.Random(3)
    for site in morning.sites:
        for member in morning.members[site.id]:
            for place in dice.sample(morning.sites, dice.randrange(3)):
                morning.send(member, place, chapter=site, tier=dice.choice(list(Tier)))
        morning.send(make_member(site=site, status=MemberStatus.RETIRED), site, tier=Tier.VOUCHED)
    counted = board(morning.action)
    recount = _recount(morning)
    for chapter in counted.chapters:
        names = chapter.names
        text = (names.eligible, names.came, names.also_there, names.verified, names.vouched)
        assert text == recount[chapter.site_id]
    assert counted.total.names.named == sum(c.names.named for c in counted.chapters)
    assert sum(area.total.names.came for area in counted.areas) == counted.total.names.came


def test_standing_at_another_site_counts_for_the_own_chapter_and_is_hosted_there(morning: Morning) -> None:
    morning.freeze()
    mia = morning.members[morning.lincoln.id][0]
    morning.send(mia, morning.madison, chapter=morning.lincoln)
    counted = board(morning.action)
    lincoln, madison = counted.chapter(morning.lincoln.id), counted.chapter(morning.madison.id)
    assert (lincoln.names.came, lincoln.line.hosted) == (1, 0)
    assert (madison.names.came, madison.line.hosted) == (0, 1)


def test_at_two_lines_a_member_is_one_member_with_their_strongest_tier(morning: Morning) -> None:
    morning.freeze()
    mia = morning.members[morning.lincoln.id][0]
    morning.send(mia, morning.lincoln, tier=Tier.SELF)
    morning.send(mia, morning.madison, chapter=morning.lincoln, tier=Tier.VERIFIED)
    names = board(morning.action).total.names
    assert (names.named, names.verified, names.self_reported) == (1, 1, 0)


def test_no_report_is_none_and_a_reported_zero_is_zero(morning: Morning) -> None:
    morning.freeze()
    morning.count(morning.madison, 0)
    counted = board(morning.action)
    lincoln, madison = counted.chapter(morning.lincoln.id), counted.chapter(morning.madison.id)
    assert (lincoln.line.head_count, lincoln.line.supporters, lincoln.state) == (None, None, State.NONE)
    assert (madison.line.head_count, madison.state) == (0, State.ZERO)
    assert (counted.total.line.head_count, counted.total.reporting, counted.total.sites) == (0, 1, 3)
    assert [c.name for c in counted.silent] == ["Lincoln", "Roosevelt"]
    assert [c.name for c in counted.by_trouble] == ["Lincoln", "Roosevelt", "Madison"]


def test_the_last_count_that_was_not_taken_back_stands_with_the_peak_beside_it(morning: Morning) -> None:
    for n, minutes, voided in ((20, 15, False), (31, 25, False), (28, 40, False), (280, 41, True)):
        morning.count(morning.lincoln, n, minutes=minutes, voided=voided)
    line = board(morning.action).chapter(morning.lincoln.id).line
    assert (line.head_count, line.peak) == (28, 31)


def test_supporters_who_left_are_taken_off(morning: Morning) -> None:
    morning.supporters(morning.lincoln, 12)
    morning.supporters(morning.lincoln, -3)
    assert board(morning.action).chapter(morning.lincoln.id).line.supporters == 9
    assert board(morning.action).chapter(morning.madison.id).line.supporters is None


def test_yesterdays_share_does_not_change_when_the_roster_does(morning: Morning) -> None:
    morning.freeze()
    members = morning.members[morning.lincoln.id]
    for member in members[:3]:
        morning.send(member, morning.lincoln)
    before = board(morning.action)
    _transfer(members[0], morning.madison, START + 30 * MINUTE)
    _retire(members[1], START + 30 * MINUTE)
    make_member(site=morning.lincoln, since=START + 30 * MINUTE)
    assert board(morning.action) == before
    assert before.chapter(morning.lincoln.id).names.share == 0.5


def test_before_and_after_freezing_the_denominator_is_the_same(morning: Morning) -> None:
    make_member(site=morning.lincoln, status=MemberStatus.LEAVE)
    make_member(site=morning.lincoln, since=START + MINUTE)
    morning.send(morning.members[morning.lincoln.id][0], morning.lincoln)
    make_member()  # without a chapter
    computed = board(morning.action)
    assert not computed.frozen
    assert (computed.chapter(morning.lincoln.id).names.eligible, computed.no_site.eligible) == (6, 1)
    freeze_event(morning.event(morning.lincoln).id, START)
    assert board(morning.action) == computed
    morning.freeze()
    frozen = board(morning.action)
    assert frozen.chapters == computed.chapters
    assert frozen.no_site == computed.no_site


def test_who_changed_chapters_after_the_start_counts_where_they_were_eligible(morning: Morning) -> None:
    morning.freeze()
    mia = morning.members[morning.lincoln.id][0]
    morning.send(mia, morning.madison, chapter=morning.madison)  # the check-in came after the transfer
    counted = board(morning.action)
    assert counted.chapter(morning.lincoln.id).names.came == 1
    assert counted.chapter(morning.madison.id).names.named == 0


def test_members_without_a_chapter_have_their_own_line_and_both_denominators_are_told(
    morning: Morning,
) -> None:
    central = make_member("Central")
    make_member("Office")
    morning.freeze()
    event = morning.event(morning.lincoln)
    with atomic() as session:
        session.add(
            Attendance(
                event_id=event.id,
                shift_id=event.shifts[0].id,
                member_id=central.id,
                chapter_id=None,
                tier=Tier.SELF,
                first_at=START,
                late=False,
            )
        )
    counted = board(morning.action)
    assert (counted.no_site.eligible, counted.no_site.came) == (2, 1)
    assert (counted.total.names.eligible, counted.with_chapter.eligible) == (14, 12)


def test_members_of_chapters_that_are_not_out_are_told_apart(morning: Morning) -> None:
    far = make_site("Far away")
    morning.freeze()
    morning.send(make_member(site=far), morning.lincoln, chapter=far)
    counted = board(morning.action)
    assert (counted.others.also_there, counted.others.eligible) == (1, 0)
    assert counted.chapter(morning.lincoln.id).line.hosted == 1
    assert counted.total.names.named == 1


def test_a_line_that_two_chapters_share_counts_once(app: Any) -> None:
    area_site = make_site("East campus")
    other = make_site("West campus", area=area_site.area)
    action = make_action()
    event = make_event(area_site, action=action, chapters=[area_site, other])
    with atomic() as session:
        session.add(
            HeadCount(
                event_id=event.id,
                shift_id=event.shifts[0].id,
                nonce=b"n" * 16,
                n=40,
                counted_at=START,
                recorded_at=START,
                via="text",
                by="test",
            )
        )
    counted = board(action)
    assert [c.line.head_count for c in counted.chapters] == [40, 40]
    assert (counted.total.line.head_count, counted.total.reporting) == (40, 2)
    assert counted.areas[0].total.line.head_count == 40


def test_a_rally_is_counted_by_home_chapter_with_one_head_count(app: Any) -> None:
    sites = [make_site("A"), make_site("B")]
    members = [make_member(site=site) for site in sites for _ in range(2)]
    action = make_action(kind="rally")
    event = make_event(action=action, chapters=sites, venue="City Hall")
    freeze_event(event.id, START)
    with atomic() as session:
        for member, site in ((members[0], sites[0]), (members[1], sites[0]), (members[2], sites[1])):
            session.add(
                Attendance(
                    event_id=event.id,
                    shift_id=event.shifts[0].id,
                    member_id=member.id,
                    chapter_id=site.id,
                    tier=Tier.SELF,
                    first_at=START,
                    late=False,
                )
            )
    counted = board(action)
    assert counted.one_line
    assert [(c.name, c.names.came, c.names.eligible) for c in counted.chapters] == [("A", 2, 2), ("B", 1, 2)]
    assert counted.total.line.hosted == 3
    assert all(area.total.line.head_count is None for area in counted.areas)


def test_a_site_that_was_called_off_is_not_on_the_board(morning: Morning) -> None:
    morning.freeze()
    with atomic():
        morning.event(morning.madison).state = "called_off"
    assert [c.name for c in board(morning.action).chapters] == ["Lincoln", "Roosevelt"]


def _recount(morning: Morning) -> dict[Any, tuple[int, int, int, int, int]]:
    """Chapter -> eligible, came, also there, verified, vouched; from the rows themselves."""
    action_id = morning.action.id
    homes = list(db.session.scalars(select(EventChapter.event_id).where(EventChapter.action_id == action_id)))
    eligible = {
        e.member_id: e.chapter_id
        for e in db.session.scalars(select(Eligible).where(Eligible.action_id == action_id))
    }
    best: dict[Any, Tier] = {}
    chapter_of: dict[Any, Any] = {}
    for row in db.session.scalars(select(Attendance)):
        if row.event_id in homes:
            chapter_of[row.member_id] = eligible.get(row.member_id, row.chapter_id)
            best[row.member_id] = max(row.tier, best.get(row.member_id, Tier.SELF), key=lambda t: t.rank)
    result: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for chapter in eligible.values():
        result[chapter][0] += 1
    for member, chapter in chapter_of.items():
        result[chapter][1 if member in eligible else 2] += 1
        result[chapter][3] += best[member] is Tier.VERIFIED
        result[chapter][4] += best[member] is Tier.VOUCHED
    return {chapter: tuple(counts) for chapter, counts in result.items()}


def _transfer(member: Any, to: Any, at: Any) -> None:
    with atomic() as session:
        old = session.scalar(select(Membership).where(Membership.member_id == member.id))
        old.to_at = at
        session.flush()
        session.add(Membership(member_id=member.id, site_id=to.id, rank="home", from_at=at))


def _retire(member: Any, at: Any) -> None:
    with atomic() as session:
        old = session.scalar(select(StatusSpan).where(StatusSpan.member_id == member.id))
        old.to_at = at
        session.flush()
        session.add(StatusSpan(member_id=member.id, status=MemberStatus.RETIRED, from_at=at))
