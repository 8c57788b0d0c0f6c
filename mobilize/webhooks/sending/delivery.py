"""Deliveries: claimed, posted outside any transaction, recorded; at least once each, in no promised order.

A worker killed in between leaves a claim that runs out, and the same `webhook-id` is sent again. What fails
is tried again for three days; then it is given up, and a webhook of which nothing succeeded since is switched
off, and the office told.
"""

import json
import random
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import Any

from sqlalchemy import Select, case, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from mobilize import audit, failpoints, settings
from mobilize.database import atomic
from mobilize.privacy.retention.periods import WEBHOOK_EVENTS
from mobilize.reminders.merge_fields import written_in
from mobilize.reminders.monitoring.on_call import people_on_call
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.webhooks.endpoints.queries import has_names
from mobilize.webhooks.events.queries import body_of
from mobilize.webhooks.models import DeliveryState, Webhook, WebhookDelivery, WebhookEvent
from mobilize.webhooks.sending import http
from mobilize.webhooks.sending.signature import headers_of

GIVE_UP_AFTER = timedelta(days=3)
# The first failure is noted some moments after its delivery became due.
OFF_AFTER = GIVE_UP_AFTER - timedelta(minutes=10)
# After each failure; from the last on, the same again, until three days are over.
PAUSES = [timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200)]
_JITTER = (0.9, 1.1)
CLAIM_LASTS = timedelta(seconds=60)
AT_ONCE, AT_ONCE_WHILE_FAILING = 64, 2
IN_FLIGHT = 8
GONE = "410"  # the receiver wants no more (Standard Webhooks, "Delivery")


@dataclass(frozen=True)
class _Try:
    delivery_id: uuid.UUID
    webhook_id: uuid.UUID
    url: str
    body: bytes
    secrets: Sequence[str]


@dataclass
class DeliveryCounts:
    """What a run did."""

    delivered: int = 0
    failed: int = 0


@dataclass
class _Receivers:
    """Connections of one run: each name is resolved once."""

    open: dict[str, tuple[http.Target, Any]] = field(default_factory=dict)

    def add(self, url: str) -> None:
        if url not in self.open:
            target = http.resolve(url)
            self.open[url] = target, None if target.result else http.open_pool(target)

    def close(self) -> None:
        for _target, pool in self.open.values():
            if pool is not None:
                pool.close()


def due(now: datetime) -> Select[Any]:
    """SELECT of the deliveries that may be sent now."""
    return (
        select(WebhookDelivery.id)
        .join(Webhook)
        .where(
            Webhook.off_at.is_(None),
            WebhookDelivery.state == DeliveryState.WAITING,
            WebhookDelivery.next_try_at <= now,
            _unclaimed(now),
        )
    )


def deliver(
    now: datetime, *, seconds: float = 10, is_stopping: Callable[[], bool] = lambda: False
) -> DeliveryCounts:
    """Send what is due, for so many seconds, and return when nothing is left. Safe to run twice, at once,
    late, and to be killed anywhere."""
    counts, began, receivers = DeliveryCounts(), time.monotonic(), _Receivers()
    try:
        while time.monotonic() - began < seconds and not is_stopping():
            moment = now + timedelta(seconds=time.monotonic() - began)
            tries = _claim(moment)
            if not tries:
                break
            failpoints.reach("webhooks claimed")
            for one in tries:
                receivers.add(one.url)
            with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="webhook") as pool:
                results = list(pool.map(partial(_send, receivers=receivers, now=moment), tries))
            failpoints.reach("webhooks answered")
            _record(list(zip(tries, results, strict=True)), moment, counts)
    finally:
        receivers.close()
    return counts


def replay(webhook_id: uuid.UUID, delivery_id: uuid.UUID | None, *, actor: str, now: datetime) -> int:
    """Send a delivery again, delivered or not; without an id all that were given up or wait. Returns how
    many wait now."""
    chosen = WebhookDelivery.webhook_id == webhook_id
    if delivery_id is not None:
        chosen &= WebhookDelivery.id == delivery_id
    else:
        chosen &= WebhookDelivery.state != DeliveryState.DELIVERED
    with atomic() as session:
        again = update(WebhookDelivery).where(chosen)
        result = session.execute(
            again.values(state=DeliveryState.WAITING, due_from=now, next_try_at=now),
            execution_options={"synchronize_session": False},
        )
        audit.note(actor, "webhook.replay", delivery_id or webhook_id, now=now)
        return int(result.rowcount)  # type: ignore[attr-defined]


def forget_old(now: datetime) -> int:
    """Delete what happened two weeks ago, with its deliveries, a thousand at a time; returns how many."""
    with atomic() as session:
        old = select(WebhookEvent.id).where(WebhookEvent.made_at < now - WEBHOOK_EVENTS).limit(1000)
        ids = session.scalars(old).all()
        session.execute(delete(WebhookDelivery).where(WebhookDelivery.event_id.in_(ids)))
        session.execute(delete(WebhookEvent).where(WebhookEvent.id.in_(ids)))
        return len(ids)


def _unclaimed(now: datetime) -> Any:
    return or_(WebhookDelivery.claimed_until.is_(None), WebhookDelivery.claimed_until < now)


def _claim(now: datetime) -> list[_Try]:
    """Some of what is due, as it will be sent; committed before anything is."""
    with atomic() as session:
        waiting = exists().where(
            WebhookDelivery.webhook_id == Webhook.id,
            WebhookDelivery.state == DeliveryState.WAITING,
            WebhookDelivery.next_try_at <= now,
        )
        claimed: list[uuid.UUID] = []
        # The three days begin with the first try, or when a person sends it again.
        first_try = case((WebhookDelivery.tries == 0, now), else_=WebhookDelivery.due_from)
        for webhook in session.scalars(select(Webhook).where(Webhook.off_at.is_(None), waiting)):
            most = AT_ONCE_WHILE_FAILING if webhook.failing_since else AT_ONCE
            waiting_now = due(now).where(WebhookDelivery.webhook_id == webhook.id)
            ids = session.scalars(waiting_now.order_by(WebhookDelivery.next_try_at).limit(most)).all()
            claimed += session.scalars(
                update(WebhookDelivery)
                .where(WebhookDelivery.id.in_(ids), _unclaimed(now))
                .values(claimed_until=now + CLAIM_LASTS, tries=WebhookDelivery.tries + 1, due_from=first_try)
                .returning(WebhookDelivery.id)
                .execution_options(synchronize_session=False)
            )
        query = select(WebhookDelivery).where(WebhookDelivery.id.in_(claimed))
        both = joinedload(WebhookDelivery.webhook), joinedload(WebhookDelivery.event)
        return [_try(delivery, now) for delivery in session.scalars(query.options(*both))]


def _try(delivery: WebhookDelivery, now: datetime) -> _Try:
    webhook, held = delivery.webhook, [delivery.webhook.secret]
    if webhook.old_until and webhook.old_until > now:
        held.append(webhook.old_secret)
    body = json.dumps(body_of(delivery.event, names=has_names(webhook)), ensure_ascii=False).encode()
    return _Try(delivery.id, webhook.id, webhook.url, body, held)


def _send(one: _Try, receivers: _Receivers, now: datetime) -> str:
    target, pool = receivers.open[one.url]
    if target.result:
        return str(target.result)
    headers = headers_of(f"msg_{one.delivery_id.hex}", now, one.body, one.secrets)
    return http.post(pool, target, one.body, headers)


def _record(results: list[tuple[_Try, str]], now: datetime, counts: DeliveryCounts) -> None:
    by_webhook: dict[uuid.UUID, list[tuple[_Try, str]]] = defaultdict(list)
    for one, result in results:
        by_webhook[one.webhook_id].append((one, result))
    with atomic() as session:
        for webhook_id in sorted(by_webhook):
            succeeded = [one.delivery_id for one, result in by_webhook[webhook_id] if _is_success(result)]
            failed = [(one, result) for one, result in by_webhook[webhook_id] if not _is_success(result)]
            _note_delivered(session, succeeded, now)
            for one, result in failed:
                _note_failed(session, one.delivery_id, result, now)
            counts.delivered += len(succeeded)
            counts.failed += len(failed)
            _note_webhook(session, webhook_id, bool(succeeded), [result for _one, result in failed], now)


def _is_success(result: str) -> bool:
    return len(result) == 3 and result.startswith("2")


def _note_delivered(session: Session, ids: Sequence[uuid.UUID], now: datetime) -> None:
    values = {
        "state": DeliveryState.DELIVERED,
        "delivered_at": now,
        "claimed_until": None,
        "last_result": "2xx",
    }
    session.execute(
        update(WebhookDelivery).where(WebhookDelivery.id.in_(ids)).values(values),
        execution_options={"synchronize_session": False},
    )


def _note_failed(session: Session, delivery_id: uuid.UUID, result: str, now: datetime) -> None:
    """What another worker has delivered meanwhile stays delivered."""
    delivery = session.get(WebhookDelivery, delivery_id, with_for_update=True, populate_existing=True)
    if delivery is None or delivery.state is not DeliveryState.WAITING:
        return
    delivery.claimed_until, delivery.last_result = None, result
    last_try = delivery.due_from + GIVE_UP_AFTER
    if now >= last_try:
        delivery.state = DeliveryState.GIVEN_UP
        return
    pause = _pause(now - delivery.due_from) * random.uniform(*_JITTER)  # noqa: S311
    delivery.next_try_at = min(now + pause, max(last_try, now + PAUSES[0]))


def _pause(tried_for: timedelta) -> timedelta:
    """The pause that follows those that fit into the time since the first try."""
    passed = sum(together * _JITTER[0] <= tried_for for together in accumulate(PAUSES, initial=timedelta()))
    return PAUSES[min(passed, len(PAUSES)) - 1]


def _note_webhook(
    session: Session, webhook_id: uuid.UUID, succeeded: bool, failures: list[str], now: datetime
) -> None:
    webhook = session.get(Webhook, webhook_id, with_for_update=True, populate_existing=True)
    if webhook is None:
        return
    if succeeded:
        webhook.failing_since = None
    elif failures and webhook.failing_since is None:
        webhook.failing_since = now
    failing_since = webhook.failing_since
    if webhook.off_at is None and (
        GONE in failures or (failing_since is not None and now - failing_since >= OFF_AFTER)
    ):
        webhook.off_at, webhook.off_reason = now, "gone" if GONE in failures else "failing"
        audit.note("worker", "webhook.off", webhook_id, now=now)
        queue_texts(
            [_word_to_office(webhook_id, person, now) for person in people_on_call(None, now)], now=now
        )


def _word_to_office(webhook_id: uuid.UUID, person: Any, now: datetime) -> PlannedText:
    return PlannedText(
        purpose=f"webhook_off:{webhook_id}:{int(now.timestamp())}",
        phone=person.phone,
        wording="webhook_off",
        language=written_in(person.language),
        text_class=TextClass.DUTY,
        tz=settings().union_timezone,
        due_at=now,
        expires_at=now + timedelta(days=1),
        priority=Priority.NOTICE,
        merge_fields={"link": f"{settings().public_base_url}/webhooks"},
    )


def how_many_wait(webhook_id: uuid.UUID) -> Select[Any]:
    """SELECT of the number of deliveries that are not through."""
    return select(func.count()).where(
        WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == DeliveryState.WAITING
    )
