"""Operations that read turnout, series and reports: with the scope `read` what outsiders may be told, with
`figures` what an organizer sees."""

import uuid
from typing import Any

from flask import abort
from pydantic import Field
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions.models import Campaign
from mobilize.actions.visibility import visible_action
from mobilize.api.endpoint import reading
from mobilize.api.paging import PageQuery, cut_page
from mobilize.api.schemas import (
    AreaCountsOut,
    ChapterCountsOut,
    ChapterTurnoutOut,
    PublicCountsOut,
    ReportListOut,
    ReportOut,
    SeriesCellOut,
    SeriesOut,
    SeriesRowOut,
    TurnoutOut,
)
from mobilize.database import db
from mobilize.roster.models import Area
from mobilize.turnout.board.cache import board_for
from mobilize.turnout.campaigns.matrix import Matrix, MatrixRow, matrix_of
from mobilize.turnout.figures.queries import names_final_at
from mobilize.turnout.figures.types import percent
from mobilize.turnout.models import Report, ReportKind
from mobilize.turnout.reports.operations import sees_report
from mobilize.turnout.reports.tables import area_row, site_row
from mobilize.turnout.statements.press_figures import numbers_of


class ReportsQuery(PageQuery):
    """Which reports."""

    kind: ReportKind | None = Field(None, description="Only of chapters, of areas, or of the union.")


@reading("/actions/<uuid:action_id>/turnout", ApiScope.READ, tag="Figures", answer=TurnoutOut)
def turnout(access: TokenAccess, action_id: uuid.UUID) -> TurnoutOut:
    """An action's turnout as it may be told to anybody: no named count from 1 to 4, and none that a form can
    still move."""
    action = visible_action(action_id, access.scope)
    board = board_for(action, THE_OFFICE) or abort(404)
    numbers = numbers_of(board, final=clock.now() >= names_final_at(action))
    own_areas = _area_names(access)
    listed = [row for row in numbers["areas"] if own_areas is None or row["area"] in own_areas]
    return TurnoutOut(
        action_id=action.id,
        drill=action.drill,
        final=numbers["final"],
        total=_public({**numbers, "area": "total"}) if access.scope.everything else None,
        areas=[_public(row) for row in listed],
    )


@reading(
    "/actions/<uuid:action_id>/turnout/chapters", ApiScope.FIGURES, tag="Figures", answer=ChapterTurnoutOut
)
def chapter_turnout(access: TokenAccess, action_id: uuid.UUID) -> ChapterTurnoutOut:
    """An action's turnout by area and chapter, as the live board of an organizer shows it."""
    action = visible_action(action_id, access.scope)
    board = board_for(action, access.scope) or abort(404)
    areas = [AreaCountsOut.model_validate({"area_id": one.area_id, **area_row(one)}) for one in board.areas]
    chapters = [
        ChapterCountsOut.model_validate({"site_id": one.site_id, "area_id": one.area_id, **site_row(one)})
        for one in board.chapters
    ]
    return ChapterTurnoutOut(action_id=action.id, drill=action.drill, areas=areas, chapters=chapters)


@reading("/campaigns/<uuid:campaign_id>/series", ApiScope.FIGURES, tag="Figures", answer=SeriesOut)
def series(access: TokenAccess, campaign_id: uuid.UUID) -> SeriesOut:
    """The turnout of a campaign action by action: of every site, every area, and all together."""
    campaign = db.session.get(Campaign, campaign_id) or abort(404)
    matrix = matrix_of(campaign.id, access.scope, clock.now())
    if matrix is None:
        return SeriesOut(campaign_id=campaign.id, together=None, areas=[], sites=[])
    return SeriesOut(
        campaign_id=campaign.id,
        together=_row(matrix.together, matrix),
        areas=[_row(row, matrix) for row in matrix.areas],
        sites=[_row(row, matrix) for row in matrix.sites],
    )


@reading(
    "/actions/<uuid:action_id>/reports",
    ApiScope.FIGURES,
    tag="Figures",
    answer=ReportListOut,
    query=ReportsQuery,
)
def reports(access: TokenAccess, action_id: uuid.UUID, query: ReportsQuery) -> ReportListOut:
    """The reports of an action, each version of each."""
    action = visible_action(action_id, access.scope)
    selected = select(Report).where(Report.action_id == action.id)
    if query.kind:
        selected = selected.where(Report.kind == query.kind)
    visible = [one for one in db.session.scalars(selected) if _sees(access, one)]
    rows, more = cut_page(visible, query, lambda report: report.id)
    return ReportListOut(data=[report_out(row) for row in rows], next=more)


@reading("/reports/<uuid:report_id>", ApiScope.FIGURES, tag="Figures", answer=ReportOut)
def report(access: TokenAccess, report_id: uuid.UUID) -> ReportOut:
    """One report, in one version."""
    row = db.session.get(Report, report_id)
    if row is None or not _sees(access, row):
        abort(404)
    visible_action(row.action_id, access.scope)
    return report_out(row)


def _sees(access: TokenAccess, row: Report) -> bool:
    return sees_report(access.scope, row.action_id, row.kind, row.place_id)


def _area_names(access: TokenAccess) -> set[str] | None:
    """The areas this token sees; None for all."""
    if access.scope.everything:
        return None
    return set(db.session.scalars(select(Area.name).where(Area.id.in_(access.scope.areas))))


def _public(row: dict[str, Any]) -> PublicCountsOut:
    return PublicCountsOut.model_validate({name: row.get(name) for name in PublicCountsOut.model_fields})


def _row(row: MatrixRow, matrix: Matrix) -> SeriesRowOut:
    cells = [
        SeriesCellOut(
            action_id=action.id, eligible=cell.eligible, came=cell.came, share_percent=percent(cell.share)
        )
        for action, cell in zip(matrix.actions, row.cells, strict=True)
        if cell
    ]
    return SeriesRowOut(id=row.id, name=row.name, cells=cells)


def report_out(row: Report) -> ReportOut:
    """A report as the API tells of it."""
    return ReportOut(
        id=row.id,
        action_id=row.action_id,
        kind=row.kind,
        place_id=row.place_id,
        version=row.version,
        made_at=row.made_at,
        figures=row.figures,
    )
