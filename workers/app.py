"""The Celery application: `python -m workers worker` and `... beat`, or `celery -A workers.app ...`.

Redis only wakes the workers. Every task is without arguments, asks the database what is due, and may run
twice, late, or by two beats; so a wiped Redis loses nothing, and with a dead one the ticker keeps time
(`workers.ticker`).
"""

import gc
from contextlib import suppress
from typing import Any

from billiard.util import get_pdeathsig
from celery import Celery, Task
from celery.signals import worker_before_create_process, worker_init, worker_process_init
from flask import Flask
from sqlalchemy.orm import configure_mappers

import config
from mobilize import create_app
from mobilize.database import db
from mobilize.texts import carrier
from workers.ticker import Ticker
from workers.timetable import ROOMS, beat_schedule

flask_app: Flask = create_app(config.load(), doors=False)


class TaskInTheApp(Task):
    """A task runs inside the application's context, with a database session of its own."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with flask_app.app_context():
            return self.run(*args, **kwargs)


app = Celery("mobilize", task_cls=TaskInTheApp, include=ROOMS)
app.conf.update(
    broker_url=flask_app.config["MOBILIZE"].redis_url,
    # A worker that dies gives its task back; tasks are safe to run twice.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": 300, "socket_connect_timeout": 5, "socket_timeout": 30},
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
    # No task takes longer than the visibility timeout, or it would be given out twice.
    task_time_limit=240,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    # Logs go through our own filter, which redacts.
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    beat_schedule=beat_schedule(),
    # Beat wakes the workers twice a second, and must not keep a minute's backlog of wakes.
    beat_max_loop_interval=1,
)
app.steps["worker"].add(Ticker)


@worker_init.connect
def _load_before_forking(**_: Any) -> None:
    """What is there by now, the children share with their parent and do not make again, each for itself."""
    carrier.prepare()
    configure_mappers()
    with suppress(OSError):  # not on Linux
        # Each child asks to end with its parent, and billiard reads a line of C for that: 5 MB of parser.
        get_pdeathsig()


@worker_before_create_process.connect
def _share_memory_with_children(**_: Any) -> None:
    """What is shared stays shared as long as nobody writes on it; and Python's collector of garbage writes on
    everything it looks at."""
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def _open_connections_of_ones_own(**_: Any) -> None:
    """A child must not share its parent's database connections."""
    with flask_app.app_context():
        db.engine.dispose(close=False)
