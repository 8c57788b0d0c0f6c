"""Estimates of broadcasts before they are confirmed: recipients, cost, times and words."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload

from mobilize import settings
from mobilize.actions.models import Event, EventChapter, EventState
from mobilize.database import db
from mobilize.languages import Translated
from mobilize.reminders.broadcasts.audience import chapters_of_broadcast, counted, recipients_of
from mobilize.reminders.broadcasts.preview import as_it_leaves, is_long, warnings
from mobilize.reminders.models import Audience, Broadcast
from mobilize.reminders.rules.estimates import Preview
from mobilize.segments import MessageLength, measure
from mobilize.texts.models import OutboxText, Priority, TextClass, TextState
from mobilize.texts.sending import limits, trial
from mobilize.texts.sending.spending import cost_cents, finishing_time, segments_ahead

AS_WRITTEN = "as_written"  # the wording around the words of a broadcast
CALLED_BACK = "called_back"  # why the outbox dropped what was called back


@dataclass(frozen=True)
class BroadcastEstimate:
    """`phones` of so many `people` get it, for `segments` at `cost_cents`; `cannot` counts who cannot be
    told, by reason.

    It leaves from `starts_at` on, behind what waits already, and is through at `done_at`, in the zone `tz`.
    `cut_off`: the hours for such texts end before that, and the rest leaves when they open again.
    """

    phones: int
    people: int
    segments: int
    cost_cents: int
    cannot: dict[str, int]
    starts_at: datetime
    done_at: datetime
    cut_off: bool
    tz: str
    previews: tuple[Preview, ...]
    warnings: list[str]
    is_long: bool


def estimate_broadcast(broadcast: Broadcast, now: datetime) -> BroadcastEstimate:
    """The estimate of this broadcast by today's roster. Reads only."""
    events = events_of_broadcast(broadcast)
    reach = counted(recipients_of(broadcast, now))
    segments, previews = _measured(broadcast, events, reach.phones)
    starts_at, done_at, cut_off, zone = _when(broadcast, events, segments, now)
    longest = {preview.language: preview.body for preview in previews}
    return BroadcastEstimate(
        phones=reach.total,
        people=reach.people,
        segments=segments,
        cost_cents=cost_cents(segments),
        cannot=reach.cannot,
        starts_at=starts_at,
        done_at=done_at,
        cut_off=cut_off,
        tz=zone,
        previews=previews,
        warnings=warnings(words_of(broadcast), longest),
        is_long=is_long(longest),
    )


def text_class_of(broadcast: Broadcast) -> TextClass:
    """Members are texted within their hours; chairs and staff accepted earlier ones with the role."""
    return TextClass.MEMBER if broadcast.audience is Audience.MEMBERS else TextClass.DUTY


def priority_of(broadcast: Broadcast) -> int:
    """An urgent one leaves before reminders, like what is moved or called off."""
    return Priority.NOTICE if broadcast.urgent_reason else Priority.REMINDER


def words_of(broadcast: Broadcast) -> Translated:
    """The words of the broadcast; none once they are forgotten."""
    return broadcast.text or Translated()


def events_of_broadcast(broadcast: Broadcast) -> list[Event]:
    """The places it is about: those of its chapters."""
    query = (
        select(Event)
        .where(Event.action_id == broadcast.action_id, Event.state != EventState.CALLED_OFF)
        .options(joinedload(Event.site), joinedload(Event.action))
        .order_by(Event.id)
    )
    chapters = chapters_of_broadcast(broadcast)
    if chapters is not None:
        query = query.where(Event.chapters.any(EventChapter.site_id.in_(chapters)))
    return list(db.session.scalars(query))


@dataclass(frozen=True)
class BroadcastOutcome:
    """The texts of a broadcast: those that left, or may have, those that wait, those called back, and those
    that a trial held."""

    left: int
    waiting: int
    called_back: int
    held: int = 0


def outcome_of(broadcast: Broadcast) -> BroadcastOutcome:
    """What has become of its texts so far."""
    return outcomes_of([broadcast])[broadcast.id]


def outcomes_of(broadcasts: Sequence[Broadcast]) -> dict[uuid.UUID, BroadcastOutcome]:
    """What has become of the texts of each, in one statement."""
    confirmed = [str(one.id) for one in broadcasts if one.confirmed_at is not None]
    rows = db.session.execute(
        select(_ID_IN_KEY, OutboxText.state, OutboxText.reason, func.count())
        .where(*_about({one.action_id for one in broadcasts}), _ID_IN_KEY.in_(confirmed))
        .group_by(_ID_IN_KEY, OutboxText.state, OutboxText.reason)
    ).all()  # fmt: skip
    by_broadcast: dict[str, list[Any]] = {}
    for broadcast_id, *row in rows:
        by_broadcast.setdefault(broadcast_id, []).append(row)
    return {one.id: _outcome(by_broadcast.get(str(one.id), [])) for one in broadcasts}


def _outcome(rows: Sequence[Any]) -> BroadcastOutcome:
    """Of rows of (state, reason, count)."""
    waits = sum(count for state, _reason, count in rows if state is TextState.WAITING)
    back = sum(count for _state, reason, count in rows if reason == CALLED_BACK)
    held = sum(count for _state, reason, count in rows if reason in trial.REASONS)
    dropped = sum(count for state, _reason, count in rows if state is TextState.DROPPED)
    return BroadcastOutcome(sum(count for _s, _r, count in rows) - waits - dropped, waits, back, held)


def latest_broadcasts(limit: int = 20) -> Sequence[Broadcast]:
    """What was confirmed last, the latest first."""
    confirmed = select(Broadcast).where(Broadcast.confirmed_at.is_not(None))
    query = confirmed.options(joinedload(Broadcast.action)).order_by(Broadcast.confirmed_at.desc())
    return db.session.scalars(query.limit(limit)).all()


def segments_that_left(broadcast: Broadcast) -> int:
    """The segments of what is not taken back."""
    left = OutboxText.state != TextState.DROPPED
    query = select(func.sum(OutboxText.segments)).where(*texts_of(broadcast), left)
    return int(db.session.scalar(query) or 0)


def purpose_of(broadcast: Broadcast) -> str:
    """Under which purpose the outbox knows its texts."""
    return f"broadcast:{broadcast.id}:1"


def texts_of(broadcast: Broadcast) -> tuple[ColumnElement[bool], ...]:
    """SQL: texts of this broadcast."""
    of_it = OutboxText.idempotency_key.startswith(f"{purpose_of(broadcast)}:", autoescape=True)
    return *_about({broadcast.action_id}), of_it


# The id in the key of a text of a broadcast (`purpose_of`).
_ID_IN_KEY = func.substr(OutboxText.idempotency_key, len("broadcast:") + 1, len(str(uuid.UUID(int=0))))


def _about(action_ids: Collection[uuid.UUID]) -> tuple[ColumnElement[bool], ...]:
    """SQL: texts that somebody wrote about these actions; by events and wording, which an index has."""
    events = select(Event.id).where(Event.action_id.in_(action_ids))
    return OutboxText.event_id.in_(events), OutboxText.wording == AS_WRITTEN


def _measured(
    broadcast: Broadcast, events: list[Event], reached: dict[tuple[uuid.UUID, str], int]
) -> tuple[int, tuple[Preview, ...]]:
    """(all segments, the longest body in each language with how many phones get that language)."""
    by_place: dict[tuple[uuid.UUID, str], int] = {}
    words = words_of(broadcast)
    for (event_id, spoken), phones in reached.items():
        key = (event_id, words.language_for(spoken))
        by_place[key] = by_place.get(key, 0) + phones
    segments, phones_by_language = 0, dict.fromkeys(words, 0)
    longest: dict[str, tuple[str, MessageLength]] = {}
    for event in events:
        for language in phones_by_language:
            body = as_it_leaves(words, event, language)
            length, here = measure(body), by_place.get((event.id, language), 0)
            if language not in longest or _size(length) > _size(longest[language][1]):
                longest[language] = (body, length)
            segments, phones_by_language[language] = (
                segments + here * length.segments,
                phones_by_language[language] + here,
            )
    read = [one for one in longest if phones_by_language[one] or not broadcast.language]
    return segments, tuple(Preview(one, *longest[one], phones_by_language[one]) for one in read or longest)


def _size(length: MessageLength) -> tuple[int, int]:
    return length.segments, length.units


def _when(
    broadcast: Broadcast, events: list[Event], segments: int, now: datetime
) -> tuple[datetime, datetime, bool, str]:
    zone, text_class = events[0].tz if events else settings().union_timezone, text_class_of(broadcast)
    urgent = bool(broadcast.urgent_reason)
    starts_at = limits.opens_at(text_class, zone, now, urgent=urgent)
    ahead = segments_ahead(priority_of(broadcast), starts_at, now)
    done_at = finishing_time(starts_at, ahead + segments, text_class=text_class, tz=zone, urgent=urgent)
    shuts = limits.closes_at(text_class, zone, starts_at, urgent=urgent)
    return starts_at, done_at, shuts is not None and done_at > shuts, zone
