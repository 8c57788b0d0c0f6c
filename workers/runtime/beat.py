"""The clock: Celery's beat, with a scheduler that asks the database what there is to do, and wakes the
workers for nothing else.

At rest one question a second, in one statement; while something is going on, two. A message is also noted for
the worker's own processes (`pending_wakes`), in case it does not arrive.
"""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from celery.beat import EmbeddedService, Scheduler
from kombu import Producer
from sqlalchemy import Connection, event, func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mobilize import clock
from mobilize.database import db, is_postgres
from workers.runtime import pending_wakes
from workers.timetable import TIMETABLE, TimetableEntry

AT_REST_S, BUSY_S = 1.0, 0.5
# A table that is locked keeps no question waiting: what cannot be asked is taken for due.
ANSWERS_WITHIN_MS = 300
# A tick that takes longer hangs: the process ends, and another is forked.
HANGS_AFTER_S = 30
SAYS_SO_EVERY_S = 60.0
# The settings of the broker for whoever must not wait for it.
IMPATIENT = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0}
_MISSING = -1e9

_log = logging.getLogger(__name__)


class DueScheduler(Scheduler):
    """Wakes the workers for what is due. Several at once double messages alone: tasks may run twice."""

    def __init__(self, app: Any, *, lazy: bool = False, **_: Any):
        super().__init__(app, lazy=True)
        self.entries = [
            entry
            for entry in TIMETABLE
            if not pending_wakes.of_queue or entry.queue in pending_wakes.of_queue
        ]
        self.asked_at: dict[str, float] = {}
        self.sent_at: dict[str, float] = {}
        self.sent = Counter[str]()
        self.said_at = time.monotonic()
        # Kept, and not asked each time whether it lives.
        self.database: Connection | None = None
        self.ticked_at = time.monotonic()
        self.is_database_away = self.is_broker_away = False
        self.kept: Producer | None = None

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due; returns the seconds until the next tick."""
        due: list[TimetableEntry] = []
        try:
            due = self.due(time.monotonic())
            self.send(due)
            self._say_so(time.monotonic())
        except Exception:
            _log.exception("a tick of the clock failed, and it goes on")
        self.ticked_at = time.monotonic()
        return BUSY_S if due else AT_REST_S

    def due(self, moment: float) -> list[TimetableEntry]:
        """The entries that are to run now, in the timetable's order."""
        waiting = [
            entry for entry in self.entries if self._since(self.asked_at, entry, moment) >= entry.seconds
        ]
        overdue = {e.task for e in waiting if self._since(self.sent_at, e, moment) >= e.at_least_every}
        self.asked_at |= {entry.task: moment for entry in waiting}
        answers = self._ask(self._asked_with(waiting))
        if answers is None:
            return []
        due = [entry for entry in waiting if entry.task in overdue | answers]
        self.sent_at |= {entry.task: moment for entry in due}
        return due

    def _asked_with(self, waiting: Sequence[TimetableEntry]) -> list[TimetableEntry]:
        """These, and whatever comes as often. So there are as many statements as there are intervals; each
        other mixture of entries would be one more to compile and to keep, and a day has hundreds of them."""
        longest = max((entry.seconds for entry in waiting), default=0.0)
        return [entry for entry in self.entries if entry.seconds <= longest]

    def send(self, due: Sequence[TimetableEntry]) -> None:
        """A note for each, and a message. A broker that is away is tried once in a tick, not waited for."""
        was_away, self.is_broker_away = self.is_broker_away, False
        for entry in due:
            self._note(entry, lost=was_away or self.is_broker_away)
            if not self.is_broker_away:
                self._send(entry, was_away=was_away)
                if self.is_broker_away and not was_away:
                    self._note(entry, lost=True)

    def _send(self, entry: TimetableEntry, *, was_away: bool) -> None:
        try:
            self.app.tasks[entry.task].apply_async(
                queue=entry.queue.value,
                expires=lives_s(entry),
                producer=self._producer(),
                retry=False,
            )
            self.sent[entry.task] += 1
        except Exception as error:
            self.is_broker_away = True
            self.kept = None
            if not was_away:
                _log.warning("the broker is away: %s", type(error).__name__)

    def _producer(self) -> Producer:
        """Kept while its connection works."""
        if self.kept is None:
            connection = self.app.connection_for_write(transport_options=IMPATIENT)
            self.kept = self.app.amqp.Producer(connection, auto_declare=False)
        return self.kept

    @staticmethod
    def _note(entry: TimetableEntry, *, lost: bool = False) -> None:
        if noted := pending_wakes.of_queue.get(entry.queue):
            noted.note(entry.task, lost=lost)

    def _ask(self, entries: Sequence[TimetableEntry]) -> set[str] | None:
        """The tasks for which there is something to do; None while the database is away, and nothing can."""
        was_away, self.is_database_away = self.is_database_away, False
        try:
            with self.app.flask_app.app_context():
                if self.database is None:
                    self.database = db.engine.connect()
                event.listen(db.session(), "after_begin", lambda *about: _bound(about[-1]))
                return tasks_with_work(self.database, entries, clock.now())
        except SQLAlchemyError as error:
            if is_too_slow(error):
                return {entry.task for entry in entries}
            self._hang_up()
            self.is_database_away = True
            if not was_away:
                _log.warning("the database is away: %s", type(error).__name__)
            return None

    def _hang_up(self) -> None:
        database, self.database = self.database, None
        if database is not None:
            with suppress(SQLAlchemyError):
                database.invalidate()
                database.close()

    def _say_so(self, moment: float) -> None:
        """The one line a minute."""
        if moment - self.said_at >= SAYS_SO_EVERY_S:
            names = ", ".join(f"{task} {n}" for task, n in self.sent.most_common())
            _log.info("tasks of the last minute: %s", names or "none")
            self.said_at = moment
            self.sent.clear()

    @staticmethod
    def _since(moments: dict[str, float], entry: TimetableEntry, moment: float) -> float:
        return moment - moments.get(entry.task, _MISSING)


class Clock:
    """The scheduler in a thread of its own, which starts with it. One that hangs is not waited for."""

    def __init__(self, app: Any):
        service = EmbeddedService(app, scheduler_cls=DueScheduler, thread=True)
        self.scheduler = service.service.scheduler
        service.start()

    def stands_still(self) -> bool:
        """It has not ticked for so long that something keeps it for good."""
        return time.monotonic() - self.scheduler.ticked_at > HANGS_AFTER_S


def tasks_with_work(connection: Connection, entries: Sequence[TimetableEntry], now: datetime) -> set[str]:
    """The tasks among these for which there is something to do, by one statement. Changes nothing."""
    works = {entry.task: entry.work(now) for entry in entries if entry.work}
    certain = {task for task, work in works.items() if work is True}
    questions = [work.exists().label(task) for task, work in works.items() if not isinstance(work, bool)]
    if not questions:
        return certain
    try:
        _bound(connection)
        row = connection.execute(select(*questions)).one()
        return certain | {q.name for q, answer in zip(questions, row, strict=True) if answer}
    finally:
        connection.rollback()


def _bound(connection: Connection) -> None:
    """Nothing that is asked in this transaction takes long."""
    if is_postgres():
        connection.execute(_BOUNDS)


def lives_s(entry: TimetableEntry) -> float:
    """Seconds after which a message that was not taken is dropped: the next one follows."""
    return max(5.0, 2 * entry.seconds)


def is_too_slow(error: SQLAlchemyError) -> bool:
    """The question was not answered in time: a lock, or more rows than it was made for."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(error, DBAPIError) and state in ("55P03", "57014")


# Until the end of the transaction. What is asked for is at the head of an index, whatever statistics say.
_BOUNDS = select(
    func.set_config("lock_timeout", f"{ANSWERS_WITHIN_MS}ms", True),
    func.set_config("statement_timeout", f"{10 * ANSWERS_WITHIN_MS}ms", True),
    func.set_config("enable_seqscan", "off", True),
)
