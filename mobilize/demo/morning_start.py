"""Before a simulated morning can run: a picket at every site, a rally of one area, and who belongs there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from flask import Flask, current_app
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from mobilize import clock, settings
from mobilize.accounts.grants import grant_line
from mobilize.accounts.models import GrantKind
from mobilize.actions.calling_off import call_off_action
from mobilize.actions.models import Action, ActionKind, Event
from mobilize.actions.operations import create_action_at_sites, create_rally
from mobilize.actions.plans import Bilingual, NewAction
from mobilize.actions.queries import chapters_of
from mobilize.actions.spans import LocalSpan
from mobilize.database import atomic, db
from mobilize.demo.morning import Morning, SimulatedClock
from mobilize.demo.morning_phones import LinePhone, Texting
from mobilize.demo.morning_plan import LAST, RALLY_AT, Deed, Gate, Someone, Way, plan
from mobilize.demo.union import DEMO_AREA
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.counts import chairs_of
from mobilize.reminders.operations import change_count_question, set_default_rules
from mobilize.roster.models import Area, Member, Membership, MemberStatus, Rank
from mobilize.texts.carrier import LogUnreadable
from mobilize.texts.catching_up import take_missed_texts

SHELL = "shell"
# The lines stand a little longer than the simulated clock runs.
STANDS = timedelta(minutes=LAST + 10)
LADDER = (15, 25, 35)
BY_LINE = (Way.TICK, Way.HEAD_COUNT, Way.SUPPORTERS)


def begin(speed: float, seed: int, now: datetime) -> tuple[Morning, Action]:
    """Make the picket and the rally as an organizer would, and hand out the captains' links.

    Every call makes another morning; the same seed with the same local makes the same one. Refused: "no_demo"
    outside the demo, where invented people must not be counted.
    """
    if not settings().is_demo:
        raise Refused("no_demo", _("A simulated morning runs in the demo only: start it with make run."))
    simulated, base = SimulatedClock(now, speed), settings().public_base_url
    texting = Texting(settings().carrier_page_url) if settings().carrier_page_url else None
    texts_before = len(texting.arrived(0)) if texting else 0
    with atomic():
        picket, rally = _actions(simulated, now)
        set_default_rules(now)
        _ask_on_its_clock(picket, simulated, now)
    with _called_off_if_stopped(picket, rally):
        events = [*_events(picket), *_events(rally)]
        gates = _gates(events, now)
        deeds = plan(gates, seed)
        lines = _lines(events, deeds, base, now)
    take = _taker(current_app._get_current_object())  # type: ignore[attr-defined]
    return Morning(gates, deeds, simulated, base, lines, texting, clock.now, take, texts_before), picket


@contextmanager
def _called_off_if_stopped(*actions: Action) -> Iterator[None]:
    """Who stops it before the first deed leaves no action that nobody comes to."""
    try:
        yield
    except KeyboardInterrupt:
        db.session.rollback()
        for action in actions:
            call_off_action(action, actor=SHELL, now=clock.now())
        raise


def _taker(app: Flask) -> Callable[[datetime], object]:
    """Takes in what the carrier's log says was texted since then, from any thread."""

    def take(since: datetime) -> None:
        with app.app_context(), suppress(LogUnreadable):
            take_missed_texts(since)

    return take


def _actions(simulated: SimulatedClock, now: datetime) -> tuple[Action, Action]:
    names = Bilingual("Simulated morning", "Mañana simulada"), Bilingual("Simulated rally", "Mitin simulado")
    ends = simulated.start + STANDS
    picket = NewAction(names[0], ActionKind.PICKET, _span(simulated.start, ends))
    begins = simulated.happens_at(RALLY_AT)
    rally = NewAction(names[1], ActionKind.RALLY, _span(begins, ends))
    area = db.session.scalars(select(Area).order_by(Area.name != DEMO_AREA, Area.name)).first()
    return (
        create_action_at_sites(picket, actor=SHELL, now=now),
        create_rally(rally, "Courthouse Plaza", areas=[area] if area else None, actor=SHELL, now=now),
    )


def _span(starts_at: datetime, ends_at: datetime) -> LocalSpan:
    start, end = (clock.local(moment, settings().union_timezone) for moment in (starts_at, ends_at))
    return LocalSpan(start.date(), start.time(), end.time(), second_hour=bool(start.fold))


def _ask_on_its_clock(picket: Action, simulated: SimulatedClock, now: datetime) -> None:
    """The question to the chairs and what follows it, when the simulated clock shows their minutes."""
    ours = [
        (simulated.began - simulated.start).total_seconds() + simulated.seconds_until(minute)
        for minute in LADDER
    ]
    first, again, call = (int(seconds // 60) for seconds in ours)
    again = max(again, first + 1)
    change_count_question(
        picket, first, again_after=again, call_after=max(call, again + 1), on=True, actor=SHELL, now=now
    )


def _events(action: Action) -> Sequence[Event]:
    mine = select(Event).where(Event.action_id == action.id).options(joinedload(Event.site))
    return db.session.scalars(mine.order_by(Event.site_id, Event.id)).all()


def _gates(events: Sequence[Event], now: datetime) -> list[Gate]:
    chairs = chairs_of([event.site_id for event in events if event.site_id], now)
    return [
        Gate(
            code=event.code,
            text_code=event.text_code,
            name=event.place,
            members=_members(event),
            chair=chairs[event.site_id][0][1].phone if event.site_id in chairs else "",
            rally=event.site_id is None,
        )
        for event in events
    ]


def _members(event: Event) -> list[Someone]:
    """The active members of its chapters, each with what her phone types: number, and where she is texted."""
    rows = db.session.scalars(
        select(Member)
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.site_id.in_(chapters_of(event.id)), Membership.rank == Rank.HOME)
        .where(Membership.to_at.is_(None), Member.gone_on.is_(None), Member.status == MemberStatus.ACTIVE)
        .order_by(Member.id)
    )
    return [Someone(str(member.id), member.number or "", member.phone or "") for member in rows]


def _lines(events: Sequence[Event], deeds: Sequence[Deed], base: str, now: datetime) -> dict[int, LinePhone]:
    """A captain's phone at each gate where the plan needs one."""
    wanted = sorted({deed.at for deed in deeds if deed.way in BY_LINE})
    found = {}
    for at in wanted:
        event = events[at]
        ends_at = event.ends_at + timedelta(minutes=30)
        _grant, token = grant_line(
            event.id, GrantKind.LINK, "Simulated captain", None, SHELL, ends_at, now=now
        )
        found[at] = LinePhone(base, token, event.code)
    return found
