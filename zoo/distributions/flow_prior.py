"""A normalising flow as the prior of a latent vector."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from zoo.layer import Float32Layer

__all__ = ["FlowPrior"]

tfb, tfd = tfp.bijectors, tfp.distributions

# Least standard deviation along a principal axis of the latents, as a share of the largest.
_LEAST_SPREAD = 1e-3
# A coupling scales by no more than e to this.
_LARGEST_LOG_SCALE = 1.5
_HELD_OUT = 0.1
_BATCH = 256
# Steps between two looks at the held-out latents.
_INTERVAL = 25


@keras.saving.register_keras_serializable(package="zoo")
class FlowPrior(Float32Layer):
    """RealNVP over latents: affine couplings, and a linear map that whitens.

        z = mean + L f_1(f_2(... f_n(u))),  u ~ N(0, I)
        f(u) = [u_1, shift(u_1) + exp(log_scale(u_1)) u_2], then a fixed permutation

    Each coupling starts as the identity, so that the flow starts as the normal distribution of
    the mean and covariance of the latents it is fitted to; before, as N(0, I). Its weights are
    those of `fit` alone: no optimiser of a model sees them.

    Args:
        latent_dim: Length of the latent vector, at least 2.
        couplings: How many. Default 6.
        units: Hidden units of the network of each. Default 64.
        seed: Seed of the initial weights, the permutations and the fit. Default 0.

    Raises:
        ValueError: if an argument is out of range.

    References:
        Dinh, Sohl-Dickstein & Bengio 2017 (arXiv:1605.08803), RealNVP; Biswas et al. 2024
        (arXiv:2408.15236), MADNESS, a flow as the prior of galaxies for deblending.
    """

    def __init__(
        self, latent_dim: int, couplings: int = 6, units: int = 64, seed: int = 0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        for name, value, least in (
            ("latent_dim", latent_dim, 2),
            ("couplings", couplings, 1),
            ("units", units, 1),
        ):
            if value < least:
                raise ValueError(f"{name} must be at least {least}; got {value}")
        self.latent_dim = latent_dim
        self.couplings = couplings
        self.units = units
        self.seed = seed
        draws = np.random.default_rng(seed)
        self._kept = latent_dim - latent_dim // 2
        self._orders = [draws.permutation(latent_dim) for _ in range(couplings)]
        self.networks = [
            _network(self._kept, latent_dim // 2, units, seed + number, f"coupling_{number}")
            for number in range(couplings)
        ]
        self.mean = self.add_statistic("mean", (latent_dim,))
        self.tril = self.add_statistic("tril", (latent_dim, latent_dim), "identity")
        self.trainable = False
        self.built = True

    @property
    def least_latents(self) -> int:
        """Least number of latents that the flow can be fitted to."""
        return 4 * self.latent_dim

    def distribution(self) -> tfd.TransformedDistribution:
        """Returns the distribution over (latent_dim,)."""
        parts: list[tfb.Bijector] = [
            tfb.Shift(tf.convert_to_tensor(self.mean)),
            tfb.ScaleMatvecTriL(tf.convert_to_tensor(self.tril)),
        ]
        for order, network in zip(self._orders, self.networks, strict=True):
            coupling = tfb.RealNVP(self._kept, shift_and_log_scale_fn=_function(network))
            parts += [tfb.Permute(order), coupling]
        base = tfd.MultivariateNormalDiag(tf.zeros(self.latent_dim))
        return tfd.TransformedDistribution(base, tfb.Chain(parts))

    def log_prob(self, latent: tf.Tensor) -> tf.Tensor:
        """Returns log p(z), (batch,), for (batch, latent_dim)."""
        return self.distribution().log_prob(tf.cast(latent, tf.float32))

    def sample(self, number: int | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns samples, (number, latent_dim); `seed` is stateless, int32 of shape (2,)."""
        return self.distribution().sample(number, seed=seed)

    def fit(self, latents: np.ndarray, epochs: int = 60, rate: float = 1e-3) -> float:
        """Fits the flow by maximum likelihood; keeps the weights best for latents held out.

        Args:
            latents: (number, latent_dim), finite. A tenth is held out.
            epochs: Passes over the others by Adam, in batches of 256. Default 60.
            rate: Its learning rate at the start, with a cosine schedule. Default 0.001.

        Returns:
            Mean log density of the held-out latents, less that under the normal distribution of
            their mean and covariance: what the couplings gain.

        Raises:
            ValueError: if there are too few latents (`least_latents`), or one is not finite.
        """
        latents = np.asarray(latents, np.float32)
        is_matrix = latents.ndim == 2 and latents.shape[1] == self.latent_dim
        if not is_matrix or len(latents) < self.least_latents:
            raise ValueError(
                f"latents must have the shape ({self.least_latents} or more, {self.latent_dim}); "
                f"got {latents.shape}"
            )
        if not np.isfinite(latents).all():
            raise ValueError("latents must be finite; got NaN or infinity")
        draws = np.random.default_rng(self.seed)
        latents = latents[draws.permutation(len(latents))]
        number = max(1, round(_HELD_OUT * len(latents)))
        held_out, latents = tf.constant(latents[:number]), latents[number:]
        self._whiten(latents)
        variables = [each for network in self.networks for each in network.variables]
        steps = epochs * math.ceil(len(latents) / _BATCH)
        schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
        optimizer = keras.optimizers.Adam(schedule, global_clipnorm=1.0)
        optimizer.build(variables)

        @tf.function
        def train(batch):
            values = [each.value for each in variables]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                loss = -tf.reduce_mean(self.log_prob(batch))
            optimizer.apply_gradients(zip(tape.gradient(loss, values), variables, strict=True))

        log_density = tf.function(lambda: tf.reduce_mean(self.log_prob(held_out)))
        start = best = float(log_density())
        kept = [each.numpy() for each in variables]
        for step in range(1, steps + 1):
            train(tf.constant(latents[draws.integers(len(latents), size=_BATCH)]))
            if step % _INTERVAL == 0 and float(log_density()) > best:
                best, kept = float(log_density()), [each.numpy() for each in variables]
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
        return best - start

    def _whiten(self, latents: np.ndarray) -> None:
        spread, vectors = np.linalg.eigh(np.cov(latents, rowvar=False, dtype=np.float64))
        spread = np.maximum(spread, _LEAST_SPREAD**2 * spread.max())
        self.mean.assign(latents.mean(axis=0, dtype=np.float64))
        self.tril.assign(np.linalg.cholesky((vectors * spread) @ vectors.T))


def _network(inputs: int, outputs: int, units: int, seed: int, name: str) -> keras.Model:
    def dense(number: int, layer: int, **options: Any) -> keras.layers.Dense:
        initial = keras.initializers.GlorotUniform(seed=1000 * seed + layer)
        return keras.layers.Dense(number, kernel_initializer=initial, dtype="float32", **options)

    hidden = [dense(units, each, activation="silu") for each in (0, 1)]
    last = keras.layers.Dense(2 * outputs, kernel_initializer="zeros", dtype="float32")
    return keras.Sequential([keras.Input((inputs,)), *hidden, last], name=name)


def _function(network: keras.Model) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    def shift_and_log_scale(kept: tf.Tensor, units: int) -> tuple[tf.Tensor, tf.Tensor]:
        shift, raw = tf.split(network(kept), 2, axis=-1)
        return shift, _LARGEST_LOG_SCALE * tf.tanh(raw / _LARGEST_LOG_SCALE)

    return shift_and_log_scale
