"""JPEG and PNG files as pixels inside a SavedModel, read as the training images were."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

__all__ = ["decode", "encode"]

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_PNG_SIXTEEN_BIT_GREY = b"\x10\x00"  # bit depth and colour type in the header
_PNG_DEPTH_PLACE = 24  # bytes


def decode(files: tf.Tensor, shape: tuple[int, int, int], scales: bool) -> tf.Tensor:
    """Decodes images as `trainers.datasets.image_files.decode` does, with TensorFlow alone.

    The operations stop with InvalidArgumentError at a file that is not a JPEG or PNG, has 16-bit
    grey pixels, or is of another size and is not to be scaled. A JPEG in CMYK, which
    `image_files` refuses, is turned into red, green and blue.

    Args:
        files: The contents of JPEG or PNG files, strings of shape (number,).
        shape: (height, width, bands) of an image, 1 band for grey or 3 for red, green, blue.
        scales: Whether images of another size are cut, around the centre, to the ratio of the
            sides and then scaled (Lanczos), each direction rounded to whole numbers as Pillow
            does it.

    Returns:
        (number, *shape) float32, 0 to 255.
    """
    pixels = tf.TensorSpec(shape, tf.float32)
    return tf.map_fn(lambda file: _decode(file, shape, scales), files, fn_output_signature=pixels)


def encode(images: np.ndarray) -> np.ndarray:
    """Returns images as PNG files.

    Args:
        images: (number, height, width, 1 or 3), 0 to 255; rounded to whole numbers.

    Returns:
        (number,) of `bytes` objects.
    """
    pixels = np.clip(np.rint(images), 0, 255).astype(np.uint8)
    # As objects: numpy's own strings lose the zeros at their end.
    return np.array([tf.io.encode_png(image).numpy() for image in pixels] + [None], object)[:-1]


def _decode(file: tf.Tensor, shape: tuple[int, int, int], scales: bool) -> tf.Tensor:
    height, width, bands = shape
    is_png = tf.strings.substr(file, 0, len(_PNG)) == _PNG
    is_jpeg = tf.strings.substr(file, 0, len(_JPEG)) == _JPEG
    known = tf.debugging.Assert(is_png | is_jpeg, ["image_bytes must be JPEG or PNG files"])
    with tf.control_dependencies([known]):
        length = tf.strings.length(file)
        place = tf.minimum(_PNG_DEPTH_PLACE, length)
        deep = is_png & (tf.strings.substr(file, place, 2) == _PNG_SIXTEEN_BIT_GREY)
        eight_bit = tf.debugging.Assert(
            ~deep, ["image_bytes must have 8 bits a band; got a PNG with 16-bit grey pixels"]
        )
    with tf.control_dependencies([eight_bit]):
        # The operation takes PNG as well. Pillow's JPEG decoder does the accurate transform.
        pixels = tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")
    if bands == 1:
        pixels = _grey(pixels)
    if scales:
        pixels = _fit(tf.cast(pixels, tf.float32), height, width)
    else:
        size = tf.shape(pixels)[:2]
        fits = tf.debugging.Assert(
            tf.reduce_all(size == [height, width]),
            [f"image_bytes must be {width}x{height} px; got (height, width)", size],
        )
        with tf.control_dependencies([fits]):
            pixels = tf.cast(pixels, tf.float32)
    pixels.set_shape(shape)
    return pixels


def _grey(pixels: tf.Tensor) -> tf.Tensor:
    # ITU-R 601 luma in 16-bit fixed point, as Pillow's mode L.
    weighted = tf.cast(pixels, tf.int32) * [19595, 38470, 7471]
    luma = tf.bitwise.right_shift(tf.reduce_sum(weighted, -1, keepdims=True) + 0x8000, 16)
    return tf.cast(luma, tf.uint8)


def _fit(pixels: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Cuts and scales as `PIL.ImageOps.fit` with Lanczos."""
    size = tf.cast(tf.shape(pixels)[:2], tf.float64)
    ratio = width / height
    cut_height = tf.minimum(size[0], size[1] / ratio)
    cut_width = tf.minimum(size[1], size[0] * ratio)
    # Columns before rows, each rounded to 8 bits.
    pixels = _scale(pixels, 1, (size[1] - cut_width) / 2, cut_width, width)
    return _scale(pixels, 0, (size[0] - cut_height) / 2, cut_height, height)


def _scale(
    pixels: tf.Tensor, axis: int, start: tf.Tensor, length: tf.Tensor, size: int
) -> tf.Tensor:
    """Scales `length` pixels from `start` on, along one axis, to `size` pixels."""
    factor = size / length
    factors, offsets = [tf.ones((), tf.float64)] * 2, [tf.zeros((), tf.float64)] * 2
    factors[axis], offsets[axis] = factor, -start * factor
    sizes = tf.unstack(tf.shape(pixels)[:2])
    sizes[axis] = tf.constant(size)
    scaled = tf.raw_ops.ScaleAndTranslate(
        images=pixels[None],
        size=tf.stack(sizes),
        scale=tf.cast(tf.stack(factors), tf.float32),
        translation=tf.cast(tf.stack(offsets), tf.float32),
        kernel_type="lanczos3",
        antialias=True,
    )[0]
    return tf.clip_by_value(tf.floor(scaled + 0.5), 0, 255)
