"""Photos from the line: who sees one, that each look is noted, and that none outlives its day or a wish."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind, Person, RoleName, RoleTerm
from mobilize.actions.models import Event
from mobilize.audit import AuditRow
from mobilize.backup import journal
from mobilize.checkins.models import HeadCount, Photo
from mobilize.checkins.photos.operations import add_photo, allow_photos
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.database import atomic, db
from mobilize.keys import rotation
from mobilize.privacy.photos.operations import delete_photo, repeat_delete
from mobilize.privacy.retention.erasure import erase_member
from mobilize.privacy.retention.forgetting import forget_due
from mobilize.privacy.retention.legal_holds import place_hold, release_hold
from mobilize.turnout.board import cache as live
from tests.builders import (
    make_action,
    make_area,
    make_event,
    make_member,
    make_person,
    make_site,
    sign_in,
    without_ids,
)
from tests.checkins.morning import nonce
from tests.photos import photo_with_place
from tests.services.client import without_token


class Pickets:
    """Lincoln in the North, Roosevelt in the South, with a photo each, and people who look after them."""

    def __init__(self) -> None:
        live.forget()
        self.now = now = clock.now()
        self.north, self.south = make_area("North"), make_area("South")
        self.lincoln, self.roosevelt = (
            make_site("Lincoln", area=self.north),
            make_site("Roosevelt", area=self.south),
        )
        self.action = make_action(starts_at=now - timedelta(minutes=5), ends_at=now + timedelta(hours=1))
        self.at_lincoln = make_event(self.lincoln, action=self.action)
        self.at_roosevelt = make_event(self.roosevelt, action=self.action)
        self.carmen = make_person("Carmen Ortiz", role=RoleName.CHAIR, site=self.lincoln)
        self.rosa = make_person("Rosa Lund", role=RoleName.CHAIR, site=self.roosevelt)
        self.olga = make_person("Olga Brandt", role=RoleName.ORGANIZER, area=self.north)
        self.ada = make_person("Ada Stone", role=RoleName.ADMIN)
        allow_photos(self.action, True, actor="shell", now=now)
        self.photo = self.take(self.at_lincoln, self.carmen)
        self.others = self.take(self.at_roosevelt, self.rosa, n=9)

    def take(self, event: Event, person: Person, n: int = 24) -> Photo:
        """A head count and its photo, from the phone of this chair."""
        until = self.now + timedelta(hours=2)
        grant, _token = grant_line(event.id, GrantKind.CHAIR, "", person, "shell", until, now=self.now)
        key, by = nonce(), f"grant:{grant.id}"
        report_head_count(event, n, counted_at=self.now, nonce=key, via="line", by=by, now=self.now)
        add_photo(event, key, photo_with_place(400, 300), by=by, now=self.now)
        return db.session.scalars(select(Photo).where(Photo.by == by)).one()

    @property
    def page(self) -> str:
        return f"/actions/{self.action.id}/photos"


@pytest.fixture
def pickets(app: Flask) -> Pickets:
    return Pickets()


def left() -> int:
    db.session.rollback()
    return len(db.session.scalars(select(Photo.id)).all())


def looks() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(AuditRow.ref).where(AuditRow.verb == "photo.see")))


def test_the_own_chair_the_organizer_of_the_area_and_the_office_see_it(
    pickets: Pickets, client: FlaskClient
) -> None:
    for person in (pickets.carmen, pickets.olga, pickets.ada):
        sign_in(client, person)
        page = client.get(pickets.page).text
        assert "Lincoln" in page and "24 people" in page
        assert ("Roosevelt" in page) == (person is pickets.ada)
        picture = client.get(f"/photos/{pickets.photo.id}")
        assert picture.mimetype == "image/jpeg" and picture.data.startswith(b"\xff\xd8\xff")
        assert picture.headers["Cache-Control"] == "no-store"
        assert picture.headers["X-Content-Type-Options"] == "nosniff"
        assert picture.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_to_everybody_else_it_is_as_if_there_were_none(pickets: Pickets, client: FlaskClient) -> None:
    sign_in(client, pickets.rosa)
    others, absent = client.get(f"/photos/{pickets.photo.id}"), client.get(f"/photos/{pickets.action.id}")
    answers = [without_token(answer.text) for answer in (others, absent)]
    assert others.status_code == absent.status_code == 404
    assert without_ids(answers[0]) == without_ids(answers[1])
    assert client.post(f"/photos/{pickets.photo.id}/delete").status_code == 404
    assert "Lincoln" not in client.get(pickets.page).text
    outsider = client.application.test_client()
    assert outsider.get(f"/photos/{pickets.photo.id}").status_code == 302
    assert left() == 2 and looks() == []


def test_a_captains_link_opens_none(pickets: Pickets, app: Flask) -> None:
    until = pickets.now + timedelta(hours=1)
    event = pickets.at_lincoln
    _grant, token = grant_line(event.id, GrantKind.CAPTAIN, "", None, "shell", until, now=pickets.now)
    captain = app.test_client()
    captain.set_cookie(f"line-{event.code}", token, domain="localhost")
    assert captain.get(f"/line/{event.code}").status_code == 200
    assert captain.get(f"/photos/{pickets.photo.id}").status_code == 302


def test_a_rallys_photos_are_for_who_organizes_all_that_come(pickets: Pickets, client: FlaskClient) -> None:
    coming = [pickets.lincoln, pickets.roosevelt]
    other = make_action(starts_at=pickets.now, ends_at=pickets.now + timedelta(hours=1))
    allow_photos(other, True, actor="shell", now=pickets.now)
    rally = make_event(None, action=other, venue="City Hall", chapters=coming)
    taken = pickets.take(rally, pickets.ada, n=900)
    for person, status in ((pickets.carmen, 404), (pickets.olga, 404), (pickets.ada, 200)):
        sign_in(client, person)
        assert client.get(f"/photos/{taken.id}").status_code == status
        assert ("City Hall" in client.get(f"/actions/{other.id}/photos").text) == (status == 200)


def test_each_look_is_noted_and_the_page_alone_is_none(pickets: Pickets, client: FlaskClient) -> None:
    sign_in(client, pickets.olga)
    client.get(pickets.page)
    assert looks() == []
    for _look in range(2):
        client.get(f"/photos/{pickets.photo.id}")
    assert looks() == [str(pickets.photo.id)] * 2
    actors = set(db.session.scalars(select(AuditRow.actor).where(AuditRow.verb == "photo.see")))
    assert actors == {f"person:{pickets.olga.id}"}


def test_who_sees_the_line_deletes_a_photo_and_the_count_stays(pickets: Pickets, client: FlaskClient) -> None:
    sign_in(client, pickets.carmen)
    photo_id = pickets.photo.id
    answers = [client.post(f"/photos/{photo_id}/delete", follow_redirects=True) for _again in range(2)]
    assert "The head count stays." in answers[0].text and answers[1].status_code == 404
    assert left() == 1
    assert client.get(f"/photos/{photo_id}").status_code == 404
    assert len(db.session.scalars(select(HeadCount)).all()) == 2
    deletions = db.session.execute(
        select(AuditRow.actor, AuditRow.ref).where(AuditRow.verb == "photo.delete")
    )
    assert list(map(tuple, deletions)) == [(f"person:{pickets.carmen.id}", str(photo_id))]


def test_the_office_reads_a_word_about_faces_and_switches(pickets: Pickets, client: FlaskClient) -> None:
    home = f"/actions/{pickets.action.id}"
    sign_in(client, pickets.olga)
    assert "See the photos" in client.get(home).text and "Turn photos off" not in client.get(home).text
    assert client.post(f"{home}/photos?allow=0").status_code == 403
    sign_in(client, pickets.ada)
    for _twice in range(2):
        assert "Photos are off now." in client.post(f"{home}/photos?allow=0", follow_redirects=True).text
    page = client.get(home).text
    assert page.index("Faces: anyone who can be recognized") < page.index("Allow photos")
    client.post(f"{home}/photos?allow=1")
    db.session.rollback()
    assert pickets.action.photos_at is not None
    sign_in(client, pickets.olga)
    client.post(f"{home}/photos?allow=0")
    db.session.rollback()
    assert pickets.action.photos_at is not None


def test_the_board_and_the_chairs_event_lead_to_it(pickets: Pickets, client: FlaskClient) -> None:
    of_event = f"{pickets.page}?event={pickets.at_lincoln.id}"
    sign_in(client, pickets.olga)
    site = client.get(f"/actions/{pickets.action.id}/turnout/{pickets.lincoln.id}?part=1").text
    assert "1 photo from the line" in site and of_event in site
    sign_in(client, pickets.carmen)
    assert of_event in client.get(f"/events/{pickets.at_lincoln.id}").text
    assert "Lincoln" in client.get(of_event).text
    assert "No photo here" in client.get(f"{pickets.page}?event={pickets.at_roosevelt.id}").text


def test_many_photos_come_page_by_page(pickets: Pickets, client: FlaskClient) -> None:
    for n in range(13):
        pickets.take(pickets.at_lincoln, pickets.carmen, n=n)
    sign_in(client, pickets.carmen)
    listed = [
        re.findall(r'src="/photos/([^"]+)"', client.get(f"{pickets.page}?page={n}").text) for n in (1, 2)
    ]
    assert [len(ids) for ids in listed] == [12, 2] and len(set(sum(listed, []))) == 14


def test_no_photo_outlives_fourteen_days(pickets: Pickets, client: FlaskClient) -> None:
    forget_due(pickets.now + timedelta(days=13, hours=23))
    assert left() == 2
    for _twice in range(2):
        forget_due(pickets.now + timedelta(days=14))
        assert left() == 0
    assert len(db.session.scalars(select(HeadCount)).all()) == 2


def test_one_that_is_due_is_shown_no_more_before_the_worker_comes(
    pickets: Pickets, client: FlaskClient
) -> None:
    with atomic():
        pickets.photo.until = pickets.now
    sign_in(client, pickets.carmen)
    assert client.get(f"/photos/{pickets.photo.id}").status_code == 404
    assert "No photo here" in client.get(pickets.page).text


def test_a_legal_hold_keeps_it(pickets: Pickets, client: FlaskClient) -> None:
    hold = place_hold(pickets.action.id, "Case 12", by="shell", now=pickets.now)
    forget_due(pickets.now + timedelta(days=15))
    sign_in(client, pickets.carmen)
    answer = client.post(f"/photos/{pickets.photo.id}/delete", follow_redirects=True)
    assert "A legal hold" in answer.text
    assert left() == 2
    release_hold(hold.id, by="shell", now=pickets.now)
    forget_due(pickets.now + timedelta(days=15))
    assert left() == 0


def test_who_took_it_and_is_erased_is_linked_no_more(pickets: Pickets) -> None:
    member = make_member("Ortiz", "Carmen", site=pickets.lincoln, phone="+12135550177")
    with atomic() as session:
        session.get_one(Person, pickets.carmen.id).member_id = member.id
        ended = select(RoleTerm).where(RoleTerm.person_id == pickets.carmen.id)
        session.scalars(ended).one().to_on = (pickets.now - timedelta(days=2)).date()
    for _twice in range(2):
        erase_member(member.id, by="member", now=pickets.now)
    db.session.rollback()
    assert db.session.get_one(Photo, pickets.photo.id).by == "forgotten"
    assert db.session.get_one(Photo, pickets.others.id).by.startswith("grant:")


def test_what_was_deleted_is_deleted_again_after_a_restore(
    pickets: Pickets, app: Flask, tmp_path: Path
) -> None:
    app.config["MOBILIZE"] = replace(was := app.config["MOBILIZE"], journal_folder=str(tmp_path))
    try:
        delete_photo(pickets.photo.id, by="person:a", now=pickets.now)
        [line] = list(journal.entries(pickets.now - timedelta(minutes=1)))
    finally:
        app.config["MOBILIZE"] = was
    assert line.kind == "photo.delete"
    again = pickets.take(pickets.at_lincoln, pickets.carmen)  # as a backup from before has it: another id
    count = db.session.get_one(HeadCount, again.head_count_id)
    for _twice in range(2):
        repeat_delete(pickets.at_lincoln.id, count.nonce, by="person:a", now=pickets.now)
    assert left() == 1


def test_a_new_key_seals_photos_again(pickets: Pickets) -> None:
    assert "photos.picture_enc" in {str(column) for column in rotation.sealed_columns()}
    before = pickets.photo.picture
    assert before.startswith(b"\xff\xd8\xff") and before not in pickets.photo.picture_enc


@pytest.mark.parametrize(
    "room",
    ["api", "webhooks", "turnout/reports", "turnout/statements", "privacy/exports", "actions/line_finder"],
)
def test_what_leaves_for_programs_and_outsiders_knows_of_no_photo(room: str) -> None:
    files = sorted(Path("mobilize", room).rglob("*.py"))
    knowing = [path for path in files if re.search(r"\bPhoto\b|\bphotos\b", path.read_text("utf-8"))]
    assert files and knowing == []
    assert "photo" not in Path("docs/openapi.json").read_text(encoding="utf-8").lower()
