"""`spectrum_vae`: a few latent variables of the spectra of galaxies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import randomness
from zoo.distributions import kl_normal, mmd
from zoo.distributions.posterior import DiagonalNormal
from zoo.registry import register
from zoo.spectrum_model import SpectrumModel

__all__ = ["SpectrumVAE"]

# Samples of the prior with which the latents of a batch are compared.
_PRIOR_SAMPLES = 200
_NEGATIVE_SLOPE = 0.01
# Scale of the initial weights of last layers beside a linear part.
_CORRECTION = 1e-3


@register(
    "spectrum_vae",
    task="representation",
    reference="Portillo et al. 2020 (AJ 160, 45; arXiv 2002.10464)",
)
class SpectrumVAE(SpectrumModel):
    """InfoVAE of spectra, whose likelihood knows the noise of every bin.

        loss = (1/2 sum_b w_b (x_b - x'_b)^2 + KL(q(z|x) || N(0, I))
                + (mmd_weight - 1) k MMD^2(q(z), N(0, I))) / bins
        w_b = 1 / (sigma_b^2 + model_error^2)

    x is the spectrum in units of its amplitude (`zoo.layers.spectrum_scaling`), x' what the decoder
    draws and k the number of latents. Bins without data have no weight; the encoder sees there what
    principal components expect. The maximum mean discrepancy has the kernel exp(-|z - z'|^2 / k)
    and sees the global batch. In training the encoder is shown other bins at each step
    (`hidden_bins`), so that it cannot learn the noise of a spectrum by heart; the loss counts all
    bins. With `variational=False` it is an autoencoder: no noise of the latents, and no
    divergences.

    Departures from Portillo et al. 2020: a spectrum is divided by its projection on the mean
    spectrum and not by the norm of its filled form, and gaps are filled with the noise in mind
    and without a look at other spectra than those of training; encoder and decoder add a linear
    map to their layers (`shortcut`), which `adapt` sets to the principal components of the scaling,
    so that training starts from the reconstruction that these give.

    Args:
        latent_dim: Number of latent variables. Default 6.
        hidden: Units of the encoder's layers; the decoder has them in reverse. Default (549, 110),
            of the published network with ten latents.
        mmd_weight: Weight lambda of the InfoVAE, at least 1. Default 100.
        hidden_bins: Share of the bins, drawn anew at each step of training, that the encoder does
            not see. Default 0.3.
        variational: Whether it is a variational autoencoder. Default True.
        shortcut: Whether encoder and decoder have linear parts besides. Default True.

    The other arguments are those of `zoo.spectrum_model.SpectrumModel`.

    Raises:
        ValueError: if `latent_dim` or a number in `hidden` is below 1, or `mmd_weight` is, or
            `hidden_bins` is not a share.

    References:
        Portillo et al. 2020; Zhao, Song & Ermon 2019 (InfoVAE, arXiv 1706.02262), alpha = 0.

    Examples:
        ```python
        import numpy as np
        import zoo

        flux = np.random.default_rng(0).normal(10, 1, size=(64, 50))
        spectra = {"spectrum": flux, "inverse_variance": np.ones_like(flux)}
        model = zoo.create("spectrum_vae", bins=50, hidden=(16,), latent_dim=2)
        model.fit(spectra, epochs=2)
        latents = model.predict(spectra)["latent_mean"]  # (64, 2)
        drawn = model.decode(latents)["spectrum"]  # (64, 50), of mean 1
        ```
    """

    def __init__(
        self,
        *,
        latent_dim: int = 6,
        hidden: Sequence[int] = (549, 110),
        mmd_weight: float = 100.0,
        hidden_bins: float = 0.3,
        variational: bool = True,
        shortcut: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1; got {latent_dim}")
        hidden = tuple(int(units) for units in hidden)
        if not hidden or min(hidden) < 1:
            raise ValueError(f"hidden must be positive integers; got {hidden}")
        if mmd_weight < 1:
            raise ValueError(f"mmd_weight must be at least 1; got {mmd_weight}")
        if not 0 <= hidden_bins < 1:
            raise ValueError(f"hidden_bins must be at least 0 and below 1; got {hidden_bins}")
        self.latent_dim = int(latent_dim)
        self.hidden = hidden
        self.mmd_weight = float(mmd_weight)
        self.hidden_bins = float(hidden_bins)
        self.variational = bool(variational)
        self.shortcut = bool(shortcut)
        self.posterior = DiagonalNormal(self.latent_dim)
        self.encoder = self._network("encoder", self.bins, hidden, self.posterior.n_params, 0)
        self.decoder = self._network("decoder", self.latent_dim, hidden[::-1], self.bins, 100)

    def _network(
        self, name: str, inputs: int, hidden: Sequence[int], outputs: int, first_seed: int
    ) -> keras.Model:
        def dense(units: int, place: int, **options: Any) -> keras.layers.Layer:
            # With a linear part the layers begin as a small correction of it.
            is_last = place == len(hidden)
            scale = _CORRECTION if is_last and self.shortcut else 2.0
            weights = keras.initializers.VarianceScaling(scale, seed=self.seed + first_seed + place)
            return keras.layers.Dense(units, kernel_initializer=weights, **options)

        start = keras.Input((inputs,))
        x = start
        for place, units in enumerate(hidden):
            x = keras.layers.LeakyReLU(_NEGATIVE_SLOPE)(dense(units, place)(x))
        x = dense(outputs, len(hidden), dtype="float32")(x)
        if self.shortcut:
            linear = keras.layers.Dense(
                outputs, use_bias=False, kernel_initializer="zeros", dtype="float32", name="linear"
            )
            x = keras.layers.Add(dtype="float32")([x, linear(start)])
        return keras.Model(start, x, name=name)

    def adapt(self, inputs: Mapping[str, np.ndarray]) -> None:
        super().adapt(inputs)
        if not self.shortcut:
            return
        vectors = self.scaling.vectors.numpy()[: self.latent_dim]
        squares = np.sum(vectors**2, axis=1, keepdims=True)
        inverse = np.divide(vectors, squares, out=np.zeros_like(vectors), where=squares > 0)
        to_latents, to_spectrum = (
            network.get_layer("linear").kernel for network in (self.encoder, self.decoder)
        )
        # Columns after the first ones are the standard deviations.
        unused = np.zeros((self.bins, to_latents.shape[1] - len(vectors)))
        to_latents.assign(np.concatenate([inverse.T, unused], axis=1))
        unused = np.zeros((self.latent_dim - len(vectors), self.bins))
        to_spectrum.assign(np.concatenate([vectors, unused]))

    # Inference.

    def _infer(self, filled: tf.Tensor, training: bool = False) -> Any:
        return self.posterior(self.encoder(filled - self.scaling.mean, training=training))

    def _draw(self, latent: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.scaling.mean + tf.cast(self.decoder(latent, training=training), tf.float32)

    def encode(self, spectrum: tf.Tensor, inverse_variance: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `latent_mean` and `latent_stddev`, (batch, latent_dim) each."""
        q = self._infer(self.scaling(spectrum, inverse_variance)[0])
        return {"latent_mean": q.mean(), "latent_stddev": q.stddev()}

    def decode(self, latent: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `spectrum`: (batch, bins), in units of the amplitude."""
        return {"spectrum": self._draw(latent)}

    def reconstruct(self, spectrum: tf.Tensor, inverse_variance: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `reconstruction`: the decoded means in the units of the spectra, without gaps."""
        filled, _, amplitude = self.scaling(spectrum, inverse_variance)
        return {"reconstruction": amplitude * self._draw(self._infer(filled).mean())}

    def call(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> dict[str, tf.Tensor]:
        """Returns the latents and `chi2`, the mean over good bins of (x - x')^2 / sigma^2."""
        filled, weight, _ = self.scaling(inputs["spectrum"], inputs["inverse_variance"])
        q = self._infer(filled, training)
        squares = weight * tf.square(filled - self._draw(q.mean(), training))
        number = tf.math.count_nonzero(weight > 0, axis=1, dtype=tf.float32)
        chi2 = tf.math.divide_no_nan(tf.reduce_sum(squares, axis=1), number)
        return {"latent_mean": q.mean(), "latent_stddev": q.stddev(), "chi2": chi2}

    # Training.

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        filled, inverse_variance, _ = self.scaling(batch["spectrum"], batch["inverse_variance"])
        seeds = tf.random.experimental.stateless_split(seed, 3)
        encoder_input = filled
        if training and self.hidden_bins:
            draws = randomness.uniform(tf.shape(filled)[0], (self.bins,), seeds[2])
            visible = tf.where(draws < self.hidden_bins, 0.0, inverse_variance)
            encoder_input = self.scaling.fill(filled, visible)
        q = self._infer(encoder_input, training)
        latent = q.mean()
        if self.variational:
            noise = randomness.normal(tf.shape(latent)[0], (self.latent_dim,), seeds[0])
            latent = latent + q.stddev() * noise
        weight = self.weights_of(inverse_variance)
        squares = weight * tf.square(filled - self._draw(latent, training))
        reconstruction = 0.5 * tf.reduce_sum(squares, axis=1) / self.bins
        if not self.variational:
            return {"loss": reconstruction}
        kl = kl_normal(q)
        prior = tf.random.stateless_normal([_PRIOR_SAMPLES, self.latent_dim], seeds[1])
        distance = mmd(
            randomness.global_rows(latent), prior, kernels=1, bandwidth=float(self.latent_dim)
        )
        divergence = kl + (self.mmd_weight - 1) * self.latent_dim * distance
        loss = reconstruction + divergence / self.bins
        return {"loss": loss, "reconstruction": reconstruction, "kl": kl, "mmd": distance}
