"""Small builders for tests: each makes one thing with believable values, and takes what the test is about.

The cast: Olga organizes, Carmen chairs, Mia is a member, Nate is a stranger.
"""

import itertools
import re
import uuid
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.models import Person, RoleName, RoleTerm, SignedInSession
from mobilize.accounts.sign_in.sessions import begin_session
from mobilize.actions.models import Action, ActionKind, Campaign, Event, EventChapter, Shift
from mobilize.database import atomic, db
from mobilize.keys.crypto import blind_index
from mobilize.keys.tokens import hash_token, make_code, make_text_code
from mobilize.languages import Translated
from mobilize.roster.models import (
    Area,
    Member,
    Membership,
    MembershipRank,
    MemberStatus,
    PhoneKind,
    Site,
    StatusSpan,
)
from mobilize.roster.names import PersonName
from mobilize.texts.sending.claiming import open_questions

ZONE = "America/Los_Angeles"
# A Tuesday at 7:00 in Los Angeles.
START = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_n = itertools.count(1)


def make_area(name: str = "") -> Area:
    return _stored(Area(name=name or f"Area {next(_n)}"))


def make_site(name: str = "", *, area: Area | None = None, **values: Any) -> Site:
    n = next(_n)
    home = area or make_area()
    values = {"code": f"19647330{n:06d}", "tz": ZONE, "represented": True, **values}
    return _stored(Site(name=name or f"School {n}", area_id=home.id, **values))


def make_member(
    last: str = "Reyes",
    first: str = "Mia",
    *,
    site: Site | None = None,
    phone: str | None = None,
    number: str | None = None,
    status: MemberStatus = MemberStatus.ACTIVE,
    since: datetime = LONG_AGO,
    **values: Any,
) -> Member:
    number = number or f"{70_000_000 + next(_n)}"  # above those that tests name
    values = {"phone_kind": PhoneKind.MOBILE, "language": "en", "added_at": since, **values}
    member = Member(number_index=blind_index("number", number), status=status, **values)
    member.number, member.name = number, PersonName(last, first).stored()
    if phone:
        member.phone, member.phone_index = phone, blind_index("phone", phone)
    _stored(member)
    _stored(StatusSpan(member_id=member.id, status=status, from_at=since))
    if site:
        _stored(Membership(member_id=member.id, site_id=site.id, rank=MembershipRank.HOME, from_at=since))
    return member


def make_person(
    name: str = "Carmen Ortiz", *, phone: str | None = None, role: RoleName | None = None, **where: Any
) -> Person:
    """`where`: site= or area= for the role's term."""
    person = Person(made_at=LONG_AGO, language="en")
    person.name = name
    if phone:
        person.phone, person.phone_index = phone, blind_index("phone", phone)
    _stored(person)
    if role:
        places = {f"{kind}_id": place.id for kind, place in where.items()}
        defaults = {"from_on": date(2020, 1, 1), "granted_by": "shell", "granted_at": LONG_AGO}
        term = RoleTerm(person_id=person.id, role=role, **defaults, **places)
        _stored(term)
    return person


def make_campaign(**values: Any) -> Campaign:
    values = {
        "name": Translated(en="Schools Our Students Deserve", es="Las escuelas que merecemos"),
        "demands": Translated(
            en="Smaller classes\nA nurse in every school",
            es="Clases más pequeñas\nUna enfermera en cada escuela",
        ),
        "made_at": LONG_AGO,
        **values,
    }
    return _stored(Campaign(**values))


def make_action(**values: Any) -> Action:
    starts_at = values.pop("starts_at", START)
    values = {
        "kind": ActionKind.PICKET,
        "name": Translated(en="Morning picket", es="Piquete matutino"),
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=45),
        "made_at": LONG_AGO,
        "made_by": "shell",
        **values,
    }
    return _stored(Action(**values))


def make_event(
    site: Site | None = None,
    *,
    action: Action | None = None,
    chapters: list[Site] | None = None,
    **values: Any,
) -> Event:
    """A picket at `site` on START, with one shift, home of the site's own chapter (or of `chapters`)."""
    action = action or make_action()
    site = site or (None if chapters else make_site())
    values = {
        "tz": ZONE,
        "code": make_code(),
        "text_code": make_text_code(5),
        "starts_at": action.starts_at,
        "ends_at": action.ends_at,
        "made_at": LONG_AGO,
        **values,
    }
    home = {"site_id": site.id, "area_id": site.area_id} if site else {}
    event = _stored(Event(action_id=action.id, **home, **values))
    _stored(Shift(event_id=event.id, starts_at=event.starts_at, ends_at=event.ends_at))
    for chapter in chapters or [site]:
        _stored(EventChapter(event_id=event.id, site_id=chapter.id, action_id=action.id))
    return event


_RANDOM_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


def without_ids(text: str) -> str:
    """The text without its random ids, in which four digits of a number stand by chance now and then."""
    return _RANDOM_ID.sub("", text)


def _stored(row: Any) -> Any:
    with atomic():
        db.session.add(row)
        db.session.flush()
    return row


def make_gate(server: str) -> SimpleNamespace:
    """A picket that began ten minutes ago at a school with eight members, and its addresses on `server`."""
    site = make_site("Roosevelt Elementary")
    members = [make_member(f"Last{n}", f"First{n}", site=site, phone=f"+1213555011{n}") for n in range(8)]
    starts_at = clock.now() - timedelta(minutes=10)
    action = make_action(starts_at=starts_at, campaign_id=make_campaign().id)
    event = make_event(site, action=action, meet_at="Front gate")
    check_in, line = f"{server}/c/{event.code}", f"{server}/line/{event.code}"
    return SimpleNamespace(event=event, members=members, server=server, check_in=check_in, line=line)


def sign_in(client: FlaskClient, person: Person) -> None:
    """From now on this browser is signed in as `person`, with the second factor done; whoever was, is not."""
    client.set_cookie("session", full_session(person, now=clock.now()), domain="localhost")


def full_session(person: Person, *, now: datetime) -> str:
    """The token of a session that is not half in, whatever the role, and has just been stepped up."""
    token = begin_session(person, now=now)
    with atomic():
        running = db.session.get_one(SignedInSession, hash_token(token))
        running.second_at = running.stepped_up_at = now
    return token


def ask_question(phone: str, kind: str, event_id: uuid.UUID, *, expires_at: datetime, now: datetime) -> None:
    """A text that asks this has left for the number."""
    open_questions([(blind_index("phone", phone), kind, event_id, expires_at)], now=now)
