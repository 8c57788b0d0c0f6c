"""The collection of events for webhooks from the tables of all rooms, none of which knows of webhooks."""

import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from mobilize import failpoints
from mobilize.database import atomic, db, insert, new_id
from mobilize.webhooks.endpoints.queries import has_names
from mobilize.webhooks.events import queries
from mobilize.webhooks.events.queries import DetectedEvent
from mobilize.webhooks.models import Webhook, WebhookDelivery, WebhookEvent, WebhookMark, WebhookTopic

# A transaction that began before a source was looked through may be stored after it: it is looked through
# again from so long before. What was taken then is known by its key.
OVERLAP = timedelta(minutes=2)
ONCE_A_MINUTE = timedelta(minutes=1)
# A worker that was away this long tells what happened meanwhile; a first webhook begins with now.
LONGEST_LOOK_BACK = timedelta(days=3)

_SOURCES: dict[WebhookTopic, Callable[[datetime, datetime], Iterable[DetectedEvent]]] = {
    WebhookTopic.HEAD_COUNT: queries.head_counts,
    WebhookTopic.SITE_SILENT: lambda _since, until: queries.silent_sites(until),
    WebhookTopic.EVENT_MOVED: lambda since, _until: queries.moved_events(since),
    WebhookTopic.ACTION_CLOSED: lambda since, _until: queries.closed_actions(since),
    WebhookTopic.ACTION_CALLED_OFF: lambda since, _until: queries.called_off_actions(since),
    WebhookTopic.REPORT_READY: lambda since, _until: queries.ready_reports(since),
    WebhookTopic.TEXT_FAILED: lambda since, _until: queries.failed_texts(since),
}


def collect(now: datetime) -> int:
    """Write down what happened, with a delivery for each webhook that is on and wants it; returns how many
    events are new. Safe to run twice, at once and late: each event has one key, and is told once."""
    topics = topics_wanted()
    new = sum(_look_through(topic, now) for topic in _SOURCES if topic in topics)
    if WebhookTopic.TURNOUT_CHANGED in topics:
        new += sum(
            _take_turnout(action_id, now) for action_id in [a.id for a in queries.running_actions(now)]
        )
    if WebhookTopic.CHECK_INS in topics:
        new += _take_check_ins(now)
    return new


def listening(_now: datetime) -> Select[Any]:
    """SELECT of the webhooks that are on."""
    return select(Webhook.id).where(Webhook.off_at.is_(None))


def topics_wanted() -> set[str]:
    """The topics of all webhooks that are on; single check-ins where one may have names."""
    running = db.session.scalars(select(Webhook).where(Webhook.off_at.is_(None)))
    return {topic for webhook in running for topic in webhook.topics if _may_be_told(webhook, topic)}


def begin_marks(session: Session, now: datetime) -> None:
    """A webhook is told what happens from now on: sources that nobody listened to are not looked through
    before this moment."""
    topics = topics_wanted()
    for topic in (*_SOURCES, WebhookTopic.CHECK_INS):
        if topic not in topics:
            _set_mark(session, topic, now)


def store(
    session: Session, detected: Iterable[DetectedEvent], now: datetime, *, only: uuid.UUID | None = None
) -> int:
    """Write events down, each once for ever, with their deliveries (`only`: to this webhook); returns how
    many are new."""
    webhooks = session.scalars(select(Webhook).where(Webhook.off_at.is_(None))).all()
    new = 0
    for event in detected:
        event_id = new_id()
        values = {"id": event_id, "key": event.key, "topic": event.topic, "payload": event.data}
        row = insert(WebhookEvent).values(**values, happened_at=event.at, made_at=now)
        if session.scalar(row.on_conflict_do_nothing(index_elements=["key"]).returning(WebhookEvent.id)):
            new += 1
            session.add_all(_deliveries(webhooks, event.topic, event_id, only, now))
    session.flush()
    return new


def _deliveries(
    webhooks: Iterable[Webhook],
    topic: WebhookTopic,
    event_id: uuid.UUID,
    only: uuid.UUID | None,
    now: datetime,
) -> Iterator[WebhookDelivery]:
    for webhook in webhooks:
        wants = topic in webhook.topics and _may_be_told(webhook, topic)
        if webhook.id == only or (only is None and wants):
            yield WebhookDelivery(webhook_id=webhook.id, event_id=event_id, due_from=now, next_try_at=now)


def _may_be_told(webhook: Webhook, topic: str) -> bool:
    return topic != WebhookTopic.CHECK_INS or has_names(webhook)


def _look_through(topic: WebhookTopic, now: datetime) -> int:
    """One source, in one transaction with the mark of how far it was looked through."""
    with atomic() as session:
        mark = _locked_mark(session, topic, now)
        since = max(mark.until_at - OVERLAP, now - LONGEST_LOOK_BACK)
        new = store(session, list(_SOURCES[topic](since, now)), now)
        failpoints.reach("webhooks collected")
        mark.until_at = max(mark.until_at, now)
        return new


def _take_turnout(action_id: uuid.UUID, now: datetime) -> int:
    """The figures of an action that is going on, where they changed, once a minute."""
    with atomic() as session:
        mark = _locked_mark(session, f"{WebhookTopic.TURNOUT_CHANGED}:{action_id}", now - ONCE_A_MINUTE)
        if now < mark.until_at + ONCE_A_MINUTE:
            return 0
        action = next((one for one in queries.running_actions(now) if one.id == action_id), None)
        figures = queries.turnout_of(action, now) if action else None
        if figures is None or figures[0] == mark.digest:
            return 0
        mark.until_at, mark.digest = now, figures[0]
        key = f"turnout:{action_id}:{int(now.timestamp())}"
        return store(session, [DetectedEvent(WebhookTopic.TURNOUT_CHANGED, key, now, figures[1])], now)


def _take_check_ins(now: datetime) -> int:
    """Those of the minutes before `OVERLAP`, of which none can still be under way: so each is told once."""
    with atomic() as session:
        mark = _locked_mark(session, WebhookTopic.CHECK_INS, now)
        until = now - OVERLAP
        if until < mark.until_at + ONCE_A_MINUTE:
            return 0
        since = max(mark.until_at, now - LONGEST_LOOK_BACK)
        new = store(session, list(queries.check_ins(since, until)), now)
        mark.until_at = until
        return new


def _locked_mark(session: Session, source: str, now: datetime) -> WebhookMark:
    """The mark of a source, which one worker holds at a time; a new one begins at `now`."""
    row = insert(WebhookMark).values(source=str(source), until_at=now)
    session.execute(row.on_conflict_do_nothing(index_elements=["source"]))
    return session.get_one(WebhookMark, str(source), with_for_update=True, populate_existing=True)


def _set_mark(session: Session, source: str, now: datetime) -> None:
    row = insert(WebhookMark).values(source=str(source), until_at=now)
    session.execute(row.on_conflict_do_update(index_elements=["source"], set_={"until_at": now}))
