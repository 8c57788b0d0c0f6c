"""Reports as PDF: the same figures as the page, in the reader's language."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mobilize import settings
from mobilize.actions.models import Action
from mobilize.actions.queries import lost_minutes
from mobilize.languages import _, language, say_date, say_time, say_when
from mobilize.printing.report_pages import Column, Figure, ReportPages, Table, report_pdf
from mobilize.turnout.board.sites import board_state
from mobilize.turnout.campaigns.series import BoardStep, SeriesStep
from mobilize.turnout.figures.people import Arrivals, NamedMember
from mobilize.turnout.figures.types import AreaTotal, Board, Chapter, LineCounts, NameCounts, Total
from mobilize.turnout.labels import (
    big_share_text,
    count_label,
    count_text,
    further_counts,
    named_text,
    percent_text,
    points_text,
    report_columns,
    share_text,
    state_word,
    tier_word,
    when_fixed,
    which_report,
)
from mobilize.turnout.reports.follow_ups import Conversation


@dataclass(frozen=True, slots=True)
class ChapterPeople:
    """The chapter's own, by name, for its chair: who came, who did not, and whom to talk to first."""

    came: Sequence[NamedMember]
    missing: Sequence[NamedMember]
    next_talks: Sequence[Conversation]


def chapter_pdf(
    action: Action,
    chapter: Chapter,
    steps: Sequence[SeriesStep],
    arrived: Arrivals,
    people: ChapterPeople | None,
    now: datetime,
    *,
    version: int | None = None,
    mark: str = "",
) -> bytes:
    """The chapter report, as of its `version`. `people` only for its own chair; else counts alone. `mark`, of
    whoever took the names, stands at the foot of each page."""
    tables = [_series_table(steps), _arrivals_table(arrived, chapter)]
    if people:
        tables += [_talks_table(people.next_talks)] if chapter.fixed_at else []
        tables += [_came_table(people.came, chapter.tz), _missing_table(people.missing)]
    remarks = [_("Every share is of the members who were eligible when the action started.")]
    if chapter.line.chapters > 1:
        remarks.append(_("The head count and the supporters are those of the whole line, which is shared."))
    remarks += lost_minutes(action, chapter.tz)
    return _written(
        ReportPages(
            **_head(action, chapter.name, now, mark or f"{which_report(version)} {when_fixed(chapter)}"),
            big_number=big_share_text(chapter.names),
            big_label=_("of your chapter came"),
            big_note=_of(chapter.names),
            figures=_figures(chapter.names, chapter.line),
            tables=tables,
            remarks=remarks,
        )
    )


def board_pdf(
    action: Action,
    board: Board,
    name: str,
    now: datetime,
    *,
    steps: Sequence[BoardStep] = (),
    version: int | None = None,
) -> bytes:
    """The report of an area, or of all there is, as of its `version`: beside the campaign's earlier actions,
    by area where there are several, then site by site, under the figures of its area."""
    total = board.total
    tables = [_steps_table(steps)] if len(steps) > 1 else []
    tables += [_areas_table(board)] if len(board.areas) > 1 else []
    remarks = [_("Every share is of the members who were eligible when the action started.")]
    if board.no_site:
        remarks.append(
            _(
                "%(some)s of %(all)s eligible members belong to a chapter; of those, %(share)s came.",
                all=count_text(total.names.eligible),
                some=count_text(board.with_chapter.eligible),
                share=percent_text(board.with_chapter.share),
            )
        )
    if any(chapter.few for chapter in board.chapters):
        remarks.append(
            _(
                "Small: fewer than 5 eligible members, so that each of them moves the share by 20 points and "
                "more. Read how many came."
            )
        )
    remarks += lost_minutes(action, settings().union_timezone)
    fixed_line = _("Sites that are closed show the figures fixed at closing.")
    return _written(
        ReportPages(
            **_head(action, name, now, f"{which_report(version)} {fixed_line}"),
            big_number=percent_text(total.names.share),
            big_label=_("of eligible members came"),
            big_note=_of(total.names),
            figures=_figures(total.names, total.line, total),
            tables=[*tables, *_sites_tables(board)],
            remarks=remarks,
        )
    )


def _written(pages: ReportPages) -> bytes:
    out = io.BytesIO()
    report_pdf(pages, out)
    return out.getvalue()


def _head(action: Action, name: str, now: datetime, fixed_line: str) -> dict[str, str]:
    zone = settings().union_timezone
    printed = _("Made %(day)s at %(time)s.", day=say_date(now, zone), time=say_time(now, zone))
    drill = _("DRILL – a rehearsal, in no total.") + " " if action.drill else ""
    return {
        "union_name": settings().union_name,
        "title": name,
        "subtitle": f"{action.name.in_(language())}, {say_when(action.starts_at, action.ends_at, zone)}",
        "made_line": f"{drill}{printed} {fixed_line}",
        "colour": settings().union_colour,
        "pages": _("Page {page} of {pages}"),
        "language": language(),
    }


def _of(names: NameCounts) -> str:
    return _(
        "%(came)s of %(eligible)s eligible members",
        came=count_text(names.came),
        eligible=count_text(names.eligible),
    )


def _figures(names: NameCounts, line: LineCounts, total: Total | None = None) -> list[Figure]:
    split = _(
        "%(verified)s verified, %(vouched)s vouched for, %(alone)s self-reported",
        verified=count_text(names.verified),
        vouched=count_text(names.vouched),
        alone=count_text(names.self_reported),
    )
    peak = _("Peak %(peak)s", peak=count_text(line.peak)) if line.peak is not None else ""
    if total:
        peak = _("%(reporting)s of %(sites)s sites reported", reporting=total.reporting, sites=total.sites)
    return [
        Figure(count_text(names.named), _("Checked in by name"), split),
        Figure(count_text(line.head_count), _("Head count"), peak),
        Figure(count_text(line.supporters), _("Supporters")),
        Figure(count_text(names.also_there), _("Also there"), _("on leave, substitute, retired or new")),
        *(Figure(named_text(names, count), count_label(count)) for count in further_counts()),
        *([] if total else [Figure(count_text(line.hosted), _("By name on this line"), _("of any chapter"))]),
    ]


def _series_table(steps: Sequence[SeriesStep]) -> Table:
    columns = [Column(_("Action"), share=3), Column(_("Day"), share=2.4)]
    columns += [Column(word, "right") for word in (_("Eligible"), _("Came"), _("Share"), _("Head count"))]
    zone = settings().union_timezone
    rows = [
        (
            _step_name(step),
            say_date(step.action.starts_at, zone),
            count_text(step.chapter.names.eligible),
            count_text(step.chapter.names.came),
            share_text(step.chapter.names),
            count_text(step.chapter.line.head_count),
        )
        for step in steps
    ]
    return Table(_("This campaign so far"), columns, rows)


def _steps_table(steps: Sequence[BoardStep]) -> Table:
    columns = [Column(_("Action"), share=3), Column(_("Day"), share=2.4)]
    words = (_("Eligible"), _("Came"), _("Share"), _("Change, in points"), _("Head count"))
    zone = settings().union_timezone
    rows = [
        (
            _step_name(step),
            say_date(step.action.starts_at, zone),
            count_text(step.total.names.eligible),
            count_text(step.total.names.came),
            share_text(step.total.names),
            points_text(step.change) or "–",
            count_text(step.total.line.head_count),
        )
        for step in steps
    ]
    return Table(_("This campaign so far"), [*columns, *(Column(word, "right") for word in words)], rows)


def _step_name(step: SeriesStep | BoardStep) -> str:
    name = step.action.name.in_(language())
    return f"{name} ({_('still running')})" if step.running else name


def _talks_table(talks: Sequence[Conversation]) -> Table:
    columns = [Column(_("Name"), share=2), Column(_("Why"), share=3)]
    rows = [
        (f"{t.person.name.last}, {t.person.name.preferred or t.person.name.first}", t.in_words) for t in talks
    ]
    return Table(_("Next conversations"), columns, rows, empty=_("Everybody came."))


def _arrivals_table(arrived: Arrivals, chapter: Chapter) -> Table:
    columns = [Column(_("From")), Column(_("Arrived"), "right"), Column(_("In total"), "right")]
    rows, together = [], 0
    for at, count in arrived.steps:
        together += count
        rows.append((say_time(at, chapter.tz), count_text(count), count_text(together)))
    return Table(_("Arrivals, every five minutes"), columns, rows, empty=_("Nobody was checked in by name."))


def _came_table(came: Sequence[NamedMember], tz: str) -> Table:
    columns = [
        Column(_("Name"), share=2),
        Column(_("At")),
        Column(_("How certain")),
        Column(_("Where"), share=2),
    ]
    rows = [
        (
            f"{p.name.last}, {p.name.preferred or p.name.first}",
            say_time(p.stood.first_at, tz),
            tier_word(p.stood.tier),
            p.stood.elsewhere or _("here"),
        )
        for p in came
        if p.stood
    ]
    return Table(_("Who came"), columns, rows, empty=_("Nobody was checked in by name."))


def _missing_table(missing: Sequence[NamedMember]) -> Table:
    rows = [(f"{p.name.last}, {p.name.preferred or p.name.first}",) for p in missing]
    return Table(_("Who did not come"), [Column(_("Name"))], rows, empty=_("Everybody came."))


def _areas_table(board: Board) -> Table:
    rows = [
        (
            area.name,
            "–" if board.one_line else f"{area.total.reporting}/{area.total.sites}",
            *_counts(area.total.names, area.total.line, at_rally=board.one_line),
        )
        for area in board.areas
    ]
    for word, names in ((_("No site"), board.no_site), (_("Other chapters"), board.others)):
        if names:
            rows.append((word, "", *_counts(names, None)))
    total = board.total
    last = (_("In total"), f"{total.reporting}/{total.sites}", *_counts(total.names, total.line))
    return Table(_("By area"), _columns(_("Area"), _("Reported")), rows, total=last)


def _sites_tables(board: Board) -> list[Table]:
    """The sites, in a table for each area where there are several."""
    if len(board.areas) < 2:
        return [_sites_table(board, board.chapters, _("By site"))]
    return [
        _sites_table(
            board,
            [chapter for chapter in board.chapters if chapter.area_id == area.area_id],
            _("%(area)s, by site", area=area.name),
            _area_line(area, at_rally=board.one_line),
        )
        for area in board.areas
    ]


def _sites_table(board: Board, chapters: Sequence[Chapter], heading: str, note: str = "") -> Table:
    rows = [
        (c.name, state_word(board_state(c)), *_counts(c.names, c.line, at_rally=board.one_line))
        for c in chapters
    ]
    columns = _columns(_("Site"), _("State"))
    return Table(heading, columns, rows, note=note, repeats_heading=bool(note))


def _area_line(area: AreaTotal, *, at_rally: bool) -> str:
    """An area's figures in a sentence; at a rally without the line, which is everybody's."""
    names, line = area.total.names, area.total.line
    came = f"{_of(names)}, {share_text(names)}."
    if at_rally:
        return came
    reported = _(
        "%(reporting)s of %(sites)s sites reported", reporting=area.total.reporting, sites=area.total.sites
    )
    return f"{came} {_('Head count')}: {count_text(line.head_count)}. {reported}."


def _columns(first: str, second: str) -> list[Column]:
    counts = [Column(count_label(count), "right") for count in report_columns()]
    line = [Column(_("Head count"), "right", share=1.3), Column(_("Supporters"), "right")]
    return [Column(first, share=2.8), Column(second, share=1.6), *counts, *line]


def _counts(names: NameCounts, line: LineCounts | None, *, at_rally: bool = False) -> list[str]:
    """The row's numbers. At a rally the one line is everybody's: it stands above, and in no row."""
    counts = [named_text(names, count) for count in report_columns()]
    if line is None:
        return [*counts, "", ""]
    if at_rally:
        return [*counts, _("at the rally"), _("at the rally")]
    return [*counts, count_text(line.head_count), count_text(line.supporters)]
