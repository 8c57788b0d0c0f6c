"""What a phone on a bad network is sent: the same pages and files, in fewer bytes."""

import gzip
from pathlib import Path

import pytest
import time_machine

from mobilize.web import http_compression
from tests.builders import make_event
from tests.checkins.morning import OPEN, post

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture(autouse=True)
def in_the_morning():
    with time_machine.travel(OPEN, tick=False):
        yield


def test_the_page_and_the_receipt_come_compressed_to_whoever_takes_that(client):
    event = make_event()
    address = f"/c/{event.code}"
    plain, small = client.get(address), client.get(address, headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert len(small.data) < len(plain.data) * 0.6
    assert "Check in" in gzip.decompress(small.data).decode()
    receipt = post(client, event, "2135550142", headers=GZIP)
    assert "Thank you for standing up" in gzip.decompress(receipt.data).decode()
    assert int(receipt.headers["Content-Length"]) == len(receipt.data)
    wrong = post(client, event, "not a number", headers=GZIP)
    assert wrong.status_code == 422
    assert 'value="not a number"' in wrong.text, "what was typed is not compressed with anything"
    client.set_cookie("session", "own", domain="localhost")
    assert "Content-Encoding" not in client.get(address, headers=GZIP).headers, "nor what is their own"


@pytest.mark.parametrize(
    "path", ["/static/css/mobilize.css", "/static/js/check_in.js", "/sw.js", "/colours.css"]
)
def test_files_come_compressed_and_are_asked_for_once(client, path):
    plain, small = client.get(path), client.get(path, headers=GZIP)
    assert gzip.decompress(small.data) == plain.data
    assert small.headers["Vary"] == "Accept-Encoding"
    if etag := small.headers.get("ETag"):
        again = client.get(path, headers={**GZIP, "If-None-Match": etag})
        assert (again.status_code, again.data) == (304, b"")


def test_pictures_and_refusals_are_left_as_they_are(client):
    for path in ("/static/icons/icon-192.png", "/static/none.css"):
        assert "Content-Encoding" not in client.get(path, headers=GZIP).headers
    assert client.get("/c/NOSUCHCODE", headers={"Accept-Encoding": "gzip;q=0"}).status_code == 404


@pytest.mark.parametrize("path", ["/static/js/check_in.js", "/sw.js"])
def test_notes_for_whoever_reads_the_source_are_not_sent(app, client, path):
    source = (Path(app.static_folder) / path.removeprefix("/static/").lstrip("/")).read_bytes()
    sent = client.get(path).data
    assert 0 < len(sent) < len(source)
    assert b"/*" not in sent and b"\n// " not in sent


def test_a_script_is_worked_on_once_for_each_kind_of_browser(client, monkeypatch):
    http_compression.file_body.cache_clear()
    calls = []
    monkeypatch.setattr(http_compression, "jsmin", lambda data: calls.append(1) or data)
    for headers in ({}, GZIP, {}, GZIP):
        assert client.get("/static/js/check_in.js", headers=headers).status_code == 200
    assert len(calls) == 2
    http_compression.file_body.cache_clear()


def test_all_files_are_kept_for_both_kinds_of_browser_and_no_number_of_others(app):
    files = [path for path in Path(app.static_folder).rglob("*") if path.suffix in {".css", ".js", ".svg"}]
    most = http_compression.file_body.cache_info().maxsize
    assert 2 * len(files) < most
    for n in range(2 * most):
        http_compression.file_body(b"%d" % n, "text/css", gzipped=True)
    assert http_compression.file_body.cache_info().currsize == most
    http_compression.file_body.cache_clear()
