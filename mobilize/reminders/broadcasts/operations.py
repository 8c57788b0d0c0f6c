"""Broadcasts, texts somebody writes about an action: drafted, tested, confirmed, and queued.

Confirming sends nothing: workers put the texts into the outbox, page by page, each once per number.
"""

import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select, update

from mobilize import audit
from mobilize.accounts.access.scope import Scope
from mobilize.accounts.approvals.models import Approval, ApprovalState
from mobilize.accounts.approvals.operations import ApprovalKind, needs_second_person, request_approval, use
from mobilize.accounts.models import Person
from mobilize.actions.models import Action, Event
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import Translated, _, in_every_language
from mobilize.reminders.broadcasts.audience import last_action_before, recipients_of
from mobilize.reminders.broadcasts.chapter_texts import refuse_chapter_text
from mobilize.reminders.broadcasts.estimates import (
    AS_WRITTEN,
    CALLED_BACK,
    BroadcastEstimate,
    estimate_broadcast,
    events_of_broadcast,
    priority_of,
    purpose_of,
    segments_that_left,
    text_class_of,
    words_of,
)
from mobilize.reminders.broadcasts.places import chapters_by_area, chosen_chapters
from mobilize.reminders.broadcasts.preview import body_for, check_written
from mobilize.reminders.broadcasts.recipients_text import who_gets_it
from mobilize.reminders.models import Audience, AudienceFilter, Broadcast, BroadcastState
from mobilize.reminders.own_phone import text_to_oneself
from mobilize.roster.models import Member
from mobilize.texts.operations import PlannedText, drop_texts, queue_texts
from mobilize.texts.sending.spending import allow_spending, cost_cents, lower_allowance

MEMBERS_AT_ONCE = 2000
DRAFTS_KEPT = timedelta(days=2)
COUNTED_TOGETHER = timedelta(days=7)
TRUE_FOR = timedelta(days=1)  # what is written after the action is over


def write_broadcast(
    action: Action,
    written: Translated,
    audience: Audience,
    *,
    audience_filter: AudienceFilter = AudienceFilter.ALL,
    places: Collection[uuid.UUID] | None = None,
    language: str | None = None,
    urgent_reason: str = "",
    scope: Scope,
    actor: str,
    now: datetime,
) -> Broadcast:
    """Keep what was written, to be looked at; nothing is queued.

    It goes to the action's chapters in `scope`, or of these to the areas and sites in `places`, to the
    readers of `language` if one is given, and of members to those of the filter. A
    drill goes to staff, whatever was chosen. Refused: no_words, bad_braces, unknown_blank, bad_audience,
    called_off, no_chapters, no_such_place, no_last_action.
    """
    check_written(written)
    broadcast = choose_recipients(
        action,
        audience,
        audience_filter=audience_filter,
        places=places,
        language=language,
        urgent_reason=urgent_reason,
        scope=scope,
        actor=actor,
        now=now,
    )
    broadcast.text = written
    with atomic() as session:
        session.add(broadcast)
    return broadcast


def choose_recipients(
    action: Action,
    audience: Audience,
    *,
    audience_filter: AudienceFilter,
    places: Collection[uuid.UUID] | None,
    language: str | None,
    urgent_reason: str,
    scope: Scope,
    actor: str,
    now: datetime,
) -> Broadcast:
    """The broadcast that would go to these, without its words, to be counted; nothing is stored. Refused like
    `write_broadcast`."""
    if action.called_off_at is not None:
        raise Refused("called_off", _("This action is called off. Its page says who was told."), status=409)
    reason = " ".join(urgent_reason.split())[:200]
    if reason and audience is not Audience.MEMBERS:
        raise Refused("bad_audience", _("Only members are asked whether urgent texts may come at any hour."))
    if action.drill:
        audience, audience_filter, places, language = Audience.STAFF, AudienceFilter.ALL, None, None
    elif audience is not Audience.MEMBERS:
        audience_filter = AudienceFilter.ALL
    return Broadcast(
        action_id=action.id,
        action=action,
        site_ids=_chapters_in(action, scope, places),
        audience=audience,
        audience_filter=audience_filter,
        language=language,
        last_action_id=_last_action(action, audience_filter, scope, now),
        wording=AS_WRITTEN,
        urgent_reason=reason or None,
        only_missing=audience_filter.ends_with_check_in,
        state=BroadcastState.DRAFT,
        made_by=actor,
        made_at=now,
    )


def confirm_broadcast(
    broadcast_id: uuid.UUID,
    *,
    long_ok: bool,
    agreed_segments: int | None = None,
    scope: Scope | None,
    actor: str,
    now: datetime,
) -> bool:
    """Let workers queue it; False when that was done before, which changes nothing.

    `scope` is None at the shell. From the web one above 2,000 people, counted as in `counted_together`,
    spends a second person's yes. The hourly limit rises by its cost. `agreed_segments` is the size that
    somebody agreed to: where it has grown since, they look again.
    Refused: nobody, too_long, grown, too_many, untimely, is_over, not_yours, second_person.
    """
    with atomic() as session:
        broadcast = session.get_one(Broadcast, broadcast_id, with_for_update=True, populate_existing=True)
        if broadcast.state is not BroadcastState.DRAFT:
            return False
        if broadcast.made_by != actor:
            raise Refused("not_yours", _("Only the person who wrote it can send it."), status=403)
        size = estimate_broadcast(broadcast, now)
        _check_sendable(size, long_ok, agreed_segments)
        refuse_chapter_text(broadcast, now)
        if scope is not None:
            _lock_person(actor)
            if needs_second_person(ApprovalKind.BROADCAST, counted_together(actor, size.phones, scope, now)):
                use(ApprovalKind.BROADCAST, str(broadcast.id), now=now)
        broadcast.state, broadcast.confirmed_at = BroadcastState.QUEUEING, now
        broadcast.phones, broadcast.segments, broadcast.cost_cents = (
            size.phones,
            size.segments,
            size.cost_cents,
        )
        until_at = (size.done_at or now) + timedelta(hours=1)
        ref = f"broadcast:{broadcast.id}"
        allow_spending(ref, size.cost_cents, until_at=until_at, by=actor, now=now)
        urgent = ".urgent" if broadcast.urgent_reason else ""
        audit.note(actor, f"broadcast.send.{broadcast.audience}{urgent}", broadcast.id, now=now)
    return True


def call_back_broadcast(
    broadcast_id: uuid.UUID, *, any_author: bool = False, actor: str, now: datetime
) -> int:
    """Take back what has not left yet; returns how many texts do not leave. What is out stays out, and the
    spending limit goes down by what was saved. Twice, the second finds nothing.

    `any_author`: also what somebody else confirmed. Refused: not_yours, not_confirmed.
    """
    with atomic() as session:
        broadcast = session.get_one(Broadcast, broadcast_id, with_for_update=True, populate_existing=True)
        if not any_author and broadcast.made_by != actor:
            raise Refused(
                "not_yours", _("Only the person who wrote it, or an organizer, can stop it."), status=403
            )
        if broadcast.state is BroadcastState.DRAFT:
            raise Refused("not_confirmed", _("It was not sent: there is nothing to stop."), status=409)
        stopped = sum(
            drop_texts(f"{purpose_of(broadcast)}:", CALLED_BACK, now=now, event_id=event.id)
            for event in events_of_broadcast(broadcast)
        )
        if broadcast.called_back_at is None:
            # Queued or not: a worker that is at it puts in no further page.
            broadcast.state, broadcast.called_back_at = BroadcastState.QUEUED, now
            lower_allowance(f"broadcast:{broadcast.id}", cost_cents(segments_that_left(broadcast)))
            audit.note(actor, "broadcast.call_back", broadcast.id, now=now)
    return stopped


def counted_together(actor: str, phones: int, scope: Scope, now: datetime) -> int:
    """`phones`, and those of all that an organizer confirmed within a week without a second person: so many
    small texts ask for one like the large one they add up to. What a second person agreed to is not counted
    again. A chair's own chapter has its own bound (`refuse_chapter_text`)."""
    if not scope.is_organizer:
        return phones
    agreed = select(Approval.ref).where(
        Approval.kind == ApprovalKind.BROADCAST,
        Approval.state == ApprovalState.USED,
        Approval.asked_by == actor,
    )
    sent = db.session.execute(
        select(Broadcast.id, Broadcast.phones).where(
            Broadcast.made_by == actor, Broadcast.confirmed_at > now - COUNTED_TOGETHER
        )
    ).all()
    with_a_yes = set(db.session.scalars(agreed))
    return phones + sum(row.phones or 0 for row in sent if str(row.id) not in with_a_yes)


def ask_second_person(broadcast: Broadcast, *, actor: str, now: datetime) -> None:
    """Ask the office for its yes to exactly this text. Twice asks once."""
    size = estimate_broadcast(broadcast, now)
    summary = in_every_language(
        lambda code: _(
            "A text to %(people)s phones about %(action)s, for %(who)s: %(text)s",
            people=size.phones,
            who=who_gets_it(broadcast, people=size.people, phones=size.phones),
            action=broadcast.action.name.in_(code),
            text=words_of(broadcast).in_(code),
        )
    )
    request_approval(ApprovalKind.BROADCAST, str(broadcast.id), summary, by=actor, now=now)


def test_broadcast(broadcast: Broadcast, person: Person, *, now: datetime) -> None:
    """Text it to its writer, as it reads at the first place, in their language; each press is one text.

    Refused like `text_to_oneself`.
    """
    event = events_of_broadcast(broadcast)[0]
    words = words_of(broadcast)
    language = words.language_for(person.language)
    text_to_oneself(
        person,
        AS_WRITTEN,
        language,
        body_for(words, event, language),
        purpose=f"test:{broadcast.id}",
        tz=event.tz,
        now=now,
    )


def queue_broadcasts(now: datetime) -> int:
    """Put what was confirmed into the outbox; returns how many texts are new. Sends nothing.

    Twice, at once, late, or killed halfway: a text is there once, by broadcast and number.
    """
    return sum(_queue(broadcast_id, now) for broadcast_id in db.session.scalars(confirmed(now)).all())


def confirmed(_now: datetime) -> Select[Any]:
    """SELECT of the broadcasts whose texts are not all in the outbox."""
    return select(Broadcast.id).where(Broadcast.state == BroadcastState.QUEUEING)


def _queue(broadcast_id: uuid.UUID, now: datetime) -> int:
    queued, after = 0, None
    while True:
        with atomic() as session:
            broadcast = session.get_one(Broadcast, broadcast_id, with_for_update=True)
            if broadcast.state is not BroadcastState.QUEUEING:  # called back, or another worker is through
                return queued
            page = _page(broadcast, after, now)
            queued += queue_texts(list(_texts(broadcast, page, now)), now=now)
            if len(page) < MEMBERS_AT_ONCE:
                done = update(Broadcast).where(Broadcast.id == broadcast_id)
                session.execute(done.values(state=BroadcastState.QUEUED))
                return queued
        after = page[-1].id


def _page(broadcast: Broadcast, after: uuid.UUID | None, now: datetime) -> Sequence[Any]:
    who = recipients_of(broadcast, now).limit(MEMBERS_AT_ONCE)
    if after is not None:
        who = who.where(who.selected_columns.id > after)
    return db.session.execute(who).all()


def _texts(broadcast: Broadcast, page: Sequence[Any], now: datetime) -> Iterator[PlannedText]:
    members, words = broadcast.audience is Audience.MEMBERS, words_of(broadcast)
    sealed: Any = Member.phone if members else Person.phone
    events = {event.id: event for event in events_of_broadcast(broadcast)}
    common: dict[tuple[uuid.UUID, str], dict[str, Any]] = {}
    for row in page:
        language = words.language_for(row.language)
        if row.cannot is not None or row.event_id not in events:
            continue
        if (row.event_id, language) not in common:
            common[row.event_id, language] = _common(broadcast, events[row.event_id], language, now)
        yield PlannedText(
            phone=sealed.open(row.id, row.phone_enc),
            member_id=row.id if members else None,
            **common[row.event_id, language],
        )


def _common(broadcast: Broadcast, event: Event, language: str, now: datetime) -> dict[str, Any]:
    urgent = bool(broadcast.urgent_reason)
    return {
        "purpose": purpose_of(broadcast),
        "wording": AS_WRITTEN,
        "language": language,
        "text_class": text_class_of(broadcast),
        "tz": event.tz,
        "due_at": broadcast.confirmed_at or now,
        "expires_at": event.ends_at if event.ends_at > now else now + TRUE_FOR,
        "priority": priority_of(broadcast),
        "merge_fields": body_for(words_of(broadcast), event, language),
        "event_id": event.id,
        "urgent": urgent,
        "only_missing": broadcast.only_missing,
        "only_for": broadcast.audience_filter.value if broadcast.only_missing else None,
    }


def _lock_person(actor: str) -> None:
    """Two texts one person confirms at the same moment are added up like two in turn."""
    person_id = uuid.UUID(actor.removeprefix("person:"))
    db.session.get(Person, person_id, with_for_update={"key_share": True})


def _chapters_in(action: Action, scope: Scope, places: Collection[uuid.UUID] | None) -> list[str] | None:
    """The action's chapters in scope, or those at these places; None for all, by whoever sees all."""
    if scope.everything and places is None:
        return None
    areas = chapters_by_area(action, scope)
    if not areas:
        raise Refused("no_chapters", _("No chapter of yours takes part in it."), status=404)
    site_ids = chosen_chapters(areas, places)
    if not site_ids:
        raise Refused("no_such_place", _("Choose areas or schools from the list."))
    return [str(site_id) for site_id in site_ids]


def _last_action(
    action: Action, audience_filter: AudienceFilter, scope: Scope, now: datetime
) -> uuid.UUID | None:
    if audience_filter is not AudienceFilter.CAME_LAST:
        return None
    if last := last_action_before(action, scope, now):
        return last.id
    raise Refused("no_last_action", _("There is no earlier action of this campaign that we know of."))


def _check_sendable(size: BroadcastEstimate, long_ok: bool, agreed_segments: int | None) -> None:
    if not size.phones:
        raise Refused("nobody", _("There is nobody to text it to."), status=409)
    if size.is_long and not long_ok:
        raise Refused("too_long", _("It takes more than two segments. Shorten it, or tick that it may."))
    if agreed_segments is not None and size.segments > agreed_segments:
        message = _("It has grown since you looked. Nothing is sent yet: look again, then send it.")
        raise Refused("grown", message, status=409)
