"""Everything a chapter report says, put together once for page, CSV and PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from mobilize.actions.models import Action
from mobilize.turnout import paper
from mobilize.turnout.conversations import Conversation, next_conversations
from mobilize.turnout.figures import Board, Chapter
from mobilize.turnout.fixed import Fixed, versions_of
from mobilize.turnout.people import Arrivals, Named, Stood, arrivals, who_came_and_who_did_not, who_stood
from mobilize.turnout.queries import board
from mobilize.turnout.report_models import Report, ReportKind
from mobilize.turnout.reports import figures_of, reports_of
from mobilize.turnout.series import Step, chapter_series


@dataclass(frozen=True)
class ChapterReport:
    """One chapter in one action. `came`, `missing` and `next_talks` hold names: for its chair alone.
    `versions` are its fixed figures and their corrections, `made` the report as it was put together."""

    action: Action
    chapter: Chapter
    board: Board
    steps: Sequence[Step]
    arrived: Arrivals
    elsewhere: int
    stood: Sequence[Stood]
    versions: Sequence[Fixed]
    made: Sequence[Report]

    @cached_property
    def _people(self) -> tuple[Sequence[Named], Sequence[Named]]:
        # Opening the names takes longer than everything else, and most reports are read without.
        return who_came_and_who_did_not(self.action, self.chapter, self.board, self.stood)

    @property
    def came(self) -> Sequence[Named]:
        return self._people[0]

    @property
    def missing(self) -> Sequence[Named]:
        return self._people[1]

    @cached_property
    def next_talks(self) -> Sequence[Conversation]:
        return next_conversations(self.action, self.chapter.site_id, self.missing)

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


def chapter_report_of(action: Action, site_id: UUID, whole: Board | None = None) -> ChapterReport | None:
    """The report; None when the chapter has no home event in this action. Asks no scope: the caller does.

    `whole` is the action's board, where somebody holds it already.
    """
    whole = whole or board(action)
    chapter = whole.chapter(site_id)
    if chapter is None:
        return None
    stood = who_stood(action, chapter, whole)
    return ChapterReport(
        action=action,
        chapter=chapter,
        board=whole,
        steps=chapter_series(action, site_id),
        arrived=arrivals(stood),
        elsewhere=sum(s.elsewhere is not None for s in stood),
        stood=stood,
        versions=versions_of(action.id, site_id),
        made=reports_of(action.id, ReportKind.CHAPTER, site_id),
    )
