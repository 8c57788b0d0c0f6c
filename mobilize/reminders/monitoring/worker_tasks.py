"""The workers' tasks as the office sees them: what ran when, what is late or failing, and what waits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select

from mobilize.database import db
from mobilize.observability import health_checks
from mobilize.observability.task_runs import TaskRun, latest_runs
from mobilize.texts.models import OutboxText, Priority, TextClass, TextState

QUEUES = "redis.queues"
# Processes report every two minutes; whoever is silent for this long has missed two reports.
LATE_AFTER = timedelta(minutes=5)
ALARMS, CODES = "alarms", "codes"
# What somebody waits for at this moment. Other texts may wait for their hours, or behind many others.
_A_MINUTE = timedelta(minutes=1)
_WAITS_AT_MOST = {ALARMS: _A_MINUTE, CODES: _A_MINUTE, TextClass.REQUESTED.value: timedelta(minutes=5)}
_LOOKED_UP_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True)
class TaskStatus:
    """The latest run of one task in any process, which runs every `every_s` where there is something to do,
    and every `at_least_every_s` though there is not. `is_late`: it should have run again by now; `fails`: for
    so long that the next run did not mend it."""

    task: str
    every_s: float
    at_least_every_s: float
    ran_at: datetime | None
    took_ms: int | None
    error: str | None
    failing_since: datetime | None
    is_late: bool
    fails: bool

    @property
    def needs_somebody(self) -> bool:
        return self.is_late or self.fails


@dataclass(frozen=True)
class WorkerProcess:
    """One process of the workers, and when it last reported."""

    name: str
    reported_at: datetime
    is_silent: bool


@dataclass(frozen=True)
class QueueStatus:
    """One queue of the timetable: its processes and tasks, and how many wakes wait for it in Redis; None
    where Redis did not answer."""

    queue: str
    processes: Sequence[WorkerProcess]
    tasks: Sequence[TaskStatus]
    wakes: int | None

    @property
    def nobody_works(self) -> bool:
        """Its processes are silent though there is something to do; one that has nothing to do may rest."""
        return all(process.is_silent for process in self.processes) and any(
            task.is_late for task in self.tasks
        )

    @property
    def needs_somebody(self) -> bool:
        return self.nobody_works or any(task.needs_somebody for task in self.tasks)


@dataclass(frozen=True)
class DueTexts:
    """Texts of one class (emergencies and codes apart) that may leave now, and since when the oldest is due.
    `too_long`: it should have left."""

    kind: str
    texts: int
    oldest_at: datetime
    too_long: bool

    @property
    def needs_somebody(self) -> bool:
        return self.too_long


@dataclass(frozen=True)
class UnknownTexts:
    """Texts of which nobody knows yet whether the carrier took them, and of which nobody could find out."""

    looked_up: int
    oldest_at: datetime | None
    too_long: bool
    stuck: int

    @property
    def needs_somebody(self) -> bool:
        return self.too_long or self.stuck > 0


def worker_queues(now: datetime) -> list[QueueStatus]:
    """The queues that workers serve, or did within a day; empty where none ever did."""
    rows, wakes = latest_runs(now), wakes_in_redis()
    return [
        QueueStatus(
            queue,
            _processes([row for row in rows if row.queue == queue], now),
            _tasks([row for row in rows if row.queue == queue], now),
            wakes.get(queue),
        )
        for queue in _in_order({row.queue for row in rows})
    ]


def is_silent(reported_at: datetime | None, now: datetime) -> bool:
    """Whether the clock that wakes the workers, or one of them, was not heard of for too long."""
    return reported_at is None or now - reported_at > LATE_AFTER


def wakes_in_redis() -> Mapping[str, int]:
    """How many wakes lay in each queue when the workers last looked; empty when Redis did not answer."""
    check = health_checks.latest(QUEUES)
    pairs = [part.partition("=") for part in check.value.split()] if check and "=" in check.value else []
    return {name: int(count) for name, _, count in pairs if count.isdecimal()}


def due_texts(now: datetime) -> list[DueTexts]:
    """What waits in the outbox and is due, the most urgent class first."""
    is_alarm, is_code = OutboxText.priority == Priority.ALARM, OutboxText.priority.in_(Priority.CODES)
    kind = case((is_alarm, ALARMS), (is_code, CODES), else_=OutboxText.text_class)
    due = OutboxText.state == TextState.WAITING, OutboxText.next_try_at <= now
    query = select(kind, func.count(), func.min(OutboxText.due_at)).where(*due).group_by(kind)
    rows = [(str(name), count, oldest) for name, count, oldest in db.session.execute(query)]
    order = [ALARMS, CODES, *(one.value for one in TextClass)]
    return [
        DueTexts(name, count, oldest, now - oldest > _WAITS_AT_MOST.get(name, timedelta.max))
        for name, count, oldest in sorted(rows, key=lambda row: order.index(row[0]))
    ]


def unknown_texts(now: datetime) -> UnknownTexts:
    """What the carrier was asked to send and did not answer for."""
    states = (TextState.UNKNOWN, TextState.STUCK)
    query = select(OutboxText.state, func.count(), func.min(OutboxText.due_at))
    rows = db.session.execute(query.where(OutboxText.state.in_(states)).group_by(OutboxText.state)).all()
    by_state = {state: (count, oldest) for state, count, oldest in rows}
    looked_up, oldest = by_state.get(TextState.UNKNOWN, (0, None))
    too_long = oldest is not None and now - oldest > _LOOKED_UP_WITHIN
    return UnknownTexts(looked_up, oldest, too_long, by_state.get(TextState.STUCK, (0, None))[0])


def _in_order(queues: Iterable[str]) -> list[str]:
    urgent_first = ("codes", "texts", "planning", "reports", "jobs", "long")
    return sorted(queues, key=lambda queue: (queue not in urgent_first, [*urgent_first, queue].index(queue)))


def _processes(rows: Sequence[TaskRun], now: datetime) -> list[WorkerProcess]:
    reported: dict[str, datetime] = {}
    for row in rows:
        reported[row.process] = max(row.reported_at, reported.get(row.process, row.reported_at))
    return [WorkerProcess(name, at, is_silent(at, now)) for name, at in sorted(reported.items())]


def _tasks(rows: Sequence[TaskRun], now: datetime) -> list[TaskStatus]:
    latest: dict[str, TaskRun] = {}
    for row in sorted(rows, key=lambda row: (row.ran_at is not None, row.ran_at or row.reported_at)):
        latest[row.task] = row
    statuses = [_status(row, now) for row in latest.values()]
    return sorted(statuses, key=lambda one: (not one.needs_somebody, one.every_s, one.task))


def _status(row: TaskRun, now: datetime) -> TaskStatus:
    """Late is what has not run for twice its span, since it last did or its process began to serve it."""
    allowed = max(LATE_AFTER, 2 * timedelta(seconds=row.at_least_every_s))
    return TaskStatus(
        row.task,
        row.every_s,
        row.at_least_every_s,
        row.ran_at,
        row.took_ms,
        row.error,
        row.failing_since,
        is_late=now - (row.ran_at or row.reported_at) > allowed,
        fails=row.failing_since is not None and now - row.failing_since > LATE_AFTER,
    )
