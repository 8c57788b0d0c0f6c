"""Budgets of codes by text, one for each lane, so that a flood in one lane stops no code of another.

A budget is a number of texts in twenty minutes, a setting for each lane. It limits the cost and the guesses
of a flood, in place of the spending breaker and of pauses, which do not apply to codes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import aliased

from mobilize import settings
from mobilize.accounts.models import CodeLane, CodeRequest
from mobilize.database import db
from mobilize.texts.models import Priority
from mobilize.web.rate_limits import allow, used_so_far, window_start

WINDOW = timedelta(minutes=20)
# A code that nobody has typed by then is unanswered: honest ones are typed within a minute or two.
ANSWERED_WITHIN = timedelta(minutes=3)
LOOKS_BACK = timedelta(hours=1)
UNANSWERED_ALARM = 50  # in a lane and an hour: somebody asks with numbers that are not theirs

PRIORITIES = {
    CodeLane.KNOWN_BROWSER: Priority.CODE,
    CodeLane.ROLE: Priority.CODE_OF_ROLE,
    CodeLane.MEMBER: Priority.CODE_OF_MEMBER,
}


@dataclass(frozen=True)
class LaneUse:
    """The texts of a lane in the running window and its budget; `until_at` is when the next window begins."""

    lane: CodeLane
    used: int
    budget: int
    until_at: datetime

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.budget


def budget_of(lane: CodeLane) -> int:
    """The number of codes that a lane may text in twenty minutes."""
    chosen = settings()
    budgets = {
        CodeLane.KNOWN_BROWSER: chosen.known_browser_codes_in_20_minutes,
        CodeLane.ROLE: chosen.role_codes_in_20_minutes,
        CodeLane.MEMBER: chosen.member_codes_in_20_minutes,
    }
    return budgets[lane]


def lane_use(lane: CodeLane, now: datetime) -> LaneUse:
    """The use of a lane's budget in the running window."""
    used, budget = used_so_far("code lane", lane, window=WINDOW, now=now), budget_of(lane)
    return LaneUse(lane, min(used, budget), budget, window_start(WINDOW, now) + WINDOW)


def take_from_budget(lane: CodeLane, *, now: datetime) -> bool:
    """Count one more code of this lane; False when its budget is used up. Of two at once one gets the
    last."""
    return allow("code lane", lane, limit=budget_of(lane), window=WINDOW, now=now)


def asked_lately(now: datetime) -> Select[Any]:
    """SELECT of the requests for codes that can have used up a budget, or be unanswered."""
    return select(CodeRequest.id).where(CodeRequest.asked_at > now - LOOKS_BACK)


def unanswered_codes(now: datetime) -> dict[CodeLane, int]:
    """Codes texted within the hour that nobody has typed, by lane. To phones that did use one: not counted.

    Known browsers are left out: no stranger can ask from one.
    """
    one, used = CodeRequest, aliased(CodeRequest)
    texted = (
        select(one.lane, one.phone_index, one.code_hash)
        .where(one.looked_at.between(now - LOOKS_BACK, now - ANSWERED_WITHIN), one.code_hash.is_not(None))
        .where(one.lane.in_((CodeLane.ROLE, CodeLane.MEMBER)))
        .distinct()
        .subquery()
    )
    answered = exists().where(
        used.phone_index == texted.c.phone_index, used.lane == texted.c.lane, used.used_at > now - LOOKS_BACK
    )
    rows = db.session.execute(select(texted.c.lane, func.count()).where(~answered).group_by(texted.c.lane))
    return {row[0]: row[1] for row in rows}
