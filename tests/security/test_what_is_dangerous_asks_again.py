"""Every route that changes something asks organizers and admins once more who they are, or says why not.

A new route joins ASKS, with a form that goes through, or DOES_NOT_ASK, with its reason. Those that anybody, a
line's phone or the carrier may use have no organizer behind them.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import select, update

from mobilize import clock, settings
from mobilize.accounts.access.permissions import permission_of
from mobilize.accounts.access.scope import THE_OFFICE, Scope
from mobilize.accounts.access.sponsors import actor_of
from mobilize.accounts.approvals.operations import ApprovalKind, approve, open_approval
from mobilize.accounts.models import (
    AdminChangeKind,
    AuthenticatorApp,
    LineGrant,
    Passkey,
    Person,
    RoleName,
    SignedInSession,
)
from mobilize.accounts.people.admin_changes import AdminChangeRequest, ask_second_admin
from mobilize.accounts.people.chairs_apply import stage_chairs
from mobilize.accounts.second_factor.totp import confirm_app, start_app
from mobilize.accounts.sign_in import provider
from mobilize.accounts.tokens.models import ApiScope
from mobilize.accounts.tokens.operations import NewToken, make_token
from mobilize.actions.models import Action, Event
from mobilize.checkins.models import NewNumber
from mobilize.database import Model, atomic, db
from mobilize.keys.tokens import random_token
from mobilize.languages import Translated
from mobilize.privacy.exports.operations import ask_for_export
from mobilize.privacy.models import ExportFormat, ExportKind
from mobilize.privacy.retention.legal_holds import place_hold
from mobilize.reminders.broadcasts.chapter_texts import write_to_chapter
from mobilize.reminders.broadcasts.operations import write_broadcast
from mobilize.reminders.models import Audience, WrongNumber
from mobilize.reminders.monitoring.delivery_monitoring import pause_campaign
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.roster.imports import operations as imports
from mobilize.roster.models import Member, Site
from mobilize.texts.models import OutboxText, TextClass, TextState
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.sending.pauses import pause_sending
from mobilize.turnout.board import cache as live
from mobilize.turnout.statements import operations as statements
from mobilize.webhooks.endpoints import operations as webhooks
from mobilize.webhooks.models import Webhook, WebhookDelivery
from tests.builders import make_action, make_event, make_member, make_person, sign_in
from tests.roster.files import member, roster
from tests.world import World, address, routes_and_methods

MANY = 101
TOMORROW = (clock.now() + timedelta(days=30)).date()
WHEN = {"day": TOMORROW.isoformat(), "start": "07:00", "end": "07:45"}
ACTION = {"name_en": "Walk-in", "kind": "picket", "where": "every-site", "target_percent": "75", **WHEN}
SIGNED = {"signed_as": "Ada Stone, President", "words_en": "We stood.", "words_es": "Estuvimos."}
TOKEN = {"label": "Dashboard", "scopes": "read", "area": "", "days": "30"}
WORDS = Translated(en="{union}: hello", es="{union}: hola")

DOES_NOT_ASK = {
    "accounts.ask_about_chairs": "asks the second person, who looks; carrying out asks",
    "accounts.call_session": "a name for one's own browser",
    "accounts.decline": "nothing is done",
    "accounts.end_session_there": "signs oneself out; whoever fears for a phone must not be held up",
    "accounts.examine": "the workers look, and change nothing",
    "accounts.find_in_audit": "reads",
    "accounts.give_step_up": "is the step-up",
    "accounts.read_chairs": "stages a file; carrying out asks",
    "accounts.revoke_token": "takes power away",
    "accounts.stop_link": "takes power away",
    "actions.change_action_shifts": "tells nobody, and is changed back as easily",
    "actions.change_shifts": "tells nobody, and is changed back as easily",
    "actions.edit_campaign": "words on posters printed later, changed back as easily",
    "accounts.unlink_provider": "takes power away",
    "actions.switch_line_finder": "places and times, which posters say as well; taken back as easily",
    "actions.new_campaign": "a name without an action",
    "actions.new_site_event": "one chapter's event, which its chair makes unasked",
    "checkins.end_calendars": "takes power away",
    "checkins.decide": "each word on a piece of evidence is reopened as easily, and listed",
    "checkins.end_links_of": "takes power away: the next reminder brings a new link",
    "checkins.key_in_paper": "vouches for single members, with undo",
    "checkins.settle_kept": "one number from a phone at the line, listed with who let it in",
    "grants.open_own_line": "the line on the phone in their hand, which this session may see anyway",
    "grants.take_back": "takes power away",
    "privacy.switch_photos": "faces for those who see the line anyway; taken back as easily, and audited",
    "privacy.take_down_photo": "takes away; whoever is on it must not be held up",
    "reminders.answer_inbound": "one text to whoever wrote first",
    "reminders.call_back_broadcast": "stops texts, and in a hurry",
    "reminders.compose": "a draft; sending asks",
    "reminders.correct": "another reading is chosen as easily, and a stop sends nothing",
    "reminders.finish_inbound": "costs nothing, and the text stays",
    "reminders.take_duty": "one's own duty",
    "reminders.test_broadcast": "one text to one's own phone",
    "reminders.test_reminder": "one text to one's own phone",
    "reminders.write_to_chapter": "a draft; sending asks",
    "actions.draw_posters": "draws what can be read, without names",
    "turnout.all_reports": "counts that can be read",
    "roster.add_member": "one entry, which is taken off as easily",
    "roster.ask_second_person": "asks the second person, who looks; importing asks",
    "roster.forget_columns": "nothing was imported; the next file asks",
    "roster.drop_import": "nothing was imported",
    "roster.find_members": "reads",
    "roster.read_file": "a dry run; importing asks",
    "roster.read_mended": "a dry run; importing asks",
    "roster.choose_places": "a dry run; importing asks",
    "roster.transfer_member": "from now on, and transferred back as easily",
    "setup.add_areas": "names of areas, which nobody sees the more by",
    "setup.change_union": "words and a colour on pages, changed back as easily; audited",
    "setup.test_carrier": "one text to one's own phone",
    "turnout.call_next": "takes one call for five minutes",
    "turnout.call_site": "notes what became of one call",
    "turnout.enter_site_count": "one number of people, corrected by the next, and audited",
    "webhooks.names_off": "takes power away",
    "webhooks.remove_webhook": "takes power away",
    "webhooks.switch_off": "takes power away",
    "webhooks.test_webhook": "an event without meaning, to an address that was proved for",
    "turnout.prepare_statement": "a draft; signing asks",
    "turnout.report_again": "counts, put together anew from what stands",
    "turnout.say_hours": "vouches for one member, with undo",
    "turnout.take_wall_back": "takes power away",
}
# Who is in shows a passkey before another one is added; whoever is not asks nobody (first_step).
FIRST_STEP = {
    "accounts.add_app": "asks whoever is in (`_ask_whoever_is_in`)",
    "accounts.add_passkey": "asks whoever is in (`_ask_whoever_is_in`)",
    "accounts.give_second_factor": "is the proof itself",
    "accounts.passkey_options": "a challenge, which opens nothing",
}


@dataclass
class Ground:
    """Ada of the office in a world of two areas."""

    ada: Person
    world: World
    ids: dict[str, Any] = field(default_factory=dict)

    @property
    def actor(self) -> str:
        return f"person:{self.ada.id}"

    @property
    def action(self) -> Action:
        return db.session.get_one(Action, self.world.own["action_id"])

    @property
    def event(self) -> Event:
        return db.session.get_one(Event, self.world.own["event_id"])

    @property
    def site(self) -> Site:
        return db.session.get_one(Site, self.world.own["site_id"])


Prepare = Callable[[Ground], dict[str, str]]


@dataclass(frozen=True)
class Operation:
    """`form` goes through, after `prepare` (which adds fields, and ids to the ground); `wrong` does not."""

    form: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] | None = None
    prepare: Prepare = lambda ground: {}


def _staged_chairs(ground: Ground) -> dict[str, str]:
    data = f"Site,Role,Name,Phone\n{ground.site.code},chair,Rosa Lund,(213) 555-0122\n".encode()
    ground.ids["change_id"] = stage_chairs(data, None, by="shell", now=clock.now()).id
    return {}


def _admin_asked_for(ground: Ground) -> dict[str, str]:
    """Ada has had the app for days, as whoever agrees to an admin must."""
    with atomic() as session:
        since = clock.now() - timedelta(days=2)
        session.execute(update(AuthenticatorApp).values(made_at=since, confirmed_at=since))
    asker, person = make_person("Bea", role=RoleName.ADMIN), make_person("Nora", phone="+12135550179")
    change = AdminChangeRequest(AdminChangeKind.MAKE)
    ground.ids["change_id"] = ask_second_admin(person, change, by=actor_of(asker), now=clock.now()).id
    return {}


def _passkey(ground: Ground) -> dict[str, str]:
    key = Passkey(
        person_id=ground.ada.id, credential_id=random_token().encode(), public_key=b"", sign_count=0
    )
    key.name, key.made_at = "My phone", clock.now()
    with atomic() as session:
        session.add(key)
    ground.ids["passkey_id"] = key.id
    return {}


def tell(event: Event, how_many: int) -> None:
    """So many phones had a text about this event."""
    now = clock.now()
    queue_texts(
        [
            PlannedText(
                purpose=f"told:{event.id}:1",
                phone=f"+1213556{n:04d}",
                wording="who",
                language="en",
                text_class=TextClass.DUTY,
                tz=event.tz,
                due_at=now,
                expires_at=now + timedelta(hours=1),
                event_id=event.id,
            )
            for n in range(how_many)
        ],
        now=now,
    )
    with atomic() as session:
        session.execute(
            update(OutboxText).where(OutboxText.event_id == event.id).values(state=TextState.SENT)
        )


def _many_were_told(ground: Ground) -> dict[str, str]:
    tell(ground.event, MANY)
    return {}


def _new_number(ground: Ground) -> dict[str, str]:
    note = NewNumber(member_id=ground.world.own["member_id"], event_id=ground.event.id, asked_at=clock.now())
    note.phone, note.nonce, note.by = "+12135550166", uuid.uuid4().bytes, "shell"
    with atomic() as session:
        session.add(note)
    ground.ids["number_id"] = note.id
    return {}


def _wrong_number(ground: Ground) -> dict[str, str]:
    member = db.session.get_one(Member, ground.world.own["member_id"])
    row = WrongNumber(member_id=member.id, inbound_id=ground.world.own["inbound_id"], taken_at=clock.now())
    row.phone = member.phone
    with atomic() as session:
        session.add(row)
        session.execute(update(Member).values(phone_index=None, phone_enc=None))
    ground.ids["number_id"] = row.id
    return {}


def _double(ground: Ground) -> dict[str, str]:
    make_member("Reyes", "Mia", site=ground.site, number="00990099")
    return {}


def _staged_import(ground: Ground) -> dict[str, str]:
    data = roster(member("00770077", "Okafor", "Nate", phone="", code=ground.site.code))
    ground.ids["import_id"] = imports.dry_run_roster(data, by="shell", now=clock.now()).id
    return {}


def _import(ground: Ground) -> dict[str, str]:
    _staged_import(ground)
    imports.commit_import(ground.ids["import_id"], by="shell", now=clock.now())
    return {}


def _export(ground: Ground, kind: ExportKind) -> Any:
    live.forget()
    return ask_for_export(
        ground.action, kind, ExportFormat.CSV, "Calls before the strike",
        person=ground.ada, scope=THE_OFFICE, now=clock.now(),
    )  # fmt: skip


def _export_agreed_to(ground: Ground) -> dict[str, str]:
    for _n in range(25):
        make_member(site=ground.site)
    export, token = _export(ground, ExportKind.PHONES)
    approval = open_approval(ApprovalKind.PHONE_EXPORT, str(export.id), now=clock.now())
    assert token is None and approval is not None
    second = actor_of(make_person("Bea", role=RoleName.ADMIN))
    approve(approval.id, by=second, scope=THE_OFFICE, stepped_up=True, now=clock.now())
    ground.ids["export_id"] = export.id
    return {}


def _token_agreed_to(ground: Ground) -> dict[str, str]:
    for _n in range(25):
        make_member(site=ground.site)
    new = NewToken("Dashboard", frozenset({ApiScope.NAMES}), reason="Calls before the strike")
    token, secret = make_token(new, person=ground.ada, scope=THE_OFFICE, now=clock.now())
    approval = open_approval(ApprovalKind.TOKEN, str(token.id), now=clock.now())
    assert secret is None and approval is not None
    second = actor_of(make_person("Bea", role=RoleName.ADMIN))
    approve(approval.id, by=second, scope=THE_OFFICE, stepped_up=True, now=clock.now())
    ground.ids["token_id"] = token.id
    return {}


def _names_asked_for(ground: Ground) -> dict[str, str]:
    ground.ids["token"] = _export(ground, ExportKind.NAMES)[1]
    return {}


def _is_over(ground: Ground) -> dict[str, str]:
    long_ago = clock.now() - timedelta(days=2)
    action = make_action(starts_at=long_ago, ends_at=long_ago + timedelta(hours=1))
    make_event(ground.site, action=action)
    ground.ids["action_id"] = action.id
    return {}


def _held(ground: Ground) -> dict[str, str]:
    ground.ids["hold_id"] = place_hold(None, "A case", by="shell", now=clock.now()).id
    return {}


def _many_to_remind(ground: Ground) -> dict[str, str]:
    start = clock.now() + timedelta(days=5)
    action = make_action(starts_at=start, ends_at=start + timedelta(hours=1))
    make_event(ground.site, action=action)
    for n in range(MANY):
        make_member(site=ground.site, phone=f"+1213557{n:04d}")
    ground.ids["action_id"] = action.id
    set_default_rules(clock.now())
    return {}


def _written(ground: Ground) -> dict[str, str]:
    broadcast = write_broadcast(
        ground.action, WORDS, Audience.MEMBERS, scope=THE_OFFICE, actor=ground.actor, now=clock.now()
    )
    ground.ids["broadcast_id"] = broadcast.id
    return {}


def _prepared(ground: Ground) -> dict[str, str]:
    live.forget()
    draft = statements.prepare(ground.action, ground.ada, clock.now())
    return {"as_of": draft.as_of_at.isoformat()}


def _signed(ground: Ground) -> dict[str, str]:
    _prepared(ground)
    draft = statements.draft_of(ground.action.id)
    assert draft is not None
    signing = statements.OfficerSignature(SIGNED["signed_as"], Translated(en="We stood.", es="Estuvimos."))
    statements.publish(draft.id, draft.as_of_at, signing, ground.ada, clock.now())
    return {}


def _paused(_ground: Ground) -> dict[str, str]:
    pause_sending("a test", now=clock.now())
    return {}


def _held_campaign(ground: Ground) -> dict[str, str]:
    pause_campaign(ground.world.own["campaign_id"], "a test", by="shell", now=clock.now())
    return {}


WEBHOOK = {"name": "Map", "url": "https://hooks.example.org/", "topics": "turnout.changed"}


def _webhook(ground: Ground) -> dict[str, str]:
    """One that is on, with something that it was sent."""
    made_now = {"actor": "shell", "now": clock.now()}
    webhook, _secret = webhooks.make_webhook("Map", WEBHOOK["url"], ["turnout.changed"], **made_now)
    webhooks.send_test(webhook, **made_now)
    ground.ids["webhook_id"] = webhook.id
    ground.ids["delivery_id"] = db.session.scalars(select(WebhookDelivery.id)).one()
    return {}


def _webhook_off(ground: Ground) -> dict[str, str]:
    _webhook(ground)
    webhook = db.session.get_one(Webhook, ground.ids["webhook_id"])
    webhooks.switch(webhook, False, actor="shell", now=clock.now())
    return {}


def _provider(_ground: Ground) -> dict[str, str]:
    """A provider's document is at hand: nothing else of it is asked for before somebody goes there."""
    issuer = "https://id.union.example"
    current_app.config["MOBILIZE"] = replace(
        settings(), oidc_issuer=issuer, oidc_client_id="us", oidc_client_secret="secret"
    )
    ends = {"issuer": issuer, "authorization_endpoint": f"{issuer}/authorize"}
    provider._cache[f"{issuer}/.well-known/openid-configuration"] = ends
    return {}


INVITED = {"name": "Nora Quist", "phone": "(213) 555-0177", "role": "admin"}
MEMBER = {"first": "Mia", "last": "Reyes", "phone": "(213) 555-0188", "language": "en", "status": "active"}
NAMES = {"kind": "names", "format": "csv", "reason": "Thank-you calls"}


def _in_trial(_ground: Ground) -> dict[str, str]:
    current_app.config["MOBILIZE"] = replace(settings(), is_live=False)
    return {}


ASKS = {
    "accounts.agree_to_change": Operation(prepare=_admin_asked_for),
    "accounts.approve": Operation(),
    "accounts.carry_out_chairs": Operation(prepare=_staged_chairs),
    "accounts.change_number": Operation({"phone": "(213) 555-0178"}, {"phone": "12"}),
    "accounts.end_role": Operation({"why": "term"}, {"why": ""}),
    "accounts.link_provider": Operation(prepare=_provider),
    "accounts.invite": Operation(INVITED, INVITED | {"name": ""}),
    "accounts.make_link": Operation(),
    "accounts.make_recovery_codes": Operation(),
    "accounts.make_token": Operation(TOKEN, TOKEN | {"label": ""}),
    "accounts.remove_app": Operation(prepare=_passkey),  # the last second factor stays
    "accounts.remove_passkey": Operation(prepare=_passkey),
    "accounts.show_token": Operation(prepare=_token_agreed_to),
    "accounts.set_term": Operation({"from_on": "2020-01-01", "last_on": "2031-06-30"}, {"last_on": "soon"}),
    "accounts.start_anew": Operation(),
    "actions.move_event": Operation(WHEN, WHEN | {"day": "2020-01-01"}, _many_were_told),
    "actions.new_action": Operation(ACTION, ACTION | {"name_en": ""}),
    "actions.new_code_now": Operation(prepare=lambda ground: {"leaked": ground.event.code}),
    "checkins.settle_new_number": Operation({"do": "take"}, prepare=_new_number),
    "grants.give_link": Operation({"label": "Juana"}, {"label": " "}),
    "grants.hand_link_over": Operation({"label": "Vera"}),
    "privacy.ask_for_export": Operation(NAMES, NAMES | {"reason": ""}),
    "privacy.export_link": Operation(prepare=_export_agreed_to),
    "privacy.fetch": Operation(prepare=_names_asked_for),
    "privacy.forget_now": Operation({"sure": "yes"}, {}, _is_over),
    "privacy.place_hold": Operation({"action": "all", "reason": "A case"}, {"action": "all", "reason": ""}),
    "privacy.release_hold": Operation(prepare=_held),
    "reminders.settle_wrong": Operation({"do": "give_back"}, prepare=_wrong_number),
    "reminders.call_off_now": Operation(),
    "reminders.change": Operation(
        {"do": "day_before:on", "at_local": "16:00", "agreed_segments": "999999"},
        {"do": "day_before:on", "at_local": "23:00", "agreed_segments": "999999"},
        _many_to_remind,
    ),
    "reminders.pause_all": Operation({"why": "a test"}),
    "reminders.pause_campaign": Operation({"why": "a test"}),
    "reminders.resume_all": Operation(prepare=_paused),
    "reminders.resume_campaign": Operation(prepare=_held_campaign),
    "reminders.send_broadcast": Operation(prepare=_written),
    "roster.commit_import": Operation(prepare=_staged_import),
    "roster.correct_member": Operation(MEMBER, MEMBER | {"last": ""}),
    "roster.merge_member": Operation({"number": "00990099"}, {"number": "1"}, _double),
    "roster.undo_import": Operation(prepare=_import),
    "setup.go_live": Operation(prepare=_in_trial),
    "turnout.give_wall": Operation({"label": "Hall"}),
    "webhooks.change_secret": Operation(prepare=_webhook),
    "webhooks.make_webhook": Operation(WEBHOOK, WEBHOOK | {"url": "http://example.org"}),
    "webhooks.replay_all": Operation(prepare=_webhook),
    "webhooks.replay_one": Operation(prepare=_webhook),
    "webhooks.switch_on": Operation(prepare=_webhook_off),
    "webhooks.webhook_names": Operation({"reason": "Strike fund"}, {"reason": ""}, _webhook),
    "turnout.sign_statement": Operation(SIGNED, SIGNED | {"signed_as": ""}, _prepared),
    "turnout.statement_link": Operation(prepare=_signed),
}


@pytest.fixture
def ground(app: Flask, client: FlaskClient) -> Iterator[Ground]:
    """Ada has an app and has signed in, and the proof is older than ten minutes."""
    live.forget()
    before = app.config["MOBILIZE"]
    world = World()
    result = Ground(world.people[RoleName.ADMIN], world)
    secret = start_app(result.ada, now=clock.now()).secret
    confirm_app(result.ada, pyotp.TOTP(secret).at(clock.now() - timedelta(seconds=30)), now=clock.now())
    result.ids["secret"] = secret
    sign_in(client, result.ada)
    its_long_ago()
    yield result
    app.config["MOBILIZE"] = before


def its_long_ago() -> None:
    proved_at(clock.now() - timedelta(minutes=11))


def proved_at(moment: Any) -> None:
    with atomic() as session:
        session.execute(update(SignedInSession).values(stepped_up_at=moment))


def everything() -> dict[str, list[str]]:
    """Every row of every table, but for when a session was last used."""
    db.session.rollback()
    return {
        table.name: sorted(map(repr, db.session.execute(select(table)).all()))
        for table in Model.metadata.sorted_tables
        if table.name != "sessions"
    }


def changing(app: Flask, kind: str) -> set[str]:
    return {rule.endpoint for rule, method in routes_and_methods(app, kind) if method != "GET"}


def test_every_route_that_changes_something_is_decided(sqlite_app: Flask) -> None:
    assert changing(sqlite_app, "signed_in") == ASKS.keys() | DOES_NOT_ASK.keys()
    assert not ASKS.keys() & DOES_NOT_ASK.keys()
    assert changing(sqlite_app, "first_step") == FIRST_STEP.keys()
    stated = {name for name in ASKS if permission_of(sqlite_app, name).step_up}  # type: ignore[union-attr]
    assert stated == ASKS.keys()
    silent = {name for name in DOES_NOT_ASK if permission_of(sqlite_app, name).step_up}  # type: ignore[union-attr]
    assert silent == set() and all(map(len, DOES_NOT_ASK.values()))


@pytest.mark.parametrize("endpoint", sorted(ASKS))
def test_it_asks_after_its_form_was_found_valid_and_is_done_once(
    app: Flask, client: FlaskClient, ground: Ground, endpoint: str
) -> None:
    operation = ASKS[endpoint]
    form = {**operation.form, **operation.prepare(ground)}
    rule = next(rule for rule, _method in routes_and_methods(app) if rule.endpoint == endpoint)
    path = address(app, rule, {**ground.world.own, **ground.ids})
    if operation.wrong is not None:
        wrong = client.post(path, data=operation.wrong)
        assert 400 <= wrong.status_code < 500 and "Is it you?" not in wrong.text
    before = everything()
    response = client.post(path, data=form)
    assert (response.status_code, "Is it you?" in response.text) == (403, True)
    assert everything() == before, "nothing is done yet"
    for name, typed in form.items():
        assert f'name="{name}" value="{typed}"' in response.text, "nothing is typed twice"
    proved_at(clock.now())
    live.forget()
    done = client.post(path, data=form)
    assert done.status_code < 400, done.text
    assert everything() != before


def _chairs_text(ground: Ground) -> dict[str, str]:
    chair = ground.world.people[RoleName.CHAIR]
    here = Scope(roles=frozenset({RoleName.CHAIR}), sites=frozenset({ground.site.id}))
    how = {"scope": here, "actor": f"person:{chair.id}", "now": clock.now()}
    ground.ids["broadcast_id"] = write_to_chapter(ground.event, ground.site, "chair_come", "", **how).id
    return {}


CHAIRS_OWN: dict[str, Operation] = {
    "grants.open_own_line": Operation(),
    "grants.give_link": Operation({"label": "Juana"}),
    "grants.hand_link_over": Operation({"label": "Vera"}),
    "grants.take_back": Operation(),
    "actions.move_event": Operation(WHEN, prepare=_many_were_told),
    "actions.new_code_now": Operation(prepare=lambda ground: {"leaked": ground.event.code}),
    "reminders.send_broadcast": Operation(prepare=_chairs_text),
    "reminders.write_to_chapter": Operation({"wording": "chair_come"}),
}


@pytest.mark.parametrize("endpoint", sorted(CHAIRS_OWN))
def test_a_chair_is_never_asked_at_their_own_line(
    app: Flask, client: FlaskClient, ground: Ground, endpoint: str
) -> None:
    operation = CHAIRS_OWN[endpoint]
    form = {**operation.form, **operation.prepare(ground)}
    sign_in(client, ground.world.people[RoleName.CHAIR])
    its_long_ago()
    rule = next(rule for rule, _method in routes_and_methods(app) if rule.endpoint == endpoint)
    answer = client.post(address(app, rule, {**ground.world.own, **ground.ids}), data=form)
    assert answer.status_code < 400, answer.text


def test_a_few_phones_are_moved_unasked(client: FlaskClient, ground: Ground) -> None:
    tell(ground.event, MANY - 2)  # and one that the world begins with
    assert client.post(f"/events/{ground.event.id}/change", data=WHEN).status_code == 303


def test_a_name_is_corrected_unasked_and_a_number_is_not(client: FlaskClient, ground: Ground) -> None:
    member = db.session.get_one(Member, ground.world.own["member_id"])
    page = f"/members/{member.id}"
    assert client.post(page, data=MEMBER | {"phone": member.phone, "first": "Maya"}).status_code == 302
    assert client.post(page, data=MEMBER).status_code == 403
    assert db.session.get_one(Member, member.id, populate_existing=True).phone != "+12135550188"


def test_whoever_reads_counts_is_not_asked(client: FlaskClient, ground: Ground) -> None:
    answer = client.post(f"/exports/{ground.action.id}", data={"kind": "counts", "format": "csv"})
    link = answer.text.split('href="/exports/file/')[1].split('"')[0]
    assert client.post(f"/exports/file/{link}").status_code == 200


def test_a_grant_of_the_office_is_kept_once_after_the_whole_way_round(
    client: FlaskClient, ground: Ground
) -> None:
    """Through the page that asks, as the browser goes: the same form, sent once more by itself."""
    page = f"/events/{ground.event.id}/captains"
    assert "Is it you?" in client.post(page, data={"label": "Juana"}).text
    kept = {"step_there": page, "step_posts": "yes", "label": "Juana"}
    on = client.post("/step-up", data={**kept, "step_code": pyotp.TOTP(ground.ids["secret"]).now()})
    assert (on.status_code, on.location) == (307, page)
    assert client.post(page, data=kept).status_code == 200
    db.session.rollback()
    grants = db.session.scalars(select(LineGrant).where(LineGrant.event_id == ground.event.id)).all()
    assert [grant.label for grant in grants].count("Juana") == 1
