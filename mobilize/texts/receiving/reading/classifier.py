"""Classifier of short texts: for each label the probability that a text is of it.

A small network, trained by `make reading`: a score for each label that is linear in the features of a text,
and what a hidden layer of rectified units (Glorot et al. 2011) adds to it; softmax makes probabilities of the
scores. A text is the set of its features, each weighted by how rare it is, the whole scaled to length one.
Weights are small integers in a file: whoever wonders why a text was read as it was can look up what each of
its features added (`explain`).
"""

import gzip
import json
import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mobilize.texts.receiving.reading.features import features

WEIGHTS = Path(__file__).with_name("weights.gz")


@dataclass(frozen=True)
class TrainedModel:
    """`rows`: for each feature its rarity in tenths, then its weight for each label and each hidden unit, as
    integers times `scales`. `outward`: for each hidden unit its weight for each label."""

    labels: tuple[str, ...]
    bias: tuple[float, ...]
    scales: tuple[float, ...]
    outward: tuple[tuple[float, ...], ...]
    place: dict[str, int]
    rows: "array[int]"

    def row(self, place: int) -> "array[int]":
        width = 1 + len(self.scales)
        return self.rows[place * width : (place + 1) * width]


@cache
def model() -> TrainedModel:
    """The trained model, read once (about 0.1 s).

    The file: a line of JSON, a line for each feature, and the rows, column by column.
    """
    head, _newline, rest = gzip.decompress(WEIGHTS.read_bytes()).partition(b"\n")
    stored = json.loads(head)
    *names, rows = rest.split(b"\n", stored["features"])
    return TrainedModel(
        tuple(stored["labels"]),
        tuple(stored["bias"]),
        tuple(stored["scales"]),
        tuple(map(tuple, stored["outward"])),
        {name.decode(): n for n, name in enumerate(names)},
        _row_by_row(array("b", rows), stored["features"]),
    )


def _row_by_row(columns: "array[int]", count: int) -> "array[int]":
    rows = array("b", bytes(len(columns)))
    for n in range(len(columns) // count):
        rows[n :: len(columns) // count] = columns[n * count : (n + 1) * count]
    return rows


def probabilities(text: str, *, of_chair: bool) -> dict[str, float]:
    """label -> probability; together they are one."""
    trained = model()
    scores = _scores(trained, _rows(trained, features(text, of_chair=of_chair)).values())
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    return {label: power / sum(powers) for label, power in zip(trained.labels, powers, strict=True)}


def explain(text: str, label: str, *, of_chair: bool) -> list[tuple[float, str]]:
    """What each feature of a text adds to the score of a label, the strongest first; "" is of every text.

    The sum is the score, since of the hidden units those count that are on.
    """
    trained = model()
    rows = _rows(trained, features(text, of_chair=of_chair))
    wide, place = len(trained.labels), trained.labels.index(label)
    on = [n for n, value in enumerate(_inner(trained, rows.values())[wide:]) if value > 0]
    outward = [(wide + n, trained.outward[n][place]) for n in on]
    length = _length(rows.values())

    def added(row: Iterable[float]) -> float:
        values = list(row)
        return values[place] + sum(values[column] * weight for column, weight in outward)

    parts = [
        (added(s * weight / length for s, weight in zip(trained.scales, row[1:], strict=True)), name)
        for name, row in rows.items()
    ]
    return sorted([*parts, (added(trained.bias), "")], key=lambda one: -abs(one[0]))


def _rows(trained: TrainedModel, names: set[str]) -> dict[str, "array[int]"]:
    return {name: trained.row(trained.place[name]) for name in sorted(names) if name in trained.place}


def _length(rows: Iterable["array[int]"]) -> float:
    """How long a text is before it is scaled."""
    return math.sqrt(sum((row[0] / 10) ** 2 for row in rows)) or 1.0


def _inner(trained: TrainedModel, rows: Iterable["array[int]"]) -> list[float]:
    """The linear score of each label, then what goes into each hidden unit."""
    listed = list(rows)
    if not listed:
        return list(trained.bias)
    length = _length(listed)
    _rarity, *sums = map(sum, zip(*listed, strict=True))
    return [
        bias + scale * total / length
        for bias, scale, total in zip(trained.bias, trained.scales, sums, strict=True)
    ]


def _scores(trained: TrainedModel, rows: Iterable["array[int]"]) -> list[float]:
    inner = _inner(trained, rows)
    scores = inner[: len(trained.labels)]
    for value, weights in zip(inner[len(scores) :], trained.outward, strict=True):
        if value > 0:
            scores = [score + value * weight for score, weight in zip(scores, weights, strict=True)]
    return scores
