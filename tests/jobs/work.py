"""The worker of tests: it does what waits, in this process."""

from typing import Any

from flask.testing import FlaskClient

from mobilize import clock
from mobilize.database import db
from mobilize.jobs import operations as jobs
from workers.jobs import RUNNERS


def work() -> int:
    """Do every job that waits; returns how many."""
    done = 0
    while jobs.run_next(RUNNERS, now=clock.now()):
        done += 1
    db.session.rollback()
    return done


def carried_out(client: FlaskClient, answer: Any) -> Any:
    """What the page of a job answers once a worker has done it; any other answer as it is."""
    if "/jobs/" not in (answer.location or ""):
        return answer
    work()
    return client.get(answer.location)
