"""The checklist of setting up: each step done or not yet, in the order in which they build on one another."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import format_decimal
from sqlalchemy import func, select

import config
from mobilize import settings, stored_settings
from mobilize.accounts.access.scope import running_on, today
from mobilize.accounts.models import RoleTerm
from mobilize.actions.models import Action, Event
from mobilize.checkins.models import Attendance
from mobilize.database import db
from mobilize.languages import _
from mobilize.phones import format_phone
from mobilize.roster.models import Area, Member, Site
from mobilize.setup.carrier import is_tested


@dataclass(frozen=True)
class SetupStep:
    """One step: `is_so` describes its state, `endpoint` is the page where it is done. Nobody has to stand at
    one that `can_wait`."""

    name: str
    title: str
    is_done: bool
    is_so: str
    endpoint: str
    can_wait: bool = False


def setup_steps(now: datetime) -> list[SetupStep]:
    """Every step, in order."""
    return [look(now) for look in _LOOKS]


def next_step(steps: list[SetupStep]) -> SetupStep | None:
    """The first that is not done; one that can wait only when nothing else is left."""
    to_do = [step for step in steps if not step.is_done]
    return min(to_do, key=lambda step: step.can_wait, default=None)


def _union(_now: datetime) -> SetupStep:
    chosen = settings()
    # Chosen in the browser, or in the environment, where nobody can see whether it was left as it is.
    is_done = chosen.union_name != config.DEFAULT_UNION or "UNION_NAME" in stored_settings.read()
    is_so = f"{chosen.union_name} · {chosen.union_timezone} · {chosen.union_colour}"
    return SetupStep("union", _("The union: name, time zone, color"), is_done, is_so, "setup.union")


def _help_number(_now: datetime) -> SetupStep:
    number = settings().help_number
    is_so = (
        _("It is %(number)s.", number=format_phone(number))
        if number
        else _("Posters and pages show no help number.")
    )
    return SetupStep(
        "help_number", _("A help number that somebody answers"), bool(number), is_so, "setup.union"
    )


def _carrier(_now: datetime) -> SetupStep:
    names = [name.capitalize() for name in settings().carriers_set_up]
    if not names:
        is_so = _("None. Everything works but texts: people are invited by links that you pass on.")
    elif is_tested():
        is_so = _("%(names)s: a test text was accepted.", names=", ".join(names))
    else:
        is_so = _("%(names)s: not tested yet.", names=", ".join(names))
    # A registration takes weeks, and its keys go into a file on the server.
    return SetupStep(
        "carrier", _("A carrier for texts"), bool(names) and is_tested(), is_so, "setup.carrier", not names
    )


def _areas(_now: datetime) -> SetupStep:
    n = _count(select(func.count()).select_from(Area))
    return SetupStep("areas", _("Areas"), n > 0, _("There are %(n)s.", n=format_decimal(n)), "setup.areas")


def _sites(_now: datetime) -> SetupStep:
    n = _count(select(func.count()).select_from(Site))
    return SetupStep(
        "sites", _("Sites, from a file"), n > 0, _("There are %(n)s.", n=format_decimal(n)), "roster.imports"
    )


def _roster(_now: datetime) -> SetupStep:
    n = _count(select(func.count()).select_from(Member).where(Member.gone_on.is_(None)))
    is_so = _("There are %(n)s members.", n=format_decimal(n))
    return SetupStep("roster", _("The roster, from a file"), n > 0, is_so, "roster.imports")


def _people(now: datetime) -> SetupStep:
    n = _count(select(func.count(RoleTerm.person_id.distinct())).where(running_on(today(now))))
    is_so = _("With a role, you among them: %(n)s.", n=format_decimal(n))
    return SetupStep(
        "people", _("People: a second admin, organizers, chairs"), n > 1, is_so, "accounts.people"
    )


def _first_action(_now: datetime) -> SetupStep:
    n = _count(select(func.count()).where(Action.drill.is_(False)))
    return SetupStep(
        "action",
        _("The first action"),
        n > 0,
        _("There are %(n)s.", n=format_decimal(n)),
        "actions.campaigns",
    )


def _rehearsal(_now: datetime) -> SetupStep:
    drills = select(Event.id).join(Action, Action.id == Event.action_id).where(Action.drill)
    n = _count(select(func.count()).select_from(Attendance).where(Attendance.event_id.in_(drills)))
    is_so = _("Checked in at drills: %(n)s. Make an action and tick that it is a drill.", n=format_decimal(n))
    return SetupStep("rehearsal", _("A rehearsal: check in at a drill"), n > 0, is_so, "actions.campaigns")


def _live(_now: datetime) -> SetupStep:
    is_done = settings().is_live
    is_so = _("Texts reach everybody.") if is_done else _("Texts reach only people with a role, 50 a day.")
    return SetupStep("live", _("Go live"), is_done, is_so, "setup.live")


def _count(query: Any) -> int:
    return db.session.scalar(query) or 0


_LOOKS: tuple[Callable[[datetime], SetupStep], ...] = (
    _union,
    _help_number,
    _carrier,
    _areas,
    _sites,
    _roster,
    _people,
    _first_action,
    _rehearsal,
    _live,
)
