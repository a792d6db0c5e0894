"""Posterior distributions over the latent vector, from the outputs of an encoder."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from zoo.layer import Float32Layer

__all__ = ["ConstantNormal", "DiagonalNormal", "FullCovarianceNormal"]

tfd = tfp.distributions

# Added to every standard deviation, so that no density is infinite.
_FLOOR = 1e-3


class _Posterior(Float32Layer):
    """A layer from (batch, `n_params`) to a normal distribution over (batch, `latent_dim`).

    Args:
        latent_dim: Length of the latent vector.
    """

    def __init__(self, latent_dim: int, **kwargs: Any):
        super().__init__(**kwargs)
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1; got {latent_dim}")
        self.latent_dim = latent_dim
        self.built = True


@keras.saving.register_keras_serializable(package="zoo")
class DiagonalNormal(_Posterior):
    """N(loc, diag(scale^2)) with scale = softplus(raw) + 0.001."""

    @property
    def n_params(self) -> int:
        """Numbers that it takes from the encoder."""
        return 2 * self.latent_dim

    def call(self, parameters: tf.Tensor) -> tfd.MultivariateNormalDiag:
        loc, raw = tf.split(tf.cast(parameters, tf.float32), 2, axis=-1)
        return tfd.MultivariateNormalDiag(loc, tf.nn.softplus(raw) + _FLOOR)


@keras.saving.register_keras_serializable(package="zoo")
class FullCovarianceNormal(_Posterior):
    """N(loc, L L^T), the diagonal of L softplus(raw) + 0.001 (as in Arcelin+21 for galaxies)."""

    @property
    def n_params(self) -> int:
        """Numbers that it takes from the encoder."""
        return self.latent_dim + self.latent_dim * (self.latent_dim + 1) // 2

    def call(self, parameters: tf.Tensor) -> tfd.MultivariateNormalTriL:
        parameters = tf.cast(parameters, tf.float32)
        loc, raw = parameters[:, : self.latent_dim], parameters[:, self.latent_dim :]
        lower = tfp.math.fill_triangular(raw)
        diagonal = tf.nn.softplus(tf.linalg.diag_part(lower)) + _FLOOR
        return tfd.MultivariateNormalTriL(loc, tf.linalg.set_diag(lower, diagonal))


@keras.saving.register_keras_serializable(package="zoo")
class ConstantNormal(_Posterior):
    """N(loc, diag(scale^2)) with trained scales, the same in every row; they start at 1."""

    def __init__(self, latent_dim: int, **kwargs: Any):
        super().__init__(latent_dim, **kwargs)
        start = keras.initializers.Constant(tfp.math.softplus_inverse(1.0 - _FLOOR).numpy())
        self.raw_scale = self.add_weight(
            name="raw_scale", shape=(latent_dim,), initializer=start, dtype="float32"
        )

    @property
    def n_params(self) -> int:
        """Numbers that it takes from the encoder."""
        return self.latent_dim

    def call(self, parameters: tf.Tensor) -> tfd.MultivariateNormalDiag:
        scale = tf.nn.softplus(self.raw_scale.value) + _FLOOR
        loc = tf.cast(parameters, tf.float32)
        return tfd.MultivariateNormalDiag(loc, tf.broadcast_to(scale, tf.shape(loc)))
