"""Whoever types a number learns nothing: neither from the answer nor from any figure that can be seen later.

`make test` plays a part that is drawn by seed; WORLDS_SEED=n draws another part, and WORLDS=all, as
`make security ONLY=worlds` sets it, plays all of it.
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from mobilize.accounts.access.permissions import anyone, permission_of
from mobilize.accounts.tokens.models import ApiScope
from mobilize.checkins.line import queries as queries
from mobilize.checkins.member import pages
from mobilize.checkins.models import Attendance, Method
from mobilize.database import db
from mobilize.turnout.board import cache as live
from mobilize.turnout.figures.snapshots import latest_fixed
from mobilize.turnout.reports import thank_you as thanks
from tests.drawn import part
from tests.security.two_worlds.facts import FACTS, WITHOUT_NAMES
from tests.security.two_worlds.playing import Fresh, Outputs, play, told_apart
from tests.security.two_worlds.steps import CAPTAIN, OTHER_CAPTAIN, OUTSIDER, PROGRAM, STEPS
from tests.security.two_worlds.surfaces import READ_BY_A_PROGRAM, ROUTES
from tests.services.databases import opened
from tests.world import stating

SEED, DRAWN = int(os.environ.get("WORLDS_SEED", "1")), 3
STRANGER = "stranger"
PLAYED = [(step, fact) for step in STEPS for fact in FACTS if fact != STRANGER]
BY_A_PROGRAM = [name for name in STEPS if name.startswith("program")]
if os.environ.get("WORLDS") != "all":
    BY_A_PROGRAM = part(BY_A_PROGRAM, 1)
    PLAYED = sorted(random.Random(SEED).sample(PLAYED, DRAWN))

# What the stranger's world showed, by database and step: every other world of that step is compared with it.
_strangers: dict[tuple[str, str], Outputs] = {}


@pytest.fixture(params=["sqlite", "postgres"] if os.environ.get("WORLDS") == "all" else ["postgres"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fresh(request: pytest.FixtureRequest, database: str, apps: Any) -> Iterator[Fresh]:
    """The application on a database that is emptied each time."""
    result = request.getfixturevalue(f"{database}_database")
    kept = queries.COUNT_KEPT_SECONDS, live.KEEP

    @contextmanager
    def empty() -> Iterator[Flask]:
        with opened(apps.on(result.emptied())) as app:
            yield app

    yield empty
    queries.COUNT_KEPT_SECONDS, live.KEEP = kept


@pytest.mark.parametrize(("step", "fact"), PLAYED)
def test_no_observer_can_tell_whose_number_it_was(fresh: Fresh, database: str, step: str, fact: str) -> None:
    if (database, step) not in _strangers:
        _strangers[database, step] = play(fresh, STRANGER, STEPS[step])
    outputs = play(fresh, fact, STEPS[step])
    assert told_apart(fact, outputs, _strangers[database, step]) == [], f"WORLDS_SEED={SEED}"


@pytest.mark.parametrize("step", ["tap twice", "tick and untick"])
def test_nor_with_figures_kept_as_long_as_in_production(fresh: Fresh, step: str) -> None:
    kept = queries.COUNT_KEPT_SECONDS, live.KEEP
    outputs, expected = (play(fresh, fact, STEPS[step], caches=True) for fact in ("elsewhere", STRANGER))
    assert kept == (queries.COUNT_KEPT_SECONDS, live.KEEP) and min(kept) > 0
    assert told_apart("elsewhere", outputs, expected) == []


@pytest.mark.parametrize("step", ["tick and untick", "scan", "own link", "wrong clock", "program, by id"])
def test_a_step_with_a_line_is_taken(fresh: Fresh, step: str) -> None:
    """Were all of them refused, they would be alike as well."""
    done = {look: text for (_who, look), text in play(fresh, STRANGER, STEPS[step]).items()}
    answers = {look: text for look, text in done.items() if look.startswith("the step")}
    refused = {look: text[:80] for look, text in answers.items() if not text.startswith(("200", "303"))}
    assert answers and refused == {}


def test_every_route_that_needs_no_sign_in_is_looked_at(sqlite_app: Flask) -> None:
    """A new one joins `ROUTES`: with its looks, or with the words why there is nothing to look at."""
    assert _open_routes(sqlite_app) == set(ROUTES)


def test_a_new_public_route_without_an_entry_is_found(own_app: Flask) -> None:
    own_app.add_url_rule("/so-many", "so_many", anyone(lambda: "27"))
    assert _open_routes(own_app) - set(ROUTES) == {"so_many"}


def test_whatever_a_token_without_names_reads_is_looked_at(sqlite_app: Flask) -> None:
    """A new operation that it opens joins `READ_BY_A_PROGRAM`; what it may do, `STEPS`."""
    opened = {name for name in stating(sqlite_app, "token") if _scopes_of(sqlite_app, name) <= WITHOUT_NAMES}
    reads = {rule.endpoint for rule in sqlite_app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert opened & reads == set(READ_BY_A_PROGRAM)


@pytest.mark.parametrize("step", BY_A_PROGRAM)
def test_a_program_without_names_learns_of_nobody(fresh: Fresh, database: str, step: str) -> None:
    test_no_observer_can_tell_whose_number_it_was(fresh, database, step, "listed")


def test_all_observers_see_something(fresh: Fresh) -> None:
    """Were the answers all errors, they would be alike as well."""
    outputs = play(fresh, "stranger", STEPS["walk-in"])
    fine = {observer: [] for observer in (OUTSIDER, CAPTAIN, OTHER_CAPTAIN, PROGRAM)}
    for (observer, look), text in outputs.items():
        if look.startswith("before") and text.startswith("200 OK"):
            fine[observer].append(look.removeprefix("before: "))
    assert {"receipt en", "receipt es", "wall 0", "wall 1", "board 0", "noon 1"} <= set(fine[OUTSIDER])
    assert len(fine[PROGRAM]) == len(READ_BY_A_PROGRAM), "all but a campaign that is none, and a page"
    texts = outputs[OUTSIDER, "5:00:00 later: texts to a member"]
    assert "we counted 31 at your chapter's line" in texts
    for captain in (CAPTAIN, OTHER_CAPTAIN):
        assert {"line", "line/state", "line/manifest.json"} <= set(fine[captain])


@pytest.fixture
def old_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was once: the receipt counts those who are in by name."""

    def counted(event_id: Any) -> queries.LastCount:
        rows = select(func.count()).select_from(Attendance).where(Attendance.event_id == event_id)
        return queries.LastCount(db.session.scalar(rows) or 0, pages.clock.now())

    monkeypatch.setattr(pages, "last_count", counted)


@pytest.fixture
def old_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was once: the wall counts whoever typed a member's number."""
    monkeypatch.setattr(Method, "is_observed", property(lambda _method: True))


@pytest.fixture
def old_thanks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was once: the thank-you says how many of the chapter came by name."""

    def by_name(action_id: Any) -> dict[Any, Any]:
        fixed = latest_fixed(action_id)
        return {
            site: replace(one, line=replace(one.line, head_count=one.names.came))
            for site, one in fixed.items()
        }

    monkeypatch.setattr(thanks, "latest_fixed", by_name)


def test_the_old_thank_you_is_found_out(fresh: Fresh, old_thanks: None) -> None:
    assert {"texts to a member"} <= _looks_that_tell(fresh, "listed")


def test_the_old_receipt_is_found_out(fresh: Fresh, old_receipt: None) -> None:
    assert {"receipt en", "receipt es"} <= _looks_that_tell(fresh, "elsewhere")


def test_the_old_wall_is_found_out(fresh: Fresh, old_wall: None) -> None:
    assert {"wall 0", "board 0"} <= _looks_that_tell(fresh, "elsewhere")


def _looks_that_tell(fresh: Fresh, fact: str) -> set[str]:
    outputs, expected = (play(fresh, which, STEPS["tap"]) for which in (fact, STRANGER))
    return {look.rpartition(": ")[2] for _observer, look in told_apart(fact, outputs, expected)}


def _scopes_of(app: Flask, endpoint: str) -> frozenset[ApiScope]:
    permission = permission_of(app, endpoint)
    assert permission is not None
    return permission.scopes


def _open_routes(app: Flask) -> set[str]:
    return {name for kind in ("anyone", "grant", "look", "upload") for name in stating(app, kind)}
