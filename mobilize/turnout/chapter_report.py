"""Everything a chapter report says, put together once for page, CSV and PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mobilize.actions.models import Action
from mobilize.turnout import paper
from mobilize.turnout.conversations import Conversation, next_conversations
from mobilize.turnout.figures import Board, Chapter
from mobilize.turnout.fixed import Fixed, versions_of
from mobilize.turnout.people import Arrivals, Named, arrivals, who_came_and_who_did_not, who_stood
from mobilize.turnout.queries import board
from mobilize.turnout.report_models import Report, ReportKind
from mobilize.turnout.reports import figures_of, reports_of
from mobilize.turnout.series import Step, chapter_series


@dataclass(frozen=True, slots=True)
class ChapterReport:
    """One chapter in one action. `came`, `missing` and `next_talks` hold names: for its chair alone.
    `versions` are its fixed figures and their corrections, `made` the report as it was put together."""

    action: Action
    chapter: Chapter
    board: Board
    steps: Sequence[Step]
    arrived: Arrivals
    elsewhere: int
    came: Sequence[Named]
    missing: Sequence[Named]
    versions: Sequence[Fixed]
    made: Sequence[Report]
    next_talks: Sequence[Conversation]

    @property
    def as_made(self) -> bool:
        """The latest report says what the figures say now."""
        mine = figures_of(self.board, ReportKind.CHAPTER, self.chapter.site_id)
        return bool(self.made) and self.made[-1].figures == mine

    def pdf(self, now: datetime, *, names: bool, mark: str = "") -> bytes:
        """On paper, with names only where they are asked for: then with the `mark` of who took them."""
        people = paper.People(self.came, self.missing, self.next_talks) if names else None
        version = self.made[-1].version if self.as_made else None
        return paper.chapter_pdf(
            self.action, self.chapter, self.steps, self.arrived, people, now, version=version, mark=mark
        )


def chapter_report_of(action: Action, site_id: UUID) -> ChapterReport | None:
    """The report; None when the chapter has no home event in this action. Asks no scope: the caller does."""
    whole = board(action)
    chapter = whole.chapter(site_id)
    if chapter is None:
        return None
    stood = who_stood(action, chapter, whole)
    came, missing = who_came_and_who_did_not(action, chapter, whole, stood)
    return ChapterReport(
        action=action,
        chapter=chapter,
        board=whole,
        steps=chapter_series(action, site_id),
        arrived=arrivals(stood),
        elsewhere=sum(s.elsewhere is not None for s in stood),
        came=came,
        missing=missing,
        versions=versions_of(action.id, site_id),
        made=reports_of(action.id, ReportKind.CHAPTER, site_id),
        next_talks=next_conversations(action, site_id, missing),
    )
