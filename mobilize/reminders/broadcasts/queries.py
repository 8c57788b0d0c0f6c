"""Queries about the broadcasts of an action: those that somebody may see, and how far each is."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import joinedload

from mobilize.accounts.access.scope import Scope
from mobilize.accounts.approvals.models import Approval, ApprovalState
from mobilize.accounts.approvals.operations import ApprovalKind, open_approvals
from mobilize.accounts.security.audit_labels import names_of
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.languages import Translated
from mobilize.reminders.broadcasts.chapter_texts import APPROVED
from mobilize.reminders.broadcasts.estimates import BroadcastOutcome, outcomes_of, words_of
from mobilize.reminders.broadcasts.preview import in_short
from mobilize.reminders.models import Broadcast, BroadcastState
from mobilize.roster.models import Site

PER_PAGE = 25


class BroadcastProgress(StrEnum):
    """draft -> (waits -> agreed ->) sending -> sent; from when it was confirmed it can be called back."""

    DRAFT = "draft"
    WAITS = "waits"  # for a second person
    AGREED = "agreed"  # a second person has agreed; whoever wrote it sends it
    SENDING = "sending"
    SENT = "sent"
    CALLED_BACK = "called_back"


@dataclass(frozen=True)
class ListedBroadcast:
    """A broadcast in a list: how far it is, what became of its texts, and who wrote it."""

    broadcast: Broadcast
    progress: BroadcastProgress
    outcome: BroadcastOutcome
    author: str

    @property
    def words(self) -> Translated:
        """Its words as a list shows them."""
        return in_short(words_of(self.broadcast))


@dataclass(frozen=True)
class BroadcastPage:
    """One page of an action's broadcasts, the newest first: `total` of them on `pages` pages."""

    broadcasts: list[ListedBroadcast]
    total: int
    page: int
    pages: int


def broadcasts_of(
    action: Action, scope: Scope, *, page: int = 1, per_page: int = PER_PAGE, now: datetime
) -> BroadcastPage:
    """The broadcasts about an action that somebody with this scope may open. A page that is not there is the
    last one."""
    ids = [row.id for row in _visible(scope, Broadcast.action_id == action.id)]
    pages = max(1, -(-len(ids) // per_page))
    page = min(max(1, page), pages)
    return BroadcastPage(listed(ids[(page - 1) * per_page : page * per_page], now), len(ids), page, pages)


def chapter_texts_of(action: Action, site: Site, scope: Scope, *, now: datetime) -> list[ListedBroadcast]:
    """The latest texts of its chairs to one chapter about an action."""
    of_chairs = Broadcast.action_id == action.id, Broadcast.wording.in_(APPROVED)
    rows = _visible(scope, *of_chairs)
    return listed([row.id for row in rows if row.site_ids == [str(site.id)]][:PER_PAGE], now)


def may_see(broadcast: Broadcast, scope: Scope) -> bool:
    """Whether all of its chapters are in scope. A chair sees what chairs send: whom an organizer chose, and
    how many these are, is the organizer's."""
    return bool(_visible(scope, Broadcast.id == broadcast.id))


def listed(ids: Collection[uuid.UUID], now: datetime) -> list[ListedBroadcast]:
    """These broadcasts with how far they are, the newest first."""
    rows = db.session.scalars(
        select(Broadcast)
        .where(Broadcast.id.in_(ids))
        .options(joinedload(Broadcast.action))
        .order_by(*_NEWEST_FIRST)
    ).all()
    outcomes, authors = outcomes_of(rows), names_of({row.made_by for row in rows})
    drafts = [str(row.id) for row in rows if row.state is BroadcastState.DRAFT]
    requests = open_approvals(ApprovalKind.BROADCAST, drafts, now=now)
    return [
        ListedBroadcast(
            row,
            _progress(row, outcomes[row.id], requests.get(str(row.id))),
            outcomes[row.id],
            authors[row.made_by],
        )
        for row in rows
    ]


_WITH_REQUEST = {
    ApprovalState.PENDING: BroadcastProgress.WAITS,
    ApprovalState.APPROVED: BroadcastProgress.AGREED,
}
_NEWEST_FIRST = (Broadcast.made_at.desc(), Broadcast.id.desc())


def _visible(scope: Scope, *which: ColumnElement[bool]) -> Sequence[Any]:
    """(id, site_ids, wording) of those that somebody with this scope may open."""
    query = select(Broadcast.id, Broadcast.site_ids, Broadcast.wording).where(*which)
    rows = db.session.execute(query.order_by(*_NEWEST_FIRST)).all()
    if scope.everything:
        return rows
    inside = {str(site_id) for site_id in db.session.scalars(scope.limit(select(Site.id)))} if rows else set()
    return [
        row
        for row in rows
        if row.site_ids is not None
        and inside.issuperset(row.site_ids)
        and (scope.is_organizer or row.wording in APPROVED)
    ]


def _progress(broadcast: Broadcast, outcome: BroadcastOutcome, request: Approval | None) -> BroadcastProgress:
    if broadcast.called_back_at is not None:
        return BroadcastProgress.CALLED_BACK
    if broadcast.state is BroadcastState.DRAFT:
        return _WITH_REQUEST[request.state] if request else BroadcastProgress.DRAFT
    is_under_way = broadcast.state is BroadcastState.QUEUEING or outcome.waiting
    return BroadcastProgress.SENDING if is_under_way else BroadcastProgress.SENT
