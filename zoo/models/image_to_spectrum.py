"""`image_to_spectrum`: the spectrum that a galaxy is likely to have, from its image."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from zoo import encoders, registry, trained_spectra
from zoo.choices import check_choice
from zoo.distributions.posterior import ConstantNormal, DiagonalNormal, FullCovarianceNormal
from zoo.layers.dense_head import DenseHead
from zoo.layers.hybrid_residual import hybrid_residual_network
from zoo.layers.residual import residual_encoder
from zoo.photometric_model import PhotometricModel

__all__ = ["NETWORKS", "POSTERIORS", "ImageToSpectrum"]

tfd = tfp.distributions

NETWORKS = ("residual", "hybrid")
POSTERIORS = {
    "full": FullCovarianceNormal,
    "diagonal": DiagonalNormal,
    "constant": ConstantNormal,
}

# Length of the first dense layer behind convolutions and colours.
_UNITS = 256


@registry.register(
    "image_to_spectrum",
    task="spectrum",
    reference="Wu & Peek 2020 (arXiv 2009.12318), spectra of galaxies from images",
)
class ImageToSpectrum(PhotometricModel):
    """Latents of a trained `spectrum_vae` from images, and with its decoder spectra.

        loss = -(log N(z; m, s^2) + log N(z; stop(m), C)) / (2 latents)

    z are the latent means of the object's own spectrum, m and C mean and covariance from the image,
    and s the scatter of each latent, the same for all images. So the mean is trained by squared
    errors, and the covariance by the likelihood about it; a likelihood alone gives up on objects
    that are hard, whose variance it raises (Seitzer et al. 2022). The model of spectra is part of
    a saved model, frozen; spectra are not needed in use.

    Departures from Wu & Peek 2020: the covariance, so that the answer has an uncertainty;
    colours through apertures beside the convolutions (`network="residual"`); E(B-V) in the Galaxy,
    if `reddening` names it. With `network="hybrid", posterior="constant"` the network is the
    published one, and the squared error of each latent counts in units of its own scatter; there it
    counted in units of the spread of the latents.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 5).
        preprocessing: See `zoo.preprocessing.make`. Default "band_asinh", which keeps colours;
            photometry in apertures supposes an asinh.
        augment: Whether training images are flipped and turned at random. Default True.
        spectra: Trained `spectrum_vae`: named weights, folder of a finished run or `.keras` file.
            Default "spectrum_vae/sdss_simulated". Or "spectrum_vae", untrained, for tests.
        spectra_hyperparameters: Of an untrained one, where they differ from its defaults.
        reddening: Feature of the dataset with E(B-V) in the Galaxy, mag, which the model then reads
            beside the image; None (default) to read images alone.
        network: "residual" (default): convolutions and colours in apertures; "hybrid": xresnet18
            with Mish, attention, and a stem of `zoo.layers.network_deconvolution`.
        filters: Filters of each stage. Default (16, 32, 64, 128).
        blocks: Residual blocks of each stage. Default 1.
        apertures: Standard deviations of the apertures of the colours, px; empty for none. Default
            (1.5, 3, 6, 12). Of the residual network alone.
        summary: Numbers that the residual blocks give to the dense layers. Default 64.
        features: Length of the last hidden layer of `network="residual"`; that of the other is
            `filters[-1]`. Default 64.
        dropout: Share of the last hidden layer dropped in training. Default 0.1.
        posterior: "full" (default): covariances of the latents from the image; "diagonal":
            their variances; "constant": s^2, and the first term of the loss alone.
        samples: Draws from q by which the spectrum's scatter is found; an even number. Default 16.

    The other arguments are those of `zoo.image_model.ImageModel`.

    Raises:
        ValueError: if an argument is outside what is listed here, or `spectra` is no model of
            spectra.

    References:
        Wu & Peek 2020; Ye et al. 2020 (arXiv 1905.11926); Seitzer et al. 2022 (ICLR, arXiv
        2203.09168).

    Examples:
        ```python
        import numpy as np
        import zoo

        draws = np.random.default_rng(0)
        pairs = {
            "image": draws.normal(size=(64, 16, 16, 5)).astype("float32"),
            "spectrum": draws.normal(10, 1, size=(64, 50)).astype("float32"),
            "inverse_variance": np.ones((64, 50), "float32"),
        }
        model = zoo.create(
            "image_to_spectrum", image_shape=(16, 16, 5), filters=(8,), spectra="spectrum_vae",
            spectra_hyperparameters={"bins": 50, "hidden": (16,)},
        )
        model.fit(pairs, epochs=1)
        spectrum = model.predict(pairs["image"])["spectrum"]  # (64, 50), of mean 1
        ```
    """

    targets = ("spectrum", "inverse_variance")
    kept_as: Mapping[str, str] = {
        # The methods.
        "features": "feature_count",
        "posterior": "posterior_name",
    }

    def __init__(
        self,
        *,
        preprocessing: Any = "band_asinh",
        augment: bool = True,
        spectra: str | os.PathLike | Mapping[str, Any] = "spectrum_vae/sdss_simulated",
        spectra_hyperparameters: Mapping[str, Any] | None = None,
        reddening: str | None = None,
        network: str = "residual",
        filters: Sequence[int] = (16, 32, 64, 128),
        blocks: int = 1,
        apertures: Sequence[float] = (1.5, 3.0, 6.0, 12.0),
        summary: int = 64,
        features: int = 64,
        dropout: float = 0.1,
        posterior: str = "full",
        samples: int = 16,
        **kwargs: Any,
    ):
        super().__init__(preprocessing=preprocessing, augment=augment, **kwargs)
        check_choice("network", network, NETWORKS)
        check_choice("posterior", posterior, POSTERIORS)
        for name, value in (("blocks", blocks), ("summary", summary), ("features", features)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1; got {value}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {dropout}")
        if samples < 2 or samples % 2:
            raise ValueError(f"samples must be a positive even number; got {samples}")
        self.network = network
        self.filters = tuple(filters)
        self.blocks = blocks
        self.apertures = tuple(float(sigma) for sigma in apertures)
        self.summary = summary
        self.feature_count = features
        self.dropout = dropout
        self.posterior_name = posterior
        self.samples = samples

        self.spectra = trained_spectra.model(spectra, spectra_hyperparameters)
        for variable in self.spectra.trainable_variables:
            variable.trainable = False
        self.latent_dim = self.spectra.latent_dim
        self.posterior = POSTERIORS[posterior](self.latent_dim)
        is_constant = posterior == "constant"
        self.scatter = self.posterior if is_constant else ConstantNormal(self.latent_dim)
        is_residual = network == "residual"
        length = self.make_photometry(self.apertures if is_residual else (), reddening)
        if is_residual:
            self.backbone = residual_encoder(
                self.preprocessed_shape, self.filters, blocks, summary, self.seed, name="backbone"
            )
        else:
            self.backbone = hybrid_residual_network(
                self.preprocessed_shape, self.filters, blocks, self.seed
            )
        length += self.backbone.output_shape[-1]
        self.dense: DenseHead | None = None
        if is_residual:
            self.dense = DenseHead(
                length, (_UNITS,), ("leaky_relu",), features, seed=self.seed + 200, name="dense"
            )
            length = features
        self.head = DenseHead(
            length,
            (),
            (),
            self.posterior.n_params,
            dropout,
            self.seed + 100,
            # Random covariances of outliers would give the first losses in the thousands.
            starts_near_zero=is_residual,
            name="head",
        )
        draws = np.random.default_rng(self.seed).normal(size=(samples // 2, self.latent_dim))
        self._directions = np.concatenate([draws, -draws]).astype(np.float32)
        self.built = True

    # Inference.

    def _read(
        self, images: tf.Tensor, reddening: tf.Tensor | None, training: bool = False
    ) -> tf.Tensor:
        x = self.preprocessing(images)
        seen = tf.cast(self.backbone(x, training=training), tf.float32)
        y = tf.concat([seen, *self.photometry(x, reddening)], axis=1)
        return y if self.dense is None else tf.nn.leaky_relu(self.dense(y))

    def _infer(
        self,
        images: tf.Tensor,
        reddening: tf.Tensor | None = None,
        seed: tf.Tensor | None = None,
        training: bool = False,
    ) -> tfd.Distribution:
        return self.posterior(self.head(self._read(images, reddening, training), seed=seed))

    def features(self, images: tf.Tensor, reddening: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the last hidden layer, (batch, features).

        Args:
            images: (batch, height, width, bands) in survey units.
            reddening: E(B-V) in the Galaxy, (batch,), mag, of a model that reads it.
        """
        return self._read(images, reddening)

    def encode(self, images: tf.Tensor, reddening: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """Returns `latent_mean` and `latent_stddev` of the spectrum, (batch, latent_dim) each.

        Args:
            images: As of `features`.
            reddening: Likewise.
        """
        q = self._infer(images, reddening)
        return {"latent_mean": q.mean(), "latent_stddev": q.stddev()}

    def call(
        self, inputs: tf.Tensor | Mapping[str, tf.Tensor], training: bool = False
    ) -> dict[str, tf.Tensor]:
        """Returns the latents, `spectrum` and `spectrum_sigma`, (batch, bins) of mean flux 1.

        The spectrum is that of the latents' mean; its scatter is that of the spectra of draws from
        q, the same for every image.
        """
        q = self._infer(*self.inputs_of(inputs))
        mean = q.mean()
        spectrum = self.spectra.decode(mean)["spectrum"]
        directions = tf.broadcast_to(
            self._directions[:, None], (self.samples, tf.shape(mean)[0], self.latent_dim)
        )
        draws = tf.reshape(mean + q.scale.matvec(directions), (-1, self.latent_dim))
        drawn = self.spectra.decode(draws)["spectrum"]
        drawn = tf.reshape(drawn, (self.samples, -1, self.spectra.bins))
        variance = tf.reduce_mean(tf.math.squared_difference(drawn, spectrum), axis=0)
        return {
            "latent_mean": mean,
            "latent_stddev": q.stddev(),
            "spectrum": spectrum,
            "spectrum_sigma": tf.sqrt(variance),
        }

    # Training.

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns the loss and `latent_error`, the squared errors of the latents' means."""
        wanted = self.spectra.encode(batch["spectrum"], batch["inverse_variance"])["latent_mean"]
        wanted = tf.stop_gradient(wanted)
        q = self._infer(*self.inputs_of(batch), seed if training else None, training)
        mean = q.mean()
        log_density = self.scatter(mean).log_prob(wanted)
        if self.posterior_name != "constant":
            about = tfd.MultivariateNormalLinearOperator(tf.stop_gradient(mean), q.scale)
            log_density = (log_density + about.log_prob(wanted)) / 2
        return {
            "loss": -log_density / self.latent_dim,
            "latent_error": tf.reduce_mean(tf.square(mean - wanted), axis=-1),
        }

    def get_config(self) -> dict[str, Any]:
        # The description has the hyperparameters, chosen ones and defaults.
        description = encoders.describe(self.spectra)
        return {**super().get_config(), "spectra": description, "spectra_hyperparameters": None}
