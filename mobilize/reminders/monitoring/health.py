"""The health of texting: failures with their remedies, and numbers to fix."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select

from mobilize.accounts.access.scope import Scope
from mobilize.database import db
from mobilize.roster.models import Member, Membership, MembershipRank, Site
from mobilize.texts.carriers import meaning_of
from mobilize.texts.carriers.base import ErrorMeaning
from mobilize.texts.enums import GIVEN_TO_CARRIER
from mobilize.texts.models import OutboxText, Suppression, TextState

A_WEEK = timedelta(days=7)


class Remedy(StrEnum):
    """The remedy for a group of failures."""

    STOPPED = "stopped"
    FIX_NUMBER = "fix_number"
    NO_ROUTE = "no_route"
    SENDER = "sender"
    SLOW = "slow"
    UNREACHED = "unreached"
    FILTERED = "filtered"
    EXPIRED = "expired"
    OTHER = "other"


_REMEDIES = {
    ErrorMeaning.OPTED_OUT: Remedy.STOPPED,
    ErrorMeaning.BAD_NUMBER: Remedy.FIX_NUMBER,
    ErrorMeaning.STOP_SENDER: Remedy.SENDER,
    ErrorMeaning.SET_UP_WRONG: Remedy.SENDER,
    ErrorMeaning.REFUSES_NUMBER: Remedy.NO_ROUTE,
    ErrorMeaning.SLOW_DOWN: Remedy.SLOW,
    ErrorMeaning.USED_UP_TODAY: Remedy.SLOW,
    ErrorMeaning.ONE_RETRY: Remedy.UNREACHED,
    ErrorMeaning.FILTERED: Remedy.FILTERED,
    ErrorMeaning.EXPIRED: Remedy.EXPIRED,
}


@dataclass(frozen=True)
class FailureGroup:
    """Texts of the last week that did not arrive, with one code of the carrier."""

    code: int
    texts: int
    share: float
    remedy: Remedy


@dataclass(frozen=True)
class UnreachableNumbers:
    """A chapter and how many of its members have a number the carrier cannot reach."""

    site: Site
    members: int


def failures_by_code(now: datetime) -> tuple[int, list[FailureGroup]]:
    """(texts that left in the last week, those that failed by code, most first)."""
    lately = OutboxText.due_at > now - A_WEEK
    left = db.session.scalar(select(func.count()).where(lately, OutboxText.state.in_(GIVEN_TO_CARRIER))) or 0
    code: Any = OutboxText.error_code
    rows = db.session.execute(
        select(code, func.count())
        .where(lately, OutboxText.state == TextState.FAILED, code.is_not(None))
        .where(OutboxText.settled_at > now - A_WEEK)
        .group_by(code)
        .order_by(func.count().desc())
    )
    return left, [FailureGroup(one, count, count / max(left, 1), remedy_for(one)) for one, count in rows]


def remedy_for(code: int) -> Remedy:
    """The group of a code of a carrier; see `texts/carriers`."""
    meaning = meaning_of(code)
    return _REMEDIES[meaning] if meaning else Remedy.OTHER


def numbers_to_fix(scope: Scope) -> Sequence[UnreachableNumbers]:
    """The chapters in scope with numbers the carrier cannot reach, most of them first."""
    query: Any = (
        select(Site, func.count(Member.id.distinct()))
        .join(Membership, Membership.site_id == Site.id)
        .join(Member, Member.id == Membership.member_id)
        .join(Suppression, Suppression.phone_index == Member.phone_index)
        .where(
            Suppression.bad_at.is_not(None),
            Membership.rank == MembershipRank.HOME,
            Membership.to_at.is_(None),
        )
        .where(Member.gone_on.is_(None))
        .group_by(Site.id)
        .order_by(func.count(Member.id.distinct()).desc(), Site.name)
    )
    return [UnreachableNumbers(site, members) for site, members in db.session.execute(scope.limit(query))]
