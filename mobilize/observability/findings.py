"""The findings of the doctor (`workers.doctor`) about this installation: workers write them, a page reads.

A finding is a code and the values of its sentence, so that it is said in the language of whoever reads it.
`finding_words` has every code, its state, its sentence and what to do.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select

from mobilize.database import atomic, db
from mobilize.languages import _
from mobilize.observability import health_checks
from mobilize.observability.finding_words import FINDINGS, FindingState
from mobilize.observability.health_checks import HealthCheck
from mobilize.operating import how_to

EXAMINED_EVERY = timedelta(minutes=15)
# What was found longer ago says nothing of now: three looks were left out.
HOLDS = 3 * EXAMINED_EVERY
EXAMINED, REQUESTED, _PREFIX = "doctor", "doctor.requested", "doctor.finding."
# Letters of a value that are stored: it is a name, a number or an address, and all share one column.
_LONGEST = 64


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, by the code of what was found. No value is secret or personal."""

    code: str
    values: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def state(self) -> FindingState:
        return FINDINGS[self.code].state

    @property
    def subject(self) -> str:
        """What was looked at, as the reader calls it."""
        return _(FINDINGS[self.code].subject)

    @property
    def sentence(self) -> str:
        """What was found, in the reader's language."""
        return _(FINDINGS[self.code].sentence, **self.values)

    @property
    def remedy(self) -> str:
        """What to do about it here; "" where nothing is to be done."""
        remedy = FINDINGS[self.code].remedy
        return _(remedy, **how_to(), **self.values) if remedy else ""


@dataclass(frozen=True)
class Examination:
    """The findings of one look at everything, the worst first, and when that was."""

    findings: Sequence[Finding]
    examined_at: datetime

    @property
    def state(self) -> FindingState:
        return worst_of(self.findings)


def worst_of(findings: Sequence[Finding]) -> FindingState:
    """The state of all of them together."""
    order = list(FindingState)
    return max((finding.state for finding in findings), key=order.index, default=FindingState.OK)


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """The same findings, those that need somebody first, else in their order."""
    order = list(FindingState)
    return sorted(findings, key=lambda finding: -order.index(finding.state))


def finding(code: str, **values: str | int) -> Finding:
    """A finding of this code, with the values of its sentence."""
    return Finding(code, values)


def record(findings: Sequence[Finding], *, now: datetime) -> None:
    """Store these findings in the place of those before."""
    with atomic() as session:
        session.execute(delete(HealthCheck).where(HealthCheck.name.startswith(_PREFIX)))
        for n, one in enumerate(findings):
            session.add(HealthCheck(name=f"{_PREFIX}{n:03d}", value=_as_json(one), seen_at=now))
        health_checks.record(EXAMINED, "", now=now)


def _as_json(one: Finding) -> str:
    short = {
        name: value if isinstance(value, int) else value[:_LONGEST] for name, value in one.values.items()
    }
    return json.dumps([one.code, short], ensure_ascii=False)


def latest() -> Examination | None:
    """The findings that were stored last; None where nobody has looked yet. A code of another version is left
    out."""
    examined = health_checks.latest(EXAMINED)
    if examined is None:
        return None
    query = select(HealthCheck.value).where(HealthCheck.name.startswith(_PREFIX)).order_by(HealthCheck.name)
    rows = [json.loads(value) for value in db.session.scalars(query)]
    findings = [Finding(code, values) for code, values in rows if code in FINDINGS]
    return Examination(worst_first(findings), examined.seen_at)


def request_examination(*, now: datetime) -> None:
    """Ask the workers to look at everything now. Repeated before they did, it is one request."""
    health_checks.record(REQUESTED, "", now=now)


def requested(_now: datetime) -> Select[Any]:
    """SELECT of the request that nobody has carried out yet."""
    examined_at = (
        select(HealthCheck.seen_at).where(HealthCheck.name == EXAMINED).scalar_subquery().correlate(None)
    )
    requests = select(HealthCheck.name).where(HealthCheck.name == REQUESTED)
    return requests.where((HealthCheck.seen_at > examined_at) | examined_at.is_(None))


def is_requested(now: datetime) -> bool:
    """Whether somebody asked for a look that the workers have not taken yet."""
    return db.session.scalar(requested(now)) is not None


def is_well(now: datetime, *, within: timedelta) -> bool:
    """Whether everything was looked at lately, and nothing found broken."""
    last = latest()
    return last is not None and now - last.examined_at < within and last.state is not FindingState.BROKEN
