"""When a reminder is through: behind what already waits before it, as its page and the plan say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.actions.models import Action
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.rules.estimates import Estimate, estimate
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.reminders.rules.queries import due_at, rules_of
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from tests.builders import make_action, make_event, make_member, make_site
from tests.reminders.broadcasts import an_action, enter
from tests.reminders.conftest import MIA, NATE, OLGA, waiting

# One segment in ten seconds.
RATE = 0.1
MORNING = datetime(2026, 3, 2, 17, tzinfo=UTC)  # 9:00 in Los Angeles


@pytest.fixture
def slow(app: Flask) -> Flask:
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], segments_per_second=RATE)
    return app


def tomorrows() -> tuple[Action, ReminderRule]:
    """A picket the morning after, and its reminder at 17:00."""
    action = make_action(starts_at=MORNING + timedelta(hours=22))
    site = make_event(make_site("Elm Street School"), action=action).site
    make_member(site=site, phone=MIA)
    make_member(site=site, phone=NATE)
    set_default_rules(MORNING)
    return action, rules_of(action)[RuleKind.DAY_BEFORE]


def fill(
    texts: int, at: datetime, *, priority: int = Priority.REMINDER, tz: str = "America/Los_Angeles"
) -> None:
    """So many texts of something else wait from then on."""
    queue_texts(
        [
            PlannedText(
                purpose=f"else:{at}:{n}",
                phone=OLGA,
                wording="thanks",
                language="en",
                text_class=TextClass.MEMBER,
                tz=tz,
                due_at=at,
                expires_at=at + timedelta(days=2),
                priority=priority,
                merge_fields={"action": "Picket"},
            )
            for n in range(texts)
        ],
        now=MORNING,
    )


def through(estimated: Estimate) -> datetime:
    assert estimated.done_at is not None
    return estimated.done_at


def test_what_waits_for_the_same_moment_leaves_first(slow: Flask) -> None:
    action, rule = tomorrows()
    alone = through(estimate(action, rule, MORNING))
    fill(60, due_at(rule, action.events[0]))
    assert through(estimate(action, rule, MORNING)) == alone + timedelta(seconds=60 / RATE)


def test_what_is_through_by_then_is_not_waited_for(slow: Flask) -> None:
    action, rule = tomorrows()
    alone, hours = through(estimate(action, rule, MORNING)), 8
    fill(60, MORNING)
    assert through(estimate(action, rule, MORNING)) == alone, "ten minutes of texts, eight hours ahead"
    fill(round(hours * 3600 * RATE), MORNING + timedelta(minutes=1))
    assert through(estimate(action, rule, MORNING)) == alone + timedelta(seconds=60 / RATE)


def test_what_waits_for_its_hours_leaves_when_they_open(slow: Flask) -> None:
    action, rule = tomorrows()
    alone = through(estimate(action, rule, MORNING))
    fill(60, MORNING, tz="Pacific/Honolulu")
    assert through(estimate(action, rule, MORNING)) == alone, "9:00 there is 11:00 here"
    fill(60, MORNING + timedelta(seconds=1), tz="Asia/Manila")
    behind = through(estimate(action, rule, MORNING))
    assert behind == alone + timedelta(seconds=60 / RATE), "9:00 there is 17:00 here"


def test_what_is_less_urgent_or_its_own_is_not_waited_for(slow: Flask) -> None:
    action, rule = tomorrows()
    alone, due = through(estimate(action, rule, MORNING)), due_at(rule, action.events[0])
    fill(60, due, priority=Priority.THANKS)
    assert through(estimate(action, rule, MORNING)) == alone
    plan_reminders(due)
    assert len(waiting()) == 2
    assert through(estimate(action, rule, due)) == alone, "it is in the outbox, and not counted twice"


def test_what_a_day_has_no_room_for_is_waited_for_the_day_after(slow: Flask) -> None:
    action, rule = tomorrows()
    size = estimate(action, rule, MORNING)
    a_day = 60 + size.segments
    slow.config["MOBILIZE"] = replace(slow.config["MOBILIZE"], segments_a_day=a_day, segments_per_second=12.0)
    tonight = clock.on_local_day(MORNING, "America/Los_Angeles", 1, datetime.min.time())
    fill(60, MORNING)
    assert through(estimate(action, rule, MORNING)) < tonight, "the day has room for both"
    fill(1, MORNING + timedelta(minutes=1))
    assert through(estimate(action, rule, MORNING)) > tonight
    yesterday = MORNING - timedelta(days=1)
    assert through(estimate(action, rule, yesterday)) < tonight + timedelta(days=1)


def test_the_plan_and_the_reminders_page_say_it(slow: Flask, client: FlaskClient) -> None:
    action = an_action()
    enter(client)
    plan = f"/actions/{action.id}/reminders"
    client.get(plan)
    rule = rules_of(action)[RuleKind.DAY_BEFORE]
    fill(180, due_at(rule, action.events[0]))
    done_at = clock.local(through(estimate(action, rule, clock.now())), action.events[0].tz)
    assert (done_at.hour, done_at.minute) == (17, 30)
    for page in (plan, f"{plan}/day_before"):
        assert "5:30" in client.get(page).text
