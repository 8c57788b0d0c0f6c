"""A poster got into the wrong hands: one press, and its code says where to go instead of counting."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from mobilize.accounts.models import RoleName
from mobilize.actions.events.codes import replace_code
from mobilize.actions.models import EventState, OldCode
from mobilize.audit import AuditRow
from mobilize.checkins.forms import event_token
from mobilize.checkins.line.queries import line_figures
from mobilize.checkins.line.rotating_codes import rotating_code
from mobilize.checkins.member.personal_links import personal_code
from mobilize.checkins.models import Method, Tier
from mobilize.database import db
from mobilize.errors import Refused
from tests.builders import make_event, make_member, make_person, make_site, sign_in
from tests.checkins.morning import OPEN, attendance, evidence, grant_for, outcomes, post

pytestmark = pytest.mark.usefixtures("in_the_morning")

LEAKED = "CDFGHJKMN"


@pytest.fixture
def mia(site):
    return make_member("Reyes", "Mia", site=site, phone="+12135550101")


@pytest.fixture
def event(site, mia):
    return make_event(site, code=LEAKED, text_code="48219")


@pytest.fixture
def replaced(event):
    replace_code(event, LEAKED, actor="shell", now=OPEN)
    return event


def saved(at, n=1, typed="2135550101"):
    """The tap kept by a phone that had opened the old poster's page."""
    fields = {"nonce": f"{n:032x}", "typed": typed, "at": at.isoformat(), "sent_at": OPEN.isoformat()}
    return {**fields, "token": event_token(LEAKED)}


def post_old(client, typed="2135550101"):
    """The form of the old poster's page, opened before and sent now."""
    return client.post(f"/c/{LEAKED}", data={"token": event_token(LEAKED), "typed": typed})


def test_the_old_code_explains_where_to_go_and_never_says_the_new_one(client, replaced, mia):
    page = client.get(f"/c/{LEAKED}", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert "not in use any more" in page.text and "chair" in page.text and "Roosevelt High" in page.text
    assert 'name="typed"' not in page.text
    line = f"/c/{LEAKED.lower()}"
    sent = post_old(client)
    for answer in (page, client.get(line), sent, client.get(f"{line}/next.ics"), client.post(f"{line}/undo")):
        assert replaced.code not in answer.text and replaced.code not in str(answer.headers)
        assert replaced.text_code not in answer.text


def test_the_old_page_in_spanish_says_it_too(client, replaced):
    page = client.get(f"/c/{LEAKED}", headers={"Accept-Language": "es"})
    assert "Este código ya no se usa" in page.text and replaced.code not in page.text


def test_what_is_tapped_on_the_old_page_afterwards_is_kept_for_a_person(client, replaced, mia):
    sent = post_old(client)
    assert "not counted yet" in sent.text and "You're counted" not in sent.text
    assert outcomes(replaced) == ["unresolved"] and evidence(replaced)[0].member_id == mia.id
    assert not attendance(replaced)


def test_member_and_stranger_get_the_same_bytes_from_an_old_code(client, replaced, mia):
    pages = {
        re.sub(r'value="[^"]{50,}"', "", post_old(client, typed).text)
        for typed in ("2135550101", "2135550177")
    }
    assert len(pages) == 1


def test_what_a_phone_saved_before_the_change_counts_when_it_arrives(client, replaced):
    early, late = OPEN - timedelta(minutes=3), OPEN
    answer = client.post(f"/c/{LEAKED}", json=saved(early))
    assert answer.json["stored"] is True and "You're counted" in answer.json["page"]
    assert replaced.code not in answer.json["page"]
    assert [(row.first_at, row.tier) for row in attendance(replaced)] == [(early, Tier.SELF)]
    answer = client.post(f"/c/{LEAKED}", json=saved(late, n=2, typed="2135550177"))
    assert answer.json["stored"] is True and "not counted yet" in answer.json["page"]
    assert client.post(f"/c/{LEAKED}", json=saved(early)).json["stored"] is True
    assert len(evidence(replaced)) == 2


def test_an_open_line_page_goes_on_under_the_old_address(client, event, mia):
    client.set_cookie(f"line-{LEAKED}", grant_for(event)[1], domain="localhost")
    replace_code(event, LEAKED, actor="shell", now=OPEN)
    tick = {"nonce": "1" * 32, "kind": "tick", "at": OPEN.isoformat(), "member": str(mia.id)}
    [done] = client.post(f"/line/{LEAKED}/items", json={"items": [tick]}).json["items"]
    assert done["outcome"] == "counted"
    page, state = client.get(f"/line/{LEAKED}"), client.get(f"/line/{LEAKED}/state").json
    assert f'data-codes="{event.code} {LEAKED}"' in page.text and f'data-code="{LEAKED}"' in page.text
    assert state["named"] == 1 and event.code in state["address"]
    form = {"do": "head_count", "n": "12", "nonce": "a" * 32}
    assert client.post(f"/line/{LEAKED}/do", data=form).location == f"/line/{LEAKED}"
    assert line_figures(event.id).head_count == 12


def test_a_grant_under_an_old_address_opens_no_other_line(client, replaced):
    client.set_cookie(f"line-{LEAKED}", grant_for(make_event())[1], domain="localhost")
    assert client.get(f"/line/{LEAKED}").status_code == 403


def test_the_chair_comes_back_to_the_page_they_have_open(client, event, site):
    sign_in(client, make_person(phone="+12135550110", role=RoleName.CHAIR, site=site))
    assert client.post(f"/events/{event.id}/line").location == f"/line/{LEAKED}"
    replace_code(event, LEAKED, actor="shell", now=OPEN)
    assert client.post(f"/events/{event.id}/line").location == f"/line/{LEAKED}"


def test_a_code_on_the_lines_screen_still_verifies_while_that_phone_is_offline(client, replaced, mia):
    page = client.get(f"/c/{LEAKED}/{rotating_code(replaced.id, OPEN)}")
    assert 'name="typed"' in page.text and replaced.code not in page.text
    sent = post_old(client)
    assert "You're counted" in sent.text and replaced.code not in sent.text
    assert [(row.tier, evidence(replaced)[0].method) for row in attendance(replaced)] == [
        (Tier.VERIFIED, Method.ROTATING)
    ]


def test_a_photo_of_that_screen_is_as_good_as_the_old_poster(client, replaced):
    stale = rotating_code(replaced.id, OPEN - timedelta(minutes=5))
    assert "not in use any more" in client.get(f"/c/{LEAKED}/{stale}").text


def test_a_members_own_link_is_not_the_poster_and_goes_on(client, replaced, mia):
    link = f"/p/{LEAKED}/{personal_code(replaced.id, mia.id)}"
    assert "Check me in" in client.get(link).text
    answer = client.post(link)
    assert "You're counted" in answer.text and replaced.code not in answer.text
    assert outcomes(replaced) == ["counted"]


def test_the_new_code_counts_like_any(client, replaced, mia):
    assert "You're counted" in post(client, replaced, "2135550101").text
    assert outcomes(replaced) == ["counted"]


def test_twice_is_one_new_code_and_codes_are_never_used_again(app, event):
    assert replace_code(event, LEAKED, actor="shell", now=OPEN) is True
    first = event.code
    assert replace_code(event, LEAKED, actor="shell", now=OPEN) is False and event.code == first
    assert replace_code(event, first, actor="shell", now=OPEN) is True
    assert set(db.session.scalars(select(OldCode.code))) == {LEAKED, first}
    assert len({LEAKED, first, event.code}) == 3
    assert len({*db.session.scalars(select(OldCode.text_code)), event.text_code}) == 3
    assert [entry.verb for entry in db.session.scalars(select(AuditRow))] == ["event.new_code"] * 2


@pytest.mark.parametrize(
    ("state", "hours"), [(EventState.CALLED_OFF, 0), (EventState.CLOSED, 0), (EventState.PLANNED, 5)]
)
def test_once_nobody_can_check_in_there_is_no_new_code(app, site, state, hours):
    event = make_event(site, state=state)
    before = event.code
    with pytest.raises(Refused):
        replace_code(event, before, actor="shell", now=OPEN + timedelta(hours=hours))
    assert event.code == before


def test_the_chair_and_their_organizer_press_one_button_and_see_what_it_does(client, event, site):
    for role, where in ((RoleName.CHAIR, {"site": site}), (RoleName.ORGANIZER, {"area": site.area})):
        sign_in(client, make_person(role=role, **where))
        before = event.code
        assert f"/events/{event.id}/new-code" in client.get(f"/events/{event.id}").text
        page = client.get(f"/events/{event.id}/new-code").text
        assert "Replace the code now" in page and event.code == before
        answer = client.post(f"/events/{event.id}/new-code", data={"leaked": before}, follow_redirects=True)
        db.session.refresh(event)
        assert event.code != before and event.code in answer.text and "Print the poster again" in answer.text


def test_nobody_elses_chair_replaces_a_code(client, event):
    sign_in(client, make_person(role=RoleName.CHAIR, site=make_site()))
    for ask in (client.get, client.post):
        assert ask(f"/events/{event.id}/new-code").status_code == 404
    assert event.code == LEAKED


def test_the_office_does_it_from_a_shell(app, event):
    result = app.test_cli_runner().invoke(args=["events", "new-code", "cdf ghj kmn"])
    db.session.refresh(event)
    assert result.exit_code == 0 and result.output.strip() == event.code != LEAKED
