"""Amplitudes of an image in polar coordinates, the same however the galaxy is turned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import stretch

__all__ = ["PolarHarmonics"]

# Pitch angles of the spirals, degrees: from tightly wound to the straight line of a bar.
_PITCHES = (8.0, 10.0, 12.5, 15.5, 19.0, 23.5, 29.0, 37.0, 50.0, 70.0, 90.0)

_INNER_RADIUS = 1.0  # px
_ANGLES = 64
# Rings are measured at this many radii each, which the spirals see one by one.
_RADII_OF_RING = 2


@keras.saving.register_keras_serializable(package="zoo")
class PolarHarmonics(keras.layers.Layer):
    """Measures rings, multipoles and logarithmic spirals about the centre of an image.

        F_m(r)  = 1/T sum_t I(r, t) e^(-i m t),     I sampled at R radii, even in ln r, and T angles
        ring    = F_0(r) of each band
        order   = |F_m(r)| of the mean of the bands, m = 1 ... `orders`
        spiral  = max over s = +-1 of |1/R sum_r w(r) F_m(r) e^(i s p ln r)|,    p = m / tan(pitch)

    with w a Hann window. Turning the image changes the phase of F_m alone, and mirroring it the
    sign s: all of these amplitudes stay as they are (exactly for the symmetries of the pixels,
    else but for interpolation). A logarithmic spiral of m arms is a point in the plane of m and p.

    Each amplitude a becomes (asinh(a / b) - mean) / stddev, where `adapt` sets b, its median over
    the training images, and mean and standard deviation. Before `adapt` it is asinh(a).

    The amplitudes are those of the spiral analysis of Kalnajs (1975, Colloques CNRS 241) and
    Considere & Athanassoula (1988, A&AS 76, 365), taken of pixels and not of HII regions.

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
        super().__init__(**{**kwargs, "dtype": "float32", "trainable": False})
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
        self._pixels, self._weights = _bilinear(height, width, radii)
        angle = 2 * np.pi * np.arange(_ANGLES) / _ANGLES
        phase = angle[:, None] * np.arange(self.orders + 1)
        self._waves = np.stack([np.cos(phase), -np.sin(phase)], -1).astype(np.float32) / _ANGLES
        self._spirals = _spirals(radii, self.spiral_orders)
        self.features = self.rings * (bands + self.orders) + len(_PITCHES) * self.spiral_orders
        for name, initial in (("softening", "ones"), ("mean", "zeros"), ("stddev", "ones")):
            weight = self.add_weight(
                name=name, shape=(self.features,), initializer=initial, trainable=False
            )
            setattr(self, name, weight)
        self.built = True

    def adapt(self, images: np.ndarray) -> None:
        """Sets the scale of each amplitude.

        Args:
            images: (number, height, width, bands), as the layer is given them.
        """
        parts = [self.amplitudes(images[i : i + 256]).numpy() for i in range(0, len(images), 256)]
        amplitudes = np.concatenate(parts)
        median = np.median(np.abs(amplitudes), axis=0)
        softening = np.where(median > 0, median, 1.0)
        stretched = np.arcsinh(amplitudes / softening)
        spread = stretched.std(axis=0)
        self.softening.assign(softening)
        self.mean.assign(stretched.mean(axis=0))
        # One that is constant tells nothing, whatever its scale.
        self.stddev.assign(np.where(spread > 1e-6, spread, 1.0))

    def call(self, images: tf.Tensor) -> tf.Tensor:
        amplitudes = tf.stop_gradient(self.amplitudes(images))
        return (stretch.asinh(amplitudes / self.softening) - self.mean) / self.stddev

    def amplitudes(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the amplitudes in the units of the images, (batch, features)."""
        images = tf.cast(images, tf.float32)
        _, height, width, bands = images.shape
        flat = tf.reshape(images, (-1, height * width, bands))
        polar = 0.0
        for pixels, weights in zip(self._pixels, self._weights, strict=True):
            polar += weights[:, None] * tf.gather(flat, pixels, axis=1)
        polar = tf.reshape(polar, (-1, _RADII_OF_RING * self.rings, _ANGLES, bands))
        profile = self._ring_means(tf.reduce_mean(polar, axis=2))
        waves = tf.einsum("brt,tmc->brmc", tf.reduce_mean(polar, axis=-1), self._waves)[:, :, 1:]
        orders = tf.sqrt(self._ring_means(tf.reduce_sum(tf.square(waves), axis=-1)))
        parts = profile, orders, self._spiral_amplitudes(waves)
        return tf.concat([tf.reshape(part, (-1, np.prod(part.shape[1:]))) for part in parts], -1)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, int]:
        spirals = len(_PITCHES) * self.spiral_orders
        return input_shape[0], self.rings * (input_shape[-1] + self.orders) + spirals

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rings": self.rings,
            "orders": self.orders,
            "spiral_orders": self.spiral_orders,
        }

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


def _bilinear(height: int, width: int, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns pixels and weights, (4, radii * angles) each, of points on circles."""
    angle = 2 * np.pi * np.arange(_ANGLES) / _ANGLES
    y = ((height - 1) / 2 + radii[:, None] * np.sin(angle)).ravel()
    x = ((width - 1) / 2 + radii[:, None] * np.cos(angle)).ravel()
    row, column = np.floor(y).astype(int), np.floor(x).astype(int)
    pixels, weights = [], []
    for down in (0, 1):
        for right in (0, 1):
            pixels.append((row + down) * width + column + right)
            weights.append((1 - np.abs(y - row - down)) * (1 - np.abs(x - column - right)))
    return np.stack(pixels).astype(np.int32), np.stack(weights).astype(np.float32)


def _spirals(radii: np.ndarray, orders: int) -> np.ndarray:
    """Returns real and imaginary part of w(r) e^(i p ln r) / R, (radii, orders, pitches, 2)."""
    wave_number = np.arange(1, orders + 1)[:, None] / np.tan(np.deg2rad(_PITCHES))
    phase = np.log(radii)[:, None, None] * wave_number
    window = np.hanning(len(radii) + 2)[1:-1, None, None] / len(radii)
    return np.stack([window * np.cos(phase), window * np.sin(phase)], -1).astype(np.float32)
