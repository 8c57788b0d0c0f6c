"""Going live: the end of the trial, after which texts reach everybody. There is no way back."""

from datetime import datetime

from sqlalchemy import and_, func, select, update

import config
from mobilize import audit, settings, stored_settings
from mobilize.accounts.access.scope import Scope
from mobilize.accounts.approvals.models import ApprovalState
from mobilize.accounts.approvals.operations import (
    ApprovalKind,
    agreeing,
    is_lone_admin,
    open_approval,
    request_approval,
    second_person,
)
from mobilize.database import atomic, db
from mobilize.languages import _, in_every_language
from mobilize.texts.models import OutboxText, TextState
from mobilize.texts.sending.trial import NOT_STAFF

REF = "live"


def go_live(*, scope: Scope, actor: str, now: datetime) -> bool:
    """Go live, or ask for the second person; True when the service is live now. Twice does it once.

    A lone admin needs none. The second person's press approves and goes live in one. What is due at this
    moment and waits is not sent (it was queued during the trial); what is due later leaves in its hours.
    Refused: what `approvals` refuse.
    """
    if settings().is_live:
        return True
    if is_lone_admin(actor, now):
        _go_live(actor, now)
        return True
    approval = open_approval(ApprovalKind.GO_LIVE, REF, now=now)
    summary = in_every_language(lambda _code: _("From then on texts reach everybody."))
    if approval is None:
        request_approval(ApprovalKind.GO_LIVE, REF, summary, by=actor, now=now)
        return False
    if approval.asked_by == actor:
        return approval.state is ApprovalState.APPROVED and _with_approval(actor, now)
    with agreeing(
        ApprovalKind.GO_LIVE, REF, summary, asked_by=approval.asked_by, by=actor, scope=scope, now=now
    ):
        _go_live(approval.asked_by, now)
    return True


def texts_held() -> int:
    """The number of texts that were not sent because of the trial."""
    return db.session.scalar(select(func.count()).where(OutboxText.reason == NOT_STAFF)) or 0


def texts_planned(now: datetime) -> int:
    """The number of texts that wait for an hour to come, and leave in it once the service is live."""
    waits = OutboxText.state == TextState.WAITING, OutboxText.next_try_at > now
    return db.session.scalar(select(func.count()).where(*waits)) or 0


def _with_approval(actor: str, now: datetime) -> bool:
    """Go live by what a second person has agreed to on the page of approvals."""
    with second_person(ApprovalKind.GO_LIVE, REF, now=now):
        _go_live(actor, now)
    return True


def _go_live(actor: str, now: datetime) -> None:
    due = and_(OutboxText.state == TextState.WAITING, OutboxText.next_try_at <= now)
    with atomic() as session:
        session.execute(
            update(OutboxText)
            .where(due)
            .values(state=TextState.DROPPED, reason=NOT_STAFF, settled_at=now)
            .execution_options(synchronize_session=False)
        )
        stored_settings.store({config.LIVE_AT: now.isoformat()}, by=actor, now=now)
        audit.note(actor, "live.go", REF, now=now)
