"""The reports of a chapter, an area and the union, as page, CSV, XLSX and PDF: the same figures in each."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Response, abort, render_template, request

from mobilize import audit, clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import Action
from mobilize.actions.seen import seen_action, seen_site
from mobilize.database import db
from mobilize.languages import LANGUAGES, _, in_language
from mobilize.roster.models import Area, Site
from mobilize.turnout import paper, spreadsheet
from mobilize.turnout.blueprint import bp
from mobilize.turnout.chapter_report import ChapterReport, chapter_report_of
from mobilize.turnout.drawing import bars
from mobilize.turnout.figures import Board
from mobilize.turnout.live import board_for
from mobilize.turnout.outsiders import outside

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
    """One chapter's report. `?names=1` adds the names to a file: for the site's own chair, and noted."""
    action, site = seen_action(action_id, me().scope), seen_site(site_id, me().scope)
    report = chapter_report_of(action, site.id) or abort(404)
    if form == "page":
        own = site.id in me().scope.sites
        if own:
            audit.note(me().actor, "report.see", f"{action.id}/{site.id}", now=clock.now())
        return render_template(
            "turnout/chapter_report.html", report=report, site=site, own=own, drill=action.drill, bars=bars
        )
    return _chapter_file(report, site, form)


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


@bp.get("/actions/<uuid:action_id>/numbers")
@signed_in(RoleName.ADMIN)
def numbers(action_id: UUID) -> str:
    """By the numbers, in English and Spanish, fit for the press: counts only, and none that tells of few."""
    action = seen_action(action_id, me().scope)
    shown = outside(_board(action))
    said = []
    for code in LANGUAGES:
        with in_language(code):
            said.append(
                (code, render_template("turnout/_numbers.html", action=action, shown=shown, code=code))
            )
    return render_template("turnout/numbers.html", action=action, said=said, drill=action.drill)


def _board(action: Action) -> Board:
    """Counted anew, so that a report that is read right after a check-in knows of it."""
    return board_for(action, me().scope, oldest=0.0) or abort(404)


def _of_many(action: Action, board: Board, name: str, form: str, *, area: Area | None) -> Response | str:
    if form == "csv":
        return as_file(spreadsheet.sites_csv(board), "csv", "turnout")
    if form == "xlsx":
        return as_file(spreadsheet.sites_xlsx(board), "xlsx", "turnout")
    if form == "pdf":
        return as_file(paper.board_pdf(action, board, name, clock.now()), "pdf", "turnout")
    page: dict[str, Any] = {"action": action, "board": board, "name": name, "area": area}
    return render_template("turnout/area_report.html", drill=action.drill, **page)


def _chapter_file(report: ChapterReport, site: Site, form: str) -> Response:
    now, names = clock.now(), "names" in request.args
    if names:
        if site.id not in me().scope.sites:
            abort(404)
        audit.note(me().actor, "names.export", f"{report.action.id}/{site.id}", now=now)
    board = replace(report.board, chapters=(report.chapter,), no_site=None, others=None)
    if form == "xlsx":
        # Names leave as CSV or on paper, which the chair asks for; a workbook is passed on too easily.
        return as_file(spreadsheet.sites_xlsx(board), "xlsx", site.code)
    if form == "csv":
        people = [*report.came, *report.missing]
        text = spreadsheet.people_csv(people) if names else spreadsheet.sites_csv(board)
        return as_file(text, "csv", site.code)
    return as_file(report.pdf(now, names=names), "pdf", site.code)


def as_file(content: str | bytes, form: str, name: str) -> Response:
    """An answer that a browser keeps as a file."""
    # The mark tells a spreadsheet that the letters are UTF-8.
    body = b"\xef\xbb\xbf" + content.encode() if isinstance(content, str) else content
    plain = "".join(c for c in name if c.isascii() and (c.isalnum() or c in "-_"))
    disposition = f'attachment; filename="{plain or "report"}.{form}"'
    return Response(body, content_type=MIMETYPES[form], headers={"Content-Disposition": disposition})
