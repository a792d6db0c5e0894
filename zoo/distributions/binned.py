"""Distributions of a number in bins of equal width."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

__all__ = ["Binned", "of_logits", "of_mixture"]

tfd = tfp.distributions

# Share of a uniform distribution in a mixture: what lies far from all components costs a finite
# loss, as an object with a wrong redshift does.
_UNIFORM_SHARE = 1e-4
# Initial standard deviation of the components in units of the range, softplus(-3) = 0.049, and
# the smallest one in bins.
_INITIAL_SCALE, _LEAST_SCALE = -3.0, 0.25


@dataclasses.dataclass(frozen=True)
class Binned:
    """Densities that are constant within each bin.

    Attributes:
        log_mass: Logarithm of the probability of each bin, (batch, bins) float32.
        low: Lower edge of the first bin.
        high: Upper edge of the last bin.
    """

    log_mass: tf.Tensor
    low: float
    high: float

    @property
    def bins(self) -> int:
        """Number of bins."""
        return self.log_mass.shape[-1]

    @property
    def width(self) -> float:
        """Width of a bin."""
        return (self.high - self.low) / self.bins

    @property
    def mass(self) -> tf.Tensor:
        """Probability of each bin, (batch, bins)."""
        return tf.exp(self.log_mass)

    @property
    def pdf(self) -> tf.Tensor:
        """Density in each bin, (batch, bins)."""
        return self.mass / self.width

    def mean(self) -> tf.Tensor:
        """Returns the sum of the centres of the bins times their probabilities, (batch,)."""
        return tf.linalg.matvec(self.mass, self._centres())

    def stddev(self) -> tf.Tensor:
        """Returns the standard deviation, (batch,), that within a bin included."""
        squares = tf.square(self._centres() - self.mean()[:, None]) + self.width**2 / 12
        return tf.sqrt(tf.reduce_sum(self.mass * squares, axis=1))

    def quantile(self, probability: float) -> tf.Tensor:
        """Returns where the distribution function reaches a probability, (batch,).

        Args:
            probability: In (0, 1).
        """
        mass = tf.maximum(self.mass, np.finfo(np.float32).tiny)
        before = tf.cumsum(mass, axis=1, exclusive=True)
        # The bins below count whole, that of the quantile in part, those above not at all.
        share = tf.clip_by_value((probability - before) / mass, 0.0, 1.0)
        return self.low + self.width * tf.reduce_sum(share, axis=1)

    def log_mass_at(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the logarithm of the probability of the bin of a value, and whether it has one.

        Args:
            values: (batch,); NaN for an unknown one.

        Returns:
            (batch,) float32, 0 for a value in no bin; and (batch,) bool.
        """
        values = tf.cast(values, tf.float32)
        # NaN is in no bin.
        inside = (values >= self.low) & (values <= self.high)
        place = tf.cast((tf.where(inside, values, self.low) - self.low) / self.width, tf.int32)
        chosen = tf.one_hot(tf.minimum(place, self.bins - 1), self.bins)
        return tf.where(inside, tf.reduce_sum(chosen * self.log_mass, axis=1), 0.0), inside

    def _centres(self) -> np.ndarray:
        edges = np.linspace(self.low, self.high, self.bins + 1)
        return ((edges[:-1] + edges[1:]) / 2).astype(np.float32)


def of_logits(logits: tf.Tensor, low: float, high: float) -> Binned:
    """Returns the distribution whose bins have the probabilities softmax(logits).

    Args:
        logits: (batch, bins) float32.
        low: Lower edge of the first bin.
        high: Upper edge of the last bin.
    """
    return Binned(tf.nn.log_softmax(logits), low, high)


def of_mixture(parameters: tf.Tensor, bins: int, low: float, high: float) -> Binned:
    """Returns a mixture of normal distributions, cut to a range, in bins of that range.

        P_b = (1 - e) (F(x_(b+1)) - F(x_b)) / (F(high) - F(low)) + e / bins,    e = 1e-4
        F = sum_k softmax(a)_k Phi((x - m_k) / s_k)

    The means are in the range, spread over it where the parameters are 0.

    Args:
        parameters: (batch, 3 K) float32: a, then those of the means, then of the deviations.
        bins: Number of bins.
        low: Lower edge of the first bin.
        high: Upper edge of the last bin.

    References:
        Bishop 1994, Mixture density networks, Aston University NCRG/94/004.
    """
    weights, places, scales = tf.split(parameters, 3, axis=-1)
    span, number = high - low, places.shape[-1]
    start = (np.arange(number) + 0.5) / number
    offset = np.log(start / (1 - start)).astype(np.float32)
    mixture = tfd.MixtureSameFamily(
        tfd.Categorical(logits=weights),
        tfd.Normal(
            low + span * tf.sigmoid(places + offset),
            span * (tf.nn.softplus(scales + _INITIAL_SCALE) + _LEAST_SCALE / bins),
        ),
    )
    edges = np.linspace(low, high, bins + 1, dtype=np.float32)
    reached = tf.transpose(mixture.cdf(edges[:, None]))
    mass = tf.maximum(reached[:, 1:] - reached[:, :-1], 0.0)
    total = tf.maximum(tf.reduce_sum(mass, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    mass = (1 - _UNIFORM_SHARE) * mass / total + _UNIFORM_SHARE / bins
    return Binned(tf.math.log(mass), low, high)
