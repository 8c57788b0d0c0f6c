"""How texting is doing: what failed and what to do about it, numbers to fix, and money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select

from mobilize.accounts.scope import Scope
from mobilize.database import db
from mobilize.roster.models import Member, Membership, Rank, Site
from mobilize.texts import failures
from mobilize.texts.models import OutboxText, PhoneRule, TextState

A_WEEK = timedelta(days=7)


class Remedy(StrEnum):
    """What to do about a group of failures."""

    STOPPED = "stopped"
    FIX_NUMBER = "fix_number"
    SENDER = "sender"
    SLOW = "slow"
    UNREACHED = "unreached"
    FILTERED = "filtered"
    EXPIRED = "expired"
    OTHER = "other"


@dataclass(frozen=True)
class Failures:
    """Texts of the last week that did not arrive, with one code of the carrier."""

    code: int
    texts: int
    share: float
    remedy: Remedy


@dataclass(frozen=True)
class ToFix:
    """A chapter and how many of its members have a number the carrier cannot reach."""

    site: Site
    members: int


def failures_by_code(now: datetime) -> tuple[int, list[Failures]]:
    """(texts that left in the last week, those that failed by code, most first)."""
    gone = (TextState.ACCEPTED, TextState.SENT, TextState.DELIVERED, TextState.FAILED)
    lately = OutboxText.due_at > now - A_WEEK
    left = db.session.scalar(select(func.count()).where(lately, OutboxText.state.in_(gone))) or 0
    code: Any = OutboxText.error_code
    rows = db.session.execute(
        select(code, func.count())
        .where(lately, OutboxText.state == TextState.FAILED, code.is_not(None))
        .where(OutboxText.settled_at > now - A_WEEK)
        .group_by(code)
        .order_by(func.count().desc())
    )
    return left, [Failures(one, count, count / max(left, 1), remedy_for(one)) for one, count in rows]


def remedy_for(code: int) -> Remedy:
    """Which group a code of the carrier belongs to; see `texts.failures`."""
    groups = (
        (failures.OPTED_OUT, Remedy.STOPPED),
        (failures.BAD_NUMBER, Remedy.FIX_NUMBER),
        (failures.STOP_SENDER, Remedy.SENDER),
        (failures.SLOW_DOWN, Remedy.SLOW),
        (failures.ONE_RETRY, Remedy.UNREACHED),
        ({30007}, Remedy.FILTERED),
        ({30036}, Remedy.EXPIRED),
    )
    return next((remedy for codes, remedy in groups if code in codes), Remedy.OTHER)


def numbers_to_fix(scope: Scope) -> Sequence[ToFix]:
    """The chapters in scope with numbers the carrier cannot reach, most of them first."""
    query: Any = (
        select(Site, func.count(Member.id.distinct()))
        .join(Membership, Membership.site_id == Site.id)
        .join(Member, Member.id == Membership.member_id)
        .join(PhoneRule, PhoneRule.phone_bix == Member.phone_bix)
        .where(PhoneRule.bad_at.is_not(None), Membership.rank == Rank.HOME, Membership.to_at.is_(None))
        .where(Member.gone_on.is_(None))
        .group_by(Site.id)
        .order_by(func.count(Member.id.distinct()).desc(), Site.name)
    )
    return [ToFix(site, members) for site, members in db.session.execute(scope.limit(query))]
