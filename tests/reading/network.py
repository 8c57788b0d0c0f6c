"""Network of the reader of short texts, and its training by Adam (Kingma and Ba 2015)."""

import math

import numpy as np
from scipy.sparse import csr_matrix

RATE, DECAY_OF_MEAN, DECAY_OF_SQUARE, TINY = 0.01, 0.9, 0.999, 1e-8
BATCH, EPOCHS, HIDDEN = 64, 10, 16
# The share of features, and of hidden units, left out at random in each step (Srivastava et al. 2014).
FEATURES_LEFT_OUT, UNITS_LEFT_OUT = 0.5, 0.5


class Adam:
    """Steps down a gradient for some rows of a table."""

    def __init__(self, table: np.ndarray):
        self.table, self.mean, self.square = table, np.zeros_like(table), np.zeros_like(table)

    def step(self, rows: np.ndarray | slice, gradient: np.ndarray, rate: float) -> None:
        self.mean[rows] = DECAY_OF_MEAN * self.mean[rows] + (1 - DECAY_OF_MEAN) * gradient
        self.square[rows] = DECAY_OF_SQUARE * self.square[rows] + (1 - DECAY_OF_SQUARE) * gradient**2
        self.table[rows] -= rate * self.mean[rows] / (np.sqrt(self.square[rows]) + TINY)


class Network:
    """`inward`: for each feature its weight for each label, then for each hidden unit."""

    def __init__(self, features: int, labels: int, seed: int):
        self.random, self.labels = np.random.RandomState(seed), labels
        self.inward = np.zeros((features, labels + HIDDEN), np.float32)
        self.inward[:, labels:] = 0.05 * self.random.randn(features, HIDDEN)
        self.bias = np.zeros(labels + HIDDEN, np.float32)
        self.outward = (self.random.randn(HIDDEN, labels) / math.sqrt(HIDDEN)).astype(np.float32)

    def train(self, matrix: csr_matrix, allowed: np.ndarray, weight: np.ndarray) -> "Network":
        """`allowed`: for each text which labels it may have; `weight`: how much it counts."""
        optimizers = Adam(self.inward), Adam(self.bias), Adam(self.outward)
        steps, done = EPOCHS * math.ceil(matrix.shape[0] / BATCH), 0
        for _epoch in range(EPOCHS):
            order = self.random.permutation(matrix.shape[0])
            for first in range(0, len(order), BATCH):
                rows, done = order[first : first + BATCH], done + 1
                corrected = math.sqrt(1 - DECAY_OF_SQUARE**done) / (1 - DECAY_OF_MEAN**done)
                rate = corrected * (RATE * (1 - done / steps) + 1e-5)
                self._step(matrix[rows], allowed[rows], weight[rows], rate, optimizers)
        return self

    def _step(
        self,
        matrix: csr_matrix,
        allowed: np.ndarray,
        weight: np.ndarray,
        rate: float,
        optimizers: tuple[Adam, Adam, Adam],
    ) -> None:
        kept = self.random.rand(len(matrix.data)) >= FEATURES_LEFT_OUT
        values = matrix.data * kept.astype(np.float32) / (1 - FEATURES_LEFT_OUT)
        used = np.unique(matrix.indices)
        texts = csr_matrix(
            (values, np.searchsorted(used, matrix.indices), matrix.indptr), (len(weight), len(used))
        )
        inner = texts @ self.inward[used] + self.bias
        on = (self.random.rand(len(weight), HIDDEN) >= UNITS_LEFT_OUT) / np.float32(1 - UNITS_LEFT_OUT)
        on = on * (inner[:, self.labels :] > 0)
        hidden = inner[:, self.labels :] * on
        scores = softmax(inner[:, : self.labels] + hidden @ self.outward)
        target = scores * allowed
        target /= np.maximum(target.sum(1, keepdims=True), 1e-9)
        error = (scores - target) * weight[:, None] / len(weight)
        inward = np.hstack([error, (error @ self.outward.T) * on]).astype(np.float32)
        optimizers[2].step(slice(None), hidden.T @ error, rate)
        optimizers[0].step(used, texts.T @ inward, rate)
        optimizers[1].step(slice(None), inward.sum(0), rate)


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(1, keepdims=True)
    return shares
