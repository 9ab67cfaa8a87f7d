"""Signatures of traced functions: which axes of a batch are open, so that no new shape traces again."""

import tensorflow as tf


def specification(tensor) -> tf.TensorSpec:
    """The type of a batch's tensor with B, L and T left open: [B], [B, L], [B, T, M], [B, H, W, C]."""
    shape = tf.convert_to_tensor(tensor).shape.as_list()
    open_axes = 2 if len(shape) in (2, 3) else 1
    return tf.TensorSpec([None] * open_axes + shape[open_axes:], tensor.dtype)
