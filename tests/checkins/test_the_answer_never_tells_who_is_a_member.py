import re
from datetime import timedelta

import pytest
from sqlalchemy import event as listening

from mobilize.checkins.line import queries as queries
from mobilize.checkins.models import KnownPhone
from mobilize.checkins.record.deferred_attendance import derive_deferred
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.database import atomic, db
from mobilize.fast.versions import version_of
from mobilize.keys.crypto import blind_index
from mobilize.texts.models import Suppression
from tests.builders import START, make_event, make_member, make_site
from tests.checkins.morning import OPEN, outcomes, post, scan
from tests.services.client import Client

pytestmark = pytest.mark.usefixtures("in_the_morning")


@pytest.fixture
def event(app):
    """A line with members, a repeat, an opted-out member, and two who share a phone."""
    site = make_site()
    make_member(site=site, phone="+12135550101", number="44000101")
    make_member(site=site, phone="+12135550102")
    make_member(site=site, phone="+12135550103")
    for first in ("Ana", "Beto"):
        make_member(first=first, site=site, phone="+12135550104")
    make_member(site=site, phone="+12135550105", gone_on=START)
    for n in range(6):
        make_member(site=site, phone=f"+1213555011{n}")
    event = make_event(site)
    for n in range(6):
        scan(event, f"213555011{n}")
    scan(event, "2135550102")
    opt_out("+12135550103")
    return event


def opt_out(phone):
    with atomic() as session:
        rule = Suppression(phone_index=blind_index("phone", phone), opted_out_at=START, source="text")
        session.add(rule)


WHO = {
    "member": "2135550101",
    "member by number": "44000101",
    "stranger": "2135550142",
    "stranger by number": "88888888",
    "repeat": "2135550102",
    "opted out": "2135550103",
    "shared phone": "2135550104",
    "gone": "2135550105",
}


def masked(answer):
    """Status, headers and body without the two random things an answer carries: receipt code and cookie."""
    body = re.sub(r'(<dd class="code">)[0-9A-Z]{6}', r"\1", answer.get_data(as_text=True))
    headers = [(name, value) for name, value in answer.headers if name != "Date"]
    headers = [(n, re.sub(r"known=[\w-]{43}", "known=", v) if n == "Set-Cookie" else v) for n, v in headers]
    return answer.status, headers, body


@pytest.mark.parametrize("language", ["en", "es"])
def test_status_headers_and_bytes_are_the_same_for_everybody(app, event, language):
    answers = {}
    for who, typed in WHO.items():
        phone = Client(app, use_cookies=True)
        phone.set_cookie("language", language, domain="localhost")
        answers[who] = masked(post(phone, event, typed))
    assert answers["member"][0] == "200 OK"
    assert {who for who, answer in answers.items() if answer != answers["member"]} == set()
    assert {"counted", "walkup", "repeat", "ambiguous"} <= set(outcomes(event))


@pytest.mark.parametrize("typed", WHO.values(), ids=WHO.keys())
def test_the_second_time_and_by_one_tap_is_no_different(app, event, typed):
    phone = Client(app, use_cookies=True)
    first = masked(post(phone, event, typed))
    assert masked(post(phone, event, typed)) == first
    assert masked(post(phone, event, known="1")) == first


@pytest.mark.parametrize("typed", WHO.values(), ids=WHO.keys())
def test_what_a_receipt_says_is_the_same_whoever_was_typed_before(app, event, typed):
    """An employer types a number, waits, and looks at a receipt of somebody else."""
    phone, other = Client(app, use_cookies=True), Client(app, use_cookies=True)
    before = masked(post(other, event, "2135550199"))
    for request in (lambda: post(phone, event, typed), lambda: phone.post(f"/c/{event.code}/undo")):
        request()
        queries.last_count.cache_clear()  # half a minute later
        assert masked(post(other, event, "2135550199")) == before


def test_the_receipt_says_the_chairs_last_head_count_with_its_time(client, event):
    queries.last_count.cache_clear()
    assert "counted here" not in post(client, event, WHO["member"]).text, "nobody has counted"
    for n, heads in enumerate((31, 27)):
        at = OPEN - timedelta(minutes=2 - n)
        report_head_count(
            event, heads, counted_at=at, nonce=bytes([n] * 16), via="line", by="grant", now=OPEN
        )
    queries.last_count.cache_clear()
    assert "27 people counted here at 7:04" in post(client, event, WHO["member"]).text
    client.set_cookie("language", "es", domain="localhost")
    assert "27 personas contadas aquí a las 7:04" in post(client, event, WHO["member"]).text


def test_an_undo_asks_the_database_the_same_for_everybody(app, event):
    """Else its time would tell whose number was typed."""
    stranger, *others = (
        statements_of_an_undo(app, event, typed) for typed in (WHO["stranger"], *WHO.values())
    )
    assert len(stranger) > 2
    assert others == [stranger] * len(others)


def test_what_a_worker_does_of_an_undo_shows_at_the_line_for_everybody(app, event):
    """Else a look at the line is answered more slowly once more, seconds after a member's undo alone."""
    for typed in (WHO["stranger"], WHO["shared phone"], WHO["member"]):
        phone = Client(app, use_cookies=True)
        post(phone, event, typed)
        phone.post(f"/c/{event.code}/undo")
        before = version_of(event.id, fresh=True)
        derive_deferred(OPEN)
        db.session.rollback()
        assert version_of(event.id, fresh=True) > before, typed


def statements_of_an_undo(app, event, typed):
    statements = []

    def note(_connection, _cursor, statement, *_how):
        statements.append(statement)

    phone = Client(app, use_cookies=True)
    post(phone, event, typed)
    listening.listen(db.engine, "before_cursor_execute", note)
    phone.post(f"/c/{event.code}/undo")
    listening.remove(db.engine, "before_cursor_execute", note)
    return statements


def test_a_large_head_count_is_written_with_its_comma(client, event):
    queries.last_count.cache_clear()
    report_head_count(
        event, 1250, counted_at=OPEN, nonce=bytes(16), via="line", by="grant", now=OPEN, sure=True
    )
    assert "1,250 people counted here" in post(client, event, WHO["member"]).text


@pytest.mark.parametrize("typed", ["2135550101", "2135550142"])
def test_a_phone_remembers_what_was_typed_whether_or_not_it_matched(client, event, typed):
    post(client, event, typed)
    assert f"+1{typed}" in {phone.last_typed.text for phone in db.session.query(KnownPhone)}
    page = client.get(f"/c/{event.code}").get_data(as_text=True)
    assert "Check me in" in page
    assert typed not in page and "Mia" not in page


def test_a_number_nobody_can_read_is_refused_in_the_same_words_and_stays_in_the_box(client, event):
    answer = post(client, event, "213 555")
    assert answer.status_code == 200, "six digits may be a member number"
    answer = post(client, event, "call me <maybe>")
    assert answer.status_code == 422
    assert "Type your mobile number with area code" in answer.text
    assert 'value="call me &lt;maybe&gt;"' in answer.text
