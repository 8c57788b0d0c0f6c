"""One step in one world: what each observer sees before it and in the time after it, made comparable."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from mobilize import clock
from mobilize.actions.eligibility import freeze_due_events
from mobilize.api import rate_limit
from mobilize.checkins.line import queries as queries
from mobilize.checkins.line import state
from mobilize.checkins.member import personal_links
from mobilize.checkins.record.deferred_attendance import derive_deferred
from mobilize.reminders.head_counts.requests import ask_for_counts
from mobilize.reminders.inbox.answers import read_answers
from mobilize.reminders.inbox.shared_phones import ask_who_checked_in
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.turnout.board import cache as live
from mobilize.turnout.figures.closing import close_due_events, correct_closed_actions
from mobilize.turnout.reports.operations import make_due_reports
from mobilize.turnout.reports.thank_you import plan_thanks
from tests.security.two_worlds.facts import ON_THE_LIST, OPEN, World, build
from tests.security.two_worlds.steps import CAPTAIN, Step
from tests.security.two_worlds.surfaces import Look, look_at_everything

# What an observer saw, by observer and the name of the look.
Outputs = dict[tuple[str, str], str]
Fresh = Callable[[], AbstractContextManager[Flask]]
# All that workers do about an action, but for what only the carrier sees.
TICKS = (
    freeze_due_events, read_answers, ask_who_checked_in, ask_for_counts, plan_reminders, derive_deferred,
    close_due_events, plan_thanks, make_due_reports, correct_closed_actions,
)  # fmt: skip
# Looks after the step: at once, when the workers' ticks ran, and when all events are closed and told of.
LATER = (timedelta(0), timedelta(minutes=4), timedelta(hours=5))

# What a line's state says of its list, and of how many are not on it.
OF_THE_LIST = ("in", "named", "others", "duties")

# Set aside, each for a reason. Everything else is compared byte for byte, headers too.
_RANDOM = (
    # A form's token: 22 random letters, their MAC, and in a session's form the CSRF token.
    (
        re.compile(r'(name=\\?"(?:token|csrf_token)\\?"(?:\s+type=\\?"hidden\\?")?\s+value=\\?")[^"\\]*'),
        r"\1",
    ),
    # The letters of a receipt, drawn anew with each.
    (re.compile(r'(<dd class=\\?"code\\?">)[0-9A-Z]{6}'), r"\1"),
    # A line page's name for one rendering of its forms.
    (re.compile(r'(name="nonce" value=")[0-9a-f]{32}'), r"\1"),
    # The signature of the list on a line's phone: ECDSA draws a number for each.
    (re.compile(r'(data-signature=")[^"]*'), r"\1"),
    # Random cookies: that one is set, for how long and for which addresses is compared.
    (re.compile(r"^(Set-Cookie: [\w-]+=)[^;]*", re.M), r"\1"),
)


def play(fresh: Fresh, fact: str, step: Step, *, caches: bool = False) -> Outputs:
    """Build the world of `fact` in an empty database, play the step, and look before it and in `LATER`.
    With `caches` figures are kept as long as in production, by the clock of the world."""
    outputs: Outputs = {}
    with fresh() as app, time_machine.travel(OPEN, tick=False) as time, ExitStack() as clocks:
        _forget_what_processes_keep()
        if not caches:
            queries.COUNT_KEPT_SECONDS = live.KEEP = -1.0  # type: ignore[assignment]
        for room in (queries, live) if caches else ():
            world_time = SimpleNamespace(monotonic=lambda: clock.now().timestamp())
            clocks.enter_context(patch.object(room, "time", world_time))
        world = build(app, fact, kind=step.kind)
        if step.at > OPEN:
            _pass_to(step.at, time, world)
        _note(outputs, "before", look_at_everything(world), world)
        _note(outputs, "the step", step.play(world), world)
        for later in LATER:
            _pass_to(step.at + later, time, world)
            if later > LATER[1]:
                world.publish(step.at + later)
            _note(outputs, f"{later} later", look_at_everything(world), world)
    return outputs


def told_apart(fact: str, outputs: Outputs, expected: Outputs) -> list[tuple[str, str]]:
    """(observer, look) of all that in the world of `fact` was not as it was `wanted`, as in the stranger's.

    Where the number is that of a name on the list, this line's captain may learn of it, and only by the list
    and by how many of it are in.
    """
    assert outputs.keys() == expected.keys()
    pairs = [(key, expected[key], outputs[key]) for key in expected]
    if fact in ON_THE_LIST:
        pairs = [(key, _without_list(key, a), _without_list(key, b)) for key, a, b in pairs]
    return [key for key, a, b in pairs if a != b]


def _without_list(key: tuple[str, str], text: str) -> str:
    """The rest of a look at this line without its list: the names that are in, and how many."""
    observer, look = key
    if observer != CAPTAIN:
        return text
    if look.endswith("tick"):  # that a name was in already, which the list shows as well
        text = text.replace('"outcome":"repeat"', '"outcome":"counted"')
        return re.sub(r"^Content-Length: .*$", "", text, flags=re.M)
    if look.endswith("line/state") and text.startswith("200"):
        body: dict[str, Any] = json.loads(text.rpartition("\n\n")[2])
        return json.dumps({name: body[name] for name in body if name not in OF_THE_LIST})
    if look.endswith(("line", "line?shell=1", "page after it")):
        text = re.sub(r'<ul class="names".*?</ul>', "", text, flags=re.S)
        # The same names to choose from, whoever is not in first.
        text = re.sub(r'<option\s+value="[0-9a-f-]{36}">.*?</option>', "", text, flags=re.S)
        text = re.sub(r'(id="(?:named|others)"[^>]*>(?:<[^>]*>)*)\d+', r"\1", text)
        text = re.sub(r'(<div class="big"[^>]*id="named".*?</div>)', "", text, flags=re.S)
        return re.sub(r"^(ETag|Content-Length): .*$", "", text, flags=re.M)
    return text


def _forget_what_processes_keep() -> None:
    """Each world has a process of its own."""
    live.forget()
    state.forget()
    queries.last_count.cache_clear()
    personal_links._by_letters.cache_clear()
    rate_limit._used.clear()


def _pass_to(moment: datetime, time: Any, world: World) -> None:
    time.move_to(moment)
    for tick in TICKS:
        tick(moment)


def _note(outputs: Outputs, when: str, looks: Iterator[Look], world: World) -> None:
    for observer, name, answer in looks:
        key = observer, f"{when}: {name}"
        assert key not in outputs, key
        outputs[key] = _comparable(answer, world)


def _comparable(answer: TestResponse | str, world: World) -> str:
    if isinstance(answer, str):
        text = answer
    else:
        lines = [f"{name}: {value}" for name, value in answer.headers if name != "Date"]
        text = "\n".join([answer.status, *lines]) + "\n\n" + answer.get_data().decode("utf-8", "replace")
    for pattern, instead in _RANDOM:
        text = pattern.sub(instead, text)
    for token, word in world.random.items():
        text = text.replace(token, word) if token else text
    return text
