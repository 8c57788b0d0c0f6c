"""The Celery application: `python -m workers worker` and `... beat`, or `celery -A workers.app ...`.

Redis only wakes the workers. Every task is without arguments, asks the database what is due, and may run
twice, late, or by two beats; so a wiped Redis loses nothing, and with a dead one a worker runs what is due
itself (`workers.runtime.fallback_scheduler`).
"""

import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import Any

import kombu
from celery import Celery, Task
from celery.signals import celeryd_init, setup_logging, worker_process_init
from flask import Flask
from sqlalchemy.orm import configure_mappers

import config
from mobilize import create_app
from mobilize.database import db
from mobilize.observability import metrics
from mobilize.texts.carriers import CARRIERS
from workers.runtime import broker
from workers.runtime.fallback_scheduler import FallbackScheduler, woken
from workers.runtime.run_log import RunLog
from workers.timetable import TASK_MODULES, TIMETABLE, Queue

flask_app: Flask = create_app(config.load_or_exit(), web=False)
run_log = RunLog(flask_app)


_QUEUES = {entry.task: entry.queue for entry in TIMETABLE}
# No task takes longer than the visibility timeout, or it would be given out twice.
TIME_LIMIT_S, VISIBILITY_TIMEOUT_S = 240, 300


class TaskInTheApp(Task):
    """A task runs inside the application's context, with a database session of its own.

    A process whose task exceeds the time limit ends, and its parent forks another.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        is_message = threading.current_thread() is threading.main_thread()
        with (
            _as_message(self.name) if is_message else nullcontext(),
            metrics.TASK_FAILURES.labels(self.name).count_exceptions(),
            metrics.TASK_SECONDS.labels(self.name).time(),
            run_log.recorded(self.name),
            flask_app.app_context(),
        ):
            result = self.run(*args, **kwargs)
        metrics.TASK_LAST_RUN.labels(self.name).set_to_current_time()
        return result


@contextmanager
def _as_message(task: str) -> Iterator[None]:
    """Not in the thread of the fallback scheduler, which the signal of the time limit would not find."""
    signal.alarm(TIME_LIMIT_S)
    try:
        with woken(_QUEUES[task]):
            yield
    finally:
        signal.alarm(0)


app = Celery("mobilize", task_cls=TaskInTheApp, include=TASK_MODULES)
app.flask_app = flask_app
app.conf.update(
    broker_url=flask_app.config["MOBILIZE"].redis_url,
    # A worker that dies gives its task back; tasks are safe to run twice.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={
        **broker.transport_options(flask_app.config["MOBILIZE"]),
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "socket_connect_timeout": 5,
        "socket_timeout": 30,
        # An idle process asks for a message so often, which one that is told to end waits for.
        "polling_interval": 2,
        "unacked_restore_interval": 60,
        "unacked_restore_throttle": 1,
    },
    # Redis may be away for any time, at the start and later.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # Nobody waits for a result, and nothing but our own names and JSON travels.
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    result_backend=None,
    task_serializer="json",
    accept_content=["json"],
    enable_utc=True,
    timezone="UTC",
    task_time_limit=TIME_LIMIT_S,
    # Each with an exchange of its own, or a message would go to all of them.
    task_queues=[kombu.Queue(one, kombu.Exchange(one), routing_key=one) for one in map(str, Queue)],
    task_default_queue=Queue.TEXTS,
    task_routes={entry.task: {"queue": entry.queue} for entry in TIMETABLE},
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_redirect_stdouts=False,
    beat_scheduler="workers.runtime.beat:DueScheduler",
)
app.steps["worker"].add(FallbackScheduler)


_WHAT_CELERY_LOADS = (
    "celery.apps.worker",
    "celery.concurrency.solo",
    "celery.events.state",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery.worker.loops",
    "celery.worker.strategy",
    "kombu.asynchronous.hub",
    "kombu.transport.redis",
)


def load() -> None:
    """Load once what all processes of a worker use: after the fork they share its memory."""
    app.loader.import_default_modules()
    for name in _WHAT_CELERY_LOADS:
        import_module(name)
    for carrier in CARRIERS.values():
        carrier.prepare()
    configure_mappers()


def share_memory() -> None:
    """Before the fork: pages stay shared with the children, since no garbage is looked for in them."""
    gc.collect()
    gc.freeze()


@setup_logging.connect
def _leave_logs_alone(**_: Any) -> None:
    """They are set up: LOG_LEVEL is their level, and each line goes through our filter, which redacts."""


@celeryd_init.connect
def _name_process(sender: str, **_: Any) -> None:
    run_log.process = sender[:120]


@worker_process_init.connect
def _open_connections_of_ones_own(**_: Any) -> None:
    """Drop the parent's database connections, which a child must not share."""
    with flask_app.app_context():
        db.engine.dispose(close=False)
