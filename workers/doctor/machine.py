"""The machine: room on its disks, and the zones it knows."""

import os
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select

from mobilize import settings
from mobilize.database import db
from mobilize.observability.findings import Finding, finding
from mobilize.roster.models import Site

MB = 1 << 20
FULL_MB, FILLING_MB = 200, 2000
# Where PostgreSQL has its clusters, if it is on this machine: perhaps on disks of their own.
POSTGRESQL = Path("/var/lib/postgresql")
FEWEST_INODES = 0.05  # of those there are


def disk(_now: datetime) -> Sequence[Finding]:
    """Room where we store: the database, backups, the journal, temporary files, this folder."""
    by_device = {os.stat(folder).st_dev: folder for folder in reversed(_folders())}
    results = [result for folder in by_device.values() if (result := _disk_of(folder))]
    free = min(os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize for folder in by_device.values())
    return results or [finding("disk.ok", free=free // 10**9)]


def zones(_now: datetime) -> Sequence[Finding]:
    """Whether the times of every site can be told."""
    names = {settings().union_timezone, *db.session.scalars(select(Site.tz).distinct())}
    missing = sorted(name for name in names if not _is_zone(name))
    return [finding("zones.missing", zone=name) for name in missing] or [finding("zones.ok")]


def _folders() -> list[Path]:
    chosen = settings()
    named = [Path(chosen.backup_folder), Path(tempfile.gettempdir()), Path.cwd()]
    if chosen.journal_folder:
        named.append(Path(chosen.journal_folder))
    if chosen.database_url.startswith("sqlite:///"):
        named.insert(0, Path(chosen.database_url.removeprefix("sqlite:///")).parent)
    else:
        named[:0] = [POSTGRESQL, *POSTGRESQL.glob("*/main")]
    return [folder for folder in named if folder.is_dir()]


def _disk_of(folder: Path) -> Finding | None:
    at = os.statvfs(folder)
    free = at.f_bavail * at.f_frsize // MB
    if at.f_files and at.f_favail / at.f_files < FEWEST_INODES:
        return finding("disk.inodes", folder=str(folder))
    if free < FULL_MB:
        return finding("disk.full", folder=str(folder), free=free)
    return finding("disk.filling", folder=str(folder), free=free) if free < FILLING_MB else None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True
