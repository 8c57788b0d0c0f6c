"""The web process: any WSGI server runs `wsgi:app`, and `flask --app wsgi` runs the commands.

`make serve` runs `wsgi:rsgi`, which reads a request's body before it gives the request a thread.
"""

import gc
import re
from functools import partial

import config
from mobilize import create_app
from mobilize.accounts.sign_in.watched_sessions import watched_sessions
from mobilize.checkins.line.state import prepare_lines
from mobilize.checkins.photos.image_reencoding import LARGEST_UPLOAD as LARGEST_PHOTO
from mobilize.fast.versions import READ_EVERY_SECONDS, line_versions
from mobilize.observability import logs, metrics
from mobilize.roster.uploads.uploaded_table import LARGEST_UPLOAD
from mobilize.web import error_pages
from mobilize.web.rsgi import ChangeWaiter, Polls, RsgiAdapter, Upload

settings = config.load_or_exit()
app = create_app(settings)
# All that take a file; tests/server/test_files_go_where_they_are_taken.py knows if one is missing.
UPLOAD_PATHS = ("/imports/", "/people/chairs")
COOKIES = "__Host-" if settings.is_secure else ""
# A file has 25 MB. A photo beside a head count is small, and at a quarter past seven all lines send one.
UPLOADS = (
    Upload(UPLOAD_PATHS, f"{COOKIES}session=", LARGEST_UPLOAD, at_once=4),
    Upload(("/photos/line/",), f"{COOKIES}line-", LARGEST_PHOTO, at_once=60),
)
# Open lines, boards, walls and long work, and the receipts of carriers.
POLLS = Polls(re.compile(r"^/(line|jobs)/[^/]+/state$|/(turnout|board)\.json$|^/texts/receipts/"), threads=1)
changes = ChangeWaiter(
    partial(line_versions, app), every_seconds=READ_EVERY_SECONDS, prepare=partial(prepare_lines, app)
)
metrics.watch(metrics.LONG_POLLS_WAITING, changes.how_many_wait)


def start() -> None:
    """Once in each process of the server."""
    logs.catch_surprises()
    error_pages.load(app)
    watched_sessions.follow(app)
    metrics.serve_web(settings)


rsgi = RsgiAdapter(
    app,
    threads=settings.web_threads,
    uploads=UPLOADS,
    polls=POLLS,
    changes=changes,
    starts=start,
    observe=metrics.observe_request if settings.metrics_port else None,
)

# What is here now stays for the life of the process: looking through it for garbage, again and again, is a
# tenth of what a check-in costs.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 100)
