"""A chair's text to their own chapter: approved words, their own members, and not too often."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import RoleName, SignedInSession
from mobilize.accounts.second_factor.step_up import ASKS_ABOVE
from mobilize.actions.models import Event
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.reminders.broadcasts.chapter_texts import timely_wordings, write_to_chapter
from mobilize.reminders.broadcasts.operations import confirm_broadcast, queue_broadcasts
from mobilize.reminders.models import Rsvp
from tests.builders import make_action, make_event, make_member, make_person, make_site, sign_in
from tests.reminders.conftest import MIA, NATE, phones, waiting, words


def own_event(client: FlaskClient) -> Event:
    """Carmen is signed in, chair of Elm Street School; Mia is a member there, Nate is another chapter's."""
    action = make_action(starts_at=clock.now() + timedelta(hours=3))
    event = make_event(make_site("Elm Street School"), action=action)
    make_member(site=event.site, phone=MIA)
    make_member(site=make_event(action=action).site, phone=NATE)
    sign_in(client, make_person(role=RoleName.CHAIR, site=event.site))
    return event


def send(client: FlaskClient, event: Event, **typed: str) -> int:
    typed = {"wording": "chair_meet_at", "where": "Elm St & 3rd", **typed}
    looked = client.post(f"/events/{event.id}/text", data=typed)
    assert looked.status_code == 303
    assert "Elm St &amp; 3rd" in client.get(looked.location).text
    answered = client.post(looked.location + "/send").status_code
    queue_broadcasts(clock.now())
    return answered


def test_their_members_and_nobody_else_read_the_approved_words(app: Flask, client: FlaskClient) -> None:
    event = own_event(client)
    assert "Text your chapter" in client.get(f"/events/{event.id}").text
    assert send(client, event) == 303
    assert phones("as_written") == [MIA]
    assert words(waiting("as_written")[0]).endswith("we now meet at Elm St & 3rd.")


def test_the_third_within_a_day_is_refused(app: Flask, client: FlaskClient) -> None:
    event = own_event(client)
    assert [send(client, event) for _each in range(3)] == [303, 303, 409]


@pytest.mark.parametrize(
    "typed",
    [
        {"wording": "as_written", "where": "x"},
        {"wording": "chair_meet_at", "where": " "},
        {"wording": "chair_meet_at", "where": "{phone}"},
        {"wording": "chair_meet_at", "where": "https://example.org"},
        {"wording": "chair_meet_at", "where": "x" * 41},
        {},
    ],
)
def test_only_approved_words_with_a_plain_place(
    app: Flask, client: FlaskClient, typed: dict[str, str]
) -> None:
    event = own_event(client)
    assert client.post(f"/events/{event.id}/text", data=typed).status_code == 422


def test_another_chapters_event_is_not_there_and_the_composer_is_not_theirs(
    app: Flask, client: FlaskClient
) -> None:
    event = own_event(client)
    other = make_event(action=event.action)
    assert client.get(f"/events/{other.id}/text").status_code == 404
    assert client.get(f"/actions/{event.action_id}/texts/new").status_code == 403


def test_who_said_they_come_is_called_for_when_the_chair_says_so(app: Flask, client: FlaskClient) -> None:
    event = own_event(client)
    coming = make_member(site=event.site, phone=NATE)
    with atomic() as session:
        session.add(Rsvp(event_id=event.id, member_id=coming.id, coming=True, at=clock.now()))
    typed = {"wording": "chair_reminder", "whom": "said_coming"}
    looked = client.post(f"/events/{event.id}/text", data=typed)
    assert (
        "It goes to 1 member of Elm Street School who said they are coming"
        in client.get(looked.location).text
    )
    client.post(looked.location + "/send")
    queue_broadcasts(clock.now())
    assert phones("as_written") == [NATE]
    assert client.post(f"/events/{event.id}/text", data={**typed, "whom": "everybody"}).status_code == 422


@pytest.mark.parametrize(
    ("minutes", "wordings"),
    [
        (-7 * 24 * 60, ["chair_reminder", "chair_meet_at"]),
        (-20, ["chair_reminder", "chair_meet_at", "chair_come"]),
        (10, ["chair_meet_at", "chair_come", "chair_thanks"]),
        (60, ["chair_come", "chair_thanks"]),
        (180, ["chair_thanks"]),
        (3 * 24 * 60, []),
    ],
)
def test_each_text_is_offered_while_it_is_true(app: Flask, minutes: int, wordings: list[str]) -> None:
    event = make_event()
    assert timely_wordings(event, event.starts_at + timedelta(minutes=minutes)) == wordings


def test_nobody_is_thanked_before_it_has_begun(app: Flask, client: FlaskClient) -> None:
    event = own_event(client)
    page = client.get(f"/events/{event.id}/text").text
    assert "See you there!" in page and "thank you for standing up" not in page and "needs you" not in page
    assert client.post(f"/events/{event.id}/text", data={"wording": "chair_thanks"}).status_code == 409


def test_a_reminder_written_in_time_is_not_sent_after_the_start(app: Flask, client: FlaskClient) -> None:
    event = own_event(client)
    how = {"scope": THE_OFFICE, "actor": "shell"}
    draft = write_to_chapter(event, event.site, "chair_reminder", "", **how, now=clock.now())
    with pytest.raises(Refused, match="untimely"):
        confirm_broadcast(draft.id, long_ok=False, **how, now=event.starts_at)


def test_what_reaches_more_than_a_hundred_phones_wants_proof(app: Flask, client: FlaskClient) -> None:
    event = own_event(client)
    for n in range(ASKS_ABOVE):
        make_member(site=event.site, phone=f"+1213558{n:04d}")
    with atomic() as session:
        session.execute(update(SignedInSession).values(stepped_up_at=clock.now() - timedelta(minutes=11)))
    looked = client.post(f"/events/{event.id}/text", data={"wording": "chair_reminder"})
    answer = client.post(looked.location + "/send")
    assert answer.status_code == 403 and "Is it you?" in answer.text
    db.session.rollback()
    assert queue_broadcasts(clock.now()) == 0


def test_only_what_a_text_needs_is_asked(app: Flask, client: FlaskClient) -> None:
    page = client.get(f"/events/{own_event(client).id}/text").text
    assert 'id="chapter-text"' in page and "Only for the" not in page
