"""The look-up before a decision: event, shifts, member, stored evidence, in one SELECT for all requests."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Integer, LargeBinary, Uuid, bindparam, cast, func, select, true, union_all
from sqlalchemy.orm import Session, aliased

from mobilize.actions.models import Action, Event, EventChapter, Shift
from mobilize.checkins.models import Evidence
from mobilize.checkins.record.decision import CheckInRequest, Lookup, shift_of
from mobilize.database import is_postgres
from mobilize.errors import Refused
from mobilize.fast.statements import CachedStatement, given_rows, run, run_for
from mobilize.languages import _
from mobilize.roster.models import Member, Membership, MembershipRank

# An event has fewer.
MOST_SHIFTS = 100
# Two are too many already.
MOST_MEMBERS = 2


def look_up(requests: Sequence[CheckInRequest]) -> list[list[Lookup]]:
    """The rows the decisions rest on, for each of the requests, in one round trip; none for no such event.

    The same statement for everybody, so that its duration tells nobody who is a member.
    """
    questions = [_question(n, request) for n, request in enumerate(requests)]
    answers: list[list[Lookup]] = [[] for _request in requests]
    for n, *row in run_for(_LOOK_UP_ALL, questions) if is_postgres() else _one_by_one(questions):
        answers[n].append(Lookup(*row))
    return answers


def _one_by_one(questions: Sequence[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for one in questions:
        by = next((by for by in _KEYS if one[by]), _KEYS[0])
        yield from run(_LOOK_UP_ONE[by], one)


def _question(n: int, request: CheckInRequest) -> dict[str, Any]:
    typed = request.typed
    # A name a captain wrote down finds nobody.
    return {
        "n": n,
        "event": request.event_id,
        "nonce": request.nonce,
        "member": None if typed else request.member_id,
        "number": typed.index if typed and typed.kind == "number" else None,
        "phone": typed.index if typed and typed.kind == "phone" else None,
        "ticket": request.ticket,
    }


def shift_at(session: Session, event_id: uuid.UUID, at: datetime) -> uuid.UUID:
    """The shift running at a moment, else the nearest one. Raises `Refused` 404 for no such event."""
    shifts = session.execute(_SHIFTS, {"event": event_id}).all()
    if not shifts:
        raise Refused("no_event", _("There is no such event."), status=404)
    return shift_of(shifts, at)


def _statement_for_all() -> Any:
    """PostgreSQL: for each of the given questions its answers.

    Every part is LATERAL with a LIMIT, which leaves the planner nothing but one step in an index for each
    question, also when it plans at six with empty tables.
    """
    rows = given_rows(_COLUMNS)
    event, stored = (part(rows.c).lateral() for part in (_event, _stored))
    members = _members_of_all(rows)
    return _selecting(rows.c, event, members, stored).select_from(rows.join(event, true()))


def _statement_for_one(by: str) -> Any:
    """SQLite: one question, of a member sought by this alone. It would read the whole roster for an empty
    number where its statistics say that hardly anybody has one."""
    question = SimpleNamespace(**{name: bindparam(name, type_=kind) for name, kind in _COLUMNS.items()})
    event, stored = (part(question).subquery() for part in (_event, _stored))
    members = _one_of(_members().where(Member.id.in_(_entry(question, by))))
    return _selecting(question, event, members, stored).select_from(event)


def _selecting(question: Any, event: Any, members: Any, stored: Any) -> Any:
    n = cast(question.n, Integer).label("n")
    return (
        select(
            n,
            *event.c,
            *members.c,
            _is_chapter_of_event(question, members.c.chapter_id),
            *stored.c,
            _last_place(question),
            _last_place(question, members.c.id),
        )
        .outerjoin(members, true())
        .outerjoin(stored, true())
        .order_by(n, event.c.starts_at)
    )


def _event(question: Any) -> Any:
    return (
        select(*_SHIFT)
        .select_from(Event)
        .join(Shift, Shift.event_id == Event.id)
        .join(Action, Action.id == Event.action_id)
        .where(Event.id == question.event)
        .limit(MOST_SHIFTS)
    )


def _is_chapter_of_event(question: Any, chapter_id: Any) -> Any:
    """By the primary key. An EXISTS might be planned as a hash of the whole table."""
    chapter = select(EventChapter.site_id).where(
        EventChapter.event_id == question.event,
        EventChapter.site_id == chapter_id,
        EventChapter.gone_at.is_(None),
    )
    return chapter.limit(1).scalar_subquery().is_not(None)


def _stored(question: Any) -> Any:
    stored = select(
        Evidence.id.label("stored_id"),
        Evidence.outcome,
        Evidence.member_id.label("stored_member_id"),
        Evidence.body_hash,
        Evidence.recorded_at,
    )
    return stored.where(Evidence.event_id == question.event, Evidence.nonce == question.nonce).limit(1)


def _last_place(question: Any, member_id: Any = None) -> Any:
    """The last place of the ticket that is taken, or the one this member took. Without a ticket, no look."""
    one = aliased(Evidence)
    conditions = (
        one.event_id == question.event,
        one.ticket_hmac == question.ticket,
        one.ticket_place.is_not(None),
    )
    last = select(func.max(one.ticket_place)).where(*conditions)
    return (last if member_id is None else last.where(one.member_id == member_id)).scalar_subquery()


def _members_of_all(rows: Any) -> Any:
    """Of the members a request may mean. It has one of three keys; the others are NULL and cost nothing."""
    entries = [_entry(rows.c, by).correlate(rows) for by in _KEYS]
    ids = union_all(*entries).subquery()
    member = _members().where(Member.id == ids.c.id).limit(1).lateral()
    return _one_of(select(*member.c).select_from(ids.join(member, true())).distinct(), lateral=True)


def _one_of(members: Any, *, lateral: bool = False) -> Any:
    """One of them with their home chapter, and how many they are: a number that several share gives as many
    rows as any other, so that the time an answer takes does not tell."""
    few = members.limit(MOST_MEMBERS).subquery()
    one = select(few.c.id, func.count().over().label("members")).limit(1).subquery()
    home = select(Membership.site_id).where(
        Membership.member_id == one.c.id, Membership.rank == MembershipRank.HOME, Membership.to_at.is_(None)
    )
    with_home = select(one.c.members, one.c.id, home.scalar_subquery().label("chapter_id"))
    return with_home.lateral() if lateral else with_home.subquery()


def _entry(question: Any, by: str) -> Any:
    """The roster's entry with this number; where two were merged, the one that stands."""
    entry = aliased(Member)
    column = {"number": entry.number_index, "phone": entry.phone_index, "member": entry.id}[by]
    return select(func.coalesce(entry.merged_into_id, entry.id).label("id")).where(
        column == getattr(question, by)
    )


def _members() -> Any:
    """The members that stand on the roster now."""
    return select(Member.id).where(Member.gone_on.is_(None), Member.erased_at.is_(None))


_SHIFT = (
    Shift.id.label("shift_id"),
    Shift.starts_at,
    Shift.ends_at,
    Event.state,
    Event.starts_at.label("event_starts_at"),
    Event.ends_at.label("event_ends_at"),
    Action.elsewhere_ok,
    Action.forgotten_at,
)
_SHIFTS = (
    select(*_SHIFT)
    .join(Event, Event.id == Shift.event_id)
    .join(Action, Action.id == Event.action_id)
    .where(Event.id == bindparam("event", type_=Uuid()))
    .order_by(Shift.starts_at)
)
_KEYS = ("number", "phone", "member")
_COLUMNS: dict[str, Any] = {
    "n": Integer(), "event": Uuid(), "nonce": LargeBinary(),
    "number": LargeBinary(), "phone": LargeBinary(), "member": Uuid(), "ticket": LargeBinary(),
}  # fmt: skip
_LOOK_UP_ALL = CachedStatement(_statement_for_all)
_LOOK_UP_ONE = {by: CachedStatement(partial(_statement_for_one, by)) for by in _KEYS}
