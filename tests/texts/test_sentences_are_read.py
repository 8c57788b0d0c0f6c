"""What people text, by 943 sentences that the reader was not made with: counted, and not looked at."""

import json
import math
from collections import Counter
from pathlib import Path

import pytest

from mobilize.texts.models import Intent, QuestionKind
from mobilize.texts.receiving.reading.classifier import explain, model, probabilities
from mobilize.texts.receiving.reading.counts import CountRead
from mobilize.texts.receiving.replies import DOUBTFUL, ParsedReply, count_of, read_reply
from tests.reading.confusion import intent_of, reply_to, table

UNSEEN = Path(__file__).parents[1] / "reading" / "unseen.jsonl"
DOCS = Path(__file__).parents[2] / "docs" / "texts.md"
SENTENCES = [json.loads(line) for line in UNSEEN.read_text(encoding="utf-8").splitlines()]
MAY_STOP = {"stop", "stop_doubtful", "wrong_number"}


@pytest.fixture(scope="module")
def replies() -> list[tuple[str, ParsedReply]]:
    """The label of each sentence, and what it was read as."""
    return [(sentence["label"], reply_to(sentence)) for sentence in SENTENCES]


@pytest.fixture(scope="module")
def read(replies: list[tuple[str, ParsedReply]]) -> Counter[tuple[str, Intent]]:
    """How often a sentence of each label was read as each intent."""
    return Counter((label, reply.intent) for label, reply in replies)


def total(read: Counter[tuple[str, Intent]], label: str) -> int:
    return sum(n for (one, _intent), n in read.items() if one == label)


def test_who_wants_no_more_texts_gets_none(read: Counter[tuple[str, Intent]]) -> None:
    assert total(read, "stop") >= 150
    assert total(read, "stop") == read["stop", Intent.OUT]


def test_the_table_in_the_docs_is_what_is_read() -> None:
    assert table(Counter((one["label"], intent_of(one)) for one in SENTENCES)) in DOCS.read_text("utf-8")


def test_few_wishes_are_doubted(replies: list[tuple[str, ParsedReply]]) -> None:
    of_stops = [reply.value for label, reply in replies if label == "stop"]
    assert of_stops.count(DOUBTFUL) <= 0.05 * len(of_stops)


def test_hardly_anybody_is_stopped_who_did_not_ask(read: Counter[tuple[str, Intent]]) -> None:
    others = {label for label, _intent in read} - MAY_STOP
    assert sum(total(read, label) for label in others) >= 400
    assert sum(read[label, Intent.OUT] for label in others) <= 10


def test_hardly_anybody_is_stopped_without_being_asked(replies: list[tuple[str, ParsedReply]]) -> None:
    clear = [label for label, reply in replies if reply == ParsedReply(Intent.OUT)]
    assert len([label for label in clear if label not in MAY_STOP]) <= 5


def test_an_emergency_reaches_somebody(read: Counter[tuple[str, Intent]]) -> None:
    assert total(read, "emergency") >= 150
    assert total(read, "emergency") - read["emergency", Intent.ALARM] <= 5
    false = sum(n for (label, intent), n in read.items() if intent is Intent.ALARM and label != "emergency")
    assert false <= 0.02 * (len(SENTENCES) - total(read, "emergency"))


@pytest.mark.parametrize(("label", "intent"), [("coming", Intent.COMING), ("not_coming", Intent.NOT_COMING)])
def test_yes_and_no_in_words_of_ones_own(
    read: Counter[tuple[str, Intent]], label: str, intent: Intent
) -> None:
    other = Intent.NOT_COMING if intent is Intent.COMING else Intent.COMING
    assert read[label, intent] >= 0.83 * total(read, label)
    assert read[label, other] <= 0.05 * total(read, label)


def test_who_has_the_wrong_number_is_known(read: Counter[tuple[str, Intent]]) -> None:
    assert read["wrong_number", Intent.WRONG_NUMBER] >= 0.95 * total(read, "wrong_number")
    reading = sum(n for (_label, intent), n in read.items() if intent is Intent.WRONG_NUMBER)
    assert reading - read["wrong_number", Intent.WRONG_NUMBER] <= 1


def test_a_code_among_words_is_found() -> None:
    coded = [one for one in SENTENCES if one["label"] == "check_in" and one["code"]]
    read = [read_reply(one["text"]) for one in coded]
    right = [reply.value == one["code"] for reply, one in zip(read, coded, strict=True)]
    assert len(coded) >= 20 and sum(right) >= 0.88 * len(coded)
    assert all(reply.intent is not Intent.HERE or ok for reply, ok in zip(read, right, strict=True))


def test_a_count_is_right_or_asked_again() -> None:
    counts = [one for one in SENTENCES if one["label"] == "count"]
    read = [read_reply(one["text"], QuestionKind.HEAD_COUNT) for one in counts]
    taken = [
        (count_of(reply.value or ""), one)
        for reply, one in zip(read, counts, strict=True)
        if reply.intent is Intent.NUMBER
    ]
    right = [count == CountRead(one["heads"], one["supporters"]) for count, one in taken]
    assert len(taken) >= 0.92 * len(counts) and sum(right) >= 0.88 * len(counts)
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
