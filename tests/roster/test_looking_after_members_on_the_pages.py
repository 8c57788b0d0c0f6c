"""Olga and the office on the pages: sites, chapters, one member by hand, an import from upload to undo."""

import io
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize.accounts.models import RoleName
from mobilize.checkins.member.personal_links import ended_links
from mobilize.database import db
from mobilize.roster.models import Import, ImportState, Member, Membership, MemberStatus, Site, StatusSpan
from mobilize.roster.names import PersonName
from tests.builders import make_area, make_member, make_person, make_site, sign_in
from tests.jobs.work import carried_out
from tests.roster.files import HEADER, MAPLE, member, roster, site_list, workbook
from tests.roster.importing import import_sites, who

JANUARY = datetime(2026, 1, 10, 18, tzinfo=UTC)


@pytest.fixture
def office(client: FlaskClient) -> FlaskClient:
    sign_in(client, make_person("Ada Office", role=RoleName.ADMIN))
    return client


def upload(client: FlaskClient, kind: str, data: bytes, **more: str):  # type: ignore[no-untyped-def]
    answer = client.post(f"/imports/{kind}", data={"file": (io.BytesIO(data), "list.csv"), **more})
    return carried_out(client, answer)


def do(client: FlaskClient, address: str):  # type: ignore[no-untyped-def]
    """Post, and let the worker do it."""
    return carried_out(client, client.post(address))


def test_olga_finds_sites_of_their_area_by_name_and_by_chair(client: FlaskClient) -> None:
    north, harbor = make_area("North"), make_area("Harbor")
    pena, birch = make_site("Cedar Peña High", area=north), make_site("Birch Middle", area=north)
    make_site("Harbor High", area=harbor)
    make_person("Carmen Ortiz", role=RoleName.CHAIR, site=birch)
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=north))
    page = client.get("/sites").text
    assert "Cedar Peña High" in page and "Birch Middle" in page and "Harbor High" not in page
    assert "Birch" not in client.get("/sites?q=PENA").text
    assert (
        "Cedar" not in client.get("/sites?chair=yes").text
        and "Birch" not in client.get("/sites?chair=no").text
    )
    assert client.get(f"/sites/{pena.code}").status_code == 200


def test_a_site_outside_their_area_looks_like_one_that_does_not_exist(client: FlaskClient) -> None:
    hidden = make_site("Harbor High")
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=make_area("North")))
    assert client.get(f"/sites/{hidden.code}").status_code == client.get("/sites/none").status_code == 404


def test_a_chair_sees_their_own_chapter_with_names_and_no_other(client: FlaskClient) -> None:
    own, other = make_site("Birch Middle"), make_site("Oak High")
    make_member("Reyes", "Mia", site=own, phone="+12135550101")
    sign_in(client, make_person("Carmen", role=RoleName.CHAIR, site=own))
    page = client.get(f"/sites/{own.code}")
    assert "Mia Reyes" in page.text and "555-0101" not in page.text and "5550101" not in page.text
    assert client.get(f"/sites/{other.code}").status_code == 404
    assert client.get("/sites").status_code == 403 and client.get("/imports").status_code == 403


def test_whoever_organizes_every_area_may_import_and_whoever_organizes_one_of_them_not(
    client: FlaskClient,
) -> None:
    north = make_area("North")
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=north))
    assert client.get("/imports").status_code == 200 and "/imports" in client.get("/sites").text
    make_area("South")
    assert client.get("/imports").status_code == 403 and "/imports" not in client.get("/sites").text


def test_a_member_is_found_by_number_phone_or_name_and_never_in_an_address(client: FlaskClient) -> None:
    north = make_area("North")
    make_member("Peña", "Xóchitl", site=make_site(area=north), number="00000777", phone="+12135550107")
    make_member("Stranger", "Nate", site=make_site(), number="00000778")
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=north))
    for typed in ("777", "(213) 555-0107"):
        assert "Xóchitl Peña" in client.post("/members", data={"q": typed}).text
    assert "Xóchitl Peña" in client.post("/members", data={"q": "pena xo", "area": str(north.id)}).text
    assert "Nate Stranger" not in client.post("/members", data={"q": "778"}).text
    assert "Xóchitl" not in client.get("/members?q=777").text


TYPED = {
    "first": "Mia",
    "last": "Reyes",
    "preferred": "",
    "phone": "213-555-0101",
    "language": "es",
    "status": "active",
}


def test_one_member_is_added_by_hand(office: FlaskClient) -> None:
    site = make_site()
    answer = office.post(f"/members/new?site={site.code}", data={**TYPED, "number": "55"})
    assert answer.status_code == 302
    mia = who("55")
    assert (mia.person.full, mia.phone, mia.language, mia.memberships[0].site_id) == (
        "Mia Reyes", "+12135550101", "es", site.id,
    )  # fmt: skip
    assert "Mia Reyes" in office.get(answer.location).text


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": "12A"},
        {"number": ""},
        {"phone": "555"},
        {"last": ""},
        {"language": "xx"},
        {"status": "boss"},
    ],
)
def test_what_cannot_be_right_is_asked_again_and_nothing_typed_is_lost(
    office: FlaskClient, wrong: dict[str, str]
) -> None:
    answer = office.post("/members/new", data={**TYPED, "number": "55", **wrong})
    assert answer.status_code == 422 and 'value="Mia"' in answer.text
    assert db.session.scalar(select(func.count()).select_from(Member)) == 0


def test_the_same_number_cannot_be_added_twice(office: FlaskClient) -> None:
    office.post("/members/new", data={**TYPED, "number": "55"})
    assert "already is a member" in office.post("/members/new", data={**TYPED, "number": "00000055"}).text


def test_a_correction_counts_from_now_on(office: FlaskClient) -> None:
    mia = make_member("Reyes", "Mia", site=make_site(), number="00000055")
    office.post(f"/members/{mia.id}", data={**TYPED, "last": "Cruz", "status": "leave"})
    assert (who("55").person.full, who("55").status) == ("Mia Cruz", MemberStatus.LEAVE)
    spans = db.session.scalars(select(StatusSpan).order_by(StatusSpan.from_at)).all()
    assert [(span.status, span.to_at is None) for span in spans] == [("active", False), ("leave", True)]


def test_a_lost_phones_links_are_ended(office: FlaskClient) -> None:
    mia = make_member(site=make_site(), number="00000055")
    assert "End their links" in office.get(f"/members/{mia.id}").text
    page = office.post(f"/members/{mia.id}/end-links", follow_redirects=True).text
    assert "The next reminder brings them a new link." in page and ended_links() == {mia.id: 1}
    assert office.post("/members/00000000-0000-7000-8000-000000000000/end-links").status_code == 404


def test_a_transfer_closes_the_old_chapter_and_opens_the_new(office: FlaskClient) -> None:
    mia, oak = make_member(site=make_site(), number="00000055"), make_site("Oak High")
    office.post(f"/members/{mia.id}/transfer", data={"site": oak.code})
    office.post(f"/members/{mia.id}/transfer", data={"site": oak.code})
    assert [m.site_id for m in who("55").memberships] == [oak.id]
    assert len(db.session.scalars(select(Membership)).all()) == 2
    assert office.post(f"/members/{mia.id}/transfer", data={"site": "nowhere"}).status_code == 404


def test_an_entry_twice_on_the_roster_is_merged(office: FlaskClient) -> None:
    site = make_site()
    kept = make_member("Reyes", "Mia", number="00000055")
    double = make_member(
        "Reyes", "M.", site=site, number="00000056", phone="+12135550101", opted_out_in_file=True
    )
    office.post(f"/members/{kept.id}/merge", data={"number": "56"})
    mia = who("55")
    assert (mia.phone, mia.opted_out_in_file, mia.memberships[0].site_id) == ("+12135550101", True, site.id)
    assert office.get(f"/members/{double.id}").status_code == 404
    assert office.post(f"/members/{kept.id}/merge", data={"number": "99"}).status_code == 422


def test_an_import_from_upload_to_undo(office: FlaskClient) -> None:
    sites = upload(office, "sites", site_list())
    assert "add 3" in office.get(sites.location).text
    do(office, sites.location + "/commit")
    dry_run = upload(office, "roster", roster(member("1"), member("2", first="Nate"), member("")))
    page = office.get(dry_run.location).text
    assert "add 2, change 0, remove 0" in page and "has no member number" in page
    assert db.session.scalar(select(func.count()).select_from(Member)) == 0
    assert do(office, dry_run.location + "/commit").status_code == 302
    assert "Undo this import" in office.get(dry_run.location).text and who("2").person.first == "Nate"
    do(office, dry_run.location + "/undo")
    assert "Undone" in office.get(dry_run.location).text
    assert db.session.scalar(select(func.count()).select_from(Member)) == 0


def test_a_workbook_and_a_large_file_come_through_the_door(office: FlaskClient) -> None:
    import_sites()
    assert upload(office, "roster", workbook([HEADER, member("1")])).status_code == 302
    large = roster(*[member(str(n), notes="x" * 900) for n in range(2_500)])
    assert len(large) > 2_000_000
    assert upload(office, "roster", large).status_code == 302
    assert upload(office, "roster", b"a,b\r\n" * 6_000_000).status_code == 413


def test_a_file_that_cannot_be_read_says_what_to_do(office: FlaskClient) -> None:
    import_sites()
    answer = upload(office, "roster", b"MZ" + bytes(90))
    assert answer.status_code == 422 and "not a table" in answer.text
    assert "Choose a file first" in office.post("/imports/roster").text


def test_an_unknown_heading_is_mapped_on_the_screen(office: FlaskClient) -> None:
    import_sites()
    data = roster(member("1"), header=["Nr", *HEADER[1:]])
    answer = upload(office, "roster", data)
    assert answer.status_code == 422 and 'name="heading-0" value="Nr"' in answer.text
    again = upload(office, "roster", data, **{"heading-0": "Nr", "field-0": "first", "field-²": "number"})
    assert again.status_code == 422 and '<option value="first" selected>' in again.text
    assert upload(office, "roster", data, **{"heading-0": "Nr", "field-0": "number"}).status_code == 302


def test_what_was_said_of_columns_is_remembered_for_their_source(office: FlaskClient) -> None:
    import_sites()
    first, second = (roster(member(n), header=["Nr", *HEADER[1:]]) for n in ("1", "2"))
    assert upload(office, "roster", second).status_code == 422
    assert upload(office, "roster", first, **{"heading-0": "Nr", "field-0": "number"}).status_code == 302
    again = upload(office, "roster", second)
    assert again.status_code == 302
    page = office.get(again.location).text
    assert "as somebody said of a file with the same headings" in page and "Nr: " in page, (
        "so it can be judged"
    )
    assert "1 line was read" in page
    office.post(f"{again.location}/forget-columns")
    assert upload(office, "roster", second).status_code == 422


def test_the_area_of_a_search_stays_chosen(office: FlaskClient) -> None:
    area = make_area()
    answer = office.post("/members", data={"q": "nobody", "area": str(area.id)})
    assert f'<option selected value="{area.id}">' in answer.text
    assert office.post("/members", data={"q": "nobody", "area": "no area"}).status_code == 200


def test_a_dry_run_nobody_wants_is_dropped(office: FlaskClient) -> None:
    import_sites()
    dry_run = upload(office, "roster", roster(member("1"))).location
    assert office.post(dry_run + "/drop").status_code == 302
    assert office.get(dry_run).status_code == 404 and do(office, dry_run + "/commit").status_code == 404


def test_much_change_wants_a_second_admin(app: Flask, office: FlaskClient) -> None:
    import_sites()
    many = [member(str(n), "Doe", f"N{n}", phone="") for n in range(1, 41)]
    do(office, upload(office, "roster", roster(*many)).location + "/commit")
    dry_run = upload(office, "roster", roster(*many[:30])).location
    second = make_person("Bea Office", role=RoleName.ADMIN)
    assert "second admin" in office.get(dry_run).text
    assert do(office, dry_run + "/commit").status_code == 403
    sign_in(office, second)
    assert do(office, dry_run + "/commit").status_code == 302
    last = db.session.scalars(select(Import).where(Import.second_by.is_not(None))).one()
    assert last.second_by == f"person:{second.id}" and last.state is ImportState.COMMITTED


def test_a_member_edited_after_an_import_is_named_where_undo_would_be(office: FlaskClient) -> None:
    import_sites()
    dry_run = upload(office, "roster", roster(member("1"))).location
    do(office, dry_run + "/commit")
    office.post(f"/members/{who('1').id}", data=TYPED | {"last": "Cruz"})
    page = office.get(dry_run).text
    assert "Mia Cruz" in page and "Undo this import" not in page
    assert "1 members were changed" in do(office, dry_run + "/undo").text
    assert db.session.scalars(select(Site).where(Site.code == MAPLE)).one()


def test_a_chair_is_not_told_that_their_own_site_has_no_chair(client: FlaskClient) -> None:
    site = make_site("Lincoln")
    sign_in(client, make_person(role=RoleName.CHAIR, site=site))
    assert "none yet" not in client.get(f"/sites/{site.code}").text
    sign_in(client, make_person("Olga Brandt", role=RoleName.ORGANIZER, area=site.area))
    assert "Carmen Ortiz" in client.get(f"/sites/{site.code}").text


def test_languages_are_named_in_the_readers_own(office: FlaskClient) -> None:
    mia = make_member(site=make_site("Lincoln"))
    page = office.get(f"/members/{mia.id}?lang=es").text
    assert ">Armenio</option>" in page and ">Español</option>" in page and "Armenian" not in page


@pytest.mark.parametrize(
    ("last", "short"),
    [
        ("de la Cruz", "Alejandra C."),
        ("De Leon", "Alejandra L."),
        ("van der Berg", "Alejandra B."),
        ("méndez", "Alejandra M."),
        ("Dell", "Alejandra D."),
        ("De", "Alejandra D."),
    ],
)
def test_an_initial_is_of_the_name_and_not_of_what_stands_before_it(last: str, short: str) -> None:
    assert PersonName(last, "Alejandra").short == short
