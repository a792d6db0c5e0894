"""`image_spectrum_clip`: images and spectra of galaxies in one space."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import encoders, trained_spectra
from zoo.array_methods import over_arrays
from zoo.choices import check_choice
from zoo.embedding import EMBEDDING, SPECTRUM_EMBEDDING
from zoo.layers.dense_head import DenseHead
from zoo.layers.residual import residual_encoder
from zoo.losses import contrastive as losses
from zoo.photometric_model import PhotometricModel
from zoo.registry import register
from zoo.signature import Signature

__all__ = ["FRAMES", "ImageSpectrumCLIP"]

FRAMES = ("observed", "rest")

# Largest scale of the cosines, as in CLIP, and factor that brings log(1 + z) to order one.
_LARGEST_SCALE = 100.0
_REDSHIFT_SCALE = 10.0
# Least redshift that the spectrum's encoder tells apart.
_LEAST_REDSHIFT = -0.5
# Objects that an error names.
_NAMED = 3


@register(
    "image_spectrum_clip",
    task="representation",
    reference="Parker et al. 2024 (AstroCLIP, MNRAS 531, 4990; arXiv 2310.03024)",
)
class ImageSpectrumCLIP(PhotometricModel):
    """Image and spectrum of a galaxy as nearby points of one sphere, after AstroCLIP.

        x = f(image) / |f(image)|,     y = g(spectrum) / |g(spectrum)|
        l(x, y) = -log exp(x_i . y_i / T) / sum_k exp(x_i . y_k / T)
        loss = (l(x, y) + l(y, x)) / 2

    The sums are over the objects of the batch, on all replicas. f joins residual convolutions and
    colours in apertures. g reads the latent means that a trained `spectrum_vae` gives a spectrum,
    the log of its amplitude, and with `frame="observed"` log(1 + z): spectra are stored in the
    rest frame, and an observed one shows its redshift by its lines. Redshifts have a part in the
    training thus far, as they have in that of AstroCLIP; classes have none.

    In use images and spectra are embedded apart from each other: `features(images)` and
    `spectrum_features(...)`, compared by their cosine. Neighbours of an image among spectra of
    known redshift and class say what these may be of the image, without a fit.

    Departures from Parker et al. 2024: convolutions and colours in place of a vision transformer,
    latents of an autoencoder in place of a transformer of spectra, both small; a temperature that
    is learnt, as in CLIP (theirs is 1 / 15.5); dense heads without attention.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 5).
        preprocessing: See `zoo.preprocessing.make`. Default "band_asinh", which apertures presume.
        augment: Whether training images are flipped and turned at random. Default True.
        spectra: Trained `spectrum_vae`: named weights, folder of a finished run or `.keras` file.
            Default "spectrum_vae/sdss_simulated". Or "spectrum_vae", untrained, for tests.
        spectra_hyperparameters: Of an untrained one, where they differ from its defaults.
        finetune: Whether the encoder of `spectra` is trained too. Default False.
        frame: "observed" (default), or "rest" for spectra whose redshift the encoder does not know.
        latent_dim: Length of x and y. Default 32.
        filters: Filters of each stage of the image's residual network. Default (8, 16, 32, 64).
        blocks: Residual blocks of each stage. Default 1.
        summary: Numbers that the residual blocks give to the dense layers. Default 64.
        apertures: Standard deviations of the apertures of the colours, px; empty for none. Default
            (1.5, 3, 6).
        units: Hidden units of the dense layers behind each of the two encoders. Default (256,).
        dropout: Share of the first hidden layer that is dropped in training. Default 0.
        temperature: T, or its initial value. Default 0.07.
        learn_temperature: Whether T is learnt, down to 0.01. Default True.

    The other arguments are those of `zoo.image_model.ImageModel`.

    Raises:
        ValueError: if an argument is outside what is listed here, or `spectra` is no model of
            spectra.

    References:
        Parker et al. 2024; Radford et al. 2021 (CLIP, arXiv 2103.00020).

    Examples:
        ```python
        import numpy as np
        import zoo

        draws = np.random.default_rng(0)
        pairs = {
            "image": draws.normal(5, 1, size=(64, 16, 16, 5)).astype("float32"),
            "spectrum": draws.normal(10, 1, size=(64, 50)).astype("float32"),
            "inverse_variance": np.ones((64, 50), "float32"),
            "redshift": draws.uniform(0, 0.3, 64).astype("float32"),
        }
        model = zoo.create(
            "image_spectrum_clip", image_shape=(16, 16, 5), filters=(8,), spectra="spectrum_vae",
            spectra_hyperparameters={"bins": 50, "hidden": (16,)},
        )
        model.fit(pairs, epochs=1)
        x = model.features(pairs["image"])  # (64, 32), unit vectors
        y = model.spectrum_features(*(pairs[name] for name in model.spectrum_shapes))
        nearest = (x @ y.T).argmax(axis=1)  # spectrum most like each image
        ```
    """

    least_batch = 2

    def __init__(
        self,
        *,
        preprocessing: Any = "band_asinh",
        augment: bool = True,
        spectra: str | os.PathLike[str] | Mapping[str, Any] = "spectrum_vae/sdss_simulated",
        spectra_hyperparameters: Mapping[str, Any] | None = None,
        finetune: bool = False,
        frame: str = "observed",
        latent_dim: int = 32,
        filters: Sequence[int] = (8, 16, 32, 64),
        blocks: int = 1,
        summary: int = 64,
        apertures: Sequence[float] = (1.5, 3.0, 6.0),
        units: Sequence[int] = (256,),
        dropout: float = 0.0,
        temperature: float = 0.07,
        learn_temperature: bool = True,
        **kwargs: Any,
    ):
        super().__init__(preprocessing=preprocessing, augment=augment, **kwargs)
        check_choice("frame", frame, FRAMES)
        self.finetune = bool(finetune)
        self.frame = frame
        self.latent_dim = int(latent_dim)
        self.filters = tuple(int(number) for number in filters)
        self.blocks = int(blocks)
        self.summary = int(summary)
        self.apertures = tuple(float(sigma) for sigma in apertures)
        self.units = tuple(int(number) for number in units)
        self.dropout = float(dropout)
        self.temperature = float(temperature)
        self.learn_temperature = bool(learn_temperature)
        self._check()

        self.spectra = trained_spectra.model(spectra, spectra_hyperparameters)
        kept = self.spectra.encoder.trainable_variables if self.finetune else []
        for variable in self.spectra.trainable_variables:
            variable.trainable = any(variable is each for each in kept)
        self.targets = tuple(self.spectrum_shapes)

        self.trunk = residual_encoder(
            self.preprocessed_shape, self.filters, self.blocks, self.summary, self.seed
        )
        length = self.summary + self.make_photometry(self.apertures, reddening=None)
        self.image_head = self._head(length, 1000, "image_head")
        length = self.spectra.latent_dim + 1 + (frame == "observed")
        self.spectrum_head = self._head(length, 2000, "spectrum_head")
        self.log_scale = self.add_weight(
            name="log_scale",
            shape=(),
            initializer=keras.initializers.Constant(-math.log(self.temperature)),
            trainable=self.learn_temperature,
        )
        self.built = True

    def _head(self, inputs: int, seed: int, name: str) -> DenseHead:
        activations = ("leaky_relu",) * len(self.units)
        return DenseHead(
            inputs,
            self.units,
            activations,
            self.latent_dim,
            self.dropout,
            self.seed + seed,
            name=name,
        )

    @property
    def spectrum_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one row of each input of `spectrum_features`, by the feature of the dataset."""
        redshift = {"redshift": ()} if self.frame == "observed" else {}
        return {**self.spectra.input_shapes, **redshift}

    def check_targets(
        self, targets: Mapping[str, np.ndarray], ids: Sequence[str] | None = None
    ) -> None:
        """Raises if an image has no spectrum, or one without a redshift where that is read.

        Args:
            targets: `spectrum`, `inverse_variance` and `redshift`, a row for each image.
            ids: Names of the objects for the error; default their rows.

        Raises:
            ValueError: if a spectrum has another number of bins, or no bin with a finite flux and a
                positive inverse variance, or a redshift is not finite or not above -0.5.
        """
        flux, weight = (np.asarray(targets[name]) for name in self.spectra.input_names)
        if flux.shape[1:] != (self.spectra.bins,):
            raise ValueError(
                f"spectrum must have {self.spectra.bins} bins, as those of `spectra` had; got "
                f"{flux.shape[1:]}"
            )
        good = (weight > 0).any(axis=1) & np.isfinite(flux).all(axis=1)
        good &= np.isfinite(weight).all(axis=1)
        _raise_for(
            ~good, "every image must have a finite spectrum with bins of inverse variance > 0", ids
        )
        if self.frame == "observed":
            redshift = np.asarray(targets["redshift"], np.float64).reshape(-1)
            wrong = ~(np.isfinite(redshift) & (redshift > _LEAST_REDSHIFT))
            _raise_for(wrong, f"redshift must be above {_LEAST_REDSHIFT} (or frame='rest')", ids)

    # Inference.

    def _embed_images(
        self, images: tf.Tensor, seed: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        pixels = self.preprocessing(images)
        seen = tf.cast(self.trunk(pixels, training=training), tf.float32)
        x = self.image_head(tf.concat([seen, *self.photometry(pixels)], axis=1), seed=seed)
        return tf.math.l2_normalize(tf.cast(x, tf.float32), axis=-1)

    def _embed_spectra(
        self,
        spectrum: tf.Tensor,
        inverse_variance: tf.Tensor,
        redshift: tf.Tensor | None = None,
        seed: tf.Tensor | None = None,
    ) -> tf.Tensor:
        latents = self.spectra.encode(spectrum, inverse_variance)["latent_mean"]
        _, _, amplitude = self.spectra.scaling(spectrum, inverse_variance)
        columns = [tf.cast(latents, tf.float32), tf.math.log(amplitude)]
        if self.frame == "observed":
            z = tf.maximum(tf.cast(redshift, tf.float32), _LEAST_REDSHIFT)
            columns.append(_REDSHIFT_SCALE * tf.math.log1p(z)[:, None])
        y = self.spectrum_head(tf.concat(columns, axis=1), seed=seed)
        return tf.math.l2_normalize(tf.cast(y, tf.float32), axis=-1)

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns unit vectors, (batch, latent_dim), of images in survey units."""
        return self._embed_images(images)

    @over_arrays
    def spectrum_features(
        self,
        spectrum: tf.Tensor,
        inverse_variance: tf.Tensor,
        redshift: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Returns unit vectors, (batch, latent_dim), of spectra.

        Args:
            spectrum: (batch, bins), in the unit of the training.
            inverse_variance: (batch, bins), 0 for bins without data.
            redshift: (batch,), with `frame="observed"`.
        """
        if (redshift is None) != (self.frame == "rest"):
            raise ValueError(
                f"spectra with frame='{self.frame}' are {', '.join(self.spectrum_shapes)}; "
                f"redshift is {'missing' if redshift is None else 'one too many'}"
            )
        return self._embed_spectra(spectrum, inverse_variance, redshift)

    def encode(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the unit vectors of images as `latent_mean`."""
        return {"latent_mean": self.features(images)}

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        return self.encode(images)

    def array_names(self, method: str) -> Sequence[str]:
        if method == "spectrum_features":
            return tuple(self.spectrum_shapes)
        return super().array_names(method)

    def array_shapes(self, method: str) -> Mapping[str, Sequence[int | None]]:
        if method == "spectrum_features":
            return self.spectrum_shapes
        return super().array_shapes(method)

    def signatures(self) -> dict[str, Signature]:
        def embed_spectra(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            """Point of a spectrum on the sphere of the images' embeddings."""
            return {EMBEDDING: self.spectrum_features(*inputs)}

        inputs = tuple(
            tf.TensorSpec((None, *shape), tf.float32, name=name)
            for name, shape in self.spectrum_shapes.items()
        )
        return {**super().signatures(), SPECTRUM_EMBEDDING: Signature(embed_spectra, inputs)}

    # Training.

    @property
    def scale(self) -> tf.Tensor:
        """1 / T."""
        return tf.exp(tf.minimum(tf.convert_to_tensor(self.log_scale), math.log(_LARGEST_SCALE)))

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns the loss, `alignment` of image and spectrum, `uniformity` of images, and T."""
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        first, second = seeds if training else (None, None)
        x = self._embed_images(batch["image"], first, training)
        y = self._embed_spectra(*(batch[name] for name in self.spectrum_shapes), seed=second)
        temperature = 1.0 / self.scale
        return {
            "loss": losses.symmetric_info_nce(x, y, temperature),
            "alignment": losses.alignment(tf.stop_gradient(x), tf.stop_gradient(y)),
            "uniformity": losses.uniformity(tf.stop_gradient(x)),
            "temperature": temperature,
        }

    def get_config(self) -> dict[str, Any]:
        # The description has the hyperparameters, chosen ones and defaults.
        description = encoders.describe(self.spectra)
        return {**super().get_config(), "spectra": description, "spectra_hyperparameters": None}

    def _check(self) -> None:
        for name, least in (("latent_dim", 2), ("summary", 1), ("blocks", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}; got {getattr(self, name)}")
        for name in ("filters", "units"):
            if not getattr(self, name) or min(getattr(self, name)) < 1:
                raise ValueError(f"{name} must be positive integers; got {getattr(self, name)}")
        least = 1 / _LARGEST_SCALE
        if not self.temperature >= least:
            raise ValueError(f"temperature must be at least {least:g}; got {self.temperature:g}")


def _raise_for(wrong: np.ndarray, text: str, ids: Sequence[str] | None) -> None:
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return
    named = ", ".join(f"row {row}" if ids is None else str(ids[row]) for row in rows[:_NAMED])
    more = ", ..." if len(rows) > _NAMED else ""
    raise ValueError(f"{text}; {len(rows)} of {len(wrong)} are without: {named}{more}")
