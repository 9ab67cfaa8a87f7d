"""Steps in a loop: the same matrices times a few rows, and one slot of a buffer written, again and again."""

import contextlib
import contextvars
from collections.abc import Callable
from typing import NamedTuple

from keras import ops


class _Ways(NamedTuple):
    values: dict  # id of a variable → its value; that of a matrix in the type of the activations
    write: Callable | None


_ways: contextvars.ContextVar = contextvars.ContextVar("ways_of_stepping", default=_Ways({}, None))


@contextlib.contextmanager
def stepping(variables, dtype="float32", write_slot=None):
    """Within this context `weight` and `write` do what they always do, faster.

    Enter it where the loop is built, outside of the loop's body: here `variables` are read and the matrices among them
    cast (in a graph: those that are used). Not for XLA, which has its own ways.

    Args:
        dtype: of the activations; variables are float32.
        write_slot: does what `write` does, in place.
    """
    values = {id(v): ops.cast(v, dtype if len(v.shape) > 1 else "float32") for v in variables}
    token = _ways.set(_Ways(values, write_slot))
    try:
        yield
    finally:
        _ways.reset(token)


def weight(variable, dtype):
    """The variable's value in `dtype`: of a matrix the type of the activations, of a vector float32.

    While stepping it was read and cast once, before the first step, and not at each: 25 million weights of a
    transformer_base's decoder are read as 50 MB, where casting them would read 100 and write 50 first.
    """
    value = _ways.get().values.get(id(variable))
    return ops.cast(variable, dtype) if value is None or value.dtype != dtype else value


def write(buffer, slot, value):
    """buffer [B, ..., T, C] with value [B, ..., C] in the given slot of its axis T.

    keras copies the buffer at every step; the `write_slot` of `stepping` need not (decoding/in_place.py).
    """
    in_place = _ways.get().write
    if in_place is not None:
        return in_place(buffer, slot, value)
    return ops.slice_update(buffer, (0,) * (len(buffer.shape) - 2) + (slot, 0), value[..., None, :])
