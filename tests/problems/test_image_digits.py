"""Laws of the digits: ten classes, full grey range, and augmentation that only moves a picture, statelessly."""

import numpy as np

from t2t_mm import registry


def test_every_class_occurs_and_pictures_use_the_grey_range(first):
    for split in ("train", "dev", "test"):
        samples = first("image_digits", split)
        assert {sample["targets"] for sample in samples} == set(range(10))
        pictures = np.stack([sample["inputs"] for sample in samples])  # [N, 32, 32, 1]
        assert pictures.dtype == np.uint8 and pictures.min() == 0 and pictures.max() >= 250


def test_training_pictures_move_by_at_most_two_pixels_and_alike_for_the_same_seed(first):
    import tensorflow as tf
    problem = registry.problem("image_digits")
    random = np.random.default_rng(0)
    picture = random.uniform(-0.9, 1, [32, 32, 1]).astype(np.float32)
    tensors = {"inputs": tf.constant(picture), "targets": tf.constant(3)}
    shifts = set()
    for seed in range(40):
        moved, again = (problem.preprocess(tensors, True, tf.constant([seed, 1]))["inputs"].numpy() for _ in range(2))
        np.testing.assert_array_equal(moved, again)
        wide = np.pad(picture, [(2, 2), (2, 2), (0, 0)], constant_values=-1)
        fits = [(y, x) for y in range(5) for x in range(5) if np.array_equal(wide[y:y + 32, x:x + 32], moved)]
        assert len(fits) == 1
        shifts.update(fits)
    assert len(shifts) > 10  # of 25


def test_evaluation_pictures_stay_as_they_are():
    tensors = {"inputs": object(), "targets": 3}
    assert registry.problem("image_digits").preprocess(tensors, False, None) == tensors
