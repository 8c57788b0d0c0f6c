"""A process in which all that can fail does, with somebody's name and number in what is raised."""

import logging
import threading

from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import schedule

from mobilize.observability import logs
from tests.security.canary import CANARIES
from workers.app import app, load


def fail() -> None:
    """Raise an error that came from another, both with words somebody typed."""
    one, other = CANARIES[7], CANARIES[8]
    try:
        raise KeyError(f"{one.last}, {one.first}")
    except KeyError as error:
        raise ValueError(f"{other.first} {other.last} {other.number}", other.phone) from error


def main() -> None:
    """Everything in turn; the last of them ends the process."""
    logs.catch_surprises()
    load()
    app.tasks["texts.sweep"].run = fail
    app.tasks["texts.sweep"].apply()
    clock = Scheduler(app, lazy=True)
    clock.apply_async = lambda *_, **__: fail()  # type: ignore[method-assign]
    clock.apply_entry(ScheduleEntry("texts.sweep", "texts.sweep", schedule=schedule(1), app=app))
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as error:
        logging.getLogger("kombu.test").error("kept as text: " + str(error) + repr(error.args))
        logging.getLogger("kombu.test").error("as an argument: %r, as its cause: %s", error, error.__cause__)
    fail()


if __name__ == "__main__":
    main()
