"""What people text, by two sets of sentences the reader was not made with: counted, and not looked at."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mobilize.texts.models import Intent, QuestionKind
from mobilize.texts.receiving.reading.classifier import explain, model, probabilities
from mobilize.texts.receiving.reading.counts import CountRead
from mobilize.texts.receiving.replies import DOUBTFUL, STOPS, ParsedReply, count_of, read_reply
from tests.reading.confusion import intent_of, reply_to, table

READING = Path(__file__).parents[1] / "reading"
DOCS = Path(__file__).parents[2] / "docs" / "texts.md"
MAY_STOP = {"stop", "stop_doubtful", "wrong_number"}


class Bounds(NamedTuple):
    """What a sealed set may miss at most, or has to reach; shares are of the sentences of a label."""

    stops_missed: int
    doubted: float
    stopped: int
    stopped_clearly: int
    emergencies_missed: int
    false_emergencies: float
    yes_and_no: float
    wrong_numbers: float
    taken_for_wrong: int
    codes: float
    counts_taken: float
    counts_right: float


# As counted; what was barred is in docs/texts.md. The second set was written for the reader as it is, by
# somebody who had seen nothing of it, and nothing was chosen by it.
SETS = {
    "unseen.jsonl": Bounds(0, 0.05, 6, 2, 2, 0.02, 0.87, 0.95, 1, 0.97, 0.90, 0.86),
    "unseen_2.jsonl": Bounds(2, 0.07, 10, 3, 1, 0.03, 0.83, 0.88, 5, 0.96, 0.81, 0.78),
}


@pytest.fixture(scope="module", params=SETS)
def sealed(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def bounds(sealed: str) -> Bounds:
    return SETS[sealed]


@pytest.fixture(scope="module")
def sentences(sealed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (READING / sealed).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def replies(sentences: list[dict[str, Any]]) -> list[tuple[str, ParsedReply]]:
    """The label of each sentence, and what it was read as."""
    return [(sentence["label"], reply_to(sentence)) for sentence in sentences]


@pytest.fixture(scope="module")
def read(replies: list[tuple[str, ParsedReply]]) -> Counter[tuple[str, Intent]]:
    """How often a sentence of each label was read as each intent."""
    return Counter((label, reply.intent) for label, reply in replies)


def total(read: Counter[tuple[str, Intent]], label: str) -> int:
    return sum(n for (one, _intent), n in read.items() if one == label)


def test_who_wants_no_more_texts_gets_none(replies: list[tuple[str, ParsedReply]], bounds: Bounds) -> None:
    of_stops = [reply for label, reply in replies if label == "stop"]
    obeyed = [one for one in of_stops if one.intent is Intent.OUT or one == ParsedReply(Intent.ALARM, STOPS)]
    assert len(of_stops) >= 150
    assert len(of_stops) - len(obeyed) <= bounds.stops_missed


def test_the_table_in_the_docs_is_what_is_read(sentences: list[dict[str, Any]]) -> None:
    assert table(Counter((one["label"], intent_of(one)) for one in sentences)) in DOCS.read_text("utf-8")


def test_few_wishes_are_doubted(replies: list[tuple[str, ParsedReply]], bounds: Bounds) -> None:
    of_stops = [reply.value for label, reply in replies if label == "stop"]
    assert of_stops.count(DOUBTFUL) <= bounds.doubted * len(of_stops)


def test_hardly_anybody_is_stopped_who_did_not_ask(read: Counter[tuple[str, Intent]], bounds: Bounds) -> None:
    others = {label for label, _intent in read} - MAY_STOP
    assert sum(total(read, label) for label in others) >= 400
    assert sum(read[label, Intent.OUT] for label in others) <= bounds.stopped


def test_hardly_anybody_is_stopped_without_being_asked(
    replies: list[tuple[str, ParsedReply]], bounds: Bounds
) -> None:
    clear = [label for label, reply in replies if reply == ParsedReply(Intent.OUT)]
    assert len([label for label in clear if label not in MAY_STOP]) <= bounds.stopped_clearly


def test_an_emergency_reaches_somebody(read: Counter[tuple[str, Intent]], bounds: Bounds) -> None:
    assert total(read, "emergency") >= 150
    assert total(read, "emergency") - read["emergency", Intent.ALARM] <= bounds.emergencies_missed
    false = sum(n for (label, intent), n in read.items() if intent is Intent.ALARM and label != "emergency")
    others = sum(read.values()) - total(read, "emergency")
    assert false <= bounds.false_emergencies * others


@pytest.mark.parametrize(("label", "intent"), [("coming", Intent.COMING), ("not_coming", Intent.NOT_COMING)])
def test_yes_and_no_in_words_of_ones_own(
    read: Counter[tuple[str, Intent]], bounds: Bounds, label: str, intent: Intent
) -> None:
    other = Intent.NOT_COMING if intent is Intent.COMING else Intent.COMING
    assert read[label, intent] >= bounds.yes_and_no * total(read, label)
    assert read[label, other] <= 0.05 * total(read, label)


def test_who_has_the_wrong_number_is_known(read: Counter[tuple[str, Intent]], bounds: Bounds) -> None:
    assert read["wrong_number", Intent.WRONG_NUMBER] >= bounds.wrong_numbers * total(read, "wrong_number")
    reading = sum(n for (_label, intent), n in read.items() if intent is Intent.WRONG_NUMBER)
    assert reading - read["wrong_number", Intent.WRONG_NUMBER] <= bounds.taken_for_wrong


def test_a_code_among_words_is_found(sentences: list[dict[str, Any]], bounds: Bounds) -> None:
    coded = [one for one in sentences if one["label"] == "check_in" and one["code"]]
    read = [read_reply(one["text"]) for one in coded]
    right = [reply.value == one["code"] for reply, one in zip(read, coded, strict=True)]
    assert len(coded) >= 20 and sum(right) >= bounds.codes * len(coded)
    assert all(reply.intent is not Intent.HERE or ok for reply, ok in zip(read, right, strict=True))


def test_a_count_is_right_or_asked_again(sentences: list[dict[str, Any]], bounds: Bounds) -> None:
    counts = [one for one in sentences if one["label"] == "count"]
    read = [read_reply(one["text"], QuestionKind.HEAD_COUNT) for one in counts]
    taken = [
        (count_of(reply.value or ""), one)
        for reply, one in zip(read, counts, strict=True)
        if reply.intent is Intent.NUMBER
    ]
    right = [count == CountRead(one["heads"], one["supporters"]) for count, one in taken]
    assert len(taken) >= bounds.counts_taken * len(counts)
    assert sum(right) >= bounds.counts_right * len(counts)
    assert right.count(False) <= 0.05 * len(counts)


def test_why_a_text_was_read_so_can_be_looked_up() -> None:
    text = "quítenme de la lista por favor"
    reasons = {label: explain(text, label, of_chair=False) for label in model().labels}
    assert {"w lista", "c kite", "citenm"} & {name for _added, name in reasons["stop"][:12]}
    assert set(model().labels) >= {"stop", "emergency", "coming", "not_coming", "check_in"}
    scores = {label: sum(added for added, _name in parts) for label, parts in reasons.items()}
    powers = sum(math.exp(score) for score in scores.values())
    for label, probability in probabilities(text, of_chair=False).items():
        assert probability == pytest.approx(math.exp(scores[label]) / powers), "the reasons add up"
