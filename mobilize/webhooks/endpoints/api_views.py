"""Operations of the API that read webhooks and their deliveries, test them and end them, with a token of
the whole union.

Making one, switching one on and changing one asks a person on a page. Addresses and secrets are not told:
both may hold a key.
"""

import uuid
from datetime import datetime
from functools import partial
from typing import Any

from flask import abort
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from mobilize import clock
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope
from mobilize.api.endpoint import reading, writing
from mobilize.api.idempotency import KeptAnswer, Result, done_once
from mobilize.api.paging import Listing, PageQuery, cut_page, read_page
from mobilize.api.planning.forms import NothingMore
from mobilize.api.schemas import ChangedOut
from mobilize.webhooks.endpoints import operations
from mobilize.webhooks.endpoints.queries import all_webhooks, has_names, webhook_by_id
from mobilize.webhooks.models import DeliveryState, Webhook, WebhookDelivery, WebhookTopic
from mobilize.webhooks.routes import api_bp


class WebhookOut(BaseModel):
    """Another program that is told what happens."""

    id: uuid.UUID
    name: str
    topics: list[WebhookTopic]
    names: bool = Field(description="It may be told of single check-ins, with names.")
    off_at: datetime | None
    failing_since: datetime | None


class DeliveryOut(BaseModel):
    """One event for one webhook; its id is the `webhook-id` it is sent with."""

    id: uuid.UUID
    topic: WebhookTopic
    state: DeliveryState
    tries: int
    last_result: str | None
    happened_at: datetime
    delivered_at: datetime | None


class WebhookListOut(Listing[WebhookOut]):
    """Webhooks."""


class DeliveryListOut(Listing[DeliveryOut]):
    """Deliveries."""


@reading(
    "/webhooks", ApiScope.FIGURES, tag="Webhooks", answer=WebhookListOut, query=PageQuery, on=api_bp,
    also={404: "The token is of some areas alone"},
)  # fmt: skip
def webhook_list(access: TokenAccess, query: PageQuery) -> WebhookListOut:
    """The webhooks of the union."""
    _refuse_areas(access)
    rows, more = cut_page(all_webhooks(), query, lambda webhook: webhook.id)
    return WebhookListOut(data=[_webhook(row) for row in rows], next=more)


@reading(
    "/webhooks/<uuid:webhook_id>/deliveries", ApiScope.FIGURES, tag="Webhooks", answer=DeliveryListOut,
    query=PageQuery, on=api_bp,
)  # fmt: skip
def webhook_deliveries(access: TokenAccess, webhook_id: uuid.UUID, query: PageQuery) -> DeliveryListOut:
    """The deliveries of a webhook, of the last two weeks."""
    webhook = _existing(access, webhook_id)
    own = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook.id)
    rows, more = read_page(own.options(joinedload(WebhookDelivery.event)), WebhookDelivery.id, query)
    return DeliveryListOut(data=[_delivery(row) for row in rows], next=more)


_CHANGE: dict[str, Any] = {"tag": "Webhooks", "body": NothingMore, "on": api_bp}
_CHANGING = (ApiScope.PLAN, ApiScope.FIGURES)


@writing("/webhooks/<uuid:webhook_id>/test", *_CHANGING, answer=WebhookOut, **_CHANGE)
def send_test(access: TokenAccess, webhook_id: uuid.UUID, key: str, body: NothingMore) -> KeptAnswer:
    """Send a webhook an event without meaning, to see whether it arrives."""
    return done_once(access, key, partial(_send_test, access, webhook_id))


@writing("/webhooks/<uuid:webhook_id>/off", *_CHANGING, answer=WebhookOut, **_CHANGE)
def webhook_off(access: TokenAccess, webhook_id: uuid.UUID, key: str, body: NothingMore) -> KeptAnswer:
    """Switch a webhook off, at once. What happens while it is off it is never told; a person switches it on
    again."""
    return done_once(access, key, partial(_switch_off, access, webhook_id))


@writing("/webhooks/<uuid:webhook_id>/remove", *_CHANGING, answer=ChangedOut, **_CHANGE)
def webhook_remove(access: TokenAccess, webhook_id: uuid.UUID, key: str, body: NothingMore) -> KeptAnswer:
    """Remove a webhook with its deliveries."""
    return done_once(access, key, partial(_remove, access, webhook_id))


def _send_test(access: TokenAccess, webhook_id: uuid.UUID) -> Result:
    webhook = _existing(access, webhook_id)
    operations.send_test(webhook, actor=access.actor, now=clock.now())
    return _webhook(webhook), 200


def _switch_off(access: TokenAccess, webhook_id: uuid.UUID) -> Result:
    webhook = _existing(access, webhook_id)
    operations.switch(webhook, False, actor=access.actor, now=clock.now())
    return _webhook(webhook), 200


def _remove(access: TokenAccess, webhook_id: uuid.UUID) -> Result:
    operations.remove(_existing(access, webhook_id).id, actor=access.actor, now=clock.now())
    return ChangedOut(changed=1), 200


def _existing(access: TokenAccess, webhook_id: uuid.UUID) -> Webhook:
    _refuse_areas(access)
    return webhook_by_id(webhook_id) or abort(404)


def _refuse_areas(access: TokenAccess) -> None:
    """They tell of the whole union."""
    if not access.scope.everything:
        abort(404)


def _webhook(row: Webhook) -> WebhookOut:
    return WebhookOut(
        id=row.id,
        name=row.name,
        topics=[WebhookTopic(topic) for topic in row.topics],
        names=has_names(row),
        off_at=row.off_at,
        failing_since=row.failing_since,
    )


def _delivery(row: WebhookDelivery) -> DeliveryOut:
    return DeliveryOut(
        id=row.id,
        topic=row.event.topic,
        state=row.state,
        tries=row.tries,
        last_result=row.last_result,
        happened_at=row.event.happened_at,
        delivered_at=row.delivered_at,
    )
