"""Stateless randomness: one seed a step, from which every random draw of a forward pass takes its own."""

import contextlib
import contextvars
import math

import keras
from keras import ops

_source: contextvars.ContextVar = contextvars.ContextVar("seed_source", default=None)


class _Seed(keras.random.SeedGenerator):
    """A seed handed to `keras.random` as it is; unlike its parent it keeps no variable."""

    def __init__(self, value):  # the parent's would create a variable
        self._value = value

    def next(self, ordered=True):
        return self._value


class _SeedSource:
    """Numbers the draws of one forward pass in the order of the program.

    The number goes into the first half of the seed, which is the run's; the step is in the second. So no draw of a step
    is that of another step.
    """

    def __init__(self, seed):
        self.seed, self.draws = seed, 0

    def next(self):
        self.draws += 1
        return _Seed(self.seed + ops.convert_to_tensor([self.draws * 1_000_003, 0], "int32"))


@contextlib.contextmanager
def seeded(seed):
    """Within this context `next_seed` draws from `seed`, int32 [2] (None: nothing random may happen)."""
    token = _source.set(None if seed is None else _SeedSource(ops.convert_to_tensor(seed, "int32")))
    try:
        yield
    finally:
        _source.reset(token)


def next_seed():
    """The seed of the next draw, for the `seed` argument of `keras.random`'s functions.

    Raises:
        RuntimeError: outside of `seeded`; a model's `call` with training=True needs its `seed`.
    """
    source = _source.get()
    if source is None:
        raise RuntimeError("A random draw without a seed: call the model with training=True and seed=[a, b].")
    return source.next()


def _bits(shape):
    """int32: all 2^32 values alike, the same with XLA and without, which floats and normals of one seed are not."""
    return keras.random.randint(shape, None, None, dtype="int32", seed=next_seed())


def normal(shape):
    """float32 draws from N(0, 1) with the pass's own seed (Box and Muller 1958); |z| < 5.8."""
    radius, angle = (ops.cast(ops.right_shift(_bits(shape), 8), "float32") * 2**-24 for _ in range(2))  # [−½, ½)
    return ops.sqrt(-2 * ops.log(radius + 0.5 + 2**-24)) * ops.cos(2 * math.pi * angle)


def dropout(x, rate: float, training: bool):
    """Dropout (Srivastava et al. 2014) with the pass's own seed; the identity when not training.

    A product with a mask of 0 and 1/(1 − rate), whose gradient is one product more; half the time of a selection.
    """
    if not training or rate == 0:
        return x
    kept = _bits(ops.shape(x)) >= round((rate - 0.5) * 2**32)
    return x * (ops.cast(kept, x.dtype) * (1 / (1 - rate)))
