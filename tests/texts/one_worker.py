"""A worker in a process of its own, which a test may kill: rounds of sweep, reconcile and drain.

Forked from a server that has everything imported, so that dying at every step takes no minute.
"""

import multiprocessing
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import config
from mobilize import create_app, failpoints
from mobilize.texts.sending.delivery import drain, sweep
from mobilize.texts.sending.reconciling import reconcile

# A claim runs out after 60 s; the three looks are 60 and 120 s apart: done within five minutes.
FIVE_MINUTES = (0, 61, 122, 183, 244, 299)


def rounds(began: datetime, note: Path | None = None) -> None:
    """The tasks of a worker as they would run over five minutes from `began`; `note` says how far it came."""
    for seconds in FIVE_MINUTES:
        now = began + timedelta(seconds=seconds)
        if note:
            note.write_text(now.isoformat())
        sweep(now=now)
        reconcile(now=now)
        drain(now=now)


def run_and_die(step: str, environ: Mapping[str, str], began: datetime, folder: Path) -> tuple[int, datetime]:
    """The same in a process armed to die at `step`: how it ended (-9: killed), and in which round."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__])
    (folder / "armed").touch()
    process = forks.Process(target=_armed, args=(step, dict(environ), began, folder))
    process.start()
    process.join(60)
    process.kill()
    assert process.exitcode is not None
    return process.exitcode, datetime.fromisoformat((folder / "note").read_text())


def _armed(step: str, environ: dict[str, str], began: datetime, folder: Path) -> None:
    os.environ.update(environ)
    failpoints.arm(step, folder / "armed")
    with create_app(config.load()).app_context():
        rounds(began, folder / "note")
