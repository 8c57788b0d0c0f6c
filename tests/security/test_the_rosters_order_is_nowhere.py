"""A stolen database without keys, laid beside the employer's list: no row's place or id says whose it is.

A roster of 7,000 is imported, and again with changes; then a morning goes over it. After that every table
is read as it lies in the SQLite file, or as `pg_dump` would write it, and laid beside the file, the names and
the numbers.
"""

import dataclasses
import random
from datetime import UTC, date, datetime, time, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from mobilize.accounts.people.chairs_apply import apply_chairs
from mobilize.actions.eligibility import freeze_due_events
from mobilize.actions.models import ActionKind, Event
from mobilize.actions.operations import NewAction, create_action_at_sites
from mobilize.actions.printing.print_jobs import names_on_sheet
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.checkins.line.paper_entry import key_in, mark_of
from mobilize.database import Model, db
from mobilize.languages import Translated
from mobilize.reminders.models import RuleKind
from mobilize.reminders.rules.operations import change_rule, set_default_rules
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.roster.imports import operations as imports
from mobilize.roster.members import number_key, phone_key
from mobilize.roster.models import Member
from mobilize.texts.consent.roster_consents import note_file_consents
from mobilize.texts.sending.claiming import claim
from tests.roster.files import csv_bytes, member, roster, site_list
from tests.security.ordering import Correlation, Stored, agreement, followed, owners, stored_tables

pytestmark = pytest.mark.timeout(300)

MEMBERS, SITES, CHAIRS, SHEETS = 7_000, 20, 400, 3
JANUARY = datetime(2026, 1, 10, 18, tzinfo=UTC)
FEBRUARY = JANUARY + timedelta(days=30)
# A Tuesday at 7:00 in Los Angeles, and 17:00 on the day before.
SEVEN, FIVE_PM = datetime(2026, 3, 3, 15, tzinfo=UTC), datetime(2026, 3, 3, 1, tzinfo=UTC)
CODES = [f"1999999{n:07d}" for n in range(SITES)]

# Written by what one person does at a time: there is no list whose order could show. A new table that refers
# to members is not among them, and so has to be filled below.
ONE_BY_ONE = {
    "carrier_blocks": "somebody texts STOP",
    "code_requests": "somebody signs in",
    "ended_links": "somebody ends their own link",
    "inbound": "somebody texts",
    "known_phones": "somebody checks in",
    "matches": "somebody decides about a check-in",
    "new_numbers": "somebody tells a number at a line",
    "phone_rules": "somebody texts STOP",
    "replies": "somebody answers",
    "unmatched_messages": "a carrier's log is read after a restore",
    "visits": "somebody opens the member's page",
    "walkups": "somebody checks in whom nobody knows",
    "wrong_numbers": "somebody texts that they are not who we take them for",
}
# A column that leads to a member.
LEADS_TO_A_MEMBER = {"member_id", "number_index", "phone_index", "typed_index"}


@dataclasses.dataclass(frozen=True)
class Listed:
    """One line of the employer's list, as both rosters have it."""

    number: str
    last: str
    first: str
    phone: str
    home: str


@pytest.fixture(scope="module")
def listed() -> list[Listed]:
    """In the order of the file, which is neither that of names nor that of numbers, nor by school."""
    dice = random.Random(20260303)
    numbers, phones = dice.sample(range(100_000, 999_999), MEMBERS), dice.sample(range(10_000), MEMBERS)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [
        Listed(
            f"{number:08d}",
            "".join(dice.choices(letters, k=7)).title(),
            "".join(dice.choices(letters, k=5)).title(),
            f"213-555-{phone:04d}",
            dice.choice(CODES),
        )
        for number, phone in zip(numbers, phones, strict=True)
    ]


@pytest.fixture
def tables(app: Flask, listed: list[Listed]) -> list[Stored]:
    """All that is stored after the imports and the morning."""
    app.config["MOBILIZE"] = dataclasses.replace(
        app.config["MOBILIZE"], segments_per_second=1e6, spending_limit_cents_an_hour=1e9
    )
    sites = site_list(*([code, f"School {code}", "North", "1", "", "", "", "", ""] for code in CODES))
    imports.commit_import(imports.dry_run_sites(sites, by="shell", now=JANUARY).id, by="shell", now=JANUARY)
    for data, now in ((january(listed), JANUARY), (february(listed), FEBRUARY)):
        imports.commit_import(imports.dry_run_roster(data, by="shell", now=now).id, by="shell", now=now)
    apply_chairs(chairs(listed), None, by="shell", now=FEBRUARY)
    while note_file_consents(FEBRUARY):
        pass
    a_morning()
    return stored_tables()


def january(listed: list[Listed]) -> bytes:
    return roster(*(line(one, status="Active") for one in listed))


def february(listed: list[Listed]) -> bytes:
    """One in twenty is gone; of the others every second has another status, name or school, or opted out."""
    dice, rows = random.Random(2), []
    for one in listed:
        luck = dice.random()
        if luck < 0.3:
            rows.append(line(one, status="Leave"))
        elif luck < 0.5:
            rows.append(line(dataclasses.replace(one, home=dice.choice(CODES)), second=dice.choice(CODES)))
        elif luck < 0.6:
            rows.append(line(one, out="Y"))
        elif luck < 0.95:
            rows.append(line(one))
    return roster(*rows)


def line(one: Listed, **cells: str) -> list[str]:
    return member(one.number, one.last, one.first, phone=one.phone, code=one.home, **cells)


def chairs(listed: list[Listed]) -> bytes:
    """The list of chairs by name, as such lists are."""
    chosen = sorted(listed, key=lambda one: (one.last, one.first))[:: MEMBERS // CHAIRS]
    rows = [[one.home, "co-chair", f"{one.first} {one.last}", one.phone] for one in chosen]
    return csv_bytes([["Site", "Role", "Name", "Phone"], *rows])


def a_morning() -> None:
    """An action at every site: reminders planned and taken by a worker, who counts, some sheets keyed in."""
    span = LocalTimeRange(date(2026, 3, 3), time(7), time(7, 45))
    new = NewAction(Translated(en="Picket"), ActionKind.PICKET, span)
    action = create_action_at_sites(new, actor="shell", now=FEBRUARY)
    set_default_rules(FEBRUARY)
    change_rule(action, RuleKind.DAY_BEFORE, {}, on=True, actor="shell", now=FEBRUARY)
    plan_reminders(FIVE_PM)
    while claim(2_000, by="test", now=FIVE_PM):
        pass
    freeze_due_events(SEVEN)
    for event in db.session.scalars(select(Event).limit(SHEETS)).all():
        on_sheet = len(names_on_sheet(event))
        fields = {"numbers": f"1-{on_sheet}", "walkins": "", "page": "p1"}
        key_in(event, mark=mark_of(event), now=SEVEN + timedelta(minutes=40), **fields)


def everything(tables: list[Stored], listed: list[Listed]) -> list[Correlation]:
    whose = {}
    for member_id, number_index in db.session.execute(select(Member.id, Member.number_index)):
        whose[number_index.hex()] = member_id.hex
    named = {whose[number_key(one.number).hex()]: one for one in listed}
    for member_id, one in named.items():
        whose |= {member_id: member_id, phone_key("+1" + one.phone.replace("-", "")).hex(): member_id}
    orders = {
        "the file": list(named),
        "names": sorted(named, key=lambda m: (named[m].last, named[m].first)),
        "numbers": sorted(named, key=lambda m: named[m].number),
    }
    ranks = {order: {m: n for n, m in enumerate(members)} for order, members in orders.items()}
    homes = {m: one.home for m, one in named.items()}
    return list(followed(tables, owners(tables, whose), ranks, homes))


def test_no_place_and_no_column_of_any_table_follows_the_list(
    tables: list[Stored], listed: list[Listed]
) -> None:
    result = everything(tables, listed)
    filled = {one.table for one in result}
    due = {
        table.name
        for table in Model.metadata.sorted_tables
        if LEADS_TO_A_MEMBER & set(table.columns.keys()) and table.name not in ONE_BY_ONE
    }
    assert filled >= due | {"roles", "audit", "attempts"}, "each table is filled here, or not from a list"
    telling = [one for one in result if one.tells]
    assert not telling, "\n".join(map(str, telling))
    whole = [one for one in result if one.rows >= MEMBERS and "within" not in one.order]
    assert {one.table for one in whole} >= {"members", "memberships", "status_spans"}


def test_agreement_is_counted_as_kendall_did() -> None:
    order = range(500)
    assert agreement((n, n) for n in order) == 124_750
    assert agreement((n, -n) for n in order) == -124_750
    assert agreement((n, 7) for n in order) == 0
    assert agreement([(0, 1), (1, 3), (2, 2), (3, 3)]) == 3, "by hand: four agree, one does not, one tie"
