"""What holds for every template and stylesheet: lines to be read, what is given, a word for every value."""

import re
from functools import cache
from pathlib import Path

import pytest
from jinja2 import nodes
from jinja2.environment import Environment

from mobilize.accounts.security.protections import ProtectionState
from mobilize.actions.models import ActionKind
from mobilize.checkins.models import Method, Outcome
from mobilize.reminders.broadcasts.audience import UnreachableReason
from mobilize.reminders.broadcasts.queries import BroadcastProgress
from mobilize.reminders.plan.queries import StepState
from mobilize.roster.models import ImportState
from mobilize.texts.enums import AttemptOutcome, Intent, TextState
from mobilize.texts.receiving.receipts import STATE_OF
from mobilize.turnout.board.sites import BoardState
from mobilize.turnout.figures.types import State
from mobilize.turnout.models import CallResult

ROOT = Path(__file__).parents[1]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STYLES = sorted((ROOT / "mobilize/static/css").glob("*.css")) + sorted((ROOT / "mobilize/demo").glob("*.css"))
MOST = 160

WORDINGS = {path.name.split(".")[0] for path in (ROOT / "templates/texts").glob("*.txt")}
# By template: what it has words for, each all of them.
WORDS = {
    "_macros.html": [{*State, *BoardState, "here", "closed", "called_off", "open", "drill"}],
    "accounts/protections.html": [set(ProtectionState)],
    "actions/_actions.html": [set(ActionKind)],
    "actions/action.html": [set(ActionKind)],
    # Of outcomes, those that a person has to look at.
    "checkins/unmatched_list.html": [
        {Outcome.WALKUP, Outcome.AMBIGUOUS, Outcome.OUTSIDE_HOURS, Outcome.UNRESOLVED},
        set(Method),
    ],
    "reminders/_inbox.html": [set(Intent)],
    "reminders/_progress.html": [set(BroadcastProgress), set(StepState)],
    "reminders/broadcast.html": [set(UnreachableReason)],
    "roster/imports.html": [set(ImportState) - {ImportState.READING, ImportState.DROPPED}],
    "texts/_words.html": [set(TextState), set(AttemptOutcome), set(STATE_OF), WORDINGS],
    "turnout/_calls.html": [set(CallResult)],
    "turnout/_live_site.html": [{"text", "line", "desk"}],
}


@cache
def parsed(path: Path) -> nodes.Template:
    return Environment(autoescape=True, extensions=["jinja2.ext.i18n"]).parse(path.read_text())


def words_in(path: Path) -> list[set[str]]:
    """The keys of each dictionary of words that a template writes out."""
    results = []
    for one in parsed(path).find_all(nodes.Dict):
        if all(
            isinstance(item.key, nodes.Const) and isinstance(item.value, nodes.Call) for item in one.items
        ):
            results.append({str(item.key.value) for item in one.items})
    return [keys for keys in results if len(keys) > 1]


def test_no_line_is_too_long_to_be_reviewed() -> None:
    assert len(TEMPLATES) > 90 and STYLES
    lines = [
        f"{path.relative_to(ROOT)}:{n}"
        for path in (*TEMPLATES, *STYLES)
        for n, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > MOST
    ]
    assert lines == []


def test_every_component_is_shown_on_the_page_of_components() -> None:
    """Or is a part of another; the head of a receipt is seen on that alone."""
    macros = {one.name for one in parsed(ROOT / "templates/_macros.html").find_all(nodes.Macro)}
    pages = [(ROOT / "templates" / name).read_text() for name in ("public/components.html", "base.html")]
    listed = set(re.findall(r"\bui\.(\w+)\(", "".join(pages))) | {"button", "state_word", "ticket_stamp"}
    assert {name for name in macros if not name.startswith("_")} - listed == set()


def test_every_template_is_one_and_says_first_what_it_is_given() -> None:
    without = []
    for path in TEMPLATES:
        parsed(path)
        if not path.read_text().startswith("{#"):
            without.append(path.relative_to(ROOT).as_posix())
    assert without == []


def test_markup_is_marked_as_that_where_it_is_made() -> None:
    """`|safe` in a template trusts whatever comes; what a function of ours made is `Markup` already."""
    trusting = [
        path.name for path in TEMPLATES if any(f.name == "safe" for f in parsed(path).find_all(nodes.Filter))
    ]
    assert trusting == []


@pytest.mark.parametrize("template", WORDS)
def test_every_value_has_its_word(template: str) -> None:
    words = words_in(ROOT / "templates" / template)
    for values in WORDS[template]:
        assert {str(value) for value in values} in words, values


def test_no_dictionary_of_words_is_left_out_above() -> None:
    """Of a file that was read, the words are by kind of change and of warning, which no type names."""
    with_words = {path.relative_to(ROOT / "templates").as_posix() for path in TEMPLATES if words_in(path)}
    assert with_words - set(WORDS) == {"roster/show_import.html"}
    assert len(WORDINGS) > 30
