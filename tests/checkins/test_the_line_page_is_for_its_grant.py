import re
from datetime import timedelta

import pytest
import time_machine

from mobilize.accounts.access.grants import revoke_grant
from mobilize.accounts.models import GrantKind
from mobilize.checkins.line.queries import line_figures, the_list
from mobilize.checkins.models import HeadCount, Supporters, Tier, Void, Walkup
from mobilize.database import atomic, db
from mobilize.roster.models import Gate
from tests.builders import START, make_action, make_event, make_member, make_site, without_ids
from tests.checkins.morning import OPEN, attendance, evidence, grant_for, item, outcomes, scan, send

pytestmark = pytest.mark.usefixtures("in_the_morning")


def everything(client, code):
    """Status and body of every door of the line page."""
    answers = [
        client.get(f"/line/{code}"),
        client.get(f"/line/{code}/state"),
        client.get(f"/line/{code}/manifest.json"),
        client.post(f"/line/{code}/do", data={"do": "head_count", "n": "5"}),
    ]
    return [(a.status_code, a.get_data(as_text=True).replace(code, "CODE")) for a in answers]


def test_without_with_anothers_ended_revoked_or_a_wall_grant_the_answer_is_the_same(client, event):
    other = make_event()
    refused = everything(client, event.code)
    assert [status for status, _body in refused] == [403] * 4
    assert "At a line, ask the chair for a new link." in refused[0][1]
    revoked, revoked_token = grant_for(event)
    revoke_grant(revoked, "shell", now=OPEN)
    tokens = {
        "made up": "x" * 43,
        "another's": grant_for(other)[1],
        "ended": grant_for(event, ends_at=OPEN)[1],
        "revoked": revoked_token,
        "wall": grant_for(event, kind=GrantKind.WALL)[1],
    }
    for why, token in tokens.items():
        client.set_cookie(f"line-{event.code}", token, domain="localhost")
        assert everything(client, event.code) == refused, why
    assert db.session.query(HeadCount).count() == 0


def upload(client, event):
    """One tick sent by whoever this is: status, and what became of it."""
    fields = {"items": [item(77, "head_count", n=12)]}
    answer = client.post(f"/line/{event.code}/items", json=fields)
    return answer.status_code, answer.json.get("items", [{}])[0].get("outcome")


def test_what_a_phone_could_not_send_is_taken_for_14_days_after_its_end(client, event, mia):
    token = grant_for(event, ends_at=OPEN)[1]
    client.set_cookie(f"line-{event.code}", token, domain="localhost")
    late = item(1, member=str(mia.id))
    with time_machine.travel(OPEN + timedelta(days=14), tick=False):
        sent_at = (OPEN + timedelta(days=14)).isoformat()
        answer = client.post(f"/line/{event.code}/items", json={"items": [late], "sent_at": sent_at})
    assert answer.json["items"][0]["outcome"] == "counted" and answer.json["ended"] is True
    assert [row.first_at for row in attendance(event)] == [OPEN], "when it happened, not when it came"
    with time_machine.travel(OPEN + timedelta(days=14, minutes=1), tick=False):
        assert upload(client, event) == (403, None)


def test_what_a_phone_sends_whose_link_was_taken_back_is_kept_and_counts_nothing(client, event, mia):
    revoked, token = grant_for(event)
    revoke_grant(revoked, "shell", now=OPEN)
    client.set_cookie(f"line-{event.code}", token, domain="localhost")
    [ticked, undone, counted, cheered] = send(
        client,
        event,
        item(1, member=str(mia.id)),
        item(2, "untick", member=str(mia.id)),
        item(3, "head_count", n=31),
        item(4, "supporters", n=5),
    )
    assert [a["outcome"] for a in (ticked, undone, counted, cheered)] == ["unresolved"] * 4
    assert all(a["why"] for a in (ticked, undone, counted, cheered))
    assert outcomes(event) == ["unresolved"] * 2 and not attendance(event)
    assert {row.kind.value for row in evidence(event)} == {"here", "undo"}, "a person sees both, and decides"
    figures = line_figures(event.id)
    assert (figures.head_count, figures.supporters) == (None, 0)
    assert db.session.query(HeadCount).one().n == 31
    assert db.session.query(Supporters).one().delta == 5


def test_nobody_uploads_without_a_grant_with_anothers_or_with_a_wall(client, event):
    tokens = ["x" * 43, grant_for(make_event())[1], grant_for(event, kind=GrantKind.WALL)[1]]
    assert upload(client, event) == (403, None)
    for token in tokens:
        client.set_cookie(f"line-{event.code}", token, domain="localhost")
        assert upload(client, event) == (403, None)


def test_a_line_is_handed_over_and_what_the_first_phone_still_has_counts(line, event, mia):
    page = line.post(f"/line/{event.code}/hand-over", data={"label": "Sam"}).text
    token = re.search(r"/l/([A-Z2-7]{40})", page)[1]
    assert line.get(f"/line/{event.code}").status_code == 403
    assert send(line, event, item(1, member=str(mia.id)))[0]["outcome"] == "counted"
    assert line.post(f"/l/{token}").status_code == 303
    assert line.get(f"/line/{event.code}").status_code == 200


def test_a_walkin_is_found_by_number_from_any_school_or_written_down_by_name(line, event):
    other = make_site()
    rosa = make_member("Lund", "Rosa", site=other, phone="+12135550166")
    answers = send(
        line, event, item(1, "walkin", typed="2135550166"), item(2, "walkin", typed="Tomás Rivera")
    )
    assert [a["outcome"] for a in answers] == ["walkup", "walkup"], "the page does not tell who is a member"
    assert [(row.member_id, row.chapter_id, row.tier) for row in attendance(event)] == [
        (rosa.id, other.id, Tier.VOUCHED)
    ]
    kept = db.session.query(Walkup).one()
    assert (kept.kind, kept.typed) == ("name", "Tomás Rivera")
    [empty] = send(line, event, item(3, "walkin", typed=" .. "))
    assert empty["stored"] is False and empty["why"]


def test_an_undo_says_why(line, event, mia):
    send(line, event, item(1, member=str(mia.id)))
    send(line, event, item(2, "untick", member=str(mia.id), reason="Wrong name"))
    assert db.session.query(Void).one().reason == "Wrong name"


def test_heads_are_counted_gate_by_gate(line, event, site):
    with atomic() as session:
        gates = [Gate(site_id=site.id, name=name) for name in ("Back gate", "Front gate")]
        session.add_all(gates)
    back, front = [str(gate.id) for gate in gates]
    stranger = "00000000-0000-7000-8000-000000000000"
    for n, (heads, gate) in enumerate(((10, back), (20, front), (11, back))):
        at = (OPEN - timedelta(minutes=5 - n)).isoformat()
        send(line, event, {**item(n + 1, "head_count", n=heads, gate=gate), "at": at})
    assert line_figures(event.id).head_count == 31
    assert "Back gate" in line.get(f"/line/{event.code}").text
    send(line, event, item(4, "head_count", n=40, gate=stranger))
    assert line_figures(event.id).head_count == 40, "a gate of nobody's is the whole line"


def test_the_page_kept_for_a_morning_without_a_network_holds_no_name(line, event, mia):
    assert "Mia R." in line.get(f"/line/{event.code}").text
    shell = line.get(f"/line/{event.code}?shell").text
    assert "Mia" not in shell and str(mia.id) not in shell and 'data-shell="1"' in shell


def test_the_line_can_be_put_on_the_home_screen(line, event):
    payload = line.get(f"/line/{event.code}/manifest.json").json
    assert payload["start_url"] == payload["scope"] == f"/line/{event.code}"
    assert payload["display"] == "standalone"


def test_an_event_that_does_not_exist_is_refused_like_one_that_is_not_yours(client, event):
    absent = everything(client, "CDFGHJKMN")
    assert absent == everything(client, event.code)


def test_a_running_grant_opens_all_of_it(line, event):
    assert [status for status, _ in everything(line, event.code)] == [200, 200, 200, 303]


def test_the_list_shows_short_names_and_nothing_else_of_anybody(line, event, site):
    for first in ("Rosa", "Roberto"):
        make_member("Méndez", first, site=site, phone="+12135550177")
    make_member("Morales", "Rosa", site=site)
    page = line.get(f"/line/{event.code}").text
    assert "Mia R." in page and "Roberto M." in page
    assert "Rosa Méndez" in page and "Rosa Morales" in page, "two that look alike are told apart"
    for never in ("Reyes", "reyes", "5550101", "555-0101", "5550177", "4711"):
        assert never not in without_ids(page)


def test_only_the_own_chapter_stands_on_the_list(line, event, site):
    make_member("Other", "Olga", site=make_site())
    make_member("Gone", "Gil", site=site, gone_on=START)
    assert [person.name for person in the_list(event.id)] == ["Mia R."]


def test_many_chapters_of_a_rally_are_not_put_on_one_list(line):
    sites = [make_site() for _ in range(9)]
    rally = make_event(chapters=sites, venue="City Hall", action=make_action())
    assert the_list(rally.id) is None
    line.set_cookie(f"line-{rally.code}", grant_for(rally)[1], domain="localhost")
    assert "No names at a rally" in line.get(f"/line/{rally.code}").text


def test_the_three_numbers_and_who_is_in_come_with_an_etag(line, event, mia):
    first = line.get(f"/line/{event.code}/state")
    assert first.json["named"] == 0 and first.json["head_count"] is None and first.json["in"] == {}
    assert first.headers["Cache-Control"] == "no-store", "who is in is written to no browser's cache"
    same = line.get(f"/line/{event.code}/state", headers={"If-None-Match": first.headers["ETag"]})
    assert same.status_code == 304 and same.headers["Cache-Control"] == "no-store"
    scan(event, "2135550101")
    fresh = line.get(f"/line/{event.code}/state", headers={"If-None-Match": first.headers["ETag"]})
    assert fresh.json["named"] == 1
    assert fresh.json["in"][str(mia.id)]["ticked"] is False
