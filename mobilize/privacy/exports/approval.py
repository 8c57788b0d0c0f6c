"""The second person's approval of exports with phone numbers."""

from datetime import datetime

from mobilize.accounts.approvals.models import ApprovalState
from mobilize.accounts.approvals.operations import (
    ApprovalKind,
    needs_second_person,
    open_approval,
    request_approval,
    use,
)
from mobilize.languages import _, in_every_language
from mobilize.privacy.models import Export


def wants_second_person(people: int) -> bool:
    """Whether an export of so many people needs a second person: from 25 people up."""
    return needs_second_person(ApprovalKind.PHONE_EXPORT, people)


def ask_second_person(export: Export, *, now: datetime) -> None:
    """Ask the office to approve an export."""
    summary = in_every_language(
        lambda code: _(
            "Names and phone numbers of %(people)s members, for %(action)s. What for: %(reason)s",
            people=export.people,
            action=export.action.name.in_(code),
            reason=export.reason,
        )
    )
    request_approval(
        ApprovalKind.PHONE_EXPORT, str(export.id), summary, by=f"person:{export.person_id}", now=now
    )


def has_second_yes(export: Export, *, now: datetime) -> bool:
    """Whether an export is approved, and the approval not used yet."""
    approval = open_approval(ApprovalKind.PHONE_EXPORT, str(export.id), now=now)
    return approval is not None and approval.state is ApprovalState.APPROVED


def use_second_yes(export: Export, *, now: datetime) -> None:
    """Use the approval up: one approval is one link. Refused: "second_person"."""
    use(ApprovalKind.PHONE_EXPORT, str(export.id), now=now)
