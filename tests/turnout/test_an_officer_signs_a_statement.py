"""A statement: prepared, signed, corrected, challenged; told to everybody only if the office says so."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind, RoleName, SignedInSession
from mobilize.audit import AuditRow
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.turnout.figures.closing import close_due_events, correct_closed_actions
from mobilize.turnout.figures.disclosure_control import hidden_rows
from mobilize.turnout.figures.queries import board, names_final_at
from mobilize.turnout.statements.challenge_pack import challenge_pack, for_outsiders
from mobilize.turnout.statements.operations import (
    OfficerSignature,
    draft_of,
    open_link,
    prepare,
    publish,
    published,
)
from tests.builders import START, make_member, make_person
from tests.turnout.conftest import Morning, arrive, enter, text_of

CLOSED = START + timedelta(hours=4)
SIGNED = {"signed_as": "Ada Office, President"}
WHY = {"why_en": "Twelve phones sent late.", "why_es": "Doce teléfonos mandaron tarde."}


@pytest.fixture
def office(client: FlaskClient) -> FlaskClient:
    enter(client, make_person("Ada Office", role=RoleName.ADMIN), clock.now())
    return client


@pytest.fixture
def noon(morning: Morning) -> Morning:
    """Closed: six of Lincoln came, five at Lincoln and one at Madison, which alone reported a head count."""
    lincoln = morning.members[morning.lincoln.id]
    arrive(morning, lincoln[:5], morning.lincoln)
    arrive(morning, lincoln[5:], morning.madison)
    morning.count(morning.madison, 9)
    close_due_events(CLOSED)
    return morning


def test_an_officer_signs_what_they_saw_and_it_stays(noon: Morning, office: FlaskClient) -> None:
    desk = f"/actions/{noon.action.id}/statement"
    office.post(f"{desk}/prepare")
    page = office.get(desk).text
    assert "Ready to sign: version 1" in page and "50.0%" in page
    arrive(noon, noon.members[noon.roosevelt.id], noon.roosevelt)
    correct_closed_actions(clock.now())
    published_page = office.post(f"{desk}/sign", data=SIGNED | _as_of(page), follow_redirects=True).text
    assert "Ada Office, President" in published_page and "50.0%" in published_page
    assert 'lang="es"' in published_page and "50.0%" in published_page
    assert "Member0" not in published_page
    [one] = published(noon.action.id)
    assert one.figures["numbers"]["came"] == 6 and board(noon.action).total.names.came == 8
    assert _audited() == ["statement.publish"]


def test_what_was_prepared_anew_meanwhile_is_looked_at_again(noon: Morning, office: FlaskClient) -> None:
    desk = f"/actions/{noon.action.id}/statement"
    office.post(f"{desk}/prepare")
    as_of = _as_of(office.get(desk).text)
    office.post(f"{desk}/prepare")
    answer = office.post(f"{desk}/sign", data=SIGNED | as_of)
    assert answer.status_code == 409 and "Look at it again" in answer.text
    assert not published(noon.action.id)


def test_signing_asks_once_more_who_they_are(noon: Morning, office: FlaskClient) -> None:
    desk = f"/actions/{noon.action.id}/statement"
    office.post(f"{desk}/prepare")
    as_of = _as_of(office.get(desk).text)
    with atomic() as session:
        session.scalars(select(SignedInSession)).one().stepped_up_at = clock.now() - timedelta(hours=1)
    assert office.post(f"{desk}/sign", data=SIGNED | as_of).status_code == 403
    assert not published(noon.action.id)


def test_signing_twice_publishes_once(noon: Morning) -> None:
    ada = make_person("Ada Office", role=RoleName.ADMIN)
    draft = prepare(noon.action, ada, CLOSED)
    publish(draft.id, CLOSED, OfficerSignature("Ada"), ada, CLOSED)
    with pytest.raises(Refused, match="moved_on"):
        publish(draft.id, CLOSED, OfficerSignature("Ada"), ada, CLOSED)
    assert [one.version for one in published(noon.action.id)] == [1]


def test_a_correction_says_what_changed_and_why_and_the_old_one_stays_readable(
    noon: Morning, office: FlaskClient
) -> None:
    desk = f"/actions/{noon.action.id}/statement"
    _sign(office, desk)
    arrive(noon, noon.members[noon.madison.id], noon.madison)
    correct_closed_actions(clock.now())
    office.post(f"{desk}/prepare")
    page = office.get(desk).text
    assert "6 before, 10 now" in page
    refused = office.post(f"{desk}/sign", data=SIGNED | _as_of(page))
    assert refused.status_code == 422 and "what changed and why" in refused.text
    corrected = office.post(f"{desk}/sign", data=SIGNED | WHY | _as_of(page), follow_redirects=True).text
    assert "Twelve phones sent late." in corrected and "Doce teléfonos" in corrected
    assert "6 before, 10 now" in corrected
    first = office.get(f"{desk}/1").text
    assert "This statement was corrected" in first and "50.0%" in first
    paper = text_of(office.get(f"{desk}/2.pdf").data)
    assert "Correction" in paper and "Twelve phones" in paper and "83.3%" in paper


def test_everybody_reads_it_only_while_the_office_leaves_the_link_open(
    noon: Morning, office: FlaskClient, bare_client: FlaskClient
) -> None:
    desk = f"/actions/{noon.action.id}/statement"
    _sign(office, desk)
    assert "/noon/" not in office.get(desk).text
    assert bare_client.get("/noon/ABCDEFGHJKLM").status_code == 404
    office.post(f"{desk}/link")
    address = re.search(r"/noon/\w+", office.get(desk).text).group()  # type: ignore[union-attr]
    page = bare_client.get(address).text
    assert "Ada Office, President" in page and "50.0%" in page and "For anyone who doubts it" in page
    assert f"/actions/{noon.action.id}" not in page
    for form in ("csv", "xlsx", "pdf"):
        assert bare_client.get(f"{address}/1.{form}").status_code == 200
    assert bare_client.get(f"{address}/2").status_code == 404
    for _twice in range(2):
        office.post(f"{desk}/link", data={"end": "1"})
    assert bare_client.get(address).status_code == 404
    assert _audited() == ["statement.publish", "statement.open", "statement.close"]


def test_a_rehearsal_is_never_told_to_everybody(noon: Morning) -> None:
    ada = make_person("Ada Office", role=RoleName.ADMIN)
    with atomic():
        noon.action.drill = True
    publish(prepare(noon.action, ada, CLOSED).id, CLOSED, OfficerSignature("Ada"), ada, CLOSED)
    with pytest.raises(Refused, match="drill"):
        open_link(noon.action.id, "shell", CLOSED)


def test_only_the_office_has_the_desk(noon: Morning, client: FlaskClient) -> None:
    enter(client, make_person("Olga North", role=RoleName.ORGANIZER, area=noon.north), clock.now())
    desk = f"/actions/{noon.action.id}/statement"
    assert client.get(desk).status_code == 403
    assert client.post(f"{desk}/prepare").status_code == 403
    assert draft_of(noon.action.id) is None


def test_the_challenge_pack_holds_counts_method_and_gaps(noon: Morning, office: FlaskClient) -> None:
    desk = f"/actions/{noon.action.id}/statement"
    _sign(office, desk)
    rows = list(csv.DictReader(io.StringIO(office.get(f"{desk}/1.csv").get_data(True)[1:])))
    assert [(r["site"], r["came"], r["vouched"], r["head_count"]) for r in rows] == [
        ("Lincoln", "6", "6", ""),
        ("Madison", "0", "0", "9"),
        ("Roosevelt", "0", "0", ""),
    ]
    book = load_workbook(io.BytesIO(office.get(f"{desk}/1.xlsx").data))
    assert book.sheetnames == ["numbers", "sites", "methods", "gaps"]
    assert ("tick", 6) in list(book["methods"].values)
    gaps = list(book["gaps"].values)
    assert ("silent_site", "Lincoln") in gaps and ("unmatched", 0) in gaps
    page = office.get(f"{desk}/1").text
    assert "ticked on the line" in page and "Sites without a head count" in page


def test_the_packs_numbers_are_the_boards(noon: Morning) -> None:
    counted = board(noon.action)
    pack = challenge_pack(noon.action, counted)
    for site, chapter in zip(pack["sites"], counted.chapters, strict=True):
        assert (site["site"], site["came"], site["eligible"]) == (
            chapter.name, chapter.names.came, chapter.names.eligible,
        )  # fmt: skip
    assert pack["split"]["came"] == sum(site["came"] for site in pack["sites"])


def test_outsiders_are_told_nothing_of_few_not_even_by_difference(morning: Morning) -> None:
    for n in range(14):
        morning.members[morning.lincoln.id].append(make_member(f"More{n}", site=morning.lincoln))
    arrive(morning, morning.members[morning.lincoln.id][:12], morning.lincoln)
    arrive(morning, morning.members[morning.madison.id][:2], morning.madison)
    pack = for_outsiders(challenge_pack(morning.action, board(morning.action)), final=True)
    counts = {site["site"]: (site["came"], site["vouched"]) for site in pack["sites"]}
    # Twelve of Lincoln could be told, were it not that Madison's two are the rest of the area's fourteen.
    assert counts == {"Lincoln": (None, None), "Madison": (None, None), "Roosevelt": (0, 0)}
    assert pack["methods"] == {"tick": 14} and pack["left_out"] == 0


def test_until_no_form_can_add_a_name_a_statement_says_heads_and_names_that_were_ticked(
    noon: Morning, client: FlaskClient
) -> None:
    ada = make_person("Ada Office", role=RoleName.ADMIN)
    noon.send(noon.members[noon.madison.id][0], noon.madison)  # typed, and closed with the rest
    correct_closed_actions(CLOSED)
    early = prepare(noon.action, ada, CLOSED)
    numbers = early.figures["numbers"]
    assert (numbers["final"], numbers["head_count"], numbers["observed"]) == (False, 9, 6)
    assert [numbers[name] for name in ("came", "share_percent", "named", "self_reported")] == [None] * 4
    publish(early.id, CLOSED, OfficerSignature("Ada"), ada, CLOSED)
    code = open_link(noon.action.id, "person:ada", CLOSED).code
    page = client.get(f"/noon/{code}").text
    assert "Names ticked or scanned by chairs and captains" in page and "By site and strength" not in page
    assert "Members who came" not in page and "We say once how many checked in by name" in page
    sheet = list(csv.DictReader(io.StringIO(client.get(f"/noon/{code}/1.csv").text)))
    assert {row["came"] for row in sheet} == {row["self_reported"] for row in sheet} == {"not shown"}
    assert "Members who came" not in text_of(client.get(f"/noon/{code}/1.pdf").data)
    last = prepare(noon.action, ada, names_final_at(noon.action))
    assert (last.figures["numbers"]["final"], last.figures["numbers"]["came"]) == (True, 7)


def test_named_totals_that_can_still_be_added_to_are_not_published(noon: Morning) -> None:
    ada, final = make_person("Ada Office", role=RoleName.ADMIN), names_final_at(noon.action)
    draft = prepare(noon.action, ada, final)
    # Meanwhile a phone was given a link to one of the lines, and what it keeps is taken for two weeks more.
    event = noon.event(noon.lincoln)
    grant_line(event.id, GrantKind.CAPTAIN, "", None, "shell", final + timedelta(hours=1), now=final)
    with pytest.raises(Refused, match="not_final"):
        publish(draft.id, final, OfficerSignature("Ada"), ada, final)
    assert not published(noon.action.id)


@pytest.mark.parametrize(
    ("rows", "shut"),
    [
        ([[9, 8], [7, 6]], set()),
        ([[9, 3], [7, 6], [20, 20]], {0, 1}),
        ([[0, 0], [3, 9], [8, 8]], {1, 2}),
        ([[1, 0], [1, 0], [9, 9], [30, 30]], {0, 1, 2}),
        ([[2, 0]], {0}),
        ([], set()),
    ],
)
def test_rows_with_few_go_whole_and_take_others_along(rows: list[list[int]], shut: set[int]) -> None:
    assert hidden_rows(rows) == shut


def _sign(office: FlaskClient, desk: str) -> None:
    office.post(f"{desk}/prepare")
    office.post(f"{desk}/sign", data=SIGNED | _as_of(office.get(desk).text))


def _as_of(page: str) -> dict[str, str]:
    result = re.search(r'name="as_of" value="([^"]+)"', page)
    assert result
    return {"as_of": result.group(1)}


def _audited() -> list[str]:
    rows: Any = select(AuditRow.verb).where(AuditRow.verb.startswith("statement.")).order_by(AuditRow.id)
    return list(db.session.scalars(rows))
