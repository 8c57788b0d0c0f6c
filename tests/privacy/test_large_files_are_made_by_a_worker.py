"""Olga asks for the names of thousands: a worker makes the file, which waits for them sealed, for an hour."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.approvals.operations import ApprovalKind, open_approval
from mobilize.accounts.models import Person, RoleName, RoleTerm
from mobilize.audit import AuditRow
from mobilize.database import atomic, db
from mobilize.jobs import operations as jobs
from mobilize.jobs.models import FilePurpose, Job, JobFile
from mobilize.privacy.exports import jobs as export_jobs
from mobilize.privacy.models import Export
from mobilize.privacy.retention.erasure import erase_member
from mobilize.privacy.retention.forgetting import forget_action
from mobilize.turnout.board import cache as live
from tests.builders import make_person, sign_in
from tests.jobs.work import work
from tests.privacy.morning import Morning, day


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The afternoon after; three people are many."""
    monkeypatch.setattr(export_jobs, "PEOPLE_AT_ONCE", 3)
    live.forget()
    with time_machine.travel(day(1), tick=False) as stopped:
        yield stopped
    live.forget()


@pytest.fixture
def morning(app: Flask) -> Morning:
    return Morning().happen()


@pytest.fixture
def olga(morning: Morning, client: FlaskClient) -> Person:
    person = make_person("Olga Brandt", role=RoleName.ADMIN)
    sign_in(client, person)
    return person


def ask(client: FlaskClient, morning: Morning, **fields: str) -> str:
    """The address of the link to the file."""
    form = {"kind": "names", "format": "csv", "reason": "Calls to who was there", **fields}
    page = client.post(f"/exports/{morning.action.id}", data=form).text
    return "/exports/file/" + page.split('href="/exports/file/')[1].split('"')[0]


def finished_job(client: FlaskClient, link: str) -> str:
    """The page of the job that makes it, once it is done."""
    assert "So many names take a moment." in client.get(link).text
    job = client.post(link).location
    assert client.post(link).location == job, "asked for twice it is one"
    assert "The file is being made." in client.get(link).text
    assert work() == 1
    assert client.get(job).location == link
    return str(job)


def files_kept() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(JobFile)) or 0


def verbs() -> list[str]:
    db.session.rollback()
    return sorted(verb for verb in db.session.scalars(select(AuditRow.verb)) if verb.startswith("export."))


def test_it_is_fetched_once_by_its_link_and_noted_then(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    link = ask(client, morning)
    job = finished_job(client, link)
    assert "Your file is ready." in client.get(link).text
    assert client.get(f"{job}/file").status_code == 404, "no way around the link"
    assert verbs() == ["export.ask.names"]
    answer = client.post(link)
    assert answer.status_code == 200 and answer.mimetype == "text/csv"
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert lines[0].startswith('"Exported by Olga Brandt') and len(lines) == 2 + 6
    assert verbs() == ["export.ask.names", "export.take.names"] and files_kept() == 0
    assert client.post(link).status_code == 410 and client.get(link).status_code == 410


def test_the_page_of_exports_and_every_footer_lead_to_what_is_being_made(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    page = f"/exports/{morning.action.id}"
    form = {"kind": "names", "format": "csv", "reason": "Calls to who was there"}
    request = client.post(page, data=form).text
    assert "Your link is ready." in request and "Your file is ready." not in request
    job = client.post("/exports/file/" + request.split('href="/exports/file/')[1].split('"')[0]).location
    assert f'<a href="{job}">being made</a>' in client.get(page).text
    work()
    assert f'<a href="{job}">made, not downloaded</a>' in client.get(page).text
    assert '<a href="/jobs">What you started</a>' in client.get("/people").text


def test_it_lies_sealed_and_is_gone_after_an_hour(
    client: FlaskClient, morning: Morning, olga: Person, stopped_clock: Any
) -> None:
    link = ask(client, morning)
    finished_job(client, link)
    stored = db.session.execute(select(JobFile.name_enc, JobFile.content_enc)).all()
    assert stored and not any(b"Reyes" in part for row in stored for part in row)
    stopped_clock.shift(timedelta(minutes=61))
    sign_in(client, olga)
    assert "So many names take a moment." in client.get(link).text
    jobs.forget_old(clock.now())
    assert files_kept() == 0
    finished_job(client, link)
    assert client.post(link).status_code == 200


@pytest.mark.parametrize("kind", ["names", "phones"])
def test_who_was_erased_meanwhile_is_in_no_file(
    client: FlaskClient, morning: Morning, olga: Person, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("mobilize.privacy.exports.approval.wants_second_person", lambda _n: False)
    monkeypatch.setattr("mobilize.privacy.exports.operations.wants_second_person", lambda _n: False)
    link = ask(client, morning, kind=kind)
    finished_job(client, link)
    erase_member(morning.ana.id, by="shell", now=clock.now())
    assert files_kept() == 0
    live.forget()
    finished_job(client, link)
    assert b"Soto" not in client.post(link).data


def test_what_was_made_before_an_erasure_and_stored_after_it_is_not_fetched(
    client: FlaskClient, morning: Morning, olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = ask(client, morning)
    monkeypatch.setattr("mobilize.privacy.retention.erasure.forget_made", lambda: None)
    job = finished_job(client, link)
    erase_member(morning.ana.id, by="shell", now=clock.now())
    assert files_kept() == 1 and "So many names" in client.get(link).text
    assert client.post(link).location != job


def test_with_its_action_the_file_is_forgotten(client: FlaskClient, morning: Morning, olga: Person) -> None:
    link = ask(client, morning)
    finished_job(client, link)
    forget_action(morning.action.id, by="shell", now=clock.now())
    assert files_kept() == 0
    assert client.post(link).status_code == 410


def test_who_sees_less_by_then_gets_a_file_of_that(
    client: FlaskClient, morning: Morning, olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = ask(client, morning)
    finished_job(client, link)
    with atomic() as session:
        [term] = session.scalars(select(RoleTerm).where(RoleTerm.person_id == olga.id))
        term.role, term.area_id = RoleName.ORGANIZER, morning.roosevelt.area_id
    live.forget()
    monkeypatch.setattr(export_jobs, "PEOPLE_AT_ONCE", 0)
    assert "So many names" in client.get(link).text
    finished_job(client, link)
    assert len(client.post(link).data.decode().splitlines()) == 2 + 1


def test_more_phones_than_may_leave_wait_for_a_second_person(
    client: FlaskClient, morning: Morning, olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = ask(client, morning, kind="phones")
    job = client.post(link).location
    monkeypatch.setattr("mobilize.privacy.exports.approval.wants_second_person", lambda _n: True)
    work()
    page = client.get(job).text
    assert "has been asked" in page and "make a new link where you asked" in page and files_kept() == 0
    assert ">To your exports<" in page and "Ask for it again" not in page
    assert client.post(link).status_code == 410
    [export] = db.session.scalars(select(Export))
    assert open_approval(ApprovalKind.PHONE_EXPORT, str(export.id), now=clock.now()) is not None


def test_nobody_else_fetches_it(client: FlaskClient, morning: Morning, olga: Person) -> None:
    link = ask(client, morning)
    job = finished_job(client, link)
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert client.get(job).status_code == 404
    assert client.get(link).status_code == 410 and client.post(link).status_code == 410
    assert files_kept() == 1


def test_few_names_and_figures_come_at_once(
    client: FlaskClient, morning: Morning, olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = ask(client, morning, kind="counts")
    assert client.post(link).status_code == 200
    monkeypatch.setattr(export_jobs, "PEOPLE_AT_ONCE", 3_000)
    assert client.post(ask(client, morning)).status_code == 200
    assert db.session.scalar(select(func.count()).select_from(Job)) == 0


def test_it_says_how_far_it_is(
    client: FlaskClient, morning: Morning, olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "TELLS_EVERY_S", 0.0)
    job = client.post(ask(client, morning)).location
    work()
    state = client.get(f"{job}/state").json
    assert state["words"] == "Listing everybody, site by site. 2 of 2"
    assert state["line"].startswith("Make a file: ") and state["line"].endswith(": done")
    assert [file.purpose for file in db.session.scalars(select(JobFile))] == [FilePurpose.EXPORT]
