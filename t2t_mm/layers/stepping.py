"""Steps in a loop: the same matrices times a few rows, and one slot of a buffer written, again and again."""

import contextlib
import contextvars
from collections.abc import Callable
from typing import NamedTuple

from keras import ops

WIDE = 2**20  # elements from which a matrix is read by columns


class _Ways(NamedTuple):
    values: dict  # id of a variable → its value; that of a matrix in the type of the activations
    columns: dict  # id of a wide matrix → its transpose, in that type
    multiply: Callable | None
    write: Callable | None


_ways: contextvars.ContextVar = contextvars.ContextVar("ways_of_stepping", default=_Ways({}, {}, None, None))


@contextlib.contextmanager
def stepping(variables, dtype="float32", multiply_columns=None, write_slot=None):
    """Within this context `weight`, `product` and `write` do what they always do, faster.

    Enter it where the loop is built, outside of the loop's body: here `variables` are read, the matrices among them
    cast, and with `multiply_columns` the wide ones transposed (in a graph: those that are used). Not for XLA, which has
    its own ways.

    Args:
        dtype: of the activations; variables are float32.
        multiply_columns: x [N, I], kernelᵀ [O, I] → x·kernel, without a transposed copy; what CPUs are faster at.
        write_slot: does what `write` does, in place.
    """
    values = {id(v): ops.cast(v, dtype if len(v.shape) > 1 else "float32") for v in variables}
    wide = [v for v in variables if multiply_columns and len(v.shape) == 2 and v.shape[0] * v.shape[1] >= WIDE]
    columns = {id(v): ops.transpose(values[id(v)]) for v in wide}
    token = _ways.set(_Ways(values, columns, multiply_columns, write_slot))
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


def product(x, kernel):
    """x [N, I] · kernel [I, O], a variable → [N, O].

    While stepping a wide matrix, such as that of a softmax, is read by columns: 2.1 ms for 3.1, in bfloat16 0.9 for 1.4
    (32 rows, 512×8192, one core, oneDNN, which packs a matrix anew for each product).
    """
    ways = _ways.get()
    columns = ways.columns.get(id(kernel))
    if columns is None or columns.dtype != x.dtype:
        return ops.matmul(x, weight(kernel, x.dtype))
    return ways.multiply(x, columns)


def write(buffer, slot, value):
    """buffer [B, ..., T, C] with value [B, ..., C] in the given slot of its axis T.

    keras copies the buffer at every step; the `write_slot` of `stepping` need not (decoding/in_place.py).
    """
    in_place = _ways.get().write
    if in_place is not None:
        return in_place(buffer, slot, value)
    return ops.slice_update(buffer, (0,) * (len(buffer.shape) - 2) + (slot, 0), value[..., None, :])
