"""A captain hears that Mia has a new number: the office sees it, compares, and takes it or not."""

from datetime import timedelta

import pytest

from mobilize.accounts.models import RoleName
from mobilize.checkins.models import NewNumber
from mobilize.checkins.review.phone_updates import waiting_numbers
from mobilize.database import db
from mobilize.privacy.retention.erasure import erase_member
from mobilize.privacy.retention.purge import purge
from mobilize.roster.models import Member
from tests.builders import make_event, make_member, make_person, make_site, sign_in
from tests.checkins.morning import OPEN

pytestmark = pytest.mark.usefixtures("in_the_morning")


@pytest.fixture
def mia(app):
    return make_member("Reyes", "Mia", site=make_site(), phone="+12135550101")


@pytest.fixture
def event(mia):
    return make_event(mia.memberships[0].site)


def tell(line, event, member, typed, n=1):
    item = {"nonce": f"{n:032x}", "kind": "new_number", "at": OPEN.isoformat(), "member": str(member.id)}
    return line.post(f"/line/{event.code}/items", json={"items": [item | {"typed": typed}]}).json["items"][0]


def phone_of(member):
    return db.session.get(Member, member.id, populate_existing=True).phone


def test_the_office_compares_and_takes_it(line, event, mia, client):
    for n in (1, 1, 2):  # sent again, and heard by a second captain
        assert tell(line, event, mia, "(213) 555-0190", n)["outcome"] == "counted"
    assert phone_of(mia) == "+12135550101", "nothing changes by itself"
    sign_in(client, make_person(role=RoleName.ADMIN))
    page = client.get("/members/new-numbers").text
    assert "(213) 555-0101" in page and "(213) 555-0190" in page and "Mia Reyes" in page
    [note] = waiting_numbers()
    for _ in range(2):
        client.post(f"/members/new-numbers/{note.id}", data={"do": "take"})
    assert phone_of(mia) == "+12135550190"
    assert not waiting_numbers()
    kept = db.session.query(NewNumber).one()
    assert kept.phone is None and kept.phone_index is None, "the note holds no number any more"


def test_the_office_leaves_it(line, event, mia, client):
    tell(line, event, mia, "2135550190")
    sign_in(client, make_person(role=RoleName.ADMIN))
    client.post(f"/members/new-numbers/{waiting_numbers()[0].id}", data={"do": "leave"})
    assert phone_of(mia) == "+12135550101" and not waiting_numbers()


def test_what_is_no_number_comes_back_and_is_not_kept(line, event, mia):
    for typed in ("", "soon", "555", "+44 20 7946 0958"):
        answer = tell(line, event, mia, typed)
        assert answer["stored"] is False and answer["why"], typed
    assert not waiting_numbers()


def test_a_captain_tells_only_of_their_own_list_and_the_page_works_as_a_plain_form(line, event, mia):
    stranger = make_member(site=make_site())
    assert tell(line, event, stranger, "2135550190")["stored"] is False
    fields = {"do": "new_number", "member": str(mia.id), "typed": "2135550190", "nonce": "a" * 32}
    assert "Done." in line.post(f"/line/{event.code}/do", data=fields, follow_redirects=True).text
    assert [note.member_id for note in waiting_numbers()] == [mia.id]


def test_nobody_but_the_office_sees_them(client, event, mia):
    sign_in(client, make_person(role=RoleName.CHAIR, site=mia.memberships[0].site))
    assert client.get("/members/new-numbers").status_code == 403


def test_a_note_nobody_looks_at_is_forgotten_and_so_is_an_erased_members(line, event, mia, in_the_morning):
    tell(line, event, mia, "2135550190")
    purge(OPEN + timedelta(days=29))
    assert db.session.query(NewNumber).count() == 1
    purge(OPEN + timedelta(days=31))
    assert db.session.query(NewNumber).count() == 0
    tell(line, event, mia, "2135550190", n=2)
    erase_member(mia.id, by="shell", now=OPEN)
    assert db.session.query(NewNumber).count() == 0
