"""Three lanes for codes by text, each with a budget of its own: no crowd in one stops a code of another.

A budget is so many texts in twenty minutes, a setting for each lane. It is what bounds the money and the
guessing of a flood, in place of the spending breaker and of pauses, which hold no codes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import aliased

from mobilize import settings
from mobilize.accounts.models import CodeLane, CodeRequest
from mobilize.database import db
from mobilize.rate_limits import allow, used_so_far, window_start
from mobilize.texts.models import Priority

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
    """What a lane has texted in the running window, of how many; `until_at` is when the next one begins."""

    lane: CodeLane
    used: int
    budget: int
    until_at: datetime

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.budget


def budget_of(lane: CodeLane) -> int:
    """How many codes this lane may text in twenty minutes."""
    chosen = settings()
    budgets = {
        CodeLane.KNOWN_BROWSER: chosen.known_browser_codes_in_20_minutes,
        CodeLane.ROLE: chosen.role_codes_in_20_minutes,
        CodeLane.MEMBER: chosen.member_codes_in_20_minutes,
    }
    return budgets[lane]


def lane_use(lane: CodeLane, now: datetime) -> LaneUse:
    """How much of its budget a lane has used."""
    used, budget = used_so_far("code lane", lane, per=WINDOW, now=now), budget_of(lane)
    return LaneUse(lane, min(used, budget), budget, window_start(WINDOW, now) + WINDOW)


def take_from_budget(lane: CodeLane, *, now: datetime) -> bool:
    """Count one more code of this lane; False when its budget is used up. Of two at once one gets the
    last."""
    return allow("code lane", lane, most=budget_of(lane), per=WINDOW, now=now)


def unanswered_codes(now: datetime) -> dict[CodeLane, int]:
    """Codes texted within the hour that nobody has typed, by lane. To phones that did use one: not counted.

    Known browsers are left out: no stranger can ask from one.
    """
    one, used = CodeRequest, aliased(CodeRequest)
    texted = (
        select(one.lane, one.phone_bix, one.code_hash)
        .where(one.looked_at.between(now - LOOKS_BACK, now - ANSWERED_WITHIN), one.code_hash.is_not(None))
        .where(one.lane.in_((CodeLane.ROLE, CodeLane.MEMBER)))
        .distinct()
        .subquery()
    )
    answered = exists().where(
        used.phone_bix == texted.c.phone_bix, used.lane == texted.c.lane, used.used_at > now - LOOKS_BACK
    )
    rows = db.session.execute(select(texted.c.lane, func.count()).where(~answered).group_by(texted.c.lane))
    return {row[0]: row[1] for row in rows}
