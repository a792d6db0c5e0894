"""`vae`: the probabilistic convolutional variational autoencoder that its relatives extend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from zoo import losses, randomness, stretch
from zoo.batching import in_parts
from zoo.choices import check_choice
from zoo.distributions import kl_normal
from zoo.distributions.posterior import DiagonalNormal, FullCovarianceNormal
from zoo.image_model import ImageModel
from zoo.layers.plain import plain_decoder, plain_encoder
from zoo.layers.profile import ProfileDecoder
from zoo.layers.residual import residual_decoder, residual_encoder
from zoo.registry import register

__all__ = ["DECODERS", "NETWORKS", "POSTERIORS", "VAE"]

tfd = tfp.distributions

POSTERIORS = {"diagonal": DiagonalNormal, "full": FullCovarianceNormal}
DECODERS = ("convolutional", "profile")
NETWORKS = ("plain", "pooled", "residual")

# Largest value on the asinh scale that a decoder may draw: e^16 / 2 times the noise.
_MAX_STRETCHED = 16.0

# Standard deviations, in px, of the apertures of an encoder whose decoder draws a light profile.
_APERTURES = (1.0, 1.5, 2.2, 3.3, 5.0)

# Images that share their largest value are cut off there if they are more than this share.
_SATURATED_SHARE = 0.2


@register(
    "vae",
    task="representation",
    reference="Kingma & Welling 2014 (arXiv 1312.6114); Regier et al. 2015 for galaxies",
)
class VAE(ImageModel):
    """Convolutional variational autoencoder with residual blocks and a TFP posterior.

        loss = (-E_q[log p(x | z)] + beta KL(q(z | x) || N(0, I))) / pixels

    With `stretch`, the networks work on the asinh scale and the likelihood on the linear one,
    where the noise is known: x is the image in units of its noise (what the preprocessing
    returns), the encoder reads asinh(x), the decoder draws y, and

        p(x | z) = N(sinh y, sigma^2 + (model_error sinh y)^2)   or Student's t.

    The second term, the usual error floor of photometry, keeps a few bright objects that no
    decoder draws to a thousandth from deciding everything, and the first lets a faint one count
    for as much as its noise allows. On a stretched scale alone a constant noise would
    underrate the bright pixels, where the light profile is measured best.

    Args:
        preprocessing: See `zoo.preprocessing.make`. Default "background_noise".
        latent_dim: Length of the latent vector. Default 16.
        filters: Filters of each stage of encoder and decoder, each stage halving the image.
        blocks: Residual blocks of each stage.
        networks: "residual" (default), or without residual blocks "plain" and, with pooling in
            each stage, "pooled" (see `zoo.layers.plain`); for the encoder, and for the decoder if
            that is convolutional.
        nonnegative: Whether a decoder of plain or pooled networks ends in a ReLU. Default False.
        apertures: Standard deviations in px of Gaussian apertures whose fluxes the encoder is
            given besides (`zoo.layers.apertures.GaussianApertures`). None (default) for 1, 1.5,
            2.2, 3.3 and 5 with the profile decoder, and for none with the convolutional one.
        decoder: "convolutional", or "profile" (see `zoo.layers.profile.ProfileDecoder`), which
            draws one light profile and nothing else.
        likelihood: "gaussian", "student_t" or "bernoulli"; or a loss in place of a likelihood,
            times the number of pixels: "mse", "l1", "huber", "ssim", "ms_ssim".
        noise: "learnt" (one number per band) or the standard deviation, in the units that the
            preprocessing returns.
        model_error: Fractional error of the decoder, default 0.1; used with `stretch`.
        degrees_of_freedom: Of Student's t. Default 4.
        stretch: Whether the networks work on the asinh scale, default True.
        posterior: "diagonal", or "full" for a full-covariance normal.
        beta: Weight of the divergence from the prior (Higgins+17).
        beta_warmup_steps: Steps over which `beta` rises linearly from 0 in training.

    The other arguments are those of `zoo.image_model.ImageModel`.

    Raises:
        ValueError: if an argument is outside what is listed here.

    References:
        Kingma & Welling 2014; Higgins et al. 2017 (beta-VAE); Rybkin et al. 2021 (learnt noise);
        Sun et al. 2017, "Unsupervised star-galaxy segmentation and classification".

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(64, 16, 16, 5))
        model = zoo.create("vae", image_shape=(16, 16, 5), filters=(8,), latent_dim=4)
        model.fit(images, epochs=2)
        latents = model.encode(images)["latent_mean"]  # (64, 4)
        copies = model.reconstruct(images)["reconstruction"]
        ```
    """

    kept_as: Mapping[str, str] = {"decoder": "decoder_name", "posterior": "posterior_name"}

    def __init__(
        self,
        *,
        preprocessing: Any = "background_noise",
        latent_dim: int = 16,
        filters: Sequence[int] = (16, 32, 64),
        blocks: int = 1,
        networks: str = "residual",
        nonnegative: bool = False,
        apertures: Sequence[float] | None = None,
        decoder: str = "convolutional",
        likelihood: str = "gaussian",
        noise: str | float = "learnt",
        model_error: float = 0.1,
        degrees_of_freedom: float = 4.0,
        stretch: bool = True,
        posterior: str = "diagonal",
        beta: float = 1.0,
        beta_warmup_steps: int = 0,
        **kwargs: Any,
    ):
        super().__init__(preprocessing=preprocessing, **kwargs)
        check_choice("likelihood", likelihood, losses.BY_NAME)
        check_choice("posterior", posterior, POSTERIORS)
        check_choice("decoder", decoder, DECODERS)
        check_choice("networks", networks, NETWORKS)
        if noise != "learnt" and not (isinstance(noise, int | float) and noise > 0):
            raise ValueError(f"noise must be 'learnt' or a positive number; got {noise!r}")
        for name, value in (("latent_dim", latent_dim), ("blocks", blocks)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1; got {value}")
        if beta < 0:
            raise ValueError(f"beta must be at least 0; got {beta}")
        self.latent_dim = int(latent_dim)
        self.filters = tuple(filters)
        self.blocks = blocks
        self.networks = networks
        self.nonnegative = nonnegative
        if apertures is None:
            apertures = _APERTURES if decoder == "profile" else ()
        self.apertures = tuple(apertures)
        if self.apertures and networks != "residual":
            raise ValueError(
                f"apertures must be empty with networks '{networks}'; got {self.apertures}"
            )
        if nonnegative and networks == "residual":
            raise ValueError("nonnegative must be False with networks 'residual'; got True")
        self.decoder_name = decoder
        self.likelihood = likelihood
        self.noise = noise
        self.model_error = model_error
        self.degrees_of_freedom = degrees_of_freedom
        self.stretch = stretch
        self.posterior_name = posterior
        self.beta = beta
        self.beta_warmup_steps = beta_warmup_steps

        self.posterior = POSTERIORS[posterior](self.latent_dim)
        self.encoder = self._make_encoder()
        self.decoder = self._make_decoder(self.latent_dim)
        self.log_noise = self.add_weight(
            name="log_noise",
            shape=(self.preprocessed_shape[-1],),
            initializer=keras.initializers.Constant(
                0.0 if noise == "learnt" else math.log(float(noise))
            ),
            trainable=noise == "learnt" and likelihood in ("gaussian", "student_t"),
        )
        self.pixels = math.prod(self.preprocessed_shape)
        self.built = True

    def _make_encoder(self) -> keras.Model:
        return self._image_encoder(self.posterior.n_params, self.seed, "encoder")

    def _image_encoder(self, outputs: int, seed: int, name: str) -> keras.Model:
        if self.networks != "residual":
            return plain_encoder(
                self.preprocessed_shape,
                self.filters,
                outputs,
                seed,
                name,
                pooling=self.networks == "pooled",
            )
        return residual_encoder(
            self.preprocessed_shape,
            self.filters,
            self.blocks,
            outputs,
            seed,
            name=name,
            apertures=self.apertures,
            stretched=self.stretch,
        )

    def _image_decoder(self, inputs: int) -> keras.Model:
        if self.networks != "residual":
            return plain_decoder(
                inputs,
                self.preprocessed_shape,
                self.filters,
                self.seed + 1,
                pooling=self.networks == "pooled",
                nonnegative=self.nonnegative,
            )
        return residual_decoder(
            inputs, self.preprocessed_shape, self.filters, self.blocks, self.seed + 1
        )

    def _make_decoder(self, inputs: int) -> keras.layers.Layer:
        if self.decoder_name == "convolutional":
            return self._image_decoder(inputs)
        profile = ProfileDecoder(self.preprocessed_shape, name="decoder")
        if inputs < profile.latent_dim:
            raise ValueError(
                f"latent_dim must be at least {profile.latent_dim} for decoder 'profile' in "
                f"{profile.bands} bands; got {inputs}"
            )
        profile.build((None, inputs))
        return profile

    def adapt(self, images: np.ndarray) -> None:
        super().adapt(images)
        if isinstance(self.decoder, ProfileDecoder):
            self._adapt_profile(self.decoder, images)

    def _adapt_profile(self, profile: ProfileDecoder, images: np.ndarray) -> None:
        stretched = in_parts(lambda part: self._network_input(part)[1], images)
        profile.adapt(stretched, _saturated(images))

    # Inference.

    def _network_input(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the image in units of its noise, and as the encoder reads it."""
        x = tf.cast(self.preprocessing(images), tf.float32)
        return x, stretch.asinh(x) if self.stretch else x

    def infer(self, images: tf.Tensor, training: bool = False) -> tfd.Distribution:
        """Returns q(z | x) for images in survey units."""
        return self.posterior(self.encoder(self._network_input(images)[1], training=training))

    def encode(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `latent_mean` and `latent_stddev`, (batch, latent_dim) each."""
        q = self.infer(images)
        return {"latent_mean": q.mean(), "latent_stddev": q.stddev()}

    def decode(self, latent: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `image`: (batch, height, width, bands), per-image factors of one."""
        drawn = self._draw(latent)
        return {"image": self.preprocessing.inverse(drawn)}

    def reconstruct(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `reconstruction`: the decoded posterior means, in survey units."""
        drawn = self._draw(self.infer(images).mean())
        return {"reconstruction": self.preprocessing.inverse(drawn, like=images)}

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        return self.encode(images)

    def _draw(self, latent: tf.Tensor) -> tf.Tensor:
        return self._to_linear(self.decoder(latent))

    def _to_linear(self, drawn: tf.Tensor) -> tf.Tensor:
        """Returns what the decoder draws on the scale of the preprocessed images."""
        y = tf.cast(drawn, tf.float32)
        if self.likelihood == "bernoulli":
            return tf.sigmoid(y)
        return stretch.sinh(y, _MAX_STRETCHED) if self.stretch else y

    # Training.

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        x, encoder_input = self._network_input(batch["image"])
        q = self.posterior(self.encoder(encoder_input, training=training))
        latent = self.sample(q, seed)
        reconstruction = self.reconstruction_loss(x, self.decoder(latent, training=training))
        divergences = self.divergences(q, latent, seed)
        beta = self._beta_now(training)
        loss = (reconstruction + beta * sum(divergences.values())) / self.pixels
        return {"loss": loss, "reconstruction": reconstruction / self.pixels, **divergences}

    def sample(self, q: tfd.Distribution, seed: tf.Tensor) -> tf.Tensor:
        """Returns one reparametrised sample of q per image, (batch, latent_dim)."""
        noise = randomness.normal(tf.shape(q.mean())[0], (self.latent_dim,), seed)
        return q.mean() + q.scale.matvec(noise)

    def divergences(
        self, q: tfd.Distribution, latent: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Returns the named terms that tie q to the prior, in nats per image."""
        return {"kl": kl_normal(q)}

    def reconstruction_loss(self, x: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
        """Returns -log p(x | z), or the loss that stands for it, summed over pixels: (batch,).

        Args:
            x: Preprocessed images.
            drawn: What the decoder returned.
        """
        drawn = tf.cast(drawn, tf.float32)
        if self.likelihood == "bernoulli":
            return losses.bernoulli(x, drawn, reduction="sum")
        if self.likelihood not in ("gaussian", "student_t"):
            target = stretch.asinh(x) if self.stretch else x
            return losses.get(self.likelihood)(target, drawn) * self.pixels
        # Spread over the pixels first: the sum of its gradient in steps is faster and more exact.
        variance = tf.broadcast_to(tf.exp(2 * self.log_noise.value), self.preprocessed_shape)
        if self.stretch:
            drawn = stretch.sinh(drawn, _MAX_STRETCHED)
            variance += tf.square(self.model_error * drawn)
        if self.likelihood == "student_t":
            density = tfd.StudentT(self.degrees_of_freedom, drawn, tf.sqrt(variance))
            return -tf.reduce_sum(density.log_prob(x), axis=(1, 2, 3))
        # Written out, as TFP divides twice by the scale and has no use for the variance.
        terms = tf.square(x - drawn) / variance + tf.math.log(variance)
        return 0.5 * (tf.reduce_sum(terms, axis=(1, 2, 3)) + self.pixels * math.log(2 * math.pi))

    def _beta_now(self, training: bool) -> tf.Tensor:
        if not training or not self.beta_warmup_steps:
            return tf.constant(float(self.beta))
        step = tf.cast(self.step_count, tf.float32)
        return self.beta * tf.minimum(1.0, step / self.beta_warmup_steps)


def _saturated(images: np.ndarray) -> bool:
    """Returns True if many images reach the largest value of any pixel."""
    at_limit = (images == images.max()).any(axis=(1, 2, 3))
    return bool(np.mean(at_limit) > _SATURATED_SHARE)
