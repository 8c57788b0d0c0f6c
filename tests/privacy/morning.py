"""One morning with everything in it that could say who was there, and ways to look for it afterwards."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind, Person, RoleName
from mobilize.actions.eligibility import freeze_event
from mobilize.actions.models import Action, Event
from mobilize.checkins.models import Method
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import (
    CheckInRequest,
    CheckInResult,
    check_in,
    check_in_by_poster,
    report_head_count,
    void,
)
from mobilize.database import Model, atomic, db
from mobilize.privacy.retention.forgetting import forget_due
from mobilize.reminders.inbox.answers import read_answers
from mobilize.roster.models import Member, MemberStatus, Site
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.receiving.inbound import take_inbound
from mobilize.turnout.board import cache as live
from mobilize.turnout.figures.closing import close_due_events
from mobilize.turnout.figures.queries import board
from tests.builders import (
    START,
    ZONE,
    ask_question,
    make_action,
    make_event,
    make_member,
    make_person,
    make_site,
)

MIA, ANA, NATE, CARMEN = "+12135550101", "+12135550102", "+12135550150", "+12135550103"
OPEN = START + timedelta(minutes=5)
ENDED = START + timedelta(minutes=45)


def day(n: int) -> datetime:
    """The afternoon `n` days after the morning."""
    return ENDED + timedelta(days=n, hours=6)


@dataclass
class Morning:
    """Lincoln with Mia (at both lines), Ana and two who stay at home; Roosevelt with one; Nate walks up.

    Carmen is Lincoln's chair and on no roster.
    """

    campaign: Any = None
    lincoln: Site = field(default_factory=lambda: make_site("Lincoln"))
    roosevelt: Site = field(default_factory=lambda: make_site("Roosevelt"))

    def __post_init__(self) -> None:
        self.action: Action = make_action(campaign_id=self.campaign.id if self.campaign else None)
        self.at_lincoln = make_event(self.lincoln, action=self.action)
        self.at_roosevelt = make_event(self.roosevelt, action=self.action)
        self.mia = make_member("Reyes", "Mia", site=self.lincoln, phone=MIA, number="90000101")
        self.ana = make_member("Soto", "Ana", site=self.lincoln, phone=ANA, number="90000102")
        self.home = [make_member(f"Home{n}", site=self.lincoln) for n in range(2)]
        self.leave = make_member("Lee", "Leah", site=self.lincoln, status=MemberStatus.LEAVE)
        self.rosa = make_member("Paz", "Rosa", site=self.roosevelt)
        self.guest = make_member("Guest", "Gil", site=make_site("Elsewhere"))
        self.free = make_member("Free", "Fay")
        self.carmen: Person = make_person(phone=CARMEN, role=RoleName.CHAIR, site=self.lincoln)

    def happen(self) -> "Morning":
        """Everything, from the reminder to closing."""
        self._texts()
        for event in (self.at_lincoln, self.at_roosevelt):
            freeze_event(event.id, START)
        self._check_ins()
        self._counts()
        close_due_events(START + timedelta(hours=5))
        return self

    def _texts(self) -> None:
        reminders = [
            PlannedText(
                purpose=f"day_before:{self.at_lincoln.id}:1", phone=member.phone, wording="as_written",
                language="en", text_class=TextClass.MEMBER, tz=ZONE, due_at=START - timedelta(hours=14),
                expires_at=START, merge_fields={"body": f"{member.person.first}, tomorrow at 7."},
                event_id=self.at_lincoln.id, member_id=member.id,
            )
            for member in (self.mia, self.ana)
        ]  # fmt: skip
        queue_texts(reminders, now=START - timedelta(hours=14))
        ask_question(MIA, "coming", self.at_lincoln.id, expires_at=START, now=START - timedelta(hours=14))
        take_inbound("SM" + "1" * 32, MIA, "1", now=START - timedelta(hours=13))
        read_answers(START - timedelta(hours=13))

    def _check_ins(self) -> None:
        _done, self.cookie = check_in_by_poster(
            self.at_lincoln.id, read_typed(MIA), page="p1", cookie=None, now=OPEN
        )
        _grant, self.grant_token = grant_line(
            self.at_lincoln.id, GrantKind.CHAIR, "Carmen", self.carmen, f"person:{self.carmen.id}",
            ENDED + timedelta(days=1), now=OPEN,
        )  # fmt: skip
        for member, event in (
            (self.mia, self.at_lincoln), (self.mia, self.at_roosevelt), (self.leave, self.at_lincoln),
            (self.rosa, self.at_roosevelt), (self.guest, self.at_lincoln), (self.free, self.at_lincoln),
        ):  # fmt: skip
            self.tick(member, event)
        taken_back = self.tick(self.home[0], self.at_lincoln)
        void(taken_back.evidence_id, "it was not her", actor=f"person:{self.carmen.id}", now=OPEN)
        take_inbound("SM" + "2" * 32, ANA, f"HERE {self.at_lincoln.text_code}", now=OPEN)
        take_inbound("SM" + "3" * 32, NATE, f"HERE {self.at_lincoln.text_code}", now=OPEN)
        read_answers(OPEN)
        check_in_by_poster(self.at_lincoln.id, read_typed(NATE), page="p2", cookie=None, now=OPEN)

    def tick(self, member: Member, event: Event, *, at: datetime = OPEN, **more: Any) -> CheckInResult:
        fields = {"nonce": uuid.uuid4().bytes, "body": f"tick {member.id}".encode(), **more}
        proof = CheckInRequest(
            event_id=event.id, method=Method.TICK, happened_at=at, member_id=member.id, **fields
        )
        return check_in(proof, now=at)

    def _counts(self) -> None:
        report_head_count(
            self.at_lincoln, 12, counted_at=OPEN, nonce=uuid.uuid4().bytes, via="line",
            by=f"person:{self.carmen.id}", now=OPEN,
        )  # fmt: skip

    def numbers(self) -> dict[str, Any]:
        """Every number of the action, counted anew from its rows and as it is shown."""
        live.forget()
        action = db.session.get_one(Action, self.action.id)
        results = {}
        for fixed in (True, False):
            whole = board(action, fixed=fixed)
            chapters = {c.name: (c.names, c.line, c.state) for c in whole.chapters}
            results[f"fixed={fixed}"] = (whole.total, whole.no_site, whole.others, chapters)
        return results


def tick_until(n: int) -> None:
    """The worker's tick on the evening of day `n`."""
    forget_due(day(n))


def where_is(*needles: bytes | uuid.UUID) -> set[str]:
    """Tables in which one of these stands in any row, as a value or inside one: ids, indexes, hashes."""
    hexes = [(n.bytes if isinstance(n, uuid.UUID) else n).hex() for n in needles]
    with atomic() as session:
        return {
            table.name
            for table in Model.metadata.sorted_tables
            for row in session.execute(select(table))
            if any(hex_ in text for hex_ in hexes for text in _texts_in(row))
        }


def _texts_in(row: Iterable[Any]) -> Iterable[str]:
    for value in row:
        if isinstance(value, bytes):
            yield value.hex()
        elif isinstance(value, uuid.UUID):
            yield value.hex
        elif value is not None:
            yield str(value).replace("-", "")
