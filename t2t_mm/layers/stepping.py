"""Steps in a loop on CPUs: the same matrices times a few rows, and one slot of a buffer written, again and again."""

import contextlib
import contextvars
from collections.abc import Callable
from typing import NamedTuple

from keras import ops

WIDE = 2**21  # elements from which a matrix is transposed


class _Ways(NamedTuple):
    columns: dict  # id of a wide matrix → its transpose
    write: Callable | None


_ways: contextvars.ContextVar = contextvars.ContextVar("ways_of_stepping", default=_Ways({}, None))


@contextlib.contextmanager
def stepping(variables, write_slot=None):
    """Within this context `product` and `write` do what they always do in the way that CPUs are faster at.

    Enter it where the loop is built, outside of the loop's body: each wide matrix of `variables` is transposed once,
    here (in a graph: those that are used). Not for XLA, which has its own ways.

    Args:
        write_slot: does what `write` does, in place.
    """
    wide = [v for v in variables if len(v.shape) == 2 and v.shape[0] * v.shape[1] >= WIDE]
    token = _ways.set(_Ways({id(v): ops.transpose(v) for v in wide}, write_slot))
    try:
        yield
    finally:
        _ways.reset(token)


def product(x, kernel):
    """x [N, I] · kernel [I, O], a variable → [N, O].

    While stepping it is (kernelᵀ · xᵀ)ᵀ for a wide matrix, such as that of a softmax: 1.6 ms for 2.6 (32 rows,
    256×8192, two cores, oneDNN). For a narrower one transposing x and the result costs more than it brings.
    """
    columns = _ways.get().columns.get(id(kernel))
    if columns is None or columns.dtype != x.dtype:
        return ops.matmul(x, kernel)
    return ops.transpose(ops.matmul(columns, ops.transpose(x)))


def write(buffer, slot, value):
    """buffer [B, ..., T, C] with value [B, ..., C] in the given slot of its axis T.

    keras copies the buffer at every step; the `write_slot` of `stepping` need not (decoding/in_place.py).
    """
    in_place = _ways.get().write
    if in_place is not None:
        return in_place(buffer, slot, value)
    return ops.slice_update(buffer, (0,) * (len(buffer.shape) - 2) + (slot, 0), value[..., None, :])
