"""Structural parameters of the images of datasets, and how clusters differ in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Column
from tqdm import tqdm

from trainers.evaluators.statistics.photometry import reference_band, sky_and_noise
from trainers.structure.parameters import FLAG, FLAGS, PARAMETERS, structural_parameters

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset

__all__ = [
    "measured_structure",
    "sample_of_clusters",
    "structure_columns",
    "structure_of_dataset",
    "variance_between",
]


def measured_structure(
    images: np.ndarray, bands: Sequence[str], on_object: Callable[[], object] | None = None
) -> dict[str, np.ndarray]:
    """Returns the structural parameters in the reference band, above the sky at the border.

    Args:
        images: (number, height, width, bands) in survey units.
        bands: Names of the bands.
        on_object: Called after each object.

    Returns:
        See `trainers.structure.parameters.structural_parameters`.
    """
    band = reference_band(bands)
    images = np.asarray(images)[..., band : band + 1]
    sky, noise = sky_and_noise(images)
    return structural_parameters(images[..., 0] - sky[:, :, None], noise[:, 0], on_object=on_object)


def structure_of_dataset(
    dataset: Dataset, splits: Sequence[str], batch_size: int
) -> dict[str, np.ndarray]:
    """Returns `measured_structure` of all images of some splits, one after the other.

    Args:
        dataset: The dataset.
        splits: Its splits.
        batch_size: Images in memory at a time.
    """
    total, parts = sum(dataset.num_examples[split] for split in splits), []
    with tqdm(total=total, desc="structure", unit="object", disable=None) as bar:
        for split in splits:
            for batch in dataset.batches(split, batch_size, labels=False):
                images = batch["image"].numpy()
                parts.append(measured_structure(images, dataset.spec.bands, bar.update))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def structure_columns(measured: Mapping[str, np.ndarray]) -> list[Column]:
    """Returns the columns of a table.

    Args:
        measured: What `measured_structure` returns.
    """
    meanings = ", ".join(f"{flag} {meaning}" for flag, meaning in enumerate(FLAGS))
    descriptions = {**PARAMETERS, FLAG: f"Flag of the structural parameters: {meanings}"}
    return [
        Column(measured[name], name=name, description=text) for name, text in descriptions.items()
    ]


def sample_of_clusters(
    groups: np.ndarray, number: int, generator: np.random.Generator
) -> np.ndarray:
    """Returns the sorted indices of at most `number` random objects of each cluster.

    Args:
        groups: (objects,) clusters.
        number: Objects of a cluster.
        generator: Source of randomness.
    """
    order = generator.permutation(len(groups))
    members = [order[groups[order] == group][:number] for group in np.unique(groups)]
    return np.sort(np.concatenate(members))


def variance_between(values: np.ndarray, groups: np.ndarray) -> float:
    """Returns the share of the variance that is between groups, corrected for their number.

        epsilon^2 = 1 - (within / (n - k)) / (total / (n - 1))

    With sums of squares about the means of k groups, and about the mean of all n values. It is 1
    where groups determine the values, and on average 0 where they say nothing.

    Args:
        values: (number,) finite numbers.
        groups: (number,) groups.

    Returns:
        At most 1; NaN without a variance, or without more values than groups.

    References:
        Kelley 1935 (PNAS 21, 554).
    """
    names, places = np.unique(groups, return_inverse=True)
    degrees = len(values) - len(names)
    total = np.sum((values - np.mean(values)) ** 2) if len(values) else 0.0
    if degrees < 1 or total == 0:
        return float("nan")
    means = np.bincount(places, values) / np.bincount(places)
    within = np.sum((values - means[places]) ** 2)
    return float(1 - (within / degrees) / (total / (len(values) - 1)))
