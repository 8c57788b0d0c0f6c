"""The page on how texting is doing, and its switches."""

import uuid

from flask import abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.permissions import after_step_up, me, signed_in
from mobilize.accounts.models import CodeLane, RoleName
from mobilize.accounts.security.protections import BEAT
from mobilize.accounts.sign_in.code_budgets import UNANSWERED_ALARM, lane_use, unanswered_codes
from mobilize.actions.models import Campaign
from mobilize.backup import gaps
from mobilize.database import db, locks
from mobilize.languages import _, say_ago
from mobilize.observability import health_checks
from mobilize.phones import format_phone
from mobilize.reminders.inbox.queries import count_waiting
from mobilize.reminders.monitoring import delivery_monitoring, worker_tasks
from mobilize.reminders.monitoring import health as queries
from mobilize.reminders.monitoring.forms import PauseForm
from mobilize.reminders.monitoring.health import Remedy
from mobilize.reminders.monitoring.task_words import (
    due_words,
    how_often,
    queue_words,
    refusal_words,
    task_words,
    took,
)
from mobilize.reminders.routes import bp
from mobilize.texts.carriers import inbound_address
from mobilize.texts.queries import counts_by_state
from mobilize.texts.receiving.callbacks import callback_statuses
from mobilize.texts.sending import lanes, senders, spending
from mobilize.texts.sending.pauses import pause_sending, paused_refs


@bp.get("/texts/health")
@signed_in(RoleName.ORGANIZER)
def health() -> str:
    """Money, codes, emergencies, what stands still, what failed and what to do, and numbers to fix."""
    now = clock.now()
    left, failed = queries.failures_by_code(now)
    gap = gaps.latest_open()
    return render_template(
        "reminders/health.html",
        spent_today=spending.spent_today_cents(now),
        spent_this_hour=spending.spent_this_hour_cents(now),
        limit=spending.limit_cents(now),
        paused=senders.pausing_everything(),
        senders=senders.preferred(),
        is_refused=senders.is_refused,
        lanes=[lane_use(lane, now) for lane in CodeLane],
        lane_words=_lane_words(),
        alarms_used_up_until=lanes.used_up_until(lanes.ALARMS, now),
        unanswered={lane: n for lane, n in unanswered_codes(now).items() if n >= UNANSWERED_ALARM},
        left=left,
        failed=failed,
        counts=counts_by_state(),
        remedies=_remedies(),
        to_fix=queries.numbers_to_fix(me().scope),
        campaigns=delivery_monitoring.campaigns_with_texts(now),
        pauses=paused_refs(),
        gap=gap,
        held_by=gaps.held_by(gap) if gap else None,
    )


@bp.get("/texts/health/workers")
@signed_in(RoleName.ADMIN)
def tasks() -> str:
    """The workers' tasks: what ran when, what is late or fails, and what waits."""
    now, beat_at, sending = clock.now(), locks.last_run(BEAT), senders.preferred()
    queues, due = worker_tasks.worker_queues(now), worker_tasks.due_texts(now)
    unknown, callbacks = worker_tasks.unknown_texts(now), callback_statuses(now)
    troubles = [one.needs_somebody for one in queues] + [one.needs_somebody for one in due]
    troubles += [one.needs_somebody for one in callbacks]
    troubles += [unknown.needs_somebody, any(sender.paused_at for sender in sending)]
    return render_template(
        "reminders/tasks.html",
        inbound_address=inbound_address,
        queues=queues,
        redis=health_checks.latest(worker_tasks.QUEUES),
        redis_answers=bool(worker_tasks.wakes_in_redis()),
        beat_at=beat_at,
        beat_is_silent=worker_tasks.is_silent(beat_at, now),
        due=due,
        unknown=unknown,
        unknown_numbers=count_waiting(now, is_known=False),
        senders=sending,
        callbacks=callbacks,
        refusal_words=refusal_words(),
        text_number=format_phone(settings().text_number),
        public_base_url=settings().public_base_url,
        all_is_well=queues and not any(troubles),
        task_words=task_words(),
        queue_words=queue_words(),
        due_words=due_words(),
        how_often=how_often,
        took=took,
        ago=lambda moment: say_ago(moment, now),
    )


@bp.post("/texts/health/pause")
@signed_in(RoleName.ADMIN, step_up=True)
def pause_all() -> Response:
    """Stop every text but codes and emergencies."""
    with after_step_up():
        pause_sending(_reason(), now=clock.now())
    flash(_("Paused. What waits keeps waiting."), "done")
    return redirect(url_for("reminders.health"), 303)


@bp.post("/texts/health/resume")
@signed_in(RoleName.ADMIN, step_up=True)
def resume_all() -> Response:
    """Let texts leave again."""
    with after_step_up():
        spending.resume_after_a_look(by=me().actor, now=clock.now())
    flash(_("Texts go out again."), "done")
    return redirect(url_for("reminders.health"), 303)


@bp.post("/campaigns/<uuid:campaign_id>/texts/pause")
@signed_in(RoleName.ADMIN, step_up=True)
def pause_campaign(campaign_id: uuid.UUID) -> Response:
    """Stop one campaign's texts to members."""
    campaign = db.session.get(Campaign, campaign_id) or abort(404)
    with after_step_up():
        delivery_monitoring.pause_campaign(campaign.id, _reason(), by=me().actor, now=clock.now())
    flash(_("Paused. What waits keeps waiting."), "done")
    return redirect(url_for("reminders.health"), 303)


@bp.post("/campaigns/<uuid:campaign_id>/texts/resume")
@signed_in(RoleName.ADMIN, step_up=True)
def resume_campaign(campaign_id: uuid.UUID) -> Response:
    """Let them leave again."""
    campaign = db.session.get(Campaign, campaign_id) or abort(404)
    with after_step_up():
        delivery_monitoring.resume_campaign(campaign.id, by=me().actor, now=clock.now())
    flash(_("Texts go out again."), "done")
    return redirect(url_for("reminders.health"), 303)


def _reason() -> str:
    return " ".join(PauseForm().why.data.replace("\0", "").split())[:80] or _("No reason given")


def _lane_words() -> dict[CodeLane, str]:
    return {
        CodeLane.KNOWN_BROWSER: _("Codes for browsers that signed in before"),
        CodeLane.ROLE: _("Codes of chairs and organizers, in other browsers"),
        CodeLane.MEMBER: _("Codes of members"),
    }


def _remedies() -> dict[Remedy, str]:
    return {
        Remedy.STOPPED: _("These members opted out with the carrier. Nothing to do: they get no more texts."),
        Remedy.FIX_NUMBER: _("These numbers cannot be reached. Ask the members for a new one."),
        Remedy.NO_ROUTE: _(
            "The carrier does not text these numbers for us, most of them abroad. Ask for another."
        ),
        Remedy.SENDER: _("The union's number is not set up right with the carrier. The office looks there."),
        Remedy.SLOW: _("The carrier asked us to slow down. Each was tried again while it was useful."),
        Remedy.UNREACHED: _("The phone was off or out of reach. Each was tried once more."),
        Remedy.FILTERED: _(
            "The carrier took them for spam. Change the words: no short links, say who writes."
        ),
        Remedy.EXPIRED: _("They would have come too late, so the carrier dropped them."),
        Remedy.OTHER: _("Look the code up in the carrier's list of errors."),
    }
