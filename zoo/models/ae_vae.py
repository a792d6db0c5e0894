"""`ae_vae`: an autoencoder for low-level features and a variational autoencoder above it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from zoo.models.vae_mixture import MixtureVAE
from zoo.registry import register

__all__ = ["MODES", "HierarchicalVAE"]

tfd = tfp.distributions

MODES = ("feature_loss", "hierarchical")


@register(
    "ae_vae",
    task="unsupervised_classification",
    reference="Sun et al. 2017 (SDSS star-galaxy report), 'A hierarchical design'",
)
class HierarchicalVAE(MixtureVAE):
    """Autoencoder with many hidden units below, variational autoencoder with few above.

    mode="hierarchical": h = f(x) has `feature_dim` units and x' = g(h) reproduces the image; the
    VAE sees h (no gradient flows back into f) and reproduces it from few latents:

        loss = -log p(x | h) + |h|^2 / 2 - E_q[log N(h; h'(z), s^2)] + beta KL(q(z | h) || p)

    mode="feature_loss": the VAE works on images and its loss is measured in the features of the
    autoencoder, which learns beside it from its own reconstruction alone:

        loss = -log p(x | h) + |h|^2 / 2 - E_q[log N(h; f(x'(z)), s^2)] + beta KL(q(z | x) || p)

    both divided by the number of pixels, with p the mixture prior and s learnt, one number per
    feature. The penalty on |h| keeps the features of the autoencoder of order one (Ghosh+20).

    Departures from Sun et al.: they train the autoencoder first, here both are trained at once,
    each by its own terms, so that one run does it. And the networks between h and z add to the
    identity, so that the first latents start as the first units of h; with the decoder "profile"
    these are size and fluxes, over which the mixture then lies as in `vae_mixture`.

    Args:
        mode: "hierarchical" (default) or "feature_loss".
        feature_dim: Hidden units of the autoencoder, default 30. The decoder "profile" reads the
            first of them as its parameters.
        latent_dim: Latents of the VAE above, default 4; in mode "feature_loss" with the decoder
            "profile" at least as many as that has parameters.
        width: Units of the hidden layers between features and latents, default 64.
        prior_components: Components of the mixture prior, default 2.

    The other arguments are those of `zoo.models.vae_mixture.MixtureVAE`.

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(64, 16, 16, 3))
        model = zoo.create("ae_vae", image_shape=(16, 16, 3), filters=(8,), feature_dim=12)
        model.fit(images, epochs=2)
        features = model.features(images)  # (64, 12)
        latents = model.encode(images)["latent_mean"]  # (64, 4)
        ```
    """

    def __init__(
        self,
        *,
        mode: str = "hierarchical",
        feature_dim: int = 30,
        latent_dim: int = 4,
        width: int = 64,
        prior_components: int = 2,
        **kwargs: Any,
    ):
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}; got '{mode}'")
        self.mode = mode
        self.feature_dim = feature_dim
        self.width = width
        super().__init__(latent_dim=latent_dim, prior_components=prior_components, **kwargs)
        self.feature_encoder = self._image_encoder(feature_dim, self.seed + 2, "feature_encoder")
        self.feature_decoder = super()._make_decoder(feature_dim)
        self.log_feature_noise = self.add_weight(
            name="log_feature_noise", shape=(feature_dim,), initializer="zeros"
        )

    def _make_encoder(self) -> keras.Model:
        if self.mode == "feature_loss":
            return super()._make_encoder()
        sizes = (self.feature_dim, self.width, self.posterior.n_params)
        return _residual_perceptron(*sizes, self.latent_dim, self.seed, name="encoder")

    def _make_decoder(self, inputs: int) -> keras.layers.Layer:
        if self.mode == "feature_loss":
            return super()._make_decoder(inputs)
        sizes = (inputs, self.width, self.feature_dim)
        return _residual_perceptron(*sizes, self.latent_dim, self.seed + 1, name="decoder")

    def adapt(self, images: np.ndarray) -> None:
        super().adapt(images)
        if self.decoder_name == "profile":
            self._adapt_profile(self.feature_decoder, images)

    def infer(self, images: tf.Tensor, training: bool = False) -> tfd.Distribution:
        if self.mode == "feature_loss":
            return super().infer(images, training)
        return self.posterior(self.encoder(self.features(images), training=training))

    def _mixed_latents(self) -> int:
        if self.mode == "hierarchical" and self.decoder_name == "profile":
            return min(1 + self.preprocessed_shape[-1], self.latent_dim)
        return super()._mixed_latents()

    def _profile_parameters(self, latent: tf.Tensor) -> dict[str, tf.Tensor] | None:
        if self.mode == "hierarchical" and self.decoder_name == "profile":
            return self.feature_decoder.parameters(self.decoder(latent))
        return super()._profile_parameters(latent)

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the hidden units of the autoencoder, (batch, feature_dim)."""
        return self.feature_encoder(self._network_input(images)[1])

    def _draw(self, latent: tf.Tensor) -> tf.Tensor:
        drawn = self.decoder(latent)
        if self.mode == "hierarchical":
            drawn = self.feature_decoder(drawn)
        return self._to_linear(drawn)

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        x, encoder_input = self._network_input(batch["image"])
        features = self.feature_encoder(encoder_input, training=training)
        reproduced = self.feature_decoder(features, training=training)
        reconstruction = self.reconstruction_loss(x, reproduced)
        penalty = 0.5 * tf.reduce_sum(tf.square(features), axis=-1)

        target = tf.stop_gradient(features)
        from_image = self.mode == "feature_loss"
        q = self.posterior(self.encoder(encoder_input if from_image else target, training=training))
        latent = self.sample(q, seed)
        predicted = self.decoder(latent, training=training)
        if from_image:
            predicted = self._frozen_features(predicted)
        noise = tfd.Normal(predicted, tf.exp(self.log_feature_noise.value))
        feature_loss = -tf.reduce_sum(noise.log_prob(target), axis=-1)
        divergences = self.divergences(q, latent, seed)
        upper = feature_loss + self._beta_now(training) * sum(divergences.values())
        return {
            "loss": (reconstruction + penalty + upper) / self.pixels,
            "reconstruction": reconstruction / self.pixels,
            "feature_loss": feature_loss,
            **divergences,
        }

    def _frozen_features(self, drawn: tf.Tensor) -> tf.Tensor:
        """Returns the features of drawn images; the gradient flows to the images alone."""
        encoder = self.feature_encoder
        weights = [tf.stop_gradient(variable.value) for variable in encoder.trainable_variables]
        fixed = [variable.value for variable in encoder.non_trainable_variables]
        return encoder.stateless_call(weights, fixed, drawn)[0]


def _residual_perceptron(
    inputs: int, width: int, outputs: int, kept: int, seed: int, name: str
) -> keras.Model:
    """Returns a network that starts near the identity on the first `kept` units, else near zero."""
    kept = min(inputs, outputs, kept)
    x = keras.Input((inputs,))
    y = x
    for layer in range(2):
        glorot = keras.initializers.GlorotUniform(seed=seed + layer)
        y = keras.layers.Dense(width, activation="leaky_relu", kernel_initializer=glorot)(y)
    nearly_zero = keras.initializers.VarianceScaling(1e-4, seed=seed + 2)
    y = keras.layers.Dense(outputs, kernel_initializer=nearly_zero, dtype="float32")(y)
    same = keras.ops.pad(keras.ops.cast(x[:, :kept], "float32"), [[0, 0], [0, outputs - kept]])
    return keras.Model(x, keras.layers.Add(dtype="float32")([y, same]), name=name)
