"""Metrics that the workers ask for at a scrape: what stands in the database, and the queues of Celery.

One process of a worker answers, at the port above METRICS_PORT. The database is asked at each scrape, but not
more often than every few seconds, whoever asks.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError

from mobilize import clock
from mobilize.checkins.record import head_counts
from mobilize.database import db, locks
from mobilize.observability import metrics
from mobilize.texts import queries
from mobilize.texts.sending import spending
from workers.app import flask_app
from workers.runtime.broker import connect
from workers.texts import BEAT
from workers.timetable import TIMETABLE, Queue

ONE_TRY: dict[str, Any] = {
    "socket_connect_timeout": 0.5,
    "socket_timeout": 0.5,
    "retry": Retry(NoBackoff(), 0),
}
ABOVE = 1  # METRICS_PORT itself is the web's
ASKED_EVERY_S = 5.0


def serve() -> None:
    """Answer scrapes of this worker, in a thread; nothing where METRICS_PORT is not set."""
    with flask_app.app_context():
        db.engine.dispose(close=False)  # the parent's connections are not ours
    collectors = (_Cached(_Database()), _Broker(), _Timetable())
    metrics.serve(flask_app.config["MOBILIZE"], above=ABOVE, more=collectors)


class _Database(Collector):
    """Texts, money, lines and beat; without the database, `mobilize_database_up` 0 and no more."""

    def collect(self) -> Iterator[Metric]:
        up = 1
        with flask_app.app_context():
            try:
                yield from [*_texts(), *_money(), *_lines(), *_beat()]
            except SQLAlchemyError:
                up = 0
            finally:
                db.session.remove()
        yield _gauge("mobilize_database_up", "Whether the database answered", up)


class _Cached(Collector):
    """What another one has collected, for `ASKED_EVERY_S`; asked by one thread at a time."""

    def __init__(self, collector: Collector):
        self._collector, self._lock = collector, threading.Lock()
        self._at, self._last = float("-inf"), list[Metric]()

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if time.monotonic() - self._at > ASKED_EVERY_S:
                self._last, self._at = list(self._collector.collect()), time.monotonic()
            return self._last


class _Broker(Collector):
    """The messages in each queue of Celery; without Redis, `mobilize_redis_up` 0 and no more."""

    def collect(self) -> Iterator[Metric]:
        up, lengths = 1, GaugeMetricFamily("mobilize_queue_messages", "Messages in a queue", labels=["queue"])
        try:
            with connect(flask_app.config["MOBILIZE"], **ONE_TRY) as broker:
                for queue in Queue:
                    lengths.add_metric([queue], broker.llen(queue))
        except RedisError:
            up = 0
        if up:
            yield lengths
        yield _gauge("mobilize_redis_up", "Whether Redis answered", up)


class _Timetable(Collector):
    """Within how long each task runs, whatever there is to do for it."""

    def collect(self) -> Iterator[Metric]:
        every = {entry.task: entry.at_least_every for entry in TIMETABLE}
        yield _gauges("mobilize_task_interval_seconds", "Within how long a task runs at least", "task", every)


def _texts() -> Iterator[Metric]:
    now = clock.now()
    ages, unsettled = queries.oldest_due_by_class(now=now), queries.unsettled_by_state()
    name, meaning = "mobilize_texts_oldest_due_seconds", "How long the oldest text could have left"
    yield _gauges(name, meaning, "class", ages)
    due = queries.due_texts(now=now)
    yield _gauge("mobilize_texts_due", "Texts that wait and whose time has come", due)
    yield _gauges("mobilize_texts_unsettled", "Texts that have not left, or may not have", "state", unsettled)
    paused = len(queries.paused_senders())
    yield _gauge("mobilize_senders_paused", "Senders that stand still until a person looks", paused)


def _money() -> Iterator[Metric]:
    now = clock.now()
    spent = {"hour": spending.spent_this_hour_cents(now), "day": spending.spent_today_cents(now)}
    meaning = "Cents spent on texts in this clock hour, and on this day"
    yield _gauges("mobilize_spent_cents", meaning, "period", spent)
    limit = spending.limit_cents(now)
    yield _gauge("mobilize_spending_limit_cents", "Cents that may be spent in this clock hour", limit)


def _lines() -> Iterator[Metric]:
    open_now, silent = head_counts.open_and_silent(clock.now())
    yield _gauge("mobilize_sites_open", "Sites whose line is open now", open_now)
    yield _gauge("mobilize_sites_silent", "Those of them that sent no head count yet", silent)


def _beat() -> Iterator[Metric]:
    last_run = locks.last_run(BEAT)
    if last_run:
        name, meaning = "mobilize_beat_heartbeat_timestamp_seconds", "When a message of beat was last taken"
        yield _gauge(name, meaning, last_run.timestamp())


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _gauges(name: str, meaning: str, label: str, values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([str(key)], value)
    return family
