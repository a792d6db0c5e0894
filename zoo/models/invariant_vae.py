"""`invariant_vae`: latents that say what a galaxy is, apart from those that say how it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from keras import layers

from zoo.batching import in_parts
from zoo.distributions import kl_normal
from zoo.layers.polar_harmonics import PolarHarmonics
from zoo.models.vae import VAE
from zoo.registry import register

__all__ = ["InvariantVAE"]

tfd = tfp.distributions


@register(
    "invariant_vae",
    task="representation",
    reference="Kingma & Welling 2014 (arXiv 1312.6114); task of Xu et al. 2023 (arXiv 2303.08627)",
)
class InvariantVAE(VAE):
    """Variational autoencoder whose first latents do not change when the galaxy is turned.

    The latents of an image are z = (s_1, s_2, s_3, a). Networks of dense layers read s_b from the
    amplitudes f_b(x) of rings, multipoles and spirals
    (`zoo.layers.polar_harmonics.PolarHarmonics`), a convolutional one reads a from the image. Each
    s_b draws its amplitudes, and all draw the image:

        loss = -E_q[log p(x | s, a)] + beta KL(q(a | x) || N(0, I))
               + sum_b ( -E_q[log N(f_b(x); g_b(s_b), e_b^2)] + KL(q(s_b | f_b(x)) || N(0, I)) )

    per pixel.

    No gradient flows from the image to s: how arms wind and how many there are is a small part of
    the pixels, and latents that serve the pixels alone spend themselves on where the light
    lies. The numbers that decide on a morphology are those that remain when the position angle is
    forgotten, and 40 principal components of these hold more of it than 40 of the pixels. The kinds
    of amplitudes have latents of their own: mixed with the others, the small changes of a profile
    that a bulge makes lie along no axis, and trees cut along axes.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 3).
        preprocessing: See `zoo.preprocessing.make`. Default "standardize".
        augment: Whether training images are flipped and turned at random. Default True; s does
            not notice.
        latent_dim: Length of z, default 40.
        invariant_dims: Lengths of s_1 (rings), s_2 (multipoles) and s_3 (spirals), default 10, 12
            and 12; the rest of z is a.
        width: Units of the two hidden layers between amplitudes and s_b, default 128.
        amplitude_noise: Lowest and highest e, in units of the standard deviation of each
            amplitude; in between it is learnt, one number for each. Rings are alike and would be
            held to a thousandth, spirals of few galaxies taken for noise. Default 0.03 and 0.4.
        rings: Number of rings, see `zoo.layers.polar_harmonics.PolarHarmonics`. Default 16.
        orders: Largest order of the multipoles. Default 8.
        spiral_orders: Largest number of arms of the spirals. Default 6.
        stretch: Whether the networks work on the asinh scale, default False.

    The other arguments are those of `zoo.models.vae.VAE`, without `posterior`, `apertures` and
    `decoder`.

    Raises:
        ValueError: if an argument is outside what is listed here.

    References:
        Kingma & Welling 2014. Departure from Xu et al. 2023, whose latents see pixels alone: the
        amplitudes. They are measured, not learnt from labels.

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(64, 16, 16, 3))
        model = zoo.create("invariant_vae", image_shape=(16, 16, 3), filters=(8,), rings=4)
        model.fit(images, epochs=2)
        latents = model.encode(images)["latent_mean"]
        invariant = latents[:, : model.invariant_dim]  # the same when the galaxy is turned
        ```
    """

    # The posterior, the encoder and the decoder are of one kind.
    fixed_arguments = ("posterior", "apertures", "decoder")

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (64, 64, 3),
        preprocessing: Any = "standardize",
        augment: bool = True,
        latent_dim: int = 40,
        invariant_dims: Sequence[int] = (10, 12, 12),
        width: int = 128,
        amplitude_noise: Sequence[float] = (0.03, 0.4),
        rings: int = 16,
        orders: int = 8,
        spiral_orders: int = 6,
        stretch: bool = False,
        **kwargs: Any,
    ):
        invariant_dims = tuple(int(dim) for dim in invariant_dims)
        if len(invariant_dims) != 3 or min(invariant_dims) < 1 or sum(invariant_dims) >= latent_dim:
            raise ValueError(
                "invariant_dims must be three positive integers whose sum is below latent_dim; got "
                f"{list(invariant_dims)} and latent_dim {latent_dim}"
            )
        amplitude_noise = tuple(amplitude_noise)
        if len(amplitude_noise) != 2 or not 0 < amplitude_noise[0] <= amplitude_noise[1]:
            raise ValueError(
                "amplitude_noise must be two positive numbers, the lowest first; "
                f"got {list(amplitude_noise)}"
            )
        self.invariant_dims = invariant_dims
        self.invariant_dim = sum(invariant_dims)
        self.width = width
        self.amplitude_noise = amplitude_noise
        self.rings, self.orders, self.spiral_orders = rings, orders, spiral_orders
        self.harmonics = PolarHarmonics(rings, orders, spiral_orders, name="harmonics")
        super().__init__(
            image_shape=image_shape,
            preprocessing=preprocessing,
            augment=augment,
            latent_dim=latent_dim,
            stretch=stretch,
            **kwargs,
        )
        self.amplitude_decoders = [
            _perceptron(dim, width, features, self.seed + 20 + block, f"amplitude_decoder_{block}")
            for block, (dim, features) in enumerate(
                zip(invariant_dims, self.harmonics.blocks, strict=True)
            )
        ]
        # On the way from the lowest to the highest logarithm; it starts near the highest.
        self.amplitude_noise_logit = self.add_weight(
            name="amplitude_noise_logit",
            shape=(self.harmonics.features,),
            initializer=keras.initializers.Constant(2.0),
        )

    def _make_encoder(self) -> keras.Model:
        images = keras.Input(self.preprocessed_shape)
        amplitudes = self.harmonics(images)
        means, scales, start = [], [], 0
        for block, dim in enumerate(self.invariant_dims):
            features = self.harmonics.blocks[block]
            read = _perceptron(
                features, self.width, 2 * dim, self.seed + 10 + block, f"invariant_encoder_{block}"
            )(amplitudes[:, start : start + features])
            means.append(read[:, :dim])
            scales.append(read[:, dim:])
            start += features
        rest = self.latent_dim - self.invariant_dim
        read = self._image_encoder(2 * rest, self.seed, "image_encoder")(images)
        parts = [*means, read[:, :rest], *scales, read[:, rest:]]
        return keras.Model(images, layers.Concatenate()(parts), name="encoder")

    def adapt(self, images: np.ndarray) -> None:
        super().adapt(images)
        self.harmonics.adapt(in_parts(lambda part: self._network_input(part)[1], images))

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        x, encoder_input = self._network_input(batch["image"])
        q = self.posterior(self.encoder(encoder_input, training=training))
        latent = self.sample(q, seed)
        invariant, rest = tf.split(latent, [self.invariant_dim, -1], axis=-1)
        seen = tf.concat([tf.stop_gradient(invariant), rest], axis=-1)
        reconstruction = self.reconstruction_loss(x, self.decoder(seen, training=training))
        density = tfd.Normal(self._draw_amplitudes(invariant), self._noise_of_amplitudes())
        amplitudes = -tf.reduce_sum(density.log_prob(self.harmonics(encoder_input)), axis=-1)
        kl = {
            "kl_invariant": self._divergence(q, slice(None, self.invariant_dim)),
            "kl": self._divergence(q, slice(self.invariant_dim, None)),
        }
        loss = reconstruction + self._beta_now(training) * kl["kl"] + amplitudes
        return {
            "loss": (loss + kl["kl_invariant"]) / self.pixels,
            "reconstruction": reconstruction / self.pixels,
            "amplitudes": amplitudes,
            **kl,
        }

    def _draw_amplitudes(self, invariant: tf.Tensor) -> tf.Tensor:
        parts = tf.split(invariant, self.invariant_dims, axis=-1)
        drawn = [decoder(s) for decoder, s in zip(self.amplitude_decoders, parts, strict=True)]
        return tf.cast(tf.concat(drawn, axis=-1), tf.float32)

    def _noise_of_amplitudes(self) -> tf.Tensor:
        low, high = np.log(self.amplitude_noise)
        return tf.exp(low + (high - low) * tf.sigmoid(self.amplitude_noise_logit.value))

    def _divergence(self, q: tfd.Distribution, part: slice) -> tf.Tensor:
        loc, scale = q.mean()[:, part], q.scale.diag_part()[:, part]
        return kl_normal(tfd.MultivariateNormalDiag(loc, scale))


def _perceptron(inputs: int, width: int, outputs: int, seed: int, name: str) -> keras.Model:
    """Returns a linear network with two hidden layers beside it, whose part starts near zero."""
    x = keras.Input((inputs,))
    y = x
    for layer in range(2):
        glorot = keras.initializers.GlorotUniform(seed=seed + 100 * layer)
        y = layers.Dense(width, activation="leaky_relu", kernel_initializer=glorot)(y)
    nearly_zero = keras.initializers.VarianceScaling(1e-2, seed=seed + 200)
    y = layers.Dense(outputs, kernel_initializer=nearly_zero, dtype="float32")(y)
    glorot = keras.initializers.GlorotUniform(seed=seed + 300)
    linear = layers.Dense(outputs, use_bias=False, kernel_initializer=glorot, dtype="float32")(x)
    return keras.Model(x, layers.Add(dtype="float32")([y, linear]), name=name)
