"""The reports of a chapter, an area and the union, as page, CSV, XLSX and PDF: the same figures in each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Response, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from mobilize import audit, clock, settings
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.access.scope import today
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import Action, Campaign
from mobilize.actions.queries import lost_minutes
from mobilize.actions.visibility import chairless, visible_action, visible_site
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import DEFAULT, _, language
from mobilize.roster.models import Area, Site
from mobilize.tabular import MIMETYPES, Cell, Sheet, csv_file, file_name, xlsx_file
from mobilize.turnout.board.cache import board_for
from mobilize.turnout.board.charts import arrivals_chart
from mobilize.turnout.campaigns.series import board_series
from mobilize.turnout.figures import rsvps
from mobilize.turnout.figures.types import Board, is_few
from mobilize.turnout.forms import AllReportsForm, ReportForm
from mobilize.turnout.labels import count_label, further_counts, named_text, report_columns
from mobilize.turnout.models import Report, ReportKind
from mobilize.turnout.reports import pdf as reports_pdf
from mobilize.turnout.reports import tables
from mobilize.turnout.reports.chapter import ChapterReport, chapter_report_of
from mobilize.turnout.reports.jobs import start_reports
from mobilize.turnout.reports.operations import put_together, reports_of, says_the_same, sees_report
from mobilize.turnout.routes import bp

CHAPTER = "/actions/<uuid:action_id>/sites/<uuid:site_id>/report"
AREA = "/actions/<uuid:action_id>/areas/<uuid:area_id>/report"
UNION = "/actions/<uuid:action_id>/report"
FORM = ".<any(csv, pdf, xlsx):form>"
_WORDS: dict[str, Any] = {"count_label": count_label, "named_text": named_text}


@bp.get(CHAPTER)
@bp.get(CHAPTER + FORM)
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def chapter_report(action_id: UUID, site_id: UUID, form: str = "page") -> Response | str:
    """One chapter's report. Names stand on its page, for its chair; files with names are exports (privacy).

    Where nobody chairs the site, its organizer acts as chair.
    """
    action, site = visible_action(action_id, me().scope), visible_site(site_id, me().scope)
    report = chapter_report_of(action, site.id, clock.now()) or abort(404)
    if form != "page":
        return _chapter_file(report, site, form)
    own = _chairs(site)
    if own:
        audit.note(me().actor, "report.see", f"{action.id}/{site.id}", now=clock.now())
    page = {
        "report": report,
        "site": site,
        "own": own,
        "drill": action.drill,
        "chart": arrivals_chart(report.arrived),
    }
    page |= {"few": is_few(report.chapter.names.eligible)}
    page |= {"further": further_counts(), **_WORDS}
    return render_template("turnout/chapter_report.html", **page)


@bp.get(AREA)
@bp.get(AREA + FORM)
@signed_in(RoleName.ORGANIZER)
def area_report(action_id: UUID, area_id: UUID, form: str = "page") -> Response | str:
    """One area's report: counts only."""
    area = db.session.get(Area, area_id)
    if area is None or not me().scope.sees_area(area.id):
        abort(404)
    action = visible_action(action_id, me().scope)
    board = _board(action).of_area(area.id)
    if not board.chapters:
        abort(404)
    return _of_many(action, board, area.name, form, area=area)


@bp.get(UNION)
@bp.get(UNION + FORM)
@signed_in(RoleName.ORGANIZER)
def union_report(action_id: UUID, form: str = "page") -> Response | str:
    """All areas in scope together: the union's report for the office."""
    action = visible_action(action_id, me().scope)
    name = _("All areas") if me().scope.everything else _("Your areas")
    return _of_many(action, _board(action), name, form, area=None)


@bp.get("/reports/<uuid:report_id>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def report_link(report_id: UUID) -> Response | str:
    """The page to which a text links: a report in scope."""
    report = db.session.get(Report, report_id) or abort(404)
    _refuse_out_of_scope(report.action_id, report.kind, report.place_id)
    if report.kind is ReportKind.CHAPTER:
        return chapter_report(report.action_id, report.place_id)
    if report.kind is ReportKind.AREA:
        return area_report(report.action_id, report.place_id)
    return union_report(report.action_id)


@bp.post("/actions/<uuid:action_id>/report/again")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def report_again(action_id: UUID) -> BaseResponse:
    """Put a report together anew: its next version, if a figure has moved. `kind` and `place` say which."""
    action, form = visible_action(action_id, me().scope), ReportForm()
    if not form.validate():
        abort(404)
    kind, place = ReportKind(form.kind.data), UUID(form.place.data)
    _refuse_out_of_scope(action.id, kind, place)
    try:
        report = put_together(action, kind, place, by=me().actor, now=clock.now())
    except Refused as refusal:
        flash(refusal.message, "warning")
    else:
        flash(_("Report version %(version)s is what the figures say now.", version=report.version), "done")
    return redirect(_address(action.id, kind, place), 303)


@bp.post("/actions/<uuid:action_id>/reports")
@signed_in(RoleName.ORGANIZER)
def all_reports(action_id: UUID) -> BaseResponse:
    """Give the reports of all chapters in scope, or of one area's, to a worker."""
    action = visible_action(action_id, me().scope)
    job = start_reports(action, AllReportsForm().area_id, by=me().actor, now=clock.now())
    return redirect(url_for("jobs.job", job_id=job.id), 303)


def _refuse_out_of_scope(action_id: UUID, kind: ReportKind, place_id: UUID) -> None:
    """404 for whoever may not see all of that report."""
    visible_action(action_id, me().scope)
    if not sees_report(me().scope, action_id, kind, place_id):
        abort(404)


def _address(action_id: UUID, kind: ReportKind, place_id: UUID) -> str:
    if kind is ReportKind.CHAPTER:
        return url_for("turnout.chapter_report", action_id=action_id, site_id=place_id)
    if kind is ReportKind.AREA:
        return url_for("turnout.area_report", action_id=action_id, area_id=place_id)
    return url_for("turnout.union_report", action_id=action_id)


def _chairs(site: Site) -> bool:
    """Names are for the site's chair; where there is none, their organizer acts as chair."""
    scope = me().scope
    if site.id in scope.sites:
        return True
    return scope.sees_area(site.area_id) and site.id in chairless({site.id}, today(clock.now()))


def _board(action: Action) -> Board:
    """Counted anew, so that a report that is read right after a check-in knows of it."""
    return board_for(action, me().scope, oldest=0.0) or abort(404)


def _of_many(action: Action, board: Board, name: str, form: str, *, area: Area | None) -> Response | str:
    if form == "csv":
        return as_table([tables.sites_sheet(board)], form, action, name)
    if form == "xlsx":
        return as_table(tables.workbook(board, _about(action, board, name)), form, action, name)
    kind, place = (ReportKind.AREA, area.id) if area else (ReportKind.UNION, action.id)
    # The union's report is the whole union's: who sees a part of it reads the areas'.
    reports = reports_of(action.id, kind, place) if area or me().scope.everything else []
    is_current = bool(reports) and says_the_same(reports[-1], board)
    steps = board_series(action, board, lambda whole: _narrowed(whole, board, area), clock.now())
    if form == "pdf":
        version = reports[-1].version if is_current else None
        pdf = reports_pdf.board_pdf(action, board, name, clock.now(), steps=steps, version=version)
        return as_file(pdf, "pdf", action, name)
    page: dict[str, Any] = {"action": action, "board": board, "name": name, "area": area, "steps": steps}
    page |= {"now": clock.now(), "lost": lost_minutes(action, settings().union_timezone)}
    page |= {"reports": reports, "is_current": is_current, "kind": kind, "place": place}
    columns = report_columns()
    page |= {"columns": columns, "named_heads": [(count_label(c), "num") for c in columns], **_WORDS}
    return render_template("turnout/area_report.html", drill=action.drill, **page)


def _narrowed(whole: Board, visible: Board, area: Area | None) -> Board:
    """Of an earlier action what stands beside the board that is shown: its area, or the areas in scope."""
    if area:
        return whole.of_area(area.id)
    if me().scope.everything:
        return whole
    area_ids = {chapter.area_id for chapter in visible.chapters if me().scope.sees_area(chapter.area_id)}
    return whole.of_sites({chapter.site_id for chapter in whole.chapters if chapter.area_id in area_ids})


def _chapter_file(report: ChapterReport, site: Site, form: str) -> Response:
    board = replace(report.board, chapters=(report.chapter,), no_site=None, others=None)
    if form in ("csv", "xlsx"):
        sheet = tables.sites_sheet(board) if form == "csv" else tables.sites_in_words(board)
        return as_table([sheet], form, report.action, site.name)
    return as_file(report.pdf(clock.now(), names=False), "pdf", report.action, site.name)


def _about(action: Action, board: Board, name: str) -> list[tuple[str, Cell]]:
    """The rows that say of what a workbook is."""
    return [
        (_("Union"), settings().union_name),
        (_("Action"), action.name.in_(language())),
        (_("Day"), clock.local(action.starts_at, settings().union_timezone).date()),
        (_("Place"), name),
        (_("As of"), board.as_of),
    ]


def as_table(sheets: Sequence[Sheet], form: str, about: Action | Campaign, *parts: str) -> Response:
    """Tables as a file: CSV of the first, or an XLSX of all. Those of a drill say so above their headings."""
    if isinstance(about, Action) and about.drill:
        sheets = [replace(one, name=f"DRILL {one.name}", mark=tables.DRILL) for one in sheets]
    content = csv_file(sheets[0]) if form == "csv" else xlsx_file(sheets)
    return as_file(content, form, about, *parts)


def as_file(content: bytes, form: str, about: Action | Campaign, *parts: str) -> Response:
    """An answer that a browser keeps as a file, named by union, action or campaign, `parts`, and an action's
    day; a drill's says so first."""
    named = [settings().union_name, about.name[DEFAULT], *parts]
    if isinstance(about, Action):
        named.append(f"{clock.local(about.starts_at, settings().union_timezone):%Y-%m-%d}")
        named = ["DRILL", *named] if about.drill else named
    mimetype = MIMETYPES.get(form, "application/pdf")
    disposition = f'attachment; filename="{file_name(*named, ending=form)}"'
    return Response(content, mimetype=mimetype, headers={"Content-Disposition": disposition})


@bp.get("/actions/<uuid:action_id>/coming")
@bp.get("/actions/<uuid:action_id>/coming.<any(csv):form>")
@signed_in(RoleName.ORGANIZER)
def coming(action_id: UUID, form: str = "page") -> str | Response:
    """Counts only, of the chapters in scope."""
    action = visible_action(action_id, me().scope)
    board = board_for(action, me().scope) or abort(404)
    if form == "csv":
        return as_table([rsvps.rsvp_sheet(action, board)], "csv", action, "rsvps")
    together, areas = rsvps.coming_against_arrived(action, board)
    page = {"board": board, "together": together, "areas": areas, "drill": action.drill}
    return render_template("turnout/coming.html", action=action, **page)
