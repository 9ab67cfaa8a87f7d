"""Images: files and arrays on the host (Pillow), decoding and augmentation inside tf.data (TensorFlow)."""

from __future__ import annotations

import io

import numpy as np

from t2t_mm.errors import UserError

MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # channels → Pillow mode
PNG_PIXELS = 128 * 128  # a resized file of at most so many pixels is stored without loss
JPEG_QUALITY = 90  # of pictures that are stored larger than they are seen
MOST_ASPECT = 2  # such pictures lose what is longer, in the middle, so that their size is bounded
ORIENTATION = 0x0112  # EXIF tag


def encode_png(array: np.ndarray) -> bytes:
    """A uint8 array [H, W, C] as a PNG file, without loss."""
    return _file_bytes(_to_pillow(array), "PNG")


def fit_file(data: bytes, shape: tuple[int, int, int]) -> bytes:
    """An image file of any size as the bytes of a PNG or JPEG file of `shape` (height, width, channels).

    A JPEG file of that shape is kept as it is (a PNG file may have faults that only other decoders mind). Others are
    turned upright, converted, scaled to cover the shape and cropped in the middle. Raises UserError if `data` is no
    image.
    """
    height, width, channels = shape
    picture = _open(data, least_side=max(height, width))
    fits = picture.size == (width, height) and picture.mode == MODES[channels]
    if fits and _orientation(picture) == 1 and picture.format == "JPEG":
        return data
    return _encode_small(_cover(picture, height, width, MODES[channels]))


def bound_file(data: bytes, side: int, channels: int) -> bytes:
    """An image file of any size as the bytes of a JPEG file whose shorter side has `side` pixels.

    The longer side keeps its proportion, up to twice the shorter one; of longer pictures the middle is kept. A JPEG
    file that is so already is kept as it is. Raises UserError if `data` is no image.
    """
    picture = _open(data, least_side=side)
    fits = min(picture.size) == side and max(picture.size) <= MOST_ASPECT * side and picture.mode == MODES[channels]
    if fits and _orientation(picture) == 1 and picture.format == "JPEG":
        return data
    return _bounded(_converted(_upright(picture), MODES[channels]), side)


def bound_array(array: np.ndarray, side: int) -> bytes:
    """A uint8 array [H, W, C] as such a JPEG file."""
    return _bounded(_to_pillow(array), side)


def scale(pixels):
    """uint8 pixels → float32 in [-1, 1] (a tensor)."""
    import tensorflow as tf
    return tf.cast(pixels, tf.float32) * (2 / 255) - 1.0


def parse(data, shape: tuple[int | None, int | None, int]):
    """The bytes of a PNG or JPEG file of `shape` (scalar string tensor) → float32 [H, W, C] in [-1, 1].

    None in the shape: any height or width.
    """
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


def central_crop(image, height: int, width: int):
    """The middle [height, width, C] of `image` [H, W, C], which is at least as large."""
    import tensorflow as tf
    shape = tf.shape(image)
    part = tf.slice(image, [(shape[0] - height) // 2, (shape[1] - width) // 2, 0], [height, width, -1])
    return tf.ensure_shape(part, (height, width, image.shape[-1]))


def random_resized_crop(image, height: int, width: int, seed):
    """A random part of `image` [H, W, C], scaled to [height, width, C]; `seed` int32 [2].

    8 % to 100 % of the area, 3:4 to 4:3 its sides: Szegedy et al. 2015 (arXiv:1409.4842), section 6.
    """
    import tensorflow as tf
    start, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(image), tf.constant([[[0.0, 0.0, 1.0, 1.0]]]), seed, min_object_covered=0.0,
        aspect_ratio_range=(3 / 4, 4 / 3), area_range=(0.08, 1.0), max_attempts=10)
    resized = tf.image.resize(tf.slice(image, start, size), (height, width))
    return tf.ensure_shape(resized, (height, width, image.shape[-1]))


def split_seed(seed, count: int):
    """`count` independent seeds, int32 [count, 2], of one."""
    import tensorflow as tf
    return tf.random.split(seed, count)


# On the host.


def _open(data: bytes, least_side: int | None = None):
    """A loaded picture. With `least_side` a JPEG file may be decoded at a half, a quarter or an eighth of its size, as
    long as both sides have twice as many pixels: that takes a fraction of the time.
    """
    import PIL.Image
    try:
        picture = PIL.Image.open(io.BytesIO(data))
        if least_side is not None and picture.format == "JPEG":
            picture.draft(None, (2 * least_side, 2 * least_side))
        picture.load()
    except Exception as error:  # damaged files raise many kinds
        why = "" if isinstance(error, PIL.UnidentifiedImageError) else f" ({error})"
        raise UserError(f"These {len(data)} bytes are not an image file that can be read{why}. "
                        "Give the whole content of a PNG or JPEG file.") from error
    return picture


def _orientation(picture) -> int:
    """EXIF's orientation, 1 to 8; 1 (upright) where there is none or it cannot be read."""
    try:
        value = picture.getexif().get(ORIENTATION, 1)
    except Exception:
        return 1
    return value if value in range(1, 9) else 1


def _upright(picture):
    from PIL.Image import Transpose
    turns = {2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
             5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90}
    turn = turns.get(_orientation(picture))
    return picture if turn is None else picture.transpose(turn)


def _converted(picture, mode: str):
    """The picture in another mode: 16 bits become 8 by their highest, what is transparent becomes white."""
    import PIL.Image
    transparent = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info
    if picture.mode == mode and (mode == "RGBA" or not transparent):
        return picture
    if picture.mode.startswith(("I", "F")):
        picture, transparent = _of_bytes(picture), False
    if mode != "RGBA" and transparent:
        layer = picture.convert("RGBA")
        paper = PIL.Image.new("RGBA", layer.size, (255, 255, 255, 255))
        picture = PIL.Image.alpha_composite(paper, layer)
    return picture.convert(mode)


def _of_bytes(picture):
    """A grey picture of 16 bits (also where they are kept in 32), or of floats, as one of 8 bits."""
    import PIL.Image
    values = np.nan_to_num(np.asarray(picture, np.float64))
    most = values.max(initial=0.0)
    if picture.mode.startswith("I;16") or 255 < most < 2**16:
        white = 2**16 - 1
    else:
        white = 1 if picture.mode == "F" and most <= 1 else max(most, 255)
    return PIL.Image.fromarray(np.clip(np.rint(values * (255 / white)), 0, 255).astype(np.uint8))


def _to_pillow(array: np.ndarray):
    import PIL.Image
    return PIL.Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)


def _bounded(picture, side: int) -> bytes:
    import PIL.Image
    most = MOST_ASPECT * min(picture.size)
    left, top = (max(0, length - most) // 2 for length in picture.size)
    if left or top:
        picture = picture.crop((left, top, left + min(picture.width, most), top + min(picture.height, most)))
    size = tuple(round(length * side / min(picture.size)) for length in picture.size)
    return _file_bytes(picture.resize(size, PIL.Image.Resampling.BILINEAR), "JPEG", quality=JPEG_QUALITY)


def _cover(picture, height: int, width: int, mode: str):
    import PIL.Image
    import PIL.ImageOps
    picture = _converted(_upright(picture), mode)
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
