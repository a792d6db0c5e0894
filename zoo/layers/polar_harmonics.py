"""Amplitudes of an image in polar coordinates, the same however the galaxy is turned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import stretch
from zoo.batching import in_parts
from zoo.layer import Float32Layer
from zoo.preprocessing.border import background_and_noise, border_pixels, border_width

__all__ = ["PolarHarmonics", "light_ellipse"]

# Pitch angles of the spirals, degrees: from tightly wound to the straight line of a bar.
_PITCHES = (8.0, 10.0, 12.5, 15.5, 19.0, 23.5, 29.0, 37.0, 50.0, 70.0, 90.0)

_INNER_RADIUS = 1.0  # px
_ANGLES = 64
# Rings are measured at this many radii each, which the spirals see one by one.
_RADII_OF_RING = 2

# The ellipse of the light: passes, width of its Gaussian weight as a share of the image's shorter
# side, smallest axis ratio, and the smallest with which a disk is turned back into its plane.
_ELLIPSE_PASSES = 4
_ELLIPSE_WEIGHT = 0.19
_SMALLEST_RATIO = 0.2
_SMALLEST_DISK_RATIO = 0.35


@keras.saving.register_keras_serializable(package="zoo")
class PolarHarmonics(Float32Layer):
    """Measures rings, multipoles and logarithmic spirals about the centre of an image.

        F_m(r)  = 1/T sum_t I(r, t) e^(-i m t),     I sampled at R radii, even in ln r, and T angles
        ring    = F_0(r) of each band
        order   = |F_m(r)| of the mean of the bands, m = 1 ... `orders`
        spiral  = max over s = +-1 of |1/R sum_r w(r) G_m(r) e^(i s p ln r)|,    p = m / tan(pitch)

    with w a Hann window and G_m as F_m, on ellipses in place of circles: those of the light, as if
    the galaxy were a round disk that is seen inclined (`light_ellipse`). In its own plane a
    logarithmic spiral of m arms is a point of m and p; as it is seen, it is none.

    Turning the image changes phases alone, and mirroring it the sign s: all of these amplitudes
    stay as they are (exactly for the symmetries of the pixels, else but for interpolation).

    Each amplitude a becomes (asinh(a / b) - mean) / stddev, where `adapt` sets b, its median over
    the training images, and mean and standard deviation. Before `adapt` it is asinh(a).

    The amplitudes are those of the spiral analysis of Kalnajs (1975, Colloques CNRS 241) and
    Considere & Athanassoula (1988, A&AS 76, 365), taken of pixels and not of HII regions.

    Attributes:
        blocks: Once built, the numbers of rings, of orders and of spirals, as they follow each
            other in the result.

    Args:
        rings: Rings between 1 px and the edge of the image, two radii each. Default 16.
        orders: Largest order m of the multipoles. Default 8.
        spiral_orders: Largest number of arms of the spirals. Default 6.

    Call arguments:
        images: (batch, height, width, bands).

    Returns:
        (batch, bands * rings + rings * orders + 11 * spiral_orders) float32; no gradient flows
        back to the images.

    Raises:
        ValueError: if a number is not positive, or spirals have more arms than there are orders.
    """

    def __init__(self, rings: int = 16, orders: int = 8, spiral_orders: int = 6, **kwargs: Any):
        super().__init__(**{**kwargs, "trainable": False})
        if min(rings, spiral_orders) < 1 or orders < spiral_orders:
            raise ValueError(
                "rings and spiral_orders must be at least 1 and orders at least spiral_orders; "
                f"got {rings}, {spiral_orders} and {orders}"
            )
        self.rings, self.orders, self.spiral_orders = rings, orders, spiral_orders

    def build(self, input_shape: Sequence[int | None]) -> None:
        height, width, bands = input_shape[1:]
        outer = min(height, width) / 2 - 1
        if outer <= _INNER_RADIUS:
            raise ValueError(
                f"images of PolarHarmonics must have 5 px a side at least; got {height} x {width}"
            )
        radii = np.geomspace(_INNER_RADIUS, outer, _RADII_OF_RING * self.rings)
        angle = 2 * np.pi * np.arange(_ANGLES) / _ANGLES
        circles = radii[:, None] * np.cos(angle), radii[:, None] * np.sin(angle)
        self._points = tuple(part.ravel().astype(np.float32) for part in circles)
        self._border = border_pixels(height, width, border_width(height, width))
        phase = angle[:, None] * np.arange(self.orders + 1)
        self._waves = np.stack([np.cos(phase), -np.sin(phase)], -1).astype(np.float32) / _ANGLES
        self._spirals = _spirals(radii, self.spiral_orders)
        self.blocks = (
            bands * self.rings,
            self.orders * self.rings,
            len(_PITCHES) * self.spiral_orders,
        )
        self.features = sum(self.blocks)
        self.softening = self.add_statistic("softening", (self.features,), "ones")
        self.mean = self.add_statistic("mean", (self.features,))
        self.stddev = self.add_statistic("stddev", (self.features,), "ones")
        self.built = True

    def adapt(self, images: np.ndarray) -> None:
        """Sets the scale of each amplitude.

        Args:
            images: (number, height, width, bands), as the layer reads them.
        """
        amplitudes = in_parts(self.amplitudes, images)
        median = np.median(np.abs(amplitudes), axis=0)
        softening = np.where(median > 0, median, 1.0)
        stretched = np.arcsinh(amplitudes / softening)
        spread = stretched.std(axis=0)
        self.softening.assign(softening)
        self.mean.assign(stretched.mean(axis=0))
        # A constant amplitude has no scale.
        self.stddev.assign(np.where(spread > 1e-6, spread, 1.0))

    def call(self, images: tf.Tensor) -> tf.Tensor:
        amplitudes = tf.stop_gradient(self.amplitudes(images))
        return (stretch.asinh(amplitudes / self.softening) - self.mean) / self.stddev

    def amplitudes(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the amplitudes in the units of the images, (batch, features)."""
        images = tf.cast(images, tf.float32)
        x, y = self._points
        circles = _bilinear(images, x[None], y[None])
        shape = (-1, _RADII_OF_RING * self.rings, _ANGLES)
        circles = tf.reshape(circles, (*shape, images.shape[-1]))
        profile = self._ring_means(tf.reduce_mean(circles, axis=2))
        waves = self._waves_of(tf.reduce_mean(circles, axis=-1))
        orders = tf.sqrt(self._ring_means(tf.reduce_sum(tf.square(waves), axis=-1)))
        grey = tf.reduce_mean(images, axis=-1, keepdims=True)
        disk = _bilinear(grey, *_on_ellipses(x, y, *light_ellipse(grey, self._border)))
        waves = self._waves_of(tf.reshape(disk, shape))
        parts = profile, orders, self._spiral_amplitudes(waves)
        return tf.concat([tf.reshape(part, (-1, np.prod(part.shape[1:]))) for part in parts], -1)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, int]:
        spirals = len(_PITCHES) * self.spiral_orders
        return input_shape[0], self.rings * (input_shape[-1] + self.orders) + spirals

    def _waves_of(self, polar: tf.Tensor) -> tf.Tensor:
        """Returns real and imaginary part of F_m, m > 0: (batch, radii, orders, 2)."""
        return tf.einsum("brt,tmc->brmc", polar, self._waves)[:, :, 1:]

    def _ring_means(self, values: tf.Tensor) -> tf.Tensor:
        values = tf.reshape(values, (-1, self.rings, _RADII_OF_RING, values.shape[-1]))
        return tf.reduce_mean(values, axis=2)

    def _spiral_amplitudes(self, waves: tf.Tensor) -> tf.Tensor:
        waves = waves[:, :, : self.spiral_orders]
        # Products of (a + ib) with (c + is) and with (c - is) from the same four sums.
        ac, bs, as_, bc = (
            tf.einsum("brm,rmp->bmp", waves[..., part], self._spirals[..., kernel])
            for part, kernel in ((0, 0), (1, 1), (0, 1), (1, 0))
        )
        one = tf.square(ac - bs) + tf.square(as_ + bc)
        other = tf.square(ac + bs) + tf.square(bc - as_)
        return tf.sqrt(tf.maximum(one, other))


def light_ellipse(images: tf.Tensor, border: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns axis ratio and position angle of the light about the centre, (batch, 1) each.

    They are those of the second moments under an elliptical Gaussian weight which follows them; the
    light is what is brighter than the median of the border.

    Args:
        images: (batch, height, width, 1).
        border: Indices of the pixels of the border, see `zoo.preprocessing.border`.

    Returns:
        The ratio of minor to major axis, from 0.2 to 1, and the angle of the major axis from x
        towards y, in radians.

    References:
        Bernstein & Jarvis 2002 (AJ 123, 583) for weights that follow the object; without their
        correction for the weight, which rounds the ellipse.
    """
    _, height, width, _ = images.shape
    light = tf.nn.relu(images - background_and_noise(images, border)[0])
    light = tf.reshape(light, (-1, height * width))
    y, x = (
        np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
    ).astype(np.float32)
    x, y = x.reshape(1, -1), y.reshape(1, -1)
    scale = 0.5 / (_ELLIPSE_WEIGHT * min(height, width)) ** 2
    ratio, angle = tf.ones_like(light[:, :1]), tf.zeros_like(light[:, :1])
    for _ in range(_ELLIPSE_PASSES):
        cos, sin = tf.cos(angle), tf.sin(angle)
        along, across = cos * x + sin * y, (cos * y - sin * x) / ratio
        weighted = light * tf.exp(-scale * (tf.square(along) + tf.square(across)))
        moments = tf.matmul(weighted, np.stack([x[0] ** 2, y[0] ** 2, x[0] * y[0]], axis=-1))
        xx, yy, xy = tf.split(moments, 3, axis=-1)
        angle = 0.5 * tf.atan2(2 * xy, xx - yy)
        total, difference = xx + yy, tf.sqrt(tf.square(xx - yy) + tf.square(2 * xy))
        # A blank image is round.
        share = tf.math.divide_no_nan(difference, total)
        ratio = tf.sqrt(tf.maximum((1 - share) / (1 + share), _SMALLEST_RATIO**2))
    return ratio, angle


def _on_ellipses(
    x: np.ndarray, y: np.ndarray, ratio: tf.Tensor, angle: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns points of circles brought to ellipses of the same area, (batch, points) each."""
    narrow = tf.sqrt(tf.maximum(ratio, _SMALLEST_DISK_RATIO))
    along, across = x / narrow, y * narrow
    cos, sin = tf.cos(angle), tf.sin(angle)
    return cos * along - sin * across, sin * along + cos * across


def _bilinear(images: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Returns the images at points about their centres, (batch, points, bands).

    Args:
        images: (batch, height, width, bands).
        x: (batch or 1, points) px from the centre along the rows; beyond the image its edge counts.
        y: The same along the columns.
    """
    _, height, width, bands = images.shape
    flat = tf.reshape(images, (-1, height * width, bands))
    row = tf.clip_by_value(tf.cast(y, tf.float32) + (height - 1) / 2, 0.0, height - 1.0)
    column = tf.clip_by_value(tf.cast(x, tf.float32) + (width - 1) / 2, 0.0, width - 1.0)
    top = tf.minimum(tf.floor(row), height - 2.0)
    left = tf.minimum(tf.floor(column), width - 2.0)
    below, right = row - top, column - left
    corner = tf.cast(top, tf.int32) * width + tf.cast(left, tf.int32)
    value = 0.0
    for down, vertical in ((0, 1 - below), (1, below)):
        for over, horizontal in ((0, 1 - right), (1, right)):
            place = corner + down * width + over
            if x.shape[0] == 1:
                pixel = tf.gather(flat, place[0], axis=1)
            else:
                pixel = tf.gather(flat, place, axis=1, batch_dims=1)
            value += (vertical * horizontal)[..., None] * pixel
    return value


def _spirals(radii: np.ndarray, orders: int) -> np.ndarray:
    """Returns real and imaginary part of w(r) e^(i p ln r) / R, (radii, orders, pitches, 2)."""
    wave_number = np.arange(1, orders + 1)[:, None] / np.tan(np.deg2rad(_PITCHES))
    phase = np.log(radii)[:, None, None] * wave_number
    window = np.hanning(len(radii) + 2)[1:-1, None, None] / len(radii)
    return np.stack([window * np.cos(phase), window * np.sin(phase)], -1).astype(np.float32)
