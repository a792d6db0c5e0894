"""JPEG and PNG files as pixels inside a SavedModel, the same as those of the training images."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from trainers.cutouts.picture_files import LUMA

__all__ = ["decode", "encode"]

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_BIT_DEPTH_PLACE = 24  # bytes, in the header of a PNG file

# Of Lanczos's filter, in pixels of the result.
_SUPPORT = 3.0
# Pillow multiplies 8-bit pixels by weights of so many binary digits.
_WEIGHT_BITS = 22


def decode(
    files: tf.Tensor, shape: tuple[int, int, int], *, scales: bool, bits: int = 8, pad: int = 0
) -> tf.Tensor:
    """Decodes images as `trainers.cutouts.picture_files.decode` does, with TensorFlow alone.

    The operations stop with InvalidArgumentError at a file that is not a JPEG or PNG, has another
    number of bits a band, is a JPEG in CMYK, or is of another size and is not to be scaled.

    Args:
        files: The contents of JPEG or PNG files, strings of shape (number,).
        shape: (height, width, bands) of an image, 1 band for grey or 3 for red, green, blue.
        scales: Whether images of another size are cut, around the centre, to the ratio of the
            sides and then scaled (Lanczos).
        bits: Bits of a band, 8, or 16 for PNG files alone. Default 8.
        pad: Pixels of zeros that images smaller by this get on each side; scaled ones always do.
            Default 0.

    Returns:
        (number, *shape) float32, 0 to 255 or to 65535.
    """
    pixels = tf.TensorSpec(shape, tf.float32)
    return tf.map_fn(
        lambda file: _decode(file, shape, scales, bits, pad), files, fn_output_signature=pixels
    )


def encode(images: np.ndarray, bits: int = 8) -> np.ndarray:
    """Returns images as PNG files.

    Args:
        images: (number, height, width, 1 or 3), 0 to 255 or to 65535; rounded to whole numbers.
        bits: Bits of a band, 8 or 16. Default 8.

    Returns:
        (number,) of `bytes` objects.
    """
    dtype = np.uint8 if bits == 8 else np.uint16
    pixels = np.clip(np.rint(images), 0, np.iinfo(dtype).max).astype(dtype)
    # As objects: numpy's own strings lose the zeros at their end.
    return np.array([tf.io.encode_png(image).numpy() for image in pixels] + [None], object)[:-1]


def _decode(
    file: tf.Tensor, shape: tuple[int, int, int], scales: bool, bits: int, pad: int
) -> tf.Tensor:
    height, width, bands = shape
    inner = [height - 2 * pad, width - 2 * pad]
    is_png = tf.strings.substr(file, 0, len(_PNG)) == _PNG
    is_jpeg = tf.strings.substr(file, 0, len(_JPEG)) == _JPEG
    with tf.control_dependencies(
        [tf.debugging.Assert(is_png | is_jpeg, ["image_bytes must be JPEG or PNG files"])]
    ):
        place = tf.minimum(_BIT_DEPTH_PLACE, tf.strings.length(file))
        is_deep = is_png & (tf.strings.substr(file, place, 1) == b"\x10")
        depth = tf.where(is_deep, 16, 8)
        is_right = tf.debugging.Assert(
            depth == bits, [f"image_bytes must have {bits} bits a band; got", depth]
        )
    with tf.control_dependencies([is_right]):
        pixels = _eight_bit(file, is_jpeg) if bits == 8 else tf.io.decode_png(file, 3, tf.uint16)
    if bands == 1:
        pixels = _grey(pixels)
    if scales:
        pixels = _padded(_fit(pixels, *inner, bits), pad)
    else:
        size = tf.shape(pixels)[:2]
        is_inner = tf.reduce_all(size == inner)
        wanted = f"{width}x{height}" + (f" or {inner[1]}x{inner[0]}" if pad else "")
        fits = tf.debugging.Assert(
            is_inner | tf.reduce_all(size == [height, width]),
            [f"image_bytes must be {wanted} px; got (height, width)", size],
        )
        with tf.control_dependencies([fits]):
            pixels = tf.cast(pixels, tf.float32)
        if pad:
            pixels = tf.cond(is_inner, lambda: _padded(pixels, pad), lambda: pixels)
    pixels.set_shape(shape)
    return pixels


def _padded(pixels: tf.Tensor, pad: int) -> tf.Tensor:
    return tf.pad(pixels, [[pad, pad], [pad, pad], [0, 0]])


def _eight_bit(file: tf.Tensor, is_jpeg: tf.Tensor) -> tf.Tensor:
    # The shape of a JPEG has the bands in the file; that of a PNG, which cannot be asked for, is
    # never CMYK.
    bands = tf.cond(is_jpeg, lambda: tf.io.extract_jpeg_shape(file)[2], lambda: 3)
    in_colour = tf.debugging.Assert(
        bands != 4, ["image_bytes must be grey or RGB; got a JPEG in CMYK"]
    )
    with tf.control_dependencies([in_colour]):
        # The operation takes PNG as well. Pillow's JPEG decoder does the accurate transform.
        return tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")


def _grey(pixels: tf.Tensor) -> tf.Tensor:
    # ITU-R 601 luma in 16-bit fixed point, as Pillow's mode L.
    weighted = tf.cast(pixels, tf.int64) * tf.constant(LUMA, tf.int64)
    luma = tf.bitwise.right_shift(tf.reduce_sum(weighted, -1, keepdims=True) + 2**15, 16)
    return tf.cast(luma, pixels.dtype)


def _fit(pixels: tf.Tensor, height: int, width: int, bits: int) -> tf.Tensor:
    """Cuts and scales as `PIL.ImageOps.fit` with Lanczos does, to the last bit.

    Pillow scales rows before columns. For 8 bits it rounds after each, with weights in fixed
    point; 16 bits it scales as float32, which are rounded at the end.
    """
    rows, columns = tf.unstack(tf.cast(tf.shape(pixels)[:2], tf.float64))
    ratio = width / height
    is_wide = columns / rows >= ratio
    cut_width = tf.where(is_wide, ratio * rows, columns)
    cut_height = tf.where(is_wide, rows, columns / ratio)
    left, top = (columns - cut_width) / 2, (rows - cut_height) / 2
    across = _weights(columns, left, left + cut_width, width)
    down = _weights(rows, top, top + cut_height, height)
    values = tf.cast(pixels, tf.float64)
    if bits == 8:
        values = _fixed_point(tf.einsum("hwc,sw->hsc", values, _rounded(across)))
        values = _fixed_point(tf.einsum("hwc,sh->swc", values, _rounded(down)))
        return tf.cast(values, tf.float32)
    values = tf.cast(tf.einsum("hwc,sw->hsc", values, across), tf.float32)
    values = tf.einsum("hwc,sh->swc", tf.cast(values, tf.float64), down)
    values = tf.floor(tf.cast(values, tf.float32) + 0.5)
    return tf.clip_by_value(values, 0, 2**bits - 1)


def _weights(length: tf.Tensor, start: tf.Tensor, stop: tf.Tensor, size: int) -> tf.Tensor:
    """Returns the weights, (size, length), of old pixels in each new one between two places.

    References:
        Pillow, src/libImaging/Resample.c, `precompute_coeffs`.
    """
    start, stop = tf.cast(start, tf.float32), tf.cast(stop, tf.float32)
    scale = tf.cast(stop - start, tf.float64) / size
    centres = tf.cast(start, tf.float64) + (tf.range(size, dtype=tf.float64) + 0.5) * scale
    widening = tf.maximum(scale, 1.0)
    first = tf.floor(tf.maximum(centres - _SUPPORT * widening + 0.5, 0.0))
    last = tf.floor(tf.minimum(centres + _SUPPORT * widening + 0.5, length))
    places = tf.range(length)
    offsets = (places - centres[:, None] + 0.5) * (1.0 / widening)
    inside = (places >= first[:, None]) & (places < last[:, None])
    weights = tf.where(inside, _lanczos(offsets), tf.zeros_like(offsets))
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def _lanczos(x: tf.Tensor) -> tf.Tensor:
    inside = (x >= -_SUPPORT) & (x < _SUPPORT)
    return tf.where(inside, _sinc(x) * _sinc(x / _SUPPORT), tf.zeros_like(x))


def _sinc(x: tf.Tensor) -> tf.Tensor:
    angle = np.pi * x
    return tf.where(x == 0.0, tf.ones_like(x), tf.math.divide_no_nan(tf.sin(angle), angle))


def _rounded(weights: tf.Tensor) -> tf.Tensor:
    return tf.sign(weights) * tf.floor(tf.abs(weights) * 2**_WEIGHT_BITS + 0.5)


def _fixed_point(sums: tf.Tensor) -> tf.Tensor:
    # Whole numbers below 2^53: float64 holds them exactly.
    whole = tf.floor((sums + 2 ** (_WEIGHT_BITS - 1)) / 2**_WEIGHT_BITS)
    return tf.clip_by_value(whole, 0, 255)
