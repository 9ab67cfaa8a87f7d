"""One slot of a buffer written without a copy, where nothing else needs the buffer as it was."""

from typing import Any

import tensorflow as tf

WORD = tf.complex128  # the widest thing that is written at once: 16 bytes


def write_slot(buffer: tf.Tensor, slot: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """buffer [B, ..., T, C] with value [B, ..., C] in the given slot of its axis T.

    In a loop whose state the buffer is, it costs what writing the value costs, where `tf.tensor_scatter_nd_update`
    copies the buffer (1.0 ms for 16 MB, two cores), as XLA's update of a slice does (1.3 ms). The kernel takes some
    10 ns for each element, whatever it is, so that elements go as words of 16 bytes: 0.18 ms for 0.55 (128 × 256).
    """
    channels, each = buffer.shape[-1], WORD.size // buffer.dtype.size
    shape = _shape(buffer)
    if not channels or channels % each:
        rows, new = (tf.reshape(x, [-1, shape[-1]]) for x in (buffer, value))
        return tf.reshape(_write(rows, slot, shape[-2], new), shape)
    words, new = (tf.bitcast(tf.reshape(x, [-1, channels // each, each]), WORD) for x in (buffer, value))
    return tf.reshape(tf.bitcast(_write(words, slot, shape[-2], new), buffer.dtype), shape)


def _shape(x: tf.Tensor) -> Any:
    """The shape, in numbers where no other axis but the first is open: what is known costs the loop nothing."""
    known = x.shape[1:]
    return [-1, *known] if known.is_fully_defined() else tf.shape(x)


def _write(rows: tf.Tensor, first: tf.Tensor, stride: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """rows [N·T, C] with value [N, C] in every T-th row from `first` on."""
    return tf.raw_ops.TensorStridedSliceUpdate(
        input=rows, begin=tf.stack([first, 0]), end=[0, 0], strides=tf.stack([stride, 1]), value=value,
        begin_mask=0b10, end_mask=0b11)
