"""Random views of images of the sky: changes that leave a galaxy what it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import randomness
from zoo.layer import Float32Layer

__all__ = ["SURVEYS", "SkyViews"]

SURVEYS: Mapping[str, Mapping[str, Any]] = {
    "legacy": {
        "extinction": (1.2856, 0.866, 0.4844),
        "reddening": (0.67306, 0.001146, 0.03338),
        "seeing": (
            (0.2110, 1.0807, 1.3153),
            (0.3008, 1.2394, 0.9165),
            (0.3471, 1.1928, 0.8234),
        ),
        "noise": (
            (0.2265, -0.000674, 0.003760),
            (0.2431, -0.002366, 0.006742),
            (0.1335, -0.01434, 0.02608),
        ),
    },
    "pictures": {
        "zoom": (0.8, 1.4),
        "shift": 4.0,
        "reddening": (0.0, 0.3),
        "seeing": (0.3008, 1.2394, 0.9165),
        "noise": (0.0, 5.0),
        "gain": 0.1,
        "limits": (0.0, 255.0),
    },
}
"""Arguments of `SkyViews` by survey.

"legacy": g, r and z of the Legacy Surveys in nanomaggies, pixels of 0.262"; the distributions of
Stein et al. 2021 (arXiv 2110.13151 and its code), measured there. "pictures": colour pictures of 8
bits, red first, already stretched. There a reddening, which is a change of colour and brightness,
is not that of a dust column. But for the seeing the ranges are ours; a zoom that leaves neighbours
outside in one view keeps the network from recognising an image by them.
"""

# (A_red, A_green, A_blue) / E(B - V) in magnitudes times 0.4, of pictures: i, r and g of SDSS.
_PICTURE_EXTINCTION = (0.68, 0.91, 1.32)


@keras.saving.register_keras_serializable(package="zoo")
class SkyViews(Float32Layer):
    """Reddens, turns, scales, shifts and blurs images, and adds noise, for each image anew.

        x_b -> 10^(-k_b (E_2 - E_1)) e^(gain g) x_b                    dust, and exposure
        x   -> x(c + A (p - c) + d)                   A: mirror, turn and scale; d: shift
        x_b -> x_b * Gaussian(sqrt(s_2^2 - s_1^2))             worse seeing, where s_2 > s_1
        x_b -> x_b + sqrt(n_2^2 - n_1^2) N(0, 1)                more noise, where n_2 > n_1

    E_1, s_1 and n_1 stand for what the image has, E_2, s_2 and n_2 for what it might have had; both
    are drawn from one distribution. The four changes of place are one bilinear interpolation,
    beyond the edge the image is mirrored.

    A distribution is (low, high), uniform, or (shape, loc, scale), log-normal in scipy's form,
    loc + scale exp(shape g). A sequence of them has one for each band, drawn independently; a
    single one is drawn once for all bands.

    Args:
        zoom: Range of the scale, uniform. Default (0.9, 1.1).
        shift: Largest shift along each axis, px. Default 7.
        extinction: k_b = 0.4 A_b / E(B-V) of each band; () (default) for that of i, r, g in
            pictures of three bands and no reddening in others.
        reddening: Distribution of E(B-V), mag; () (default) for none.
        seeing: Distribution of the standard deviation of the PSF, px; () (default) for none.
        noise: Distribution of the noise of a pixel, in the units of the images; () (default) for
            none.
        gain: Standard deviation of the natural logarithm of a factor on all bands. Default 0.
        limits: Smallest and largest pixel of the result; () (default) for none.

    Call arguments:
        images: (batch, height, width, bands) in survey units.
        seed: Stateless seed, int32 of shape (2,); the same seed gives the same views.
        window: Rows and columns that are needed; the others are zero. None (default) for all.

    Raises:
        ValueError: if an argument is outside what is listed here, or has not one entry per band.

    References:
        Stein et al. 2021 (arXiv 2110.13151), section 3.2, and 2022 (arXiv 2110.00023); Hayat et
        al. 2021 (arXiv 2012.13083). Departures: turn, scale and shift before the blur, which is
        round, in one interpolation; the first reddening is always drawn.
    """

    def __init__(
        self,
        zoom: Sequence[float] = (0.9, 1.1),
        shift: float = 7.0,
        extinction: Sequence[float] = (),
        reddening: Sequence[float] = (),
        seeing: Sequence[Any] = (),
        noise: Sequence[Any] = (),
        gain: float = 0.0,
        limits: Sequence[float] = (),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        low, high = zoom
        if not 0 < low <= high:
            raise ValueError(f"zoom must be a range of positive numbers; got {tuple(zoom)}")
        if shift < 0 or gain < 0:
            raise ValueError(f"shift and gain must be at least 0; got {shift} and {gain}")
        if limits and not (len(limits) == 2 and limits[0] < limits[1]):
            raise ValueError(f"limits must be a range; got {tuple(limits)}")
        for name, distribution in (("reddening", reddening), ("seeing", seeing), ("noise", noise)):
            for each in _distributions(distribution):
                if len(each) not in (2, 3):
                    raise ValueError(
                        f"{name} must be (low, high) or (shape, loc, scale), or one of them for "
                        f"each band; got {distribution}"
                    )
        self.zoom, self.shift, self.gain = tuple(zoom), shift, gain
        self.extinction, self.limits = tuple(extinction), tuple(limits)
        self.reddening, self.seeing, self.noise = reddening, seeing, noise

    def call(
        self, images: tf.Tensor, seed: tf.Tensor, window: tuple[slice, slice] | None = None
    ) -> tf.Tensor:
        x = tf.cast(images, tf.float32)
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 5))
        x = x * self._brightness(x, seeds[0])
        _, height, width, _ = images.shape
        rows, columns = window or (slice(None), slice(None))
        rows, columns = range(height)[rows], range(width)[columns]
        x = self._moved(x, rows, columns, seeds[1])
        x = self._blurred(x, seeds[2])
        if len(self.noise):
            sigma = self._increase(self.noise, x, seeds[3], "noise")
            x += sigma[:, None, None] * randomness.normal(tf.shape(x)[0], x.shape[1:], seeds[4])
        if self.limits:
            x = tf.clip_by_value(x, *self.limits)
        if window is None:
            return x
        around = ((rows.start, height - rows.stop), (columns.start, width - columns.stop))
        return tf.pad(x, ((0, 0), *around, (0, 0)))

    def compute_output_shape(self, input_shape, *unused):
        return input_shape

    def _brightness(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns the factor of each band of each image, (batch, 1, 1, bands)."""
        batch, bands = tf.shape(x)[0], x.shape[-1]
        first, second, third = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
        exponent = self.gain * randomness.normal(batch, (1,), first)
        extinction = self.extinction or (_PICTURE_EXTINCTION if bands == 3 else ())
        if len(self.reddening) and extinction:
            if len(extinction) != bands:
                raise ValueError(
                    f"extinction must have one number for each of the {bands} bands; "
                    f"got {extinction}"
                )
            before, after = (_draw(self.reddening, batch, each) for each in (second, third))
            exponent -= math.log(10) * (after - before)[:, None] * tf.constant(extinction)
        return tf.exp(exponent)[:, None, None, :]

    def _moved(self, x: tf.Tensor, rows: range, columns: range, seed: tf.Tensor) -> tf.Tensor:
        _, height, width, _ = x.shape
        draws = randomness.uniform(tf.shape(x)[0], (5, 1, 1), seed)
        angle = 2 * math.pi * draws[:, 0]
        low, high = self.zoom
        scale = 1.0 / (low + (high - low) * draws[:, 1])
        mirror = tf.where(draws[:, 2] < 0.5, -1.0, 1.0)
        down = tf.constant(np.arange(rows.start, rows.stop), tf.float32) - (height - 1) / 2
        right = tf.constant(np.arange(columns.start, columns.stop), tf.float32) - (width - 1) / 2
        down, right = down[None, :, None], mirror * right[None, None, :]
        from_row = scale * (tf.cos(angle) * down + tf.sin(angle) * right)
        from_column = scale * (tf.cos(angle) * right - tf.sin(angle) * down)
        from_row += (height - 1) / 2 + self.shift * (2 * draws[:, 3] - 1)
        from_column += (width - 1) / 2 + self.shift * (2 * draws[:, 4] - 1)
        return _interpolated(x, from_row, from_column)

    def _blurred(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        if not len(self.seeing):
            return x
        sigma = self._increase(self.seeing, x, seed, "seeing")
        _, height, width, _ = x.shape
        # Matrices, as XLA has no convolution with a kernel for each image.
        down, right = (_gaussian(length, sigma) for length in (height, width))
        if sigma.shape[-1] == 1:
            x = tf.einsum("bij,bjkc->bikc", down[:, 0], x)
            return tf.einsum("blk,bikc->bilc", right[:, 0], x)
        x = tf.einsum("bcij,bjkc->bikc", down, x)
        return tf.einsum("bclk,bikc->bilc", right, x)

    def _increase(
        self, distribution: Sequence[Any], x: tf.Tensor, seed: tf.Tensor, name: str
    ) -> tf.Tensor:
        """Returns sqrt(b^2 - a^2) of two draws, 0 where it is imaginary: (batch, 1 or bands)."""
        each, bands = _distributions(distribution), x.shape[-1]
        if len(each) not in (1, bands):
            raise ValueError(
                f"{name} must be one distribution or one for each of the {bands} bands; "
                f"got {len(each)}"
            )
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2 * len(each)))
        batch = tf.shape(x)[0]
        before = [_draw(one, batch, s) for one, s in zip(each, seeds[::2], strict=True)]
        after = [_draw(one, batch, s) for one, s in zip(each, seeds[1::2], strict=True)]
        square = tf.square(tf.stack(after, axis=-1)) - tf.square(tf.stack(before, axis=-1))
        return tf.sqrt(tf.maximum(square, 0.0))


def _distributions(distribution: Sequence[Any]) -> Sequence[Sequence[float]]:
    if not len(distribution):
        return ()
    return distribution if np.ndim(distribution[0]) else (distribution,)


def _draw(distribution: Sequence[float], batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Returns a number for each image, (batch,)."""
    if len(distribution) == 2:
        low, high = distribution
        return low + (high - low) * randomness.uniform(batch, (), seed)
    shape, loc, scale = distribution
    return loc + scale * tf.exp(shape * randomness.normal(batch, (), seed))


def _interpolated(x: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Returns images at fractional pixels, bilinearly, mirrored beyond the edge.

    Args:
        x: (batch, height, width, bands).
        rows, columns: (batch, rows of the result, columns of the result).
    """
    _, height, width, bands = x.shape
    row, below, row_share = _neighbours(rows, height)
    column, beside, column_share = _neighbours(columns, width)
    flat = tf.reshape(x, (-1, height * width, bands))

    def at(row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        return tf.gather(flat, row * width + column, batch_dims=1)

    upper = at(row, column) + column_share * (at(row, beside) - at(row, column))
    lower = at(below, column) + column_share * (at(below, beside) - at(below, column))
    return upper + row_share * (lower - upper)


def _neighbours(place: tf.Tensor, length: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    last = float(length - 1)
    place = last - tf.abs(last - tf.abs(place))
    place = tf.clip_by_value(place, 0.0, last)
    first = tf.floor(place)
    index = tf.cast(first, tf.int32)
    return index, tf.minimum(index + 1, length - 1), (place - first)[..., None]


def _gaussian(length: int, sigma: tf.Tensor) -> tf.Tensor:
    """Returns the matrices of a Gaussian blur, (batch, bands, length, length); rows sum to one."""
    distance = np.subtract.outer(np.arange(length), np.arange(length)).astype(np.float32)
    # Far below a pixel the matrix is the identity.
    variance = tf.maximum(tf.square(sigma), 1e-3)[..., None, None]
    weights = tf.exp(-tf.square(distance) / (2 * variance))
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)
