"""The web process: any WSGI server runs `wsgi:app`, and `flask --app wsgi` runs the commands.

`make serve` runs `wsgi:rsgi`, which reads a request's body before it gives the request a thread.
"""

import gc
from functools import partial

import config
from mobilize import create_app
from mobilize.fast.versions import READ_EVERY_SECONDS, line_versions
from mobilize.observability import logs, metrics
from mobilize.roster.uploads.uploaded_table import LARGEST_UPLOAD
from mobilize.web import error_pages
from mobilize.web.rsgi import ChangeWaiter, RsgiAdapter

settings = config.load_or_exit()
app = create_app(settings)
# All that take a file; tests/server/test_files_go_where_they_are_taken.py knows if one is missing.
UPLOAD_PATHS = ("/imports/", "/people/chairs")
changes = ChangeWaiter(partial(line_versions, app), every_seconds=READ_EVERY_SECONDS)
metrics.watch(metrics.LOOKS_HELD, changes.how_many_wait)


def start() -> None:
    """Once in each process of the server."""
    logs.catch_surprises()
    error_pages.load(app)
    metrics.serve(settings)


rsgi = RsgiAdapter(
    app,
    threads=settings.web_threads,
    largest_body=LARGEST_UPLOAD,
    upload_paths=UPLOAD_PATHS,
    upload_cookie="__Host-session" if settings.is_secure else "session",
    changes=changes,
    starts=start,
    observe=metrics.observe_request if settings.metrics_port else None,
)

# What is here now stays for the life of the process: looking through it for garbage, again and again, is a
# tenth of what a check-in costs.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 100)
