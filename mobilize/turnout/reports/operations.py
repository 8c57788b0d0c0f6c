"""Reports, put together by workers when an event closes, and anew when somebody asks for it.

What is stored are counts. Names stand on the chapter's page alone, looked up when its chair opens it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, select

from mobilize import audit
from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.database import atomic, db, insert, new_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Site
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.snapshots import report_as_stored, report_says
from mobilize.turnout.figures.types import Board
from mobilize.turnout.models import Report, ReportKind
from mobilize.turnout.reports.notifications import tell_of

# After a longer outage a report is put together when somebody asks for it.
CATCHES_UP = timedelta(days=14)
WORKER = "worker"


def make_due_reports(now: datetime) -> int:
    """Put together what lacks a report since its events closed, and text the links; how many reports are new.

    A chapter's with its event, an area's and the union's with the last event of theirs. Safe to repeat, to
    run twice at once (a unique key), and late: a text is queued in the same transaction as its report.
    """
    return sum(_make_due(action_id, now) for action_id in db.session.scalars(unfinished(now)).all())


def put_together(action: Action, kind: ReportKind, place_id: UUID, *, by: str, now: datetime) -> Report:
    """The report as the figures are now: the latest version, or the next one when they have moved since.

    Refused: "not_closed" while an event of it is open. Asks no scope: the caller does.
    """
    with atomic() as session:
        held = session.get_one(Action, action.id, with_for_update=True)
        counted = board(held)
        part = _part(counted, kind, place_id)
        if not part.chapters or not all(chapter.fixed_at for chapter in part.chapters):
            raise Refused("not_closed", _("The event is not closed yet: its report comes when it is."))
        versions = reports_of(held.id, kind, place_id)
        if versions and says_the_same(versions[-1], counted):
            return versions[-1]
        row = _row(counted, kind, place_id, by, now, version=len(versions) + 1)
        session.execute(insert(Report).values(row))
        audit.note(by, "report.make", f"{held.id} {kind}/{place_id} {row['version']}", now=now)
        return session.get_one(Report, row["id"])


def reports_of(action_id: UUID, kind: ReportKind, place_id: UUID) -> Sequence[Report]:
    """Every version of one report, the first one first; none where nobody has put it together."""
    conditions = Report.action_id == action_id, Report.kind == kind, Report.place_id == place_id
    return db.session.scalars(select(Report).where(*conditions).order_by(Report.version)).all()


def sees_report(scope: Scope, action_id: UUID, kind: ReportKind, place_id: UUID) -> bool:
    """Whether somebody sees all of what a report is about. The caller has its action in scope."""
    if kind is ReportKind.CHAPTER:
        site = db.session.get(Site, place_id)
        return site is not None and scope.sees(site)
    if kind is ReportKind.AREA:
        return scope.sees_area(place_id)
    return scope.everything and place_id == action_id


def says_the_same(report: Report, counted: Board) -> bool:
    """The report says of each count it holds what the action's board says now."""
    return report_says(report.figures, _part(counted, report.kind, report.place_id), by=_by(report.kind))


def unfinished(now: datetime) -> Select[UUID]:
    """SELECT of the actions of which something closed lately, and whose last report, the union's, is not
    there."""
    done = exists().where(Report.action_id == Event.action_id, Report.kind == ReportKind.UNION)
    closed = Event.state == EventState.CLOSED, Event.closed_at > now - CATCHES_UP
    return select(Event.action_id).where(*closed, ~done).distinct()


def _make_due(action_id: UUID, now: datetime) -> int:
    if not _closed_without(action_id):
        return 0
    with atomic() as session:
        action = session.get_one(Action, action_id, with_for_update=True)
        due = _closed_without(action_id)
        counted = board(action)
        rows = [_row(counted, kind, place_id, WORKER, now) for kind, place_id in due]
        if rows:
            session.execute(insert(Report).on_conflict_do_nothing(), rows)
            tell_of(action, [(row["id"], row["kind"], row["place_id"]) for row in rows], now)
        return len(rows)


def _closed_without(action_id: UUID) -> list[tuple[ReportKind, UUID]]:
    """(kind, place) of all whose events are closed and that have no report."""
    rows = db.session.execute(
        select(EventChapter.site_id, Site.area_id, Event.state)
        .join(Event, Event.id == EventChapter.event_id)
        .join(Site, Site.id == EventChapter.site_id)
        .where(EventChapter.action_id == action_id, EventChapter.gone_at.is_(None))
        .where(Event.state != EventState.CALLED_OFF)
        .order_by(Site.code)
    ).all()
    open_sites = {site for site, _area, state in rows if state is EventState.PLANNED}
    open_areas = {area for _site, area, state in rows if state is EventState.PLANNED}
    closed = [(ReportKind.CHAPTER, site) for site, _area, _state in rows if site not in open_sites]
    closed += [(ReportKind.AREA, area) for area in _once(row[1] for row in rows) if area not in open_areas]
    closed += [(ReportKind.UNION, action_id)] if rows and not open_sites else []
    first = select(Report.kind, Report.place_id).where(Report.action_id == action_id, Report.version == 1)
    held = {(kind, place_id) for kind, place_id in db.session.execute(first)}
    return [one for one in closed if one not in held]


def _once(ids: Iterable[UUID]) -> list[UUID]:
    return list(dict.fromkeys(ids))


def _by(kind: ReportKind) -> str:
    """A chapter and an area are told site by site, the union area by area."""
    return "area" if kind is ReportKind.UNION else "site"


def _part(counted: Board, kind: ReportKind, place_id: UUID) -> Board:
    """The chapters a report is about; the union's also tells of members without one."""
    if kind is ReportKind.UNION:
        return counted
    if kind is ReportKind.AREA:
        return counted.of_area(place_id)
    chapter = counted.chapter(place_id)
    return replace(counted, chapters=(chapter,) if chapter else (), no_site=None, others=None)


def _row(
    counted: Board, kind: ReportKind, place_id: UUID, by: str, now: datetime, version: int = 1
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "action_id": counted.action_id,
        "kind": kind,
        "place_id": place_id,
        "version": version,
        "figures": report_as_stored(_part(counted, kind, place_id), by=_by(kind)),
        "made_by": by,
        "made_at": now,
    }
