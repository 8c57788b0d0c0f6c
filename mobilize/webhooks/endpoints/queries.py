"""Webhooks and their deliveries, and which of them are sent names."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from mobilize.accounts.approvals.operations import ApprovalKind, needs_second_person
from mobilize.database import db
from mobilize.roster.queries import number_of_members
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


def has_names(webhook: Webhook) -> bool:
    """Whether it is sent names: an admin let it have them, and a second person agreed, or the local is still
    so small that it needs none."""
    return webhook.names and (webhook.names_agreed_by is not None or not names_need_second_person())


def names_need_second_person() -> bool:
    """Whether the roster has too many members by now for one person to let a webhook have their names."""
    return needs_second_person(ApprovalKind.WEBHOOK_NAMES, number_of_members(None))


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
