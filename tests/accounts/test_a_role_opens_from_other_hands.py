"""Whoever makes, resets or extends an organizer or admin never gets in as that person, nor agrees as them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE, authority_of, scope_of, today
from mobilize.accounts.access.sponsors import actor_of, are_related
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.approvals.operations import ApprovalKind
from mobilize.accounts.models import (
    AuthenticatorApp,
    LinkKind,
    OneTimeLink,
    Person,
    RoleName,
    SignedInSession,
)
from mobilize.accounts.people.admin_changes import open_changes
from mobilize.accounts.people.chairs_apply import apply_chairs
from mobilize.accounts.people.operations import Invitation, end_role, give_role, invite, set_term
from mobilize.accounts.people.second_admin import agree_to_admin_change
from mobilize.accounts.second_factor.operations import may_set_up, set_up_app
from mobilize.accounts.sign_in.one_time_links import link_works, make_link, spend_link
from mobilize.accounts.sign_in.role_links import (
    AccessMethod,
    RoleAccess,
    change_number,
    fresh_link,
    restart,
    start_anew,
)
from mobilize.accounts.sign_in.sessions import begin_session, has_second_factor, is_over
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys.crypto import blind_index
from mobilize.keys.tokens import hash_token
from mobilize.languages import Translated
from mobilize.roster.models import Site
from mobilize.roster.operations import change_phone
from mobilize.texts.models import OutboxText, Suppression
from tests.accounts.second_factor import app_for
from tests.builders import full_session, make_area, make_member, make_person, make_site, sign_in

# Seven in the morning in Los Angeles.
NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
CAL = "+12135550140"


@pytest.fixture
def ada(app: Flask) -> Person:
    return admin("Ada Stone", "+12135550130")


@pytest.fixture
def bea(app: Flask) -> Person:
    return admin("Bea Stone", "+12135550131")


def admin(name: str, phone: str) -> Person:
    person = make_person(name, phone=phone, role=RoleName.ADMIN)
    app_for(person, now=NOW - 30 * DAY)
    return person


def asking(person: Person, *, now: datetime = NOW) -> dict[str, Any]:
    scope = scope_of(person, today(now))
    return {"scope": scope, "actor": actor_of(person), "now": now, "stepped_up": True}


def texts(wording: str) -> list[OutboxText]:
    sent = select(OutboxText).where(OutboxText.wording == wording)
    return list(db.session.scalars(sent.order_by(OutboxText.id)))


def texted_link() -> str:
    return str(json.loads(texts("invitation")[-1].merge_fields)["link"]).rpartition("/")[2]


def begun(token: str, now: datetime) -> SignedInSession:
    return db.session.get_one(SignedInSession, hash_token(token))


def refused(code: str, what: Any) -> None:
    with pytest.raises(Refused) as refusal:
        what()
    assert refusal.value.code == code


# ---- The link


def test_an_organizers_link_goes_to_their_own_phone_and_nobody_sees_it(
    client: FlaskClient, ada: Person, lincoln: Site
) -> None:
    sign_in(client, ada)
    form = {"name": "Cal Ruiz", "phone": CAL, "role": "organizer", "area": "North"}
    page = client.post("/people", data=form)
    assert page.status_code == 200 and "/enter/" not in page.text and "own phone" in page.text
    assert [sent.to for sent in texts("invitation")] == [CAL]
    assert client.post(f"/enter/{texted_link()}").status_code == 303


def test_whoever_gives_an_organizers_power_has_just_proved_who_they_are(ada: Person, lincoln: Site) -> None:
    how = {**asking(ada), "stepped_up": False}
    refused("step_up", lambda: invite(organizer(lincoln), **how))
    cal = invite(organizer(lincoln), **asking(ada)).person
    for operation in (start_anew, fresh_link):
        refused("step_up", lambda operation=operation: operation(cal, **how))
    refused("step_up", lambda: change_number(cal, "213 555 0141", **how))


def test_a_link_its_maker_saw_opens_one_chair_session_and_sets_nothing_up(
    olga: Person, lincoln: Site
) -> None:
    access = invite(Invitation("Cal", CAL, RoleName.CHAIR, site=lincoln), **asking(olga))
    assert access.method is AccessMethod.DISPLAYED
    running = begun(spend_link(access.token, now=NOW), NOW)
    assert not may_set_up(running, now=NOW) and not is_over(running, authority_of(access.person, NOW))
    refused("not_now", lambda: set_up_app(running, "000000", now=NOW))
    refused("link_spent", lambda: spend_link(access.token, now=NOW))


def test_such_a_link_and_its_session_die_when_a_higher_role_begins(olga: Person, lincoln: Site) -> None:
    cal = invite(Invitation("Cal", CAL, RoleName.CHAIR, site=lincoln), **asking(olga)).person
    running = begun(
        spend_link(make_link(cal, actor_of(olga), kind=LinkKind.DISPLAYED, now=NOW), now=NOW), NOW
    )
    kept = make_link(cal, actor_of(olga), kind=LinkKind.DISPLAYED, now=NOW)
    give_role(cal, RoleName.ORGANIZER, area=lincoln.area, actor="shell", now=NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=1)
    assert is_over(running, authority_of(cal, later)) and not link_works(kept, now=later)


def test_it_dies_as_well_when_another_chapter_begins(olga: Person, lincoln: Site) -> None:
    """Also when the yearly list of chairs gives it, from a later day on."""
    roosevelt = make_site("Roosevelt High", area=make_area("South"))
    tomorrow = today(NOW) + timedelta(days=1)
    rows = f"site,role,name,phone\n{roosevelt.code},chair,Cal,{CAL}\n"
    apply_chairs(rows.encode(), tomorrow, by="shell", now=NOW)
    access = invite(Invitation("Cal", CAL, RoleName.CHAIR, site=lincoln), **asking(olga))
    assert (access.method, access.token) == (
        AccessMethod.CODE,
        "",
    )  # Olga may not see what this role will
    kept = make_link(access.person, actor_of(olga), kind=LinkKind.DISPLAYED, now=NOW)
    assert link_works(kept, now=NOW) and not link_works(kept, now=NOW + DAY)


def test_an_app_set_up_before_the_role_began_does_not_open_it(app: Flask, lincoln: Site) -> None:
    cal = make_person("Cal Ruiz", phone=CAL, role=RoleName.CHAIR, site=lincoln)
    app_for(cal, now=NOW)
    session = begun(full_session(cal, now=NOW), NOW)
    tomorrow = today(NOW) + timedelta(days=1)
    give_role(cal, RoleName.ORGANIZER, area=lincoln.area, from_on=tomorrow, actor="shell", now=NOW)
    later = NOW + DAY
    assert has_second_factor(cal, now=NOW) and not has_second_factor(cal, now=later)
    assert is_over(session, authority_of(cal, later)) and not is_over(session, authority_of(cal, NOW))
    by_code = begun(begin_session(cal, now=later), later)
    assert by_code.second_asked and not may_set_up(by_code, now=later)


def test_a_role_that_begins_later_gets_its_link_with_its_first_day(ada: Person, lincoln: Site) -> None:
    tomorrow = today(NOW) + timedelta(days=1)
    invite(organizer(lincoln, from_on=tomorrow), **asking(ada))
    token = texted_link()
    assert not link_works(token, now=NOW) and link_works(token, now=NOW + DAY)
    assert texts("invitation")[0].due_at > NOW
    assert may_set_up(begun(spend_link(token, now=NOW + DAY), NOW + DAY), now=NOW + DAY)


def test_without_texting_the_link_waits_for_a_day_and_everybody_is_told(
    client: FlaskClient, ada: Person, olga: Person, lincoln: Site
) -> None:
    cal = invite(organizer(lincoln), **asking(ada)).person
    with atomic():
        cal.phone = None
    access = fresh_link(cal, **asking(ada))
    assert access.method is AccessMethod.WAITS and {sent.to for sent in texts("link_waits")} == {
        ada.phone,
        olga.phone,
    }
    assert not link_works(access.token, now=NOW + DAY - timedelta(seconds=1))
    assert may_set_up(begun(spend_link(access.token, now=NOW + DAY), NOW + DAY), now=NOW + DAY)
    assert are_related(ada.id, cal.id, now=NOW)


def test_an_installation_without_a_carrier_invites_an_organizer(
    app: Flask, client: FlaskClient, ada: Person, olga: Person, lincoln: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mobilize.accounts.people.notices.can_be_texted", lambda _person: False)
    monkeypatch.setattr("mobilize.accounts.sign_in.role_links.can_be_texted", lambda _person: False)
    sign_in(client, ada)
    form = {"name": "Cal Ruiz", "phone": CAL, "role": "organizer", "area": "North"}
    page = client.post("/people", data=form)
    assert "/enter/" in page.text and "in 24 hours" in page.text and not texts("invitation")
    link = db.session.scalars(select(OneTimeLink)).one()
    sign_in(client, olga)
    assert "A sign-in link for Cal Ruiz" in client.get("/people").text
    assert client.post(f"/people/{link.person_id}/link/stop").status_code == 403
    sign_in(client, ada)
    assert client.post(f"/people/{link.person_id}/link/stop").status_code == 303
    assert db.session.get_one(OneTimeLink, link.token_hash).expires_at <= clock.now()


def no_text_reaches(person: Person) -> None:
    with atomic() as session:
        stop = Suppression(phone_index=blind_index("phone", person.phone), opted_out_at=NOW, source="text")
        session.add(stop)


def test_an_organizer_gets_no_link_of_an_admin_by_inviting_them_as_a_chair(
    ada: Person, bea: Person, olga: Person, lincoln: Site
) -> None:
    access_for(ada)
    cal = agree(bea).person
    no_text_reaches(cal)
    as_chair = Invitation("Cal Ruiz", CAL, RoleName.CHAIR, site=lincoln)
    access = invite(as_chair, **asking(olga))
    assert (access.method, access.token) == (AccessMethod.CODE, "")
    assert not are_related(olga.id, cal.id, now=NOW)


# ---- Another admin


def access_for(ada: Person, *, now: datetime = NOW, phone: str = CAL) -> RoleAccess:
    return invite(Invitation("Cal Ruiz", phone, RoleName.ADMIN), **asking(ada, now=now))


def agree(by: Person, *, now: datetime = NOW) -> RoleAccess:
    change = open_changes(now)[0][0]
    how = asking(by, now=now)
    how["by"] = how.pop("actor")
    return agree_to_admin_change(change.id, **how)


def test_an_admin_is_made_when_a_second_admin_agrees_and_every_admin_is_told(
    ada: Person, bea: Person, olga: Person
) -> None:
    assert access_for(ada).method is AccessMethod.SECOND and access_for(ada).method is AccessMethod.SECOND
    assert len(open_changes(NOW)) == 1
    cal = open_changes(NOW)[0][0].person
    assert not scope_of(cal, today(NOW)).roles and not texts("invitation")
    assert {sent.to for sent in texts("admin_asked")} == {ada.phone, bea.phone, olga.phone}
    refused("own_request", lambda: agree(ada))
    assert agree(bea).method is AccessMethod.TEXTED and scope_of(cal, today(NOW)).everything
    assert [sent.to for sent in texts("invitation")] == [CAL]
    assert {ada.phone, bea.phone} <= {sent.to for sent in texts("admin_made")}
    with pytest.raises(IndexError):
        agree(bea)


@pytest.mark.parametrize("how", ["new_role", "new_app", "reset"])
def test_who_agrees_was_admin_with_the_same_second_factor_a_day_before(
    ada: Person, bea: Person, how: str
) -> None:
    recently = NOW - timedelta(hours=23)
    if how == "new_role":
        bea = make_person("Dee Stone", phone="+12135550132")
        give_role(bea, RoleName.ADMIN, actor="shell", now=recently)
    elif how == "reset":
        restart(bea, "shell", now=recently)
    app_for(bea, now=recently)
    access_for(ada)
    refused("too_new", lambda: agree(bea))
    # A day later it is still not a day before the request.
    refused("too_new", lambda: agree(bea, now=NOW + timedelta(hours=2)))


def test_a_lone_admin_waits_for_a_day_while_every_organizer_is_told(ada: Person, olga: Person) -> None:
    access_for(ada)
    assert {sent.to for sent in texts("admin_asked")} == {ada.phone, olga.phone}
    refused("wait", lambda: agree(ada, now=NOW + DAY - timedelta(seconds=1)))
    cal = agree(ada, now=NOW + DAY).person
    assert scope_of(cal, today(NOW + DAY)).everything


def test_nobody_becomes_alone_by_ending_another_admins_role(ada: Person, bea: Person) -> None:
    how = asking(ada)
    how.pop("stepped_up")
    end_role(bea.roles[0].id, for_cause=True, **how)
    access_for(ada)
    refused("own_request", lambda: agree(ada, now=NOW + DAY))


def test_whoever_ends_an_admins_role_does_not_do_it_unseen(ada: Person, bea: Person, olga: Person) -> None:
    how = asking(ada)
    how.pop("stepped_up")
    end_role(bea.roles[0].id, for_cause=True, **how)
    assert {sent.to for sent in texts("admin_ended")} == {ada.phone, bea.phone, olga.phone}


def test_nor_by_giving_it_fewer_days(ada: Person, bea: Person, olga: Person) -> None:
    set_term(bea.roles[0].id, None, today(NOW), **asking(ada))
    assert {sent.to for sent in texts("admin_ended")} == {ada.phone, bea.phone, olga.phone}


def test_nobody_becomes_alone_by_inviting_another_admin_again(
    ada: Person, bea: Person, lincoln: Site
) -> None:
    no_text_reaches(bea)
    again = Invitation("Bea Stone", str(bea.phone), RoleName.ADMIN)
    as_organizer = Invitation("Bea Stone", str(bea.phone), RoleName.ORGANIZER, area=lincoln.area)
    for invitation in (again, as_organizer):
        assert invite(invitation, **asking(ada)).method is AccessMethod.CODE
    assert fresh_link(bea, **asking(ada)).method is AccessMethod.WAITS
    assert has_second_factor(bea, now=NOW) and not are_related(ada.id, bea.id, now=NOW)
    assert not approvals.is_lone_admin(actor_of(ada), NOW)


def test_resetting_an_admin_or_changing_the_number_wants_a_second_admin(ada: Person, bea: Person) -> None:
    dee = admin("Dee Stone", "+12135550132")
    assert start_anew(dee, **asking(ada)).method is AccessMethod.SECOND
    assert change_number(dee, "213 555 0199", **asking(ada)).method is AccessMethod.SECOND
    assert has_second_factor(dee, now=NOW) and dee.phone == "+12135550132"
    refused("own_request", lambda: agree(dee))  # about themselves
    agree(bea)
    assert not has_second_factor(dee, now=NOW) and texts("invitation")[-1].to == "+12135550132"
    agree(bea)
    assert dee.phone == "+12135550199" and texts("invitation")[-1].to == "+12135550199"
    assert [sent.to for sent in texts("number_changed")] == ["+12135550132"]


def test_more_days_for_an_admin_want_a_second_admin_and_fewer_do_not(ada: Person, bea: Person) -> None:
    dee = admin("Dee Stone", "+12135550132")
    term, soon = dee.roles[0], today(NOW) + timedelta(days=3)
    assert set_term(term.id, None, soon, **asking(ada)).method is AccessMethod.CODE
    assert (
        set_term(term.id, None, None, **asking(ada)).method is AccessMethod.SECOND and term.to_on is not None
    )
    assert not texts("admin_extended")
    agree(bea)
    assert db.session.get_one(type(term), term.id).to_on is None
    assert {ada.phone, bea.phone, dee.phone} == {sent.to for sent in texts("admin_extended")}
    assert "/people" in texts("admin_extended")[0].merge_fields


def test_more_days_for_an_organizer_want_a_proof_and_let_nobody_in(ada: Person, olga: Person) -> None:
    term, soon = olga.roles[0], today(NOW) + timedelta(days=3)
    set_term(term.id, None, soon, **asking(ada))
    refused("step_up", lambda: set_term(term.id, None, None, **asking(ada) | {"stepped_up": False}))
    assert term.to_on is not None
    before = authority_of(olga, NOW)
    assert set_term(term.id, None, None, **asking(ada)).method is AccessMethod.CODE and term.to_on is None
    assert not db.session.scalars(select(OneTimeLink)).all() and not texts("invitation")
    assert authority_of(olga, NOW) == before, "what opened the role before opens it still, and nothing else"
    # Neither made nor reset them: they are as far from each other as they were.
    assert not are_related(ada.id, olga.id, now=NOW + 60 * DAY)


def test_whoever_was_made_or_reset_by_somebody_is_never_their_second_person(
    ada: Person, lincoln: Site
) -> None:
    cal = invite(organizer(lincoln), **asking(ada)).person
    app_for(cal, now=NOW)
    later = NOW + 3 * DAY
    for asker, second in ((ada, cal), (cal, ada)):
        approval = approvals.request_approval(
            ApprovalKind.CALLING_OFF,
            str(asker.id),
            Translated(en="x"),
            by=actor_of(asker),
            now=later,
            area_id=lincoln.area_id,
        )
        how = asking(second, now=later)
        how["by"] = how.pop("actor")
        refused("related", lambda approval=approval, how=how: approvals.approve(approval.id, **how))


@pytest.mark.parametrize("mover", ["ada", "bea"])
def test_moving_a_role_to_an_earlier_day_makes_nobody_strangers(
    ada: Person, bea: Person, lincoln: Site, mover: str
) -> None:
    far = today(NOW) + timedelta(days=60)
    cal = invite(organizer(lincoln, from_on=far), **asking(ada)).person
    moves = {"ada": ada, "bea": bea}[mover]
    set_term(cal.roles[0].id, today(NOW) + timedelta(days=1), None, **asking(moves))
    for giver in {ada, moves}:
        assert are_related(giver.id, cal.id, now=NOW + 3 * DAY)


def test_who_agreed_to_another_number_of_an_admin_is_never_that_admins_second_person(
    ada: Person, bea: Person
) -> None:
    dee = admin("Dee Stone", "+12135550132")
    change_number(dee, "213 555 0199", **asking(ada))
    [(_change, approval)] = open_changes(NOW)
    assert "0199" in approval.summary["en"], "whoever agrees sees which number it is"
    agree(bea)
    assert are_related(bea.id, dee.id, now=NOW + 3 * DAY) and are_related(ada.id, dee.id, now=NOW + 3 * DAY)


def test_each_second_person_reads_in_their_language_what_they_agree_to(
    client: FlaskClient, ada: Person, bea: Person
) -> None:
    dee = admin("Dee Stone", "+12135550132")
    change_number(dee, "213 555 0199", **{**asking(ada), "now": clock.now()})
    sign_in(client, bea)
    english, spanish = (client.get(f"/people?lang={code}").text for code in ("en", "es"))
    assert "Give Dee Stone, an admin, another number to sign in with." in english
    assert "Dar a Dee Stone" in spanish and "Give Dee Stone" not in spanish


def test_a_new_organizer_agrees_to_nothing_for_a_day(olga: Person, lincoln: Site) -> None:
    rosa = make_person("Rosa Lund", phone="+12135550115")
    give_role(rosa, RoleName.ORGANIZER, area=lincoln.area, actor="shell", now=NOW)
    approval = approvals.request_approval(
        ApprovalKind.CALLING_OFF, "x", Translated(en="x"), by=actor_of(olga), now=NOW, area_id=lincoln.area_id
    )
    soon = NOW + DAY - timedelta(seconds=1)
    how = {"by": actor_of(rosa), "scope": scope_of(rosa, today(soon)), "stepped_up": True}
    refused("too_new", lambda: approvals.approve(approval.id, **how, now=soon))


def test_a_yes_dies_when_one_of_the_two_is_reset(ada: Person, bea: Person) -> None:
    approval = approvals.request_approval(
        ApprovalKind.IMPORT, "x", Translated(en="x"), by=actor_of(ada), now=NOW
    )
    approvals.approve(approval.id, by=actor_of(bea), scope=THE_OFFICE, stepped_up=True, now=NOW)
    start_anew(bea, scope=THE_OFFICE, actor="shell", now=NOW + timedelta(minutes=1))
    refused("second_person", lambda: approvals.use(ApprovalKind.IMPORT, "x", now=NOW + timedelta(minutes=2)))


# ---- Another number


def test_another_number_is_a_reset_and_the_old_one_is_told(ada: Person, olga: Person) -> None:
    app_for(olga, now=NOW - DAY)
    running, link = (
        begun(full_session(olga, now=NOW), NOW),
        make_link(olga, "shell", kind=LinkKind.SHELL, now=NOW),
    )
    soon = NOW + timedelta(minutes=1)
    change_number(olga, "213 555 0119", **asking(ada, now=soon))
    assert is_over(running, authority_of(olga, soon)) and not link_works(link, now=soon)
    assert not db.session.scalars(select(AuthenticatorApp).where(AuthenticatorApp.person_id == olga.id)).all()
    assert [sent.to for sent in texts("number_changed")] == ["+12135550110"]
    assert are_related(ada.id, olga.id, now=soon)
    refused("number_taken", lambda: change_number(olga, ada.phone, **asking(ada, now=soon)))


def test_a_members_new_number_is_nobodys_way_in(app: Flask, olga: Person) -> None:
    """The member's page, the office, a roster and a reply change the roster, and nothing else."""
    member = make_member(phone=olga.phone)
    change_phone(member.id, "+12135550177", by="shell", now=NOW)
    assert db.session.get_one(Person, olga.id).phone == "+12135550110"


def test_the_office_changes_a_number_on_the_page(client: FlaskClient, ada: Person, olga: Person) -> None:
    sign_in(client, ada)
    assert client.post(f"/people/{olga.id}/number", data={"phone": "12"}).status_code == 422
    page = client.post(f"/people/{olga.id}/number", data={"phone": "213 555 0119"})
    assert page.status_code == 200 and "own phone" in page.text
    assert db.session.get_one(Person, olga.id).phone == "+12135550119"


def test_the_operator_changes_a_number_and_gets_the_link(app: Flask, ada: Person) -> None:
    words = ["people", "number", "--phone", "213 555 0130", "--new", "213 555 0139"]
    result = app.test_cli_runner().invoke(args=words)
    assert result.exit_code == 0 and "/enter/" in result.output
    assert db.session.get_one(Person, ada.id).phone == "+12135550139"


def test_the_page_asks_a_second_admin_and_they_do_it_there(
    client: FlaskClient, ada: Person, bea: Person
) -> None:
    sign_in(client, ada)
    page = client.post("/people", data={"name": "Cal Ruiz", "phone": CAL, "role": "admin"})
    assert "second admin" in page.text and "Make Cal Ruiz an admin" in page.text
    change = open_changes(clock.now())[0][0]
    assert client.post(f"/people/changes/{change.id}/agree").status_code == 403
    sign_in(client, bea)
    assert "Something about an admin" in client.get("/approvals").text
    done = client.post(f"/people/changes/{change.id}/agree")
    assert done.status_code == 200 and "own phone" in done.text and "/enter/" not in done.text
    assert "Cal Ruiz was made an admin" in client.get("/people").text
    assert client.post(f"/people/changes/{change.id}/agree").status_code == 409


def organizer(site: Site, **values: Any) -> Invitation:
    return Invitation("Cal Ruiz", CAL, RoleName.ORGANIZER, area=site.area, **values)
