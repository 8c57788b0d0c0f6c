"""Commands of turnout: the live figures in a terminal, and reports as files."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
from flask.cli import with_appcontext

from mobilize import clock
from mobilize.actions.models import Action
from mobilize.actions.queries import find_action
from mobilize.commands import Command
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Site
from mobilize.tabular import csv_text
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.types import Board
from mobilize.turnout.labels import count_text, percent_text
from mobilize.turnout.reports import tables
from mobilize.turnout.reports.bulk import write_all_reports
from mobilize.turnout.reports.chapter import chapter_report_of

HEADINGS = ("Eligible", "Came", "Share", "By name", "Head count", "Supporters")


@click.command(cls=Command)
@click.argument("action")
@click.option("--by", type=click.Choice(["area", "site"]), default="area", help="A line an area, or a site.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table")
@with_appcontext
def turnout(action: str, by: str, form: str) -> None:
    """The turnout of an action. ACTION is its id, or the start of its name."""
    counted = board(find_action(action))
    if form == "json":
        click.echo(json.dumps(tables.as_json(counted, by=by), ensure_ascii=False, indent=1))
    elif form == "csv":
        sheet = tables.areas_sheet(counted) if by == "area" else tables.sites_sheet(counted)
        click.echo(csv_text(sheet), nl=False)
    else:
        _print_table(*(_area_lines(counted) if by == "area" else _site_lines(counted)))


@click.command(cls=Command)
@click.argument("action")
@click.option("--site", "code", help="The site's code.")
@click.option("--all", "every", is_flag=True, help="Of every chapter, into the folder OUTPUT; counts only.")
@click.option("-o", "--output", "path", required=True, type=click.Path(path_type=Path))
@click.option("--names", is_flag=True, help="With the names of who came and who did not.")
@with_appcontext
def reports(action: str, code: str | None, every: bool, path: Path, names: bool) -> None:
    """Write a chapter's report as PDF, or with --all one file for each chapter."""
    chosen = find_action(action)
    if every == bool(code) or (every and names):
        raise click.UsageError("Name one --site, or say --all (which writes no names).")
    if every:
        _write_all(chosen, path)
        return
    site = db.session.scalar(db.select(Site).where(Site.code == code))
    report = chapter_report_of(chosen, site.id, clock.now()) if site else None
    if site is None or report is None:
        raise Refused("no_site", _("This action has no event for a site with that code."), status=404)
    try:
        path.write_bytes(report.pdf(clock.now(), names=names))
    except OSError as problem:
        raise Refused(
            "not_written", _("The file could not be written: %(why)s", why=problem.strerror)
        ) from None
    click.echo(f"{site.name}: {percent_text(report.chapter.names.share)} -> {path}")


def _write_all(action: Action, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = write_all_reports(action.id, folder, clock.now())
    except OSError as problem:
        raise Refused(
            "not_written", _("The file could not be written: %(why)s", why=problem.strerror)
        ) from None
    click.echo(f"{written} reports -> {folder}")


def _area_lines(counted: Board) -> tuple[list[str], list[list[str]]]:
    lines = [
        [area.name, f"{area.total.reporting}/{area.total.sites}", *_cells(tables.area_row(area))]
        for area in counted.areas
    ]
    return ["Area", "Reported", *HEADINGS], lines + _last_lines(counted)


def _site_lines(counted: Board) -> tuple[list[str], list[list[str]]]:
    lines = [
        [f"{chapter.name} ({chapter.area})", chapter.state.value, *_cells(tables.site_row(chapter))]
        for chapter in counted.by_trouble
    ]
    return ["Site", "State", *HEADINGS], lines + _last_lines(counted)


def _last_lines(counted: Board) -> list[list[str]]:
    figures = tables.as_json(counted, by="area")
    lines = [
        [name, "", *_cells(figures[key] | {"head_count": None, "supporters": None})]
        for name, key in (("No site", "no_site"), ("Other chapters", "other_chapters"))
        if figures[key]
    ]
    total = figures["total"]
    return [*lines, ["Together", f"{total['reporting']}/{total['sites']}", *_cells(total)]]


def _cells(row: dict[str, int | float | None]) -> list[str]:
    share = row["share_percent"]
    words = [count_text(row[name]) for name in ("eligible", "came")]  # type: ignore[arg-type]
    words.append("-" if share is None else f"{share:.1f}%")
    return words + [
        "-" if row[name] is None else count_text(row[name])  # type: ignore[arg-type]
        for name in ("named", "head_count", "supporters")
    ]


def _print_table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    widths = [max(len(line[n]) for line in [headings, *lines]) for n in range(len(headings))]
    for line in [headings, *lines]:
        cells = [
            cell.ljust(w) if n < 2 else cell.rjust(w)
            for n, (cell, w) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())
