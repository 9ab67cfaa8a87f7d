"""A tiny model with the interface of T2TModel: two graphs (texts, classes), three problems, hand-made hparams."""

from dataclasses import dataclass
from typing import NamedTuple

import keras
import tensorflow as tf

WIDTH, SIZE = 4, 7


@dataclass(frozen=True)
class FakeHparams:
    """The keys that training reads."""

    optimizer: str = "adam"
    learning_rate: float = 0.1
    learning_rate_schedule: str = "constant"
    warmup_steps: int = 0
    train_steps: int = 100
    clip_norm: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.98
    adam_epsilon: float = 1e-9
    weight_decay: float = 0.0
    problems_per_step: int = 1
    mixed_precision: str = "float32"


class FakeOutput(NamedTuple):
    logits: tf.Tensor
    losses: dict
    statistics: dict


class FakeModel(keras.layers.Layer):
    """text_a and text_b share a graph and differ by their command; "label" has a door of its own."""

    commands = ("text_a", "text_b", "label")

    def __init__(self, dropout=False):
        super().__init__()
        self.dropout = dropout
        self.traces = 0
        self.initial = keras.initializers.RandomNormal(seed=1)
        self.embedding = self._weight("embedding", SIZE, WIDTH)
        self.command_rows = self._weight("commands", 3, WIDTH)
        self.body = self._weight("body", WIDTH, WIDTH)
        self.bias = self._weight("bias", WIDTH)
        self.text_door = self._weight("text_door", WIDTH, SIZE)
        self.label_door = self._weight("label_door", WIDTH, SIZE)
        self.built = True

    def _weight(self, name, *shape):
        return self.add_weight(name=name, shape=shape, initializer=self.initial)

    def graph_key(self, problem):
        return problem.split("_")[0]

    def command_id(self, problem):
        return self.commands.index(problem)

    def call(self, batch, problem, training=False, seed=None, command=None):
        self.traces += 1
        x = tf.gather(self.embedding, batch["inputs"]) + tf.gather(self.command_rows, command)      # [B, L, D]
        x = tf.tanh(tf.matmul(x, self.body) + self.bias)
        if self.dropout:
            x *= 2 * tf.cast(tf.random.stateless_uniform(tf.shape(x), seed) < 0.5, tf.float32)
        weights = self.weights_of(batch)
        if problem == "label":
            x = tf.reduce_mean(x, axis=1)
        logits = tf.matmul(x, self.label_door if problem == "label" else self.text_door)
        activity = tf.reduce_sum(tf.reduce_mean(x * x, -1) * weights) / tf.maximum(tf.reduce_sum(weights), 1.0)
        return FakeOutput(logits, {"activity": 0.01 * activity}, {"mean": activity, "by_channel": tf.ones([WIDTH])})

    def weights_of(self, batch):
        targets = batch["targets"]
        return tf.ones(tf.shape(targets)) if targets.shape.rank == 1 else tf.cast(targets > 0, tf.float32)

    def loss(self, batch, problem, output, training=True):
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["targets"], output.logits)
        weights = self.weights_of(batch)
        return tf.reduce_sum(nats * weights), tf.reduce_sum(weights)


def text_batch(examples, length, shift=0):
    """Texts of different lengths, 0-padded: every fourth position is free of targets."""
    ids = tf.reshape(tf.range(examples * length) * 3 + shift, [examples, length])
    targets = tf.where(ids % 4 == 0, 0, 1 + ids % (SIZE - 1))
    return {"inputs": ids % SIZE, "targets": tf.where(tf.range(length) < 1, 1, targets)}


def label_batch(examples, length=3):
    return {"inputs": text_batch(examples, length)["inputs"], "targets": tf.range(examples) % SIZE}


def weights(model):
    """Copies of all trainable weights."""
    return [variable.numpy().copy() for variable in model.trainable_variables]
