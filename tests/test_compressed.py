"""What a phone on a bad network is sent: the same pages and files, in fewer bytes."""

import gzip
from pathlib import Path

import pytest
import time_machine

from mobilize import compressed
from mobilize.compressed import KeptPage
from tests.builders import make_event
from tests.checkins.morning import OPEN, post

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.fixture(autouse=True)
def in_the_morning():
    with time_machine.travel(OPEN, tick=False):
        yield


@pytest.mark.parametrize("page", ["", "\ue000", "a\ue000b", "ñ\ue001\ue000" * 50, "long " * 5000 + "\ue002"])
@pytest.mark.parametrize("word", ["", "7:05 AM", "sesión " * 100])
def test_a_kept_page_is_the_same_compressed(page, word):
    kept, says = KeptPage(page), {"\ue000": word, "\ue001": "1,204"}
    assert gzip.decompress(kept._gzipped(says)).decode() == kept.filled(says)
    assert kept.filled(says) == page.replace("\ue000", word).replace("\ue001", "1,204").replace("\ue002", "")


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
    client.set_cookie("session", "hers", domain="localhost")
    assert "Content-Encoding" not in client.get(address, headers=GZIP).headers, "nor what is hers"


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


@pytest.mark.parametrize("path", ["/static/css/mobilize.css", "/static/js/check_in.js", "/sw.js"])
def test_notes_for_whoever_reads_the_source_are_not_sent(app, client, path):
    source = (Path(app.static_folder) / path.removeprefix("/static/").lstrip("/")).read_bytes()
    sent = client.get(path).data
    assert 0 < len(sent) < len(source)
    assert b"/*" not in sent and b"\n// " not in sent


def test_a_file_is_made_lean_once_for_each_kind_of_browser(client, monkeypatch):
    compressed.lean_file.cache.clear()
    made = []
    monkeypatch.setattr(compressed, "jsmin", lambda data: made.append(1) or data)
    for headers in ({}, GZIP, {}, GZIP):
        assert client.get("/static/js/check_in.js", headers=headers).status_code == 200
    assert len(made) == 2
    compressed.lean_file.cache.clear()


def test_the_kept_files_hold_no_more_than_their_bound(client):
    """What a file was before is not held beside what it became: its key is a digest."""
    cache = compressed.lean_file.cache
    cache.clear()
    big = b"/*" + b"x" * 1_000_000 + b"*/"
    for n in range(20):
        compressed.lean_file(b"%d" % n + big, "text/css", gzipped=True)
    held = sum(len(part) for key in cache for part in key if isinstance(part, bytes | str))
    assert held < 100 * len(cache) and cache.currsize >= held + sum(len(value) for value in cache.values())
    cache.clear()
