"""Photometry of a drawn galaxy: its flux from an image in which it has neighbours."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from zoo.preprocessing.border import background_and_noise, border_pixels, border_width

__all__ = ["JointFit", "JointPhotometry"]

# Smallest noise in units of the brightest pixel, for images without any.
_LEAST_NOISE = 1e-5
# Added to what is divided by, for images of zeros.
_TINY = 1e-30
# Factors between which the galaxy's own variance follows its fitted brightness.
_FACTORS = (0.1, 10.0)
# Solutions in which neighbours that came out negative are dropped one set after the other.
_PASSES = 2
# Least share of a Gaussian's squared weight that lies on known pixels.
_LEAST_COVERED = 0.1
# Added to the diagonal of the normal equations, in which it is one.
_RIDGE = 1e-5


@dataclasses.dataclass(frozen=True)
class JointFit:
    """A drawn galaxy as bright as in the image.

    Attributes:
        factor: (batch, bands), brightness in that of the drawn galaxy.
        sigma: (batch, bands), its standard deviation, for a galaxy of exactly this shape.
        neighbours: (batch, height, width, bands), light of all neighbours together.
        noise: (batch, 1, 1, bands), standard deviation of the sky in a pixel.
        weight: (batch, height, width, bands), inverse variance of a pixel in units of the noise,
            0 where unknown.
        remainder: (batch, height, width, bands), the image without neighbours in these units.
        prior: Standard deviation of the factor before the fit.
    """

    factor: tf.Tensor
    sigma: tf.Tensor
    neighbours: tf.Tensor
    noise: tf.Tensor
    weight: tf.Tensor
    remainder: tf.Tensor
    prior: float

    def factor_of(self, drawn: tf.Tensor) -> tf.Tensor:
        """Returns the factor, (batch, bands), of another drawing, beside the same neighbours."""
        drawn = drawn / self.noise
        weighted = drawn * self.weight
        data = tf.reduce_sum(weighted * self.remainder, axis=(1, 2)) + self.prior**-2
        return data / (tf.reduce_sum(weighted * drawn, axis=(1, 2)) + self.prior**-2)


@dataclasses.dataclass(frozen=True)
class JointPhotometry:
    """Fits the brightness of a drawn galaxy and of its neighbours to an image, band by band.

        image_pb = a_b m_pb + n_pb + noise,  n_pb = sum_k c_kb g_kp,  c >= 0,  a_b ~ N(1, prior^2)
        variance_pb = noise_b^2 + (model_error a_b m_pb)^2 + (neighbour_error n_pb)^2

    m is the drawn galaxy and g_k are round Gaussians that stand for neighbours, one or more for
    each. They are taken from the residual one at a time, as in orthogonal matching pursuit: where
    the sum of the bands in units of their noise, filtered with each of the widths, is most
    significant. Then all amplitudes are fitted anew. The first is sought before any fit, so that
    no neighbour's light goes to the galaxy for want of another place. Where neighbours are much
    brighter than the galaxy, or on top of it, its factor stays near 1, which the drawn galaxy has.

    The noise is that of the border of each image. The number of steps is fixed and all of them are
    TensorFlow's: the fit is part of a SavedModel.

    Attributes:
        neighbours: Gaussians at most.
        widths: Their standard deviations to choose from, px.
        threshold: Significance from which on the residual has a further neighbour, sigma.
        core: Distance from the centre within which there is none, px.
        model_error: Error of the drawn galaxy in a pixel, as a fraction of its light.
        neighbour_error: Likewise of the neighbours.
        prior: Standard deviation of the factor before the fit.

    References:
        Pati, Rezaiifar & Krishnaprasad 1993 (Asilomar Conf. Signals 27, 40), the pursuit; Cornwell
        2008 (IEEE J. Sel. Top. Signal Process. 2, 793), Gaussians of several scales.
    """

    neighbours: int = 5
    widths: tuple[float, ...] = (1.6, 2.4, 3.6, 5.4)
    threshold: float = 7.0
    core: float = 2.0
    model_error: float = 0.2
    neighbour_error: float = 1.0
    prior: float = 0.3

    def __call__(self, images: tf.Tensor, drawn: tf.Tensor) -> JointFit:
        """Fits images.

        Args:
            images: (batch, height, width, bands) float32, sky subtracted; not finite where unknown.
            drawn: Of the same shape, the galaxy in the middle alone.
        """
        height, width, _ = drawn.shape[1:]
        pixels = border_pixels(height, width, border_width(height, width))
        known = tf.math.is_finite(images)
        images = tf.where(known, images, 0.0)
        brightest = tf.maximum(
            *(tf.reduce_max(tf.abs(x), axis=(1, 2, 3), keepdims=True) for x in (images, drawn))
        )
        noise = background_and_noise(images, pixels)[1]
        noise = tf.maximum(noise, _LEAST_NOISE * brightest + _TINY)
        images, drawn = images / noise, drawn / noise
        filters = _Filters.of(height, width, self.widths, self.core, known)

        def weights(factor: tf.Tensor, light: tf.Tensor) -> tf.Tensor:
            own = tf.clip_by_value(factor, *_FACTORS)[:, None, None] * drawn
            variance = 1.0 + tf.square(self.model_error * own)
            variance += tf.square(self.neighbour_error * light)
            return tf.where(known, 1.0 / variance, 0.0)

        factor, light = tf.ones_like(noise[:, 0, 0]), tf.zeros_like(images)
        gaussians = []
        for _ in range(self.neighbours):
            weight = weights(factor, light)
            residual = (images - factor[:, None, None] * drawn - light) * tf.sqrt(weight)
            gaussians.append(filters.most_significant(residual, self.threshold))
            factor, sigma, light = self._fit(images, drawn, weight, tf.stack(gaussians, axis=1))
        return JointFit(factor, sigma, noise * light, noise, weight, images - light, self.prior)

    def _fit(
        self, images: tf.Tensor, drawn: tf.Tensor, weight: tf.Tensor, gaussians: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns factor and its sigma, (batch, bands), and the light of the neighbours.

        Args:
            images, drawn, weight: (batch, height, width, bands).
            gaussians: (batch, number, height, width), zero where there is no further one.
        """
        batch, number = tf.shape(drawn)[0], 1 + gaussians.shape[1]
        _, height, width, bands = drawn.shape
        pixels = height * width
        # (batch, bands, templates, pixels)
        own, data, weight = (
            tf.transpose(tf.reshape(each, (-1, pixels, bands)), (0, 2, 1))
            for each in (drawn, images, weight)
        )
        others = tf.reshape(gaussians, (-1, 1, number - 1, pixels))
        others = tf.broadcast_to(others, (batch, bands, number - 1, pixels))
        templates = tf.concat([own[:, :, None], others], axis=2)
        weighted = templates * weight[:, :, None]
        normal = tf.matmul(weighted, templates, transpose_b=True)
        right = tf.linalg.matvec(weighted, data)
        is_target = tf.one_hot(0, number)
        normal += tf.linalg.diag(is_target) / self.prior**2
        right += is_target / self.prior**2
        # In units in which the diagonal is one; a template without light fits nothing.
        diagonal = tf.linalg.diag_part(normal)
        unit = tf.where(diagonal > 0, tf.math.rsqrt(tf.maximum(diagonal, 1e-37)), 0.0)
        normal *= unit[..., None] * unit[..., None, :]
        right *= unit
        active = tf.ones_like(right)
        for _ in range(1 + _PASSES):
            # The ridge holds Gaussians that lie on top of each other.
            system = tf.linalg.set_diag(
                normal * active[..., None] * active[..., None, :],
                tf.where(active * unit > 0, 1.0 + _RIDGE * (1.0 - is_target), 1.0),
            )
            solution = tf.linalg.solve(system, (right * active)[..., None])[..., 0]
            active *= tf.maximum(tf.cast(solution > 0, tf.float32), is_target)
        first = tf.broadcast_to(is_target[:, None], (batch, bands, number, 1))
        variance = tf.linalg.solve(system, first)
        amplitudes = tf.maximum(solution, 0.0) * unit
        light = tf.linalg.matvec(others, amplitudes[..., 1:], transpose_a=True)
        light = tf.reshape(tf.transpose(light, (0, 2, 1)), (-1, height, width, bands))
        sigma = tf.sqrt(tf.maximum(variance[..., 0, 0], 0.0)) * unit[..., 0]
        return amplitudes[..., 0], sigma, light


@dataclasses.dataclass(frozen=True)
class _Filters:
    """Matched filters of round Gaussians, as products with a matrix along each axis.

    Attributes:
        rows: (widths, height, height), values of a Gaussian about each row.
        columns: (widths, width, width).
        norm: (batch, widths, height, width), standard deviation of the filtered noise; zero where
            no Gaussian may be.
        known: (batch, height, width), 1 where all bands are known.
        widths: Standard deviations, px.
    """

    rows: np.ndarray
    columns: np.ndarray
    norm: tf.Tensor
    known: tf.Tensor
    widths: tuple[float, ...]

    @classmethod
    def of(
        cls, height: int, width: int, widths: tuple[float, ...], core: float, known: tf.Tensor
    ) -> _Filters:
        rows, columns = (
            np.stack([_gaussian(np.subtract.outer(axis, axis), each) for each in widths])
            for axis in (np.arange(height), np.arange(width))
        )
        y, x = np.mgrid[:height, :width]
        outside = np.hypot(y - height // 2, x - width // 2) > core
        known = tf.cast(tf.reduce_all(known, axis=-1), tf.float32)
        square = _filtered(known, rows**2, columns**2)
        most = np.prod(
            [np.sum(each[:, each.shape[1] // 2] ** 2, axis=1) for each in (rows, columns)], axis=0
        )
        usable = (square > _LEAST_COVERED * most[:, None, None]) & outside
        return cls(rows, columns, tf.where(usable, tf.sqrt(square), 0.0), known, widths)

    def most_significant(self, residual: tf.Tensor, threshold: float) -> tf.Tensor:
        """Returns the Gaussian that fits the residual best, (batch, height, width), or zeros.

        Args:
            residual: (batch, height, width, bands), in units of its noise.
            threshold: Least significance.
        """
        height, width, bands = residual.shape[1:]
        total = tf.reduce_sum(residual, axis=-1) / np.sqrt(bands) * self.known
        significance = tf.math.divide_no_nan(_filtered(total, self.rows, self.columns), self.norm)
        flat = tf.reshape(significance, (-1, len(self.widths) * height * width))
        best = tf.argmax(flat, axis=-1, output_type=tf.int32)
        which, place = best // (height * width), best % (height * width)
        row, column = tf.gather(self.rows, which), tf.gather(self.columns, which)
        row = tf.gather(row, place // width, axis=1, batch_dims=1)
        column = tf.gather(column, place % width, axis=1, batch_dims=1)
        is_significant = tf.cast(tf.reduce_max(flat, axis=-1) > threshold, tf.float32)
        return (row * is_significant[:, None])[:, :, None] * column[:, None]


def _gaussian(distance: np.ndarray, sigma: float) -> np.ndarray:
    return np.exp(-0.5 * (distance / sigma) ** 2).astype(np.float32)


def _filtered(images: tf.Tensor, rows: np.ndarray, columns: np.ndarray) -> tf.Tensor:
    """Returns images (batch, height, width) filtered by each width: (batch, widths, ...)."""
    return tf.matmul(tf.matmul(rows[None], images[:, None]), columns[None])
