"""`deblending_vae`: a galaxy and its flux out of a blend, by two trainings of an autoencoder."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from zoo import losses
from zoo.choices import check_choice
from zoo.deblending_model import DeblendingModel
from zoo.distributions import kl_normal
from zoo.distributions.posterior import DiagonalNormal, FullCovarianceNormal
from zoo.latent_prior import LatentPrior
from zoo.layers.augmentation import mean_turned_back
from zoo.layers.flux_and_shape import residual_networks
from zoo.layers.freezing import call_frozen
from zoo.layers.prelu_networks import prelu_networks
from zoo.losses.drawings import Drawing, DrawingLikelihood
from zoo.photometry import JointPhotometry
from zoo.registry import register

__all__ = ["LIKELIHOODS", "NETWORKS", "PHOTOMETRY", "POSTERIORS", "DeblendingVAE"]

tfd = tfp.distributions

_logger = logging.getLogger(__name__)

POSTERIORS = {"diagonal": DiagonalNormal, "full": FullCovarianceNormal}
LIKELIHOODS = ("bernoulli", "normal")
NETWORKS = ("prelu", "residual")
PHOTOMETRY = ("drawn", "fitted")

# Noise of the sky in a pixel times this: flux below which the error of a flux is not a fraction
# of it; about that of a point source.
_FAINT = 10.0


@register(
    "deblending_vae",
    task="deblending",
    reference="Arcelin et al. 2021 (MNRAS 500, 531; arXiv:2005.12039); debvader",
)
class DeblendingVAE(LatentPrior, DeblendingModel):
    """Variational autoencoder of galaxies whose encoder then learns to see one in a blend.

        first stage    image = isolated galaxy + noise      encoder and decoder are trained
        second stage   image = blend                        the decoder is frozen
        loss = (-E_q[log p(g(x) | z)] + beta KL(q(z | image) || N(0, I)) + flux term) / pixels

    x is the noiseless image of the target galaxy alone, g the preprocessing. The decoder of the
    first stage is a prior of galaxies, so that what the second stage takes out of a blend is one.
    Both stages are one training: after `isolated_steps` steps the decoder's weights keep their
    values to the bit. The loss of the validation is that of blends from the beginning.

    The answer has the galaxy, `deblended`, as the decoder draws it from the mean of the posterior;
    `deblended_sigma` is its predictive scatter: that of draws from the posterior, the width of the
    likelihood, and the error of its brightness where that is fitted to the image. A pixel that is
    not finite in the image is NaN in both.

    Networks "prelu" are those of Arcelin+21. The "residual" ones are ours: the encoder has aperture
    fluxes besides (`zoo.layers.apertures`), and the decoder draws fluxes and shapes apart
    (`zoo.layers.flux_and_shape`).

    Args:
        isolated_steps: Training steps of the first stage. Default 1000; 0 for weights that have
            had theirs in another training.
        networks: "residual" (default) or "prelu".
        filters: Filters of each stage of encoder and decoder, each of which halves the image.
        blocks: Residual blocks of each stage. Default 1.
        units: Units of the dense layers of the networks "prelu". Default 256.
        latent_dim: Length of the latent vector. Default 32.
        posterior: "diagonal" (default), or "full" for a full-covariance normal.
        likelihood: "normal" (default), of the preprocessed pixels, with a width for each pixel; or
            "bernoulli" for pixels in [0, 1], of networks "prelu".
        least_scale: Smallest width of the normal likelihood, in the units that the preprocessing
            returns. Default 0.02.
        flux_error: Relative error of the flux in each band that counts as one sigma in the flux
            term, see `zoo.losses.flux_error`. Default 0.02; 0 for no such term.
        beta: Weight of the divergence. Default 1.
        samples: Draws from the posterior for the scatter of the answer, an even number. Default 8.
        photometry: "drawn" (default), fluxes as the decoder draws them; or "fitted", the drawn
            galaxy as bright in each band as it is in the image, beside its neighbours
            (`zoo.photometry.JointPhotometry`). No effect on the training.
        prior: "normal" (default), or "flow" for a normalising flow that is fitted to the latents
            of training images at the end, see `zoo.latent_prior`; no effect on the training.

    The other arguments are those of `zoo.deblending_model.DeblendingModel`.

    Raises:
        ValueError: if an argument is outside what is listed here.

    References:
        Arcelin et al. 2021 (arXiv 2005.12039); its code DeblenderVAE and its successor debvader
        (full covariance, normal likelihood).

    Examples:
        ```python
        import numpy as np
        import zoo

        draws = np.random.default_rng(0)
        alone = draws.uniform(0, 5, size=(64, 2, 16, 16, 3)).astype("float32")  # two sources
        image = alone.sum(axis=1) + draws.normal(size=(64, 16, 16, 3))
        stamps = {"image": image, "isolated": alone, "noise_sigma": np.ones((64, 3), "float32")}
        model = zoo.create(
            "deblending_vae", image_shape=(16, 16, 3), filters=(8, 8), isolated_steps=1
        )
        model.fit(stamps, batch_size=32, epochs=1)
        fluxes = model.predict(image)["flux"]  # (64, 3), of the first of the sources
        ```
    """

    kept_as: Mapping[str, str] = {"posterior": "posterior_name"}

    def __init__(
        self,
        *,
        isolated_steps: int = 1000,
        networks: str = "residual",
        filters: Sequence[int] = (16, 32, 64, 128),
        blocks: int = 1,
        units: int = 256,
        latent_dim: int = 32,
        posterior: str = "diagonal",
        likelihood: str = "normal",
        least_scale: float = 0.02,
        flux_error: float = 0.02,
        beta: float = 1.0,
        samples: int = 8,
        photometry: str = "drawn",
        prior: str = "normal",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_choice("networks", networks, NETWORKS)
        check_choice("posterior", posterior, POSTERIORS)
        check_choice("likelihood", likelihood, LIKELIHOODS)
        check_choice("photometry", photometry, PHOTOMETRY)
        if networks == "residual" and likelihood == "bernoulli":
            raise ValueError(
                "likelihood must be 'normal' with networks 'residual'; got 'bernoulli'"
            )
        if likelihood == "bernoulli" and not getattr(self.preprocessing, "bounded", False):
            raise ValueError(
                "preprocessing must be a bounded 'band_asinh' with likelihood 'bernoulli'; "
                f"got {type(self.preprocessing).__name__}"
            )
        for name, value, least in (
            ("isolated_steps", isolated_steps, 0),
            ("latent_dim", latent_dim, 1),
            ("flux_error", flux_error, 0),
            ("beta", beta, 0),
        ):
            if value < least:
                raise ValueError(f"{name} must be at least {least}; got {value}")
        if least_scale <= 0:
            raise ValueError(f"least_scale must be positive; got {least_scale}")
        if samples < 2 or samples % 2:
            raise ValueError(f"samples must be a positive even number; got {samples}")
        self.isolated_steps = int(isolated_steps)
        self.networks = networks
        self.filters = tuple(filters)
        self.blocks = blocks
        self.units = units
        self.latent_dim = int(latent_dim)
        self.posterior_name = posterior
        self.likelihood = likelihood
        self.least_scale = least_scale
        self.flux_error = flux_error
        self.beta = beta
        self.samples = samples
        self.photometry = photometry

        self.posterior = POSTERIORS[posterior](self.latent_dim)
        sizes = (self.image_shape, self.filters, self.posterior.n_params, self.latent_dim)
        if networks == "residual":
            self.encoder, self.decoder = residual_networks(*sizes, blocks, self.seed)
        else:
            maps = 1 if likelihood == "bernoulli" else 2
            self.encoder, self.decoder = prelu_networks(*sizes, units, maps, self.seed)
        self.steps_on_isolated = self.add_weight(
            name="steps_on_isolated",
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )
        self.drawings = DrawingLikelihood(self.preprocessing, likelihood, least_scale)
        self.pixels = math.prod(self.image_shape)
        self.set_prior(prior)
        draws = np.random.default_rng(self.seed).normal(size=(samples // 2, self.latent_dim))
        self._directions = np.concatenate([draws, -draws]).astype(np.float32)
        self.built = True

    # The answer.

    def answer(self, images: tf.Tensor, average: bool) -> dict[str, tf.Tensor]:
        """Returns the target galaxy without its neighbours, in survey units.

        Args:
            images: (batch, height, width, bands).
            average: Whether it is the mean over the symmetries of each stamp.

        Returns:
            `deblended` and `deblended_sigma`, (batch, height, width, bands); `flux` and
            `flux_sigma`, (batch, bands), sums over the stamp. NaN where unknown.
        """
        images = tf.cast(images, tf.float32)
        known = tf.math.is_finite(images)
        q = self.infer(images)
        drawn = self._drawing(q.mean())
        own, sigma = drawn.image, self.drawings.sigma(drawn)
        image = mean_turned_back(self._drawn, images) if average else own
        common = tf.zeros_like(image)
        fit = None
        if self.photometry == "fitted":
            fit = JointPhotometry()(images, image)
            factor = fit.factor[:, None, None]
            common = fit.sigma[:, None, None] * image
            image, sigma = factor * image, factor * sigma
            own = fit.factor_of(own)[:, None, None] * own if average else image
        variance = tf.square(sigma) + tf.square(common)
        flux, own_flux = (tf.reduce_sum(each, axis=(1, 2)) for each in (image, own))
        flux_variance = tf.reduce_sum(tf.square(sigma), axis=(1, 2))
        flux_variance += tf.square(tf.reduce_sum(common, axis=(1, 2)))
        for direction in self._directions:
            shift = q.scale.matvec(tf.broadcast_to(direction, tf.shape(q.mean())))
            other = self._drawing(q.mean() + shift).image
            if fit is not None:
                other *= fit.factor_of(other)[:, None, None]
            variance += tf.square(other - own) / self.samples
            flux_variance += tf.square(tf.reduce_sum(other, axis=(1, 2)) - own_flux) / self.samples
        return self.where_known(known, image, variance, flux, flux_variance)

    def _drawn(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the galaxies as the decoder draws them from the mean of the posterior."""
        return self._drawing(self.infer(images).mean()).image

    def infer(self, images: tf.Tensor, training: bool = False) -> tfd.Distribution:
        """Returns q(z | image) for images in survey units; unknown pixels are taken for sky."""
        images = tf.cast(images, tf.float32)
        images = tf.where(tf.math.is_finite(images), images, 0.0)
        return self.posterior(self.encoder(self.preprocessing(images), training=training))

    def encode(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `latent_mean` and `latent_stddev` of the target galaxy, (batch, latent_dim)."""
        q = self.infer(images)
        return {"latent_mean": q.mean(), "latent_stddev": q.stddev()}

    def decode(self, latent: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `image`: (batch, height, width, bands), noiseless galaxies in survey units."""
        return {"image": self._drawing(latent).image}

    def _drawing(
        self, latent: tf.Tensor, training: bool = False, frozen: tf.Tensor | None = None
    ) -> Drawing:
        """Returns what the decoder makes of latents.

        Args:
            latent: (batch, latent_dim).
            training: Whether it trains.
            frozen: Scalar bool, whether no gradient reaches the decoder's weights; None for no.
        """
        if frozen is None:
            outputs = self.decoder(latent, training=training)
        else:
            outputs = call_frozen(self.decoder, latent, frozen, training)
        if self.networks == "residual":
            return self.drawings.of_image(*outputs)
        return self.drawings.of_maps(outputs)

    # Training.

    @property
    def stage_steps(self) -> tuple[int, ...]:
        return (self.isolated_steps,) if self.isolated_steps else ()

    def adapt(self, images: np.ndarray) -> None:
        super().adapt(images)
        if not self.isolated_steps:
            raise ValueError(
                "isolated_steps must be at least 1 for a decoder without trained weights; got 0"
            )
        if self.networks == "residual":
            self.decoder.get_layer("flux_and_shape").adapt(np.asarray(images))

    def finalize(self, images: np.ndarray) -> None:
        done = int(self.steps_on_isolated.numpy())
        if done < self.isolated_steps:
            _logger.warning(
                "deblending_vae has seen no blends: it was trained for %d of %d isolated_steps",
                done,
                self.isolated_steps,
            )
        self.fit_prior(images)

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        isolated = tf.cast(batch["isolated"], tf.float32)
        sigma = tf.cast(batch["noise_sigma"], tf.float32)
        images, target, frozen = batch["image"], isolated[:, 0], None
        if training:
            frozen = self._is_frozen()
            images = self._training_images(images, isolated, sigma, seed, frozen)
        q = self.infer(images, training)
        drawn = self._drawing(self.sample(q, seed), training, frozen)
        terms = {"reconstruction": self.drawings.loss(target, drawn), "kl": kl_normal(q)}
        loss = terms["reconstruction"] + self.beta * terms["kl"]
        if self.flux_error:
            arguments = (target, drawn.image, _FAINT * sigma, self.flux_error)
            terms["flux"] = losses.flux_error(*arguments)
            loss += terms["flux"]
        terms["reconstruction"] /= self.pixels
        return {"loss": loss / self.pixels, **terms}

    def _training_images(
        self,
        images: tf.Tensor,
        isolated: tf.Tensor,
        sigma: tf.Tensor,
        seed: tf.Tensor,
        frozen: tf.Tensor,
    ) -> tf.Tensor:
        """Returns isolated galaxies with noise in the first stage, blends in the second."""
        noise = self.sky_noise(sigma, seed)
        return tf.where(frozen, self.blends(images, isolated, noise), isolated[:, 0] + noise)

    def train_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        frozen = self._is_frozen()
        decoder = self.decoder.trainable_variables
        before = [tf.identity(each.value) for each in decoder]
        terms = super().train_step(batch)
        # The optimiser still moves what has no gradient, by momentum and weight decay.
        self.keep(decoder, before, frozen)
        self.steps_on_isolated.assign_add(tf.where(frozen, 0, 1))
        return terms

    def _is_frozen(self) -> tf.Tensor:
        return self.steps_on_isolated.value >= self.isolated_steps
