import io
import time

import pytest
import time_machine

from mobilize.actions.models import EventState
from mobilize.checkins.forms import event_token
from mobilize.keys.tokens import CODE_LETTERS
from tests.builders import START, make_event, make_member
from tests.checkins.morning import OPEN, attendance, evidence, outcomes, post


@pytest.fixture(autouse=True)
def in_the_morning():
    with time_machine.travel(OPEN, tick=True):
        yield


@pytest.fixture
def event(app):
    make_member(phone="+12135550101")
    return make_event(code="CDFGHJKMN")


def test_a_code_altered_by_one_character_leads_to_the_form_with_the_remedy(client, event):
    for place in range(len(event.code)):
        other = next(c for c in CODE_LETTERS if c != event.code[place])
        code = event.code[:place] + other + event.code[place + 1 :]
        for answer in (client.get(f"/c/{code}"), client.post(f"/c/{code}"), client.get(f"/c?code={code}")):
            assert answer.status_code == 404
            assert "letter by letter" in answer.text
            assert f'value="{code}"' in answer.text


def test_a_code_as_a_messenger_or_a_finger_wrote_it_opens_the_page(client, event):
    for written in [
        "cdfghjkmn",
        "CDFGHJKMN.",
        "CDFGHJKMN)",
        "CDFGHJKMN%29%2C",
        "cdf-ghj-kmn",
        "CDF%20GHJ%20KMN",
        "%43DFGHJKMN",
        "CDFGHJKMN%00",
        "CDFGHJKMN%E2%80%9D",
        "%EF%BC%A3DFGHJKMN",
        "CDFGHJKMN/",
    ]:
        for address in (f"/c/{written}", f"/C/{written}", f"/c?code={written}"):
            answer = client.get(address, follow_redirects=True)
            assert answer.status_code == 200, address
            assert event.place in answer.text
        form = {"token": event_token(event.code), "typed": "2135550101"}
        assert client.post(f"/c/{written}", data=form).status_code == 200


def test_what_is_no_code_is_a_404_and_never_more(client, event):
    for written in [
        "javascript:alert(1)",
        "%3Cscript%3E",
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "%ff%fe",
        "A" * 1900,
        "9" * 31,
        "%F0%9F%91%8D",
        "' OR 1=1 --",
        "CDFGHJKMN/extra",
        "-",
    ]:
        for method in (client.get, client.post):
            answer = method(f"/c/{written}")
            assert answer.status_code == 404
            assert "<script>" not in answer.text and "root:" not in answer.text
        assert not evidence(event)


def test_another_events_page_does_not_check_in_here_and_keeps_what_was_typed(client, event):
    answer = post(client, event, "2135550101", token=event_token(make_event().code))
    assert answer.status_code == 400
    assert 'value="2135550101"' in answer.text
    assert "Send it once more" in answer.text
    assert not evidence(event)


def test_a_made_up_token_stores_nothing(client, event):
    for token in ["", "x", "x.y", "é.ñ", "A" * 22 + "." + "0" * 32, "\x00", "." * 100_000]:
        assert post(client, event, "2135550101", token=token).status_code == 400
        assert not evidence(event)


def test_a_page_kept_overnight_still_works(client, event):
    with time_machine.travel(START.replace(day=2, hour=4)):
        token = event_token(event.code)
    assert post(client, event, "2135550101", token=token).status_code == 200
    assert len(attendance(event)) == 1


def test_double_tap_back_and_submit_count_once(client, event):
    token = event_token(event.code)
    for typed in ("2135550101", "2135550101", "(213) 555-0101"):
        assert post(client, event, typed, token=token).status_code == 200
    assert outcomes(event) == ["counted"]


def test_without_cookies_every_number_is_typed_and_counted(bare_client, app, event):
    for _ in range(2):
        stateless = app.test_client(use_cookies=False)
        assert post(stateless, event, "2135550101").status_code == 200
    assert outcomes(event) == ["counted", "repeat"]


def test_one_tap_without_the_cookie_asks_for_the_number(client, event):
    answer = post(client, event, known="1")
    assert answer.status_code == 422
    assert 'name="typed"' in answer.text


def test_one_tap_takes_what_was_typed_last_on_this_phone(client, event):
    make_member(first="Nate", phone="+12135550102")
    post(client, event, "2135550101")
    post(client, event, "2135550102")
    post(client, event, known="1")
    assert outcomes(event) == ["counted", "counted", "repeat"]
    assert 'name="typed"' in client.get(f"/c/{event.code}?other=1").text


def test_a_phone_that_was_forgotten_gets_a_new_token_and_never_one_of_its_own_choice(client, event):
    client.set_cookie("known", "chosen-by-somebody", domain="localhost")
    answer = post(client, event, "2135550101")
    assert "chosen-by-somebody" not in answer.headers["Set-Cookie"]


def test_opening_the_page_changes_nothing(client, event):
    answer = client.get(f"/c/{event.code}")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert not evidence(event)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
def test_a_form_on_somebody_elses_page_is_refused(client, event, headers):
    form = {"token": event_token(event.code), "typed": "2135550101"}
    assert client.post(f"/c/{event.code}", data=form, headers=headers).status_code == 403
    assert not evidence(event)


@pytest.mark.parametrize(("hours", "message"), [(-3, "Too early"), (3, "Too late")])
def test_out_of_hours_nobody_is_told_they_are_counted(client, event, hours, message):
    with time_machine.travel(START.replace(hour=START.hour + hours)):
        page, answer = client.get(f"/c/{event.code}"), post(client, event, "2135550101")
    # A hidden one waits for a phone that is offline at the gate.
    assert "<form" not in page.text.split("<main")[1].split('<div id="later" hidden>')[0]
    assert message in answer.text and "You're counted" not in answer.text
    assert outcomes(event) == ["outside_hours"]


def test_a_called_off_action_says_so_and_keeps_what_comes(client, app):
    event = make_event(state=EventState.CALLED_OFF)
    assert "called off" in client.get(f"/c/{event.code}").text
    answer = post(client, event, "2135550142")
    assert "called off" in answer.text and "You're counted" not in answer.text
    assert outcomes(event) == ["unresolved"]


def fields(n):
    return "&".join(f"f{i}=1" for i in range(n)).encode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"x" * 10_000_000, "application/x-www-form-urlencoded"),
        (fields(10_000), "application/x-www-form-urlencoded"),
        (b"token=%ff%fe&typed=%c3%28", "application/x-www-form-urlencoded"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b'{"typed": 1}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
        (b"typed=1", "text/plain"),
        (b"", ""),
    ],
)
def test_a_request_that_makes_no_sense_is_a_4xx_in_no_time(client, event, body, kind):
    for address in (f"/c/{event.code}", "/c/" + "9" * 31):
        began = time.monotonic()
        answer = client.post(
            address, input_stream=io.BytesIO(body), content_type=kind, content_length=len(body)
        )
        assert 400 <= answer.status_code < 500
        assert time.monotonic() - began < 5
    assert not evidence(event)


def test_a_form_cut_short_on_its_way_counts_nobody(client, event):
    form = f"token={event_token(event.code)}&typed=2135550101".encode()
    announced = {"CONTENT_LENGTH": str(len(form)), "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    for body in (form[:-2], form[:-10], b""):
        answer = client.post(f"/c/{event.code}", input_stream=io.BytesIO(body), environ_overrides=announced)
        assert answer.status_code == 400
    assert not evidence(event)


@pytest.mark.parametrize("start", ["/events/", "/c/", "/line/", "/p/CDFGHJKMN/", "/l/", "/sites/"])
@pytest.mark.parametrize("end", ["9" * 31, "..%2f..%2fetc", "%00", "%ff", "-1", "'"])
def test_an_address_of_nothing_is_a_4xx_or_the_way_to_sign_in(client, event, start, end):
    for ask in (client.get, client.post):
        answer = ask(start + end)
        assert 400 <= answer.status_code < 500 or "/sign-in" in answer.location
    assert not evidence(event)


def test_a_number_that_is_none_is_refused_with_the_remedy(client, event):
    for typed in ["9" * 31, "1" * 81, "\x00", "💪", "1e9", "' OR 1=1", "½", "٠١٢"]:
        answer = post(client, event, typed)
        assert answer.status_code == 422
        assert "area code" in answer.text
        assert not evidence(event)
