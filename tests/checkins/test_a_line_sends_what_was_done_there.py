"""What a line page's queue and its plain forms send: each stored or shown to a person, none twice."""

import re
from datetime import timedelta

import pytest

from mobilize.checkins.line.queries import line_figures
from tests.builders import START, make_member, make_site
from tests.checkins.morning import OPEN, attendance, evidence, item, outcomes, send, tick_at

pytestmark = pytest.mark.usefixtures("in_the_morning")


def test_tick_undo_head_count_and_supporters_in_one_batch(line, event, mia):
    answers = send(
        line,
        event,
        item(1, member=str(mia.id)),
        item(2, "untick", member=str(mia.id)),
        item(3, member=str(mia.id)),
        item(4, "head_count", n=31),
        item(5, "supporters", n=-2),
        item(6, "supporters", n=7),
    )
    assert [a["outcome"] for a in answers] == [
        "counted",
        "undone",
        "counted",
        "counted",
        "counted",
        "counted",
    ]
    figures = line_figures(event.id)
    assert (figures.named, figures.head_count, figures.supporters) == (1, 31, 5)


def test_a_batch_sent_again_gives_the_same_answers_and_changes_nothing(line, event, mia):
    batch = [item(1, member=str(mia.id)), item(2, "untick", member=str(mia.id)), item(3, member=str(mia.id))]
    first = send(line, event, *batch)
    stored = len(evidence(event))
    assert send(line, event, *batch) == first
    assert len(evidence(event)) == stored
    assert len(attendance(event)) == 1


POISON = [
    None,
    7,
    "tick",
    [],
    {},
    {"nonce": "1"},
    item(9, "explode"),
    item(9, "scan", personal="CDFGHJKMN/ABCDEFGHIJ"),
    item(9, "scan"),
    item(9, "walkin"),
    item(9, member="nobody"),
    item(9),
    item(9, member="00000000-0000-7000-8000-000000000000"),
    item(9, "head_count", n=10**30),
    item(9, "head_count", n="many"),
    item(9, "head_count"),
    item(9, "head_count", n=-3),
    item(9, extra=1),
    {**item(9), "at": "yesterday"},
    {**item(9), "at": "0001-01-01T00:00:00+14:00"},
    {**item(9), "at": "9999-12-31T23:59:59-14:00"},
    {**item(9), "at": 10**30},
    {**item(9), "nonce": "\ud800"},
    {**item(9), "nonce": {"a": 1}},
    {**item(9), "kind": ["tick"]},
    item(9, member={"$ne": None}),
]


def test_poisoned_items_come_back_unresolved_each_and_the_others_are_stored(line, event, mia):
    before, *broken, after = send(
        line, event, item(1, member=str(mia.id)), *POISON, item(2, "head_count", n=3)
    )
    assert (before["stored"], after["stored"]) == (True, True)
    for poison, answer in zip(POISON, broken, strict=True):
        assert (answer["stored"], answer["outcome"]) == (False, "unresolved"), poison
        assert answer["why"], poison
    assert len(attendance(event)) == 1
    assert line_figures(event.id).head_count == 3


def test_the_same_nonce_with_another_body_comes_back_and_the_first_stays(line, event, site, mia):
    nate = make_member("North", "Nate", site=site)
    send(line, event, item(1, member=str(mia.id)))
    [answer] = send(line, event, item(1, member=str(nate.id)))
    assert answer["stored"] is False and answer["why"]
    assert [row.member_id for row in attendance(event)] == [mia.id]


def test_a_grant_ticks_nobody_of_another_chapter(line, event):
    stranger = make_member(site=make_site())
    [answer] = send(line, event, item(1, member=str(stranger.id)))
    assert answer["outcome"] == "unresolved"
    assert not evidence(event)


@pytest.mark.parametrize(
    "ahead",
    [
        timedelta(hours=3),
        timedelta(hours=-26),
        START.replace(year=1970) - START,
        START.replace(year=2038) - START,
    ],
    ids=["three hours ahead", "a day behind", "1970", "2038"],
)
def test_a_phones_wrong_clock_changes_nothing(line, event, mia, ahead):
    at, sent_at = OPEN + ahead - timedelta(minutes=4), OPEN + ahead
    send(line, event, tick_at(mia, at), sent_at=sent_at.isoformat())
    assert [row.first_at for row in attendance(event)] == [OPEN - timedelta(minutes=4)]
    assert evidence(event)[0].clock_error_s == ahead.total_seconds()


def test_a_tick_from_the_future_happened_now(line, event, mia):
    send(line, event, tick_at(mia, OPEN + timedelta(minutes=9)))
    assert [row.first_at for row in attendance(event)] == [OPEN]


def test_a_tick_outside_the_hours_is_kept_and_says_so(line, event, mia):
    [answer] = send(line, event, tick_at(mia, OPEN - timedelta(days=1)))
    assert answer["stored"] is True and "not counted" in answer["why"]
    assert outcomes(event) == ["outside_hours"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'{"items": 1}', 422),
        (b'{"items": [], "more": 1}', 422),
        (b'{"items": [], "sent_at": "soon"}', 422),
        (b'{"items": [' + b"1," * 100 + b"1]}", 422),
        (b"[" * 200_000, 400),
        (b'{"items": [' + b"9" * 5000 + b"]}", 400),
        (b"x" * 10_000_000, 413),
    ],
)
def test_a_batch_that_is_none_is_a_4xx(line, event, body, status):
    answer = line.post(f"/line/{event.code}/items", data=body, content_type="application/json")
    assert answer.status_code == status
    assert not evidence(event)


def test_a_batch_that_is_no_json_is_a_415(line, event):
    assert line.post(f"/line/{event.code}/items", data={"items": "x"}).status_code == 415


def test_everything_works_as_a_plain_form(line, event, mia):
    def do(**form):
        return line.post(
            f"/line/{event.code}/do", data={"nonce": "a" * 32, **form}, follow_redirects=True
        ).text

    assert "Done." in do(do=f"tick:{mia.id}")
    assert f"untick:{mia.id}" in do(do=f"tick:{mia.id}"), "a double tap is one tick, and can be undone"
    assert outcomes(event) == ["counted"]
    do(do=f"untick:{mia.id}")
    assert not attendance(event)
    do(do="head_count", n=" 24 ")
    do(do="supporters", n="5")
    figures = line_figures(event.id)
    assert (figures.head_count, figures.supporters) == (24, 5)


@pytest.mark.parametrize("n", ["", "many", "-1", "99999", "9" * 40])
def test_a_head_count_that_is_none_says_what_to_type(line, event, n):
    answer = line.post(f"/line/{event.code}/do", data={"do": "head_count", "n": n}, follow_redirects=True)
    assert "20000" in answer.text
    assert line_figures(event.id).head_count is None


def field(page, name):
    """The opening tag of a field, and what is said at it."""
    [tag] = re.findall(rf'<input id="{name}" [^>]*>', page)
    return tag, re.findall(rf'<p class="error" id="{name}-error"><span>([^<]+)</span>', page)


@pytest.mark.parametrize(
    ("form", "name", "value", "says"),
    [
        ({"do": "head_count", "n": "many"}, "n", "many", "Type a number"),
        ({"do": "walkin", "typed": "!!!"}, "typed", "!!!", "Write"),
        ({"do": "new_number", "typed": "call me"}, "phone", "call me", "Write the phone with its area code"),
    ],
)
def test_what_was_typed_wrong_is_in_its_field_with_the_focus_and_what_is_wrong(
    line, event, mia, form, name, value, says
):
    answer = line.post(f"/line/{event.code}/do", data={"member": str(mia.id), **form})
    assert answer.status_code == 422
    tag, [error] = field(answer.text, name)
    assert f'value="{value}"' in tag and 'aria-invalid="true"' in tag and tag.endswith(" autofocus>")
    assert f"{name}-error" in tag.partition("aria-describedby")[2]
    assert error.startswith(says)
    assert answer.text.count(" autofocus>") == 1
    if name == "phone":
        assert f'value="{mia.id}" selected' in answer.text and "<details open>" in answer.text
    assert not evidence(event)


def test_what_is_wrong_with_a_tick_has_the_focus_on_the_next_page(line, event):
    answer = line.post(f"/line/{event.code}/do", data={"do": "tick:"}, follow_redirects=True)
    assert '<div class="notice problem" role="alert" tabindex="-1" autofocus>' in answer.text


@pytest.mark.parametrize("form", [{}, {"do": ""}, {"do": "tick:"}, {"do": "tick:../"}, {"do": "x" * 10_000}])
def test_a_plain_form_that_makes_no_sense_says_so(line, event, form):
    answer = line.post(f"/line/{event.code}/do", data=form, follow_redirects=True)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
    assert not evidence(event)
