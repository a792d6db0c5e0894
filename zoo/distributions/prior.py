"""The mixture prior."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from zoo.layer import Float32Layer

__all__ = ["MixturePrior"]

tfd = tfp.distributions

_FLOOR = 0.02


@keras.saving.register_keras_serializable(package="zoo")
class MixturePrior(Float32Layer):
    """A mixture of K normals over the first `dims` latents and N(0, I) over the others.

        p(z) = sum_k pi_k N(z_1..dims; mu_k, Sigma_k) N(z_rest; 0, I)

    With K = 2 and `learnt` off this is the prior of Sun et al. 2017 (SDSS star-galaxy report),
    1/2 N(-m, s^2) + 1/2 N(m, s^2), along the first latent; the other mixed latents start at zero
    mean and unit scale. K > 2 modes start evenly spaced along the first latent.

    Args:
        latent_dim: Length of the latent vector.
        components: K, default 2.
        dims: How many of the first latents the mixture covers, default 1.
        separation: m, default 1.5.
        scale: s, the standard deviation along the first latent, default 0.5.
        learnt: Whether weights, means and covariances are trained, default False.

    Raises:
        ValueError: if an argument is out of range.

    References:
        Sun et al. 2017, "Unsupervised star-galaxy segmentation and classification"; Jiang et al.
        2017 (VaDE, arXiv 1611.05148) for the learnt mixture; Bovy et al. 2011 (AoAS 5, 1657) for
        why a mixture under per-object uncertainties deconvolves them.
    """

    def __init__(
        self,
        latent_dim: int,
        components: int = 2,
        dims: int = 1,
        separation: float = 1.5,
        scale: float = 0.5,
        learnt: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if components < 2:
            raise ValueError(f"components must be at least 2; got {components}")
        if not 1 <= dims <= latent_dim:
            raise ValueError(f"dims must be between 1 and latent_dim, {latent_dim}; got {dims}")
        if scale <= _FLOOR:
            raise ValueError(f"scale must be above {_FLOOR}; got {scale}")
        self.latent_dim = latent_dim
        self.components = components
        self.dims = dims
        self.separation = separation
        self.scale = scale
        self.learnt = learnt

        loc = np.zeros((components, dims), np.float32)
        loc[:, 0] = np.linspace(-separation, separation, components)
        raw = np.tile(np.eye(dims, dtype=np.float32) * _raw(1.0), (components, 1, 1))
        raw[:, 0, 0] = _raw(scale)
        self.loc = self._weight("loc", loc)
        self.raw_tril = self._weight("raw_tril", raw)
        self.logits = self._weight("logits", np.zeros(components, np.float32))
        self.built = True

    def _weight(self, name: str, value: np.ndarray) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=value.shape,
            initializer=lambda shape, dtype=None: keras.ops.convert_to_tensor(value, dtype),
            trainable=self.learnt,
        )

    @property
    def means(self) -> tf.Tensor:
        """Means of the components over the mixed latents, (K, dims)."""
        return tf.convert_to_tensor(self.loc.value)

    def components_distribution(self) -> tfd.MultivariateNormalTriL:
        """Returns the K normals over the mixed latents."""
        lower = tf.linalg.band_part(tf.convert_to_tensor(self.raw_tril.value), -1, 0)
        diagonal = tf.nn.softplus(tf.linalg.diag_part(lower)) + _FLOOR
        return tfd.MultivariateNormalTriL(self.means, tf.linalg.set_diag(lower, diagonal))

    def set_parameters(self, weights: np.ndarray, loc: np.ndarray, covariance: np.ndarray) -> None:
        """Sets the mixture, for example to one that scikit-learn's GaussianMixture has fitted.

        Args:
            weights: Weights of the components, (K,), positive; they are scaled to a sum of one.
            loc: Means over the mixed latents, (K, dims).
            covariance: Covariances over the mixed latents, (K, dims, dims). A standard deviation
                given the others that is below the least one a component can have, 0.02, is set
                just above it.

        Raises:
            ValueError: if a shape is wrong, a weight is not positive or a covariance not positive
                definite.
        """
        K, d = self.components, self.dims
        parameters = {"weights": weights, "loc": loc, "covariance": covariance}
        shapes = {"weights": (K,), "loc": (K, d), "covariance": (K, d, d)}
        for name, value in parameters.items():
            if np.shape(value) != shapes[name]:
                raise ValueError(
                    f"{name} must have the shape {shapes[name]}; got {np.shape(value)}"
                )
        if np.min(weights) <= 0:
            raise ValueError(f"weights must be positive; got {weights}")
        try:
            raw = np.linalg.cholesky(np.asarray(covariance, np.float64))
        except np.linalg.LinAlgError:
            raise ValueError("covariance must be positive definite for every component") from None
        each = np.arange(d)
        raw[:, each, each] = np.log(np.expm1(np.maximum(raw[:, each, each] - _FLOOR, 1e-3)))
        self.logits.assign(np.log(weights / np.sum(weights)))
        self.loc.assign(loc)
        self.raw_tril.assign(raw)

    def distribution(self) -> tfd.MixtureSameFamily:
        """Returns the mixture over the mixed latents."""
        weights = tfd.Categorical(logits=tf.convert_to_tensor(self.logits.value))
        return tfd.MixtureSameFamily(weights, self.components_distribution())

    def component_distances(self, latent: tf.Tensor) -> tf.Tensor:
        """Returns the Mahalanobis distance to each component, (batch, K).

        Args:
            latent: (batch, at least `dims`); only the mixed latents count.
        """
        components = self.components_distribution()
        offset = tf.cast(latent, tf.float32)[:, None, : self.dims] - components.loc
        return tf.norm(components.scale.solvevec(offset), axis=-1)

    def log_prob(self, latent: tf.Tensor) -> tf.Tensor:
        """Returns log p(z), (batch,), for (batch, latent_dim)."""
        rest = latent[..., self.dims :]
        standard = -0.5 * tf.reduce_sum(tf.square(rest) + math.log(2 * math.pi), axis=-1)
        return self.log_prob_mixed(latent[..., : self.dims]) + standard

    def log_prob_mixed(self, mixed: tf.Tensor) -> tf.Tensor:
        """Returns the log density of the mixed latents alone, (batch,), for (batch, dims)."""
        return tf.reduce_logsumexp(self._joint(mixed), axis=-1)

    def responsibilities(self, latent: tf.Tensor) -> tf.Tensor:
        """Returns p(k | z), (batch, K), for (batch, at least `dims`)."""
        return tf.nn.softmax(self._joint(latent[..., : self.dims]), axis=-1)

    def sample(self, number: int | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns samples, (number, latent_dim), without gradient to the weights of the components.

        Args:
            number: How many.
            seed: Stateless seed, int32 of shape (2,). XLA draws other numbers from it.
        """
        seeds = tf.random.experimental.stateless_split(seed, 3)
        logits = tf.convert_to_tensor(self.logits.value)[None]
        chosen = tf.random.stateless_categorical(logits, number, seeds[0])[0]
        components = self.components_distribution()
        noise = tf.random.stateless_normal([number, self.dims], seeds[1])
        lower = tf.gather(components.scale.to_dense(), chosen)
        mixed = tf.gather(self.means, chosen) + tf.linalg.matvec(lower, noise)
        rest = tf.random.stateless_normal([number, self.latent_dim - self.dims], seeds[2])
        return tf.concat([mixed, rest], axis=-1)

    def _joint(self, mixed: tf.Tensor) -> tf.Tensor:
        log_weights = tf.nn.log_softmax(tf.convert_to_tensor(self.logits.value))
        return self.components_distribution().log_prob(mixed[..., None, :]) + log_weights


def _raw(scale: float) -> float:
    """Inverse of softplus(raw) + floor."""
    return math.log(math.expm1(scale - _FLOOR))
