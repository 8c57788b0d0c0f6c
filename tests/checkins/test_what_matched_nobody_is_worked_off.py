"""Carmen works off what counted for nobody: a member's, not ours, or undecided again; the figures follow."""

from datetime import timedelta

import pytest

from mobilize.accounts.access.grants import revoke_grant
from mobilize.accounts.models import RoleName
from mobilize.audit import AuditRow
from mobilize.checkins.line.queries import line_figures
from mobilize.checkins.models import HeadCount, Match, Resolution, Supporters, Tier, Walkup
from mobilize.checkins.record.operations import void
from mobilize.checkins.review import resolutions
from mobilize.checkins.review.queue import kept_counts, settled, unmatched
from mobilize.database import atomic, db
from mobilize.errors import Refused
from tests.builders import START, make_area, make_event, make_member, make_person, make_site, sign_in
from tests.checkins.morning import OPEN, attendance, evidence, grant_for, nonce, scan, tick, tick_proof
from tests.checkins.test_a_phone_sends_later import send

pytestmark = pytest.mark.usefixtures("in_the_morning")

NATE = "2135550150"


@pytest.fixture
def site(app):
    return make_site("Roosevelt High", area=make_area("North"))


@pytest.fixture
def carmen(client, site):
    sign_in(client, make_person("Carmen Ortiz", role=RoleName.CHAIR, site=site))
    return client


def listed(event):
    return [(item.outcome.value, item.typed) for item in unmatched([event])]


def decide(client, event, item, **fields):
    return client.post(f"/actions/{event.action_id}/unmatched/{item.id}", data=fields, follow_redirects=True)


def test_a_number_that_matched_nobody_is_tied_to_a_member_and_untied_again(carmen, event, mia):
    for _ in range(2):
        scan(event, NATE)  # typed twice, by somebody with a new phone
    assert listed(event) == [("walkup", "(213) 555-0150")]
    assert (line_figures(event.id).named, line_figures(event.id).others) == (0, 2)
    [item] = unmatched([event])
    page = decide(carmen, event, item, do="tie", who="4711", reason="her new phone").text
    assert "Mia Reyes" in page and "her new phone" in page
    assert (line_figures(event.id).named, line_figures(event.id).others) == (1, 0)
    assert [(row.member_id, row.tier, row.first_at) for row in attendance(event)] == [
        (mia.id, Tier.SELF, OPEN)
    ]
    assert attendance(event)[0].chapter_id == event.site_id
    assert listed(event) == [] and len(settled([event])) == 1
    decide(carmen, event, item, do="reopen", reason="it was her sister")
    assert not attendance(event) and listed(event) == [("walkup", "(213) 555-0150")]
    assert line_figures(event.id).others == 2
    verbs = [
        row.verb for row in db.session.query(AuditRow).order_by(AuditRow.id) if row.verb.startswith("match")
    ]
    assert verbs == ["match.tie", "match.reopen"]


def test_what_they_did_themselves_and_what_was_matched_are_one_attendance(event, mia):
    scan(event, NATE)
    tick(event, mia)
    resolutions.tie(evidence(event)[0].id, mia.id, "", actor="shell", now=OPEN)
    assert [(row.member_id, row.tier) for row in attendance(event)] == [(mia.id, Tier.VERIFIED)]
    void(evidence(event)[1].id, "test", actor="shell", now=OPEN)
    assert [(row.member_id, row.tier) for row in attendance(event)] == [(mia.id, Tier.SELF)]


def test_one_line_is_looked_at_alone_and_a_forgotten_action_asks_nobody(carmen, event, site):
    scan(event, NATE)
    page = f"/actions/{event.action_id}/unmatched"
    assert "555-0150" in carmen.get(f"{page}?event={event.id}").text
    assert "Nothing is waiting" in carmen.get(f"{page}?event={make_event(site).id}").text
    with atomic():
        event.action.forgotten_at = OPEN
    assert "Nothing is waiting" in carmen.get(page).text


def test_what_matches_nobody_also_says_that_its_time_is_a_guess(carmen, client, event):
    send(client, event, typed="88888888", at=OPEN - timedelta(hours=3), ahead_ms=0)
    page = carmen.get(f"/actions/{event.action_id}/unmatched").text
    assert "matches nobody on the roster, time uncertain: the phone's clock was wrong:" in page


def test_a_number_that_was_not_kept_has_a_name_for_who_decides_by_ear(carmen, client, event):
    send(client, event, typed="88888888", at=OPEN - timedelta(hours=3), age_ms=3 * 3_600_000, awake=True)
    page = carmen.get(f"/actions/{event.action_id}/unmatched").text
    assert page.count("A number that was not kept") == 2, "on the page, and in the button's name"


def test_a_second_thought_moves_it_from_one_member_to_another(event, mia, site):
    ana = make_member("Soto", "Ana", site=site)
    scan(event, NATE)
    for member in (mia, ana, ana):
        resolutions.tie(evidence(event)[0].id, member.id, "", actor="shell", now=OPEN)
    assert [row.member_id for row in attendance(event)] == [ana.id]
    assert db.session.query(Match).one().verdict is Resolution.COUNTS


def test_not_ours_leaves_the_list_and_counts_for_nobody(carmen, event):
    scan(event, NATE)
    [item] = unmatched([event])
    assert decide(carmen, event, item, do="not_ours").status_code == 422, "they have to say why"
    decide(carmen, event, item, do="not_ours", reason="a reporter")
    assert listed(event) == [] and line_figures(event.id).others == 0
    decide(carmen, event, item, do="reopen", reason="no, a new teacher")
    assert listed(event) == [("walkup", "(213) 555-0150")] and line_figures(event.id).others == 1


def test_a_shared_number_names_its_members_and_a_name_those_called_like_that(carmen, event, site):
    for first in ("Ana", "Beto"):
        make_member("Lund", first, site=site, phone="+12135550104")
    scan(event, "2135550104")
    page = carmen.get(f"/actions/{event.action_id}/unmatched").text
    assert "Ana Lund" in page and "Beto Lund" in page and "several members share" in page
    beto = next(m for m, name in unmatched([event])[0].candidates if name.first == "Beto")
    decide(carmen, event, unmatched([event])[0], do="tie", member=str(beto))
    assert [row.member_id for row in attendance(event)] == [beto]
    assert line_figures(event.id).others == 0


def test_outside_the_hours_the_chair_decides_unless_they_were_counted_anyway(carmen, event, mia):
    early = tick(event, mia, at=START - timedelta(hours=2))
    assert early.outcome == "outside_hours" and listed(event) == [("outside_hours", None)]
    page = carmen.get(f"/actions/{event.action_id}/unmatched").text
    assert "outside the hours" in page and "Mia Reyes" in page
    [item] = unmatched([event])
    decide(carmen, event, item, do="tie", member=str(mia.id), reason="she set up the tables")
    assert [row.member_id for row in attendance(event)] == [mia.id]
    decide(carmen, event, item, do="reopen", reason="test")
    tick(event, mia)
    resolutions.set_aside(item.id, "test", actor="shell", now=OPEN)
    assert listed(event) == []


def test_who_was_counted_all_the_same_is_not_on_the_list(event, mia):
    tick(event, mia, at=START - timedelta(hours=2))
    tick(event, mia)
    assert listed(event) == []


def test_a_member_of_another_chapter_is_not_named_and_not_tied_by_this_chair(carmen, event):
    other = make_member("Other", "Olga", site=make_site(), number="00008888")
    tick(event, other, at=START - timedelta(hours=2))
    scan(event, NATE)
    page = carmen.get(f"/actions/{event.action_id}/unmatched").text
    assert "A member of another chapter" in page and "Olga" not in page
    item = next(item for item in unmatched([event]) if item.typed)
    for fields in ({"who": "8888"}, {"member": str(other.id)}, {"who": "Olga Other"}, {"member": "x"}, {}):
        answer = decide(carmen, event, item, do="tie", **fields)
        assert answer.status_code == 404 and "no member like that" in answer.text, fields
    assert not attendance(event)


def test_what_a_revoked_phone_sent_waits_for_a_person(client, carmen, event, mia):
    tick(event, mia)
    revoked, token = grant_for(event)
    revoke_grant(revoked, "shell", now=OPEN)
    client.set_cookie(f"line-{event.code}", token, domain="localhost")
    undo = {"kind": "untick", "member": str(mia.id)}
    kinds = [undo, {"kind": "supporters", "n": 5}, {"kind": "head_count", "n": 31}]
    items = [{"nonce": f"{n:032x}", "at": OPEN.isoformat(), **kind} for n, kind in enumerate(kinds)]
    answers = client.post(f"/line/{event.code}/items", json={"items": items}).json["items"]
    assert {(one["stored"], one["outcome"]) for one in answers} == {(True, "unresolved")}
    assert len(attendance(event)) == 1 and line_figures(event.id).supporters == 0
    heads, cheers = kept_counts([event])
    assert (heads.n, cheers.n) == (31, 5)
    page = carmen.get(f"/actions/{event.action_id}/unmatched").text
    assert "Undo the ticks of Mia Reyes?" in page and "<strong>31</strong> heads" in page
    for kept, what, do in (
        (heads, "heads", "take"),
        (cheers, "supporters", "take"),
        (cheers, "supporters", "leave"),
    ):
        carmen.post(f"/actions/{event.action_id}/kept/{kept.id}", data={"what": what, "do": do})
    figures = line_figures(event.id)
    assert (figures.head_count, figures.supporters) == (31, 5), "decided once"
    [undo] = unmatched([event])
    decide(carmen, event, undo, do="tie", member=str(mia.id), reason="she told me")
    assert not attendance(event) and not unmatched([event])
    assert [item.reason for item in settled([event])] == ["she told me"]
    with pytest.raises(Refused, match="undone"):
        resolutions.reopen(undo.id, "test", actor="shell", now=OPEN)


def test_a_count_that_is_left_out_stays_out(event):
    grant, _token = grant_for(event)
    values = {"event_id": event.id, "recorded_at": OPEN, "by": f"grant:{grant.id}", "voided_at": OPEN}
    with atomic() as session:
        session.add(Supporters(nonce=nonce(), delta=5, happened_at=OPEN, **values))
        heads = {"shift_id": event.shifts[0].id, "n": 7, "counted_at": OPEN, "via": "line"}
        session.add(HeadCount(nonce=nonce(), **heads, **values))
    for kept in kept_counts([event]):
        table = Supporters if kept.supporters else HeadCount
        assert resolutions.settle_count(table, kept.id, take=False, actor="shell", now=OPEN)
        assert not resolutions.settle_count(table, kept.id, take=True, actor="shell", now=OPEN)
    assert not kept_counts([event]) and line_figures(event.id).head_count is None


def test_what_was_counted_was_never_kept_or_is_called_off_is_refused(event, mia):
    counted = tick(event, mia)
    for evidence_id in (counted.evidence_id, event.id):
        with pytest.raises(Refused, match="no_evidence"):
            resolutions.tie(evidence_id, mia.id, "", actor="shell", now=OPEN)
    scan(event, NATE)
    with atomic():
        event.state = "called_off"
    walked = db.session.query(Walkup).one()
    first = next(row for row in evidence(event) if row.walkup_id == walked.id)
    with pytest.raises(Refused, match="called_off"):
        resolutions.tie(first.id, mia.id, "", actor="shell", now=OPEN)
    assert db.session.query(Match).count() == 0


def test_a_leaving_that_was_kept_counts_as_leaving(event, mia):
    tick(event, mia)
    late = tick_proof(event, mia, at=OPEN + timedelta(minutes=20), kind="left", needs_review=True)
    from mobilize.checkins.record.operations import check_in

    kept = check_in(late, now=OPEN + timedelta(minutes=20))
    resolutions.tie(kept.evidence_id, mia.id, "", actor="shell", now=OPEN)
    assert [row.out_at for row in attendance(event)] == [OPEN + timedelta(minutes=20)]
