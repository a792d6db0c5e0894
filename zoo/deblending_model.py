"""Models of the galaxy in the middle of a blend, trained with the noiseless image of it alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from zoo import randomness
from zoo.image_model import ImageModel
from zoo.layers.augmentation import RandomDihedral
from zoo.symmetry_average import SymmetryAverage

__all__ = ["DeblendingModel"]

# Share of the galaxy's light in unknown pixels from which on its flux is unknown.
_UNKNOWN_LIGHT = 0.01


class DeblendingModel(SymmetryAverage, ImageModel):
    """An `ImageModel` that takes the galaxy at pixel size // 2 of a stamp out of its blend.

    It learns from the features `isolated`, (sources, height, width, bands), each source alone and
    without noise, the target first, and `noise_sigma`, (bands,), the standard deviation of the sky
    in a pixel. A subclass defines `answer(images, average)`, which ends with `where_known`, and
    `objective`.

    Args:
        preprocessing: See `zoo.preprocessing.make`; must keep the shape of the images, and depend
            on no single image. Default "band_asinh".
        augment: Whether training images are flipped and turned at random. Default True.
        fresh_noise: Whether the blends of the training get new noise in each step, from their
            noiseless images, and do not keep that of the dataset. Default True.
        average_symmetries: Whether the galaxy is the mean of those for the eight flips and turns
            of the stamp, turned back: without it the ellipticities have a direction that the
            networks prefer. Beside a signature `single_view` without it; no effect on the
            training. Default False.

    The other arguments are those of `zoo.image_model.ImageModel`.

    Raises:
        ValueError: if `preprocessing` changes the shape of the images.
    """

    targets = ("isolated", "noise_sigma")

    def __init__(
        self,
        *,
        preprocessing: Any = "band_asinh",
        augment: bool = True,
        fresh_noise: bool = True,
        average_symmetries: bool = False,
        **kwargs: Any,
    ):
        super().__init__(preprocessing=preprocessing, augment=augment, **kwargs)
        if self.preprocessed_shape != self.image_shape:
            raise ValueError(
                f"preprocessing must keep the shape of the images, {self.image_shape}; "
                f"got {self.preprocessed_shape}"
            )
        # The target is at pixel size // 2, and stays there.
        self.augmentation = RandomDihedral(about_pixel=True)
        self.fresh_noise = fresh_noise
        self.average_symmetries = average_symmetries

    def where_known(
        self,
        known: tf.Tensor,
        image: tf.Tensor,
        variance: tf.Tensor,
        flux: tf.Tensor,
        flux_variance: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Returns the answer, NaN where it is unknown.

        A flux is unknown where more than a hundredth of it lies on unknown pixels in any band.

        Args:
            known: (batch, height, width, bands) bool, pixels with a finite value.
            image: Of the same shape, the galaxy in survey units, finite everywhere.
            variance: Of the same shape.
            flux: (batch, bands).
            flux_variance: (batch, bands).

        Returns:
            `deblended`, `deblended_sigma`, `flux`, `flux_sigma`.
        """
        hidden = tf.reduce_sum(tf.where(known, 0.0, image), axis=(1, 2))
        is_known = tf.reduce_all(hidden <= _UNKNOWN_LIGHT * tf.abs(flux), axis=-1, keepdims=True)
        nan = float("nan")
        return {
            "deblended": tf.where(known, image, nan),
            "deblended_sigma": tf.where(known, tf.sqrt(variance), nan),
            "flux": tf.where(is_known, flux, nan),
            "flux_sigma": tf.where(is_known, tf.sqrt(flux_variance), nan),
        }

    def augmented(self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor) -> Mapping[str, tf.Tensor]:
        if not self.augment:
            return batch
        target, *others = tf.unstack(tf.cast(batch["isolated"], tf.float32), axis=1)
        # Turned together, as bands of one image.
        maps = [target, tf.add_n(others)] if others else [target]
        if not self.fresh_noise:
            maps.append(batch["image"])
        turned = self.augmentation(tf.concat(maps, axis=-1), seed)
        maps = tf.split(turned, len(maps), axis=-1)
        if not self.fresh_noise:
            batch = {**batch, "image": maps.pop()}
        return {**batch, "isolated": tf.stack(maps, axis=1)}

    def sky_noise(self, sigma: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns the noise of the sky of a training step, (batch, height, width, bands).

        Args:
            sigma: (batch, bands), its standard deviation.
            seed: Stateless seed of the step.
        """
        seed = tf.random.experimental.stateless_fold_in(seed, 1)
        noise = randomness.normal(tf.shape(sigma)[0], self.image_shape, seed)
        return noise * sigma[:, None, None]

    def blends(self, images: tf.Tensor, isolated: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Returns the blends of a training step, (batch, height, width, bands).

        Args:
            images: Those of the dataset, of the same shape.
            isolated: (batch, sources, height, width, bands).
            noise: What `sky_noise` returned.
        """
        return tf.reduce_sum(isolated, axis=1) + noise if self.fresh_noise else images
