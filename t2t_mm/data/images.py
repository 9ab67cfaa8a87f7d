"""Images: files and arrays on the host (Pillow), decoding and augmentation inside tf.data (TensorFlow)."""

from __future__ import annotations

import io

import numpy as np

from t2t_mm.errors import UserError

MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # channels → Pillow mode
PNG_PIXELS = 128 * 128  # a resized file of at most so many pixels is stored without loss
ORIENTATION = 0x0112  # EXIF tag


def encode_png(array: np.ndarray) -> bytes:
    """A uint8 array [H, W, C] as a PNG file, without loss."""
    return _file_bytes(_to_pillow(array), "PNG")


def decode_file(data: bytes, channels: int | None = None) -> np.ndarray:
    """An image file as a uint8 array [H, W, C] on the host; raises UserError if it is none."""
    picture = _open(data)
    channels = channels or {"L": 1, "1": 1, "RGBA": 4}.get(picture.mode, 3)
    array = np.asarray(picture.convert(MODES[channels]))
    return array.reshape(*array.shape[:2], channels)


def fit_file(data: bytes, shape: tuple[int, int, int]) -> bytes:
    """An image file of any size as the bytes of a PNG or JPEG file of `shape` (height, width, channels).

    A file of that shape is kept as it is. Others are turned upright, converted, scaled to cover the shape and
    cropped in the middle. Raises UserError if `data` is no image.
    """
    picture = _open(data)
    height, width, channels = shape
    upright = picture.getexif().get(ORIENTATION, 1) == 1
    fits = picture.size == (width, height) and picture.mode == MODES[channels]
    if fits and upright and picture.format in ("PNG", "JPEG"):
        return data
    return _encode_small(_cover(picture, height, width, MODES[channels]))


def resize(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """A uint8 array [H, W, C] scaled to cover [height, width] and cropped in the middle."""
    channels = array.shape[-1]
    resized = np.asarray(_cover(_to_pillow(array), height, width, MODES[channels]))
    return resized.reshape(height, width, channels)


def scale(pixels):
    """uint8 pixels → float32 in [-1, 1] (a tensor)."""
    import tensorflow as tf
    return tf.cast(pixels, tf.float32) * (2 / 255) - 1.0


def to_pixels(values: np.ndarray) -> np.ndarray:
    """float in [-1, 1] → uint8: the inverse of `scale`, on the host."""
    return np.clip(np.rint((np.asarray(values) + 1.0) * (255 / 2)), 0, 255).astype(np.uint8)


def parse(data, shape: tuple[int, int, int]):
    """The bytes of a PNG or JPEG file of `shape` (scalar string tensor) → float32 [H, W, C] in [-1, 1]."""
    import tensorflow as tf
    pixels = tf.io.decode_image(data, channels=shape[-1], expand_animations=False)
    return scale(tf.ensure_shape(pixels, shape))


def random_flip(image, seed):
    """Mirror left and right with probability 1/2; `image` [H, W, C], `seed` int32 [2]."""
    import tensorflow as tf
    return tf.image.stateless_random_flip_left_right(image, seed)


def random_crop(image, height: int, width: int, seed):
    """A random part [height, width, C] of `image` [H, W, C]; `seed` int32 [2]."""
    import tensorflow as tf
    return tf.image.stateless_random_crop(image, (height, width, image.shape[-1]), seed)


def random_shift(image, pixels: int, seed, background: float = -1.0):
    """Shift `image` [H, W, C] by up to `pixels` in each direction; what appears at the rim is `background`."""
    import tensorflow as tf
    height, width, _ = image.shape
    rim = [[pixels, pixels], [pixels, pixels], [0, 0]]
    return random_crop(tf.pad(image, rim, constant_values=background), height, width, seed)


def _open(data: bytes):
    import PIL.Image
    try:
        picture = PIL.Image.open(io.BytesIO(data))
        picture.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f"These {len(data)} bytes are not an image file that can be read ({error}). "
                        "Give the whole content of a PNG or JPEG file.") from error
    return picture


def _to_pillow(array: np.ndarray):
    import PIL.Image
    return PIL.Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)


def _cover(picture, height: int, width: int, mode: str):
    import PIL.Image
    import PIL.ImageOps
    picture = PIL.ImageOps.exif_transpose(picture)
    if picture.mode != mode:
        picture = picture.convert(mode)
    enlarged = picture.width < width or picture.height < height
    method = PIL.Image.Resampling.BILINEAR if enlarged else PIL.Image.Resampling.BOX  # BOX is the mean over the area
    return PIL.ImageOps.fit(picture, (width, height), method)


def _encode_small(picture) -> bytes:
    lossless = picture.width * picture.height <= PNG_PIXELS or picture.mode == "RGBA"
    return _file_bytes(picture, "PNG") if lossless else _file_bytes(picture, "JPEG", quality=95)


def _file_bytes(picture, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
