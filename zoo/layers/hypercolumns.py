"""Hypercolumns: the feature maps of a network over each pixel, and their principal components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA

from zoo import stretch
from zoo.layer import Float32Layer

__all__ = ["HypercolumnComponents"]

# Smallest scale of a channel, as a share of the root mean square of all: a channel that is dead
# but for rounding stays without weight.
_FLOOR = 1e-3

_MAD_TO_SIGMA = 1.4826

# Where the asinh turns from linear to logarithmic, in standard deviations. Below one, the range of
# the sources is so much compressed that two means divide at the edge of the sky.
_SOFTENING = 0.5


@keras.saving.register_keras_serializable(package="zoo")
class HypercolumnComponents(Float32Layer):
    """Principal components of standardised hypercolumns.

        s_l = (m_l - centre_l) / scale_l / sqrt(n_l), or asinh(...) / sqrt(n_l)
        h(p) = [s_1(p), s_2(p), ...],    y(p) = V^T (h(p) - mean)

    m_l are the maps of a network, of n_l channels each, and s_l(p) is interpolated bilinearly.
    Without a scale of its own for each channel the map with the largest values rules, and without
    the root of their number the one with the most channels, which is the coarsest.
    Interpolation and projection are linear and commute (Hariharan+15, section 5): each map is
    projected at its own size, and the hypercolumns, some hundred numbers a pixel, are never made.

    Args:
        channels: Channels of each map.
        factors: Pixels of the image along a pixel of each map.
        components: Number of principal components.
        robust: Whether the centre is the median and the scale half a standard deviation, from the
            median absolute deviation, those of the sky if it covers most pixels, and s_l the
            asinh; so that nothing depends on the few brightest sources. Default False: mean and
            one standard deviation, and no asinh.

    Call arguments:
        maps: A (batch, rows, columns, channels) tensor each.
        size: (height, width) of the image.

    Returns:
        (batch, height, width, components) float32.

    Raises:
        ValueError: if there are not 1 to sum(channels) components.

    References:
        Hariharan et al. 2015 (arXiv 1411.5752).
    """

    def __init__(
        self,
        channels: Sequence[int],
        factors: Sequence[int],
        components: int,
        robust: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.channels, self.factors = tuple(channels), tuple(factors)
        self.components, self.robust = components, robust
        total = sum(self.channels)
        if not 1 <= components <= total:
            raise ValueError(
                f"components must be between 1 and the {total} channels of the hypercolumns; "
                f"got {components}"
            )
        self.centre = self.add_statistic("centre", (total,))
        self.scale = self.add_statistic("scale", (total,), "ones")
        self.mean = self.add_statistic("mean", (total,))
        self.axes = self.add_statistic("axes", (total, components))
        self.built = True

    def adapt_scale(self, maps: Sequence[np.ndarray]) -> None:
        """Measures centre and scale of the channels.

        Args:
            maps: The maps of some images, (number, rows, columns, channels) each.
        """
        centres, scales = [], []
        for values in maps:
            flat = np.asarray(values, np.float64).reshape(-1, values.shape[-1])
            if self.robust:
                centre = np.median(flat, axis=0)
                deviation = np.median(np.abs(flat - centre), axis=0)
                scales.append(_SOFTENING * _MAD_TO_SIGMA * deviation)
            else:
                centre = flat.mean(axis=0)
                scales.append(flat.std(axis=0))
            centres.append(centre)
        scale = np.concatenate(scales)
        scale = np.maximum(scale, _FLOOR * np.sqrt(np.mean(np.square(scale))))
        self.centre.assign(np.concatenate(centres))
        self.scale.assign(np.where(scale > 0, scale, 1.0))

    def adapt(self, columns: np.ndarray) -> None:
        """Finds the principal axes.

        Args:
            columns: Hypercolumns of a sample of pixels, (number, sum(channels)).

        Raises:
            ValueError: if there are fewer pixels than components.
        """
        if len(columns) < self.components:
            raise ValueError(
                f"components must be at most the number of sampled pixels, {len(columns)}; "
                f"got {self.components}"
            )
        fitted = PCA(self.components, svd_solver="covariance_eigh").fit(columns)
        self.mean.assign(fitted.mean_)
        self.axes.assign(fitted.components_.T)

    def columns(self, maps: Sequence[tf.Tensor], size: tuple[int, int]) -> tf.Tensor:
        """Returns the hypercolumns, (batch, height, width, sum(channels)) float32."""
        parts = zip(self._standardised(maps), self.factors, strict=True)
        return tf.concat([_enlarged(x, factor, size) for x, factor in parts], axis=-1)

    def project(self, columns: tf.Tensor) -> tf.Tensor:
        """Returns the components of hypercolumns, (..., components)."""
        return tf.einsum("...i,ij->...j", columns - self.mean, self.axes.value)

    def call(self, maps: Sequence[tf.Tensor], size: tuple[int, int]) -> tf.Tensor:
        axes = tf.split(self.axes.value, self.channels)
        parts = zip(self._standardised(maps), axes, self.factors, strict=True)
        projected = [
            _enlarged(tf.einsum("...i,ij->...j", x, part), factor, size)
            for x, part, factor in parts
        ]
        return tf.add_n(projected) - tf.linalg.matvec(self.axes, self.mean, transpose_a=True)

    def _standardised(self, maps: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        centres = tf.split(self.centre.value, self.channels)
        scales = tf.split(self.scale.value, self.channels)
        standardised = [
            (tf.cast(x, tf.float32) - centre) / scale
            for x, centre, scale in zip(maps, centres, scales, strict=True)
        ]
        if self.robust:
            standardised = [stretch.asinh(x) for x in standardised]
        return [x / n**0.5 for x, n in zip(standardised, self.channels, strict=True)]


def _enlarged(x: tf.Tensor, factor: int, size: tuple[int, int]) -> tf.Tensor:
    """Returns a map on the grid of the image, whose last pixels it may overlap by a part."""
    if factor > 1:
        x = tf.image.resize(x, (factor * tf.shape(x)[1], factor * tf.shape(x)[2]))
    return x[:, : size[0], : size[1]]
