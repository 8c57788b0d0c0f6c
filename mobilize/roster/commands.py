"""Shell commands `sites import FILE` and `roster import FILE`: a dry run unless `--commit` is given."""

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
from mobilize.jobs.models import JobStep
from mobilize.languages import _
from mobilize.roster.imports import operations as imports
from mobilize.roster.imports.summary import rejected_in_words
from mobilize.roster.models import Import, ImportState

BY = "shell"
MOST_REJECTED_LINES = 20

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
    dry_run = imports.dry_run_sites(_bytes(file), by=BY, now=clock.now(), district=district)
    _finish(dry_run, commit, as_json)


@roster.command("import")
@click.argument("file")
@_commit
@_json
def import_roster(file: str, commit: bool, as_json: bool) -> None:
    """Read the roster of members, CSV or XLSX."""
    data = _bytes(file)
    with _progress() as tell:
        dry_run = imports.dry_run_roster(data, by=BY, now=clock.now(), tell=tell)
    _finish(dry_run, commit, as_json)


def _bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Refused(
            "no_file", _("%(file)s cannot be read: %(why)s.", file=file, why=error.strerror or "")
        ) from None


@contextmanager
def _progress() -> Iterator[Callable[[JobStep, int, int], None] | None]:
    """A progress bar on a terminal, else None."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1, file=sys.stderr, label=_("Reading")) as bar:

        def tell(step: JobStep, done: int, whole: int) -> None:
            if step is JobStep.COMPARING:
                bar.length = whole
                bar.update(done - bar.pos)

        yield tell


def _finish(dry_run: Import, commit: bool, as_json: bool) -> None:
    again = dry_run.state is ImportState.COMMITTED
    if commit:
        dry_run = imports.commit_import(dry_run.id, by=BY, now=clock.now())
    elif not again:
        imports.drop_import(dry_run.id)
    summary: dict[str, Any] = dry_run.summary
    if as_json:
        what = {
            "id": str(dry_run.id),
            "committed": commit or again,
            "again": again,
            "changes": summary["changes"],
        }
        extra = {"sha256": summary["sha256"], "bytes": summary["bytes"], "import": what}
        click.echo(json.dumps({**summary["account"], **extra}, ensure_ascii=False, indent=1))
    else:
        _say(dry_run.kind, summary, committed=commit, again=again)


def _say(kind: str, summary: dict[str, Any], *, committed: bool, again: bool) -> None:
    account = summary["account"]
    for key in ("records_after_header", "imported", "merged", "rejected", "skipped", "warnings"):
        if key in account:
            click.echo(f"{key.replace('_', ' '):22} {_counts(account[key])}")
    click.echo(f"{'changes':22} {_counts(summary['changes'])}")
    for line, reason in rejected_in_words(kind, summary)[:MOST_REJECTED_LINES]:
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
