"""The canary: a whole morning of 500 members at debug level, and then every byte that was left is searched.

Allowed are the answer to one's own input, pages for those who may see them, and the carrier's side.
"""

import json
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import JSON, Column, Enum, String, func, select

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind, Person, RoleName
from mobilize.actions.models import Action, Event
from mobilize.checkins.models import Evidence, Method
from mobilize.checkins.photos.operations import allow_photos
from mobilize.database import Model, TranslatedText, db
from mobilize.demo.carrier.server import Carrier
from mobilize.keys.rotation import SealedColumn, sealed_columns
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.roster.models import Site
from mobilize.texts.queries import counts_by_state, is_opted_out
from mobilize.texts.receiving.inbound import take_inbound
from mobilize.turnout.board import cache as live
from tests.builders import full_session, make_member, make_person, sign_in
from tests.photos import photo_with_place
from tests.security import canary
from tests.security.canary import CANARIES, SURNAME, hits, hits_in_files
from tests.security.journey import Journey, Scratch
from tests.services.postgres import Postgres
from tests.services.processes import Processes
from tests.services.redis import Redis
from tests.world import World

pytestmark = pytest.mark.timeout(240)

BY_ID = "who did it, as person:<id>, grant:<id>, shell or worker"
OUR_WORD = "one word of ours, from a list in the code"
PLACE = "a place; it stands on posters"
PUBLISHED = "printed, texted or published to everybody as it is"
CARRIERS = "the carrier's own id or word"
OUR_NUMBER = "a number the union texts from, which everybody may know"
COUNTS = "counts and ids"
CODE = "a code of ours, which stands on posters and in addresses"
CLOCK = "a time zone"
IDS = "ids of ours"
SETTING = "the union's own name, zone, colour and help number, printed on posters"
LANGUAGE = "a code of a language"
# Every column of words that is not sealed, and why nobody stands in it. A new one joins here with its reason,
# or is sealed (`database.SealedText`).
HOLDS_NOBODY = {
    "actions.made_by": BY_ID,
    "actions.name": PUBLISHED,
    "admin_changes.made_by": BY_ID,
    "allowances.by": BY_ID,
    "allowances.ref": IDS,
    "api_tokens.prefix": CODE,
    "api_tokens.revoked_by": BY_ID,
    "api_tokens.scopes": OUR_WORD,
    "approvals.asked_by": BY_ID,
    "approvals.decided_by": BY_ID,
    "approvals.kind": OUR_WORD,
    "approvals.ref": IDS,
    "areas.name": PLACE,
    "attempts.carrier": OUR_WORD,
    "attempts.sid": CARRIERS,
    "attendance.duty": OUR_WORD,
    "audit.actor": BY_ID,
    "audit.ref": IDS,
    "audit.verb": OUR_WORD,
    "broadcasts.language": LANGUAGE,
    "broadcasts.made_by": BY_ID,
    "broadcasts.site_ids": IDS,
    "broadcasts.wording": OUR_WORD,
    "campaigns.demands": PUBLISHED,
    "campaigns.name": PUBLISHED,
    "carrier_blocks.carrier": OUR_WORD,
    "chair_changes.made_by": BY_ID,
    "code_requests.language": LANGUAGE,
    "code_requests.purpose": OUR_WORD,
    "consents.how": OUR_WORD,
    "consents.wording": OUR_WORD,
    "events.code": CODE,
    "events.meet_at": PLACE,
    "events.text_code": CODE,
    "events.tz": CLOCK,
    "events.venue": PLACE,
    "gates.name": PLACE,
    "head_counts.by": BY_ID,
    "head_counts.via": OUR_WORD,
    "health_checks.name": OUR_WORD,
    "health_checks.value": COUNTS,
    "heartbeats.identity": OUR_WORD,
    "heartbeats.name": OUR_WORD,
    "imports.by": BY_ID,
    "imports.kind": OUR_WORD,
    "imports.plan": "sites, as their file lists them",
    "imports.second_by": BY_ID,
    "imports.summary": "counts, line numbers, and the words of ours for what was wrong there",
    "inbound.carrier": OUR_WORD,
    "inbound.corrected_by": BY_ID,
    "inbound.done_by": BY_ID,
    "inbound.number": OUR_NUMBER,
    "inbound.sid": CARRIERS,
    "inbound.value": "a count, an event's digits or a language, as it was read; never the words",
    "leases.holder": "a process on one of our machines",
    "leases.name": OUR_WORD,
    "legal_holds.placed_by": BY_ID,
    "legal_holds.released_by": BY_ID,
    "jobs.by": BY_ID,
    "jobs.language": LANGUAGE,
    "line_grants.made_by": BY_ID,
    "matches.actor": BY_ID,
    "members.file_language": LANGUAGE,
    "members.language": LANGUAGE,
    "members.proposed_role": OUR_WORD,
    "new_numbers.by": BY_ID,
    "new_numbers.done_by": BY_ID,
    "old_codes.code": CODE,
    "old_codes.text_code": CODE,
    "one_time_links.made_by": BY_ID,
    "outbox.asks": OUR_WORD,
    "outbox.carrier": OUR_WORD,
    "outbox.claimed_by": "a process on one of our machines",
    "outbox.idempotency_key": "ids, and the blind index of the number",
    "outbox.language": LANGUAGE,
    "outbox.number": OUR_NUMBER,
    "outbox.only_for": OUR_WORD,
    "outbox.reason": OUR_WORD,
    "outbox.tz": CLOCK,
    "outbox.wording": OUR_WORD,
    "outside_totals.figures": COUNTS,
    "passkey_challenges.purpose": OUR_WORD,
    "people.language": LANGUAGE,
    "phone_rules.source": OUR_WORD,
    "phone_rules.wording": OUR_WORD,
    "photos.by": BY_ID,
    "questions.kind": OUR_WORD,
    "receipts.sid": CARRIERS,
    "receipts.status": CARRIERS,
    "recovery_gaps.trouble": OUR_WORD,
    "reminder_rules.wording": OUR_WORD,
    "reports.figures": COUNTS,
    "reports.made_by": BY_ID,
    "roles.granted_by": BY_ID,
    "senders.carrier": OUR_WORD,
    "senders.name": OUR_WORD,
    "senders.numbers": OUR_NUMBER,
    "site_calls.by": BY_ID,
    "site_calls.chair": BY_ID,
    "sites.campus": PLACE,
    "sites.city": PLACE,
    "sites.code": PLACE,
    "sites.name": PLACE,
    "sites.street": PLACE,
    "sites.tz": CLOCK,
    "sites.zip": PLACE,
    "staged_members.file_language": LANGUAGE,
    "staged_members.language": LANGUAGE,
    "staged_members.proposed_role": OUR_WORD,
    "statement_links.code": CODE,
    "statement_links.made_by": BY_ID,
    "stored_settings.changed_by": BY_ID,
    "stored_settings.name": OUR_WORD,
    "stored_settings.value": SETTING,
    "statements.figures": COUNTS,
    "statements.why": PUBLISHED,
    "statements.words": PUBLISHED,
    "supporters.by": BY_ID,
    "task_runs.error": "the class of an error, never its words",
    "task_runs.process": "a process on one of our machines",
    "task_runs.queue": OUR_WORD,
    "task_runs.task": OUR_WORD,
    "text_holds.by": BY_ID,
    "totals.figures": COUNTS,
    "unmatched_messages.carrier": OUR_WORD,
    "unmatched_messages.sid": CARRIERS,
    "voids.actor": BY_ID,
    "walkups.kind": OUR_WORD,
    "roster_columns.by": BY_ID,
    "roster_places.by": BY_ID,
    "webhook_deliveries.last_result": OUR_WORD,
    "webhook_events.key": IDS,
    "webhook_events.payload": COUNTS,
    "webhook_marks.digest": COUNTS,
    "webhook_marks.source": IDS,
    "webhooks.made_by": BY_ID,
    "webhooks.names_agreed_by": BY_ID,
    "webhooks.names_by": BY_ID,
    "webhooks.off_reason": OUR_WORD,
    "webhooks.topics": OUR_WORD,
    "wrong_numbers.done_by": BY_ID,
}

CODES = ["19647330000001", "19647330000002"]
SITES = f"""cds_code,name,street,city,zip,lat,lon,area,represented
{CODES[0]},Lincoln Elementary,1 Elm St,Los Angeles,90001,34.01,-118.21,North,1
{CODES[1]},Roosevelt High,2 Oak St,Los Angeles,90002,34.02,-118.22,South,1
"""
CHECKED_IN, TEXTED_IN = CANARIES[:24], CANARIES[30:36]


@pytest.fixture
def here(
    pg_app: Flask, environ: dict[str, str], processes: Processes, port: int, tmp_path: Path
) -> Iterator[tuple[Journey, Carrier]]:
    hours = (18 - datetime.now(UTC).hour + 12) % 24 - 12
    (tmp_path / "scratch").mkdir()
    environ |= {"UNION_TIMEZONE": f"Etc/GMT{-hours:+d}", "LOG_LEVEL": "DEBUG"}
    # Commands that run in this process mean the same times.
    chosen = replace(pg_app.config["MOBILIZE"], union_timezone=environ["UNION_TIMEZONE"])
    pg_app.config["MOBILIZE"] = chosen
    environ |= {"TMPDIR": str(tmp_path / "scratch"), "SEGMENTS_PER_SECOND": "2000"}
    account, token = environ["TWILIO_ACCOUNT_SID"], environ["TWILIO_AUTH_TOKEN"]
    carrier = Carrier(account, token, environ["PUBLIC_BASE_URL"]).start()
    environ["TWILIO_API_URL"] = carrier.url
    processes.serve(environ, port)
    processes.celery("worker", "--concurrency", "1", "--loglevel", "DEBUG", environ=environ)
    processes.celery("beat", "--loglevel", "DEBUG", environ=environ)
    yield Journey(environ, tmp_path), carrier
    carrier.stop()


def local_now(environ: dict[str, str]) -> datetime:
    return datetime.now(timezone(-timedelta(hours=int(environ["UNION_TIMEZONE"][7:]))))


def test_the_search_finds_what_it_looks_for() -> None:
    text = canary.roster(CODES).encode()
    assert hits(text) == {"name": 1000, "phone": 500, "member number": 500}
    for disguised in (text.hex().encode(), text.decode().encode("utf-16-le")):
        assert hits(disguised)["name"] == 1000
    assert hits(b'"(310) 555-0107"')["phone"] == 1 and hits(b"tel:+13105550107")["phone"] == 1


def columns_of_words() -> set[str]:
    """`table.column` of all that hold text or JSON as it is. A column of a list of ours (Enum) is none."""
    words = (column for column in _model_columns() if isinstance(column.type, String | JSON | TranslatedText))
    return {f"{column.table.name}.{column.name}" for column in words if not isinstance(column.type, Enum)}


def _model_columns() -> Iterator[Column[Any]]:
    for table in Model.metadata.sorted_tables:
        yield from table.columns


def test_every_column_of_words_is_sealed_or_says_why_nobody_stands_in_it(sqlite_app: Flask) -> None:
    assert columns_of_words() == HOLDS_NOBODY.keys()


def hits_by_column() -> dict[str, dict[str, int]]:
    """The columns in which something personal stands, bytes as they are and as they are written."""
    db.session.rollback()
    results: dict[str, dict[str, int]] = {}
    for column in _model_columns():
        text = b"\n".join(
            value if isinstance(value, bytes) else str(value).encode()
            for value in db.session.scalars(select(column))
            if value is not None
        )
        if counts := hits(text):
            results[f"{column.table.name}.{column.name}"] = dict(counts)
    return results


def test_what_people_type_of_others_is_sealed_wherever_they_type_it(app: Flask, client: FlaskClient) -> None:
    """One canary in every field for words of one's own. What is printed for everybody is none of them."""
    live.forget()
    world, one = World(), CANARIES[77]
    output = f"for {one.first} {one.last}, {one.phone}, {one.number}"
    of = world.own
    home = db.session.get_one(Site, of["site_id"])
    for _n in range(25):  # so many phones want a second person, who reads what for
        make_member("Okafor", "Nate", site=home)
    sign_in(client, world.people[RoleName.ADMIN])
    set_default_rules(clock.now())
    invited = {"name": f"{one.first} {one.last}", "phone": CANARIES[78].phone, "role": "admin"}
    added = {"first": one.first, "last": one.last, "phone": one.phone, "language": "en", "status": "active"}
    text = {"text_en": output, "text_es": output, "audience": "members", "urgent": output}
    with_names = {"format": "csv", "reason": output}
    typed: list[tuple[str, dict[str, str]]] = [
        (f"/events/{of['event_id']}/captains", {"label": output}),
        (f"/events/{of['event_id']}/captains/{of['grant_id']}/hand-over", {"label": output}),
        (f"/actions/{of['action_id']}/walls", {"label": output}),
        (f"/actions/{of['action_id']}/unmatched/{of['evidence_id']}", {"do": "not_ours", "reason": output}),
        (f"/actions/{of['action_id']}/texts/new", text),
        (f"/events/{of['event_id']}/text", {"wording": "chair_meet_at", "where": one.first + one.last}),
        (
            f"/actions/{of['action_id']}/reminders",
            {"do": "early_call:on", "minutes_before": "60", "reason": output},
        ),
        ("/texts/health/pause", {"why": output}),
        (f"/campaigns/{of['campaign_id']}/texts/pause", {"why": output}),
        (f"/inbox/{of['inbound_id']}/answer", {"answer": output}),
        (f"/exports/{of['action_id']}", {"kind": "names", **with_names}),
        (f"/exports/{of['action_id']}", {"kind": "phones", **with_names}),
        ("/privacy/holds", {"action": "all", "reason": output}),
        ("/people", invited),
        ("/members/new", {"number": one.number, **added}),
        (f"/members/{of['member_id']}", added | {"phone": CANARIES[79].phone}),
        ("/members", {"q": output}),
        ("/audit", {"q": output}),
        (f"/events/{of['event_id']}/new-code", {"leaked": output}),
        ("/tokens", {"label": output, "scopes": "names", "area": "", "days": "7", "reason": output}),
    ]
    for path, form in typed:
        answer = client.post(path, data=form)
        assert answer.status_code < 400, (path, answer.status_code)
    for n, words in enumerate((output, one.phone, one.phone[2:], one.number, f"{one.first} {one.last}")):
        take_inbound(f"SM{n:032x}", CANARIES[80].phone, words, now=clock.now())
    _at_the_line(client, of, output)
    assert hits_by_column() == {}
    kept = [column for column in sealed_columns() if str(column) in TYPED]
    opened = {
        str(column): any(
            SURNAME in str(column.sealed.open(*row)) for row in db.session.execute(_values(column))
        )
        for column in kept
    }
    assert opened == dict.fromkeys(TYPED, True), "what was typed is there, for who may open it"


TYPED = [
    "approvals.summary_enc",
    "broadcasts.text_enc",
    "broadcasts.urgent_reason_enc",
    "exports.reason_enc",
    "inbound.body_enc",
    "legal_holds.reason_enc",
    "line_grants.label_enc",
    "matches.reason_enc",
    "members.name_enc",
    "outbox.blanks_enc",
    "people.name_enc",
    "reminder_rules.reason_enc",
    "senders.paused_why_enc",
    "text_holds.why_enc",
    "voids.reason_enc",
    "walkups.typed_enc",
]


def _values(column: SealedColumn) -> Any:
    return select(column.row_id, column.column).where(column.column.is_not(None))


def _at_the_line(client: FlaskClient, of: dict[str, Any], text: str) -> None:
    """A name is ticked, and taken back with a reason; somebody walks in who is on no list."""
    event = db.session.get_one(Event, of["event_id"], populate_existing=True)
    ends_at = event.ends_at + timedelta(hours=1)
    _grant, token = grant_line(event.id, GrantKind.CAPTAIN, text, None, "shell", ends_at, now=clock.now())
    client.set_cookie(f"line-{event.code}", token, domain="localhost")
    at, walked_in = clock.now().isoformat(), f"{CANARIES[81].first} {CANARIES[81].last}"
    items = [
        {"nonce": f"{1:032x}", "kind": "tick", "at": at, "member": str(of["member_id"])},
        {"nonce": f"{2:032x}", "kind": "untick", "at": at, "member": str(of["member_id"]), "reason": text},
        {"nonce": f"{3:032x}", "kind": "walkin", "at": at, "typed": walked_in},
        {"nonce": f"{4:032x}", "kind": "new_number", "at": at, "member": str(of["member_id"]),
         "typed": CANARIES[82].phone},
    ]  # fmt: skip
    answer = client.post(f"/line/{event.code}/items", json={"items": items})
    assert answer.status_code == 200 and len(answer.json["items"]) == 4, answer.text


def test_what_goes_wrong_names_nobody_in_the_log(environ: dict[str, str]) -> None:
    """Celery's line of a task that failed, the clock's of a message that did not leave, a thread's that died,
    and the last one of a process."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.security.everything_fails"],
        env={**environ, "LOG_LEVEL": "DEBUG"}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    output = ran.stdout + ran.stderr
    assert hits(output) == {}, output.decode()
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    failed = [line for line in lines if "ValueError" in line["event"] + line.get("where", "")]
    loggers = {line["logger"] for line in failed}
    assert loggers == {"celery.app.trace", "celery.beat", "kombu.test", "mobilize"}
    assert ran.returncode == 1 and b"Traceback" not in output


def test_nothing_personal_is_left_anywhere(
    here: tuple[Journey, Carrier],
    pg_app: Flask,
    postgres: Postgres,
    redis_server: Redis,
    processes: Processes,
) -> None:
    journey, carrier = here
    scratch = Scratch(journey.folder / "scratch")
    today = prepare(journey)
    events = json.loads(journey.quick("events", "list", "--action", today, "--json"))
    lincoln = next(event for event in events if event["site"].startswith("Lincoln"))
    members_check_in(journey, lincoln["code"])
    strangers_and_mistakes(journey, lincoln["code"])
    people_text(journey, carrier, lincoln["text_code"])
    picture = the_chair_and_the_office_look(journey, pg_app, today, lincoln["code"])
    journey.quick("turnout", today, "--by", "site", "--format", "csv")
    journey.quick("texts", "status")
    journey.quick("audit", "list")
    wait_for(lambda: counts_by_state()["delivered"] >= 490, "the reminders")
    assert hits(json.dumps(carrier.store.ledger()).encode())["phone"] >= 490, "the carrier was told"
    scratch.stop()

    left = {
        "logs": hits_in_files(processes.folder, but=(".csv", ".pdf")),
        "what commands and public pages said": hits(b"\n".join(journey.public)),
        "addresses": hits("\n".join(sorted(journey.addresses)).encode()),
        "redis, all it was ever told": hits_in_files(redis_server.folder),
        "temporary files": scratch.hits,
        "what the database server says": hits((postgres.folder / "log").read_bytes()),
        "the database, table by table": hits(dump(pg_app.config["DATABASE_URL"])),
        "the database's own files": hits_in_files(*own_files(postgres)),
    }
    assert {place: hits_there for place, hits_there in left.items() if hits_there} == {}
    places = [processes.folder, redis_server.folder, postgres.folder / "log", *own_files(postgres)]
    assert [path for path in _files(places) if picture[2000:2040] in path.read_bytes()] == []
    assert picture[2000:2040].hex().encode() not in dump(pg_app.config["DATABASE_URL"])
    logs = b"".join(path.read_bytes() for path in processes.folder.glob("*.log"))
    debugging = re.findall(rb'"level": "debug", "logger": "redis', logs)
    assert debugging, "it was not the debug level, at which libraries say most"
    assert len(dump(pg_app.config["DATABASE_URL"])) > 500_000


def _files(places: list[Path]) -> Iterator[Path]:
    for place in places:
        yield from [place] if place.is_file() else (path for path in place.rglob("*") if path.is_file())


def prepare(journey: Journey) -> str:
    """Import, invite, two actions, posters: by command."""
    for name, text in (("sites.csv", SITES), ("roster.csv", canary.roster(CODES))):
        (journey.folder / name).write_text(text, encoding="utf-8")
    journey.quick("sites", "import", str(journey.folder / "sites.csv"), "--commit")
    journey.flask("roster", "import", str(journey.folder / "roster.csv"), "--commit", "--json")
    chair = CANARIES[0]
    name = ("--name", f"{chair.first} {chair.last}", "--phone", chair.phone)
    journey.quick("people", "invite", "--role", "chair", *name, "--site", CODES[0], "--json")
    began = local_now(journey.environ).replace(second=0, microsecond=0) - timedelta(minutes=10)
    today = _action(journey, "Evening picket", began, began + timedelta(hours=3))
    early = (began + timedelta(days=1)).replace(hour=7, minute=0)
    _action(journey, "Morning picket", early, early + timedelta(minutes=45))
    journey.flask("posters", today, "-o", str(journey.folder / "posters.pdf"))
    return today


def _action(journey: Journey, name: str, starts: datetime, ends: datetime) -> str:
    span = ("--starts", starts.strftime("%Y-%m-%dT%H:%M"), "--ends", ends.strftime("%Y-%m-%dT%H:%M"))
    kind = ("--kind", "picket", *span, "--at", "every-site", "--json")
    return str(json.loads(journey.quick("actions", "create", "--name", name, *kind))["id"])


def members_check_in(journey: Journey, code: str) -> None:
    for n, one in enumerate(CHECKED_IN):
        phone = requests.Session()
        page = journey.get(phone, f"/C/{code}").text
        typed = one.number if n % 3 == 0 else one.phone
        assert journey.post(phone, f"/C/{code}", page, typed=typed).status_code == 200
        # The same phone again, which is known by now: nobody is greeted by name or number.
        journey.get(phone, f"/C/{code}")


def strangers_and_mistakes(journey: Journey, code: str) -> None:
    """Make requests that go wrong, with somebody's name or number in them. The answer may repeat one's own
    input."""
    nate, one = requests.Session(), CANARIES[444]
    name = f"{one.first} {one.last}"
    page = journey.get(nate, f"/C/{code}").text
    for typed in (name, one.phone + "9", one.phone * 40, f"\0{name}", "x" * 100 + name):
        journey.post(nate, f"/C/{code}", page, shows_names=True, typed=typed)
    journey.post(nate, f"/C/{code}", "", shows_names=True, typed=one.phone, token="not ours")
    for path in ("/c/", "/enter/", "/line/", "/people?place=", "/"):
        for secret in (name, one.phone):
            nate.get(journey.base + path + secret, timeout=30)
    paths = ("/sign-in", "/sign-in/code", "/people", f"/line/{code}/items", "/texts/inbound", "/language")
    for path in paths:
        # Each on a connection of its own: what is refused unread ends the one it came by.
        requests.post(journey.base + path, data={"phone": one.phone, "code": name, "next": name}, timeout=30)
        requests.post(journey.base + path, json={"items": [{"phone": one.phone, "name": name}]}, timeout=30)
    with suppress(requests.ConnectionError):  # refused before it was read to its end
        requests.post(journey.base + "/sign-in", data=name.encode() * 99_000, timeout=30)
    sign_in = journey.get(nate, "/sign-in").text
    for who in (CANARIES[0], CANARIES[7], CANARIES[499]):
        journey.post(nate, "/sign-in", sign_in, phone=who.phone)


def people_text(journey: Journey, carrier: Carrier, text_code: str) -> None:
    for one in TEXTED_IN:
        carrier.say(one.phone, f"here {text_code}")
    talker = CANARIES[40]
    carrier.say(talker.phone, f"this is {talker.first} {talker.last}, call me at {talker.phone}")
    carrier.say(CANARIES[41].phone, "STOP")
    carrier.faults.refuse[CANARIES[43].phone] = 21211
    carrier.faults.next |= {"500": 2, "429": 1, "garbage_accepted": 2}
    wait_for(lambda: is_opted_out(CANARIES[41].phone), "the STOP")
    by_text = select(func.count()).where(Evidence.method == Method.TEXT)
    wait_for(lambda: db.session.scalar(by_text) == len(TEXTED_IN), "the check-ins by text")


def the_chair_and_the_office_look(journey: Journey, app: Flask, action_id: str, code: str) -> bytes:
    """Pages on which names stand, for those who may see them: they do, and in no address. Returns the picture
    that was looked at."""
    now = clock.now()
    db.session.rollback()
    site = db.session.scalars(select(Site).where(Site.code == CODES[0])).one()
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    chair = db.session.scalars(select(Person).where(Person.id != ada.id)).one()
    report = f"/actions/{action_id}/sites/{site.id}/report"
    paths = {
        chair.id: ["/overview", report, f"{report}.pdf", f"{report}.csv", f"/sites/{CODES[0]}"],
        ada.id: ["/people", "/sites", "/audit", "/texts", "/protections", "/imports", "/approvals"],
    }
    for person in (chair, ada):
        web = requests.Session()
        web.cookies.set("session", full_session(person, now=now))
        for path in paths[person.id]:
            assert journey.get(web, path, shows_names=True).status_code == 200, path
        if person is chair:
            home = journey.get(web, "/overview", shows_names=True).text
            opens = re.search(r'action="(/events/[^"]+/line)"', home)
            assert opens
            line = journey.post(web, opens[1], home, shows_names=True)
            assert hits(line.content)["name"] > 30, "the line page shows its names"
            tick = re.search(r'value="(tick:[0-9a-f-]+)"', line.text)
            assert tick
            journey.post(web, f"/line/{code}/do", line.text, shows_names=True, do=tick[1])
            journey.get(web, f"/line/{code}/state")
            picture = _a_photo_comes_and_is_looked_at(journey, web, code, action_id)
            _names_leave_as_a_file(journey, web, f"/exports/{action_id}")
        else:
            page = journey.get(web, "/members", shows_names=True).text
            journey.post(web, "/members", page, shows_names=True, q=CANARIES[99].phone)
            journey.post(web, "/audit", page, shows_names=True, q=CANARIES[0].last)
            page = journey.get(web, "/imports", shows_names=True).text
            _upload(journey, web, page)
    return picture


def _a_photo_comes_and_is_looked_at(
    journey: Journey, web: requests.Session, code: str, action_id: str
) -> bytes:
    """One whose camera names somebody, from the chair's phone. Returns it as the chair sees it."""
    one = CANARIES[5]
    allow_photos(db.session.get_one(Action, uuid.UUID(action_id)), True, actor="shell", now=clock.now())
    line = journey.get(web, f"/line/{code}", shows_names=True)
    journey.post(web, f"/line/{code}/do", line.text, shows_names=True, do="head_count", n="24")
    line = journey.get(web, f"/line/{code}", shows_names=True)
    key = re.search(r'data-count="([0-9a-f]{32})"', line.text)
    assert key
    sent = photo_with_place(artist=f"{one.first} {one.last}, {one.phone}")
    assert hits(sent)["name"] == 2, "as any program would find it"
    address, headers = f"{journey.base}/photos/line/{code}/{key[1]}", {"Content-Type": "image/jpeg"}
    assert web.post(address, data=sent, headers=headers, timeout=30).json() == {"stored": True}
    assert web.post(address, data=sent[:9000], headers=headers, timeout=30).status_code == 415
    page = journey.get(web, f"/actions/{action_id}/photos", shows_names=True).text
    of_picture = re.search(r'src="(/photos/[^"]+)"', page)
    assert of_picture
    picture = web.get(journey.base + of_picture[1], timeout=30).content
    assert hits(picture) == {} and len(picture) > 5000
    return picture


def _names_leave_as_a_file(journey: Journey, web: requests.Session, exports: str) -> None:
    page = journey.get(web, exports, shows_names=True).text
    wish = {"kind": "names", "format": "csv", "reason": f"Thank-you calls to {CANARIES[9].last}"}
    confirmation = journey.post(web, exports, page, shows_names=True, **wish).text
    link = re.search(r'href="(/exports/file/[^"]+)"', confirmation)
    assert link
    assert hits(journey.post(web, link[1], confirmation, shows_names=True).content)["name"] > 30


def _upload(journey: Journey, web: requests.Session, page: str) -> None:
    """The roster through the browser, large enough to have become a temporary file."""
    token = re.search(r'name="csrf_token"\s+value="([^"]*)"', page)
    assert token
    body = canary.roster(CODES) + "x" * 2_000_000
    answer = web.post(
        f"{journey.base}/imports/roster", data={"csrf_token": token[1]}, files={"file": ("r.csv", body)},
        headers={"Sec-Fetch-Site": "same-origin"}, timeout=60,
    )  # fmt: skip
    assert answer.status_code in (200, 422)
    journey.addresses.add(answer.url)


def dump(url: str) -> bytes:
    """Every table as text, bytes in hexadecimal: what a copy says to whoever lacks the keys."""
    out: list[bytes] = []
    with psycopg.connect(url) as connection:
        listed = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in listed:
            with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as rows:
                out += [bytes(part) for part in rows]
        connection.execute("CHECKPOINT")
    return b"".join(out)


def own_files(server: Postgres) -> list[Path]:
    """The files of this database, its write-ahead log and its log."""
    with psycopg.connect(server.url("test")) as connection:
        row = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    assert row
    data = server.folder / "data"
    return [data / "base" / str(row[0]), data / "pg_wal"]


def wait_for(what: Callable[[], bool], name: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        db.session.rollback()
        if what():
            return
        assert time.monotonic() < deadline, f"waited in vain for {name}: {dict(counts_by_state())}"
        time.sleep(0.3)
