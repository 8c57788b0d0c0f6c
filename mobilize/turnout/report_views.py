"""The reports of a chapter, an area and the union, as page, CSV, XLSX and PDF: the same figures in each."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from mobilize import audit, clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.accounts.scope import today
from mobilize.actions.models import Action
from mobilize.actions.seen import chairless, seen_action, seen_site
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Area, Site
from mobilize.turnout import paper, spreadsheet
from mobilize.turnout.blueprint import bp
from mobilize.turnout.chapter_report import ChapterReport, chapter_report_of
from mobilize.turnout.drawing import bars
from mobilize.turnout.figures import Board
from mobilize.turnout.live import board_for
from mobilize.turnout.report_models import Report, ReportKind
from mobilize.turnout.reports import figures_of, put_together, reports_of
from mobilize.turnout.series import board_series

CHAPTER = "/actions/<uuid:action_id>/sites/<uuid:site_id>/report"
AREA = "/actions/<uuid:action_id>/areas/<uuid:area_id>/report"
UNION = "/actions/<uuid:action_id>/report"
FORM = ".<any(csv, pdf, xlsx):form>"
MIMETYPES = {
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@bp.get(CHAPTER)
@bp.get(CHAPTER + FORM)
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def chapter_report(action_id: UUID, site_id: UUID, form: str = "page") -> Response | str:
    """One chapter's report. Names stand on its page, for its chair; files with names are exports (privacy).

    Where nobody chairs the site, its organizer acts as chair.
    """
    action, site = seen_action(action_id, me().scope), seen_site(site_id, me().scope)
    report = chapter_report_of(action, site.id) or abort(404)
    if form != "page":
        return _chapter_file(report, site, form)
    own = _chairs(site)
    if own:
        audit.note(me().actor, "report.see", f"{action.id}/{site.id}", now=clock.now())
    page = {"report": report, "site": site, "own": own, "drill": action.drill, "bars": bars}
    return render_template("turnout/chapter_report.html", **page)


@bp.get(AREA)
@bp.get(AREA + FORM)
@signed_in(RoleName.ORGANIZER)
def area_report(action_id: UUID, area_id: UUID, form: str = "page") -> Response | str:
    """One area's report: counts only."""
    area = db.session.get(Area, area_id)
    if area is None or not me().scope.sees_area(area.id):
        abort(404)
    action = seen_action(action_id, me().scope)
    board = _board(action).of_area(area.id)
    if not board.chapters:
        abort(404)
    return _of_many(action, board, area.name, form, area=area)


@bp.get(UNION)
@bp.get(UNION + FORM)
@signed_in(RoleName.ORGANIZER)
def union_report(action_id: UUID, form: str = "page") -> Response | str:
    """All areas in scope together: the union's report for the office."""
    action = seen_action(action_id, me().scope)
    name = _("All areas") if me().scope.everything else _("Your areas")
    return _of_many(action, _board(action), name, form, area=None)


@bp.get("/reports/<uuid:report_id>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def report_link(report_id: UUID) -> Response | str:
    """What a text links to: the page of a report in scope."""
    report = db.session.get(Report, report_id) or abort(404)
    _refuse_out_of_scope(report.action_id, report.kind, report.place_id)
    if report.kind is ReportKind.CHAPTER:
        return chapter_report(report.action_id, report.place_id)
    if report.kind is ReportKind.AREA:
        return area_report(report.action_id, report.place_id)
    return union_report(report.action_id)


@bp.post("/actions/<uuid:action_id>/report/again")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def report_again(action_id: UUID) -> Answer:
    """Put a report together anew: its next version, if a figure has moved. `kind` and `place` say which."""
    action = seen_action(action_id, me().scope)
    try:
        kind, place = ReportKind(request.form.get("kind", "")), UUID(request.form.get("place", ""))
    except ValueError:
        abort(404)
    _refuse_out_of_scope(action.id, kind, place)
    try:
        made = put_together(action, kind, place, by=me().actor, now=clock.now())
    except Refused as refusal:
        flash(refusal.message, "warning")
    else:
        flash(_("Report version %(version)s is what the figures say now.", version=made.version), "done")
    return redirect(_address(action.id, kind, place), 303)


def _refuse_out_of_scope(action_id: UUID, kind: ReportKind, place_id: UUID) -> None:
    """404 for whoever may not see all of that report."""
    scope = me().scope
    seen_action(action_id, scope)
    if kind is ReportKind.CHAPTER:
        seen_site(place_id, scope)
        return
    whole_union = scope.everything and place_id == action_id
    if not (whole_union if kind is ReportKind.UNION else scope.sees_area(place_id)):
        abort(404)


def _address(action_id: UUID, kind: ReportKind, place_id: UUID) -> str:
    if kind is ReportKind.CHAPTER:
        return url_for("turnout.chapter_report", action_id=action_id, site_id=place_id)
    if kind is ReportKind.AREA:
        return url_for("turnout.area_report", action_id=action_id, area_id=place_id)
    return url_for("turnout.union_report", action_id=action_id)


def _chairs(site: Site) -> bool:
    """Names are for the site's chair; where there is none, her organizer acts as chair."""
    scope = me().scope
    if site.id in scope.sites:
        return True
    return scope.sees_area(site.area_id) and site.id in chairless({site.id}, today(clock.now()))


def _board(action: Action) -> Board:
    """Counted anew, so that a report that is read right after a check-in knows of it."""
    return board_for(action, me().scope, oldest=0.0) or abort(404)


def _of_many(action: Action, board: Board, name: str, form: str, *, area: Area | None) -> Response | str:
    if form == "csv":
        return as_file(spreadsheet.sites_csv(board), "csv", "turnout", drill=action.drill)
    if form == "xlsx":
        return as_file(
            spreadsheet.sites_xlsx(board, drill=action.drill), "xlsx", "turnout", drill=action.drill
        )
    kind, place = (ReportKind.AREA, area.id) if area else (ReportKind.UNION, action.id)
    # The union's report is the whole union's: who sees a part of it reads the areas'.
    made = reports_of(action.id, kind, place) if area or me().scope.everything else []
    as_made = bool(made) and made[-1].figures == figures_of(board, kind, place)
    steps = board_series(action, board, lambda whole: _narrowed(whole, board, area))
    if form == "pdf":
        version = made[-1].version if as_made else None
        pdf = paper.board_pdf(action, board, name, clock.now(), steps=steps, version=version)
        return as_file(pdf, "pdf", "turnout", drill=action.drill)
    page: dict[str, Any] = {"action": action, "board": board, "name": name, "area": area, "steps": steps}
    page |= {"made": made, "as_made": as_made, "kind": kind, "place": place}
    return render_template("turnout/area_report.html", drill=action.drill, **page)


def _narrowed(whole: Board, shown: Board, area: Area | None) -> Board:
    """Of an earlier action what stands beside the board that is shown: its area, or the areas in scope."""
    if area:
        return whole.of_area(area.id)
    if me().scope.everything:
        return whole
    seen = {chapter.area_id for chapter in shown.chapters if me().scope.sees_area(chapter.area_id)}
    return whole.of_sites({chapter.site_id for chapter in whole.chapters if chapter.area_id in seen})


def _chapter_file(report: ChapterReport, site: Site, form: str) -> Response:
    board = replace(report.board, chapters=(report.chapter,), no_site=None, others=None)
    drill = report.action.drill
    if form == "xlsx":
        return as_file(spreadsheet.sites_xlsx(board, drill=drill), "xlsx", site.code, drill=drill)
    if form == "csv":
        return as_file(spreadsheet.sites_csv(board), "csv", site.code, drill=drill)
    return as_file(report.pdf(clock.now(), names=False), "pdf", site.code, drill=drill)


def as_file(content: str | bytes, form: str, name: str, *, drill: bool = False) -> Response:
    """An answer that a browser keeps as a file; a drill's says so in its name, and CSV in its first line."""
    if drill and isinstance(content, str):
        content = spreadsheet.to_csv([spreadsheet.DRILL], []) + content
    # The mark tells a spreadsheet that the letters are UTF-8.
    body = b"\xef\xbb\xbf" + content.encode() if isinstance(content, str) else content
    plain = "".join(c for c in name if c.isascii() and (c.isalnum() or c in "-_"))
    plain = f"DRILL-{plain}" if drill else plain
    disposition = f'attachment; filename="{plain or "report"}.{form}"'
    return Response(body, content_type=MIMETYPES[form], headers={"Content-Disposition": disposition})
