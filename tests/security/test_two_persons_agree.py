"""Some things are done only when two people want them; a lone admin confirms again."""

from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE, scope_of, today
from mobilize.accounts.access.sponsors import actor_of
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.approvals.models import Approval, ApprovalState
from mobilize.accounts.approvals.operations import ApprovalKind, needs_second_person
from mobilize.accounts.models import RoleName, RoleTerm, SignedInSession
from mobilize.audit import AuditRow
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import Translated
from mobilize.roster.imports import operations as imports
from mobilize.roster.models import Import, Member
from tests.builders import START, make_area, make_person, sign_in
from tests.jobs.work import work
from tests.roster.files import member, roster, site_list

THING = "0190c0de-0000-7000-8000-000000000001"


@pytest.fixture
def ada(app: Flask) -> str:
    return actor_of(make_person("Ada", role=RoleName.ADMIN))


@pytest.fixture
def bea(app: Flask) -> str:
    return actor_of(make_person("Bea", role=RoleName.ADMIN))


def ask(by: str, **more: object) -> Approval:
    return approvals.request_approval(
        ApprovalKind.PHONE_EXPORT, THING, Translated(en="40 phones"), by=by, now=START, **more
    )  # type: ignore[arg-type]


def agree(approval: Approval, by: str, **more: object) -> Approval:
    how = {"scope": THE_OFFICE, "stepped_up": True, "now": START, **more}
    return approvals.approve(approval.id, by=by, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "people", "needed"),
    [
        (ApprovalKind.PHONE_EXPORT, 24, False),
        (ApprovalKind.PHONE_EXPORT, 25, True),
        (ApprovalKind.CALLING_OFF, 0, False),
        (ApprovalKind.CALLING_OFF, 25, True),
        (ApprovalKind.BROADCAST, 2_000, False),
        (ApprovalKind.BROADCAST, 2_001, True),
    ],
)
def test_a_second_person_is_asked_from_so_many_people_on(
    kind: ApprovalKind, people: int, needed: bool
) -> None:
    assert needs_second_person(kind, people) is needed


def test_a_yes_is_good_once(ada: str, bea: str) -> None:
    agree(ask(ada), bea)
    assert approvals.use(ApprovalKind.PHONE_EXPORT, THING, now=START) == bea
    with pytest.raises(Refused, match="second_person"):
        approvals.use(ApprovalKind.PHONE_EXPORT, THING, now=START)


def test_a_yes_is_for_one_thing_of_one_kind(ada: str, bea: str) -> None:
    agree(ask(ada), bea)
    for kind, ref in ((ApprovalKind.CALLING_OFF, THING), (ApprovalKind.PHONE_EXPORT, THING[:-1] + "2")):
        with pytest.raises(Refused, match="second_person"):
            approvals.use(kind, ref, now=START)


def test_without_a_yes_nothing_is_done(ada: str) -> None:
    ask(ada)
    with (
        pytest.raises(Refused, match="second_person"),
        approvals.second_person(ApprovalKind.PHONE_EXPORT, THING, now=START),
    ):
        raise AssertionError("it was done")


def test_a_yes_of_the_office_dies_when_whoever_gave_it_is_no_longer_of_the_office(ada: str) -> None:
    bea = make_person("Bea", role=RoleName.ORGANIZER, area=make_area())
    admin = RoleTerm(person_id=bea.id, role=RoleName.ADMIN, from_on=date(2020, 1, 1), granted_by="shell")
    admin.granted_at = bea.made_at
    with atomic() as session:
        session.add(admin)
    agree(ask(ada), actor_of(bea))
    with atomic():
        admin.to_on = today(START)
    with pytest.raises(Refused, match="second_person"):
        approvals.use(ApprovalKind.PHONE_EXPORT, THING, now=START)


def test_a_yes_comes_back_when_the_thing_fails(ada: str, bea: str) -> None:
    agree(ask(ada), bea)
    with (
        pytest.raises(ZeroDivisionError),
        approvals.second_person(ApprovalKind.PHONE_EXPORT, THING, now=START),
    ):
        raise ZeroDivisionError
    assert approvals.use(ApprovalKind.PHONE_EXPORT, THING, now=START) == bea


def test_asking_twice_is_one_request(ada: str, bea: str) -> None:
    assert ask(ada).id == ask(bea).id
    assert db.session.scalar(select(func.count(Approval.id))) == 1


def test_nobody_agrees_with_themselves_while_there_is_another_admin(ada: str, bea: str) -> None:
    approval = ask(ada)
    with pytest.raises(Refused, match="own_request"):
        agree(approval, ada)


def test_a_lone_admin_confirms_again_once_they_have_proved_who_they_are(app: Flask) -> None:
    actor = f"person:{make_person('Ada', role=RoleName.ADMIN).id}"
    approval = ask(actor)
    with pytest.raises(Refused, match="step_up"):
        agree(approval, actor, stepped_up=False)
    assert agree(approval, actor).decided_by == actor
    assert approvals.use(ApprovalKind.PHONE_EXPORT, THING, now=START) == actor
    verbs = db.session.scalars(select(AuditRow.verb).order_by(AuditRow.id)).all()
    assert verbs == ["approval.ask.export_phones", "approval.approve.alone", "approval.use"]


def test_after_a_day_nobody_can_agree_and_no_yes_is_left(ada: str, bea: str) -> None:
    approval, later = ask(ada), START + timedelta(hours=24)
    with pytest.raises(Refused, match="not_open"):
        agree(approval, bea, now=later)
    agree(approval, bea)
    with pytest.raises(Refused, match="second_person"):
        approvals.use(ApprovalKind.PHONE_EXPORT, THING, now=later)
    assert approvals.expire(later) == 1 and approvals.expire(later) == 0
    assert ask(ada).id != approval.id


def test_what_was_declined_is_not_done_and_may_be_asked_again(ada: str, bea: str) -> None:
    approval = ask(ada)
    approvals.decline(approval.id, by=bea, scope=THE_OFFICE, now=START)
    with pytest.raises(Refused, match="not_open"):
        agree(approval, bea)
    assert ask(ada).state is ApprovalState.PENDING


def test_an_organizer_agrees_for_their_own_area_and_sees_no_other(ada: str) -> None:
    north, south = make_area("North"), make_area("South")
    olga = make_person("Olga", role=RoleName.ORGANIZER, area=north)
    scope, actor = scope_of(olga, today(clock.now())), f"person:{olga.id}"
    foreign = ask(ada, area_id=south.id)
    assert approvals.how_many_wait(actor, scope, START) == 0
    with pytest.raises(Refused, match="no_approval"):
        agree(foreign, actor, scope=scope)
    own = approvals.request_approval(
        ApprovalKind.CALLING_OFF, THING, Translated(en="Lincoln"), by=ada, now=START, area_id=north.id
    )
    assert approvals.waiting_for(actor, scope, START) == [own]
    assert agree(own, actor, scope=scope).decided_by == actor


# ---- The roster import, on the pages


@pytest.fixture
def dry_run(app: Flask, client: FlaskClient) -> str:
    """The page of a dry run by Ada that would take 10 of 40 members off."""
    now = clock.now()
    staged = imports.dry_run_sites(site_list(), by="shell", now=now)
    imports.commit_import(staged.id, by="shell", now=now)
    many = [member(str(n), "Doe", f"N{n}", phone="") for n in range(1, 41)]
    staged = imports.dry_run_roster(roster(*many), by="shell", now=now)
    imports.commit_import(staged.id, by="shell", now=now)
    ada = make_person("Ada Office", role=RoleName.ADMIN)
    sign_in(client, ada)
    staged = imports.dry_run_roster(roster(*many[:30]), by=f"person:{ada.id}", now=now)
    return f"/imports/{staged.id}"


def standing() -> int:
    """The members on the roster, once the workers have done what waits."""
    work()
    return db.session.scalar(select(func.count(Member.id)).where(Member.gone_on.is_(None))) or 0


def test_a_second_admin_agrees_and_the_first_imports(client: FlaskClient, dry_run: str) -> None:
    bea = make_person("Bea Office", role=RoleName.ADMIN)
    assert client.post(dry_run + "/commit").status_code == 403 and standing() == 40
    assert "Ask a second admin" in client.get(dry_run).text
    client.post(dry_run + "/ask")
    assert "was asked" in client.get(dry_run).text
    approval = db.session.scalars(select(Approval)).one()
    assert client.post(f"/approvals/{approval.id}/approve").status_code == 403
    ada = db.session.scalars(select(Import).where(Import.by != "shell")).one().by
    sign_in(client, bea)
    page = client.get("/approvals")
    assert "removes 10 of 40" in page.text and "Ada Office" in page.text and "Waiting for you: 1" in page.text
    assert client.post(f"/approvals/{approval.id}/approve").status_code == 303
    assert standing() == 40
    assert client.post(dry_run + "/commit").status_code == 302 and standing() == 30
    done = db.session.scalars(select(Import).where(Import.by == ada)).one()
    assert done.second_by == f"person:{bea.id}"


def test_a_second_admin_may_import_it_themselves(client: FlaskClient, dry_run: str) -> None:
    bea = make_person("Bea Office", role=RoleName.ADMIN)
    sign_in(client, bea)
    assert client.post(dry_run + "/commit").status_code == 302 and standing() == 30
    assert db.session.scalars(select(Approval)).one().decided_by == f"person:{bea.id}"


def test_a_lone_admin_confirms_the_import_a_second_time(client: FlaskClient, dry_run: str) -> None:
    assert client.post(dry_run + "/commit").status_code == 403
    assert "only admin" in client.get(dry_run).text
    client.post(dry_run + "/ask")
    approval = db.session.scalars(select(Approval)).one()
    with atomic() as session:
        for running in session.scalars(select(SignedInSession)):
            running.stepped_up_at = clock.now() - timedelta(minutes=11)
    assert client.post(f"/approvals/{approval.id}/approve").status_code == 403
    with atomic() as session:
        for running in session.scalars(select(SignedInSession)):
            running.stepped_up_at = clock.now()
    assert client.post(f"/approvals/{approval.id}/approve").status_code == 303
    assert client.post(dry_run + "/commit").status_code == 302 and standing() == 30


def test_a_small_or_empty_roster_asks_nobody(app: Flask, client: FlaskClient) -> None:
    now = clock.now()
    staged = imports.dry_run_sites(site_list(), by="shell", now=now)
    imports.commit_import(staged.id, by="shell", now=now)
    ada = make_person("Ada Office", role=RoleName.ADMIN)
    sign_in(client, ada)
    for rows in ([member(str(n)) for n in range(1, 25)], [member("1")]):
        staged = imports.dry_run_roster(roster(*rows), by=f"person:{ada.id}", now=clock.now())
        assert client.post(f"/imports/{staged.id}/commit").status_code == 302 and work() == 1
    assert standing() == 1 and db.session.scalar(select(func.count(Approval.id))) == 0


def test_the_shell_is_the_operator_and_audited(client: FlaskClient, dry_run: str) -> None:
    staged = db.session.scalars(select(Import).where(Import.by != "shell")).one()
    imports.commit_import(staged.id, by="shell", now=clock.now())
    assert standing() == 30
    last = select(AuditRow).order_by(AuditRow.id.desc()).limit(1)
    assert db.session.scalars(last).one().actor == "shell"
