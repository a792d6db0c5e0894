"""`photo_z`: photometric redshifts of galaxies from their images, as distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.choices import check_choice
from zoo.distributions import binned
from zoo.layers.augmentation import mean_over_symmetries
from zoo.layers.dense_head import DenseHead
from zoo.layers.inception import inception_network
from zoo.layers.residual import residual_encoder
from zoo.photometric_model import PhotometricModel
from zoo.registry import register
from zoo.symmetry_average import SymmetryAverage

__all__ = ["PhotoZ"]

_NETWORKS = ("residual", "inception")
_DENSITIES = ("mixture", "bins")
# Quantiles of the answer: the median, and the ends of the central 68.27 % of a normal distribution.
_LOWER, _MEDIAN, _UPPER = 0.158655, 0.5, 0.841345
# Objects that an error names.
_NAMED = 3


@register(
    "photo_z",
    task="regression",
    reference="Pasquet et al. 2019 (A&A 621, A26; arXiv 1806.06607)",
)
class PhotoZ(SymmetryAverage, PhotometricModel):
    """Probability density of the redshift in bins, from an image in several bands.

        loss = -log P_b,    b the bin of the true redshift
        redshift = sum_b P_b z_b,    z_b the centres of the bins

    P is the softmax of one output for each bin, or a mixture of normal distributions in these
    bins (`zoo.distributions.binned`). A redshift that is NaN, or outside of the bins, has no part
    in the loss.

    `network="inception"` is that of Pasquet et al. 2019, whose dense layers read E(B-V) in the
    Galaxy beside the image. `network="residual"` is ours: dense layers on what residual blocks see
    and on colours through Gaussian apertures. Departure: the mean of the distribution counts
    centres of the bins and not their lower edges, which would be half a bin too small.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 5).
        preprocessing: See `zoo.preprocessing.make`. Default "band_asinh", which apertures presume.
        augment: Whether training images are flipped and turned at random. Default True.
        redshift_range: Lower edge of the first bin and upper edge of the last. Default (0, 0.4).
        bins: Number of bins. Default 180.
        density: "mixture" (default) or "bins", see above.
        components: Normal distributions in the mixture. Default 5.
        reddening: Feature of the dataset with E(B-V) in the Galaxy, mag, which the model then reads
            beside the image; None (default) to read images alone. Standardised, but for the
            inception network, which reads it as it is.
        network: "residual" (default) or "inception".
        filters: Filters of each stage of the residual network. Default (16, 32, 64, 64).
        blocks: Residual blocks of each stage. Default 1.
        summary: Numbers that the residual blocks give to the dense layers. Default 64.
        apertures: Standard deviations of the apertures of the colours, px; empty for none. Default
            (1.5, 3, 6). Of the residual network alone.
        width: Factor of the filters of the inception network. Default 1.
        units: Units of the dense layers. Default (256, 128).
        dropout: Share of the first dense layer that is dropped in training. Default 0.
        average_symmetries: Whether the distribution is, outside training, the mean of those of the
            image's eight flips and turns (four if it is not square), beside a signature
            `single_view` without it. Default False.

    The other arguments are those of `zoo.image_model.ImageModel`.

    Raises:
        ValueError: if an argument is outside what is listed here.

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(5, 1, size=(64, 16, 16, 5))
        redshift = np.linspace(0.01, 0.3, 64)
        model = zoo.create("photo_z", image_shape=(16, 16, 5), filters=(8,), units=(16,), bins=40)
        model.fit(images, {"redshift": redshift}, epochs=2)
        answer = model.predict(images)
        answer["redshift"], answer["redshift_stddev"]  # (64,) each
        answer["redshift_pdf"]  # (64, 40), of integral 1
        ```
    """

    targets = ("redshift",)

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (64, 64, 5),
        preprocessing: Any = "band_asinh",
        augment: bool = True,
        redshift_range: Sequence[float] = (0.0, 0.4),
        bins: int = 180,
        density: str = "mixture",
        components: int = 5,
        reddening: str | None = None,
        network: str = "residual",
        filters: Sequence[int] = (16, 32, 64, 64),
        blocks: int = 1,
        summary: int = 64,
        apertures: Sequence[float] = (1.5, 3.0, 6.0),
        width: float = 1.0,
        units: Sequence[int] = (256, 128),
        dropout: float = 0.0,
        average_symmetries: bool = False,
        **kwargs: Any,
    ):
        super().__init__(
            image_shape=image_shape, preprocessing=preprocessing, augment=augment, **kwargs
        )
        self.redshift_range = tuple(float(edge) for edge in redshift_range)
        self.bins = int(bins)
        self.density = density
        self.components = int(components)
        self.network = network
        self.filters = tuple(int(number) for number in filters)
        self.blocks = int(blocks)
        self.summary = int(summary)
        self.apertures = tuple(float(sigma) for sigma in apertures)
        self.width = float(width)
        self.units = tuple(int(number) for number in units)
        self.dropout = float(dropout)
        self.average_symmetries = bool(average_symmetries)
        self._check()
        is_residual = network == "residual"
        length = self.make_photometry(
            self.apertures if is_residual else (), reddening, is_scaled=is_residual
        )
        if is_residual:
            self.trunk = residual_encoder(
                self.preprocessed_shape, self.filters, self.blocks, self.summary, self.seed
            )
        else:
            self.trunk = inception_network(self.preprocessed_shape, self.width, self.seed)
        # As published; of our own a leaky one, of which no unit dies.
        self.activation = keras.activations.get("leaky_relu" if is_residual else "relu")
        *hidden, last = self.units
        self.dense = DenseHead(
            self.trunk.output_shape[-1] + length,
            hidden,
            (self.activation.__name__,) * len(hidden),
            last,
            self.dropout,
            self.seed + 1000,
            name="dense",
        )
        outputs = self.bins if density == "bins" else 3 * self.components
        # Nearly zero: densities that start narrow, at random places, would take long to move.
        nearly_zero = keras.initializers.VarianceScaling(0.01, seed=self.seed + 2000)
        self.last = keras.layers.Dense(
            outputs,
            kernel_initializer=nearly_zero,
            dtype="float32",
            name="last",
        )
        self.last.build((None, last))
        self.built = True

    def check_targets(
        self, targets: Mapping[str, np.ndarray], ids: Sequence[str] | None = None
    ) -> None:
        """Raises if redshifts are outside of the bins, -9999 and other negative ones among them.

        Args:
            targets: `redshift`, (number,), NaN where it is not known.
            ids: Names of the objects for the error; default their rows.

        Raises:
            ValueError: if some are outside, or all are unknown.
        """
        values = np.asarray(targets["redshift"], np.float64).reshape(-1)
        low, high = self.redshift_range
        outside = np.flatnonzero((values < low) | (values > high))
        if len(outside):
            names = [f"row {row}" if ids is None else str(ids[row]) for row in outside[:_NAMED]]
            named = [
                f"{n} ({values[row]:g})" for n, row in zip(names, outside[:_NAMED], strict=True)
            ]
            more = ", ..." if len(outside) > _NAMED else ""
            raise ValueError(
                f"redshift must be within the bins, {low:g} to {high:g} (redshift_range), or NaN "
                f"where it is not known; {len(outside)} of {len(values)} are not: "
                f"{', '.join(named)}{more}"
            )
        if len(values) and np.isnan(values).all():
            raise ValueError(f"redshift must be known for some objects; all {len(values)} are NaN")

    # Inference.

    def _hidden(
        self, images: tf.Tensor, reddening: tf.Tensor | None, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        x = self.preprocessing(images)
        parts = [tf.cast(self.trunk(x), tf.float32), *self.photometry(x, reddening)]
        return self.activation(self.dense(tf.concat(parts, axis=1), seed=seed))

    def features(self, images: tf.Tensor, reddening: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the last hidden layer, (batch, last of `units`).

        Args:
            images: (batch, height, width, bands) in survey units.
            reddening: E(B-V) in the Galaxy, (batch,), mag, of a model that reads it.
        """
        return tf.cast(self._hidden(images, reddening), tf.float32)

    def distribution(
        self,
        images: tf.Tensor,
        reddening: tf.Tensor | None = None,
        seed: tf.Tensor | None = None,
    ) -> binned.Binned:
        """Returns the distributions of the redshifts.

        Args:
            images: (batch, height, width, bands) in survey units.
            reddening: E(B-V) in the Galaxy, (batch,), mag, of a model that reads it.
            seed: Stateless seed of the dropout; None for no dropout.
        """
        outputs = self.last(self._hidden(images, reddening, seed))
        if self.density == "bins":
            return binned.of_logits(outputs, *self.redshift_range)
        return binned.of_mixture(outputs, self.bins, *self.redshift_range)

    def _averaged(self, images: tf.Tensor, reddening: tf.Tensor | None) -> binned.Binned:
        def masses(turned: tf.Tensor) -> tf.Tensor:
            repeated = None if reddening is None else tf.tile(reddening, (self.views,))
            return self.distribution(turned, repeated).mass

        return binned.Binned(
            tf.math.log(mean_over_symmetries(masses, images)), *self.redshift_range
        )

    def answer(
        self, images: tf.Tensor, average: bool, reddening: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        distribution = self._averaged if average else self.distribution
        z = distribution(images, reddening)
        return {
            "redshift": z.mean(),
            "redshift_stddev": z.stddev(),
            "redshift_lower": z.quantile(_LOWER),
            "redshift_median": z.quantile(_MEDIAN),
            "redshift_upper": z.quantile(_UPPER),
            "redshift_pdf": z.pdf,
        }

    def call(
        self, inputs: tf.Tensor | Mapping[str, tf.Tensor], training: bool = False
    ) -> dict[str, tf.Tensor]:
        """Returns the distribution of the redshift of each image, and numbers that describe it.

        Returns:
            `redshift`, the mean, `redshift_stddev`, `redshift_lower`, `redshift_median` and
            `redshift_upper`, the quantiles 0.159, 0.5 and 0.841, (batch,) each; `redshift_pdf`,
            the density in each bin, (batch, bins).
        """
        images, reddening = self.inputs_of(inputs)
        return self.answer(images, self.average_symmetries, reddening)

    def single_view(
        self, images: tf.Tensor, reddening: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        return self.answer(images, average=False, reddening=reddening)

    # Training.

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns `loss` and `error`, |z - redshift| / (1 + redshift) of the mean z."""
        images, reddening = self.inputs_of(batch)
        z = self.distribution(images, reddening, seed if training else None)
        redshift = tf.cast(batch["redshift"], tf.float32)
        log_mass, inside = z.log_mass_at(redshift)
        known = tf.where(inside, redshift, z.low)
        error = tf.abs(z.mean() - known) / (1.0 + known)
        return {"loss": -log_mass, "error": tf.where(inside, error, 0.0)}

    def _check(self) -> None:
        low_high = self.redshift_range
        if len(low_high) != 2 or not -1 < low_high[0] < low_high[1]:
            raise ValueError(
                f"redshift_range must be two redshifts above -1, the lower one first; "
                f"got {low_high}"
            )
        for name, least in (("bins", 2), ("components", 1), ("summary", 1), ("blocks", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}; got {getattr(self, name)}")
        check_choice("network", self.network, _NETWORKS)
        check_choice("density", self.density, _DENSITIES)
        for name in ("filters", "units"):
            if not getattr(self, name) or min(getattr(self, name)) < 1:
                raise ValueError(f"{name} must be positive integers; got {getattr(self, name)}")
        if self.width <= 0:
            raise ValueError(f"width must be positive; got {self.width}")
