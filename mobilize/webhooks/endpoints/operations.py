"""Operations on webhooks: by admins, after a step-up, each in the audit."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select

from mobilize import audit
from mobilize.accounts.approvals.models import ApprovalState
from mobilize.accounts.approvals.operations import (
    ApprovalKind,
    open_approval,
    request_approval,
    use,
)
from mobilize.backup import journal
from mobilize.database import atomic, new_id
from mobilize.errors import Refused
from mobilize.languages import _, in_every_language
from mobilize.webhooks.endpoints.queries import has_names, names_need_second_person
from mobilize.webhooks.events.operations import begin_marks, store
from mobilize.webhooks.events.queries import DetectedEvent
from mobilize.webhooks.models import Webhook, WebhookDelivery, WebhookTopic
from mobilize.webhooks.sending.http import check_url
from mobilize.webhooks.sending.signature import make_secret

BOTH_SECRETS_FOR = timedelta(hours=24)
MOST = 20
SHORTEST_REASON = 8
# Changes that take something away, as they stand in the audit.
OFF, REMOVED, NAMES_OFF, SECRET = "webhook.off", "webhook.remove", "webhook.names.off", "webhook.secret"


def make_webhook(
    name: str, url: str, topics: Sequence[str], *, actor: str, now: datetime, id: uuid.UUID | None = None
) -> tuple[Webhook, str | None]:
    """A new webhook, on, with its secret, which is shown once; sent twice with one `id` it is made once, and
    the second time without. Refused: "bad_url", "employer", "too_many"."""
    checked = check_url(url.strip())
    with atomic() as session:
        existing = session.get(Webhook, id) if id else None
        if existing:
            return existing, None
        if (session.scalar(select(func.count()).select_from(Webhook)) or 0) >= MOST:
            raise Refused("too_many", _("There are 20 webhooks. Remove one that nobody needs."), status=409)
        begin_marks(session, now)
        webhook = Webhook(id=id or new_id(), topics=_allowed(topics), made_by=actor, made_at=now)
        secret = make_secret()
        webhook.name, webhook.url, webhook.secret = name.strip()[:80], checked, secret
        session.add(webhook)
        session.flush()
        audit.note(actor, "webhook.make", webhook.id, now=now)
        return webhook, secret


def change_secret(webhook: Webhook, *, actor: str, now: datetime) -> str:
    """A new secret, shown once; for a day deliveries are signed with the one before as well."""
    with atomic() as session:
        session.refresh(webhook, with_for_update=True)
        webhook.old_secret, webhook.old_until = webhook.secret, now + BOTH_SECRETS_FOR
        webhook.secret = secret = make_secret()
        _note(actor, SECRET, webhook.id, now)
        return secret


def switch(webhook: Webhook, on: bool, *, actor: str, now: datetime) -> None:
    """On or off. What happens while it is off it is not told; what waited before goes on."""
    with atomic() as session:
        session.refresh(webhook, with_for_update=True)
        if on == (webhook.off_at is None):
            return
        if on:
            begin_marks(session, now)
        webhook.off_at, webhook.off_reason = (None, None) if on else (now, "by_hand")
        webhook.failing_since = None
        if on:
            audit.note(actor, "webhook.on", webhook.id, now=now)
        else:
            _note(actor, OFF, webhook.id, now)


def remove(webhook_id: uuid.UUID, *, actor: str, now: datetime) -> None:
    """Delete it with its deliveries; twice is once."""
    with atomic() as session:
        session.execute(delete(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id))
        if session.scalar(delete(Webhook).where(Webhook.id == webhook_id).returning(Webhook.id)):
            _note(actor, REMOVED, webhook_id, now)


def send_test(webhook: Webhook, *, actor: str, now: datetime) -> None:
    """An event without meaning, to see whether it arrives."""
    key = f"test:{webhook.id}:{int(now.timestamp())}"
    with atomic() as session:
        event = DetectedEvent(WebhookTopic.TEST, key, now, {"hello": "world"})
        store(session, [event], now, only=webhook.id)
        audit.note(actor, "webhook.test", webhook.id, now=now)


def allow_names(webhook: Webhook, reason: str, *, actor: str, now: datetime) -> bool:
    """Let it have single check-ins with names. True when it has them now; False when a second person was
    asked, and has to agree first. Refused: "no_reason"."""
    reason = " ".join(reason.split())[:300]
    ref = str(webhook.id)
    with atomic() as session:
        session.refresh(webhook, with_for_update=True)
        if has_names(webhook):
            return True
        agreed_by = None
        if names_need_second_person():
            approval = open_approval(ApprovalKind.WEBHOOK_NAMES, ref, now=now)
            if approval is None or approval.state is not ApprovalState.APPROVED:
                _ask_second_person(webhook, reason, actor, now)
                return False
            agreed_by = use(ApprovalKind.WEBHOOK_NAMES, ref, now=now)
        elif len(reason) < SHORTEST_REASON:
            raise _no_reason()
        begin_marks(session, now)
        webhook.names, webhook.names_by, webhook.names_agreed_by = True, actor, agreed_by
        webhook.topics = list(dict.fromkeys([*webhook.topics, WebhookTopic.CHECK_INS.value]))
        audit.note(actor, "webhook.names", webhook.id, now=now)
        return True


def take_names_away(webhook: Webhook, *, actor: str, now: datetime) -> None:
    """From now on it gets none; what waits for it is sent without them."""
    with atomic() as session:
        session.refresh(webhook, with_for_update=True)
        if webhook.names:
            webhook.names, webhook.names_by, webhook.names_agreed_by = False, None, None
            webhook.topics = [topic for topic in webhook.topics if topic != WebhookTopic.CHECK_INS]
            _note(actor, NAMES_OFF, webhook.id, now)


def repeat(payload: dict[str, Any], at: datetime) -> bool:
    """Take away again what a change took away in minutes which a restore has lost: the webhook, that it is
    on, its names. Its secret is in no journal: it is off until somebody makes another and switches it on.

    Done whatever is there: it returns True, as `mobilize.privacy.replay` asks.
    """
    change, webhook_id, by = payload["change"], uuid.UUID(payload["webhook"]), payload["by"]
    with atomic() as session:
        webhook = session.get(Webhook, webhook_id, with_for_update=True, populate_existing=True)
        if webhook is None or audit.is_noted(change, webhook_id, at=at):
            return True
        if change == REMOVED:
            remove(webhook_id, actor=by, now=at)
        elif change == NAMES_OFF:
            take_names_away(webhook, actor=by, now=at)
        else:
            switch(webhook, False, actor=by, now=at)
            if change == SECRET:
                webhook.off_reason = "secret_lost"
        return True


def _note(actor: str, change: str, webhook_id: uuid.UUID, now: datetime) -> None:
    audit.note(actor, change, webhook_id, now=now)
    values = {"webhook": str(webhook_id), "change": change, "by": actor}
    journal.note("webhook.change", values, now=now)


def _allowed(topics: Sequence[str]) -> list[str]:
    """Single check-ins are allowed apart, by `allow_names`."""
    without = {WebhookTopic.CHECK_INS, WebhookTopic.TEST}
    return [topic.value for topic in WebhookTopic if topic.value in topics and topic not in without]


def _ask_second_person(webhook: Webhook, reason: str, actor: str, now: datetime) -> None:
    if (
        open_approval(ApprovalKind.WEBHOOK_NAMES, str(webhook.id), now=now) is None
        and len(reason) < SHORTEST_REASON
    ):
        raise _no_reason()
    summary = in_every_language(
        lambda _code: _(
            "Each check-in, with the member's name and number, to another program: %(name)s, %(url)s. "
            "What for: %(reason)s",
            name=webhook.name,
            url=webhook.url,
            reason=reason,
        )
    )
    request_approval(ApprovalKind.WEBHOOK_NAMES, str(webhook.id), summary, by=actor, now=now)


def _no_reason() -> Refused:
    return Refused("no_reason", _("Write in a few words what the names are for."))
