"""Pages of webhooks, for the office."""

import uuid

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from mobilize import clock
from mobilize.accounts.access.permissions import after_step_up, me, signed_in
from mobilize.accounts.approvals.operations import ApprovalKind, open_approval
from mobilize.accounts.models import RoleName
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.webhooks.endpoints import operations
from mobilize.webhooks.endpoints.queries import all_webhooks, deliveries_of, has_names, webhook_by_id
from mobilize.webhooks.forms import NamesForm, WebhookForm
from mobilize.webhooks.labels import off_words, result_words, state_words, topic_words
from mobilize.webhooks.models import Webhook
from mobilize.webhooks.routes import bp
from mobilize.webhooks.sending.delivery import replay


@bp.get("/webhooks")
@signed_in(RoleName.ADMIN)
def webhooks() -> str:
    """All webhooks, and the form of a new one."""
    return _list_page(WebhookForm())


@bp.post("/webhooks")
@signed_in(RoleName.ADMIN, step_up=True)
def make_webhook() -> ResponseReturnValue:
    """A new webhook; its secret is shown once."""
    form = WebhookForm()
    if not form.validate():
        return _list_page(form), 422
    try:
        with after_step_up():
            webhook, secret = operations.make_webhook(
                form.name.data, form.url.data, form.topics.data, actor=me().actor, now=clock.now(), id=form.id
            )
    except Refused as refusal:
        form.refuse(refusal)
        return _list_page(form), refusal.status
    return _page(webhook, secret=secret)


@bp.get("/webhooks/<uuid:webhook_id>")
@signed_in(RoleName.ADMIN)
def webhook(webhook_id: uuid.UUID) -> str:
    """One webhook with its deliveries."""
    return _page(_existing(webhook_id))


@bp.post("/webhooks/<uuid:webhook_id>/secret")
@signed_in(RoleName.ADMIN, step_up=True)
def change_secret(webhook_id: uuid.UUID) -> str:
    """A new secret beside the old one."""
    webhook = _existing(webhook_id)
    with after_step_up():
        secret = operations.change_secret(webhook, actor=me().actor, now=clock.now())
    return _page(webhook, secret=secret)


@bp.post("/webhooks/<uuid:webhook_id>/on")
@signed_in(RoleName.ADMIN, step_up=True)
def switch_on(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """On again."""
    webhook = _existing(webhook_id)
    with after_step_up():
        operations.switch(webhook, True, actor=me().actor, now=clock.now())
    return _back(webhook_id)


@bp.post("/webhooks/<uuid:webhook_id>/off")
@signed_in(RoleName.ADMIN)
def switch_off(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """Off, at once."""
    operations.switch(_existing(webhook_id), False, actor=me().actor, now=clock.now())
    return _back(webhook_id)


@bp.post("/webhooks/<uuid:webhook_id>/remove")
@signed_in(RoleName.ADMIN)
def remove_webhook(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """It is told nothing any more."""
    operations.remove(_existing(webhook_id).id, actor=me().actor, now=clock.now())
    flash(_("Removed."), "done")
    return redirect(url_for("webhooks.webhooks"), 303)


@bp.post("/webhooks/<uuid:webhook_id>/test")
@signed_in(RoleName.ADMIN)
def test_webhook(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """Send it a test."""
    operations.send_test(_existing(webhook_id), actor=me().actor, now=clock.now())
    flash(_("A test is on its way. What became of it stands below in some seconds."), "done")
    return _back(webhook_id)


@bp.post("/webhooks/<uuid:webhook_id>/names")
@signed_in(RoleName.ADMIN, step_up=True)
def webhook_names(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """Names: asked for, and once a second person has agreed, switched on."""
    webhook, form = _existing(webhook_id), NamesForm()
    if not form.validate():
        return _page(webhook, form=form), 422
    try:
        with after_step_up():
            has_names = operations.allow_names(webhook, form.reason.data, actor=me().actor, now=clock.now())
    except Refused as refusal:
        form.reason.errors = [refusal.message]
        return _page(webhook, form=form), refusal.status
    flash(_("It is sent names now.") if has_names else _("A second person was asked."), "done")
    return _back(webhook_id)


@bp.post("/webhooks/<uuid:webhook_id>/names/off")
@signed_in(RoleName.ADMIN)
def names_off(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """No names any more."""
    operations.take_names_away(_existing(webhook_id), actor=me().actor, now=clock.now())
    return _back(webhook_id)


@bp.post("/webhooks/<uuid:webhook_id>/replay")
@signed_in(RoleName.ADMIN, step_up=True)
def replay_all(webhook_id: uuid.UUID) -> ResponseReturnValue:
    """Everything that did not arrive, again."""
    webhook = _existing(webhook_id)
    with after_step_up():
        waiting = replay(webhook.id, None, actor=me().actor, now=clock.now())
    flash(_("Sent again: %(n)s. What became of them stands below in some seconds.", n=waiting), "done")
    return _back(webhook_id)


@bp.post("/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/replay")
@signed_in(RoleName.ADMIN, step_up=True)
def replay_one(webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> ResponseReturnValue:
    """One delivery, again."""
    webhook = _existing(webhook_id)
    with after_step_up():
        if not replay(webhook.id, delivery_id, actor=me().actor, now=clock.now()):
            abort(404)
    flash(_("It is sent again. What became of it stands below in some seconds."), "done")
    return _back(webhook_id)


def _existing(webhook_id: uuid.UUID) -> Webhook:
    return webhook_by_id(webhook_id) or abort(404)


def _back(webhook_id: uuid.UUID) -> ResponseReturnValue:
    return redirect(url_for("webhooks.webhook", webhook_id=webhook_id), 303)


def _list_page(form: WebhookForm) -> str:
    return render_template(
        "webhooks/webhooks.html", webhooks=all_webhooks(), has_names=has_names, form=form, off_words=off_words
    )


def _page(webhook: Webhook, *, secret: str | None = None, form: NamesForm | None = None) -> str:
    now = clock.now()
    return render_template(
        "webhooks/webhook.html",
        webhook=webhook,
        has_names=has_names(webhook),
        secret=secret,
        form=form or NamesForm(formdata=None),
        listed=deliveries_of(webhook.id, request.args.get("page", 1, type=int)),
        approval=open_approval(ApprovalKind.WEBHOOK_NAMES, str(webhook.id), now=now),
        topic_words=topic_words(),
        state_words=state_words(),
        result_words=result_words,
        off_words=off_words,
        now=now,
    )
