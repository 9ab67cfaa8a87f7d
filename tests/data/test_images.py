"""Laws of images: files that fit are kept, others are resized in the middle; augmentation is a function of the seed."""

import io

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from t2t_mm.data import images
from t2t_mm.errors import UserError

RNG = np.random.default_rng(1)


def file_of(array, kind, **options):
    out = io.BytesIO()
    PIL.Image.fromarray(array.squeeze()).save(out, kind, **options)
    return out.getvalue()


def smooth(height, width):
    """A picture without sharp edges, uint8 [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    return np.stack([255 * x, 255 * y, 255 * (1 - x)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_that_fits_is_kept_as_it_is(kind):
    data = file_of(smooth(20, 30), kind)
    assert images.fit_file(data, (20, 30, 3)) == data


@pytest.mark.parametrize("kind, options", [("PNG", {}), ("JPEG", {"quality": 95}), ("BMP", {}), ("GIF", {})])
@pytest.mark.parametrize("shape", [(20, 30, 3), (20, 30, 1), (9, 9, 3), (40, 10, 4), (150, 150, 3), (41, 61, 1)])
def test_any_file_becomes_the_declared_shape_on_host_and_in_the_graph(kind, options, shape):
    data = images.fit_file(file_of(smooth(20, 30), kind, **options), shape)
    parsed = images.parse(tf.constant(data), shape).numpy()
    assert parsed.shape == shape and parsed.dtype == np.float32 and np.abs(parsed).max() <= 1
    host = images.decode_file(data, shape[-1])
    assert host.shape == shape
    assert np.abs(images.to_pixels(parsed).astype(int) - host).max() <= 8  # two JPEG decoders may differ a little


def test_shrinking_is_the_mean_over_the_area():
    picture = RNG.integers(0, 256, (12, 20, 3), np.uint8)
    means = picture.reshape(3, 4, 5, 4, 3).mean(axis=(1, 3))
    assert np.abs(images.resize(picture, 3, 5) - means).max() <= 1


def test_the_crop_is_central():
    wide = np.zeros((10, 30, 1), np.uint8)
    wide[:, 10:20] = 200
    assert (images.resize(wide, 10, 10) == 200).all()
    assert (images.resize(wide.transpose(1, 0, 2), 10, 10) == 200).all()


def test_pictures_are_turned_upright():
    exif = PIL.Image.Exif()
    exif[images.ORIENTATION] = 3  # upside down
    picture = smooth(16, 16)
    upright = images.decode_file(images.fit_file(file_of(picture, "PNG", exif=exif), (16, 16, 3)))
    np.testing.assert_array_equal(upright, picture[::-1, ::-1])


def test_scaling_has_an_exact_inverse_and_ends_at_one():
    pixels = np.arange(256, dtype=np.uint8)
    scaled = images.scale(tf.constant(pixels)).numpy()
    assert scaled[0] == -1 and scaled[-1] == 1 and (np.diff(scaled) > 0).all()
    np.testing.assert_array_equal(images.to_pixels(scaled), pixels)


def test_what_is_no_image_is_a_user_error():
    good = file_of(smooth(20, 30), "PNG")
    for data in (b"", b"not an image", good[:60]):
        with pytest.raises(UserError, match="not an image"):
            images.fit_file(data, (4, 4, 1))


@pytest.mark.parametrize("augment", [images.random_flip, lambda x, seed: images.random_crop(x, 5, 6, seed),
                                     lambda x, seed: images.random_shift(x, 2, seed)])
def test_augmentation_is_a_function_of_the_seed(augment):
    picture = tf.constant(RNG.uniform(-1, 1, (8, 9, 3)), tf.float32)
    draws = [[augment(picture, [seed, 1]).numpy() for seed in range(12)] for _ in range(2)]
    assert all(map(np.array_equal, *draws))
    assert len({draw.tobytes() for draw in draws[0]}) > 1


def test_a_crop_is_a_part_and_a_shift_fills_with_background():
    picture = tf.constant(RNG.uniform(0, 1, (8, 9, 3)), tf.float32)
    array = picture.numpy()
    parts = {array[y:y + 5, x:x + 6].tobytes() for y in range(4) for x in range(4)}
    padded = np.pad(array, [(2, 2), (2, 2), (0, 0)], constant_values=-1)
    shifted = {padded[y:y + 8, x:x + 9].tobytes() for y in range(5) for x in range(5)}
    for seed in range(8):
        assert images.random_crop(picture, 5, 6, [seed, 0]).numpy().tobytes() in parts
        assert images.random_shift(picture, 2, [seed, 0]).numpy().tobytes() in shifted
        assert images.random_flip(picture, [seed, 0]).numpy().tobytes() in {array.tobytes(), array[:, ::-1].tobytes()}
