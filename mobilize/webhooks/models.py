"""Webhooks: where other programs are told, what of, and what became of each delivery."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize.database import Model, SealedText


class WebhookTopic(StrEnum):
    """What a webhook can be told of: the `type` of what it is sent."""

    TURNOUT_CHANGED = "turnout.changed"
    HEAD_COUNT = "head_count.reported"
    SITE_SILENT = "site.silent"
    EVENT_MOVED = "event.moved"
    ACTION_CLOSED = "action.closed"
    ACTION_CALLED_OFF = "action.called_off"
    REPORT_READY = "action.report_ready"
    TEXT_FAILED = "text.failed"
    CHECK_INS = "check_ins.recorded"  # single ones, with names: needs the scope of names
    TEST = "webhook.test"  # asked for by hand, whatever else it is told of


class DeliveryState(StrEnum):
    """waiting -> delivered; waiting -> given_up after three days. Both -> waiting again, by hand."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Webhook(Model):
    """Another program's address. It never changes, and so what was agreed to for it goes nowhere else.

    While its secret is being changed, until `old_until`, deliveries are signed with both. `failing_since`: no
    delivery succeeded since. `names_by` let it have single check-ins with names, as `names_agreed_by` agreed.
    """

    __tablename__ = "webhooks"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name_enc: Mapped[bytes]
    url_enc: Mapped[bytes]
    secret_enc: Mapped[bytes]
    old_secret_enc: Mapped[bytes | None]
    old_until: Mapped[datetime | None]
    topics: Mapped[list[str]] = mapped_column(JSON)
    names: Mapped[bool] = mapped_column(default=False, server_default=false())
    names_by: Mapped[str | None] = mapped_column(String(64))
    names_agreed_by: Mapped[str | None] = mapped_column(String(64))
    made_by: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]
    off_at: Mapped[datetime | None]
    off_reason: Mapped[str | None] = mapped_column(String(24))
    failing_since: Mapped[datetime | None]

    name = SealedText()
    url = SealedText()
    secret = SealedText()
    old_secret = SealedText()


class WebhookEvent(Model):
    """Something that happened, once for each `key`. `payload` holds counts, places and ids: names are read
    when they are sent, and so are forgotten with the rest."""

    __tablename__ = "webhook_events"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    topic: Mapped[WebhookTopic]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    happened_at: Mapped[datetime]
    made_at: Mapped[datetime] = mapped_column(index=True)


class WebhookDelivery(Model):
    """One event for one webhook. Its id is the `webhook-id`, the same at each try. `due_from`: since when it
    is tried, for three days."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id", name="uq_webhook_deliveries_one_per_webhook_and_event"),
        # claim(): what is due.
        Index(
            "ix_webhook_deliveries_due",
            "webhook_id",
            "next_try_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        # The page of a webhook's deliveries, and forgetting.
        Index("ix_webhook_deliveries_event", "event_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    webhook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhooks.id"))
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhook_events.id"))
    state: Mapped[DeliveryState] = mapped_column(default=DeliveryState.WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    due_from: Mapped[datetime]
    next_try_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    last_result: Mapped[str | None] = mapped_column(String(40))
    delivered_at: Mapped[datetime | None]

    webhook: Mapped[Webhook] = relationship()
    event: Mapped[WebhookEvent] = relationship()


class WebhookMark(Model):
    """Until when a source was looked through; of an action's turnout, what was last sent as well."""

    __tablename__ = "webhook_marks"

    source: Mapped[str] = mapped_column(String(60), primary_key=True)
    until_at: Mapped[datetime]
    digest: Mapped[str | None] = mapped_column(String(64))
