"""`deblending_unet`: the share of each pixel's light that is the target's, from a U-Net."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo import losses
from zoo.choices import check_choice
from zoo.deblending_model import DeblendingModel
from zoo.layers.augmentation import mean_turned_back
from zoo.layers.skip_autoencoder import skip_autoencoder
from zoo.preprocessing.border import background_and_noise, border_pixels, border_width
from zoo.registry import register

__all__ = ["APPLIED_TO", "DeblendingUNet"]

APPLIED_TO = ("light", "image")

# Noise of the sky in a pixel times this: flux below which the error of a flux is not a fraction
# of it; about that of a point source.
_FAINT = 10.0
# Standard deviation of the peak, and the unit of the distance, that tell the networks where the
# target is, px.
_PEAK, _DISTANCE = 2.0, 4.0
# Share at which the training starts: sigmoid((9 - r) / 3) at r px from the target; and the ratio
# of its error to it, in logits.
_START_RADIUS, _START_SLOPE, _START_ERROR = 9.0, 3.0, 4.0
# Degrees of freedom of the errors of fluxes.
_TAILS = 4.0
# Standard deviation, px, of the mean over known pixels that stands for unknown ones.
_FILL = 1.5


@register(
    "deblending_unet",
    task="deblending",
    reference="Own; after Boucaud et al. 2020 (MNRAS 491, 2481; arXiv:1905.01324) and Hausen & "
    "Robertson 2022 (arXiv:2201.04714), Morpheus-Deblend",
)
class DeblendingUNet(DeblendingModel):
    """U-Net of the fraction of the light of each pixel and band that belongs to the target.

        f, e = sigmoid(z(asinh(x / s), distance)),    deblended = f x,    flux = sum_p f x
        flux_sigma^2 = sum_p f^2 s^2 + (sum_p e max(x, 0))^2
        loss = (sum_p (g(t) - g(f y))^2 / 2 + flux term + calibration of e) / pixels

    x is the sky-subtracted blend, s the noise of its sky, y its light without noise, t that of the
    target alone, g the preprocessing. What is taken out of the blend is the target's share of what
    is there: it adds up with the rest to the image, whatever the galaxy looks like, and has the
    noise of the image. No galaxy is drawn that the pixels do not show.

    The flux term makes the fractions an aperture: where there is nothing but sky, f is as large as
    it is good for the flux. e is the error of the fractions, in the same direction in all pixels
    of a stamp, so that those of a flux add up. It is fitted to the errors of the training's fluxes
    (Student's t with four degrees of freedom) and has no effect on the fractions but by the layers
    that both share; noise is counted beside it.

    Boucaud et al. 2020 find masks of both galaxies of a pair (which overlap: a pixel is the
    target's or not) by a U-Net and fluxes by dense layers after it, of pairs in one band; here
    there are no masks, any number of neighbours and bands, and a flux is a sum over pixels.
    Morpheus-Deblend finds the centres of all sources of a field and the share of the n nearest in
    each pixel by decoders of one encoder, and its classes beside; here the target is in the middle
    and has one map, the fractions differ from band to band, and the loss is of fluxes too.

    Args:
        applied_to: What the fractions are applied to in the first term of the loss: "light"
            (default), the blend without noise, for the error of the fraction weighted by the
            light; or "image", the noisy blend, with which they fall to 0 in the noise and lose the
            wings of galaxies.
        per_band: Whether each band has a fraction of its own. Default True; False for one for all.
        flux_error: Relative error of the flux in each band that counts as one sigma in the flux
            term, see `zoo.losses.flux_error`. Default 0.02; 0 for no such term.
        filters: Filters of each stage, each of which halves the map before.
        blocks: Residual blocks of each stage. Default 1.
        squares: Side of the squares of pixels that the networks see as the channels of one pixel,
            and answer for together. Default 2, a quarter of the work of 1, every pixel by itself.

    The other arguments are those of `zoo.deblending_model.DeblendingModel`.

    Raises:
        ValueError: if an argument is outside what is listed here.

    References:
        Boucaud et al. 2020 (arXiv 1905.01324), sections 3 and 4; Hausen & Robertson 2022 (arXiv
        2201.04714); Ronneberger et al. 2015 (arXiv 1505.04597), the U-Net; Shi et al. 2016 (arXiv
        1609.05158), squares of pixels as channels.

    Examples:
        ```python
        import numpy as np
        import zoo

        draws = np.random.default_rng(0)
        alone = draws.uniform(0, 5, size=(64, 2, 16, 16, 3)).astype("float32")  # two sources
        image = alone.sum(axis=1) + draws.normal(size=(64, 16, 16, 3))
        stamps = {"image": image, "isolated": alone, "noise_sigma": np.ones((64, 3), "float32")}
        model = zoo.create("deblending_unet", image_shape=(16, 16, 3), filters=(8, 8))
        model.fit(stamps, batch_size=32, epochs=1)
        fluxes = model.predict(image)["flux"]  # (64, 3), of the first of the sources
        ```
    """

    def __init__(
        self,
        *,
        applied_to: str = "light",
        per_band: bool = True,
        flux_error: float = 0.02,
        filters: Sequence[int] = (16, 32, 64, 128),
        blocks: int = 1,
        squares: int = 2,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_choice("applied_to", applied_to, APPLIED_TO)
        if flux_error < 0:
            raise ValueError(f"flux_error must be at least 0; got {flux_error}")
        if len(filters) < 2 or min(filters) < 1:
            raise ValueError(f"filters must be two positive numbers or more; got {list(filters)}")
        for name, value in (("blocks", blocks), ("squares", squares)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1; got {value}")
        self.applied_to = applied_to
        self.per_band = per_band
        self.flux_error = flux_error
        self.filters = tuple(filters)
        self.blocks = blocks
        self.squares = squares
        self.pixels = math.prod(self.image_shape)

        height, width, bands = self.image_shape
        self._maps = bands if per_band else 1
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        distance = np.hypot(rows - height // 2, columns - width // 2)[..., None]
        peak = np.exp(-0.5 * np.square(distance / _PEAK))
        self._place = np.concatenate([peak, np.log1p(distance / _DISTANCE)], axis=-1)
        self._start = (_START_RADIUS - distance) / _START_SLOPE
        self._border = border_pixels(height, width, border_width(height, width))
        self._fill = [_mean_matrix(size) for size in (height, width)]
        channels = self._place.shape[-1] + bands
        self.network, _ = skip_autoencoder(
            (None, None, squares**2 * channels),
            self.filters,
            blocks,
            True,
            self.seed,
            name="unet",
            outputs=squares**2 * 2 * self._maps,
        )

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        # The target is in the middle of stamps of this size.
        return {"image": self.image_shape}

    # The answer.

    def answer(self, images: tf.Tensor, average: bool) -> dict[str, tf.Tensor]:
        """Returns the target galaxy without its neighbours, in survey units.

        Args:
            images: (batch, height, width, bands).
            average: Whether the fractions are the mean over the symmetries of each stamp.

        Returns:
            `deblended` and `deblended_sigma`, (batch, height, width, bands); `flux` and
            `flux_sigma`, (batch, bands), sums over the stamp. NaN where unknown.
        """
        images = tf.cast(images, tf.float32)
        known = tf.math.is_finite(images)
        images = self._filled(images, known)
        maps = mean_turned_back(self._shares, images) if average else self._shares(images)
        fraction, error = tf.split(maps, 2, axis=-1)
        noise = background_and_noise(images, self._border)[1]
        deblended, error = fraction * images, error * tf.nn.relu(images)
        noise2 = tf.square(fraction * noise)
        return self.where_known(
            known,
            deblended,
            noise2 + tf.square(error),
            tf.reduce_sum(deblended, axis=(1, 2)),
            tf.reduce_sum(noise2, axis=(1, 2)) + tf.square(tf.reduce_sum(error, axis=(1, 2))),
        )

    def fractions(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the fraction of the light of each pixel that is the target's, from 0 to 1.

        Args:
            images: (batch, height, width, bands) in survey units.

        Returns:
            (batch, height, width, bands) float32, of the image as it is.
        """
        images = tf.cast(images, tf.float32)
        maps = self._shares(self._filled(images, tf.math.is_finite(images)))
        return tf.split(maps, 2, axis=-1)[0]

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the mean over the smallest map of the network, (batch, filters[-1]) float32.

        Args:
            images: (batch, height, width, bands) in survey units.
        """
        images = tf.cast(images, tf.float32)
        maps = self._network_maps(self._filled(images, tf.math.is_finite(images)))
        return tf.cast(tf.reduce_mean(maps[len(self.filters)], axis=(1, 2)), tf.float32)

    def _shares(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns fractions and their errors, (batch, height, width, 2 bands), of finite images."""
        height, width, bands = self.image_shape
        z = self._unsquared(self._network_maps(images, training)[0])
        start = tf.concat([self._start, self._start - _START_ERROR], axis=-1)
        start = tf.repeat(start, self._maps, axis=-1)
        maps = tf.sigmoid(z[:, :height, :width] + start)
        return maps if self.per_band else tf.repeat(maps, bands, axis=-1)

    def _network_maps(self, images: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        """Returns the outputs of the U-Net, see `zoo.layers.skip_autoencoder`."""
        y = tf.cast(self.preprocessing(images), tf.float32)
        place = tf.broadcast_to(self._place, (tf.shape(y)[0], *self._place.shape))
        return self.network(self._squared(tf.concat([y, place], axis=-1)), training=training)

    def _squared(self, y: tf.Tensor) -> tf.Tensor:
        if self.squares == 1:
            return y
        beyond = [[0, -size % self.squares] for size in self.image_shape[:2]]
        y = tf.pad(y, [[0, 0], *beyond, [0, 0]], "SYMMETRIC")
        return tf.nn.space_to_depth(y, self.squares)

    def _unsquared(self, z: tf.Tensor) -> tf.Tensor:
        return z if self.squares == 1 else tf.nn.depth_to_space(z, self.squares)

    def _filled(self, images: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
        """Returns images in which unknown pixels have a mean of the known ones about them."""
        rows, columns = self._fill

        def mean(values: tf.Tensor) -> tf.Tensor:
            return tf.einsum("yi,xj,nijb->nyxb", rows, columns, values)

        finite = tf.where(known, images, 0.0)
        nearby = mean(tf.cast(known, tf.float32))
        return tf.where(known, images, tf.math.divide_no_nan(mean(finite), nearby))

    # Training.

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        isolated = tf.cast(batch["isolated"], tf.float32)
        sigma = tf.cast(batch["noise_sigma"], tf.float32)
        images = tf.cast(batch["image"], tf.float32)
        images = self._filled(images, tf.math.is_finite(images))
        if training:
            images = self.blends(images, isolated, self.sky_noise(sigma, seed))
        target = isolated[:, 0]
        fraction, error = tf.split(self._shares(images, training), 2, axis=-1)
        deblended = fraction * images
        compared = deblended
        if self.applied_to == "light":
            compared = fraction * tf.reduce_sum(isolated, axis=1)
        g = self.preprocessing
        terms = {"pixels": 0.5 * losses.mse(g(target), g(compared), reduction="sum")}
        loss = terms["pixels"]
        terms["pixels"] /= self.pixels
        if self.flux_error:
            arguments = (target, deblended, _FAINT * sigma, self.flux_error)
            terms["flux"] = losses.flux_error(*arguments)
            loss += terms["flux"]
        terms["calibration"] = self._calibration(target, fraction, error, images, sigma)
        return {"loss": (loss + terms["calibration"]) / self.pixels, **terms}

    def _calibration(
        self,
        target: tf.Tensor,
        fraction: tf.Tensor,
        error: tf.Tensor,
        images: tf.Tensor,
        sigma: tf.Tensor,
    ) -> tf.Tensor:
        """Returns -log of the density of the fluxes' errors in units of the noise, (batch,)."""
        fraction, images = tf.stop_gradient(fraction), images / sigma[:, None, None]
        true = tf.reduce_sum(target, axis=(1, 2)) / sigma
        flux = tf.reduce_sum(fraction * images, axis=(1, 2))
        variance = tf.reduce_sum(tf.square(fraction), axis=(1, 2))
        variance += tf.square(tf.reduce_sum(error * tf.nn.relu(images), axis=(1, 2)))
        return losses.student_t(true, flux, tf.sqrt(variance), _TAILS)


def _mean_matrix(size: int) -> np.ndarray:
    """Returns the weights of a mean along an axis, (size, size) float32, none of them zero."""
    distance = np.subtract.outer(np.arange(size), np.arange(size))
    weights = np.exp(-0.5 * np.square(distance / _FILL))
    return np.maximum(weights, 1e-12).astype(np.float32)
