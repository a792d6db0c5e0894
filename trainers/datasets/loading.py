"""Datasets as the loop and the evaluators see them, wherever they come from."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.datasets import fingerprints
from trainers.datasets.batching import Batching
from trainers.datasets.classes import ClassChoice
from trainers.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

    from trainers.options.run import RunConfig

__all__ = [
    "CACHE_BYTES",
    "ON_ERROR",
    "SPLITS",
    "Dataset",
    "DatasetSpec",
    "for_run",
    "load",
    "load_for_run",
    "load_stored",
    "most_examples",
    "with_noise",
]

SPLITS = ("train", "validation", "test")
ON_ERROR = ("raise", "skip")

# Decoded images up to this size are kept in memory.
CACHE_BYTES = 4 * 2**30
# Images read at a time where only another feature is wanted.
_COLUMN_BATCH = 256


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """What is known of a dataset without its examples.

    Attributes:
        name: As on the command line, "sdss_star_galaxy/simulated" or "image_folder".
        image_shape: (height, width, bands).
        bands: Names of the bands.
        pixel_scale: Arcsec per pixel, None if unknown.
        units: Units of the pixel values.
        class_names: In the order of the labels; empty if there are no labels.
        class_fractions: Share of each class as known before looking at any label; None if unknown.
        version: Of the builder, None if there is none.
        questions: Of a decision tree that volunteers answered, in the order of the features
            `total_votes` and (answer by answer) `votes`: for each its `name`, its `answers`, and
            `parents`, the answers `<question>_<answer>` after any of which it is asked.
        tasks: Of further classifications the names of the classes; the labels of task `bar` are
            the feature `label_bar`, -1 for an object that has none.
        feature_names: Of all features that `Dataset.arrays` has.
        transformations: What was done to the images after they were read, a sentence each that
            tells all on which their pixels depend.
        scales_files: Whether each image was a file of any size, cut around the centre to the ratio
            of the sides and scaled, see `image_files.decode`.
    """

    name: str
    image_shape: tuple[int, int, int]
    bands: tuple[str, ...]
    pixel_scale: float | None
    units: str
    class_names: tuple[str, ...]
    class_fractions: tuple[float, ...] | None
    version: str | None = None
    questions: tuple[Mapping[str, Any], ...] = ()
    tasks: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    feature_names: tuple[str, ...] = ()
    transformations: tuple[str, ...] = ()
    scales_files: bool = False


class Dataset(abc.ABC):
    """Images in three splits.

    Attributes:
        spec: What the dataset is.
        num_examples: Number of examples of each split.
        skipped: What was left out under `on_error="skip"`, one line each.
    """

    spec: DatasetSpec
    num_examples: Mapping[str, int]
    skipped: tuple[str, ...]

    @abc.abstractmethod
    def read(self, split: str, batching: Batching) -> tf.data.Dataset:
        """Returns one epoch of batches {"image": float32, "label": int32 if labelled}.

        Args:
            split: One of `SPLITS`.
            batching: Which examples, in which order, and what of them.
        """

    def batches(self, split: str, batch_size: int, **options: Any) -> tf.data.Dataset:
        """Returns one epoch of batches, see `read`.

        Args:
            split: One of `SPLITS`.
            batch_size: Size of the global batch.
            options: Further attributes of `Batching`.
        """
        return self.read(split, Batching(batch_size, **options))

    @abc.abstractmethod
    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        """Returns the first `limit` examples.

        Args:
            split: One of `SPLITS`.
            limit: Number of examples; None for all.

        Returns:
            "image" float32 (number, height, width, bands), not to be written to; "id" (number,)
            strings; "label" (number,) integers if there are labels; and further features of the
            dataset.
        """

    def column(self, split: str, name: str) -> np.ndarray:
        """Returns "label" or another feature of all examples of a split, without their images.

        Args:
            split: One of `SPLITS`.
            name: Name of the feature.
        """
        features = () if name == "label" else (name,)
        batches = self.batches(split, _COLUMN_BATCH, features=features)
        return np.concatenate([batch[name].numpy() for batch in batches])

    def fingerprint(self, split: str) -> str:
        """Returns a hash of all that a split holds: with anything else it is another one.

        Args:
            split: One of `SPLITS`.
        """
        held = [dataclasses.asdict(self.spec), self.num_examples[split], self._content(split)]
        return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()

    def _content(self, split: str) -> str:
        """Returns what tells the examples of a split from others; here, all of them are read."""
        return fingerprints.of_arrays(self.arrays(split))


def load(
    name: str,
    *,
    data_dir: str | Path | None = None,
    manual_dir: str | Path | None = None,
    max_examples: int | Sequence[int] | None = None,
    image_shape: tuple[int, int, int] | None = None,
    classes: Sequence[str] | None = None,
    on_error: str = "raise",
    cache_bytes: int = CACHE_BYTES,
) -> Dataset:
    """Loads a dataset, and builds it first if it is one of the project's and not there yet.

    Args:
        name: "<dataset>/<config>" of `tfds_builders`, which may be followed by options of the
            configuration, "simulated_blends/simulated/num_train=200,faint=24"; or "image_folder".
        data_dir: Where TFDS keeps its datasets (default its own); for "image_folder" the folder.
        manual_dir: Files that were downloaded by hand, for the builders that read them.
        max_examples: Number of examples kept of each split, from its start: one for all splits,
            or one each for train, validation and test.
        image_shape: (height, width, bands) to which the images of a folder are cut and scaled, 1
            or 3 bands; None to take them as they are, and then all must be of one size. The
            project's own datasets have one shape each, which a given one must equal.
        classes: Classes that are told apart, in the order of the labels: `NAME`, or
            `NAME=CLASS,CLASS` for several of the dataset's; examples of the others are left out.
            None for all as they are.
        on_error: "raise", or "skip" to leave out and list what cannot be used.
        cache_bytes: Datasets larger than this, decoded, are read from disk at every epoch.

    Raises:
        UserError: if the dataset is unknown, missing, or not usable.
    """
    if on_error not in ON_ERROR:
        raise UserError(f"--on_error must be one of {', '.join(ON_ERROR)}; got '{on_error}'")
    numbers = most_examples(max_examples)
    if image_shape is not None:
        image_shape = tuple(image_shape)
        if len(image_shape) != 3 or min(image_shape) < 1:
            raise UserError(
                f"--image_shape must be height, width and bands, each at least 1; got {image_shape}"
            )
    choice = None if classes is None else ClassChoice.parse(classes)
    if name == "image_folder":
        from trainers.datasets import image_folder

        if data_dir is None:
            raise UserError("--dataset image_folder needs --data_dir, the folder with the images")
        return image_folder.read(
            Path(data_dir).expanduser(),
            max_examples=numbers,
            image_shape=image_shape,
            classes=choice,
            on_error=on_error,
            cache_bytes=cache_bytes,
        )
    from trainers.datasets import tfds_data

    return tfds_data.load(
        name,
        data_dir=data_dir,
        manual_dir=manual_dir,
        max_examples=numbers,
        image_shape=image_shape,
        classes=choice,
        on_error=on_error,
        cache_bytes=cache_bytes,
    )


def most_examples(given: int | Sequence[int] | None) -> dict[str, int] | None:
    """Returns the most examples that each split may have, or None where all are used.

    Args:
        given: One number for all splits, or one each for train, validation and test.

    Raises:
        UserError: if these are not one or three numbers above 0.
    """
    if given is None:
        return None
    numbers = [given] if isinstance(given, int) else list(given)
    if len(numbers) not in (1, len(SPLITS)) or min(numbers) < 1:
        raise UserError(
            "--max_examples must be one number, at least 1, or three, for train, validation and "
            f"test; got {given}"
        )
    return dict(zip(SPLITS, numbers * (len(SPLITS) // len(numbers)), strict=True))


def load_for_run(config: RunConfig) -> Dataset:
    """Loads the dataset of a run, with the augmentation, padding and noise that the run adds.

    Args:
        config: The run.

    Raises:
        UserError: if the dataset is unknown, missing, or not usable.
    """
    return for_run(load_stored(config), config)


def load_stored(config: RunConfig) -> Dataset:
    """Loads the dataset of a run as it is stored; see `load_for_run`."""
    return load(
        config.dataset,
        data_dir=config.data_dir or None,
        manual_dir=config.manual_dir or None,
        max_examples=config.max_examples,
        image_shape=tuple(config.image_shape) if config.image_shape else None,
        classes=config.classes,
        on_error=config.on_error,
    )


def for_run(dataset: Dataset, config: RunConfig) -> Dataset:
    """Returns a dataset with the augmentation, padding and noise that a run adds.

    Args:
        dataset: The dataset as it is stored; several runs may share it.
        config: The run.
    """
    if config.augments:
        from trainers.datasets.augmentation import AugmentedDataset

        # The draws go with the noise: runs with several seeds see the same images.
        dataset = AugmentedDataset(
            dataset,
            config.shear,
            config.zoom,
            config.flip,
            config.shift,
            seed=config.noise_realisation,
            rotation=config.rotation,
            outside=config.outside,
        )
    return with_noise(dataset, config)


def with_noise(dataset: Dataset, config: RunConfig) -> Dataset:
    """Returns a dataset with the padding and noise that a run adds; see `for_run`."""
    if config.pad or config.noise_sigma is not None:
        from trainers.datasets.noise import NoisyDataset

        dataset = NoisyDataset(
            dataset,
            config.noise_sigma,
            config.noise_realisation,
            config.pad,
            distribution=config.noise_distribution,
            fresh=config.noise_draws == "fresh",
        )
    return dataset
