"""The tab of an action's texts: who gets what when, what was written is found again, one check of it all."""

import re
from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from mobilize import clock
from mobilize.accounts.access.scope import Scope
from mobilize.accounts.approvals.operations import ApprovalKind, approve, open_approval
from mobilize.accounts.models import RoleName, SignedInSession
from mobilize.actions.models import Action
from mobilize.database import atomic, db
from mobilize.reminders.broadcasts.chapter_texts import write_to_chapter
from mobilize.reminders.broadcasts.operations import (
    ask_second_person,
    call_back_broadcast,
    confirm_broadcast,
    queue_broadcasts,
)
from mobilize.reminders.broadcasts.queries import broadcasts_of, chapter_texts_of
from mobilize.reminders.models import AudienceFilter, ReminderRule, RuleKind
from mobilize.reminders.plan.queries import RuleStep, StepState, plan_of
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.reminders.rules.queries import due_at, rules_of
from mobilize.texts.models import OutboxText, TextState
from tests.builders import make_area, make_event, make_member, make_person, make_site, sign_in
from tests.reminders.broadcasts import an_action, enter, sent, written
from tests.reminders.conftest import CARMEN, OLGA, waiting, words

OFFICE = Scope(roles=frozenset({RoleName.ADMIN}), everything=True)


def address(action: Action, rest: str = "") -> str:
    return f"/actions/{action.id}/reminders{rest}"


def states(action: Action) -> dict[RuleKind, StepState]:
    db.session.rollback()
    plan = plan_of(action, [], clock.now())
    return {step.rule.kind: step.state for step in (*plan.steps, *plan.off) if isinstance(step, RuleStep)}


def many(action: Action, members: int = 99) -> None:
    """With Mia and Nate 101 phones."""
    for n in range(members):
        make_member(site=action.events[0].site, phone=f"+1213557{n:04d}")


def turn_off(action: Action) -> None:
    set_default_rules(clock.now())
    with atomic() as session:
        session.execute(update(ReminderRule).where(ReminderRule.action_id == action.id).values(on=False))


def test_what_is_to_come_stands_in_the_order_of_its_time_with_price_and_end(
    app: Flask, client: FlaskClient
) -> None:
    action = an_action()
    enter(client)
    page = client.get(address(action)).text
    titles = ["Chairs, two days before", "The day before", "Within the hour", "Afterwards: thank you"]
    places = [page.index(title) for title in titles if title in page]
    assert len(places) >= 3 and places == sorted(places)
    assert "2 phones, about $0.0" in page and "done by" in page
    assert "An early text" in page[page.index(">Off<") :], "what is off has no price and stands below"
    assert "How it reads" in page and "mañana" in page


def test_a_reminder_says_how_many_have_left_and_then_what_it_cost(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client)
    client.get(address(action))
    assert states(action)[RuleKind.DAY_BEFORE] is StepState.TO_COME
    event, rule = action.events[0], rules_of(action)[RuleKind.DAY_BEFORE]
    plan_reminders(due_at(rule, event))
    first, second = waiting()
    with atomic() as session:
        session.execute(update(OutboxText).where(OutboxText.id == first.id).values(state=TextState.DELIVERED))
    assert states(action)[RuleKind.DAY_BEFORE] is StepState.SENDING
    assert "1 of 2 have gone out" in client.get(address(action)).text
    with atomic() as session:
        session.execute(update(OutboxText).values(state=TextState.DELIVERED))
        session.execute(update(ReminderRule).where(ReminderRule.kind == RuleKind.DAY_BEFORE).values(on=False))
    assert states(action)[RuleKind.DAY_BEFORE] is StepState.SENT, "what was sent stays in the plan"


def test_what_its_time_has_passed_for_says_so_and_is_counted_for_nobody(app: Flask) -> None:
    action = an_action()
    set_default_rules(clock.now())
    plan = plan_of(action, [], action.starts_at + timedelta(minutes=5))
    late = {step.rule.kind: step for step in plan.steps if isinstance(step, RuleStep)}[RuleKind.DAY_BEFORE]
    assert late.state is StepState.TOO_LATE and late.size is not None and late.size.phones == 0


def test_a_text_to_many_is_found_again_with_how_far_it_is(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    olga = enter(client)
    actor = f"person:{olga.id}"
    broadcast = written(action, actor=actor)
    listed = client.get(f"/actions/{action.id}/texts").text
    assert f"/broadcasts/{broadcast.id}" in listed and "Not sent yet" in listed and "Olga Reed" in listed
    confirm_broadcast(broadcast.id, long_ok=False, scope=None, actor=actor, now=clock.now())
    assert "Sending" in client.get(f"/actions/{action.id}/texts").text, "a worker has not begun"
    queue_broadcasts(clock.now())
    with atomic() as session:
        one = waiting("as_written")[0].id
        session.execute(update(OutboxText).where(OutboxText.id == one).values(state=TextState.SENT))
    for page in (f"/actions/{action.id}/texts", address(action)):
        listed = client.get(page).text
        assert "1 of 2 have gone out" in listed and "$0.0" in listed and "bring a coat" in listed
    call_back_broadcast(broadcast.id, actor=actor, now=clock.now())
    listed = client.get(f"/actions/{action.id}/texts").text
    assert "Stopped" in listed and "1 of 2 have gone out" in listed
    assert "Written by" in client.get(f"/broadcasts/{broadcast.id}").text


def test_one_that_is_through_is_sent_and_each_has_its_own_count(app: Flask) -> None:
    action = an_action()
    first, second = written(action), written(action)
    sent(first)
    with atomic() as session:
        session.execute(update(OutboxText).values(state=TextState.DELIVERED))
    sent(second)
    page = broadcasts_of(action, OFFICE, now=clock.now())
    assert [(one.progress, one.outcome.left, one.outcome.waiting) for one in page.broadcasts] == [
        ("sending", 0, 2),
        ("sent", 2, 0),
    ]


def test_what_waits_for_a_second_person_is_found_and_then_sent(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    olga = enter(client)
    broadcast = written(action, actor=f"person:{olga.id}")
    ask_second_person(broadcast, actor=f"person:{olga.id}", now=clock.now())
    assert "Waits for a second person" in client.get(address(action)).text
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    later = clock.now() + timedelta(minutes=1)
    request = open_approval(ApprovalKind.BROADCAST, str(broadcast.id), now=later)
    assert request is not None
    approve(request.id, by=f"person:{ada.id}", scope=OFFICE, stepped_up=False, now=later)
    assert "Agreed: it can be sent" in client.get(address(action)).text


def test_there_are_pages_of_them_and_one_that_is_not_there_is_the_last(app: Flask) -> None:
    action = an_action()
    ids = [written(action, now=clock.now() + timedelta(seconds=n)).id for n in range(5)]
    pages = [broadcasts_of(action, OFFICE, page=n, per_page=2, now=clock.now()) for n in (1, 2, 3, 99)]
    assert [[one.broadcast.id for one in page.broadcasts] for page in pages] == [
        ids[:2:-1],
        [ids[2], ids[1]],
        [ids[0]],
        [ids[0]],
    ]
    assert pages[3].page == 3 and pages[0].total == 5


def test_an_organizer_finds_only_what_stays_within_their_areas(app: Flask, client: FlaskClient) -> None:
    north, south = make_area("North"), make_area("South")
    action = an_action(north)
    make_event(make_site("Oak Street School", area=south), action=action)
    everywhere = written(action)
    otto = Scope(roles=frozenset({RoleName.ORGANIZER}), areas=frozenset({north.id}))
    own = written(action, scope=otto)
    enter(client, RoleName.ORGANIZER, area=north)
    listed = client.get(f"/actions/{action.id}/texts").text
    assert str(own.id) in listed and str(everywhere.id) not in listed
    assert client.get(f"/broadcasts/{everywhere.id}").status_code == 404
    assert client.get(f"/actions/{an_action(south).id}/texts").status_code == 404


def test_a_chair_finds_the_texts_to_their_chapter_and_no_other(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    site = action.events[0].site
    carmen = make_person("Carmen Ortiz", phone=CARMEN, role=RoleName.CHAIR, site=site)
    sign_in(client, carmen)
    by_olga = written(action)
    own = write_to_chapter(
        action.events[0],
        site,
        "chair_reminder",
        "",
        AudienceFilter.MISSING,
        scope=Scope(roles=frozenset({RoleName.CHAIR}), sites=frozenset({site.id})),
        actor=f"person:{carmen.id}",
        now=clock.now(),
    )
    page = client.get(f"/events/{action.events[0].id}/text").text
    assert f"/broadcasts/{own.id}" in page and str(by_olga.id) not in page
    assert len(chapter_texts_of(action, site, OFFICE, now=clock.now())) == 1


def test_a_reminder_is_texted_to_oneself_and_to_nobody_else(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client)
    client.get(address(action))
    for kind in RuleKind:
        assert client.post(address(action, f"/{kind}/test")).status_code == 303
    with atomic() as session:
        texts = session.scalars(select(OutboxText)).all()
        assert {text.to for text in texts} == {OLGA} and len(texts) == len(RuleKind)
        assert all(text.event_id is None and text.asks is None for text in texts), "no answer to it counts"
    reminder = next(text for text in texts if text.wording == "reminder_day_before")
    assert "Elm Street School" in words(reminder)


def test_somebody_without_a_phone_is_told_so(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    sign_in(client, make_person("Ada Stone", phone=None, role=RoleName.ADMIN))
    client.get(address(action))
    refused = client.post(address(action, "/day_before/test"))
    assert refused.status_code == 422 and "no number of yours" in refused.text


def test_the_usual_ones_are_checked_on_one_page_and_asked_about_once(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    many(action)
    turn_off(action)
    enter(client)
    page = client.get(address(action)).text
    assert "usual ones together" in page
    look = client.post(address(action), data={"do": "usual:on"})
    assert look.status_code == 422 and "Check the price first" in look.text
    for title in ("The day before", "Afterwards: thank you"):
        assert title in look.text
    assert re.search(r"\b[\d,]+ texts, about \$|\b[\d,]+ texts to [\d,]+ phones, about \$", look.text)
    assert "done by" in look.text and "is counted in each" not in look.text
    assert RuleKind.DAY_BEFORE in states(action) and states(action)[RuleKind.DAY_BEFORE] is StepState.OFF
    segments = look.text.split('name="agreed_segments" value="')[1].split('"')[0]
    agreed = {"do": "usual:on", "agreed_segments": segments}
    with atomic() as session:
        session.execute(update(SignedInSession).values(stepped_up_at=None))
    refused = client.post(address(action), data=agreed)
    assert refused.status_code == 403 and f'value="{segments}"' in refused.text
    assert states(action)[RuleKind.DAY_BEFORE] is StepState.OFF
    with atomic() as session:
        session.execute(update(SignedInSession).values(stepped_up_at=clock.now()))
    for _press in range(2):
        assert client.post(address(action), data=agreed).status_code == 303
    on = states(action)
    assert on[RuleKind.DAY_BEFORE] is on[RuleKind.THANKS] is StepState.TO_COME
    assert on[RuleKind.EARLY_CALL] is StepState.OFF, "an early call wants a reason of its own"


def test_two_that_reach_few_each_and_many_together_are_looked_at(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    many(action, 58)
    turn_off(action)
    enter(client)
    assert client.post(address(action), data={"do": "day_before:on", "at_local": "17:00"}).status_code == 303
    turn_off(action)
    assert client.post(address(action), data={"do": "usual:on"}).status_code == 422


def test_a_drill_and_an_action_that_is_over_have_a_plan_without_buttons(
    app: Flask, client: FlaskClient
) -> None:
    enter(client)
    drill = an_action(drill=True)
    assert "This is a drill" in client.get(address(drill)).text
    over = an_action()
    with atomic() as session:
        session.execute(
            update(Action)
            .where(Action.id == over.id)
            .values(starts_at=clock.now() - timedelta(days=9), ends_at=clock.now() - timedelta(days=9))
        )
    page = client.get(address(over))
    assert page.status_code == 200 and "Write a text" not in page.text
