"""The whole timetable: which task runs how often. Beat keeps it, and the ticker when Redis or beat is away.

Add a line here for a new task; a test checks that each names a task, and that each task is named.
"""

from dataclasses import dataclass
from typing import Any

from mobilize.texts.rehearsal import seconds


@dataclass(frozen=True)
class Entry:
    """`task` = room.verb, run every `seconds`."""

    task: str
    seconds: float


# One file of tasks per room.
ROOMS = [
    "workers.texts",
    "workers.accounts",
    "workers.actions",
    "workers.checkins",
    "workers.reminders",
    "workers.turnout",
    "workers.privacy",
    "workers.audit",
    "workers.protections",
]

TIMETABLE = [
    Entry("workers.beat_is_alive", 3),
    Entry("accounts.send_codes", 1),
    Entry("privacy.send_codes", 1),
    Entry("texts.drain", 0.5),
    Entry("reminders.read_answers", 2),
    Entry("reminders.ask_who_checked_in", 5),
    Entry("reminders.ask_for_counts", 5),
    Entry("reminders.queue_broadcasts", 2),
    Entry("reminders.tell_of_calling_off", 3),
    Entry("reminders.alert_duty", 5),
    Entry("reminders.alert_about_codes", 10),
    Entry("reminders.plan", 5),
    Entry("reminders.brief_chairs", 30),
    Entry("reminders.watch_campaigns", 30),
    Entry("actions.freeze_due_events", 10),
    Entry("checkins.work_out_leavings", 5),
    Entry("turnout.close_due_events", 30),
    Entry("turnout.make_due_reports", 30),
    Entry("turnout.plan_thanks", 30),
    Entry("texts.sweep", seconds(10)),
    Entry("texts.reconcile", seconds(10)),
    Entry("texts.catch_up", 300),
    Entry("texts.note_file_consents", 60),
    Entry("privacy.forget_due", 600),
    Entry("turnout.correct_closed_actions", 300),
    Entry("audit.seal", 5),
    Entry("accounts.expire_approvals", 60),
    Entry("accounts.look_at_redis", 300),
    Entry("accounts.look_at_keys", 600),
    Entry("audit.verify", 3600),
    Entry("accounts.forget_requests", 3600),
    Entry("accounts.forget_limits", 3600),
]


def beat_schedule() -> dict[str, dict[str, Any]]:
    """The timetable as Celery reads it. A wake that nobody took in time is worthless: the next one is
    coming."""
    return {
        entry.task: {
            "task": entry.task,
            "schedule": entry.seconds,
            "options": {"expires": max(5.0, 2 * entry.seconds)},
        }
        for entry in TIMETABLE
    }
