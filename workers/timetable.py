"""The whole timetable: which task runs how often. Beat keeps it, and a worker when Redis or beat is away.

Add a line here for a new task; a test checks that each names a task, and that each task is named.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mobilize.failpoints import seconds


class Queue(StrEnum):
    """The queues, each with a process of its own (`workers.processes`): none waits for another.

    `CODES`: what somebody waits for at this moment. `LONG`: what nobody waits for.
    """

    CODES = "codes"
    TEXTS = "texts"
    PLANNING = "planning"
    REPORTS = "reports"
    LONG = "long"


@dataclass(frozen=True)
class TimetableEntry:
    """`task` = room.verb, run every `seconds` by the process of `queue`."""

    task: str
    seconds: float
    queue: Queue

    @property
    def at_least_every(self) -> float:
        """Seconds after which it has run, whatever there is to do."""
        return self.seconds


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
]

TIMETABLE = [
    TimetableEntry("workers.beat_is_alive", 3, Queue.CODES),
    TimetableEntry("accounts.send_codes", 1, Queue.CODES),
    TimetableEntry("privacy.send_codes", 1, Queue.CODES),
    TimetableEntry("texts.drain_codes", 0.5, Queue.CODES),
    TimetableEntry("texts.drain", 0.5, Queue.TEXTS),
    TimetableEntry("reminders.read_answers", 2, Queue.TEXTS),
    TimetableEntry("reminders.ask_who_checked_in", 5, Queue.TEXTS),
    TimetableEntry("reminders.ask_for_counts", 5, Queue.TEXTS),
    TimetableEntry("reminders.queue_broadcasts", 2, Queue.PLANNING),
    TimetableEntry("reminders.tell_of_calling_off", 3, Queue.TEXTS),
    TimetableEntry("reminders.alert_duty", 1, Queue.CODES),
    TimetableEntry("reminders.alert_about_codes", 10, Queue.TEXTS),
    TimetableEntry("reminders.plan", 5, Queue.PLANNING),
    TimetableEntry("reminders.brief_chairs", 30, Queue.PLANNING),
    TimetableEntry("reminders.watch_campaigns", 30, Queue.TEXTS),
    TimetableEntry("actions.freeze_due_events", 10, Queue.REPORTS),
    TimetableEntry("checkins.derive_deferred", 5, Queue.REPORTS),
    TimetableEntry("turnout.close_due_events", 30, Queue.REPORTS),
    TimetableEntry("turnout.make_due_reports", 30, Queue.REPORTS),
    TimetableEntry("turnout.plan_thanks", 30, Queue.PLANNING),
    TimetableEntry("texts.sweep", seconds(10), Queue.TEXTS),
    TimetableEntry("texts.reconcile", seconds(10), Queue.TEXTS),
    TimetableEntry("texts.catch_up", 300, Queue.LONG),
    TimetableEntry("texts.note_file_consents", 60, Queue.LONG),
    TimetableEntry("texts.redact", 600, Queue.LONG),
    TimetableEntry("privacy.forget_due", 600, Queue.LONG),
    TimetableEntry("turnout.correct_closed_actions", 300, Queue.REPORTS),
    TimetableEntry("audit.seal", 5, Queue.LONG),
    TimetableEntry("accounts.expire_approvals", 60, Queue.LONG),
    TimetableEntry("accounts.look_at_redis", 300, Queue.LONG),
    TimetableEntry("accounts.look_at_keys", 600, Queue.LONG),
    TimetableEntry("workers.look_at_queues", seconds(60), Queue.LONG),
    TimetableEntry("audit.verify", 3600, Queue.LONG),
    TimetableEntry("accounts.forget_requests", 3600, Queue.LONG),
    TimetableEntry("accounts.forget_limits", 3600, Queue.LONG),
]


def beat_schedule() -> dict[str, dict[str, Any]]:
    """The timetable as Celery reads it. A message that was not taken in time expires: the next one
    follows."""
    return {
        entry.task: {
            "task": entry.task,
            "schedule": entry.seconds,
            "options": {"queue": entry.queue.value, "expires": max(5.0, 2 * entry.seconds)},
        }
        for entry in TIMETABLE
    }
