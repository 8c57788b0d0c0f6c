"""The whole timetable: which task runs how often, and what says that there is something to do for it.

Add a line here for a new task; a test checks that each names a task, and that each task is named.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import Select

from mobilize import audit
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.models import SIGN_IN
from mobilize.accounts.sign_in import code_budgets
from mobilize.accounts.sign_in.one_time_codes import requests_waiting
from mobilize.actions import eligibility
from mobilize.checkins.record import deferred_attendance
from mobilize.failpoints import seconds
from mobilize.jobs import operations as jobs
from mobilize.observability import findings
from mobilize.privacy import replay
from mobilize.privacy.member_page import sessions
from mobilize.privacy.texting import opt_ins
from mobilize.reminders.broadcasts import operations as broadcasts
from mobilize.reminders.calling_off import operations as calling_off
from mobilize.reminders.head_counts import briefing, lost_minutes, requests
from mobilize.reminders.inbox import answers, shared_phones
from mobilize.reminders.monitoring import delivery_monitoring, on_call
from mobilize.reminders.rules import planning
from mobilize.texts import recovery
from mobilize.texts.sending import claiming, delivery, reconciling
from mobilize.turnout.figures import closing
from mobilize.turnout.reports import operations as reports
from mobilize.turnout.reports import thank_you
from mobilize.webhooks.events import operations as events
from mobilize.webhooks.sending import delivery as webhooks

# SELECT of what there is to do, by the moment, of which only is asked whether it finds a row; or the answer.
Work = Callable[[datetime], Select[*tuple[Any, ...]] | bool]


class Queue(StrEnum):
    """The queues, each with a process of its own (`workers.runtime.processes`): none waits for another.

    `CODES`: what somebody waits for at this moment. `JOBS`: long work that somebody has started, and may
    watch. `LONG`: what nobody waits for.
    """

    CODES = "codes"
    TEXTS = "texts"
    PLANNING = "planning"
    REPORTS = "reports"
    JOBS = "jobs"
    LONG = "long"


@dataclass(frozen=True)
class TimetableEntry:
    """`task` = room.verb, run by the process of `queue` every `seconds` while there is `work` for it, and
    once in `at_rest` seconds though there seems to be none. Without `work`: every `seconds`."""

    task: str
    seconds: float
    queue: Queue
    work: Work | None = None
    at_rest: float = 600

    @property
    def at_least_every(self) -> float:
        """Seconds after which it has run, whatever there is to do."""
        return max(self.seconds, self.at_rest) if self.work else self.seconds


# One file of tasks per room.
TASK_MODULES = [
    "workers.texts",
    "workers.jobs",
    "workers.accounts",
    "workers.actions",
    "workers.checkins",
    "workers.reminders",
    "workers.turnout",
    "workers.privacy",
    "workers.webhooks",
    "workers.audit",
    "workers.doctor.tasks",
]

_entry = TimetableEntry
TIMETABLE = [
    _entry("workers.beat_is_alive", 60, Queue.CODES),
    _entry("jobs.run", 1, Queue.JOBS, jobs.to_run),
    _entry("jobs.forget_old", 600, Queue.LONG),
    _entry("accounts.send_codes", 1, Queue.CODES, partial(requests_waiting, SIGN_IN)),
    _entry("privacy.send_codes", 1, Queue.CODES, partial(requests_waiting, sessions.PURPOSE)),
    _entry("texts.drain_codes", 0.5, Queue.CODES, claiming.due_unheld),
    _entry("texts.drain", 0.5, Queue.TEXTS, claiming.due_texts),
    _entry("reminders.read_answers", 2, Queue.TEXTS, answers.unread),
    _entry("reminders.ask_who_checked_in", 5, Queue.TEXTS, shared_phones.checked_in_lately),
    _entry("reminders.ask_for_counts", 5, Queue.TEXTS, requests.lines_to_ask),
    _entry("reminders.ask_about_lost_minutes", 10, Queue.TEXTS, lost_minutes.losses_to_ask_about),
    _entry("reminders.queue_broadcasts", 2, Queue.PLANNING, broadcasts.confirmed),
    _entry("reminders.tell_of_calling_off", 3, Queue.TEXTS, calling_off.untold),
    _entry("reminders.alert_duty", 1, Queue.CODES, on_call.without_alert),
    _entry("reminders.alert_about_codes", 10, Queue.TEXTS, code_budgets.asked_lately),
    _entry("reminders.alert_about_callbacks", 600, Queue.LONG),
    _entry("reminders.follow_changes", 5, Queue.PLANNING, planning.changed),
    _entry("reminders.plan", 30, Queue.PLANNING, planning.has_due),
    _entry("reminders.brief_chairs", 30, Queue.PLANNING, briefing.has_due),
    _entry("reminders.watch_campaigns", 30, Queue.TEXTS, delivery_monitoring.to_watch),
    _entry("actions.freeze_due_events", 10, Queue.REPORTS, eligibility.not_frozen),
    _entry("checkins.derive_deferred", 5, Queue.REPORTS, deferred_attendance.said_lately),
    _entry("turnout.close_due_events", 30, Queue.REPORTS, closing.not_closed),
    _entry("turnout.make_due_reports", 30, Queue.REPORTS, reports.unfinished),
    _entry("turnout.plan_thanks", 30, Queue.PLANNING, thank_you.without_thanks),
    _entry("texts.sweep", seconds(10), Queue.TEXTS, delivery.to_sweep, at_rest=seconds(300)),
    _entry("texts.reconcile", seconds(10), Queue.TEXTS, reconciling.looks_due, at_rest=seconds(300)),
    _entry("privacy.replay_journal", seconds(10), Queue.TEXTS, replay.gap_is_recent, at_rest=3600),
    _entry("texts.recover", seconds(10), Queue.TEXTS, recovery.is_recovering, at_rest=3600),
    _entry("texts.catch_up", 300, Queue.LONG),
    _entry("texts.note_file_consents", 600, Queue.LONG),
    _entry("privacy.note_opt_ins", 5, Queue.LONG, opt_ins.unread),
    _entry("texts.redact", 600, Queue.LONG),
    _entry("privacy.forget_due", 600, Queue.LONG),
    _entry("turnout.correct_closed_actions", 300, Queue.REPORTS),
    _entry("webhooks.collect", 5, Queue.LONG, events.listening),
    _entry("webhooks.deliver", 1, Queue.LONG, webhooks.due),
    _entry("webhooks.forget_old", 3600, Queue.LONG),
    _entry("audit.seal", 5, Queue.LONG, audit.unsealed),
    _entry("accounts.expire_approvals", 60, Queue.LONG, approvals.expired),
    _entry("accounts.look_at_redis", 600, Queue.LONG),
    _entry("workers.look_at_queues", seconds(600), Queue.LONG),
    _entry("accounts.look_at_keys", 600, Queue.LONG),
    _entry("doctor.examine", 15, Queue.LONG, findings.requested, at_rest=findings.EXAMINED_EVERY.seconds),
    _entry("doctor.ping", 300, Queue.LONG),
    _entry("audit.verify", 3600, Queue.LONG),
    _entry("accounts.forget_requests", 3600, Queue.LONG),
    _entry("accounts.forget_limits", 3600, Queue.LONG),
]
