"""A whole day of action through the real doors: commands, web, workers with beat and Redis, and a carrier.

Only the carrier's far end is stood in for. The union's zone is chosen so that it is six in the evening there
whenever this runs: the reminder for tomorrow is due, and nobody would be woken by it.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import requests
from flask import Flask
from sqlalchemy import select

from mobilize.database import atomic
from mobilize.demo.carrier.server import Carrier
from mobilize.roster.models import Membership, StatusSpan
from tests.services.processes import ROOT, Processes

pytestmark = pytest.mark.timeout(240)

SITES = """cds_code,name,street,city,zip,lat,lon,area,represented
19647330000001,Lincoln Elementary,1 Elm St,Los Angeles,90001,34.01,-118.21,North,1
19647330000002,Roosevelt High,2 Oak St,Los Angeles,90002,34.02,-118.22,South,1
"""
ROSTER = """Employee No,Last Name,First Name,Cell Phone,Language,CDS Code,Member Status
00000001,Ortiz,Carmen,213-555-0101,English,19647330000001,Active
00000002,Reyes,Mia,213-555-0102,Spanish,19647330000001,Active
00000003,Nguyễn,Linh,213-555-0103,English,19647330000001,Active
00000004,Stone,Max,213-555-0104,English,19647330000001,Active
00000005,Diaz,Dora,213-555-0105,Spanish,19647330000002,Active
00000006,Price,Sam,213-555-0106,English,19647330000002,Active
"""
CARMEN, MIA, LINH, MAX, DORA = (f"+1213555010{n}" for n in range(1, 6))


class Morning:
    """The local's world in this test: its commands, its web and its phones."""

    def __init__(self, environ: dict[str, str], carrier: Carrier, folder: Path):
        self.environ, self.carrier, self.folder = environ, carrier, folder
        self.base = environ["PUBLIC_BASE_URL"]

    def flask(self, *argv: str) -> object:
        """Run one of our commands and read its JSON; its error is the test's."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", *argv]
        done = subprocess.run(command, env=self.environ, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout) if "--json" in argv else done.stdout

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return str(self.folder / name)

    def texts_to(self, phone: str) -> list[str]:
        return [text["body"] for text in self.carrier.store.ledger() if text["to"] == phone]

    def wait_for_text(self, phone: str, word: str) -> str:
        wait_for(lambda: any(word in body for body in self.texts_to(phone)), f"a text with {word!r}")
        return next(body for body in self.texts_to(phone) if word in body)


def wait_for(what: Callable[[], bool], name: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"waited in vain for {name}"
        time.sleep(0.2)


def six_in_the_evening() -> tuple[str, timezone]:
    """A zone in which it is between 18:00 and 19:00 now. IANA's Etc names count westwards."""
    hours = (18 - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-hours:+d}", timezone(timedelta(hours=hours))


@pytest.fixture
def local_time(environ: dict[str, str]) -> datetime:
    name, zone = six_in_the_evening()
    environ["UNION_TIMEZONE"] = name
    return datetime.now(zone)


@pytest.fixture
def morning(
    pg_app: Flask,
    environ: dict[str, str],
    local_time: datetime,
    processes: Processes,
    port: int,
    tmp_path: Path,
) -> Iterator[Morning]:
    carrier = Carrier(
        environ["TWILIO_ACCOUNT_SID"],
        environ["TWILIO_AUTH_TOKEN"],
        environ["PUBLIC_BASE_URL"],
        number="+12135550100",
    )
    carrier.start()
    environ["TWILIO_API_URL"] = carrier.url
    processes.serve(environ, port)
    processes.celery("worker", "--concurrency", "1", environ=environ)
    yield Morning(environ, carrier, tmp_path)
    carrier.stop()


def test_from_a_roster_to_a_report(morning: Morning, local_time: datetime) -> None:
    today, tomorrow = prepare(morning, local_time)
    lincoln, roosevelt = events_of(morning, today)

    web = requests.Session()
    chair_signs_in(morning, web)
    line = chair_opens_their_line(morning, web, lincoln["code"])

    receipts = [member_checks_in(morning, lincoln["code"], typed) for typed in ("213-555-0102", "3")]
    receipts.append(member_checks_in(morning, lincoln["code"], "(213) 555-0102"))
    receipts.append(member_checks_in(morning, lincoln["code"], "213 555 0199"))
    assert len({masked(receipt) for receipt in receipts}) == 1, "the receipt tells who is a member"
    morning.carrier.say(MAX, f"here {lincoln['text_code']}")
    wait_for(lambda: line_state(web, line)["named"] == 3, "Max, who texted HERE")

    chair_ticks_themselves_and_counts(web, line)
    assert line_state(web, line)["named"] == 4

    morning.wait_for_text(DORA, "24")
    morning.carrier.say(DORA, "24")
    wait_for(lambda: figures(morning, today)["Roosevelt High"]["head_count"] == 24, "Dora's head count")

    result = figures(morning, today)
    assert (result["Lincoln Elementary"]["named"], result["Lincoln Elementary"]["head_count"]) == (4, 31)
    assert (result["Lincoln Elementary"]["came"], result["Lincoln Elementary"]["eligible"]) == (4, 4)
    assert (result["Roosevelt High"]["named"], result["Roosevelt High"]["eligible"]) == (0, 2)

    members_hear_of_tomorrow(morning, tomorrow)
    reads_report(morning, web, today, lincoln)


def prepare(morning: Morning, local_time: datetime) -> tuple[str, str]:
    """Import sites and roster, invite the chairs, and put two actions at every site."""
    morning.flask("sites", "import", morning.write("sites.csv", SITES), "--commit", "--json")
    roster = morning.flask("roster", "import", morning.write("roster.csv", ROSTER), "--commit", "--json")
    assert isinstance(roster, dict) and roster["imported"] == 6
    were_members_yesterday()
    for name, phone, site in (("Carmen Ortiz", CARMEN, "0000001"), ("Dora Diaz", DORA, "0000002")):
        where = ("--site", f"1964733{site}")
        morning.flask(
            "people", "invite", "--role", "chair", "--name", name, "--phone", phone, *where, "--json"
        )
    began = (local_time - timedelta(minutes=16)).replace(second=0, microsecond=0)
    ends = began + timedelta(hours=2)
    today = action(morning, "Evening picket", began, ends)
    early = (began + timedelta(days=1)).replace(hour=7, minute=0)
    return today, action(morning, "Morning picket", early, early + timedelta(minutes=45))


def were_members_yesterday() -> None:
    """Date memberships back: who is eligible is fixed at the start, and today's picket began before this
    import."""
    day = timedelta(days=1)
    with atomic() as session:
        for span in (Membership, StatusSpan):
            for row in session.scalars(select(span)):
                row.from_at -= day


def action(morning: Morning, name: str, starts: datetime, ends: datetime) -> str:
    span = ("--starts", starts.strftime("%Y-%m-%dT%H:%M"), "--ends", ends.strftime("%Y-%m-%dT%H:%M"))
    result = morning.flask(
        "actions", "create", "--name", name, "--kind", "picket", *span, "--at", "every-site", "--json"
    )
    assert isinstance(result, dict)
    return str(result["id"])


def events_of(morning: Morning, action_id: str) -> list[dict[str, str]]:
    events = morning.flask("events", "list", "--action", action_id, "--json")
    assert isinstance(events, list)
    return sorted(events, key=lambda event: event["site"])


def chair_signs_in(morning: Morning, web: requests.Session) -> None:
    page = web.get(f"{morning.base}/sign-in").text
    response = post(web, f"{morning.base}/sign-in", page, phone="213-555-0101")
    code = re.search(r"\b\d{4} \d{4}\b", morning.wait_for_text(CARMEN, "code"))
    assert code
    home = post(web, response.url, response.text, code=code[0])
    assert "Evening picket" in home.text, home.url


def chair_opens_their_line(morning: Morning, web: requests.Session, code: str) -> str:
    home = web.get(f"{morning.base}/overview").text
    opens = re.search(r'action="(/events/[^"]+/line)"', home)
    assert opens
    page = post(web, morning.base + opens[1], home)
    assert page.url.endswith(f"/line/{code}")
    assert "Linh N." in page.text
    assert not re.search(r"555.?010[1-6]", page.text), "a phone is on the captain's page"
    return page.url


def member_checks_in(morning: Morning, code: str, typed: str) -> str:
    """On a phone of their own, by the plain form."""
    phone = requests.Session()
    address = f"{morning.base}/C/{code}"
    answer = post(phone, address, phone.get(address).text, typed=typed)
    assert answer.status_code == 200
    return answer.text


def masked(receipt: str) -> str:
    """Without its time, its random code, and the snapshot of the line."""
    receipt = re.sub(r"\d{1,2}:\d\d.[AP]M", "TIME", receipt)
    receipt = re.sub(r'class="code">[0-9A-Z]{6}<', "CODE", receipt)
    return re.sub(r'class="value">\d+<', "COUNT", receipt)


def line_state(web: requests.Session, line: str) -> dict[str, int]:
    state: dict[str, int] = web.get(f"{line}/state").json()
    return state


def chair_ticks_themselves_and_counts(web: requests.Session, line: str) -> None:
    page = web.get(line).text
    tick = re.search(r'value="(tick:[0-9a-f-]+)"[^>]*aria-label="[^"]*Carmen', page)
    assert tick
    page = post(web, f"{line}/do", page, do=tick[1]).text
    post(web, f"{line}/do", page, do="head_count", n="31")


def figures(morning: Morning, action_id: str) -> dict[str, dict[str, int]]:
    rows = morning.flask("turnout", action_id, "--by", "site", "--format", "json")
    assert isinstance(rows, str)
    return {row["site"]: row for row in json.loads(rows)["sites"]}


def members_hear_of_tomorrow(morning: Morning, tomorrow: str) -> None:
    """Each once, in the member's language; the answer counts, and STOP is the last word."""
    assert "Morning picket" in morning.wait_for_text(LINH, "Morning picket")
    spanish = morning.wait_for_text(MIA, "Lincoln")
    assert "mañana" in spanish.lower()
    morning.carrier.say(LINH, "1")
    morning.carrier.say(MAX, "STOP")
    wait_for(lambda: len(morning.texts_to(LINH)) == 2, "an answer to Linh")
    about_tomorrow = [body for body in morning.texts_to(LINH) if "1" in body and "Morning picket" in body]
    assert len(about_tomorrow) == 1


def reads_report(morning: Morning, web: requests.Session, action_id: str, event: dict[str, str]) -> None:
    home = web.get(f"{morning.base}/overview").text
    report = re.search(rf'href="(/actions/{action_id}/sites/[^"]+/report)"', home)
    assert report
    page = web.get(morning.base + report[1])
    assert "Mia Reyes" in page.text and "31" in page.text
    paper = morning.folder / "report.pdf"
    morning.flask("reports", action_id, "--site", "19647330000001", "-o", str(paper))
    assert paper.read_bytes().startswith(b"%PDF")


def post(web: requests.Session, address: str, page: str, **fields: str) -> requests.Response:
    """Send a form of `page` as a browser does, with its hidden fields."""
    hidden = dict(re.findall(r'name="(csrf_token|token|nonce)"[^>]*value="([^"]*)"', page))
    return web.post(address, data={**hidden, **fields}, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30)
