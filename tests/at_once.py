"""Simultaneous calls, each in a thread of its own, with a session of its own."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from mobilize.database import db
from mobilize.errors import Refused


def all_at_once(app: Flask, *calls: Callable[[], object], spread: float = 0.0) -> list[Any]:
    """Start the calls together, or `spread` seconds apart. Returns the result of each, in their order, or
    the code of its refusal."""
    ready = threading.Barrier(len(calls))

    def run(place: int, call: Callable[[], object]) -> object:
        with app.app_context():
            ready.wait(10)
            time.sleep(place * spread)
            try:
                return call()
            except Refused as refusal:
                return refusal.code
            finally:
                db.session.remove()

    db.session.rollback()
    with ThreadPoolExecutor(len(calls)) as pool:
        results = list(pool.map(run, range(len(calls)), calls))
    db.session.rollback()  # SQLite would go on showing this thread what it saw before
    return results
