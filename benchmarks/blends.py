"""Stamps of `simulated_blends` to time with, drawn in memory: no dataset has to be there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfds_builders.simulated_blends.blends import CLASSES, SIZE, SURVEY, Stamps
from tfds_builders.simulated_blends.configs import BlendsConfig
from trainers.datasets.dataset import DatasetSpec

__all__ = ["PAD", "SIGMA", "SPEC", "draw", "noisy"]

PAD = 7
"""Pixels of zeros on each side before the noise, as in the source."""

SIGMA = 14.0
"""Standard deviation of the noise, counts: the middle of the published levels."""

SPEC = DatasetSpec(
    name="simulated_blends/simulated",
    image_shape=(SIZE, SIZE, 1),
    bands=SURVEY.bands,
    pixel_scale=SURVEY.pixel_scale,
    units="counts",
    class_names=CLASSES,
    class_fractions=(0.5, 0.5),
)
"""Description of the stamps of `draw`."""


def draw(split: str, number: int) -> dict[str, np.ndarray]:
    """Returns stamps without noise and their truth, as the dataset has them.

    Args:
        split: One of `trainers.options.data_options.SPLITS`.
        number: How many, the first ones of the split.
    """
    stamps = Stamps(BlendsConfig(name="benchmark"))
    images = np.empty((number, *SPEC.image_shape), np.float32)
    truths = []
    for index in range(number):
        example = stamps.draw(split, index)
        images[index] = example.pop("image")
        truths.append(example)
    columns = {name: np.array([truth[name] for truth in truths]) for name in truths[0]}
    ids = np.array([f"{split}-{index}" for index in range(number)], object)
    return {"image": images, "id": ids, **columns}


def noisy(examples: Mapping[str, np.ndarray], seed: int = 0) -> np.ndarray:
    """Returns the images of `draw` padded and with noise, (number, height, width, 1) float32.

    Args:
        examples: What `draw` returned.
        seed: Seed of the noise.
    """
    sides = [(PAD, PAD)] * 2
    padded = np.pad(examples["image"], [(0, 0), *sides, (0, 0)])
    noise = np.random.default_rng(seed).standard_normal(padded.shape, np.float32)
    return padded + SIGMA * noise
