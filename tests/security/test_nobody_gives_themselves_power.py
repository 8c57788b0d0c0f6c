"""Three people try every operation of accounts in any order, at any date, under production settings."""

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

import config
from mobilize import create_app
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.models import LinkKind, Person, RoleName, RoleTerm
from mobilize.accounts.people import operations as people
from mobilize.accounts.second_factor import operations as second_factors
from mobilize.accounts.second_factor import totp
from mobilize.accounts.sign_in import one_time_links, role_links, sessions
from mobilize.accounts.sign_in.role_links import AccessMethod, RoleAccess
from mobilize.database import atomic, db
from tests.security.authority_machine import SIMS, THINGS, Authority, Broken
from tests.services.databases import opened

# Bounded here; the longer run is `make security ONLY=authority`.
EXAMPLES = int(os.environ.get("AUTHORITY_EXAMPLES", "0"))
STEPS = int(os.environ.get("AUTHORITY_STEPS", "40"))
SEED = 1
REACHED = {"role.give.admin", "role.give.organizer", "role.give.chair", "sign_in.link", "app.add"}
REACHED |= {"second_step.app", "second_step.forget", "person.number", "approval.approve", "approval.use"}
ADA, ADAS_OTHER, BEA, CAL = SIMS[0], SIMS[1], SIMS[2], SIMS[4]


@pytest.fixture(params=["sqlite", "postgres"])
def production(request: pytest.FixtureRequest, base_environ: dict[str, str]) -> Iterator[Flask]:
    """The application as an operator starts it. The carrier is never called: no worker runs."""
    environ = {
        **base_environ,
        "MOBILIZE_ENV": "production",
        "PUBLIC_BASE_URL": "https://mobilize.example.org",
        "TWILIO_API_URL": "https://api.twilio.com",
        "DATABASE_URL": request.getfixturevalue(f"{request.param}_url"),
    }
    with opened(create_app(config.load(environ))) as app:
        yield app


@pytest.mark.timeout(3600 if EXAMPLES else 1200)
def test_nobody_gets_power_or_agrees_with_themselves(production: Flask) -> None:
    on_sqlite = db.engine.dialect.name == "sqlite"
    how_many = EXAMPLES or (16 if on_sqlite else 4)
    Authority.tally.clear()
    run_state_machine_as_test(
        Authority if EXAMPLES else seed(SEED)(Authority),
        settings=settings(
            max_examples=how_many,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,),
            print_blob=False,
        ),
    )
    done = Authority.tally
    print(f"{done.pop('plays')} plays of {STEPS} steps: {dict(sorted(done.items()))}")
    # A machine that never gets anywhere proves nothing.
    if on_sqlite:
        assert set(done) >= REACHED, sorted(REACHED - set(done))


def an_app_set_up_before_the_day(machine: Authority) -> None:
    """The office makes somebody organizer from tomorrow on. Another one invites the same number as a chair,
    opens its link, sets up an app, and is there on the day."""
    machine.time_passes(timedelta(hours=11))  # nine in the evening: their session lives past midnight
    organizer(machine, human=1, sim=BEA)
    machine.invite(0, 0, CAL, RoleName.ORGANIZER, 1, 1)
    machine.invite(1, 0, CAL, RoleName.CHAIR, 0, 0)
    machine.open_a_link(1, 0)
    machine.set_up_an_app(1, 0)
    machine.time_passes(timedelta(hours=4))
    machine.nobody_holds_power_that_was_given_to_another()


def a_link_kept_until_the_day(machine: Authority) -> None:
    """The same link, opened only when the higher role has begun."""
    organizer(machine, human=1, sim=BEA)
    machine.invite(0, 0, CAL, RoleName.ORGANIZER, 1, 1)
    machine.invite(1, 0, CAL, RoleName.CHAIR, 0, 0)
    machine.time_passes(timedelta(hours=25))
    machine.open_a_link(1, 0)
    machine.set_up_an_app(1, 0)
    machine.nobody_holds_power_that_was_given_to_another()


def an_admin_of_ones_own_making(machine: Authority) -> None:
    """One admin makes another on a number of their own, and agrees to their own request as that one."""
    come_in(machine, human=0)
    machine.invite(0, 0, ADAS_OTHER, RoleName.ADMIN, 0, 0)
    machine.time_passes(timedelta(hours=25))
    come_in(machine, human=0)
    machine.agree_to_what_is_done_to_an_admin(0, 0)
    agree_with_oneself(machine)


def an_organizer_whose_number_was_changed(machine: Authority) -> None:
    """One admin gives an organizer a number of their own while that one is signed in."""
    organizer(machine, human=1, sim=BEA)
    come_in(machine, human=0)
    machine.give_another_number(0, 0, BEA, ADAS_OTHER)
    machine.nobody_holds_power_that_was_given_to_another()


def an_organizer_from_a_far_day_on(machine: Authority) -> None:
    """One admin makes an organizer on a number of their own, from a day so far ahead that it counts as nobody
    of theirs until then; moves it to today; and a day later agrees to their own request as that one."""
    come_in(machine, human=0)
    machine.make_an_organizer_from_a_far_day_and_move_it(0, ADAS_OTHER, 0)
    agree_with_oneself(machine)


def agree_with_oneself(machine: Authority) -> None:
    machine.come_in(0, 1)
    machine.time_passes(timedelta(hours=25))
    come_in(machine, human=0)
    machine.ask_for_a_second_person(0, 0, THINGS[0])
    machine.come_in(0, 1)
    machine.agree(0, 0, THINGS[0])
    machine.spend_the_yes(THINGS[0])


def organizer(machine: Authority, *, human: int, sim: str) -> None:
    come_in(machine, human=0)
    machine.invite(0, 0, sim, RoleName.ORGANIZER, 0, 0)
    come_in(machine, human=human)


def come_in(machine: Authority, *, human: int) -> None:
    machine.come_in(human, 0)


def _ever(*_args: Any, **_kwargs: Any) -> bool:
    return True


def _never(*_args: Any, **_kwargs: Any) -> bool:
    return False


def _shown_is_a_link(machine: pytest.MonkeyPatch) -> None:
    """As it was: whoever made a link saw it, it lived its week, and began a session like any other."""
    machine.setattr(sessions, "opens", _ever)
    machine.setattr(one_time_links, "opens", _ever)
    for module in (sessions, totp):
        machine.setattr(module, "counts", _ever)
    machine.setattr(second_factors, "may_set_up", _ever)
    machine.setattr(people, "let_in", _show_a_link)


def _show_a_link(person: Person, *, actor: str, now: datetime, **_kwargs: Any) -> RoleAccess:
    return RoleAccess(
        person,
        AccessMethod.DISPLAYED,
        one_time_links.make_link(person, actor, kind=LinkKind.DISPLAYED, now=now),
    )


def _makers_may_agree(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(approvals, "are_related", _never)


def _nothing_ends_with_another_number(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(role_links, "forget_second_factors", lambda *_a, **_k: None)


def _a_moved_day_moves_nothing_else(machine: pytest.MonkeyPatch) -> None:
    """As it was: who gave the role counted from the far day on, and who moved it never."""

    def set_days(term: RoleTerm, first: date, last_on: date | None, **_how: Any) -> None:
        with atomic():
            term.from_on, term.to_on = first, last_on + timedelta(days=1) if last_on else None

    machine.setattr(people, "set_days", set_days)


PLAYS = [
    (an_app_set_up_before_the_day, _shown_is_a_link),
    (a_link_kept_until_the_day, _shown_is_a_link),
    (an_admin_of_ones_own_making, _makers_may_agree),
    (an_organizer_from_a_far_day_on, _a_moved_day_moves_nothing_else),
    (an_organizer_whose_number_was_changed, _nothing_ends_with_another_number),
]


@pytest.mark.parametrize(("play", "without"), PLAYS)
def test_each_way_that_was_open_is_shut(production: Flask, play: Any, without: Any) -> None:
    machine = Authority()
    machine.by_shell(ADA)
    play(machine)
    assert machine.done > 3


@pytest.mark.parametrize(("play", "without"), PLAYS)
def test_without_its_guard_the_machine_finds_each_way(
    production: Flask, monkeypatch: pytest.MonkeyPatch, play: Any, without: Any
) -> None:
    without(monkeypatch)
    machine = Authority()
    machine.by_shell(ADA)
    with pytest.raises(Broken):
        play(machine)
