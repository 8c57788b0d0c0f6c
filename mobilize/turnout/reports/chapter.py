"""The content of a chapter report, put together once for page, CSV and PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from mobilize.actions.models import Action
from mobilize.actions.queries import lost_minutes
from mobilize.turnout.campaigns.series import SeriesStep, chapter_series
from mobilize.turnout.figures.people import (
    Arrivals,
    Attendee,
    NamedMember,
    arrivals,
    who_came_and_who_did_not,
    who_stood,
)
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.snapshots import FixedFigures, versions_of
from mobilize.turnout.figures.types import Board, Chapter
from mobilize.turnout.models import Report, ReportKind
from mobilize.turnout.reports import pdf as reports_pdf
from mobilize.turnout.reports.follow_ups import Conversation, next_conversations
from mobilize.turnout.reports.operations import reports_of, says_the_same


@dataclass(frozen=True)
class ChapterReport:
    """One chapter in one action. `came`, `missing` and `next_talks` hold names: for its chair alone.
    `versions` are its fixed figures and their corrections, `reports` the versions that were put together."""

    action: Action
    chapter: Chapter
    board: Board
    steps: Sequence[SeriesStep]
    arrived: Arrivals
    elsewhere: int
    stood: Sequence[Attendee]
    versions: Sequence[FixedFigures]
    reports: Sequence[Report]

    @cached_property
    def _people(self) -> tuple[Sequence[NamedMember], Sequence[NamedMember]]:
        # Opening the names takes longer than everything else, and most reports are read without.
        return who_came_and_who_did_not(self.action, self.chapter, self.board, self.stood)

    @property
    def came(self) -> Sequence[NamedMember]:
        return self._people[0]

    @property
    def missing(self) -> Sequence[NamedMember]:
        return self._people[1]

    @cached_property
    def next_talks(self) -> Sequence[Conversation]:
        return next_conversations(self.action, self.chapter.site_id, self.missing)

    @cached_property
    def lost(self) -> Sequence[str]:
        """What may be missing because a backup was put back."""
        return lost_minutes(self.action, self.chapter.tz)

    @property
    def is_current(self) -> bool:
        """The latest report says what the figures say now."""
        return bool(self.reports) and says_the_same(self.reports[-1], self.board)

    def pdf(self, now: datetime, *, names: bool, mark: str = "") -> bytes:
        """On paper, with names only where they are asked for: then with the `mark` of who took them."""
        people = reports_pdf.ChapterPeople(self.came, self.missing, self.next_talks) if names else None
        version = self.reports[-1].version if self.is_current else None
        return reports_pdf.chapter_pdf(
            self.action, self.chapter, self.steps, self.arrived, people, now, version=version, mark=mark
        )


def chapter_report_of(
    action: Action, site_id: UUID, now: datetime, whole: Board | None = None
) -> ChapterReport | None:
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
        steps=chapter_series(action, site_id, now),
        arrived=arrivals(stood),
        elsewhere=sum(s.elsewhere is not None for s in stood),
        stood=stood,
        versions=versions_of(action.id, site_id),
        reports=reports_of(action.id, ReportKind.CHAPTER, site_id),
    )
