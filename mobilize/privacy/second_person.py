"""Phones leave only when a second person agrees. The one place of this room that asks her."""

from datetime import datetime

from mobilize.accounts.approval_models import ApprovalState
from mobilize.accounts.approvals import Kind, needs_second_person, open_approval, request_approval, use
from mobilize.languages import _
from mobilize.privacy.models import Export


def wants_second_person(people: int) -> bool:
    """From 25 people up: a smaller local may have nobody else."""
    return needs_second_person(Kind.PHONE_EXPORT, people)


def ask_second_person(export: Export, *, now: datetime) -> None:
    """Ask the office for its yes to this one export."""
    said = _(
        "Names and phone numbers of %(people)s members, for %(action)s. What for: %(reason)s",
        people=export.people,
        action=export.action.name_en,
        reason=export.reason,
    )
    request_approval(Kind.PHONE_EXPORT, str(export.id), said, by=f"person:{export.person_id}", now=now)


def has_second_yes(export: Export, *, now: datetime) -> bool:
    """Has somebody agreed, and was it not used yet?"""
    found = open_approval(Kind.PHONE_EXPORT, str(export.id), now=now)
    return found is not None and found.state is ApprovalState.APPROVED


def use_second_yes(export: Export, *, now: datetime) -> None:
    """Spend it: one yes is one link. Refused: "second_person"."""
    use(Kind.PHONE_EXPORT, str(export.id), now=now)
