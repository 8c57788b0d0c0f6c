"""A small morning: two areas, three sites, a picket at each, and whoever a test sends there."""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pypdfium2
import pytest

from mobilize import clock
from mobilize.accounts.models import Person
from mobilize.actions.eligibility import freeze_event
from mobilize.actions.models import Action, Event
from mobilize.checkins.models import Attendance, HeadCount, Method, Supporters, Tier
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.operations import check_in
from mobilize.database import atomic, db
from mobilize.roster.models import Area, Member, Site
from mobilize.turnout.board import cache as live
from tests.builders import START, full_session, make_action, make_area, make_event, make_member, make_site

NOON = START + timedelta(hours=5)


@pytest.fixture(autouse=True)
def count_anew() -> Iterator[None]:
    """Forget kept boards: those of one test are no answer for the next."""
    live.forget()
    yield
    live.forget()


class Morning:
    """Lincoln (6 members) and Madison (4) in the north, Roosevelt (2) in the south; frozen when asked."""

    def __init__(self, action: Action | None = None, sites: list[Site] | None = None):
        self.north, self.south = (sites[0].area, sites[2].area) if sites else _areas()
        self.sites = sites or [
            make_site("Lincoln", area=self.north),
            make_site("Madison", area=self.north),
            make_site("Roosevelt", area=self.south),
        ]
        self.lincoln, self.madison, self.roosevelt = self.sites
        self.action = action or make_action()
        self.events = {site.id: make_event(site, action=self.action) for site in self.sites}
        self.members: dict[Any, list[Member]] = {}
        if sites is None:
            for site, count in zip(self.sites, (6, 4, 2), strict=True):
                self.members[site.id] = [make_member(f"Member{n}", site=site) for n in range(count)]

    def freeze(self) -> None:
        for event in self.events.values():
            freeze_event(event.id, START)

    def event(self, site: Site) -> Event:
        return self.events[site.id]

    def send(
        self,
        member: Member,
        to: Site,
        *,
        chapter: Site | None = None,
        tier: Tier = Tier.SELF,
        at: datetime = START,
    ) -> None:
        """`member` of `chapter` (the site itself, unless said) was counted at the line of `to`."""
        event = self.event(to)
        home = chapter or to
        _stored(
            Attendance(
                event_id=event.id,
                shift_id=event.shifts[0].id,
                member_id=member.id,
                chapter_id=home.id,
                tier=tier,
                first_at=at,
                late=False,
            )
        )

    def count(self, site: Site, n: int, *, minutes: int = 15, voided: bool = False) -> None:
        event, at = self.event(site), START + timedelta(minutes=minutes)
        _stored(
            HeadCount(
                event_id=event.id,
                shift_id=event.shifts[0].id,
                nonce=secrets.token_bytes(16),
                n=n,
                counted_at=at,
                recorded_at=at,
                via="text",
                by="test",
                voided_at=at if voided else None,
            )
        )

    def supporters(self, site: Site, delta: int) -> None:
        nonce = secrets.token_bytes(16)
        times = {"happened_at": START, "recorded_at": START}
        _stored(Supporters(event_id=self.event(site).id, nonce=nonce, delta=delta, by="test", **times))


@pytest.fixture
def morning(app: Any) -> Morning:
    return Morning()


def fill(morning: Morning) -> None:
    """Lincoln: 4 of 6 and a substitute, one at Madison. Madison: 1 of 4, reported 5. Roosevelt: silent. One
    member belongs to no chapter."""
    make_member("Central")
    morning.freeze()
    lincoln = morning.members[morning.lincoln.id]
    for member, tier in zip(lincoln[:3], Tier, strict=True):
        morning.send(member, morning.lincoln, tier=tier)
    morning.send(lincoln[3], morning.madison, chapter=morning.lincoln)
    morning.send(make_member("Substitute", status="substitute", site=morning.lincoln), morning.lincoln)
    morning.send(morning.members[morning.madison.id][0], morning.madison)
    morning.count(morning.madison, 5)
    morning.supporters(morning.madison, 3)


def arrive(morning: Morning, members: list[Member], at: Site) -> None:
    """These members were ticked on the line of `at`, five minutes after the start."""
    for member in members:
        check_in(
            CheckInRequest(
                event_id=morning.event(at).id,
                nonce=secrets.token_bytes(16),
                body=b"",
                method=Method.TICK,
                happened_at=START + timedelta(minutes=5),
                member_id=member.id,
            ),
            now=clock.now(),
        )


def text_of(pdf: bytes) -> str:
    """The text of its pages."""
    pages = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in pages)


def enter(client: Any, person: Person, now: datetime) -> None:
    """This browser is signed in as that person."""
    client.set_cookie("session", full_session(person, now=now), domain="localhost")


def _areas() -> tuple[Area, Area]:
    return make_area("North"), make_area("South")


def _stored(row: Any) -> None:
    with atomic():
        db.session.add(row)
