"""Every door states who may enter, and what lies outside somebody's scope looks like what does not exist.

A new route needs nothing here, unless it is public (then it joins PUBLIC, on purpose) or its address has a
new kind of parameter (then `World` learns what is one's own and what is another's).
"""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from mobilize import clock
from mobilize.accounts.approvals import Kind, request_approval
from mobilize.accounts.entrance import anyone, entrance_of
from mobilize.accounts.grants import grant_line
from mobilize.accounts.models import CHAIRS, GrantKind, Passkey, Person, RoleName, SignedInSession
from mobilize.accounts.scope import Scope
from mobilize.accounts.sessions import begin_session
from mobilize.actions.models import Action, Event
from mobilize.database import atomic, db
from mobilize.privacy.models import Export, ExportFormat, ExportKind
from mobilize.reminders.broadcasts import write_broadcast
from mobilize.reminders.composing import Written
from mobilize.reminders.models import Audience
from mobilize.roster.models import Site
from mobilize.texts.inbound import take_inbound
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_text
from mobilize.tokens import hash_token, random_token
from tests.builders import (
    make_action,
    make_area,
    make_campaign,
    make_event,
    make_member,
    make_person,
    make_site,
    sign_in,
)

PUBLIC = {
    "accounts.ask",
    "accounts.enter",
    "accounts.enter_now",
    "accounts.enter_the_code",
    "accounts.sign_in",
    "accounts.sign_in_code",
    "accounts.sign_out",
    "checkins.check_in",
    "checkins.check_in_now",
    "checkins.find",
    "checkins.check_in_at_the_line",
    "checkins.personal",
    "checkins.next_in_calendar",
    "checkins.personal_now",
    "checkins.undo",
    "checkins.service_worker",
    "grants.open_line",
    "grants.open_line_now",
    # By a link with a token that ends: counts only (tests/turnout).
    "turnout.wall",
    "turnout.wall_figures",
    # The member's page: what is hers opens by a code on her phone (tests/privacy).
    "privacy.ask",
    "privacy.code",
    "privacy.delete",
    "privacy.delete_now",
    "privacy.export_mine",
    "privacy.gone",
    "privacy.held",
    "privacy.leave",
    "privacy.me",
    "privacy.open_page",
    "privacy.which",
    "privacy.wish",
    "public.colours",
    "public.front",
    "public.healthz",
    "public.language",
    "public.readyz",
}
BY_GRANT = {"line.page", "line.state", "line.do", "line.hand_over", "line.manifest", "line.rotating"}
BY_UPLOAD = {"line.items"}
BY_FIRST_STEP = {
    "accounts.add_app",
    "accounts.add_passkey",
    "accounts.give_second_step",
    "accounts.passkey_options",
    "accounts.second_step",
    "accounts.set_up",
}
BY_CARRIER = {"texts.inbound", "texts.receipt"}


def unstated(app: Flask) -> list[str]:
    return [name for name in app.view_functions if name != "static" and entrance_of(app, name) is None]


def stating(app: Flask, kind: str) -> set[str]:
    doors = {name: entrance_of(app, name) for name in app.view_functions if name != "static"}
    return {name for name, door in doors.items() if door and door.kind == kind}


def test_every_route_states_who_may_enter(sqlite_app: Flask) -> None:
    assert unstated(sqlite_app) == []


def test_a_route_that_states_nothing_is_found_and_opens_for_nobody(own_app: Flask) -> None:
    own_app.add_url_rule("/forgotten", "forgotten", lambda: "names")
    own_app.add_url_rule("/stated", "stated", anyone(lambda: "open"))
    assert unstated(own_app) == ["forgotten"]
    client = own_app.test_client()
    sign_in(client, make_person(role=RoleName.ADMIN))
    assert client.get("/forgotten").status_code == 403
    assert client.get("/stated").text == "open"


def test_what_is_public_is_so_on_purpose(sqlite_app: Flask) -> None:
    assert stating(sqlite_app, "anyone") == PUBLIC
    assert stating(sqlite_app, "grant") == BY_GRANT
    assert stating(sqlite_app, "upload") == BY_UPLOAD
    assert stating(sqlite_app, "carrier") == BY_CARRIER
    assert stating(sqlite_app, "first_step") == BY_FIRST_STEP


def test_a_form_of_the_signed_in_needs_its_token(sqlite_app: Flask) -> None:
    client, world = sqlite_app.test_client(), World()
    sign_in(client, world.people[RoleName.ADMIN])
    open_without = [
        rule.endpoint
        for rule, method in chain(doors(sqlite_app), doors(sqlite_app, "first_step"))
        if method == "POST" and client.post(address(sqlite_app, rule, world.own)).status_code != 400
    ]
    assert open_without == []


class World:
    """Two areas alike: North is what the chair and the organizer look after, South is another's."""

    def __init__(self) -> None:
        north, south = make_area("North"), make_area("South")
        lincoln, roosevelt = make_site("Lincoln", area=north), make_site("Roosevelt", area=south)
        campaign = make_campaign()
        self.own = Half(lincoln, campaign.id).ids
        # A campaign is the whole union's; for the rest there is a twin in the South.
        self.others = {**Half(roosevelt, campaign.id).ids}
        del self.others["campaign_id"]
        self.people = {
            RoleName.CHAIR: make_person("Carmen Ortiz", role=RoleName.CHAIR, site=lincoln),
            RoleName.ORGANIZER: make_person("Olga Brandt", role=RoleName.ORGANIZER, area=north),
            RoleName.ADMIN: make_person("Ada Stone", role=RoleName.ADMIN),
        }


class Half:
    """One of everything that belongs to a site, by the name it has in addresses."""

    def __init__(self, site: Site, campaign_id: uuid.UUID) -> None:
        now = clock.now()
        action = make_action(starts_at=now, ends_at=now + timedelta(hours=1), campaign_id=campaign_id)
        event = make_event(site, action=action)
        member = make_member(site=site, phone=f"+1213555{len(site.name):04d}")
        chair = make_person("Rosa Lund", role=RoleName.COCHAIR, site=site)
        self.ids: dict[str, Any] = {
            "site_id": site.id,
            "code": site.code,
            "area_id": site.area_id,
            "campaign_id": campaign_id,
            "action_id": action.id,
            "event_id": event.id,
            "member_id": member.id,
            "person_id": chair.id,
            "term_id": chair.roles[0].id,
            "session_id": self._session(chair),
            "passkey_id": self._passkey(chair),
            "grant_id": self._grant(event, chair),
            "outbox_id": self._text(event, member.phone, member.id),
            "broadcast_id": self._broadcast(action, site),
            "inbound_id": self._inbound(member.phone),
            "approval_id": self._approval(event, site),
            "export_id": self._export(action, chair),
        }

    def _grant(self, event: Event, chair: Person) -> uuid.UUID:
        ends_at = event.ends_at + timedelta(hours=1)
        return grant_line(event.id, GrantKind.CAPTAIN, "", chair, "shell", ends_at, now=clock.now())[0].id

    def _export(self, action: Action, chair: Person) -> uuid.UUID:
        values = {"kind": ExportKind.PHONES, "format": ExportFormat.CSV, "made_at": clock.now()}
        export = Export(action_id=action.id, person_id=chair.id, expires_at=clock.now(), **values)
        with atomic() as session:
            session.add(export)
        return export.id

    def _session(self, chair: Person) -> uuid.UUID:
        token = begin_session(chair, now=clock.now())
        return db.session.get_one(SignedInSession, hash_token(token)).handle

    def _passkey(self, chair: Person) -> uuid.UUID:
        key = Passkey(person_id=chair.id, credential_id=random_token().encode(), public_key=b"", sign_count=0)
        key.name, key.made_at = "Her phone", clock.now()
        with atomic() as session:
            session.add(key)
        return key.id

    def _approval(self, event: Event, site: Site) -> uuid.UUID:
        asked = {"by": "person:another", "now": clock.now(), "area_id": site.area_id}
        return request_approval(Kind.CALLING_OFF, str(event.id), "Call it off", **asked).id  # type: ignore[arg-type]

    def _inbound(self, phone: str) -> uuid.UUID:
        letter = take_inbound(f"SM{uuid.uuid4().hex}", phone, "Can I bring my kids?", now=clock.now())
        assert letter is not None
        return letter.id

    def _broadcast(self, action: Action, site: Site) -> uuid.UUID:
        here = Scope(sites=frozenset({site.id}))
        words = Written("{union}: hello", "{union}: hola")
        return write_broadcast(action, words, Audience.MEMBERS, scope=here, actor="shell", now=clock.now()).id

    def _text(self, event: Event, phone: str, member_id: uuid.UUID) -> uuid.UUID:
        planned = PlannedText(
            purpose=f"walk:{event.id}:1",
            phone=phone,
            wording="welcome",
            language="en",
            klass=TextClass.MEMBER,
            tz=event.tz,
            due_at=event.starts_at,
            useless_after=event.ends_at,
            event_id=event.id,
            member_id=member_id,
        )
        return queue_text(planned, now=clock.now()).id


# Belongs to nobody in particular: the admin's own work, and words in an address.
SHARED = {"import_id", "change_id", "kind", "form", "hold_id", "token"}
# What somebody has to have staged first, and links that work once.
STAGED = {"import_id", "change_id", "token"}
WORDS = {"form": "csv", "kind": "roster", "purpose": "add"}
# Pages that are about the site named behind the question mark.
ASKS_FOR_A_SITE = {"roster.new_member"}


def absent(name: str) -> Any:
    return "no-such-code" if name == "code" else uuid.uuid4()


def doors(app: Flask, kind: str = "signed_in") -> Iterator[tuple[Rule, str]]:
    """Each signed-in route (or of another kind of door) with each of its methods."""
    inside = stating(app, kind)
    for rule in app.url_map.iter_rules():
        if rule.endpoint in inside:
            yield from ((rule, method) for method in sorted(rule.methods & {"GET", "POST", "PUT", "DELETE"}))


def address(app: Flask, rule: Rule, ids: dict[str, Any]) -> str:
    values = {name: WORDS.get(name) or ids.get(name) or uuid.uuid4() for name in rule.arguments}
    _host, path = rule.build(values, append_unknown=False)  # type: ignore[misc]
    asks = "?site=" + str(ids.get("code", "")) if rule.endpoint in ASKS_FOR_A_SITE else ""
    return str(path) + asks


def test_the_walk_knows_every_parameter(sqlite_app: Flask) -> None:
    names = set(chain.from_iterable(rule.arguments for rule, _method in doors(sqlite_app)))
    assert names - set(World().own) - SHARED == set()


@dataclass(frozen=True)
class Answer:
    """What can be told apart: the status, where it leads, and the page but for its own address and token."""

    status: int
    location: str
    body: str


def ask(client: FlaskClient, method: str, path: str) -> Answer:
    answer = client.open(path, method=method, data={} if method == "POST" else None)
    body = re.sub(r'name="csrf_token" value="[^"]*"', "", answer.get_data(as_text=False).decode("latin-1"))
    same = body.replace(path, "ADDRESS")
    return Answer(answer.status_code, answer.headers.get("Location", ""), same)


@pytest.mark.parametrize("role", [RoleName.CHAIR, RoleName.ORGANIZER])
def test_anothers_looks_like_what_does_not_exist(app: Flask, client: FlaskClient, role: RoleName) -> None:
    world = World()
    sign_in(client, world.people[role])
    told_apart, walked = [], 0
    for rule, method in doors(app):
        for name in sorted(rule.arguments & set(world.others)):
            theirs = ask(client, method, address(app, rule, {**world.own, name: world.others[name]}))
            nobodys = ask(client, method, address(app, rule, {**world.own, name: absent(name)}))
            walked += 1
            if theirs != nobodys:
                told_apart.append((rule.rule, method, name, theirs.status, nobodys.status))
    assert told_apart == []
    assert walked >= 30


OF_THE_WHOLE_UNION = {"roster.imports", "roster.show_import"}


@pytest.mark.parametrize("role", [RoleName.CHAIR, RoleName.ORGANIZER, RoleName.ADMIN])
def test_her_own_pages_open(app: Flask, client: FlaskClient, role: RoleName) -> None:
    world = World()
    sign_in(client, world.people[role])
    closed = []
    for rule, method in doors(app):
        stated = entrance_of(app, rule.endpoint)
        allowed = not stated.roles or role in stated.roles or role is RoleName.ADMIN  # type: ignore[union-attr]
        if rule.endpoint in OF_THE_WHOLE_UNION:
            allowed = role is RoleName.ADMIN  # these organizers look after one area of several
        answer = ask(client, method, address(app, rule, world.own)) if method == "GET" else None
        if answer and allowed and not rule.arguments & STAGED and answer.status != 200:
            closed.append((rule.rule, answer.status))
        if answer and not allowed and answer.status != 403:
            closed.append((rule.rule, answer.status))
    assert closed == []


def test_nobody_learns_anything_without_signing_in(app: Flask, client: FlaskClient) -> None:
    world = World()
    for rule, method in doors(app):
        for ids in (world.own, {}):
            answer = ask(client, method, address(app, rule, ids))
            assert answer.status == (302 if method == "GET" else 401), rule.rule
            assert method != "GET" or answer.location.startswith("/sign-in?next=/")


def test_a_role_that_has_ended_opens_nothing(app: Flask, client: FlaskClient) -> None:
    world = World()
    person = make_person("Vera Lund", role=RoleName.ADMIN)
    sign_in(client, person)
    with atomic():
        person.roles[0].to_on = clock.now().date() - timedelta(days=1)
    for rule, method in doors(app):
        assert ask(client, method, address(app, rule, world.own)).status == 403, rule.rule


def test_chairs_of_all_three_kinds_are_equal(sqlite_app: Flask) -> None:
    for name in stating(sqlite_app, "signed_in"):
        stated = entrance_of(sqlite_app, name)
        assert stated and stated.roles & set(CHAIRS) in (set(), set(CHAIRS)), name
