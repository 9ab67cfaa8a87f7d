"""A slot is written as if the buffer had been copied, whatever its type and width."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.decoding.in_place import write_slot


@pytest.mark.parametrize("dtype", ("float32", "bfloat16", "float16"))
@pytest.mark.parametrize("shape", ((3, 5, 8), (3, 5, 6), (2, 3, 4, 16), (2, 3, 4, 3)))
def test_one_slot_has_the_value_to_the_last_bit_and_the_others_stay(shape, dtype):
    generator = np.random.default_rng(0)
    buffer = tf.cast(generator.standard_normal(shape), dtype)
    value = tf.cast(generator.standard_normal((*shape[:-2], shape[-1])), dtype)
    value = tf.where(value > 1, tf.cast(np.nan, dtype), value)
    open_shape = tf.TensorSpec([None] * (len(shape) - 1) + [shape[-1]], dtype)
    write = tf.function(write_slot, input_signature=[open_shape, tf.TensorSpec([], tf.int32),
                                                     tf.TensorSpec([None] * (len(shape) - 2) + [shape[-1]], dtype)])
    for slot in range(shape[-2]):
        expected = np.array(buffer.numpy())
        expected[..., slot, :] = value.numpy()
        assert write(buffer, tf.constant(slot), value).numpy().tobytes() == expected.tobytes()
