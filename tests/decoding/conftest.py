"""A model that is a table of random numbers, and the enumeration of everything it can say."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf


@dataclasses.dataclass
class TableModel:
    """Logits depend on the sentence, the position, the previous id and the sum of all ids before: [N, T, V+1, V]."""

    table: np.ndarray
    calls: int = 0

    @property
    def sizes(self) -> tuple[int, int, int]:
        return self.table.shape[0], self.table.shape[1], self.table.shape[3]  # N, T, V

    def state(self, sentences=None) -> dict:
        """`table` never changes from step to step; `position` and `history` do."""
        rows = np.arange(self.sizes[0]) if sentences is None else np.asarray(sentences)
        zeros = tf.zeros([len(rows)], tf.int32)
        return {"table": tf.constant(self.table[rows]), "moving": (zeros, zeros)}

    def step(self, ids, state):
        self.calls += 1
        position, history = state["moving"]
        history += tf.maximum(ids, 0)
        rows = tf.range(tf.shape(ids)[0])
        previous = tf.gather_nd(state["table"], tf.stack([rows, position, ids + 1], axis=1))  # [N, V]
        remembered = tf.gather_nd(state["table"], tf.stack([rows, position, history % self.sizes[2]], axis=1))
        return previous + remembered, {"table": state["table"], "moving": (position + 1, history)}

    def log_probs(self, sentence: int, prefix: tuple[int, ...]) -> np.ndarray:
        """The same in numpy: log-probabilities [V] of the id after `prefix`, without PAD."""
        table = self.table[sentence, len(prefix)]
        logits = table[(prefix[-1] if prefix else -1) + 1] + table[sum(prefix) % self.sizes[2]]
        logits = np.where(np.arange(len(logits)) == 0, -np.inf, logits)
        shifted = logits - logits.max()
        return shifted - np.log(np.exp(shifted).sum())

    def log_prob(self, sentence: int, ids: tuple[int, ...]) -> float:
        return float(sum(self.log_probs(sentence, ids[:i])[token] for i, token in enumerate(ids)))

    def everything(self, sentence: int, length: int) -> list[tuple[tuple[int, ...], float]]:
        """All sequences that end within `length`, EOS included, with their log-probabilities."""
        words = range(2, self.sizes[2])
        ended = [(*body, 1) for n in range(length) for body in itertools.product(words, repeat=n)]
        return [(ids, self.log_prob(sentence, ids)) for ids in ended]


@pytest.fixture
def table_model():
    def make(seed: int, sentences: int = 3, length: int = 4, vocabulary: int = 4, scale: float = 1.5) -> TableModel:
        shape = (sentences, length, vocabulary + 1, vocabulary)
        return TableModel(np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32))

    return make


@pytest.fixture
def written():
    def strip(ids) -> tuple[int, ...]:
        """The ids of one hypothesis up to its EOS; asserts that only PAD follows and none comes before."""
        ids = [int(i) for i in ids]
        end = ids.index(1) + 1 if 1 in ids else len(ids)
        while end and not ids[end - 1]:  # an empty place holds PAD only
            end -= 1
        assert not any(ids[end:]) and all(ids[:end]), ids
        return tuple(ids[:end])

    return strip
