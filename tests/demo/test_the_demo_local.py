"""The invented local: it loads, its figures are believable, and they are what its own evidence says."""

import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, or_, select

from mobilize import clock
from mobilize.accounts.models import RoleName, RoleTerm
from mobilize.actions.eligibility import was_active
from mobilize.actions.models import Action, Eligible, Event, EventState
from mobilize.checkins.models import Attendance, Evidence, HeadCount
from mobilize.checkins.record.attendance import ATTENDS, strength_of
from mobilize.database import Model, db
from mobilize.demo.seed import local
from mobilize.errors import Refused
from mobilize.keys.blind_index_key import IndexKey
from mobilize.reminders.head_counts.requests import ask_for_counts
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.roster.models import Area, Member, Membership, MembershipRank, Site
from mobilize.texts.models import OutboxText
from mobilize.turnout.figures.queries import board

# At night, in the middle of the day, and minutes after clocks went back.
HOURS = [
    datetime(2026, 11, 22, 8, 2, tzinfo=UTC),
    datetime(2026, 5, 20, 20, 41, tzinfo=UTC),
    datetime(2026, 11, 1, 9, 10, tzinfo=UTC),
]
NOW = HOURS[0]


def count(table: type[Model]) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the loaded demo, for the tests that only look at it."""
    return tmp_path_factory.mktemp("demo") / "loaded.db"


@pytest.fixture
def demo(sqlite_app: Flask, loaded: Path) -> local.SeedPicket:
    """The demo as `make run` has it: on SQLite."""
    here = Path(str(db.engine.url.database))
    if loaded.exists():
        db.engine.dispose()
        _copy(loaded, here)
    else:
        local.load_demo(NOW)
        _copy(here, loaded)
    return local.open_todays_picket(NOW)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as a, closing(sqlite3.connect(target)) as b:
        a.backup(b)


@pytest.fixture
def demo_on_both(app: Flask) -> local.SeedPicket:
    local.load_demo(NOW)
    return local.open_todays_picket(NOW)


def test_it_is_a_local_of_a_believable_size(demo: local.SeedPicket) -> None:
    assert (count(Area), count(Site), count(Member)) == (8, 60, 2500)
    roles = Counter(db.session.scalars(select(RoleTerm.role)))
    assert (roles[RoleName.CHAIR], roles[RoleName.ADMIN]) == (55, 1)
    assert roles[RoleName.COCHAIR] >= 15
    for member in db.session.scalars(select(Member).limit(200)):
        assert member.phone is None or member.phone[5:10] == "55501"


def test_turnout_has_grown_from_action_to_action(demo: local.SeedPicket) -> None:
    past = db.session.scalars(select(Action).where(Action.ends_at < NOW).order_by(Action.starts_at)).all()
    shares = [board(action).total.names.share or 0 for action in past]
    assert shares == pytest.approx([0.45, 0.58, 0.66], abs=0.03)
    for action in past[1:]:
        result = board(action)
        assert result.total.reporting in range(45, 60)
        assert result.total.line.supporters
        assert {event.state for event in action.events} == {EventState.CLOSED}
        assert not any(chapter.moved_since for chapter in result.chapters)
        spread = [chapter.names.share or 0 for chapter in result.chapters]
        assert max(spread) - min(spread) > 0.3


def test_attendance_is_what_its_evidence_says(demo_on_both: local.SeedPicket) -> None:
    evidence: dict[tuple[object, ...], list[Evidence]] = {}
    for row in db.session.scalars(select(Evidence).where(Evidence.outcome.in_(ATTENDS))):
        evidence.setdefault((row.event_id, row.shift_id, row.member_id), []).append(row)
    results = {
        (row.event_id, row.shift_id, row.member_id): (row.tier, row.first_at, row.observed)
        for row in db.session.scalars(select(Attendance))
    }
    assert results == {
        key: (
            strength_of(row.tier for row in rows),
            min(row.happened_at for row in rows),
            any(row.method.is_observed for row in rows),
        )
        for key, rows in evidence.items()
    }
    assert len(results) > 3000


def test_the_denominator_is_the_one_freezing_finds(demo: local.SeedPicket) -> None:
    frozen = select(Event).where(Event.frozen_at.is_not(None), Event.site_id.is_not(None))
    events = db.session.scalars(frozen).all()
    assert events
    for event in events[::17]:
        rows = select(Eligible.member_id).where(Eligible.event_id == event.id)
        at_home = select(Membership.member_id).join(Member, Member.id == Membership.member_id).where(
            Membership.site_id == event.site_id,
            Membership.rank == MembershipRank.HOME,
            Membership.from_at <= event.starts_at,
            or_(Membership.to_at.is_(None), Membership.to_at > event.starts_at),
            was_active(event.starts_at),
        )  # fmt: skip
        assert set(db.session.scalars(rows)) == set(db.session.scalars(at_home))


@pytest.mark.parametrize("now", HOURS)
def test_a_picket_is_open_whatever_the_hour(sqlite_app: Flask, now: datetime) -> None:
    local.load_demo(now)
    picket = local.open_todays_picket(now)
    event = db.session.scalar(select(Event).where(Event.code == picket.check_in_url.rsplit("/", 1)[1]))
    assert event is not None
    assert event.starts_at < now < event.ends_at - timedelta(hours=1)
    today = board(event.action).total
    assert 0 < today.names.came < today.names.eligible / 2
    assert 0 < today.reporting < 40
    newest = db.session.scalar(select(func.max(Evidence.recorded_at)))
    assert newest is not None and newest <= now


def test_starting_it_again_opens_no_second_picket_until_the_first_is_over(demo: local.SeedPicket) -> None:
    actions = count(Action)
    again = local.open_todays_picket(NOW + timedelta(minutes=10))
    assert again.check_in_url == demo.check_in_url
    assert count(Action) == actions
    tomorrow = local.open_todays_picket(NOW + timedelta(days=1))
    assert tomorrow.check_in_url != demo.check_in_url
    assert count(Action) == actions + 1


def test_loading_it_twice_is_refused(demo: local.SeedPicket) -> None:
    with pytest.raises(Refused):
        local.load_demo(NOW)
    assert count(Site) == 60


def test_the_links_let_their_people_in(pg_app: Flask, bare_client: FlaskClient) -> None:
    now = clock.now()
    local.load_demo(now)
    picket = local.open_todays_picket(now)
    assert [who for who, _link in picket.links] == ["organizer", "chair", "office", "captain"]
    for _who, link in [*picket.links, ("", picket.check_in_url)]:
        assert bare_client.get("/" + link.split("/", 3)[3]).status_code == 200


def test_chairs_are_asked_and_a_reminder_is_due_at_once(demo: local.SeedPicket) -> None:
    assert plan_reminders(NOW) > 100
    assert ask_for_counts(NOW) > 20
    rows = db.session.scalars(select(OutboxText).where(OutboxText.wording == "count_question"))
    assert "+12135550103" in {text.to for text in rows}
    assert all(text.due_at <= NOW for text in db.session.scalars(select(OutboxText)))


def test_reset_wipes_and_loads_it_anew(demo: local.SeedPicket) -> None:
    local.reset(NOW)
    assert (count(Site), count(HeadCount) > 100) == (60, True)
    assert count(IndexKey) == 1, "without it a process that starts later finds no phone and no number"


def test_reset_is_refused_in_production(sqlite_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    import config

    settings = dataclasses.replace(sqlite_app.config["MOBILIZE"], env=config.Env.PRODUCTION)
    monkeypatch.setitem(sqlite_app.config, "MOBILIZE", settings)
    with pytest.raises(Refused):
        local.reset(NOW)


def test_the_figures_are_the_same_every_time(sqlite_app: Flask) -> None:
    def figures() -> list[tuple[str, int]]:
        rows = select(Site.name, func.count()).join(Attendance, Attendance.chapter_id == Site.id)
        return [tuple(row) for row in db.session.execute(rows.group_by(Site.name).order_by(Site.name))]

    local.load_demo(NOW)
    first = figures()
    local.reset(NOW)
    assert figures() == first
