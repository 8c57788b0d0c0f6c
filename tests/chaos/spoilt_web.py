"""The web with one promise taken out, named by SABOTAGE: the checks after a fault must find each of them."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import Pool, event, text

from mobilize.checkins.member import views as views
from mobilize.checkins.record import operations as operations
from mobilize.checkins.record import persistence
from mobilize.database import atomic
from wsgi import app, rsgi  # noqa: F401 - what the server runs


def drop_unique_key(app: Flask) -> None:
    """Nothing in the database keeps a member from being counted twice."""
    really = persistence._attend

    def attend(rows: Any = None) -> Any:
        added = really(rows)
        added._post_values_clause = None  # the ON CONFLICT, which wants the key
        return added

    persistence._attend = attend
    with app.app_context(), atomic() as session:
        key = "uq_attendance_one_per_member_and_event_and_shift"
        session.execute(text(f"ALTER TABLE attendance DROP CONSTRAINT IF EXISTS {key}"))


def answer_early(app: Flask) -> None:
    """The receipt goes out before anything is stored."""
    really = operations.check_in_by_poster

    def later(*args: Any, **named: Any) -> Any:
        def store() -> None:
            time.sleep(0.5)
            with app.app_context():
                really(*args, **named)

        threading.Thread(target=store, daemon=True).start()
        return None, "token"

    views.check_in_by_poster = later


def show_errors(app: Flask) -> None:
    """Nobody is told to try again."""

    @app.after_request
    def bare(answer: Any) -> Any:
        answer.headers.pop("Retry-After", None)
        return answer


def sync_nothing(app: Flask) -> None:
    """SQLite says that it is stored before the disk has it."""

    @event.listens_for(Pool, "checkout")
    def hurry(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")


SPOILS: dict[str, Callable[[Flask], None]] = {
    "drop_unique_key": drop_unique_key,
    "answer_early": answer_early,
    "show_errors": show_errors,
    "sync_nothing": sync_nothing,
}
SPOILS[os.environ["SABOTAGE"]](app)
