"""`make reading`: training of the classifier of short texts, from the sentences beside this file.

Needs `requirements.txt` beside this file. The same sentences give the same weights on the same machine.
`python -m tests.reading folds` writes no weights: it prints how sentences are read that were left out of the
training, a quarter at a time; `unseen`, how those are read that are sealed.
"""

import gzip
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import numpy as np
from scipy.sparse import csr_matrix

from mobilize.texts.receiving.reading import classifier
from mobilize.texts.receiving.reading.classifier import WEIGHTS
from mobilize.texts.receiving.reading.features import features, fold
from tests.reading.apart import too_close
from tests.reading.confusion import intent_of, table
from tests.reading.network import Network
from tests.reading.variants import variant

HERE = Path(__file__).parent
# In this order, which is part of the weights.
TRAINED_ON = (
    "seen_1.jsonl",
    "seen_2.jsonl",
    "seen_3.jsonl",
    "seen_4.jsonl",
    "seen_5.jsonl",
    "seen_6.jsonl",
    "other.jsonl",
)
SEALED = ("unseen.jsonl", "unseen_2.jsonl")
LABELS = (
    *(
        "stop",
        "stop_doubtful",
        "wrong_number",
        "emergency",
        "emergency_stop",
        "coming",
        "not_coming",
        "undecided",
    ),
    *("count", "count_unclear", "check_in", "help", "start", "question", "chat"),
)
# Of "other" it is known only that it is none of these.
NOT_OTHER = {"stop", "stop_doubtful", "wrong_number", "emergency", "emergency_stop", "start", "check_in"}
NETWORKS, OCCURS_IN, FOLDS = 2, 4, 4
# Weights are whole numbers up to LEVELS; a feature whose squares add up to less than SMALLEST is left out.
LEVELS, SMALLEST = 5, 8
# A variant counts half of a sentence.
OF_VARIANT = 0.5


def load(*names: str) -> list[dict[str, Any]]:
    """The sentences of these files."""
    lines = [line for name in names for line in (HERE / name).read_text(encoding="utf-8").splitlines()]
    return [json.loads(line) for line in lines]


def label_of(sentence: dict[str, Any]) -> str:
    label: str = sentence["label"]
    return "emergency_stop" if sentence.get("also_stop") else label


def allowed(sentence: dict[str, Any]) -> list[bool]:
    """Which labels a sentence may have."""
    label = label_of(sentence)
    return [one not in NOT_OTHER if label == "other" else one == label for one in LABELS]


class Trainer:
    """What a network of some sentences and their variants is trained on, and the network in whole numbers."""

    def __init__(self, sentences: Sequence[dict[str, Any]]):
        sets = [features(one["text"], of_chair=one["from"] == "chair") for one in sentences]
        counted = Counter(name for names in sets for name in names)
        self.names = sorted(name for name, n in counted.items() if n >= OCCURS_IN)
        self.place = {name: n for n, name in enumerate(self.names)}
        self.rarity = np.array([round(10 * math.log(1 + len(sets) / counted[name])) for name in self.names])
        random = Random(1)
        varied = [
            features(variant(one["text"], random), of_chair=one["from"] == "chair") for one in sentences
        ]
        possible = np.array([allowed(one) for one in sentences])
        self.matrix = self.matrix_of([*sets, *varied])
        self.allowed = np.vstack([possible, possible])
        self.weight = np.repeat([1.0, OF_VARIANT], len(sets))

    def matrix_of(self, sets: Sequence[set[str]]) -> csr_matrix:
        """A row for each set of features."""
        columns, values, ends = [], [], [0]
        for names in sets:
            places = sorted(self.place[name] for name in names if name in self.place)
            rarity = self.rarity[places] / 10
            columns += places
            values += list(rarity / (math.sqrt(float((rarity**2).sum())) or 1.0))
            ends.append(len(columns))
        return csr_matrix(
            (np.array(values, np.float32), np.array(columns), np.array(ends)), (len(sets), len(self.names))
        )

    def train(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(inward, bias, outward) of several networks as one, whose scores are the mean of theirs."""
        with ProcessPoolExecutor(NETWORKS) as pool:
            trained = list(pool.map(self._one, range(NETWORKS)))
        wide = len(LABELS)
        return (
            np.hstack(
                [sum(one.inward[:, :wide] for one in trained) / NETWORKS]
                + [one.inward[:, wide:] for one in trained]
            ),
            np.hstack(
                [sum(one.bias[:wide] for one in trained) / NETWORKS] + [one.bias[wide:] for one in trained]
            ),
            np.vstack([one.outward / NETWORKS for one in trained]),
        )

    def _one(self, seed: int) -> Network:
        network = Network(len(self.names), len(LABELS), seed)
        return network.train(self.matrix, self.allowed, self.weight)


def store(trainer: Trainer, inward: np.ndarray, bias: np.ndarray, outward: np.ndarray, file: Path) -> None:
    """Write the features that matter, their weights times their rarity in whole numbers."""
    weighed = inward * (trainer.rarity / 10)[:, None]
    scales = np.quantile(np.abs(weighed), 0.9995, axis=0) / LEVELS
    rounded = np.clip(np.rint(weighed / scales), -LEVELS, LEVELS).astype(np.int8)
    kept = np.flatnonzero((rounded.astype(int) ** 2).sum(1) >= SMALLEST)
    head = {
        "labels": LABELS,
        "features": len(kept),
        "bias": [round(float(value), 4) for value in bias],
        "scales": [round(float(value), 6) for value in scales],
        "outward": [[round(float(value), 4) for value in row] for row in outward],
    }
    names = "\n".join([json.dumps(head, separators=(",", ":")), *(trainer.names[n] for n in kept), ""])
    rows = np.hstack([trainer.rarity[kept, None].astype(np.int8), rounded[kept]])
    columns = np.ascontiguousarray(rows.T).tobytes()
    file.write_bytes(gzip.compress(names.encode() + columns, 9, mtime=0))
    print(f"{len(kept)} features, {file.stat().st_size // 1024} KB")


def read_with(file: Path, sentences: Sequence[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How often sentences of each label are read as each intent, with the weights in this file."""
    classifier.WEIGHTS = file
    classifier.model.cache_clear()
    return Counter((one["label"], intent_of(one)) for one in sentences)


def left_out(sentences: Sequence[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How sentences are read by what was trained without them, a quarter of them at a time."""
    fold_of = [crc32(fold(one["text"]).encode()) % FOLDS for one in sentences]
    read: Counter[tuple[str, str]] = Counter()
    for n in range(FOLDS):
        trainer = Trainer([one for one, of in zip(sentences, fold_of, strict=True) if of != n])
        with TemporaryDirectory() as folder:
            store(trainer, *trainer.train(), Path(folder) / WEIGHTS.name)
            rest = [one for one, of in zip(sentences, fold_of, strict=True) if of == n]
            read += read_with(Path(folder) / WEIGHTS.name, rest)
    return read


def main(command: str = "") -> int:
    """Train on every sentence of `TRAINED_ON`, unless one is too close to a sealed one; or print a table of
    what is left out of the training (`folds`), or one of each set that is sealed (`unseen`)."""
    if command == "folds":
        print(table(left_out(load(*TRAINED_ON))))
    elif command == "unseen":
        for name in SEALED:
            print(name, table(read_with(WEIGHTS, load(name))), sep="\n\n", end="\n\n")
    elif close := too_close(
        [one["text"] for one in load(*TRAINED_ON)], [one["text"] for one in load(*SEALED)]
    ):
        print(f"Too close to a sealed sentence, take them out: {close}")
        return 1
    else:
        trainer = Trainer(load(*TRAINED_ON))
        store(trainer, *trainer.train(), WEIGHTS)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
