"""What is said once of each kind of rule holds everywhere: words, page, price, and actions made before it."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape
from sqlalchemy import delete, select, update

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action, ActionKind
from mobilize.database import atomic, db
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.rules.forms import FIELDS
from mobilize.reminders.rules.kinds import SPECS
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.reminders.rules.queries import rules_of
from mobilize.texts.templates import LANGUAGES, template
from tests.builders import START, make_action, make_event, make_person, sign_in

BEFORE = START - timedelta(days=2)


def columns(action: Action) -> dict[RuleKind, tuple[object, ...]]:
    """Every column of each of the action's rules."""
    db.session.rollback()
    table = ReminderRule.__table__
    rows = db.session.execute(select(table).where(table.c.action_id == action.id))
    return {row.kind: tuple(row) for row in rows}


def test_every_kind_has_what_sets_it_apart() -> None:
    assert list(SPECS) == list(RuleKind), "the page shows them in this order"
    for spec in SPECS.values():
        assert all(template(spec.wording, language) for language in LANGUAGES)
        assert set(spec.settings) <= set(FIELDS)
        assert not spec.urgent or "reason" in spec.settings


@pytest.mark.parametrize("new", RuleKind)
def test_a_new_kind_reaches_actions_that_are_there_and_leaves_their_other_rules(
    app: Flask, new: RuleKind
) -> None:
    action = make_event().action
    set_default_rules(BEFORE)
    with atomic() as session:
        session.execute(update(ReminderRule).values(on=False, wording="as_written"))
        session.execute(delete(ReminderRule).where(ReminderRule.kind == new))
    others = columns(action)
    assert len(others) == len(RuleKind) - 1
    assert [set_default_rules(BEFORE) for _again in range(2)] == [1, 0]
    after = columns(action)
    assert rules_of(action)[new].wording == SPECS[new].wording
    assert {kind: row for kind, row in after.items() if kind is not new} == others


def test_every_kind_has_its_section_and_its_form(app: Flask, client: FlaskClient) -> None:
    action = make_action(starts_at=clock.now() + timedelta(days=3))
    make_event(action=action)
    sign_in(client, make_person(role=RoleName.ADMIN))
    plan = client.get(f"/actions/{action.id}/reminders").text
    for kind, spec in SPECS.items():
        address = f"/actions/{action.id}/reminders/{kind}"
        page = client.get(address).text
        assert str(escape(spec.title)) in plan and address in plan and f'value="{kind}:on"' in page
        assert all(f'id="{kind}-{FIELDS[column].name}"' in page for column in spec.settings)


def test_a_rally_has_no_line_to_count(app: Flask, client: FlaskClient) -> None:
    action = make_action(starts_at=clock.now() + timedelta(days=3), kind=ActionKind.RALLY)
    make_event(action=action)
    sign_in(client, make_person(role=RoleName.ADMIN))
    page = client.get(f"/actions/{action.id}/reminders").text
    assert "reminders/day_before" in page and "reminders/count_question" not in page
