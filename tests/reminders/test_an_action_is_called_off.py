"""Calling off a whole action: who agrees, who is told, and who is left to call."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.approvals.operations import ApprovalKind, ApprovalRule
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action, EventState
from mobilize.actions.operations import call_off_action
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import Translated
from mobilize.reminders.broadcasts.operations import confirm_broadcast, queue_broadcasts, write_broadcast
from mobilize.reminders.calling_off.operations import call_list, notice_counts, tell_of_calling_off
from mobilize.reminders.models import Audience
from mobilize.texts.models import OutboxText, TextClass, TextState
from tests.builders import make_action, make_area, make_event, make_member, make_person, make_site, sign_in
from tests.reminders.conftest import CARMEN, MIA, NATE, OLGA, phones, waiting, words


def an_action(area: object = None) -> Action:
    """Tomorrow, with Mia and Nate at one school."""
    action = make_action(starts_at=clock.now() + timedelta(days=1))
    site = make_event(make_site("Elm Street School", area=area or make_area()), action=action).site
    make_member(site=site, phone=MIA)
    make_member(site=site, phone=NATE)
    return action


def queue_notices(action: Action) -> None:
    """Mia and Nate have had a text about it."""
    text = Translated(en="{union}: bring a coat", es="{union}: trae abrigo")
    now = clock.now()
    broadcast = write_broadcast(action, text, Audience.MEMBERS, scope=THE_OFFICE, actor="shell", now=now)
    confirm_broadcast(broadcast.id, long_ok=False, scope=None, actor="shell", now=now)
    queue_broadcasts(now)


def become(state: TextState, phone: str = "") -> None:
    with atomic() as session:
        for text in session.query(OutboxText).filter(OutboxText.state == TextState.WAITING):
            if phone in text.to:
                text.state = state


def off(action: Action) -> None:
    call_off_action(action, actor="shell", now=clock.now())


def test_everybody_a_text_has_left_for_is_told_once(app: Flask) -> None:
    action = an_action()
    make_person(phone=CARMEN, role=RoleName.CHAIR, site=action.events[0].site)
    queue_notices(action)
    become(TextState.DELIVERED)
    off(action)
    assert [tell_of_calling_off(clock.now()) for _again in range(2)] == [2, 0]
    assert phones("called_off") == [MIA, NATE]
    assert "is called off" in words(waiting("called_off")[0])
    assert {text.text_class for text in waiting("called_off")} == {TextClass.NOTICE}


def test_what_had_not_left_is_taken_back_and_needs_no_notice(app: Flask) -> None:
    action = an_action()
    queue_notices(action)
    off(action)
    assert tell_of_calling_off(clock.now()) == 0
    assert {text.reason for text in db.session.query(OutboxText)} == {"called_off"}


def test_a_text_that_left_in_the_same_moment_is_followed_by_its_notice(app: Flask) -> None:
    action = an_action()
    queue_notices(action)
    become(TextState.CLAIMED, MIA)
    off(action)
    assert tell_of_calling_off(clock.now()) == 1
    assert phones("called_off") == [MIA]


def test_who_agreed_to_urgent_texts_is_told_at_any_hour(app: Flask) -> None:
    action = an_action()
    make_member(site=action.events[0].site, phone=OLGA, urgent_ok_at=clock.now())
    queue_notices(action)
    become(TextState.DELIVERED)
    off(action)
    tell_of_calling_off(clock.now())
    assert [text.to for text in waiting("called_off") if text.urgent] == [OLGA]


def test_the_call_list_names_who_could_not_be_told_and_their_chair(app: Flask) -> None:
    action = an_action()
    site = action.events[0].site
    carmen = make_person(phone=CARMEN, role=RoleName.CHAIR, site=site)
    make_member(site=site)
    queue_notices(action)
    become(TextState.DELIVERED)
    off(action)
    tell_of_calling_off(clock.now())
    become(TextState.DELIVERED, MIA)
    with atomic() as session:
        waits = OutboxText.state == TextState.WAITING
        session.execute(update(OutboxText).where(waits).values(state=TextState.FAILED))
    assert (notice_counts(action).reached, notice_counts(action).unreached) == (1, 1)
    [one] = call_list(action, THE_OFFICE, clock.now())
    assert (one.people, [chair.id for chair in one.chairs]) == (2, [carmen.id])


def test_it_is_done_once_and_not_when_it_is_over(app: Flask) -> None:
    action = an_action()
    assert [call_off_action(action, actor="shell", now=clock.now()) for _again in range(2)] == [True, False]
    assert {event.state for event in action.events} == {EventState.CALLED_OFF}
    over = an_action()
    with pytest.raises(Refused) as refusal:
        call_off_action(over, actor="shell", now=clock.now() + timedelta(days=3))
    assert refusal.value.code == "is_over"


def test_a_small_local_needs_one_person(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "Call it off now" in client.get(f"/actions/{action.id}/call-off").text
    assert client.post(f"/actions/{action.id}/call-off").status_code == 303
    assert "Who to call" in client.get(f"/actions/{action.id}/call-off").text
    assert "called off" in client.get(f"/c/{action.events[0].code}").text


def test_of_many_people_the_second_persons_press_does_it(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(approvals.RULES, ApprovalKind.CALLING_OFF, ApprovalRule(from_people=2))
    action = an_action()
    address = f"/actions/{action.id}/call-off"
    ada, vera = (make_person(name, role=RoleName.ADMIN) for name in ("Ada Stone", "Vera Lund"))
    sign_in(client, ada)
    for _again in range(2):
        client.post(address)
    db.session.refresh(action)
    assert action.called_off_at is None
    sign_in(client, vera)
    assert "If you confirm, it is called off." in client.get(address).text
    client.post(address)
    db.session.refresh(action)
    assert action.called_off_at is not None


def test_an_organizer_calls_off_only_what_is_all_theirs(app: Flask, client: FlaskClient) -> None:
    own = make_area()
    action = an_action(own)
    make_event(action=action)
    sign_in(client, make_person("Olga Reed", role=RoleName.ORGANIZER, area=own))
    assert client.get(f"/actions/{action.id}/call-off").status_code == 200
    assert client.post(f"/actions/{action.id}/call-off").status_code == 403
