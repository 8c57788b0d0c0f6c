"""The comparison for `texts_bench`: one Celery task per text, the way most would write it first.

The same SDK, the same pooled connections, the same broker and database; late acks, so that it is at least not
the careless form. It is killed once, and texts go twice: that is what the claim in the outbox is for.
"""

import os
from functools import cache

import psycopg
from celery import Celery

import config
from mobilize import create_app
from mobilize.texts.carriers import twilio as carrier

flask_app = create_app(config.load())
app = Celery("one_task_each", broker=os.environ["REDIS_URL"])
app.conf.update(task_acks_late=True, task_ignore_result=True, worker_enable_remote_control=False)


@app.task(name="send")
def send(n: int) -> None:
    """Read one text, hand it to the carrier, note the carrier's id."""
    connection = _connection(os.getpid())
    row = connection.execute("SELECT phone, body FROM one_each WHERE n = %s", [n]).fetchone()
    assert row is not None
    with flask_app.app_context():
        answer = carrier.send(row[0], row[1], callback="http://localhost/x", validity_s=3600)
    connection.execute("UPDATE one_each SET sid = %s WHERE n = %s", [answer.sid, n])


@cache
def _connection(_process: int) -> psycopg.Connection:
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
