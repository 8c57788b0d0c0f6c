"""One of everything, twice, and every door: for tests that walk all routes.

A new route needs nothing here, unless its address has a new kind of parameter: then `World` learns what is
one's own and what is another's.
"""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.access.permissions import permission_of
from mobilize.accounts.access.scope import Scope
from mobilize.accounts.approvals.operations import ApprovalKind, request_approval
from mobilize.accounts.models import GrantKind, Passkey, Person, RoleName, SignedInSession
from mobilize.accounts.sign_in.sessions import begin_session
from mobilize.accounts.tokens.models import ApiToken
from mobilize.actions.models import Action, Event
from mobilize.checkins.models import HeadCount, Photo
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import check_in_by_poster
from mobilize.database import atomic, db
from mobilize.keys.tokens import hash_token, random_token
from mobilize.languages import Translated
from mobilize.privacy.models import Export, ExportFormat, ExportKind, Visit
from mobilize.reminders.broadcasts.chapter_texts import write_to_chapter
from mobilize.roster.models import Member, Site
from mobilize.texts.models import TextClass
from mobilize.texts.operations import PlannedText, queue_text
from mobilize.texts.receiving.inbound import take_inbound
from mobilize.turnout.models import Report, ReportKind
from tests.builders import (
    full_session,
    make_action,
    make_area,
    make_campaign,
    make_event,
    make_member,
    make_person,
    make_site,
)


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
            "broadcast_id": self._broadcast(event, site),
            "inbound_id": self._inbound(member.phone),
            "evidence_id": self._walkup(event),
            "count_id": self._kept_count(event),
            "photo_id": self._photo(event),
            "approval_id": self._approval(event, site),
            "export_id": self._export(action, chair),
            "report_id": self._report(action, site),
            "token_id": self._token(chair, site),
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

    def _token(self, chair: Person, site: Site) -> uuid.UUID:
        values = {"label": "Dashboard", "scopes": "read", "made_at": clock.now(), "expires_at": clock.now()}
        token = ApiToken(person_id=chair.id, area_id=site.area_id, **values)
        with atomic() as session:
            session.add(token)
        return token.id

    def _report(self, action: Action, site: Site) -> uuid.UUID:
        report = Report(action_id=action.id, kind=ReportKind.CHAPTER, place_id=site.id, version=1, figures={})
        report.made_by, report.made_at = "worker", clock.now()
        with atomic() as session:
            session.add(report)
        return report.id

    def _session(self, chair: Person) -> uuid.UUID:
        token = begin_session(chair, now=clock.now())
        return db.session.get_one(SignedInSession, hash_token(token)).handle

    def _passkey(self, chair: Person) -> uuid.UUID:
        key = Passkey(person_id=chair.id, credential_id=random_token().encode(), public_key=b"", sign_count=0)
        key.name, key.made_at = "Own phone", clock.now()
        with atomic() as session:
            session.add(key)
        return key.id

    def _approval(self, event: Event, site: Site) -> uuid.UUID:
        fields = {"by": "person:another", "now": clock.now(), "area_id": site.area_id}
        return request_approval(
            ApprovalKind.CALLING_OFF, str(event.id), Translated(en="Call it off"), **fields
        ).id  # type: ignore[arg-type]

    def _walkup(self, event: Event) -> uuid.UUID:
        typed, now = read_typed("2135550199"), clock.now()
        return check_in_by_poster(event.id, typed, page="p", cookie=None, now=now)[0].evidence_id

    def _kept_count(self, event: Event) -> uuid.UUID:
        """From a phone whose link was taken back."""
        values = {"nonce": uuid.uuid4().bytes, "counted_at": clock.now(), "via": "line", "by": "shell"}
        report_head_count(event, 7, counts=False, now=clock.now(), **values)  # type: ignore[arg-type]
        kept = select(HeadCount.id).where(HeadCount.event_id == event.id)
        return db.session.scalars(kept).one()

    def _photo(self, event: Event) -> uuid.UUID:
        count = select(HeadCount.id).where(HeadCount.event_id == event.id)
        photo = Photo(head_count_id=db.session.scalars(count).one(), event_id=event.id, by="shell")
        photo.picture, photo.until = b"a picture", event.ends_at + timedelta(days=14)
        with atomic() as session:
            session.add(photo)
        return photo.id

    def _inbound(self, phone: str) -> uuid.UUID:
        letter = take_inbound(f"SM{uuid.uuid4().hex}", phone, "Can I bring my kids?", now=clock.now())
        assert letter is not None
        return letter.id

    def _broadcast(self, event: Event, site: Site) -> uuid.UUID:
        here = Scope(sites=frozenset({site.id}))
        how: dict[str, Any] = {"scope": here, "actor": "shell", "now": clock.now()}
        return write_to_chapter(event, site, "chair_come", "", **how).id

    def _text(self, event: Event, phone: str, member_id: uuid.UUID) -> uuid.UUID:
        planned = PlannedText(
            purpose=f"walk:{event.id}:1",
            phone=phone,
            wording="who",
            language="en",
            text_class=TextClass.MEMBER,
            tz=event.tz,
            due_at=event.starts_at,
            expires_at=event.ends_at,
            event_id=event.id,
            member_id=member_id,
        )
        return queue_text(planned, now=clock.now()).id


# Belongs to nobody in particular: the admin's own work, and words in an address.
SHARED = {
    "reminder",
    "import_id",
    "change_id",
    "job_id",
    "kind",
    "form",
    "hold_id",
    "number_id",
    "token",
    "version",
    "webhook_id",
    "delivery_id",
}
# What somebody has to have staged first, and links that work once.
STAGED = {"import_id", "change_id", "job_id", "token", "version", "webhook_id"}
WORDS = {"form": "csv", "kind": "roster", "purpose": "add", "reminder": "day_before", "version": 1}
# Pages that are about the site named behind the question mark.
ASKS_FOR_A_SITE = {"roster.new_member"}


def absent(name: str) -> Any:
    return "no-such-code" if name == "code" else uuid.uuid4()


def stating(app: Flask, kind: str) -> set[str]:
    """The endpoints that state a permission of this kind; there are some of each."""
    stated = {name: permission_of(app, name) for name in app.view_functions if name != "static"}
    endpoints = {name for name, permission in stated.items() if permission and permission.kind == kind}
    assert endpoints, f"no route states {kind}"
    return endpoints


def routes_and_methods(app: Flask, kind: str = "signed_in") -> Iterator[tuple[Rule, str]]:
    """Each signed-in route (or one of another kind) with each of its methods; there are some."""
    inside = stating(app, kind)
    assert any(rule.endpoint in inside for rule in app.url_map.iter_rules())
    for rule in app.url_map.iter_rules():
        if rule.endpoint in inside:
            yield from ((rule, method) for method in sorted(rule.methods & {"GET", "POST", "PUT", "DELETE"}))


def address(app: Flask, rule: Rule, ids: dict[str, Any]) -> str:
    values = {name: WORDS.get(name) or ids.get(name) or uuid.uuid4() for name in rule.arguments}
    _host, path = rule.build(values, append_unknown=False)  # type: ignore[misc]
    asks = "?site=" + str(ids.get("code", "")) if rule.endpoint in ASKS_FOR_A_SITE else ""
    return str(path) + asks


def cookies_of(world: World) -> dict[str, dict[str, str]]:
    """The cookies of everybody who looks at pages, by who they are: nobody's, a captain's at the line of
    one's own event, a member's on their own page, and those of the roles."""
    now = clock.now()
    event = db.session.get_one(Event, world.own["event_id"])
    ends = now + timedelta(hours=1)
    _grant, captain = grant_line(event.id, GrantKind.CAPTAIN, "Rosa", None, "shell", ends, now=now)
    member, token = db.session.get_one(Member, world.own["member_id"]), random_token()
    visit = Visit(token_hash=hash_token(token), phone_index=member.phone_index, member_id=member.id)
    visit.began_at, visit.ends_at = now, now + timedelta(hours=1)
    with atomic() as session:
        session.add(visit)
    cookies = {"stranger": {}, "captain": {f"line-{event.code}": captain}, "member": {"me": token}}
    signed_in = {str(role): full_session(person, now=now) for role, person in world.people.items()}
    return cookies | {role: {"session": session} for role, session in signed_in.items()}
