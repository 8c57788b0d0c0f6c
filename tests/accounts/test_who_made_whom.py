"""Whoever made or restarted somebody stands above them, and so do all who stand above that one."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from mobilize.accounts.access.sponsors import (
    actor_of,
    are_related,
    note_sponsor,
    person_behind,
    sponsors_of,
)
from mobilize.accounts.models import Person, Sponsorship
from mobilize.database import atomic, db
from tests.builders import make_person

NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
ID = uuid.UUID("0190c0de-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("actor", "who"),
    [
        (f"person:{ID}", ID),
        (f"grant:{ID}", None),
        (f"PERSON:{ID}", None),
        (str(ID), None),
        ("person:Ada", None),
        ("person:", None),
        ("person", None),
        ("shell", None),
        ("worker", None),
        ("", None),
    ],
)
def test_only_an_actor_that_is_a_person_has_somebody_behind_it(actor: str, who: uuid.UUID | None) -> None:
    assert person_behind(actor) == who


def test_the_audit_names_somebody_by_their_id() -> None:
    ada = Person(id=ID)
    assert actor_of(ada) == f"person:{ID}" and person_behind(actor_of(ada)) == ID


@pytest.fixture
def line(app: Flask) -> list[Person]:
    """Ada made Bea, who made Cal, who made Dee, each an hour after the other; Eve stands alone."""
    people = [make_person(name) for name in ("Ada", "Bea", "Cal", "Dee", "Eve")]
    for hours, (maker, person) in enumerate(zip(people[:3], people[1:4], strict=True)):
        note_sponsor(person, actor_of(maker), NOW + hours * HOUR)
    return people


def test_everybody_above_is_related_and_whoever_stands_apart_is_not(line: list[Person]) -> None:
    ada, bea, cal, dee, eve = (person.id for person in line)
    later = NOW + 9 * HOUR
    assert sponsors_of(dee, now=later) == {ada, bea, cal} and sponsors_of(ada, now=later) == set()
    for one, other in ((ada, dee), (dee, ada), (bea, cal), (cal, bea), (eve, eve)):
        assert are_related(one, other, now=later)
    for one in (ada, bea, cal, dee):
        assert not are_related(one, eve, now=later) and not are_related(eve, one, now=later)


def test_it_counts_from_its_moment_on(line: list[Person]) -> None:
    ada, bea, cal, dee, _eve = (person.id for person in line)
    assert sponsors_of(dee, now=NOW + 2 * HOUR - SECOND) == set()
    assert sponsors_of(dee, now=NOW + 2 * HOUR) == {ada, bea, cal}
    assert not are_related(ada, bea, now=NOW - SECOND) and are_related(ada, bea, now=NOW)


def test_two_who_restarted_each_other_are_related_and_the_search_ends(line: list[Person]) -> None:
    ada, bea = line[:2]
    note_sponsor(ada, actor_of(bea), NOW)
    assert sponsors_of(ada.id, now=NOW) == sponsors_of(bea.id, now=NOW) == {ada.id, bea.id}


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_times_the_earlier_is_kept_whichever_was_written_first(app: Flask, first: int) -> None:
    ada, bea = make_person("Ada"), make_person("Bea")
    times = [NOW, NOW + HOUR]
    for at in (times[first], times[1 - first]):
        note_sponsor(bea, actor_of(ada), at)
    [held] = db.session.scalars(select(Sponsorship)).all()
    assert (held.person_id, held.sponsor_id, held.from_at) == (bea.id, ada.id, NOW)


@pytest.mark.parametrize("actor", ["shell", "worker", "themselves"])
def test_nobody_is_their_own_maker_and_the_operator_is_nobodys(app: Flask, actor: str) -> None:
    bea = make_person("Bea")
    note_sponsor(bea, actor_of(bea) if actor == "themselves" else actor, NOW)
    assert db.session.scalars(select(Sponsorship)).all() == []


def test_what_another_process_has_written_meanwhile_is_kept_when_it_is_earlier(app: Flask) -> None:
    ada, bea = make_person("Ada"), make_person("Bea")
    note_sponsor(bea, actor_of(ada), NOW)
    with atomic() as session:
        held = session.scalars(select(Sponsorship)).one()
        behind_it = update(Sponsorship).values(from_at=NOW - HOUR)
        session.execute(behind_it.execution_options(synchronize_session=False))
        note_sponsor(bea, actor_of(ada), NOW - HOUR / 2)
    assert held.from_at == NOW - HOUR
