"""Calling off an action: the second person, and a notice to everybody who had a text about it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select, union_all
from sqlalchemy.orm import aliased, joinedload

from mobilize.accounts.access.scope import Scope, running_on, today
from mobilize.accounts.approvals.models import Approval, ApprovalState
from mobilize.accounts.approvals.operations import (
    ApprovalKind,
    agreeing,
    approve,
    is_lone_admin,
    needs_second_person,
    open_approval,
    request_approval,
    use,
)
from mobilize.accounts.models import CHAIRS, Person, RoleTerm
from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.actions.operations import call_off_action
from mobilize.actions.visibility import areas_of
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import N_, _, in_every_language
from mobilize.reminders.merge_fields import merge_fields_for, written_in
from mobilize.roster.models import Member, Membership, MembershipRank, MemberStatus, Site
from mobilize.texts.enums import MAYBE_WITH_CARRIER, WITH_CARRIER
from mobilize.texts.models import OutboxText, Priority, TextClass, TextState
from mobilize.texts.operations import PlannedText, is_in_doubt, queue_texts

CALLED_OFF = "called_off"
AT_ONCE = 2000
# It has left us, or may have: whoever had such a text may be on their way.


@dataclass(frozen=True)
class NoticeCounts:
    """Phones that had a text about the action: `reached` by the notice, `waiting` for it, and `unreached`."""

    reached: int = 0
    waiting: int = 0
    unreached: int = 0


@dataclass(frozen=True)
class ChapterToCall:
    """A chapter in which some could not be told by text, and its chairs."""

    site: Site
    people: int
    chairs: Sequence[Person]


def members_concerned(action: Action) -> int:
    """The number of members whose chapters take part: from so many on it wants a second person."""
    members = _members(action).subquery()
    return int(db.session.scalar(select(func.count(members.c.id.distinct()))) or 0)


def call_off(action: Action, *, scope: Scope, actor: str, now: datetime) -> bool:
    """Call it off, or ask for the second person; True when it is off now.

    Whoever asked may not approve, except a lone admin after a step-up. The second person's press approves
    and calls off in one. Refused: what `approvals` and `call_off_action` refuse.
    """
    if not needs_second_person(ApprovalKind.CALLING_OFF, members_concerned(action)):
        return call_off_action(action, actor=actor, now=now)
    approval = open_approval(ApprovalKind.CALLING_OFF, str(action.id), now=now)
    if approval is None:
        _ask(action, scope, actor, now)
        return False
    with atomic():
        if approval.asked_by != actor:
            with agreeing(
                **_approval_fields(action), asked_by=approval.asked_by, by=actor, scope=scope, now=now
            ):
                return call_off_action(action, actor=approval.asked_by, now=now)
        if approval.state is ApprovalState.PENDING and not _agrees_alone(approval, actor, scope, now):
            return False
        use(ApprovalKind.CALLING_OFF, str(action.id), now=now)
        return call_off_action(action, actor=actor, now=now)


def prepare_calling_off(action: Action, *, scope: Scope, actor: str, now: datetime) -> Approval:
    """Ask for it, and do nothing: for a program, which a person's press on the page has to follow. Asking
    again is the same request. Refused: is_over (409) for an action that is over or off already."""
    planned = Event.action_id == action.id, Event.state == EventState.PLANNED, Event.ends_at > now
    if action.called_off_at is not None or not db.session.scalar(select(Event.id).where(*planned).limit(1)):
        raise Refused("is_over", _("This action is over. There is nothing to call off."), status=409)
    return open_approval(ApprovalKind.CALLING_OFF, str(action.id), now=now) or _ask(action, scope, actor, now)


def tell_of_calling_off(now: datetime) -> int:
    """Take back what waits about called-off events, and queue a notice to whoever had a text about them.

    Returns how many texts are new. What leaves in the same moment is found when this runs again; each number
    is told once.
    """
    events = {event.id: event for event in _called_off_events(now)}
    if not events:
        return 0
    with atomic():
        for text in db.session.scalars(_waiting(list(events))):
            text.reason = CALLED_OFF
            if text.state is TextState.WAITING:
                text.state, text.settled_at = TextState.DROPPED, now
        rows = db.session.execute(_without_notice(list(events)).limit(AT_ONCE)).all()
        return queue_texts(
            [_notice(text, events[text.event_id], agreed, now) for text, agreed in rows], now=now
        )


def untold(now: datetime) -> Select[Any]:
    """SELECT of the texts about called-off events that still wait, or whose readers have no notice."""
    events = select(Event.id).where(*_is_called_off(now))
    wait = _waiting(events).with_only_columns(OutboxText.id)
    left = _without_notice(events).with_only_columns(OutboxText.id).order_by(None)
    return select(union_all(wait, left).subquery())


def notice_counts(action: Action) -> NoticeCounts:
    """Counts of the notices that this action is off, by what became of them."""
    last = (
        case(
            (OutboxText.state.in_(WITH_CARRIER), "reached"),
            (OutboxText.state.in_([TextState.WAITING, TextState.CLAIMED]), "waiting"),
            else_="unreached",
        )
    ).label("what")
    events = select(Event.id).where(Event.action_id == action.id)
    rows = db.session.execute(
        select(last, func.count())
        .where(OutboxText.event_id.in_(events), OutboxText.wording == CALLED_OFF)
        .group_by(last)
    )
    return NoticeCounts(**dict(rows.all()))


def call_list(action: Action, scope: Scope, now: datetime) -> list[ChapterToCall]:
    """The chapters in scope in which some members could not be told by text, most of them first."""
    members = _members(action).subquery()
    event_ids = select(Event.id).where(Event.action_id == action.id)
    has_notice = exists().where(
        OutboxText.event_id.in_(event_ids),
        OutboxText.wording == CALLED_OFF,
        OutboxText.phone_index == members.c.phone_index,
        OutboxText.state.in_([*WITH_CARRIER, TextState.WAITING, TextState.CLAIMED]),
    )
    counts: dict[uuid.UUID, int] = dict(
        db.session.execute(
            select(members.c.site_id, func.count()).where(~has_notice).group_by(members.c.site_id)
        ).all()
    )
    sites = db.session.scalars(scope.limit(select(Site).where(Site.id.in_(counts))))
    chairs = _chairs_at(list(counts), now)
    chapters = [ChapterToCall(site, counts[site.id], chairs.get(site.id, [])) for site in sites]
    return sorted(chapters, key=lambda one: (-one.people, one.site.name))


def _ask(action: Action, scope: Scope, actor: str, now: datetime) -> Approval:
    """Request an approval: in one area its other organizers may give it too, else the office."""
    areas = [area.id for area, _places in areas_of(action, scope)]
    one_area = areas[0] if len(areas) == 1 and not scope.everything else None
    return request_approval(**_approval_fields(action), by=actor, now=now, area_id=one_area)


def _approval_fields(action: Action) -> dict[str, Any]:
    text = N_("Call off %(action)s: its events, its posters' codes, and a text to everybody who was told.")
    summary = in_every_language(lambda code: _(text, action=action.name.in_(code)))
    return {"kind": ApprovalKind.CALLING_OFF, "ref": str(action.id), "summary": summary}


def _agrees_alone(approval: Approval, actor: str, scope: Scope, now: datetime) -> bool:
    if not is_lone_admin(actor, now):
        return False
    approve(approval.id, by=actor, scope=scope, stepped_up=True, now=now)
    return True


def _called_off_events(now: datetime) -> Sequence[Event]:
    return db.session.scalars(
        select(Event).where(*_is_called_off(now)).options(joinedload(Event.site), joinedload(Event.action))
    ).all()


def _is_called_off(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """SQL: nobody should come any more who still might."""
    return Event.state == EventState.CALLED_OFF, Event.ends_at > now


def _waiting(event_ids: Any) -> Any:
    return select(OutboxText).where(
        OutboxText.event_id.in_(event_ids),
        OutboxText.wording != CALLED_OFF,
        or_(OutboxText.state == TextState.WAITING, is_in_doubt()),
    )


def _without_notice(event_ids: Any) -> Any:
    """(a text that has left about such an event, whether its reader agreed to urgent ones)."""
    notice: Any = aliased(OutboxText)
    has_notice = exists().where(
        notice.event_id == OutboxText.event_id,
        notice.wording == CALLED_OFF,
        notice.phone_index == OutboxText.phone_index,
    )
    return (
        select(OutboxText, Member.urgent_ok_at.is_not(None))
        .outerjoin(Member, Member.id == OutboxText.member_id)
        .where(
            OutboxText.event_id.in_(event_ids),
            OutboxText.wording != CALLED_OFF,
            OutboxText.state.in_(MAYBE_WITH_CARRIER),
            ~has_notice,
        )
        .order_by(OutboxText.id)
    )


def _notice(text: OutboxText, event: Event, agreed: bool, now: datetime) -> PlannedText:
    """Chairs, who are not members here, may be told from 5:30 on; a member early only if they agreed."""
    language = written_in(text.language)
    return PlannedText(
        purpose=f"{CALLED_OFF}:{event.id}:1",
        phone=text.to,
        wording=CALLED_OFF,
        language=language,
        text_class=TextClass.NOTICE if text.member_id else TextClass.DUTY,
        tz=event.tz,
        due_at=now,
        expires_at=event.ends_at,
        priority=Priority.NOTICE,
        merge_fields=merge_fields_for(event, language),
        event_id=event.id,
        member_id=text.member_id,
        urgent=agreed,
    )


def _members(action: Action) -> Any:
    """Members of the chapters that take part: (id, site_id, phone_index)."""
    return (
        select(Member.id, Membership.site_id, Member.phone_index)
        .join(Membership, Membership.member_id == Member.id)
        .join(EventChapter, EventChapter.site_id == Membership.site_id)
        .where(EventChapter.action_id == action.id, EventChapter.gone_at.is_(None))
        .where(Membership.rank == MembershipRank.HOME, Membership.to_at.is_(None), Member.gone_on.is_(None))
        .where(Member.erased_at.is_(None), Member.status != MemberStatus.RETIRED)
    )


def _chairs_at(site_ids: Sequence[uuid.UUID], now: datetime) -> dict[uuid.UUID | None, list[Person]]:
    rows = db.session.execute(
        select(RoleTerm.site_id, RoleTerm.role, Person)
        .join(Person, Person.id == RoleTerm.person_id)
        .where(RoleTerm.site_id.in_(site_ids), RoleTerm.role.in_(CHAIRS), running_on(today(now)))
        .where(Person.phone_enc.is_not(None))
    )
    chairs: dict[uuid.UUID | None, list[Person]] = {}
    for site_id, _role, person in sorted(rows, key=lambda row: (CHAIRS.index(row[1]), row[2].id)):
        chairs.setdefault(site_id, []).append(person)
    return chairs
