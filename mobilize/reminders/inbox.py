"""Texts that came in and want a person: who sees which, answered and done with."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, or_, select

from mobilize import audit, settings
from mobilize.accounts.models import Person, RoleTerm
from mobilize.accounts.scope import Scope, running_on, today
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.reminders.blanks import written_in
from mobilize.roster.models import Member, Membership, Rank, Site
from mobilize.texts.inbound import language_of
from mobilize.texts.models import Inbound, Intent, Priority, TextClass
from mobilize.texts.operations import PlannedText, mark_done, queue_texts
from mobilize.texts.queries import may_text

SHOWN = 100
# What the rooms take by themselves is gone from the inbox by then; an alarm is there at once.
UNREAD_FOR = timedelta(seconds=30)
HER_OWN = timedelta(minutes=10)  # so long an answer to her own text leaves at any hour
USELESS_AFTER = timedelta(hours=24)
LONGEST_ANSWER = 300


@dataclass(frozen=True)
class Letter:
    """One text in the inbox. `names` are the members who share the phone, `site` their chapter's."""

    inbound: Inbound
    names: Sequence[str]
    site: str
    urgent: bool


def letters(scope: Scope, now: datetime) -> list[Letter]:
    """What waits for a person with this scope: urgent words first, then the oldest."""
    urgent = case((Inbound.intent == Intent.ALARM, 0), else_=1)
    query = _seen(scope, now).where(_is_waiting(now)).order_by(urgent, Inbound.received_at).limit(SHOWN)
    rows = db.session.scalars(query).all()
    known = _members_of([row.phone_bix for row in rows])
    return [_letter(row, known.get(row.phone_bix, [])) for row in rows]


def how_many(scope: Scope, now: datetime) -> int:
    """How many wait, a hundred at most."""
    return len(db.session.scalars(_seen(scope, now).where(_is_waiting(now)).limit(SHOWN)).all())


def letter_in_scope(inbound_id: uuid.UUID, scope: Scope, now: datetime) -> Inbound | None:
    """One of them, done or not; None outside the scope as for one that is not there."""
    return db.session.scalar(_seen(scope, now).where(Inbound.id == inbound_id))


def finish_letter(inbound: Inbound, *, actor: str, now: datetime) -> bool:
    """It is dealt with; False when somebody was faster."""
    with atomic():
        done = mark_done(inbound.id, actor, now=now)
        if done:
            audit.note(actor, "inbox.done", inbound.id, now=now)
        return done


def answer_letter(inbound: Inbound, written: str, *, actor: str, now: datetime) -> None:
    """Answer it in the union's name, through the outbox, and mark it done. The same words twice leave once.

    Within ten minutes at any hour, later between 8:00 and 21:00. Refused: no_words, too_long, no_phone.
    """
    body = " ".join(written.replace("\0", "").split())
    if not body:
        raise Refused("no_words", _("Write an answer."))
    if len(body) > LONGEST_ANSWER:
        raise Refused("too_long", _("Say it in 300 letters at most."))
    if inbound.sender is None or may_text(inbound.sender):
        raise Refused("no_phone", _("This number wants no texts, or cannot get any. Call instead."))
    soon = now - inbound.received_at < HER_OWN
    text = PlannedText(
        purpose=f"inbox:{inbound.id}:{hashlib.sha256(body.encode()).hexdigest()[:12]}",
        phone=inbound.sender,
        wording="as_written",
        language=written_in(language_of(inbound.phone_bix)),
        klass=TextClass.ASKED if soon else TextClass.NOTICE,
        tz=settings().union_timezone,
        due_at=now,
        useless_after=now + USELESS_AFTER,
        priority=Priority.REPLY,
        blanks={"body": f"{settings().union_name}: {body}"},
    )
    with atomic():
        queue_texts([text], now=now)
        mark_done(inbound.id, actor, now=now)
        audit.note(actor, "inbox.answer", inbound.id, now=now)


def _is_waiting(now: datetime) -> Any:
    old_enough = or_(Inbound.intent == Intent.ALARM, Inbound.received_at < now - UNREAD_FOR)
    return Inbound.done_at.is_(None) & old_enough


def _seen(scope: Scope, now: datetime) -> Any:
    """Texts from members, and from chairs, of the chapters in scope; the office also sees strangers'."""
    query = select(Inbound)
    if scope.everything:
        return query
    sites = scope.limit(select(Site.id))
    members = (
        select(Member.phone_bix)
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.to_at.is_(None), Membership.site_id.in_(sites), Member.phone_bix.is_not(None))
    )
    chairs = (
        select(Person.phone_bix)
        .join(RoleTerm, RoleTerm.person_id == Person.id)
        .where(RoleTerm.site_id.in_(sites), running_on(today(now)), Person.phone_bix.is_not(None))
    )
    return query.where(or_(Inbound.phone_bix.in_(members), Inbound.phone_bix.in_(chairs)))


def _members_of(bixes: Sequence[bytes]) -> dict[bytes, list[tuple[Member, str]]]:
    rows = db.session.execute(
        select(Member, Site.name)
        .join(Membership, Membership.member_id == Member.id)
        .join(Site, Site.id == Membership.site_id)
        .where(Member.phone_bix.in_(bixes), Membership.rank == Rank.HOME, Membership.to_at.is_(None))
        .order_by(Member.id)
    )
    found: dict[bytes, list[tuple[Member, str]]] = {}
    for member, site in rows:
        found.setdefault(member.phone_bix or b"", []).append((member, site))
    return found


def _letter(inbound: Inbound, members: list[tuple[Member, str]]) -> Letter:
    names = [member.person.full for member, _site in members]
    return Letter(inbound, names, members[0][1] if members else "", inbound.intent is Intent.ALARM)
