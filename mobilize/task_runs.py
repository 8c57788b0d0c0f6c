"""The last run of each of the workers' tasks: written by workers, read by the page that lists them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import String, delete, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, atomic, db, insert

# A process that was not heard of for so long is gone: its machine was switched off, or has another name.
PROCESS_GONE_AFTER = timedelta(days=1)


class TaskRun(Model):
    """The last run of one task in one process, as of `reported_at`, and how often the timetable wants it.

    `ran_at` is None until it has run. `error` is the class of what the run raised, `failing_since` the first
    run that failed since one did not.
    """

    __tablename__ = "task_runs"

    task: Mapped[str] = mapped_column(String(60), primary_key=True)
    process: Mapped[str] = mapped_column(String(120), primary_key=True)
    queue: Mapped[str] = mapped_column(String(16))
    every_s: Mapped[float]
    reported_at: Mapped[datetime]
    ran_at: Mapped[datetime | None]
    took_ms: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(60))
    failing_since: Mapped[datetime | None]


@dataclass(frozen=True)
class ScheduledTask:
    """A task as the timetable has it."""

    task: str
    queue: str
    every_s: float


@dataclass(frozen=True)
class FinishedRun:
    """One run of a task, with the columns of `TaskRun`."""

    ran_at: datetime
    took_ms: int
    error: str | None = None
    failing_since: datetime | None = None


def announce(process: str, tasks: Iterable[ScheduledTask], *, now: datetime) -> None:
    """Record which tasks a process has begun to serve; what it ran before stays. Rows of its other tasks in
    these queues are deleted, and those of processes that are gone."""
    schedule = {task.task: task for task in tasks}
    with atomic() as session:
        others = TaskRun.queue.in_({task.queue for task in schedule.values()}), TaskRun.task.not_in(schedule)
        of_process = (TaskRun.process == process) & others[0] & others[1]
        session.execute(
            delete(TaskRun).where(or_(of_process, TaskRun.reported_at < now - PROCESS_GONE_AFTER))
        )
        for task in schedule.values():
            _write(process, task, {"reported_at": now})


def record_runs(process: str, runs: Iterable[tuple[ScheduledTask, FinishedRun]], *, now: datetime) -> None:
    """Record the latest run of each of these tasks, in one transaction; it replaces the one before."""
    with atomic():
        for task, run in runs:
            _write(process, task, {"reported_at": now, **asdict(run)})


def latest_runs(now: datetime) -> Sequence[TaskRun]:
    """The rows of every process that was heard of within a day, by task."""
    alive = select(TaskRun.process).where(TaskRun.reported_at > now - PROCESS_GONE_AFTER)
    query = select(TaskRun).where(TaskRun.process.in_(alive)).order_by(TaskRun.task, TaskRun.process)
    return db.session.scalars(query.execution_options(populate_existing=True)).all()


def _write(process: str, task: ScheduledTask, values: dict[str, object]) -> None:
    """Of a row that is there only what may have changed: keys rewritten would cost pages."""
    row = insert(TaskRun).values(**asdict(task), process=process, **values)
    changed = {"queue": task.queue, "every_s": task.every_s, **values}
    db.session.execute(row.on_conflict_do_update(index_elements=["task", "process"], set_=changed))
