"""Steps in a loop on CPUs: the same matrices times a few rows, and one slot of a buffer written, again and again."""

import contextlib
import contextvars

from keras import ops

_transposed: contextvars.ContextVar = contextvars.ContextVar("transposed_kernels", default=None)


@contextlib.contextmanager
def stepping(variables):
    """Within this context `product` and `write` do what they always do in the way that CPUs are faster at.

    Enter it where the loop is built, outside of the loop's body: each matrix of `variables` is transposed once, here
    (in a graph: those that are used). Not for XLA, which has its own ways.
    """
    kernels = {id(v): ops.transpose(v) for v in variables if len(v.shape) == 2}
    token = _transposed.set(kernels)
    try:
        yield
    finally:
        _transposed.reset(token)


def product(x, kernel):
    """x [N, I] · kernel [I, O], a variable → [N, O].

    While stepping it is (kernelᵀ · xᵀ)ᵀ: with the large matrix on the left a product of 32 rows runs at 99–160 GFLOP/s
    where x · kernel runs at 57–112 (two cores, oneDNN, 256×256 to 256×8192).
    """
    columns = (_transposed.get() or {}).get(id(kernel))
    if columns is None or columns.dtype != x.dtype:
        return ops.matmul(x, kernel)
    return ops.transpose(ops.matmul(columns, ops.transpose(x)))


def write(buffer, slot, value):
    """buffer [B, ..., T, C] with value [B, ..., C] in the given slot of its axis T.

    While stepping it is a scatter. TensorFlow copies the buffer either way, but a scatter takes 0.3 ms for 1 MB where
    the update of a slice takes 0.6 ms (two cores); so buffers should be no longer than they must (decoding/blocks.py).
    """
    if _transposed.get() is None:
        start = (0,) * (len(buffer.shape) - 2) + (slot, 0)
        return ops.slice_update(buffer, start, value[..., None, :])
    shape = ops.shape(buffer)
    value = ops.reshape(value, (-1, buffer.shape[-1]))
    places = ops.arange(ops.shape(value)[0]) * shape[-2] + slot  # of the rows in [B·…·T, C]
    rows = ops.reshape(buffer, (-1, buffer.shape[-1]))
    return ops.reshape(ops.scatter_update(rows, places[:, None], value), shape)
