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


def decoded(data):
    """The pixels of a file, uint8 [H, W, C]."""
    pixels = np.asarray(PIL.Image.open(io.BytesIO(data)))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def fitted(array, *shape):
    """The pixels of `array` in the shape (height, width, channels)."""
    return decoded(images.fit_file(file_of(array, "PNG"), shape))


def to_pixels(values):
    """The inverse of `images.scale`, uint8."""
    return np.clip(np.rint((np.asarray(values) + 1) * (255 / 2)), 0, 255).astype(np.uint8)


def smooth(height, width):
    """A picture without sharp edges, uint8 [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    return np.stack([255 * x, 255 * y, 255 * (1 - x)], axis=-1).astype(np.uint8)


def test_a_jpeg_file_that_fits_is_kept_as_it_is():
    data = file_of(smooth(20, 30), "JPEG")
    assert images.fit_file(data, (20, 30, 3)) == data


def test_a_png_file_that_fits_becomes_one_that_every_decoder_reads():
    """Pillow does not look at the end of a file; TensorFlow does, in the middle of a training."""
    picture = smooth(20, 30)
    stored = images.fit_file(file_of(picture, "PNG")[:-8], (20, 30, 3))
    seen = to_pixels(images.parse(stored, (20, 30, 3)).numpy())
    np.testing.assert_array_equal(seen, picture)


@pytest.mark.parametrize("kind, options", [("PNG", {}), ("JPEG", {"quality": 95}), ("BMP", {}), ("GIF", {})])
@pytest.mark.parametrize("shape", [(20, 30, 3), (20, 30, 1), (9, 9, 3), (40, 10, 4), (150, 150, 3), (41, 61, 1)])
def test_any_file_becomes_the_declared_shape_on_host_and_in_the_graph(kind, options, shape):
    data = images.fit_file(file_of(smooth(20, 30), kind, **options), shape)
    parsed = images.parse(tf.constant(data), shape).numpy()
    assert parsed.shape == shape and parsed.dtype == np.float32 and np.abs(parsed).max() <= 1
    host = decoded(data)
    assert host.shape == shape
    assert np.abs(to_pixels(parsed).astype(int) - host).max() <= 8  # two JPEG decoders may differ a little


def test_shrinking_is_the_mean_over_the_area():
    picture = RNG.integers(0, 256, (12, 20, 3), np.uint8)
    means = picture.reshape(3, 4, 5, 4, 3).mean(axis=(1, 3))
    assert np.abs(fitted(picture, 3, 5, 3) - means).max() <= 1


def test_the_crop_is_central():
    wide = np.zeros((10, 30, 1), np.uint8)
    wide[:, 10:20] = 200
    assert (fitted(wide, 10, 10, 1) == 200).all()
    assert (fitted(wide.transpose(1, 0, 2), 10, 10, 1) == 200).all()


def test_pictures_are_turned_upright():
    exif = PIL.Image.Exif()
    exif[images.ORIENTATION] = 3  # upside down
    picture = smooth(16, 16)
    upright = decoded(images.fit_file(file_of(picture, "PNG", exif=exif), (16, 16, 3)))
    np.testing.assert_array_equal(upright, picture[::-1, ::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_pillow_turns_it(orientation):
    import PIL.ImageOps

    exif = PIL.Image.Exif()
    exif[images.ORIENTATION] = orientation
    data = file_of(smooth(16, 24), "PNG", exif=exif)
    upright = np.asarray(PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(decoded(images.fit_file(data, upright.shape)), upright)


def test_an_unreadable_orientation_is_upright():
    data = file_of(smooth(16, 16), "JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff")
    assert decoded(images.fit_file(data, (8, 8, 3))).shape == (8, 8, 3)


@pytest.mark.parametrize("deep", [np.uint16, np.int32])
def test_sixteen_bits_become_eight_by_their_highest(deep):
    values = np.linspace(0, 65_535, 256).reshape(16, 16)
    out = io.BytesIO()
    PIL.Image.fromarray(values.astype(deep)).save(out, "PNG" if deep is np.uint16 else "TIFF")
    grey = decoded(images.fit_file(out.getvalue(), (16, 16, 1)))
    assert np.abs(grey[..., 0] - values / 257).max() <= 1
    colour = decoded(images.fit_file(out.getvalue(), (16, 16, 3)))
    np.testing.assert_array_equal(colour, np.repeat(grey, 3, axis=-1))


def test_floats_become_eight_bits():
    out = io.BytesIO()
    PIL.Image.fromarray(np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)).save(out, "TIFF")
    assert (decoded(images.fit_file(out.getvalue(), (16, 16, 1))).ravel() == np.arange(256)).all()


def test_what_is_transparent_becomes_white():
    clear = np.zeros((8, 8, 4), np.uint8)
    clear[:4] = 100, 50, 0, 255
    palette = PIL.Image.fromarray(np.repeat(np.arange(2, dtype=np.uint8), 32).reshape(8, 8), "P")
    palette.putpalette([100, 50, 0, 9, 9, 9])
    out = io.BytesIO()
    palette.save(out, "PNG", transparency=1)
    named = io.BytesIO()  # a colour that means "transparent", in a picture of three channels
    PIL.Image.fromarray(clear[..., :3]).save(named, "PNG", transparency=(0, 0, 0))
    for data in (file_of(clear, "PNG"), out.getvalue(), named.getvalue()):
        seen = decoded(images.fit_file(data, (8, 8, 3)))
        assert (seen[:4] == (100, 50, 0)).all() and (seen[4:] == 255).all()


def test_cmyk_becomes_the_colours_that_it_prints():
    out = io.BytesIO()
    PIL.Image.fromarray(smooth(32, 32)).convert("CMYK").save(out, "JPEG", quality=95)
    seen = decoded(images.fit_file(out.getvalue(), (32, 32, 3)))
    assert np.abs(seen.astype(int) - smooth(32, 32)).mean() < 8


@pytest.mark.parametrize("size", [(20, 30), (64, 64), (128, 40), (40, 500), (500, 40), (3, 3), (400, 380), (640, 48)])
def test_a_bounded_file_has_its_shorter_side_and_its_proportion_up_to_two(size):
    bounded = images.bound_file(file_of(smooth(*size), "JPEG"), 40, 3)
    height, width, _ = decoded(bounded).shape
    proportion = min(max(size) / min(size), images.MOST_ASPECT)
    assert min(height, width) == 40 and abs(max(height, width) - 40 * proportion) <= 1
    assert (height > width) == (size[0] > size[1]) or height == width
    assert images.bound_file(bounded, 40, 3) == bounded  # and is kept as it is


def test_bounding_keeps_the_middle_and_what_is_seen():
    wide = np.zeros((10, 100, 3), np.uint8)
    wide[:, 40:60] = 200
    bounded = decoded(images.bound_file(file_of(wide, "PNG"), 20, 3))
    assert bounded.shape == (20, 40, 3) and (bounded > 190).all()
    large, small = smooth(600, 800), fitted(smooth(600, 800), 60, 80, 3)
    bounded = decoded(images.bound_file(file_of(large, "JPEG", quality=95), 60, 3))
    assert np.abs(bounded.astype(int) - small).max() < 16  # also where JPEG is decoded at a part of its size


def test_scaling_has_an_exact_inverse_and_ends_at_one():
    pixels = np.arange(256, dtype=np.uint8)
    scaled = images.scale(tf.constant(pixels)).numpy()
    assert scaled[0] == -1 and scaled[-1] == 1 and (np.diff(scaled) > 0).all()
    np.testing.assert_array_equal(to_pixels(scaled), pixels)


def test_what_is_no_image_is_a_user_error():
    good = file_of(smooth(20, 30), "PNG")
    for data in (b"", b"not an image", good[:60]):
        with pytest.raises(UserError, match="not an image"):
            images.fit_file(data, (4, 4, 1))


@pytest.mark.parametrize("augment", [images.random_flip, lambda x, seed: images.random_crop(x, 5, 6, seed),
                                     lambda x, seed: images.random_shift(x, 2, seed),
                                     lambda x, seed: images.random_resized_crop(x, 5, 6, seed)])
def test_augmentation_is_a_function_of_the_seed(augment):
    picture = tf.constant(RNG.uniform(-1, 1, (8, 9, 3)), tf.float32)
    draws = [[augment(picture, [seed, 1]).numpy() for seed in range(12)] for _ in range(2)]
    assert all(map(np.array_equal, *draws))
    assert len({draw.tobytes() for draw in draws[0]}) > 1


def test_a_resized_crop_of_the_open_shape_is_within_the_picture():
    picture = tf.constant(smooth(40, 60), tf.float32)
    crop = tf.function(lambda x, seed: images.random_resized_crop(x, 8, 8, seed),
                       input_signature=[tf.TensorSpec([None, None, 3]), tf.TensorSpec([2], tf.int32)], autograph=False)
    drawn = np.stack([crop(picture, [seed, 3]).numpy() for seed in range(30)])  # [N, 8, 8, C]
    assert drawn.min() >= 0 and drawn.max() <= 255
    spread = drawn[:, 0, -1, 0] - drawn[:, 0, 0, 0]  # how much of the width is seen
    assert spread.min() > 0 and spread.max() > 2 * spread.min()


def test_the_central_crop_is_the_middle():
    picture = tf.constant(RNG.uniform(-1, 1, (9, 12, 3)), tf.float32)
    np.testing.assert_array_equal(images.central_crop(picture, 5, 6), picture[2:7, 3:9])


def test_split_seeds_draw_independently():
    picture = tf.constant(RNG.uniform(-1, 1, (2, 2, 1)), tf.float32)
    pairs = {tuple(images.random_flip(picture, s).numpy().tobytes() for s in tf.unstack(images.split_seed([n, 0], 2)))
             for n in range(30)}
    assert len(pairs) == 4


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
