"""Seeded noise as a step of the input pipeline: one stored, noiseless dataset serves them all."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import tensorflow as tf

from trainers.datasets.dataset import Dataset
from trainers.datasets.transformed import TransformedDataset, object_seeds
from trainers.errors import UserError
from trainers.options.data_options import checked_sigma

__all__ = ["NoisyDataset"]


class NoisyDataset(TransformedDataset):
    """Zero padding, then Gaussian noise everywhere.

        x' = pad(x) + sigma n,    n ~ N(0, 1) in every pixel and band

    n is a function of the realisation, the split and the object's id (and of the epoch, where the
    noise is fresh), so the splits are independent, and so are the realisations. sigma goes along
    as the feature `noise_sigma` of each example.

    Args:
        dataset: The dataset to change.
        sigma: Standard deviation in the units of the pixels; (low, high) to draw one for each
            example, so that one model learns all of them; 0 or None for padding alone.
        realisation: Number of the noise realisation.
        pad: Pixels of zeros on each side, before the noise. Default 7, as in the source.
        distribution: Of sigma between low and high: "uniform" or "log_uniform" (default).
        fresh: Whether the training images get other noise in every epoch. Those of validation and
            test never do.

    Raises:
        UserError: if `sigma` is not one or two such numbers, `pad` or `realisation` is negative,
            or there is no such distribution.

    References:
        Farrens et al. 2022 (arXiv:2110.08180), section 3: padding by 7 pixels, sigma 5-35, 10
        realisations.
    """

    def __init__(
        self,
        dataset: Dataset,
        sigma: float | Sequence[float] | None,
        realisation: int = 0,
        pad: int = 7,
        *,
        distribution: str = "log_uniform",
        fresh: bool = False,
    ):
        self.sigma = checked_sigma(sigma, distribution)
        if pad < 0:
            raise UserError(f"`pad` must be at least 0; got {pad}")
        if realisation < 0:
            raise UserError(f"`noise_realisation` must be at least 0; got {realisation}")
        self.realisation = realisation
        self.pad = pad
        self.distribution = distribution
        self.fresh = fresh
        height, width, bands = dataset.spec.image_shape
        shape = (height + 2 * pad, width + 2 * pad, bands)
        super().__init__(dataset, shape, self._description(dataset.spec.units))
        self.spec = dataclasses.replace(
            self.spec,
            scales_files=dataset.spec.scales_files,
            pad=dataset.spec.pad + pad,
            noise_sigma=self.sigma if self.sigma[1] > 0 else dataset.spec.noise_sigma,
        )

    def transform(
        self, batch: Mapping[str, tf.Tensor], split: str, epoch: int
    ) -> Mapping[str, tf.Tensor]:
        images, ids = batch["image"], batch["id"]
        sides = [self.pad, self.pad]
        images = tf.pad(images, [[0, 0], sides, sides, [0, 0]])
        purpose = f"realisation {self.realisation}, {split}"
        if self.fresh and split == "train":
            purpose += f", epoch {epoch}"
        sigma = self._draw_sigma(object_seeds(ids, f"sigma, {purpose}"))
        if self.sigma[1] == 0:
            return {"image": images, "noise_sigma": sigma}
        noise = tf.map_fn(
            lambda seed: _normal(self.spec.image_shape, seed),
            object_seeds(ids, f"noise, {purpose}"),
            fn_output_signature=tf.TensorSpec(self.spec.image_shape, tf.float32),
        )
        return {"image": images + sigma[:, None, None, None] * noise, "noise_sigma": sigma}

    def _made(self) -> tuple[str, ...]:
        return ("noise_sigma",)

    def _draw_sigma(self, seeds: tf.Tensor) -> tf.Tensor:
        low, high = self.sigma
        if low == high:
            return tf.fill(tf.shape(seeds)[:1], tf.constant(low, tf.float32))

        def draw(seed: tf.Tensor) -> tf.Tensor:
            # One by one: the exponential of a vector rounds by the place in it.
            place = tf.random.stateless_uniform((), seed, alg="philox")
            if self.distribution == "uniform":
                return low + (high - low) * place
            return low * tf.exp(math.log(high / low) * place)

        return tf.map_fn(draw, seeds, fn_output_signature=tf.TensorSpec((), tf.float32))

    def _description(self, units: str) -> str:
        low, high = self.sigma
        parts = [f"{self.pad} pixels of zeros on each side"] * (self.pad > 0)
        if high > 0:
            width = f"{low}" if low == high else f"{low}-{high} ({self.distribution})"
            noise = f"Gaussian noise of sigma {width} {units}, realisation {self.realisation}"
            parts.append(noise + ", fresh in every epoch" * self.fresh)
        return ", then ".join(parts) or "nothing"


def _normal(shape: tuple[int, ...], seed: tf.Tensor) -> tf.Tensor:
    # Philox by name: left to itself, TensorFlow may choose by the device.
    return tf.random.stateless_normal(shape, seed, alg="philox")
