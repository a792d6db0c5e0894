"""The dataset contract: images in three splits, and what is known without reading them."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.datasets import content_hashes
from trainers.datasets.batching import Batching
from trainers.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["CACHE_BYTES", "Dataset", "DatasetSpec"]

# Datasets up to this size, with all features decoded, are kept in memory.
CACHE_BYTES = 4 * 2**30


# Images read at a time where only another feature is wanted.
_COLUMN_BATCH = 256


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """Metadata of a dataset.

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
            states everything on which their pixels depend.
        scales_files: Whether each image was a file of any size, cut around the centre to the ratio
            of the sides and scaled, see `picture_files.decode`, before any padding.
        pad: Pixels of zeros on each side of the images; `image_shape` includes them.
        invalid: What became of NaN pixels when files were read, see
            `trainers.cutouts.invalid_pixels.POLICIES`.
        mask_bits: Bits of masks in FITS files that masked a pixel; None for the default.
        resize: What became of images of another size, see `trainers.cutouts.resizing.POLICIES`;
            None if there were none.
        noise_sigma: Range of the standard deviation of the Gaussian noise that was added to the
            images after they were read, in their units; None for none.
        seeing: Least and greatest full width at half maximum of the PSF, arcsec, of the files that
            state it; None if unknown.
        wavelengths: First and last edge, A, of bins of the feature `spectrum`, uniform in the
            logarithm; None if there are no spectra.

    Raises:
        UserError: if the name of a class is empty or cannot be printed.
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
    pad: int = 0
    invalid: str = "drop"
    mask_bits: tuple[str, ...] | None = None
    resize: str | None = None
    noise_sigma: tuple[float, float] | None = None
    seeing: tuple[float, float] | None = None
    wavelengths: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name in self.class_names:
            # They stand in files, one a line, in figures and in the names of columns.
            if not (name and name.isprintable()):
                raise UserError(
                    f"`dataset` {self.name}: names of classes must be printable; got {name!r}"
                )


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

    def columns(self, split: str, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Returns several features of all examples of a split, each as `column` does.

        Args:
            split: One of `SPLITS`.
            names: Names of the features.
        """
        return {name: self.column(split, name) for name in names}

    def fingerprint(self, split: str) -> str:
        """Returns a hash of all that a split holds: with anything else it is another one.

        Args:
            split: One of `SPLITS`.
        """
        held = [dataclasses.asdict(self.spec), self.num_examples[split], self._content(split)]
        return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()

    def _content(self, split: str) -> str:
        """Returns a hash of the examples of a split; here, of all of them."""
        return content_hashes.of_arrays(self.arrays(split))

    @property
    def stored_dataset(self) -> Dataset:
        """The dataset as it is stored, without noise, padding and augmentation."""
        return self

    def stored_content(self, split: str) -> str:
        """Returns a hash of the stored examples of a split, the same for any copy of them.

        Unlike `fingerprint`, it does not depend on where files are or when they were written.

        Args:
            split: One of `SPLITS`.
        """
        return self._content(split)
