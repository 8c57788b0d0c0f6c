"""`flask --app wsgi sites import FILE` and `roster import FILE`: a dry run unless `--commit` is said."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from mobilize import clock
from mobilize.commands import Commands
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster import imports
from mobilize.roster.import_summary import rejected_in_words
from mobilize.roster.models import Import, ImportState

BY = "shell"
_SHOWN_REJECTED = 20

roster = Commands("roster", help="The members of the union.")
sites = Commands("sites", help="The places where they work.")
_commit = click.option("--commit", is_flag=True, help="Do what the dry run shows.")
_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for machines.")


@sites.command("import")
@click.argument("file")
@click.option("--district", help="Of a school directory, take only this district.")
@_commit
@_json
def import_sites(file: str, district: str | None, commit: bool, as_json: bool) -> None:
    """Read the union's list of sites, or a school directory."""
    found = imports.dry_run_sites(_bytes(file), by=BY, now=clock.now(), district=district)
    _finish(found, commit, as_json)


@roster.command("import")
@click.argument("file")
@_commit
@_json
def import_roster(file: str, commit: bool, as_json: bool) -> None:
    """Read the roster of members, CSV or XLSX."""
    data = _bytes(file)
    with _progress() as tell:
        found = imports.dry_run_roster(data, by=BY, now=clock.now(), tell=tell)
    _finish(found, commit, as_json)


def _bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Refused(
            "no_file", _("%(file)s cannot be read: %(why)s.", file=file, why=error.strerror or "")
        ) from None


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """A bar for people at a terminal; a machine sees nothing of it."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1, file=sys.stderr, label=_("Reading")) as bar:

        def tell(done: int, whole: int) -> None:
            bar.length = whole
            bar.update(done - bar.pos)

        yield tell


def _finish(found: Import, commit: bool, as_json: bool) -> None:
    again = found.state is ImportState.COMMITTED
    if commit:
        found = imports.commit_import(found.id, by=BY, now=clock.now())
    elif not again:
        imports.drop_import(found.id)
    summary: dict[str, Any] = found.summary
    if as_json:
        what = {
            "id": str(found.id),
            "committed": commit or again,
            "again": again,
            "changes": summary["changes"],
        }
        extra = {"sha256": summary["sha256"], "bytes": summary["bytes"], "import": what}
        click.echo(json.dumps({**summary["account"], **extra}, ensure_ascii=False, indent=1))
    else:
        _say(found.kind, summary, committed=commit, again=again)


def _say(kind: str, summary: dict[str, Any], *, committed: bool, again: bool) -> None:
    account = summary["account"]
    for key in ("records_after_header", "imported", "merged", "rejected", "skipped", "warnings"):
        if key in account:
            click.echo(f"{key.replace('_', ' '):22} {_counts(account[key])}")
    click.echo(f"{'changes':22} {_counts(summary['changes'])}")
    for line, reason in rejected_in_words(kind, summary)[:_SHOWN_REJECTED]:
        click.echo(_("line %(line)s: %(reason)s", line=line, reason=reason))
    if again:
        click.echo(_("This file is already imported. Nothing changed."))
    elif committed:
        click.echo(_("Imported."))
    else:
        click.echo(_("Dry run: nothing changed. Add --commit to import."))


def _counts(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in value.items()) or "0"
    return str(value)
