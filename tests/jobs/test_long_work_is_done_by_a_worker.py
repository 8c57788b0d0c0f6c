"""Whoever starts long work may leave it: a worker does it once, and says when it is done."""

import os
import re
import signal
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.printing.jobs import start_posters
from mobilize.database import atomic, db, is_postgres, locks
from mobilize.errors import Refused
from mobilize.jobs import operations as jobs
from mobilize.jobs.files import PART_BYTES, NamedFile, file_of
from mobilize.jobs.labels import progress
from mobilize.jobs.models import FilePurpose, Job, JobFile, JobKind, JobState, JobStep
from mobilize.jobs.operations import DEAD_AFTER, JobRun
from mobilize.jobs.queries import CLOCK
from mobilize.roster.imports import operations as importing
from mobilize.roster.models import Import, ImportState, Member
from tests.at_once import all_at_once
from tests.builders import make_action, make_area, make_person, sign_in
from tests.jobs.work import work
from tests.roster.files import member, roster
from tests.roster.importing import import_sites
from tests.services.processes import Processes

SUBJECT = uuid.uuid4()


def begin(by: str = "person:ada", kind: JobKind = JobKind.IMPORT, **more: object) -> Job:
    how = {"language": "en", "about": "", "now": clock.now(), "subject_id": SUBJECT, **more}
    return jobs.start(kind, by=by, **how)  # type: ignore[arg-type]


def run(do: Callable[[JobRun], uuid.UUID | None]) -> bool:
    ran = jobs.run_next({JobKind.IMPORT: do}, now=clock.now())
    db.session.rollback()
    return ran


def the_job() -> Job:
    db.session.rollback()  # what others wrote is not in what this transaction has read
    return db.session.scalars(select(Job)).one()


def long_ago(job: Job) -> None:
    """Its run was not heard of for longer than a run that lives is silent."""
    with atomic() as session:
        session.execute(update(Job).values(heartbeat_at=clock.now() - DEAD_AFTER - timedelta(seconds=1)))


def test_the_same_work_asked_for_twice_is_one_job_and_runs_once(app: Flask) -> None:
    assert begin().id == begin().id
    ran: list[uuid.UUID] = []
    assert run(lambda one: ran.append(one.id)) and not run(lambda one: ran.append(one.id))
    assert len(ran) == 1 and the_job().state is JobState.DONE
    assert begin().id != ran[0], "what has ended may be asked for anew"


def test_two_workers_at_once_do_a_job_once(app: Flask) -> None:
    begin()
    ran: list[uuid.UUID] = []

    def slowly(one: JobRun) -> None:
        time.sleep(0.2)
        ran.append(one.run_id)

    runners = {JobKind.IMPORT: slowly}
    all_at_once(app, *[lambda: jobs.run_next(runners, now=clock.now())] * 2)
    assert len(ran) == 1 and the_job().runs == 1


def test_a_job_whose_worker_died_begins_again_and_the_dead_one_writes_nothing(app: Flask) -> None:
    begin()
    late: list[JobRun] = []

    def dies(one: JobRun) -> None:
        late.append(one)
        raise SystemExit

    with pytest.raises(SystemExit):
        run(dies)
    assert not run(lambda _one: None), "it may live"
    long_ago(the_job())
    assert run(lambda _one: None) and the_job().state is JobState.DONE
    with pytest.raises(jobs.RunWasLost):
        late[0].end(JobState.FAILED)
    assert the_job().state is JobState.DONE and the_job().runs == 2


def test_a_job_that_kills_every_worker_is_given_up(app: Flask) -> None:
    begin()

    def dies(_one: JobRun) -> None:
        raise SystemExit

    for _n in range(jobs.MOST_RUNS):
        with pytest.raises(SystemExit):
            run(dies)
        long_ago(the_job())
    assert not run(dies) and the_job().state is JobState.FAILED


def test_writing_a_roster_says_how_many_rows_of_how_many(app: Flask) -> None:
    import_sites()
    progress_rows: list[tuple[int, int]] = []
    for first, last in ((1, 40), (21, 60)):
        data = roster(*[member(str(n)) for n in range(first, last + 1)])
        staged = importing.dry_run_roster(data, by="shell", now=clock.now())
        progress_rows.clear()
        importing.commit_import(
            staged.id, by="shell", now=clock.now(), tell=lambda _step, *rows: progress_rows.append(rows)
        )
        done, total = progress_rows[-1]
        assert done == total > 40 and progress_rows == sorted(progress_rows)
        assert len({rows for rows, _total in progress_rows}) > 2
    importing.undo_import(
        staged.id, by="shell", now=clock.now(), tell=lambda _step, *rows: progress_rows.append(rows)
    )
    assert progress_rows[-1] == (total, total)


def test_the_page_of_an_import_has_a_number_while_it_writes(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite, which has one writer, only before and after."""
    begin()
    monkeypatch.setattr(jobs, "TELLS_EVERY_S", 0.0)
    on_page: list[str] = []

    def writes(one: JobRun) -> None:
        with atomic():
            one.tell_inside(JobStep.WRITING, 12_000, 39_119)
            with app.app_context():  # whoever looks at the page
                on_page.append(progress(db.session.get_one(Job, one.id)))

    assert run(writes)
    number = " 12,000 of 39,119" if is_postgres() else ""
    assert on_page[0].endswith(number) and ("12,000" in on_page[0]) is is_postgres()


def test_a_job_is_named_in_the_language_of_whoever_reads(app: Flask, client: FlaskClient) -> None:
    ada = make_person("Ada", role=RoleName.ADMIN)
    sign_in(client, ada)
    action = make_action()
    job = start_posters(action, None, each=False, by=f"person:{ada.id}", now=clock.now())
    assert "Make posters: Morning picket" in client.get(f"/jobs/{job.id}").text
    assert "Hacer carteles: Piquete matutino" in client.get(f"/jobs/{job.id}?lang=es").text


def test_a_run_says_how_far_it_is_and_lives_while_one_statement_takes_long(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin()
    monkeypatch.setattr(jobs, "BEATS_EVERY_S", 0.05)

    def tells(one: JobRun) -> None:
        one.tell(JobStep.READING, 5, 10)
        before = the_job().heartbeat_at
        time.sleep(0.4)
        db.session.rollback()
        job = the_job()
        assert before and job.heartbeat_at and job.heartbeat_at > before
        assert (job.step, job.done, job.total) == (JobStep.READING, 5, 10)

    assert run(tells) and the_job().state is JobState.DONE, the_job().message


def test_what_nobody_expected_ends_the_job_and_reaches_the_log(app: Flask) -> None:
    begin()

    def fails(_one: JobRun) -> None:
        raise KeyError("a name")

    with pytest.raises(KeyError):
        run(fails)
    assert the_job().state is JobState.FAILED and the_job().message is None


def test_files_are_sealed_whole_and_gone_after_a_day(app: Flask) -> None:
    content = os.urandom(PART_BYTES + 7)
    job = begin(upload=NamedFile("miembros, peña.csv", content))
    assert file_of(job.id, FilePurpose.UPLOAD) == NamedFile("miembros, peña.csv", content)
    stored = db.session.execute(select(JobFile.name_enc, JobFile.content_enc)).all()
    assert len(stored) == 2 and not any("peña".encode() in name for name, _content in stored)
    jobs.forget_old(clock.now() + timedelta(hours=23))
    assert file_of(job.id, FilePurpose.UPLOAD) is not None
    for _twice in range(2):
        jobs.forget_old(clock.now() + timedelta(hours=25))
    assert file_of(job.id, FilePurpose.UPLOAD) is None and the_job().state is JobState.FAILED
    jobs.forget_old(clock.now() + timedelta(days=8))
    assert db.session.scalar(select(func.count()).select_from(Job)) == 0


def lines_of(page: str) -> list[str]:
    """What a page says of the requester's own long work."""
    lines = re.findall(r'<p class="own-job.*?</p>', page, re.DOTALL)
    return [" ".join(re.sub("<.*?>", "", line, flags=re.DOTALL).split()) for line in lines]


@pytest.fixture
def ada(client: FlaskClient) -> str:
    person = make_person("Ada Office", role=RoleName.ADMIN)
    sign_in(client, person)
    return f"person:{person.id}"


def test_ada_leaves_and_finds_the_work_again_and_every_page_says_when_it_is_done(
    client: FlaskClient, ada: str
) -> None:
    job = begin(ada, about="roster of May")
    page = client.get(f"/jobs/{job.id}").text
    assert "It starts in a moment." in page and "Check again" in page
    assert client.get(f"/jobs/{job.id}/state").json == {
        "open": True, "state": "waiting", "word": "waits", "line": "Import: roster of May: waits",
        "words": "It starts in a moment.", "done": 0, "total": 0,
    }  # fmt: skip
    assert "Import: roster of May: waits" in lines_of(client.get("/imports").text)
    assert "Import: roster of May" in client.get("/jobs").text

    def refuses(_one: JobRun) -> None:
        raise Refused("stale", "Choose the file again.")

    run(refuses)
    assert "Import: roster of May: not done" in lines_of(client.get("/imports").text)
    assert "Choose the file again." in client.get(f"/jobs/{job.id}").text
    assert "roster of May" not in client.get("/imports").text, "seen"
    assert "not done" in client.get("/jobs").text


def test_a_job_is_only_for_whoever_started_it(client: FlaskClient, ada: str) -> None:
    job = begin("person:somebody else", about="roster of May")
    for path in (f"/jobs/{job.id}", f"/jobs/{job.id}/state", f"/jobs/{job.id}/file"):
        assert client.get(path).status_code == 404
    assert "roster of May" not in client.get("/jobs").text + client.get("/imports").text


def test_the_page_says_when_nobody_works(client: FlaskClient, ada: str) -> None:
    job = begin(ada, now=clock.now() - timedelta(minutes=2))
    assert "Long work is not running right now." in client.get(f"/jobs/{job.id}").text
    locks.record_run(CLOCK, now=clock.now())
    page = client.get(f"/jobs/{job.id}").text
    assert "not running" not in page and "for other long work to end" in page


def test_whoever_may_not_any_more_gets_nothing_done(client: FlaskClient) -> None:
    import_sites()
    olga = make_person("Olga", role=RoleName.ORGANIZER, area=make_area("West"))
    jobs.start(
        JobKind.READ_SITES, by=f"person:{olga.id}", language="en", about="", now=clock.now(),
        options={"district": None}, upload=NamedFile("sites.csv", b"x"),
    )  # fmt: skip
    work()
    assert the_job().state is JobState.REFUSED and "may not do this" in the_job().message


@pytest.fixture
def big_roster(pg_app: Flask) -> Job:
    import_sites()
    person = make_person("Ada Office", role=RoleName.ADMIN)
    rows = [member(str(n), f"Doe{n}", "Nia", phone="") for n in range(1, 6_001)]
    return jobs.start(
        JobKind.READ_ROSTER, by=f"person:{person.id}", language="en", about="", now=clock.now(),
        options={"chosen": {}, "before": [], "own": True}, upload=NamedFile("members.csv", roster(*rows)),
    )  # fmt: skip


def wait_until(ready: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        db.session.rollback()
        time.sleep(0.05)


def test_a_roster_whose_worker_is_killed_in_the_middle_is_read_by_the_next(
    pg_app: Flask, big_roster: Job, environ: dict[str, str], processes: Processes
) -> None:
    environ |= {"PATIENCE": "0.05"}
    first = processes.celery("worker", "--queues", "codes,jobs", environ=environ)
    wait_until(lambda: the_job().step is JobStep.COMPARING)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert the_job().state is JobState.RUNNING
    assert db.session.scalar(select(func.count()).select_from(Member)) == 0
    long_ago(the_job())
    processes.celery("worker", "--queues", "codes,jobs", environ=environ)
    wait_until(lambda: not the_job().is_open)
    job = the_job()
    assert (job.state, job.runs) == (JobState.DONE, 2), (job.message, job.step)
    states = {row.id: row.state for row in db.session.scalars(select(Import).where(Import.kind == "roster"))}
    assert states.pop(job.result_id) is ImportState.STAGED
    assert set(states.values()) == {ImportState.DROPPED}, "what the dead worker had begun"
