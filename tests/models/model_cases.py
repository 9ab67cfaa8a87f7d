"""Every registered model, as small as it gets, over the toy problems."""

import dataclasses
import functools

import keras
import layer_cases
import numpy as np
import tensorflow as tf
import toy_problems
from random_arrays import random_batch

from t2t_mm import registry

MODELS = registry.names("model")
SIZES = {"bytes": 30}  # few enough ids for small softmaxes
ALL_TOYS = tuple(cls.registered_name for cls in toy_problems.CLASSES)
TEXT_TOYS = tuple(name for name in ALL_TOYS if toy_problems.toy(name).targets.is_text)
SMALL = {
    "hidden_size": 16, "num_heads": 2, "dropout": 0.0, "image_filters": (4, 4, 6, 8), "audio_filters": (4, 4, 6),
    "exit_filters": (12, 16), "encoder_blocks": 1, "mixer_blocks": 1, "decoder_blocks": 1, "num_experts": 4,
    "experts_per_token": 2, "expert_size": 16, "capacity_factor": 4.0, "encoder_layers": 1, "decoder_layers": 1,
    "filter_size": 24,
}


def small_hparams(model, **changes):
    """The model's hparams with one of each part; keys that it lacks are left out."""
    cls = registry.model(model).hparams_class
    known = {field.name for field in dataclasses.fields(cls)}
    return cls(**{key: value for key, value in {**SMALL, **changes}.items() if key in known})


def make_model(model, problems=ALL_TOYS, **changes):
    """A built model of toy problems (names, or problems) whose variables are far from their special first values."""
    toys = [toy_problems.toy(p) if isinstance(p, str) else p for p in problems]
    keras.utils.set_random_seed(1)
    made = registry.model(model)(toys, SIZES, small_hparams(model, **changes))
    made.build_variables()
    return layer_cases.scattered(made, scale=0.15)


@functools.cache
def shared_model(model):
    """One model of all toy problems, which no test may change."""
    return make_model(model)


def batch_of(problem, rows=3, length=7, seed=0, frames=12):
    """A random batch of tensors; `problem` is a toy's name or a problem."""
    problem = toy_problems.toy(problem) if isinstance(problem, str) else problem
    arrays = random_batch(problem, SIZES, rows, length, seed, frames)
    return {name: tf.constant(value) for name, value in arrays.items()}


def take_rows(batch, rows):
    return {name: tf.gather(value, rows) for name, value in batch.items()}


def variants(ids):
    """Row t of the result differs from `ids` [T] in id t and most after it; the last row is `ids` itself."""
    ids, vocabulary = np.asarray(ids), SIZES["bytes"]
    rows = np.tile(ids, (len(ids) + 1, 1))
    for t in range(len(ids)):
        rows[t, t:] = 2 + (rows[t, t:] + 3 + np.arange(len(ids) - t)) % (vocabulary - 2)
    return rows
