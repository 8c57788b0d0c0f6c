"""A photo beside a head count, from a phone: made clean there, stored encrypted, sent after its count."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from mobilize import clock
from mobilize.checkins.models import HeadCount, Photo
from mobilize.checkins.photos.image_reencoding import LARGEST_PICTURE
from mobilize.checkins.photos.operations import allow_photos
from mobilize.database import db
from tests.journeys.phones import SOON, eventually, inside, kill, until
from tests.journeys.test_a_captains_list_stays_secret import found_in
from tests.journeys.test_the_line_works_without_a_network import line_phone
from tests.photos import COMMENT, MAKER, all_that_is_said, photo, photo_with_place, place_in

SAVED, SENT = "Photo saved on this phone, not yet sent", "Photo sent."
NOTHING_WAITS = inside("storage.all('line_queue').then((items) => items.length === 0)")


@pytest.fixture
def rosa(gate, phone_of):
    allow_photos(gate.event.action, True, actor="shell", now=clock.now())
    return line_phone(gate, phone_of, "rosa")


def count(page, n):
    page.get_by_label("How many people stand here now?").fill(str(n))
    page.get_by_role("button", name="Report head count").click()


def add(page, picture, kind="image/jpeg"):
    page.get_by_label("Add a photo").set_input_files({"name": "p.jpg", "mimeType": kind, "buffer": picture})


def pictures(event):
    """The pictures of a line, by the head counts that they go with."""
    rows = select(HeadCount.n, Photo).join(Photo, Photo.head_count_id == HeadCount.id)
    rows = rows.where(Photo.event_id == event.id).order_by(HeadCount.n)
    return {n: stored.picture for n, stored in db.session.execute(rows)}


def sent_by(page):
    """What leaves this phone for the address of photos."""
    bodies = []
    page.on("request", lambda sent: "/photos/line/" in sent.url and bodies.append(sent.post_data_buffer))
    return bodies


def test_a_photo_taken_without_a_network_comes_later_without_its_place(gate, rosa, phone_of, tmp_path):
    upload = photo_with_place(2400, 1800)
    assert place_in(upload)
    expect(rosa.page.get_by_label("Add a photo")).to_be_hidden()
    rosa.context.set_offline(True)
    count(rosa.page, 17)
    expect(rosa.page.get_by_text("The line, not faces")).to_be_visible()
    add(rosa.page, upload)
    expect(rosa.page.get_by_text(SAVED)).to_be_visible()
    rosa.page.evaluate("localStorage.canary = 'Canary Q.'")
    rosa.page.wait_for_timeout(6000)
    cookies = rosa.context.cookies()
    kill(rosa.context)
    own = tmp_path / "rosa"
    assert found_in(own, ["Canary Q.", MAKER, COMMENT, "/9j/4AAQSkZJRgAB"]) == {"Canary Q."}

    again, page = phone_of("rosa", cookies)
    again.set_offline(True)
    page.goto(gate.line)
    expect(page.get_by_text(SAVED)).to_be_visible()
    bodies = sent_by(page)
    again.set_offline(False)
    expect(page.get_by_text(SENT)).to_be_visible(timeout=SOON)
    eventually(lambda: list(pictures(gate.event)), [17])
    assert bodies and all(len(body) <= LARGEST_PICTURE for body in bodies)
    for picture in (*bodies, pictures(gate.event)[17]):
        # Browsers say which red they mean, the same for every picture.
        assert place_in(picture) == {} and all_that_is_said(picture).keys() <= {"icc_profile"}
        assert MAKER.encode() not in picture and COMMENT.encode() not in picture
    assert all_that_is_said(pictures(gate.event)[17]) == {}
    until(page, NOTHING_WAITS)


def test_another_photo_takes_its_place_and_another_count_has_its_own(gate, rosa):
    count(rosa.page, 17)
    for side in (400, 300):
        add(rosa.page, photo(side, 200))
        expect(rosa.page.get_by_text(SENT)).to_be_visible(timeout=SOON)
        until(rosa.page, NOTHING_WAITS)
    eventually(lambda: list(pictures(gate.event)), [17])
    count(rosa.page, 21)
    expect(rosa.page.get_by_text(SENT)).to_be_hidden()
    for _twice in range(2):
        add(rosa.page, photo_with_place(600, 400))
        expect(rosa.page.get_by_text(SENT)).to_be_visible(timeout=SOON)
    eventually(lambda: list(pictures(gate.event)), [17, 21])
    rosa.page.reload()
    expect(rosa.page.get_by_text(SENT)).to_be_visible()


def test_what_is_no_picture_is_said_and_the_count_is_in(gate, rosa):
    count(rosa.page, 12)
    add(rosa.page, b"no picture")
    expect(rosa.page.get_by_text("cannot make the photo small enough")).to_be_visible()
    eventually(lambda: db.session.scalars(select(HeadCount.n)).all(), [12])
    assert pictures(gate.event) == {}


def test_a_photo_that_is_not_wanted_any_more_leaves_the_phone_and_its_count_counts(gate, rosa):
    rosa.context.set_offline(True)
    count(rosa.page, 17)
    add(rosa.page, photo(400, 300))
    expect(rosa.page.get_by_text(SAVED)).to_be_visible()
    allow_photos(gate.event.action, False, actor="shell", now=clock.now())
    rosa.context.set_offline(False)
    expect(rosa.page.get_by_text("Photos are off for this action.")).to_be_visible(timeout=SOON)
    expect(rosa.page.get_by_text(SAVED)).to_be_hidden()
    eventually(lambda: db.session.scalars(select(HeadCount.n)).all(), [17])
    until(rosa.page, NOTHING_WAITS)
    assert pictures(gate.event) == {}


def test_a_server_that_cannot_take_it_now_gets_it_later(gate, rosa):
    answers = iter([503, 503])

    def busy_twice(route):
        code = next(answers, None)
        body = '{"error": "busy", "message": "Many photos are coming in."}'
        return route.fulfill(status=code, body=body) if code else route.continue_()

    rosa.page.route("**/photos/line/**", busy_twice)
    count(rosa.page, 17)
    add(rosa.page, photo(400, 300))
    expect(rosa.page.get_by_text(SENT)).to_be_visible(timeout=60_000)
    eventually(lambda: list(pictures(gate.event)), [17])
