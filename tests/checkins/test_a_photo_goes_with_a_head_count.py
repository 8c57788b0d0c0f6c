"""One photo beside a head count: where it is allowed, made anew without place or camera, and sealed."""

import io
import resource
import struct
import threading
import zlib
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from mobilize import clock
from mobilize.accounts.access.grants import grant_line, revoke_grant
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import Event
from mobilize.audit import AuditRow
from mobilize.checkins.models import HeadCount, Photo
from mobilize.checkins.photos import image_reencoding
from mobilize.checkins.photos.image_reencoding import LARGEST_PICTURE, LARGEST_UPLOAD, clean_jpeg
from mobilize.checkins.photos.operations import MOST_OF_A_LINE, allow_photos
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.database import db
from mobilize.errors import Refused
from tests.builders import make_action, make_event, make_site
from tests.checkins.morning import nonce
from tests.photos import COMMENT, MAKER, all_that_is_said, photo, photo_with_place, place_in

JPEG = {"Content-Type": "image/jpeg", "Accept": "application/json"}


class Line:
    """A picket that began five minutes ago, whose office has allowed photos, and a captain's phone there."""

    def __init__(self, client: FlaskClient, *, allowed: bool = True) -> None:
        now = clock.now()
        action = make_action(starts_at=now - timedelta(minutes=5), ends_at=now + timedelta(hours=1))
        self.client, self.event = client, make_event(make_site(), action=action)
        if allowed:
            allow_photos(action, True, actor="shell", now=now)
        until = now + timedelta(hours=2)
        self.grant, token = grant_line(self.event.id, GrantKind.CAPTAIN, "", None, "shell", until, now=now)
        client.set_cookie(f"line-{self.event.code}", token, domain="localhost")

    def count(self, n: int = 24, *, ago: timedelta = timedelta()) -> str:
        """A head count of this phone; returns its nonce."""
        key, now = nonce(), clock.now()
        how: Any = {"counted_at": now - ago, "via": "line", "by": f"grant:{self.grant.id}", "now": now}
        report_head_count(self.event, n, nonce=key, **how)
        return key.hex()

    def send(self, key: str, upload: bytes) -> TestResponse:
        return self.client.post(f"/photos/line/{self.event.code}/{key}", data=upload, headers=JPEG)

    def refused(self, key: str, upload: bytes) -> tuple[int, str]:
        """The status and the code of a refusal, which has words for a person."""
        answer = self.send(key, upload)
        assert answer.json and len(answer.json["message"]) > 20, answer.data
        return answer.status_code, answer.json["error"]


@pytest.fixture
def line(app: Flask, client: FlaskClient) -> Line:
    return Line(client)


def stored(event: Event) -> list[Photo]:
    db.session.rollback()
    return list(db.session.scalars(select(Photo).where(Photo.event_id == event.id)))


def test_a_photo_is_stored_upright_small_and_without_place_or_camera(line: Line) -> None:
    upload = photo_with_place()
    assert place_in(upload)[2] and MAKER.encode() in upload and COMMENT.encode() in upload
    key = line.count()
    assert line.send(key, upload).json == {"stored": True}
    [kept] = stored(line.event)
    assert all_that_is_said(kept.picture) == {} and place_in(kept.picture) == {}
    assert MAKER.encode() not in kept.picture and COMMENT.encode() not in kept.picture
    assert len(kept.picture) <= LARGEST_PICTURE
    with Image.open(io.BytesIO(kept.picture)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (960, 1280))
        red, _green, blue = picture.convert("RGB").getpixel((900, 640))  # type: ignore[misc]
        assert red > blue, "turned by a quarter, what was above is on the right"
    count = db.session.scalars(select(HeadCount)).one()
    assert (kept.head_count_id, kept.by) == (count.id, f"grant:{line.grant.id}")
    assert kept.until == count.counted_at + timedelta(days=14)


def test_its_row_holds_no_picture_that_opens_without_the_keys(line: Line) -> None:
    line.send(line.count(), photo_with_place())
    [row] = db.session.execute(select(Photo.__table__)).all()
    sealed = [value for value in row if isinstance(value, bytes)]
    assert sealed and not any(b"\xff\xd8\xff" in value or b"JFIF" in value for value in sealed)


def test_a_second_photo_of_a_count_takes_the_place_of_the_first(line: Line) -> None:
    key = line.count()
    line.send(key, photo(400, 300))
    [first] = stored(line.event)
    first_id = first.id
    assert line.send(key, photo(320, 200)).status_code == 200
    [second] = stored(line.event)
    with Image.open(io.BytesIO(second.picture)) as picture:
        assert picture.size == (320, 200)
    assert second.id != first_id
    line.send(line.count(25), photo(400, 300))
    assert len(stored(line.event)) == 2, "another count has its own"


def test_the_same_photo_twice_is_one(line: Line) -> None:
    key, upload = line.count(), photo(400, 300)
    answers = {line.send(key, upload).data for _again in range(2)}
    assert len(answers) == 1
    assert len(stored(line.event)) == 1


def test_none_is_taken_until_the_office_allows_them_nor_after(app: Flask, client: FlaskClient) -> None:
    line = Line(client, allowed=False)
    key, action = line.count(), line.event.action

    def switch(allowed: bool) -> bool:
        return allow_photos(action, allowed, actor="shell", now=clock.now())

    assert 'id="photo"' not in client.get(f"/line/{line.event.code}").text
    assert line.refused(key, photo(400, 300)) == (409, "photos_off")
    assert [switch(True), switch(True)] == [True, False]
    page = client.get(f"/line/{line.event.code}").text
    assert 'id="photo"' in page and f'data-count="{key}"' in page and "no children" in page
    assert line.send(key, photo(400, 300)).status_code == 200
    assert [switch(False), switch(False)] == [True, False]
    assert line.refused(line.count(), photo(400, 300)) == (409, "photos_off")
    assert len(stored(line.event)) == 1, "what was sent stays until its day"
    verbs = select(AuditRow.verb).where(AuditRow.ref == str(action.id)).order_by(AuditRow.id)
    assert [verb for verb in db.session.scalars(verbs) if "photos" in verb] == [
        "action.photos",
        "action.photos.off",
    ]


def test_a_photo_without_a_count_or_of_another_line_is_refused(line: Line, app: Flask) -> None:
    assert line.refused(nonce().hex(), photo(400, 300)) == (404, "no_count")
    other = Line(app.test_client())
    assert line.refused(other.count(), photo(400, 300)) == (404, "no_count")
    assert line.send("no nonce", photo(400, 300)).status_code == 404
    assert stored(line.event) == stored(other.event) == []


def test_a_phone_without_this_lines_link_sends_none(line: Line, app: Flask) -> None:
    address = f"/photos/line/{line.event.code}/{line.count()}"
    assert app.test_client().post(address, data=photo(400, 300), headers=JPEG).status_code == 403
    revoke_grant(line.grant, "shell", now=clock.now())
    assert line.refused(address.rpartition("/")[2], photo(400, 300)) == (403, "link_taken_back")
    assert stored(line.event) == []


def test_a_count_that_is_older_than_photos_are_kept_gets_none(line: Line) -> None:
    assert line.refused(line.count(ago=timedelta(days=14)), photo(400, 300)) == (409, "too_late")
    assert line.send(line.count(ago=timedelta(days=13)), photo(400, 300)).status_code == 200


def test_a_line_has_as_many_photos_as_are_good_for_something(line: Line) -> None:
    upload = photo(80, 60)
    keys = [line.count(n) for n in range(MOST_OF_A_LINE + 1)]
    assert {line.send(key, upload).status_code for key in keys[:-1]} == {200}
    assert line.refused(keys[-1], upload) == (409, "too_many")
    assert line.send(keys[0], upload).status_code == 200, "one of them may still be replaced"


def test_a_photo_never_stands_in_the_way_of_its_count(line: Line) -> None:
    key = line.count(31)
    assert line.refused(key, b"no picture at all") == (415, "no_picture")
    assert db.session.scalars(select(HeadCount.n)).all() == [31]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_these_kinds_are_taken(kind: str) -> None:
    with Image.open(io.BytesIO(clean_jpeg(photo(400, 300, kind=kind)))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (400, 300))


def test_what_is_transparent_becomes_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(out, "PNG")
    with Image.open(io.BytesIO(clean_jpeg(out.getvalue()))) as picture:
        assert picture.getpixel((20, 15)) == (255, 255, 255)


def _gif() -> bytes:
    return photo(400, 300, kind="GIF")


def _cut_off() -> bytes:
    return photo(400, 300)[:2000]


def _svg() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize("make", [bytes, _gif, _cut_off, _svg, lambda: b"\xff\xd8\xff" + b"\0" * 999])
def test_what_is_no_such_picture_is_refused_in_plain_words(app: Flask, make: Any) -> None:
    with app.test_request_context(), pytest.raises(Refused) as refused:
        clean_jpeg(make())
    assert refused.value.code == "no_picture" and "JPEG" in refused.value.message


def png_that_says(width: int, height: int) -> bytes:
    """The head of a PNG of this size, and hardly any pixels behind it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pixels = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def webp_that_says(width: int, height: int) -> bytes:
    """The head of an animated WebP with this canvas, and one frame of a few pixels."""
    out = io.BytesIO()
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    data = bytearray(out.getvalue())
    assert data[12:16] == b"VP8X"
    data[24:27], data[27:30] = (width - 1).to_bytes(3, "little"), (height - 1).to_bytes(3, "little")
    return bytes(data)


@pytest.mark.parametrize("make", [png_that_says, webp_that_says])
@pytest.mark.parametrize("side", [2_100, 9_000, 16_000])
def test_a_picture_that_would_fill_the_memory_is_not_decoded(app: Flask, make: Any, side: int) -> None:
    upload = make(side, side)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with app.test_request_context(), pytest.raises(Refused) as refused:
        clean_jpeg(upload)
    assert refused.value.code in ("too_large", "no_picture")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000, "in KiB"


def test_one_with_too_many_bytes_is_refused_before_it_is_looked_at(line: Line) -> None:
    assert line.refused(line.count(), b"x" * (LARGEST_UPLOAD + 1)) == (413, "too_large")


def test_a_picture_of_nothing_but_grain_still_fits() -> None:
    import random

    noise = Image.frombytes("RGB", (500, 400), random.Random(1).randbytes(500 * 400 * 3))
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=60)
    assert len(clean_jpeg(out.getvalue())) <= LARGEST_PICTURE


def test_photos_wait_their_turn_and_nobody_who_checks_in_waits_behind_them(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_reencoding, "_AT_ONCE", threading.BoundedSemaphore(1))
    key = line.count()
    with image_reencoding._AT_ONCE:
        assert line.refused(key, photo(400, 300)) == (503, "busy")
    assert line.send(key, photo(400, 300)).status_code == 200
