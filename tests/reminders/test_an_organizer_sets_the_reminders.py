"""The page of a reminder: what it shows before anything is turned on, and who may change it."""

from datetime import time, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from mobilize import clock
from mobilize.accounts.models import RoleName, SignedInSession
from mobilize.actions.models import Action
from mobilize.database import atomic, db
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.rules.estimates import estimate
from mobilize.reminders.rules.queries import rules_of
from mobilize.roster.models import Site
from tests.builders import make_action, make_area, make_event, make_member, make_person, make_site, sign_in
from tests.reminders.conftest import CARMEN, MIA, NATE


def enter(client: FlaskClient, role: RoleName, **where: object) -> None:
    sign_in(client, make_person("Olga Reed", role=role, **where))


def an_action(area: object = None) -> Action:
    action = make_action(starts_at=clock.now() + timedelta(days=3))
    site = make_event(make_site("Elm Street School", area=area or make_area()), action=action).site
    make_member(site=site, phone=MIA)
    make_member(site=site, phone=NATE, language="es")
    return action


def test_the_page_shows_whom_it_reaches_what_it_costs_and_the_words(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client, RoleName.ADMIN)
    page = client.get(f"/actions/{action.id}/reminders/day_before").get_data(as_text=True)
    for part in ("Phones it reaches", "Segments to pay for", "Last text goes out", "tomorrow", "mañana"):
        assert part in page


def test_turning_it_off_and_changing_the_time(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client, RoleName.ADMIN)
    address = f"/actions/{action.id}/reminders"
    client.get(address)
    sent = client.post(address, data={"at_local": "18:30", "do": "day_before:off"})
    assert sent.status_code == 303
    rule = rules_of(action)[RuleKind.DAY_BEFORE]
    assert (rule.on, rule.at_local) == (False, time(18, 30))
    sent = client.post(address, data={"minutes": "10", "do": "count_question:on"})
    assert rules_of(action)[RuleKind.COUNT_QUESTION].minutes_after_start == 10


def test_the_three_steps_of_the_question_are_set_on_one_form(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client, RoleName.ADMIN)
    address = f"/actions/{action.id}/reminders"
    page = client.get(f"{address}/count_question").text
    assert all(f'value="{minutes}"' in page for minutes in (15, 25, 35))
    steps = {"minutes": "10", "again_after": "20", "call_after": "40", "do": "count_question:on"}
    assert client.post(address, data=steps).status_code == 303
    rule = rules_of(action)[RuleKind.COUNT_QUESTION]
    assert (rule.minutes_after_start, rule.again_after_minutes, rule.call_after_minutes) == (10, 20, 40)
    refused = client.post(address, data=steps | {"again_after": "50"})
    assert (
        refused.status_code == 422
        and "Each step comes later" in refused.text
        and 'value="50"' in refused.text
    )


def test_a_time_at_which_nobody_is_texted_is_refused_and_kept_on_the_page(
    app: Flask, client: FlaskClient
) -> None:
    action = an_action()
    enter(client, RoleName.ADMIN)
    address = f"/actions/{action.id}/reminders"
    client.get(address)
    sent = client.post(address, data={"at_local": "22:00", "do": "day_before:on"})
    assert sent.status_code == 422
    assert "22:00" in sent.get_data(as_text=True)
    assert client.post(address, data={"at_local": "x", "do": "day_before:on"}).status_code == 422
    assert client.post(address, data={"do": "nonsense"}).status_code == 400


DAY_BEFORE = {"at_local": "16:00", "do": "day_before:on"}


def many(action: Action, members: int = 99) -> None:
    """With Mia and Nate 101 phones."""
    site = db.session.scalars(select(Site).where(Site.name == "Elm Street School")).one()
    for n in range(members):
        make_member(site=site, phone=f"+1213557{n:04d}")


def rule_of(action: Action, kind: RuleKind = RuleKind.DAY_BEFORE) -> ReminderRule:
    db.session.rollback()
    return rules_of(action)[kind]


def test_what_reaches_many_is_looked_at_with_its_price_and_asks_who_it_is(
    app: Flask, client: FlaskClient
) -> None:
    action = an_action()
    many(action)
    sign_in(client, make_person("Olga Reed", phone="+12135550110", role=RoleName.ADMIN))
    address = f"/actions/{action.id}/reminders"
    assert "$" in client.get(f"{address}/day_before").text, "the price stands beside the button"
    size = estimate(action, rule_of(action), clock.now())
    look = client.post(address, data=DAY_BEFORE)
    assert look.status_code == 422 and "Check the price first" in look.text
    price = f"${size.cost_cents / 100:.2f}"
    for part in (
        "101",
        str(size.segments),
        price,
        f"Yes, for about {price}",
        "Last text goes out",
        "tomorrow",
    ):
        assert part in look.text
    assert 'name="at_local" value="16:00"' in look.text, "nothing is typed twice"
    assert rule_of(action).at_local == time(17), "nothing is changed yet"
    agreed = DAY_BEFORE | {"agreed_segments": str(size.segments)}
    with atomic() as session:
        session.execute(update(SignedInSession).values(stepped_up_at=clock.now() - timedelta(minutes=11)))
    response = client.post(address, data=agreed)
    assert response.status_code == 403 and f'name="agreed_segments" value="{size.segments}"' in response.text
    assert rule_of(action).at_local == time(17)
    with atomic() as session:
        session.execute(update(SignedInSession).values(stepped_up_at=clock.now()))
    for _press in range(2):
        assert client.post(address, data=agreed).status_code == 303
    assert rule_of(action).at_local == time(16)


def test_what_has_grown_since_it_was_looked_at_is_looked_at_again(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    many(action)
    enter(client, RoleName.ADMIN)
    address = f"/actions/{action.id}/reminders"
    client.get(address)
    size = estimate(action, rule_of(action), clock.now())
    make_member(site=make_event(make_site("Oak Street School"), action=action).site, phone="+12135580001")
    again = client.post(address, data=DAY_BEFORE | {"agreed_segments": str(size.segments)})
    assert again.status_code == 422 and "It has grown since you looked" in again.text and "102" in again.text
    assert rule_of(action).at_local == time(17)


def test_turning_it_off_asks_nothing_and_what_reaches_few_has_no_page_of_its_price(
    app: Flask, client: FlaskClient
) -> None:
    action = an_action()
    many(action, 98)
    enter(client, RoleName.ADMIN)
    address = f"/actions/{action.id}/reminders"
    client.get(address)
    with atomic() as session:
        session.execute(update(SignedInSession).values(stepped_up_at=None))
    few = client.post(address, data=DAY_BEFORE)
    assert few.status_code == 403 and "agreed_segments" not in few.text, (
        "today few, tomorrow the whole roster"
    )
    with atomic() as session:
        session.execute(update(SignedInSession).values(stepped_up_at=clock.now()))
    assert client.post(address, data=DAY_BEFORE).status_code == 303
    with atomic() as session:
        session.execute(update(SignedInSession).values(stepped_up_at=None))
    make_member(site=db.session.scalars(select(Site)).first(), phone="+12135580001")
    assert client.post(address, data=DAY_BEFORE | {"do": "day_before:off"}).status_code == 303
    assert client.post(address, data=DAY_BEFORE).status_code == 422


def test_the_thank_you_and_the_texts_to_chairs_have_a_price_too(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    make_person("Carmen", phone=CARMEN, role=RoleName.CHAIR, site=db.session.scalars(select(Site)).one())
    enter(client, RoleName.ADMIN)
    client.get(f"/actions/{action.id}/reminders")
    now = clock.now()
    sizes = {kind: estimate(action, rule, now) for kind, rule in rules_of(action).items()}
    assert (sizes[RuleKind.THANKS].phones, sizes[RuleKind.BRIEFING].phones) == (2, 1)
    question = sizes[RuleKind.COUNT_QUESTION]
    assert question.phones == 1 and question.segments >= 2, "asked again where nobody answered"
    assert all(size.starts_at and size.done_at for kind, size in sizes.items() if size.phones)


def test_an_organizer_changes_only_what_is_all_in_their_areas(app: Flask, client: FlaskClient) -> None:
    own = make_area()
    action = an_action(own)
    enter(client, RoleName.ORGANIZER, area=own)
    address = f"/actions/{action.id}/reminders"
    body = {"at_local": "18:00", "do": "day_before:on"}
    assert client.get(address).status_code == 200
    assert client.post(address, data=body).status_code == 303
    make_event(action=action)
    assert client.get(address).status_code == 200
    assert client.post(address, data=body).status_code == 403


def test_another_areas_action_looks_like_none_at_all(app: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client, RoleName.ORGANIZER, area=make_area())
    assert client.get(f"/actions/{action.id}/reminders").status_code == 404
