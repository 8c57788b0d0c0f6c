"""A simulated morning: the same for the same seed, believable, and through the pages everybody uses."""

import random
import signal
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from config import Env
from mobilize import clock, settings
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind
from mobilize.actions.models import Action
from mobilize.checkins.models import Attendance, Evidence, HeadCount, Method, Outcome
from mobilize.database import db
from mobilize.demo.carrier.http import Request
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.simulation.morning import SimulatedClock, SimulatedMorning
from mobilize.demo.simulation.own_words import ABOUT, in_own_words
from mobilize.demo.simulation.phones import LinePhone
from mobilize.demo.simulation.plan import (
    FIRST_MINUTE,
    LAST_MINUTE,
    PlannedStep,
    SimulatedEvent,
    SimulatedPerson,
    StepKind,
    arrival,
    plan,
)
from mobilize.demo.simulation.start import prepare_morning
from mobilize.errors import Refused
from mobilize.texts.models import Intent, QuestionKind
from mobilize.texts.receiving.replies import count_of, read_reply
from tests.builders import make_action, make_event, make_member, make_site

NOW = datetime(2026, 3, 3, 15, 0, 20, tzinfo=UTC)


def sample_events(sites: int = 20, members: int = 40) -> list[SimulatedEvent]:
    people = [
        [SimulatedPerson(f"{s}-{n}", f"{s:04d}{n:04d}", f"+1213555{n:04d}") for n in range(members)]
        for s in range(sites)
    ]
    events = [SimulatedEvent(f"C{s}", f"{s:05d}", f"School {s}", people[s], chair="+1") for s in range(sites)]
    return [*events, SimulatedEvent("R", "99999", "Plaza", people[0], is_rally=True)]


def test_the_same_seed_makes_the_same_morning() -> None:
    assert plan(sample_events(), 7) == plan(sample_events(), 7)
    assert plan(sample_events(), 7) != plan(sample_events(), 8)


def test_most_come_around_the_start_and_some_sites_stay_silent() -> None:
    steps = plan(sample_events(), 1937)
    came = [
        d for d in steps if d.kind in (StepKind.PHONE, StepKind.TICK, StepKind.TEXT) and d.event_index < 20
    ]
    near = [d for d in came if -12 <= d.minute <= 15]
    assert len(near) > 0.75 * len(came) and all(FIRST_MINUTE <= d.minute <= 60 for d in came)
    assert 0.4 < len({d.person.id for d in came if d.person and d.person.id}) / 800 < 0.75
    counted = {d.event_index for d in steps if d.kind in (StepKind.ANSWER, StepKind.HEAD_COUNT)}
    assert 12 <= len(counted) < 21 and 20 in counted
    assert not [
        d for d in steps if d.event_index == 20 and d.kind is StepKind.TICK
    ]  # a rally's gates have no names
    chance = random.Random(1)  # noqa: S311
    assert all(FIRST_MINUTE <= arrival(chance) <= 40 for _n in range(500))


@pytest.mark.parametrize("speed", [1, 10, 60, 600])
def test_its_clock_ends_with_ours_and_never_runs_ahead(speed: float) -> None:
    simulated = SimulatedClock(NOW, speed)
    for minute in (FIRST_MINUTE, 0, 15, LAST_MINUTE):
        moment = NOW + timedelta(seconds=simulated.seconds_until(minute))
        assert simulated.happens_at(minute) <= moment
    end = NOW + timedelta(seconds=simulated.seconds_until(LAST_MINUTE))
    assert end - simulated.happens_at(LAST_MINUTE) < timedelta(minutes=1)


def test_outside_the_demo_no_invented_people_are_counted(app: Flask) -> None:
    with pytest.raises(Refused, match="no_demo"):
        prepare_morning(60, 1, NOW)


def test_phones_and_a_captain_use_the_real_pages(pg_app: Flask, live_server: str) -> None:
    now = clock.now()
    site = make_site("Lincoln")
    members = [make_member(site=site) for _n in range(6)]
    simulated = SimulatedClock(now, 60_000)
    starts_at = simulated.start
    event = make_event(site, action=make_action(starts_at=starts_at, ends_at=now + timedelta(minutes=30)))
    _grant, token = grant_line(
        event.id, GrantKind.LINK, "Gate", None, "shell", now + timedelta(hours=1), now=now
    )
    people = [SimulatedPerson(str(m.id), m.number, "") for m in members]
    gate = SimulatedEvent(event.code, event.text_code, "Lincoln", people)
    steps = [PlannedStep(-3, 0, StepKind.PHONE, people[0]), PlannedStep(2, 0, StepKind.TICK, people[1])]
    steps += [
        PlannedStep(2, 0, StepKind.PHONE, SimulatedPerson("", "99999991", "")),
        PlannedStep(3, 0, StepKind.HEAD_COUNT, n=4),
    ]
    steps += [PlannedStep(4, 0, StepKind.PHONE, people[1]), PlannedStep(5, 0, StepKind.SUPPORTERS, n=2)]
    lines = {0: LinePhone(live_server, token, event.code)}
    texts: list[str] = []
    morning = SimulatedMorning([gate], sorted(steps), simulated, live_server, lines, None, clock.now)
    morning.run(texts.append)
    assert (morning.done.total(), morning.refused.total()) == (6, 0) and texts
    db.session.rollback()
    outcomes = Counter(db.session.scalars(select(Evidence.outcome)))
    assert outcomes == {Outcome.COUNTED: 2, Outcome.REPEAT: 1, Outcome.WALKUP: 1}
    assert set(db.session.scalars(select(Evidence.method))) == {Method.POSTER, Method.TICK}
    assert db.session.scalar(select(func.count()).select_from(Attendance)) == 2
    assert db.session.scalars(select(HeadCount.n)).all() == [4]
    tapped: Any = db.session.scalar(select(func.min(Evidence.happened_at)))
    assert abs(tapped - simulated.happens_at(-3)) < timedelta(seconds=5)


def test_a_text_arrives_at_the_minute_it_was_sent_and_not_when_the_clock_ends(
    pg_app: Flask, live_server: str
) -> None:
    now = clock.now()
    simulated = SimulatedClock(now, 6_000)
    at: list[datetime | None] = []
    taken: list[datetime] = []

    class Carrier:
        """Texts that were said, each with its moment; nothing arrives."""

        def say(self, _phone: str, _body: str, moment: datetime | None = None) -> bool:
            at.append(moment)
            return True

        def received(self, _since: int) -> list[tuple[str, str]]:
            return []

    gate = SimulatedEvent("X", "48219", "Lincoln", [])
    steps = [PlannedStep(3, 0, StepKind.TEXT, SimulatedPerson("", "", "+12135550111"))]
    running = SimulatedMorning([gate], steps, simulated, live_server, {}, Carrier(), clock.now, taken.append)  # type: ignore[arg-type]
    running.run(lambda _message: None)
    assert at == [simulated.happens_at(3)]
    assert taken and taken[0] <= simulated.happens_at(3)


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_it_with_a_sentence_however_often_it_is_pressed(
    app: Flask, monkeypatch: pytest.MonkeyPatch, presses: int
) -> None:
    action = make_action()
    running = SimulatedMorning([], [], SimulatedClock(NOW, 60), "", {}, None, clock.now)

    def press(*_args: object) -> None:
        raise KeyboardInterrupt

    def press_again() -> None:
        running.stopping.set()
        if presses == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(running, "_run_steps", press)
    monkeypatch.setattr(running, "stop", press_again)
    monkeypatch.setattr("mobilize.demo.commands.prepare_morning", lambda *_how: (running, action))
    result = app.test_cli_runner().invoke(args=["demo", "morning"])
    assert result.exit_code == 0, result.output
    assert "Stopped. What happened until now stays." in result.output


def test_a_morning_stopped_while_it_is_made_leaves_no_action_that_nobody_comes_to(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_site("Lincoln")

    def press(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(app.config, "MOBILIZE", replace(settings(), env=Env.DEMO, carrier_page_url=""))
    monkeypatch.setattr("mobilize.demo.simulation.start._line_phones", press)
    result = app.test_cli_runner().invoke(args=["demo", "morning"])
    assert (result.exit_code, result.output.count("\n")) == (0, 1), result.output
    assert "called off" in result.output
    actions = db.session.scalars(select(Action)).all()
    assert len(actions) == 2 and all(action.called_off_at for action in actions)


def askable_members() -> list[SimulatedPerson]:
    return [SimulatedPerson(f"v{n}", "", f"+1323555{n:04d}") for n in range(40)]


def worded(seed: int) -> list[PlannedStep]:
    return in_own_words(plan(sample_events(), seed), sample_events(), askable_members(), seed)


def in_words(steps: list[PlannedStep]) -> list[tuple[StepKind, str, str]]:
    return [(step.kind, step.person.phone if step.person else "", step.body) for step in steps if step.body]


def test_the_same_seed_writes_the_same_words_and_changes_nothing_else() -> None:
    assert in_words(worded(7)) == in_words(worded(7)) != in_words(worded(8))
    others = [step for step in worded(7) if step.kind not in (StepKind.SAY, StepKind.REPLY)]
    assert [(step.minute, step.kind, step.n) for step in others] == [
        (step.minute, step.kind, step.n) for step in plan(sample_events(), 7)
    ]
    phones = [phone for kind, phone, _ in in_words(worded(7)) if kind is not StepKind.ANSWER]
    assert len(phones) == len(set(phones)) > 20


@pytest.mark.parametrize("seed", range(1937, 1943))
def test_what_they_write_is_read_as_it_was_meant(seed: int) -> None:
    bodies = {kind: [body for one, _, body in in_words(worded(seed)) if one is kind] for kind in StepKind}
    replies = Counter(read_reply(body, QuestionKind.COMING).intent for body in bodies[StepKind.REPLY])
    assert replies == {Intent.COMING: 6, Intent.NOT_COMING: 5, Intent.OTHER: 2}
    unasked = Counter(read_reply(body, None).intent for body in bodies[StepKind.SAY])
    assert unasked == {
        Intent.OUT: 3, Intent.ALARM: 1, Intent.WRONG_NUMBER: 1, Intent.HERE: 6, Intent.OTHER: 4,
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(1937, 1943))
def test_chairs_say_in_words_what_they_counted(seed: int) -> None:
    answers = [step for step in worded(seed) if step.kind is StepKind.ANSWER and step.body]
    read = [(step.n, read_reply(step.body, QuestionKind.HEAD_COUNT)) for step in answers]
    assert answers and all(reading.intent is Intent.NUMBER for _, reading in read)
    assert all(abs(count_of(reading.value or "").heads - n) <= ABOUT for n, reading in read)


def test_one_page_shows_what_was_written_and_what_was_answered() -> None:
    carrier = Carrier("AC" + "1" * 32, "token", "http://127.0.0.1:1")
    mia, nate, chair = "+12135550101", "+12135550102", "+12135550103"
    for n in range(3):
        carrier.store.accept({"To": mia, "Body": f"Coming? Reply 1 or 2. {n}"})
    carrier.store.receive(mia, "si ahi estare <b>")
    carrier.store.accept({"To": mia, "Body": "See you there."})
    carrier.store.receive(nate, "HERE 37806")
    carrier.store.receive(chair, "24")
    page = carrier.pages.talks(Request("GET", "/talks", {}, {}, b"")).body.decode()
    assert "Reply 1 or 2. 2" in page and "Reply 1 or 2. 1" not in page and "See you there." in page
    assert "si ahi estare &lt;b&gt;" in page and "37806" not in page and "1 phone" in page
