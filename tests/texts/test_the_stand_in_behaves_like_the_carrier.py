"""The stand-in: the REST calls we use, its pages, its troubles, and that it is for demos only."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from mobilize.demo.carrier.server import Carrier
from mobilize.texts.carriers.twilio import _PooledHttp
from tests.texts.conftest import MIA, NATE

ACCOUNT, TOKEN, SERVICE = "AC" + "1" * 32, "secret", "MG" + "1" * 32


@pytest.fixture
def standing_in(tmp_path: Path) -> Iterator[Carrier]:
    running = Carrier(ACCOUNT, TOKEN, "http://127.0.0.1:1", state=tmp_path / "state").start()
    yield running
    running.stop()


@pytest.fixture
def twilio(standing_in: Carrier) -> Client:
    return Client(ACCOUNT, TOKEN, http_client=_PooledHttp(standing_in.url))


def get(carrier: Carrier, path: str, form: dict[str, str] | None = None, **headers: str):  # type: ignore[no-untyped-def]
    data = urlencode(form).encode() if form is not None else None
    return urllib.request.urlopen(urllib.request.Request(carrier.url + path, data, headers))


def test_create_list_and_fetch_work_with_the_real_client(twilio: Client):
    messages = [
        twilio.messages.create(to=MIA, messaging_service_sid=SERVICE, body=f"¡Hola! {n}") for n in range(25)
    ]
    listed = twilio.messages.list(to=MIA, page_size=10)
    assert [m.sid for m in listed] == [m.sid for m in reversed(messages)]
    assert len(twilio.messages.list(to=MIA, limit=20)) == 20
    assert twilio.messages(messages[0].sid).fetch().body == "¡Hola! 0"
    assert messages[0].status == "accepted" and messages[0].date_created.tzinfo is not None


def test_codes_of_the_original_come_back(twilio: Client, standing_in: Carrier):
    standing_in.say(NATE, "STOP")
    for to, code in ((NATE, 21610), ("+15005550001", 21211), ("+15005550009", 21614)):
        with pytest.raises(TwilioRestException) as no:
            twilio.messages.create(to=to, messaging_service_sid=SERVICE, body="x")
        assert (no.value.status, no.value.code) == (400, code)
    standing_in.say(NATE, "start")
    assert twilio.messages.create(to=NATE, messaging_service_sid=SERVICE, body="x").sid


def test_a_wrong_password_is_refused(standing_in: Carrier):
    stranger = Client(ACCOUNT, "wrong", http_client=_PooledHttp(standing_in.url))
    with pytest.raises(TwilioRestException) as no:
        stranger.messages.create(to=MIA, messaging_service_sid=SERVICE, body="x")
    assert (no.value.status, no.value.code) == (401, 20003)


def test_a_restart_forgets_nothing(twilio: Client, standing_in: Carrier, tmp_path: Path):
    twilio.messages.create(to=MIA, messaging_service_sid=SERVICE, body="kept")
    standing_in.say(NATE, "STOP")
    standing_in.stop()
    again = Carrier(ACCOUNT, TOKEN, "http://127.0.0.1:1", state=tmp_path / "state")
    assert [t["body"] for t in again.store.ledger()] == ["kept"]
    assert again.store.opted_out == {NATE}


def test_a_phone_shows_its_texts_and_can_answer(twilio: Client, standing_in: Carrier):
    twilio.messages.create(to=MIA, messaging_service_sid=SERVICE, body="Hi <b>Mia</b> https://a.example/x")
    listed = get(standing_in, "/").read().decode()
    assert "(213) 555-0101" in listed and "DEMO" in listed
    get(standing_in, f"/phones/{MIA}/say", {"body": "I am coming"})
    page = get(standing_in, f"/phones/{MIA}").read().decode()
    assert "Hi &lt;b&gt;Mia&lt;/b&gt;" in page and "I am coming" in page
    assert 'href="https://a.example/x"' in page


def test_another_sites_page_cannot_drive_it(standing_in: Carrier):
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        with pytest.raises(urllib.error.HTTPError) as no:
            get(standing_in, f"/phones/{MIA}/say", {"body": "STOP"}, **headers)
        assert no.value.code == 403


def test_it_refuses_to_start_in_production():
    argv = [sys.executable, "-m", "mobilize.demo.carrier.server", "--port", "0", "--account", ACCOUNT]
    argv += ["--token", TOKEN, "--callback-base", "https://mobilize.example.org"]
    done = subprocess.run(
        argv,
        env={**os.environ, "MOBILIZE_ENV": "production"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1 and "production" in done.stderr


def test_it_keeps_up_with_a_broadcast(standing_in: Carrier):
    """Far below what an idle machine does (over 1,000 a second at 50 ms), so that this never flickers."""
    standing_in.faults.latency_ms = 50
    http = _PooledHttp(standing_in.url)
    address = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json"

    def create(n: int) -> int:
        form: dict[str, object] = {"To": MIA, "MessagingServiceSid": SERVICE, "Body": str(n)}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return http.request("POST", address, data=form, headers=kind, auth=(ACCOUNT, TOKEN)).status_code

    began = time.monotonic()
    with ThreadPoolExecutor(64) as pool:
        assert set(pool.map(create, range(600))) == {201}
    assert time.monotonic() - began < 6
