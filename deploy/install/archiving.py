"""Continuous archiving by pgBackRest, where that is installed: at most a minute is lost with the machine.

The archive lies in `ARCHIVE_FOLDER`, which should be another disk or a place in another house that is
mounted; a second repository (S3, SFTP) is named as repo2 in /etc/pgbackrest.conf.
"""

import re
import secrets
import shutil
from collections.abc import Mapping

from deploy.install import CannotInstall
from deploy.install.commands import run, succeeds
from deploy.install.files import SOURCES, UNITS, Files, tell

FOLDER = "/var/lib/pgbackrest"
SETTINGS = "/etc/pgbackrest/conf.d/mobilize.conf"
OF_POSTGRESQL = "/etc/postgresql/@CLUSTER@/conf.d/mobilize-archive.conf"
TIMER, SERVICE = "mobilize-archive.timer", "mobilize-archive.service"
PLACES = {
    "pgbackrest.conf": SETTINGS,
    "postgresql-archive.conf": OF_POSTGRESQL,
    SERVICE: f"{UNITS}/{SERVICE}",
    TIMER: f"{UNITS}/{TIMER}",
}
_PASSPHRASE = re.compile(r"^repo1-cipher-pass=(.+)$", re.MULTILINE)


def is_possible() -> bool:
    """Whether pgBackRest is installed here."""
    return bool(shutil.which("pgbackrest"))


def write(files: Files, values: Mapping[str, str]) -> str:
    """Its settings, PostgreSQL's, and a timer for the nightly base. Returns the passphrase of the archive
    when it was made now, which is told once and stays as long as the file does."""
    before = _PASSPHRASE.search(files.read(SETTINGS))
    passphrase = before[1] if before else secrets.token_urlsafe(32)
    marks = {
        "@ARCHIVE@": values.get("ARCHIVE_FOLDER") or FOLDER,
        "@PASSPHRASE@": passphrase,
        "@CLUSTER@": files.cluster() or "15/main",
    }
    for name, place in PLACES.items():
        text = (SOURCES / name).read_text(encoding="utf-8")
        for mark, value in marks.items():
            text, place = text.replace(mark, value), place.replace(mark, value)
        files.write(place, text, 0o640 if place == SETTINGS else 0o644)
    if not files.destdir:
        shutil.chown(SETTINGS, "root", "postgres")
        files.folder(marks["@ARCHIVE@"], 0o750, "postgres")
    return "" if before else passphrase


def start(values: Mapping[str, str]) -> None:
    """The archive is made, tried by a piece of the log that arrives in it, and begun with a base backup.
    Raises `CannotInstall` where that piece does not arrive."""
    pgbackrest = ("pgbackrest", "--stanza=mobilize", "--log-level-console=error")
    run(*pgbackrest, "stanza-create", user="postgres", catch=True)
    if not succeeds("runuser", "-u", "postgres", "--", *pgbackrest, "check"):
        raise CannotInstall(
            "Nothing arrives in the archive of PostgreSQL's log: "
            "sudo -u postgres pgbackrest --stanza=mobilize check says why."
        )
    run("systemctl", "enable", "--quiet", "--now", TIMER, catch=True)
    if "full backup" not in run(*pgbackrest, "info", user="postgres", catch=True):
        run(*pgbackrest, "backup", user="postgres", catch=True)
    tell("archives", f"what is written, within a minute, to {values.get('ARCHIVE_FOLDER') or FOLDER}")


def remove(files: Files) -> None:
    """PostgreSQL archives no more; what was archived and its passphrase stay."""
    succeeds("systemctl", "disable", "--now", TIMER)
    for name in (TIMER, SERVICE, "postgresql-archive.conf"):
        place = PLACES[name].replace("@CLUSTER@", files.cluster())
        if files.at(place).exists():
            files.at(place).unlink()
            tell("removed", place)
