"""Models whose latent vectors have a prior that is fitted after the training."""

from __future__ import annotations

import logging

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from zoo import randomness
from zoo.choices import check_choice
from zoo.distributions.flow_prior import FlowPrior
from zoo.signature import Signature

__all__ = ["PRIORS", "LatentPrior"]

PRIORS = ("normal", "flow")

tfd = tfp.distributions

_logger = logging.getLogger(__name__)

# Images whose posteriors are computed at a time.
_PART = 256


class LatentPrior:
    """Part of an `ImageModel` that has a posterior over latent vectors, `infer`.

    The training holds posteriors near N(0, I), and does not bring them there: what galaxies have
    for latents fills a part of it and reaches beyond. A flow that is fitted to samples from the
    posteriors of training images, at `finalize`, is the better prior of what a decoder can draw.

    The subclass calls `set_prior` in its constructor, and `fit_prior` in `finalize`.
    """

    latent_dim: int
    seed: int

    def set_prior(self, prior: str) -> None:
        """Sets the prior: "normal", N(0, I), or "flow", a `FlowPrior`.

        Raises:
            ValueError: if it is neither.
        """
        check_choice("prior", prior, PRIORS)
        self.prior = prior
        if prior == "flow":
            self.flow = FlowPrior(self.latent_dim, seed=self.seed, name="flow")

    def fit_prior(self, images: np.ndarray) -> None:
        """Fits the flow, if there is one, to a sample of the posterior of each training image.

        Args:
            images: (number, height, width, bands) float32.
        """
        if self.prior == "normal":
            return
        least = self.flow.least_latents
        if len(images) < least:
            text = "the flow prior stays N(0, I): %d training images are fewer than %d"
            _logger.warning(text, len(images), least)
            return
        sampled = tf.function(lambda images, seed: self.sample(self.infer(images), seed))
        latents = [
            sampled(tf.constant(images[start : start + _PART]), tf.constant([self.seed, start]))
            for start in range(0, len(images), _PART)
        ]
        # On this device, whatever strategy the model is distributed by.
        flow = FlowPrior.from_config(self.flow.get_config())
        gain = flow.fit(np.concatenate(latents))
        self.flow.set_weights(flow.get_weights())
        _logger.info("flow prior: %+.2f in log density over a normal distribution", gain)

    def sample(self, q: tfd.Distribution, seed: tf.Tensor) -> tf.Tensor:
        """Returns one reparametrised sample of a posterior per image, (batch, latent_dim)."""
        noise = randomness.normal(tf.shape(q.mean())[0], (self.latent_dim,), seed)
        return q.mean() + q.scale.matvec(noise)

    def log_prior(self, latent: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `log_prior`, (batch,), the log density of latents (batch, latent_dim)."""
        if self.prior == "flow":
            return {"log_prior": self.flow.log_prob(latent)}
        square = tf.reduce_sum(tf.square(latent) + np.log(2 * np.pi), axis=-1)
        return {"log_prior": -0.5 * square}

    def sample_prior(self, number: int, seed: int) -> tf.Tensor:
        """Returns samples from the prior, (number, latent_dim)."""
        stateless = tf.constant([seed, 0])
        if self.prior == "flow":
            return self.flow.sample(number, stateless)
        return randomness.normal(number, (self.latent_dim,), stateless)

    def signatures(self) -> dict[str, Signature]:
        offered = super().signatures()
        if self.prior == "flow":
            offered["log_prior"] = Signature(self.log_prior, offered["decode"].inputs)
        return offered
