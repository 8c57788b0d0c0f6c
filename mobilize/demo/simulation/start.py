"""Preparation of a simulated morning: a picket at every site, a rally of one area, and their people."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, time, timedelta

from flask import Flask, current_app
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from mobilize import clock, settings
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import Action, ActionKind, Event
from mobilize.actions.operations import (
    NewAction,
    call_off_action,
    create_action_at_sites,
    create_rally,
)
from mobilize.actions.queries import chapters_of
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.database import atomic, db
from mobilize.demo.seed.people import DEMO_AREA
from mobilize.demo.simulation.morning import SimulatedClock, SimulatedMorning
from mobilize.demo.simulation.own_words import MOST_REPLIES, in_own_words
from mobilize.demo.simulation.phones import CarrierPhones, LinePhone
from mobilize.demo.simulation.plan import (
    LAST_MINUTE,
    RALLY_MINUTE,
    PlannedStep,
    SimulatedEvent,
    SimulatedPerson,
    StepKind,
    plan,
)
from mobilize.errors import Refused
from mobilize.languages import Translated, _
from mobilize.reminders.head_counts.requests import chairs_of
from mobilize.reminders.models import RuleKind
from mobilize.reminders.rules.operations import change_rule, set_default_rules
from mobilize.roster.models import Area, Member, Membership, MembershipRank, MemberStatus
from mobilize.texts.carriers.base import LogUnreadable
from mobilize.texts.models import Question, QuestionKind
from mobilize.texts.receiving.missed_events import take_missed_texts

ACTOR = "shell"
# The lines stand a little longer than the simulated clock runs.
PICKET_LENGTH = timedelta(minutes=LAST_MINUTE + 10)
QUESTION_MINUTES = (15, 25, 35)
LINE_KINDS = (StepKind.TICK, StepKind.HEAD_COUNT, StepKind.SUPPORTERS)


def prepare_morning(speed: float, seed: int, now: datetime) -> tuple[SimulatedMorning, Action]:
    """Make the picket and the rally as an organizer would, and hand out the captains' links.

    Every call makes another morning; the same seed with the same local makes the same one. Refused: "no_demo"
    outside the demo, where invented people must not be counted.
    """
    if not settings().is_demo:
        raise Refused("no_demo", _("A simulated morning runs in the demo only: start it with make run."))
    simulated_clock, base = SimulatedClock(now, speed), settings().public_base_url
    carrier = CarrierPhones(settings().carrier_page_url) if settings().carrier_page_url else None
    texts_before = len(carrier.received(0)) if carrier else 0
    with atomic():
        picket, rally = _create_actions(simulated_clock, now)
        set_default_rules(now)
        _schedule_count_question(picket, simulated_clock, now)
    with _called_off_on_interrupt(picket, rally):
        events = [*_load_events(picket), *_load_events(rally)]
        simulated_events = _simulated_events(events, now)
        askable = reminded = _members_asked(now)
        if len(reminded) < MOST_REPLIES:
            askable = [
                one for event in simulated_events if event.is_rally for one in event.members if one.phone
            ]
        steps = in_own_words(plan(simulated_events, seed), simulated_events, askable, seed)
        line_phones = _line_phones(events, steps, base, now)
        if askable is not reminded and askable:
            _ask_about_vigil(now)
    read_texts = _text_reader(current_app._get_current_object())  # type: ignore[attr-defined]
    return SimulatedMorning(
        simulated_events,
        steps,
        simulated_clock,
        base,
        line_phones,
        carrier,
        clock.now,
        read_texts,
        texts_before,
        frozenset(member.phone for member in reminded),
    ), picket


@contextmanager
def _called_off_on_interrupt(*actions: Action) -> Iterator[None]:
    """Interrupted before the first step, the actions are called off: nobody would come to them."""
    try:
        yield
    except KeyboardInterrupt:
        db.session.rollback()
        for action in actions:
            call_off_action(action, actor=ACTOR, now=clock.now())
        raise


def _text_reader(app: Flask) -> Callable[[datetime], object]:
    """Takes in what the carrier's log says was texted since then, from any thread."""

    def read_texts(since: datetime) -> None:
        with app.app_context(), suppress(LogUnreadable):
            take_missed_texts(since)

    return read_texts


def _create_actions(simulated_clock: SimulatedClock, now: datetime) -> tuple[Action, Action]:
    names = (
        Translated(en="Simulated morning", es="Mañana simulada"),
        Translated(en="Simulated rally", es="Mitin simulado"),
    )
    ends = simulated_clock.start + PICKET_LENGTH
    picket = NewAction(names[0], ActionKind.PICKET, _local_range(simulated_clock.start, ends))
    begins = simulated_clock.happens_at(RALLY_MINUTE)
    rally = NewAction(names[1], ActionKind.RALLY, _local_range(begins, ends))
    return (
        create_action_at_sites(picket, actor=ACTOR, now=now),
        create_rally(rally, "Courthouse Plaza", areas=_areas(), actor=ACTOR, now=now),
    )


def _areas() -> list[Area] | None:
    area = db.session.scalars(select(Area).order_by(Area.name != DEMO_AREA, Area.name)).first()
    return [area] if area else None


def _local_range(starts_at: datetime, ends_at: datetime) -> LocalTimeRange:
    start, end = (clock.local(moment, settings().union_timezone) for moment in (starts_at, ends_at))
    return LocalTimeRange(start.date(), start.time(), end.time(), second_hour=bool(start.fold))


def _schedule_count_question(picket: Action, simulated_clock: SimulatedClock, now: datetime) -> None:
    """The question to the chairs and what follows it, when the simulated clock shows their minutes."""
    seconds = [
        (simulated_clock.started_at - simulated_clock.start).total_seconds()
        + simulated_clock.seconds_until(minute)
        for minute in QUESTION_MINUTES
    ]
    first, again, call = (int(value // 60) for value in seconds)
    again = max(again, first + 1)
    steps = {
        "minutes_after_start": first,
        "again_after_minutes": again,
        "call_after_minutes": max(call, again + 1),
    }
    change_rule(picket, RuleKind.COUNT_QUESTION, steps, on=True, actor=ACTOR, now=now)


def _members_asked(now: datetime) -> list[SimulatedPerson]:
    """The members whom an open question by text asks whether they come."""
    is_open = Question.expires_at > now, Question.answered_at.is_(None), Question.kind == QuestionKind.COMING
    numbers = select(Question.phone_index).where(*is_open)
    active = Member.gone_on.is_(None), Member.status == MemberStatus.ACTIVE
    query = select(Member).where(Member.phone_index.in_(numbers), *active).order_by(Member.id)
    return [_person(member) for member in db.session.scalars(query)]


def _ask_about_vigil(now: datetime) -> None:
    """A vigil of the rally's area tomorrow, of which its members are reminded now."""
    zone = settings().union_timezone
    local_now = clock.local(now, zone)
    evening = LocalTimeRange(local_now.date() + timedelta(days=1), time(18), time(19))
    name = Translated(en="Simulated vigil", es="Vigilia simulada")
    vigil = create_rally(
        NewAction(name, ActionKind.RALLY, evening), "Courthouse Plaza", areas=_areas(), actor=ACTOR, now=now
    )
    set_default_rules(now)
    at = local_now.time().replace(second=0, microsecond=0)
    change_rule(vigil, RuleKind.DAY_BEFORE, {"at_local": at}, on=True, actor=ACTOR, now=now)


def _load_events(action: Action) -> Sequence[Event]:
    query = select(Event).where(Event.action_id == action.id).options(joinedload(Event.site))
    return db.session.scalars(query.order_by(Event.site_id, Event.id)).all()


def _simulated_events(events: Sequence[Event], now: datetime) -> list[SimulatedEvent]:
    chairs = chairs_of([event.site_id for event in events if event.site_id], now)
    return [
        SimulatedEvent(
            code=event.code,
            text_code=event.text_code,
            name=event.place,
            members=_members(event),
            chair=chairs[event.site_id][0][1].phone if event.site_id in chairs else "",
            is_rally=event.site_id is None,
        )
        for event in events
    ]


def _members(event: Event) -> list[SimulatedPerson]:
    """The active members of its chapters, each with a number and a phone ("" for none)."""
    rows = db.session.scalars(
        select(Member)
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.site_id.in_(chapters_of(event.id)), Membership.rank == MembershipRank.HOME)
        .where(Membership.to_at.is_(None), Member.gone_on.is_(None), Member.status == MemberStatus.ACTIVE)
        .order_by(Member.id)
    )
    return [_person(member) for member in rows]


def _person(member: Member) -> SimulatedPerson:
    return SimulatedPerson(str(member.id), member.number or "", member.phone or "")


def _line_phones(
    events: Sequence[Event], steps: Sequence[PlannedStep], base: str, now: datetime
) -> dict[int, LinePhone]:
    """A captain's phone at each gate where the plan needs one."""
    indexes = sorted({step.event_index for step in steps if step.kind in LINE_KINDS})
    phones = {}
    for index in indexes:
        event = events[index]
        ends_at = event.ends_at + timedelta(minutes=30)
        _grant, token = grant_line(
            event.id, GrantKind.LINK, "Simulated captain", None, ACTOR, ends_at, now=now
        )
        phones[index] = LinePhone(base, token, event.code)
    return phones
