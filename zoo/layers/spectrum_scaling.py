"""Scaling of spectra to a common level, and principal components that fill their gaps."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.layer import Float32Layer

__all__ = ["SpectrumScaling"]

# Rounds of filling gaps and finding components again; Portillo et al. 2020 take 20.
_ROUNDS = 10
# Spectra that are filled at a time: bounds the memory.
_PART = 256
# Prior of the amplitudes of components, of unit variance in the training sample: keeps a spectrum
# with few bins from being filled with anything.
_PRIOR = 1.0


@keras.saving.register_keras_serializable(package="zoo")
class SpectrumScaling(Float32Layer):
    """Returns spectra in units of their amplitude, with gaps filled, and their inverse variances.

        a = sum_b w_b m_b x_b / sum_b w_b m_b^2,     x' = x / a,    w' = a^2 w

    m is the mean spectrum of the training sample, of mean 1, and w the inverse variance. Where w is
    0, x' is the sum of m and the principal components, with the amplitudes that are most likely
    given the other bins and normal priors. A spectrum without any good bin, or with a negative
    amplitude, has a = 1.

    Args:
        bins: Length of the spectra.
        components: Number of principal components; 0 fills gaps with the mean spectrum.

    References:
        Connolly & Szalay 1999 (AJ 117, 2052), gaps in spectra; Portillo et al. 2020 (AJ 160, 45).
    """

    def __init__(self, bins: int, components: int = 10, **kwargs: Any):
        super().__init__(**kwargs)
        self.bins = bins
        self.components = components
        self.mean = self.add_statistic("mean", (bins,), "ones")
        self.vectors = self.add_statistic("vectors", (components, bins))
        self.built = True

    def call(
        self, spectrum: tf.Tensor, inverse_variance: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns filled spectra, inverse variances, and amplitudes (batch, 1)."""
        weight = tf.maximum(tf.cast(inverse_variance, tf.float32), 0.0)
        good = weight > 0
        spectrum = tf.where(good, tf.cast(spectrum, tf.float32), 0.0)
        amplitude = self._amplitude(spectrum, weight)
        scaled = spectrum / amplitude
        weight *= tf.square(amplitude)
        return self.fill(scaled, weight), weight, amplitude

    def fill(self, scaled: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """Returns scaled spectra with what is expected where the inverse variance is 0.

        Args:
            scaled: (batch, bins), in units of the amplitude.
            weight: (batch, bins), inverse variances in these units.
        """
        return tf.where(weight > 0, scaled, self._expected(scaled, weight))

    def _amplitude(self, spectrum: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        # In units of their largest, so that sums of fluxes of any unit stay within float32.
        weight = tf.math.divide_no_nan(weight, tf.reduce_max(weight, axis=1, keepdims=True))
        both = tf.reduce_sum(weight * self.mean * spectrum, axis=1, keepdims=True)
        alone = tf.reduce_sum(weight * tf.square(self.mean), axis=1, keepdims=True)
        amplitude = tf.math.divide_no_nan(both, alone)
        return tf.where(amplitude > 0, amplitude, 1.0)

    def _expected(self, scaled: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """Returns mean spectrum and components with the most likely amplitudes."""
        if not self.components:
            return tf.broadcast_to(self.mean, tf.shape(scaled))
        vectors = tf.convert_to_tensor(self.vectors)
        # Not more than a noise of one per cent: real spectra differ from any components by that.
        weight = weight / (1 + 1e-4 * weight)
        normal = tf.einsum("nb,ib,jb->nij", weight, vectors, vectors)
        normal += _PRIOR * tf.eye(self.components)
        data = tf.einsum("nb,ib->ni", weight * (scaled - self.mean), vectors)
        # The matrices are positive definite.
        amplitudes = tf.linalg.cholesky_solve(tf.linalg.cholesky(normal), data[..., None])[..., 0]
        return self.mean + tf.matmul(amplitudes, vectors)

    def adapt(self, spectra: np.ndarray, inverse_variances: np.ndarray) -> None:
        """Sets mean and components from spectra with gaps.

        Gaps are filled in rounds: components of the filled spectra fill the gaps anew.

        Args:
            spectra: (number, bins).
            inverse_variances: (number, bins).

        Raises:
            ValueError: if no spectrum has a positive inverse variance in any bin.
        """
        good = inverse_variances > 0
        used = good.any(axis=1)
        if not used.any():
            raise ValueError(
                f"inverse_variance must be positive somewhere; all {len(good)} spectra have none"
            )
        good, weight = good[used], np.where(good, inverse_variances, 0.0)[used]
        spectra = np.where(good, spectra[used], 0.0)
        mean, vectors = np.ones(self.bins), np.zeros((self.components, self.bins))
        for _ in range(_ROUNDS):
            self.mean.assign(mean)
            self.vectors.assign(vectors)
            filled = self._filled(spectra, weight)
            mean = np.median(filled, axis=0)
            mean = mean / mean.mean() if mean.mean() > 0 else np.ones(self.bins)
            vectors = self._principal(filled - mean)
        self.mean.assign(mean)
        self.vectors.assign(vectors)

    def _filled(self, spectra: np.ndarray, weight: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(spectra), _PART):
            rows = slice(start, start + _PART)
            inputs = (tf.constant(values[rows], tf.float32) for values in (spectra, weight))
            parts.append(self(*inputs)[0].numpy())
        return np.concatenate(parts).astype(np.float64)

    def _principal(self, deviations: np.ndarray) -> np.ndarray:
        """Returns components, each as long as the standard deviation along it."""
        from sklearn.utils.extmath import randomized_svd

        number = min(self.components, *deviations.shape)
        vectors = np.zeros((self.components, self.bins))
        if number:
            # A few outliers, as spectra of another kind or of nothing but noise, do not count.
            size = np.sqrt(np.mean(deviations**2, axis=1))
            kept = deviations[size <= 10 * np.median(size)]
            _, lengths, directions = randomized_svd(kept, number, random_state=0)
            scale = lengths / np.sqrt(len(kept))
            vectors[: len(directions)] = directions * scale[:, None]
        return vectors
