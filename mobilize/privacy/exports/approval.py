"""The second person's approval of exports with phone numbers."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import func, select

from mobilize.accounts.access.scope import Scope
from mobilize.accounts.approvals.models import ApprovalState
from mobilize.accounts.approvals.operations import (
    ApprovalKind,
    needs_second_person,
    open_approval,
    request_approval,
    use,
)
from mobilize.accounts.models import Person
from mobilize.actions.models import Action
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _, in_every_language
from mobilize.privacy.models import Export, ExportKind
from mobilize.turnout.board.cache import board_for

COUNTED_TOGETHER = timedelta(days=7)


def wants_second_person(people: int) -> bool:
    """Whether an export of so many people needs a second person: from 25 people up."""
    return needs_second_person(ApprovalKind.PHONE_EXPORT, people)


def counted_with(
    people: int,
    action: Action,
    person: Person,
    scope: Scope,
    now: datetime,
    *,
    besides: uuid.UUID | None = None,
) -> int:
    """The number of people that decides about a second person: with what the same person exported within a
    week without one, and at least all they see of the action, so that they cannot avoid it by chapters."""
    taken = select(func.sum(Export.people)).where(
        Export.person_id == person.id,
        Export.kind == ExportKind.PHONES,
        Export.agreed_at.is_(None),
        Export.used_at > now - COUNTED_TOGETHER,
    )
    if besides is not None:
        taken = taken.where(Export.id != besides)
    visible = board_for(action, scope)
    whole = visible.total.names.eligible + visible.total.names.also_there if visible else 0
    return max(people + int(db.session.scalar(taken) or 0), whole)


def leaves_or_waits(export: Export, people: int | None, scope: Scope, now: datetime) -> bool:
    """Whether a finished file may leave: it has no more phones than the second person approved, or than need
    nobody. Else its link is spent, and the second person is asked."""
    with atomic() as session:
        agreed, export.people = (export.people or 0) if export.agreed_at else 0, people
        if people is None or people <= agreed:
            return True
        together = counted_with(people, export.action, export.person, scope, now, besides=export.id)
        if not wants_second_person(together):
            return True
        export.used_at = export.token_hash = export.agreed_at = None
        session.flush()
        ask_second_person(export, now=now)
        return False


def second_person_asked() -> Refused:
    """The refusal of a file that has more phones than may leave."""
    sentence = _("A second person has to agree to so many phone numbers, and has been asked.")
    why = _(
        "These are more people than when you asked, or more than you may take alone within a week. When the "
        "second person agrees, make a new link where you asked."
    )
    return Refused("second_person", f"{sentence} {why}", status=403)


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
