"""The last run of each of the workers' tasks: written by workers, read by the page that lists them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, String, delete, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, atomic, db, insert

# A process that was not heard of for so long is gone: its machine was switched off, or has another name.
PROCESS_GONE_AFTER = timedelta(days=1)


class TaskRun(Model):
    """The last run of one task in one process, as of `reported_at`, and how often the timetable wants it:
    every `every_s`, and every `at_least_every_s` though there is nothing to do.

    `ran_at` is None until it has run. `error` is the class of what the run raised, `failing_since` the first
    run that failed since one did not.
    """

    __tablename__ = "task_runs"

    task: Mapped[str] = mapped_column(String(60), primary_key=True)
    process: Mapped[str] = mapped_column(String(120), primary_key=True)
    queue: Mapped[str] = mapped_column(String(16))
    every_s: Mapped[float]
    at_least_every_s: Mapped[float]
    reported_at: Mapped[datetime]
    ran_at: Mapped[datetime | None]
    took_ms: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(60))
    failing_since: Mapped[datetime | None]


@dataclass(frozen=True)
class ScheduledTask:
    """A task as the timetable has it, with the columns of `TaskRun`."""

    task: str
    queue: str
    every_s: float
    at_least_every_s: float


@dataclass(frozen=True)
class FinishedRun:
    """One run of a task, with the columns of `TaskRun`."""

    ran_at: datetime
    took_ms: int
    error: str | None = None
    failing_since: datetime | None = None


def announce(process: str, tasks: Iterable[ScheduledTask], *, now: datetime) -> None:
    """Record which tasks a process has begun to serve. What it ran before stays; rows of its other tasks in
    these queues are deleted, and those of processes that are gone. Repeated, nothing is written."""
    schedule = {task.task: task for task in tasks}
    queues = {task.queue for task in schedule.values()}
    taken_away = TaskRun.queue.in_(queues) & TaskRun.task.not_in(schedule) & (TaskRun.process == process)
    with atomic() as session:
        session.execute(delete(TaskRun).where(or_(taken_away, TaskRun.process.not_in(_alive(now)))))
        for task in schedule.values():
            columns = asdict(task)
            row = insert(TaskRun).values(**columns, process=process, reported_at=now)
            differs = or_(*(getattr(TaskRun, name) != value for name, value in columns.items()))
            key = ["task", "process"]
            session.execute(row.on_conflict_do_update(index_elements=key, set_=columns, where=differs))


def record_runs(process: str, runs: Mapping[str, FinishedRun], *, now: datetime) -> None:
    """Record the latest run of each of these tasks, which the process has announced, in one transaction."""
    with atomic() as session:
        for task, run in runs.items():
            row = update(TaskRun).where(TaskRun.process == process, TaskRun.task == task)
            session.execute(row.values(reported_at=now, **asdict(run)))


def runs_of(process: str) -> Sequence[TaskRun]:
    """The rows of one process, also those it never ran."""
    query = select(TaskRun).where(TaskRun.process == process).execution_options(populate_existing=True)
    return db.session.scalars(query).all()


def latest_runs(now: datetime) -> Sequence[TaskRun]:
    """The rows of every process that was heard of within a day, by task."""
    query = select(TaskRun).where(TaskRun.process.in_(_alive(now))).order_by(TaskRun.task, TaskRun.process)
    return db.session.scalars(query.execution_options(populate_existing=True)).all()


def _alive(now: datetime) -> Select[str]:
    return select(TaskRun.process).where(TaskRun.reported_at > now - PROCESS_GONE_AFTER)
