"""The worlds: one local on one morning, the same people and figures in each. Only whose a number is differs.

`PROBE` is what somebody types who wants to know. In each world it belongs to the people of one fact in place
of their own number, and to nobody else: so whatever could be seen before is the same in all of them.
"""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from flask import Flask

from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind, Person, RoleName
from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions.eligibility import freeze_event
from mobilize.actions.line_finder.operations import show_lines
from mobilize.actions.models import Action, ActionKind, Event
from mobilize.checkins.models import Method
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import CheckInRequest, check_in, check_in_by_poster
from mobilize.database import atomic, db
from mobilize.keys.crypto import blind_index
from mobilize.languages import Translated
from mobilize.privacy.retention.erasure import erase_member
from mobilize.roster.models import Member, Membership, MembershipRank, Site
from mobilize.texts.models import Suppression
from mobilize.turnout.statements.operations import OfficerSignature, open_link, prepare, publish
from tests.api.program import Program, make_secret
from tests.builders import (
    LONG_AGO,
    START,
    make_action,
    make_area,
    make_event,
    make_member,
    make_person,
    make_site,
)

OPEN = START + timedelta(minutes=5)
# As a phone and as a member number; both are the same person's.
PROBE, PROBE_NUMBER = "2135550166", "66666666"
HERE, ELSEWHERE, TEXT_CODE = "CDFGHJKMN", "PQRTVWXY3", "48225"

# Whose the probe is, by the names of `_people`; nobody's for a stranger. Those of `ON_THE_LIST` stand on the
# list of the line where the steps are done: of them its captain may learn, and nobody else.
FACTS: dict[str, tuple[str, ...]] = {
    "stranger": (),
    "stranger who was here before": ("Nate",),
    "elsewhere": ("Eve",),
    "elsewhere and in already": ("Eli",),
    "no chapter": ("Noa",),
    "opted out": ("Opal",),
    "erased": ("Erin",),
    "gone": ("Gus",),
    "two share it": ("Sam", "Sue"),
    "chair elsewhere": ("Carmen",),
    "listed": ("Lia",),
    "listed and typed in already": ("Lou",),
    "listed and ticked already": ("Lee",),
    "listed by second site": ("Sol",),
}
# What a program is given that needs neither names nor any figure by name.
WITHOUT_NAMES = frozenset({ApiScope.READ, ApiScope.REPORT, ApiScope.PLAN})
# Stands on the list in all worlds, and in one of them the probe is Lia's.
LIA = uuid.UUID(int=100)
# Enough of them that outsiders are told how many.
TICKED = tuple(f"Tia{n}" for n in range(6))
# The first of them, whose phone anybody may be shown: the employer's too.
TIA = uuid.UUID(int=103)
ON_THE_LIST = {fact for fact in FACTS if fact.startswith("listed")}


@dataclass
class World:
    """The world that was built. `random`: what was drawn in it and stands in addresses, and the word for
    it."""

    app: Flask
    action: Action
    here: Event
    elsewhere: Event
    officer: Person
    secret: str
    captains: dict[str, str] = field(default_factory=dict)
    walls: list[str] = field(default_factory=list)
    noon: str = ""
    versions: int = 0

    @property
    def program(self) -> Program:
        """A program of the office's, whose token opens no names."""
        return Program(self.app, self.secret)

    @property
    def random(self) -> dict[str, str]:
        return {token: f"WALL{n}" for n, token in enumerate(self.walls)} | {self.noon: "NOON"}

    def publish(self, now) -> None:
        """The office signs the counts of this moment, for everybody."""
        reason = Translated(en="Counted again.", es="Contado otra vez.") if self.versions else Translated()
        draft = prepare(self.action, self.officer, now)
        publish(draft.id, now, OfficerSignature("Ada Office", reason=reason), self.officer, now)
        self.versions += 1
        self.noon = open_link(self.action.id, "person:ada", now).code


def build(app: Flask, fact: str, *, kind: ActionKind = ActionKind.PICKET) -> World:
    """The morning at OPEN: some are in, heads were counted, walls and lines are open, a statement is out."""
    lincoln, madison = _sites()
    people = _people(FACTS[fact], lincoln, madison)
    action = make_action(id=_id(30), kind=kind)
    here = make_event(lincoln, action=action, id=_id(31), code=HERE, text_code=TEXT_CODE)
    elsewhere = make_event(madison, action=action, id=_id(32), code=ELSEWHERE, text_code="48230")
    for event in (here, elsewhere):
        freeze_event(event.id, START)
        for n, heads in enumerate((27, 31)):
            report_head_count(
                event, heads, counted_at=START + timedelta(minutes=n), nonce=bytes([n] * 16), via="line",
                by="test", now=OPEN,
            )  # fmt: skip
    _who_is_in(here, people)
    officer = make_person("Ada Office", role=RoleName.ADMIN, phone="+12135550190")
    secret = make_secret(officer, WITHOUT_NAMES, days=365, id=_id(40))
    world = World(app, action, here, elsewhere, officer, secret)
    _links(world, lincoln.area_id)
    world.publish(OPEN)
    show_lines(action, True, actor="test", now=OPEN)
    return world


def _sites() -> tuple[Site, Site]:
    areas = make_area("North"), make_area("South")
    return (
        make_site("Lincoln", area=areas[0], id=_id(1), code="19647330000001", lat=34.0, lon=-118.2),
        make_site("Madison", area=areas[1], id=_id(2), code="19647330000002", lat=34.1, lon=-118.3),
    )


def _people(probed: tuple[str, ...], lincoln: Site, madison: Site) -> dict[str, Member]:
    homes: dict[str, Site | None] = dict.fromkeys(("Lia", "Lou", "Lee", *TICKED), lincoln)
    homes |= dict.fromkeys(("Eve", "Eli", "Opal", "Erin", "Gus", "Sam", "Sue", "Sol"), madison)
    homes["Noa"] = None
    people: dict[str, Member] = {}
    for n, (name, site) in enumerate(homes.items()):
        # Sam and Sue share a phone in every world: how many phones a reminder reaches is the same in all.
        own = f"+12135550{n + (9 if name == 'Sue' else 10):03d}", f"770000{n:02d}"
        phone, number = (f"+1{PROBE}", PROBE_NUMBER) if name in probed else own
        # Two who share a phone have numbers of their own.
        number = own[1] if len(probed) > 1 else number
        people[name] = make_member(
            "Probe", name, site=site, phone=phone, number=number, id=_id(100 + n),
            gone_on=START - timedelta(days=30) if name == "Gus" else None,
        )  # fmt: skip
    _second_site(people["Sol"], lincoln)
    chair = f"+1{PROBE}" if "Carmen" in probed else "+12135550191"
    make_person("Carmen Ortiz", role=RoleName.CHAIR, site=madison, phone=chair)
    with atomic() as session:
        opal = blind_index("phone", people["Opal"].phone)
        session.add(Suppression(phone_index=opal, opted_out_at=START, source="text"))
    erase_member(people["Erin"].id, by="member", now=LONG_AGO + timedelta(days=1))
    # Nate is a stranger: nobody on the roster, with a number all the same.
    nate = PROBE if "Nate" in probed else "2135550199"
    people["Nate"] = nate  # type: ignore[assignment]
    return people


def _second_site(member: Member, site: Site) -> None:
    with atomic():
        db.session.add(
            Membership(member_id=member.id, site_id=site.id, rank=MembershipRank.SECOND, from_at=LONG_AGO)
        )


def _who_is_in(event: Event, people: dict[str, Member]) -> None:
    typed = [people["Lou"].phone, people["Eli"].phone, people["Nate"]]
    for n, number in enumerate(typed):
        check_in_by_poster(event.id, read_typed(str(number)), page=f"before {n}", cookie=None, now=OPEN)
    for n, name in enumerate(("Lee", *TICKED)):
        proof = CheckInRequest(
            event_id=event.id, nonce=bytes([200 + n] * 16), body=name.encode(), method=Method.TICK,
            happened_at=OPEN, member_id=people[name].id,
        )  # fmt: skip
        check_in(proof, now=OPEN)


def _links(world: World, area_id: uuid.UUID) -> None:
    ends = {"ends_at": START + timedelta(hours=4), "now": OPEN}
    for event in (world.here, world.elsewhere):
        _grant, token = grant_line(event.id, GrantKind.CAPTAIN, "gate", None, "shell", **ends)
        world.captains[event.code] = token
    for area in (None, area_id):
        _grant, token = grant_line(world.here.id, GrantKind.WALL, "", None, "shell", area_id=area, **ends)
        world.walls.append(token)


def _id(n: int) -> uuid.UUID:
    """Ids of what has a page or a key of its own are the same in all worlds, and need not be set aside."""
    return uuid.UUID(int=n)
