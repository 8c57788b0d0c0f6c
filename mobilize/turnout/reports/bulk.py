"""Bulk export: the chapter reports of a whole action as PDF files, made by one process a core."""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from uuid import UUID

from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.turnout.figures.queries import board
from mobilize.turnout.reports.chapter import chapter_report_of

# Few enough that all processes are busy until the end, many enough that the board is read seldom.
AT_ONCE = 25


def write_all_reports(action_id: UUID, folder: Path, now: datetime) -> int:
    """Write `<site code>.pdf` for every chapter of the action into `folder`, counts only; returns how many.

    Each process starts anew with the settings of the environment. Twice writes the same files again.
    """
    sites = [chapter.site_id for chapter in board(db.session.get_one(Action, action_id)).chapters]
    parts = [sites[start : start + AT_ONCE] for start in range(0, len(sites), AT_ONCE)]
    db.session.rollback()
    # Not a copy of this process: its database connections must not be shared.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=fresh, initializer=_open_app) as pool:
        done = [pool.submit(_write_some, action_id, part, folder, now) for part in parts]
        return sum(one.result() for one in done)


def _open_app() -> None:
    # Imported here: the application is made of this room as well.
    import config
    from mobilize import create_app

    create_app(config.load()).app_context().push()


def _write_some(action_id: UUID, sites: Sequence[UUID], folder: Path, now: datetime) -> int:
    action = db.session.get_one(Action, action_id)
    whole = board(action)
    for site_id in sites:
        if report := chapter_report_of(action, site_id, now, whole):
            (folder / f"{report.chapter.code}.pdf").write_bytes(report.pdf(now, names=False))
    db.session.rollback()
    return len(sites)
