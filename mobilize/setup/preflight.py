"""Preflight checks: what has to hold on the morning of an action, each of them good, or not and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mobilize import settings
from mobilize.accounts.security.protections import ProtectionState, protections
from mobilize.languages import _, say_date, say_time
from mobilize.observability import findings
from mobilize.observability.finding_words import FindingState
from mobilize.operating import how_to
from mobilize.setup.checklist import setup_steps
from mobilize.setup.load_drill import SLOW_MS, DrillResult, last_drill

DRILL_HOLDS = timedelta(days=7)
# Of the checklist of setting up, what the morning needs.
_NEEDED = ("help_number", "carrier", "sites", "roster", "people", "live")


@dataclass(frozen=True)
class PreflightCheck:
    """One thing that has to hold: `is_so` describes its state, `do` what to do about it ("" when nothing)."""

    title: str
    is_good: bool
    is_so: str
    do: str = ""


def preflight_checks(now: datetime) -> list[PreflightCheck]:
    """Every check: the drill, the doctor's, what the morning needs of setting up, the protections."""
    steps = [step for step in setup_steps(now) if step.name in _NEEDED and _is_wanted(step.name)]
    checks = [PreflightCheck(step.title, step.is_done, step.is_so) for step in steps]
    guarded = [
        PreflightCheck(one.title, one.state is ProtectionState.OK, one.is_so, one.do)
        for one in protections(now)
        if one.name != "help_number"
    ]
    return [_drill(now), *_doctor(now), *checks, *guarded]


def _doctor(now: datetime) -> list[PreflightCheck]:
    """What the doctor has found broken, or that it found nothing, or has not looked lately."""
    title, last = _("Everything is set up right"), findings.latest()
    do = _("Run: %(mobilize)s doctor", **how_to())
    if last is None or now - last.examined_at > findings.HOLDS:
        return [PreflightCheck(title, False, _("The doctor has not looked within the last 45 minutes."), do)]
    broken = [one for one in last.findings if one.state is FindingState.BROKEN]
    if not broken:
        is_so = _("Checked on %(when)s.", when=f"{say_date(last.examined_at)}, {say_time(last.examined_at)}")
        return [PreflightCheck(title, True, is_so)]
    return [PreflightCheck(one.subject, False, one.sentence, one.remedy) for one in broken]


def _is_wanted(name: str) -> bool:
    """A service without texting is ready without a carrier, and without having gone live."""
    return name not in {"carrier", "live"} or bool(settings().carriers_set_up)


def _drill(now: datetime) -> PreflightCheck:
    title, drill = _("The installation carries twice the peak"), last_drill()
    do = _("On the server, at a quiet hour: %(mobilize)s drill. It texts nobody.", **how_to())
    if drill is None:
        return PreflightCheck(title, False, _("It was not tried yet."), do)
    result, held_at = drill
    when = f"{say_date(held_at)}, {say_time(held_at)}"
    if now - held_at > DRILL_HOLDS:
        is_so = _("It was last tried on %(when)s, more than a week ago.", when=when)
        return PreflightCheck(title, False, is_so, do)
    is_so = _(
        "Tried on %(when)s: %(rate)s check-ins a second, of %(sent)s %(stored)s stored, 95 of 100 answered "
        "within %(ms)s ms.",
        when=when,
        rate=f"{result.rate:g}",
        sent=result.sent,
        stored=result.stored,
        ms=result.p95_ms,
    )
    return PreflightCheck(title, result.is_good, is_so, why_not(result))


def why_not(result: DrillResult) -> str:
    """What is not good about a drill, and what to do; empty where nothing is."""
    if result.is_good:
        return ""
    if result.rate < result.target_rate:
        peak = f"{result.target_rate:g}"
        return _(
            "Twice the peak of this roster is %(peak)s a second. Try that: %(mobilize)s drill.",
            peak=peak,
            **how_to(),
        )
    if result.unanswered or result.refused:
        return _(
            "Not answered: %(silent)s. Refused: %(refused)s. Look at the proxy's limits and the web's log.",
            silent=result.unanswered,
            refused=result.refused,
        )
    if result.stored < result.acknowledged:
        return _("Some were acknowledged and are not stored. Let nobody check in before that is understood.")
    return _(
        "Slower than %(slow)s ms. More processor, or another machine for the workers: docs/scaling.md.",
        slow=SLOW_MS,
    )
