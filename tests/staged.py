"""What somebody has to have staged before its page is there, in each state it can be in, by the operations.

What no crawl can open is in `LEFT_OUT`, in words why; docs/pages.md says it too.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Flask

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.access.scope import scope_of, today
from mobilize.accounts.models import ChairChange, GrantKind, LinkKind, Person, RoleName
from mobilize.accounts.people import chairs_jobs
from mobilize.accounts.sign_in.one_time_links import make_link
from mobilize.actions.models import Action, Event
from mobilize.actions.printing.jobs import start_posters
from mobilize.database import db
from mobilize.jobs import operations as jobs
from mobilize.jobs.files import NamedFile
from mobilize.jobs.models import Job, JobKind, JobStep
from mobilize.jobs.operations import JobRun
from mobilize.languages import Translated
from mobilize.privacy.exports.jobs import start_export
from mobilize.privacy.exports.operations import ask_for_export
from mobilize.privacy.models import ExportFormat, ExportKind
from mobilize.roster.imports import jobs as import_jobs
from mobilize.roster.models import Import, Member, Site
from mobilize.turnout.reports.jobs import start_reports
from mobilize.turnout.statements.operations import OfficerSignature, open_link, prepare, publish
from mobilize.webhooks.endpoints.operations import make_webhook, send_test, switch
from tests.builders import make_site
from tests.roster.files import member, roster, site_list
from tests.world import STAGED, World, address, routes_and_methods
from workers.jobs import RUNNERS

# An endpoint, and the values in its address.
Page = tuple[str, dict[str, Any]]

NO_PAGE = "a file or figures for a script, and no page"
LEFT_OUT = {
    "roster.refused_lines": NO_PAGE,
    "jobs.job_file": NO_PAGE,
    "jobs.job_state": NO_PAGE,
    "checkins.calendar_feed": NO_PAGE,
    "turnout.wall_figures": NO_PAGE,
    "setup.start": "opens while the installation has no admin, and this world has one",
    "roster.show_import, of a list of sites that is not in place": "there is one dry run, here a roster's",
    "privacy.file, of a large file before it is asked for": "takes more than 3,000 members",
    "accounts.enter, grants.open_line, turnout.wall, privacy.file: of a link that has ended": "answered 410",
    "privacy.file, once a second person is asked": "is the answer to a form; the job's page says the same",
}
# They answer with a file, or end the session of whoever opens them.
ENDINGS_OF_NO_PAGE = ("/healthz", "/readyz", ".csv", ".xlsx", ".json", ".pdf", ".ics")


def page_addresses(app: Flask, world: World) -> list[str]:
    """The address of every page there is, with the ids of one's own, and of what Ada has staged."""
    event = db.session.get_one(Event, world.own["event_id"])
    addresses = {address_of(app, page) for page in stage(world)}
    for kind in ("anyone", "signed_in", "grant", "first_step"):
        # The code in a public address is the event's, behind the door a site's.
        code = world.own["code"] if kind == "signed_in" else event.code
        for rule, method in routes_and_methods(app, kind):
            path = address(app, rule, {**world.own, "code": code})
            is_page = method == "GET" and not path.endswith(ENDINGS_OF_NO_PAGE)
            if is_page and not rule.arguments & STAGED:
                addresses.add(path)
    return sorted(addresses)


def stage(world: World) -> list[Page]:
    """Pages that are there once somebody has begun something: Ada of the office has, and sees them all."""
    ada = world.people[RoleName.ADMIN]
    by = f"person:{ada.id}"
    pages = [*_imports(world, by), *_chairs(world, by), *_statements(world, ada), *_links(world, by)]
    return [*pages, *_webhooks(by), *_long_work(world, ada, by)]


def address_of(app: Flask, page: Page) -> str:
    endpoint, values = page
    return str(app.url_map.bind("localhost").build(endpoint, values))


def _imports(world: World, by: str) -> list[Page]:
    """A list of sites in place; a roster that can be undone; one with unknown places and refused lines, which
    would remove many."""
    sites = _in_place(_read("sites", site_list(), by), by)
    rows = [_row(half) for half in (world.own, world.others)]
    first = _in_place(_read("roster", roster(*rows), by), by)
    lost = member("00000177", "Soto", "Ana", phone="213-555-0177", code="", school="Nowhere Middle")
    second = _read("roster", roster(lost, member("12", "Okafor", "Nate")), by)
    return [("roster.show_import", {"import_id": import_id}) for import_id in (sites, first, second)]


def _in_place(import_id: UUID, by: str) -> UUID:
    dry_run = db.session.get_one(Import, import_id)
    import_jobs.start_on(dry_run, JobKind.IMPORT, by=by, now=clock.now())
    _work()
    return import_id


def _row(half: dict[str, Any]) -> list[str]:
    """The member of a half, as the roster has them."""
    one = db.session.get_one(Member, half["member_id"])
    return member(one.number, "Reyes", "Mia", phone=one.phone or "", code=half["code"])


def _read(kind: str, content: bytes, by: str) -> UUID:
    file = NamedFile(f"{kind}.csv", content)
    job = import_jobs.start_reading(kind, file, by=by, now=clock.now(), chosen={}, district=None)
    return _result(job)


def _chairs(world: World, by: str) -> list[Page]:
    """A list of chairs that was carried out, and the next one with a refused line."""
    site = make_site("Adams", area=db.session.get_one(Site, world.own["site_id"]).area)
    line = f"{site.code},Chapter Chair,"
    done = _list_of_chairs(by, f"{line}Nina Soto,213-555-0178")
    chairs_jobs.start_carrying_out(db.session.get_one(ChairChange, done), by=by, now=clock.now())
    _work()
    read = _list_of_chairs(by, f"{line}Omar Reyes,213-555-0179", "Nowhere,Chapter Chair,Tia Peña,1")
    return [
        ("accounts.carried_out_chairs", {"change_id": done}),
        ("accounts.show_chairs", {"change_id": read}),
    ]


def _list_of_chairs(by: str, *lines: str) -> UUID:
    file = NamedFile("chairs.csv", "\n".join(["Site,Role,Name,Phone", *lines]).encode())
    return _result(chairs_jobs.start_reading(file, None, by=by, now=clock.now()))


def _statements(world: World, ada: Person) -> list[Page]:
    """A statement and its correction, public."""
    action = db.session.get_one(Action, world.own["action_id"])
    reason = Translated(en="Phones sent late.", es="Los teléfonos mandaron tarde.")
    for why in (Translated(), reason):
        draft = prepare(action, ada, clock.now())
        publish(draft.id, draft.as_of_at, OfficerSignature("Ada Stone", reason=why), ada, clock.now())
    code = open_link(action.id, f"person:{ada.id}", clock.now()).code
    own: list[Page] = [
        ("turnout.statement", {"action_id": action.id, "version": version}) for version in (1, 2)
    ]
    public: list[dict[str, Any]] = [{"code": code}, {"code": code, "version": 1}]
    return [*own, *(("turnout.public_statement", values) for values in public)]


def _links(world: World, by: str) -> list[Page]:
    """Of a captain, of a wall, and of somebody who signs in with one."""
    now, event = clock.now(), db.session.get_one(Event, world.own["event_id"])
    rosa = db.session.get_one(Person, world.own["person_id"])
    ends = now + timedelta(hours=2)
    _captain, captain = grant_line(event.id, GrantKind.LINK, "Rosa", None, by, ends, now=now)
    _wall, wall = grant_line(event.id, GrantKind.WALL, "Hall", None, by, ends, now=now)
    enter = make_link(rosa, by, kind=LinkKind.DISPLAYED, now=now)
    tokens = {captain: "grants.open_line", wall: "turnout.wall", enter: "accounts.enter"}
    return [(endpoint, {"token": token}) for token, endpoint in tokens.items()]


def _webhooks(by: str) -> list[Page]:
    """One with a delivery that waits, and one that is off."""
    how: dict[str, Any] = {"actor": by, "now": clock.now()}
    names, url = ("Map", "Old"), "https://example.org/map"
    on, off = (make_webhook(name, url, ["event.moved"], **how)[0] for name in names)
    send_test(on, **how)
    switch(off, False, **how)
    return [("webhooks.webhook", {"webhook_id": one.id}) for one in (on, off)]


def _long_work(world: World, ada: Person, by: str) -> list[Page]:
    """A job that is done, refused, went wrong, runs and waits; files that are made at once, lie ready and are
    being made. Whatever waits comes last, since whoever works takes what waits the longest."""
    action, now = db.session.get_one(Action, world.own["action_id"]), clock.now()
    how: dict[str, Any] = {"by": by, "now": now}
    done = start_posters(action, None, each=False, **how)
    _work()
    refused = start_posters(action, world.others["area_id"], each=False, **how)
    _work()
    failed = start_reports(action, None, **how)
    with suppress(LookupError):
        _work(JobKind.REPORTS, _fails)
    running = start_posters(action, None, each=True, **how)
    with suppress(SystemExit):
        _work(JobKind.POSTERS, _begins_and_dies)
    at_once, ready, making = (_export(action, ada) for _n in range(3))
    _making(ready, ada)
    _work()
    waiting = [start_reports(action, None, **how), _making(making, ada)]
    pages: list[Page] = [
        ("jobs.job", {"job_id": job.id}) for job in (done, refused, failed, running, *waiting)
    ]
    return [*pages, *(("privacy.file", {"token": token}) for _export, token in (at_once, ready, making))]


def _export(action: Action, ada: Person) -> tuple[Any, str]:
    now = clock.now()
    how: dict[str, Any] = {"person": ada, "scope": scope_of(ada, today(now)), "now": now}
    export, token = ask_for_export(action, ExportKind.NAMES, ExportFormat.CSV, "Calls to all who came", **how)
    assert token is not None
    return export, token


def _making(request: tuple[Any, str], ada: Person) -> Job:
    now = clock.now()
    return start_export(*request, scope=scope_of(ada, today(now)), now=now)


def _fails(_run: JobRun) -> None:
    raise LookupError


def _begins_and_dies(run: JobRun) -> None:
    run.tell(JobStep.DRAWING, 1, 2)
    raise SystemExit


def _result(job: Job) -> UUID:
    """What came of a job once it is done."""
    _work()
    assert job.result_id is not None, job.message
    return job.result_id


def _work(kind: JobKind | None = None, do: Callable[[JobRun], UUID | None] | None = None) -> None:
    """Do what waits the longest; or, a job of this kind, badly."""
    try:
        assert jobs.run_next({kind: do} if kind and do else RUNNERS, now=clock.now())
    finally:
        db.session.rollback()
