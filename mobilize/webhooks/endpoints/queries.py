"""Webhooks and their deliveries, for the pages of the office."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from mobilize.database import db
from mobilize.webhooks.models import DeliveryState, Webhook, WebhookDelivery

PER_PAGE = 50


@dataclass(frozen=True)
class DeliveryPage:
    """One page of a webhook's deliveries, the newest first."""

    deliveries: Sequence[WebhookDelivery]
    page: int
    pages: int
    counts: dict[DeliveryState, int]


def all_webhooks() -> Sequence[Webhook]:
    return db.session.scalars(select(Webhook).order_by(Webhook.id)).all()


def webhook_by_id(webhook_id: uuid.UUID) -> Webhook | None:
    return db.session.get(Webhook, webhook_id)


def deliveries_of(webhook_id: uuid.UUID, page: int) -> DeliveryPage:
    """Its deliveries of the last two weeks."""
    own = WebhookDelivery.webhook_id == webhook_id
    rows = db.session.execute(
        select(WebhookDelivery.state, func.count()).where(own).group_by(WebhookDelivery.state)
    )
    counts = dict(rows.all())
    pages = max(1, -(-sum(counts.values()) // PER_PAGE))
    page = min(max(page, 1), pages)
    query = select(WebhookDelivery).where(own).options(joinedload(WebhookDelivery.event))
    newest = query.order_by(WebhookDelivery.id.desc()).limit(PER_PAGE).offset((page - 1) * PER_PAGE)
    return DeliveryPage(db.session.scalars(newest).all(), page, pages, counts)
