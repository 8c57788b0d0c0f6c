"""Workers and their clock: that they are heard of and on time; that texts leave, reach us, and are
forgotten at the carrier as the settings say."""

from collections.abc import Sequence
from datetime import datetime

from mobilize import settings
from mobilize.accounts.security.protections import BEAT
from mobilize.backup import archive, gaps
from mobilize.database import locks
from mobilize.observability.findings import Finding, finding
from mobilize.reminders.monitoring.worker_tasks import is_silent, worker_queues
from mobilize.texts import carriers
from mobilize.texts.receiving.callbacks import callback_statuses
from mobilize.texts.sending import lanes, trial


def workers(now: datetime) -> Sequence[Finding]:
    """Whether they do what the timetable wants."""
    queues = worker_queues(now)
    if is_silent(locks.last_run(BEAT), now) or not queues:
        return [finding("workers.silent")]
    late = [task.task for queue in queues for task in queue.tasks if task.needs_somebody]
    return [finding("workers.late", task=task) for task in late[:3]] or [finding("workers.ok")]


def texts_leave(now: datetime) -> Sequence[Finding]:
    """Whether something holds them: the trial, a restore whose lost minutes were not looked up yet, or so
    many emergencies that new ones wait."""
    is_trial = bool(settings().carriers_set_up) and not settings().is_live and trial.runs()
    gap = gaps.latest_open()
    held = [gaps.held_by(gap)] if gap else []
    if not settings().carriers_set_up:  # there are no texts to hold, but what is taken away to be repeated
        held = [one for one in held if one.code != "texts.held"]
    if lanes.used_up_until(lanes.ALARMS, now):
        held.append(finding("texts.alarms_used_up"))
    return [*([finding("texts.trial")] if is_trial else []), *held]


def words_at_the_carrier(_now: datetime) -> Sequence[Finding]:
    """Whether TEXT_REDACT_AFTER_DAYS is set and does nothing."""
    in_use = carriers.set_up()
    if not settings().text_redact_after_days or not in_use:
        return []
    if not any(carrier.KEEPS_WORDS for carrier in in_use):
        return [finding("redaction.no_call", carrier=in_use[0].NAME.title())]
    return [] if archive.state().holds_until else [finding("redaction.no_backup")]


def texts_reach_us(now: datetime) -> Sequence[Finding]:
    """Whether the carriers' callbacks were refused lately, or did not come."""
    troubled = [one.carrier for one in callback_statuses(now) if one.needs_somebody]
    return [finding("texts.refused", carrier=carrier.title()) for carrier in troubled]
