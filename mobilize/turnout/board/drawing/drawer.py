"""Drawer of boards for all processes of a server: `python -m mobilize.turnout.board.drawing.drawer LOCK`.

A process of its own with a lower priority: when everybody checks in at once, boards are late, and check-ins
are not. The first process that is asked for a board starts it (`drawing_cache`). It ends with that one, which
its standard input tells, and when nobody has looked at a board for a minute. LOCK: the number of the open
file that is the drawer's lock. See docs/decisions/0038.
"""

import logging
import os
import sys
import threading
import time
from contextlib import suppress
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from flask import Flask

import config
from mobilize import create_app
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.fast.shared_drawings import SharedDrawing, SharedDrawings
from mobilize.languages import in_language
from mobilize.observability import logs
from mobilize.turnout.board.cache import KEEP
from mobilize.turnout.board.drawing import drawing_cache
from mobilize.turnout.board.drawing.drawings import DrawingKey
from mobilize.web.server import PROCESSES_FOLDER

# Of a scale from 0 to 19 (nice(2)): of a core that others want too it gets a tenth.
NICE = 10
# The part of a core it takes on a machine that has nothing else to do.
MOST_OF_A_PROCESSOR = 0.3
# What nobody looked at for so long (seconds) is not drawn; without anything to draw it ends after a minute.
LOOKED_AT_SECONDS, IDLE_SECONDS = 10.0, 60.0

_log = logging.getLogger(__name__)


def main(lock: int) -> None:
    """Draw until nobody looks any more. With bad settings it ends at once, and says which."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    with os.fdopen(lock, "ab"), suppress(KeyboardInterrupt):
        with suppress(OSError):
            os.nice(NICE)
        app = create_app(config.load_or_exit())
        logs.catch_surprises()
        shared, requested_at = SharedDrawings(Path(os.environ[PROCESSES_FOLDER])), time.monotonic()
        while time.monotonic() - requested_at < IDLE_SECONDS:
            began, used = time.monotonic(), time.thread_time()
            if draw_requested(app, shared):
                requested_at = time.monotonic()
            used = time.thread_time() - used
            time.sleep(max(0.1, began + max(KEEP, used / MOST_OF_A_PROCESSOR) - time.monotonic()))


def _end_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def draw_requested(app: Flask, shared: SharedDrawings) -> bool:
    """Draw anew what has changed of what somebody looks at, and say of the rest that it is good; whether
    there was anything. What cannot be drawn is left to whoever looks at it."""
    by_action = attrgetter("action_id")
    requested = sorted(map(DrawingKey.from_json, shared.requested(LOOKED_AT_SECONDS)), key=by_action)
    for action_id, keys in groupby(requested, key=by_action):
        try:
            with app.test_request_context():  # addresses in a drawing are those of a request
                if action := db.session.get(Action, action_id):
                    for key in keys:
                        _draw(action, key, shared)
        except Exception:
            _log.warning("a board could not be drawn", exc_info=True)
    return bool(requested)


def _draw(action: Action, key: DrawingKey, shared: SharedDrawings) -> None:
    with in_language(key.language):
        drawing = drawing_cache.draw_here(action, key)
    if drawing:
        shared.put(key.to_json(), SharedDrawing(drawing.etag, drawing.gzipped, time.monotonic()))


if __name__ == "__main__":
    main(int(sys.argv[1]))
