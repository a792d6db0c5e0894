"""Datasets as the loop and the evaluators see them, wherever they come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.datasets.dataset import CACHE_BYTES, Dataset
from trainers.errors import UserError
from trainers.options.class_choice import ClassChoice
from trainers.options.cutout_source import CUTOUTS, CutoutSource
from trainers.options.data_options import ON_ERROR, most_examples
from trainers.options.fading import Fading

if TYPE_CHECKING:
    from trainers.options.run import RunConfig
    from trainers.options.run_data import DataOptions

__all__ = ["for_run", "load", "load_for_evaluation", "load_for_run", "load_stored", "with_noise"]


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
    cutouts: CutoutSource | None = None,
) -> Dataset:
    """Loads a dataset, and builds it first if it is one of the project's and not there yet.

    Args:
        name: "<dataset>/<config>" of `tfds_builders`, which may be followed by options of the
            configuration, "simulated_blends/simulated/num_train=200,faint=24"; "cutouts"; or
            "image_folder".
        data_dir: Where TFDS keeps its datasets (default its own); for "image_folder" the folder;
            for "cutouts" that of the temporary file of images that memory does not hold.
        manual_dir: Files that were downloaded by hand, for the builders that read them.
        max_examples: Number of examples kept of each split, from its start: one for all splits,
            or one each for train, validation and test.
        image_shape: (height, width, bands) to which the images of a folder are cut and scaled, 1
            or 3 bands; None to take them as they are, and then all must be of one size. The
            project's own datasets have one shape each, which a given one must equal.
        classes: Classes to distinguish, in the order of the labels: `NAME`, or
            `NAME=CLASS,CLASS` for several of the dataset's; examples of the others are left out.
            None for all as they are.
        on_error: "raise", or "skip" to leave out and list what cannot be used.
        cache_bytes: Datasets larger than this, decoded, are read from disk at every epoch.
        cutouts: Files and table of "cutouts".

    Raises:
        UserError: if the dataset is unknown, missing, or not usable.
    """
    if on_error not in ON_ERROR:
        raise UserError(f"`on_error` must be one of {', '.join(ON_ERROR)}; got '{on_error}'")
    numbers = most_examples(max_examples)
    if image_shape is not None:
        image_shape = tuple(image_shape)
        if len(image_shape) != 3 or min(image_shape) < 1:
            raise UserError(
                f"`image_shape` must be height, width and bands, each at least 1; got {image_shape}"
            )
    choice = None if classes is None else ClassChoice.parse(classes)
    if name == "image_folder":
        from trainers.datasets import image_folder

        if data_dir is None:
            raise UserError("`dataset='image_folder'` needs `data_dir`, the folder with the images")
        return image_folder.read(
            Path(data_dir).expanduser(),
            max_examples=numbers,
            image_shape=image_shape,
            classes=choice,
            on_error=on_error,
            cache_bytes=cache_bytes,
        )
    if name == CUTOUTS:
        from trainers.datasets import cutouts as cutout_data

        return cutout_data.read(
            cutouts or CutoutSource(),
            max_examples=numbers,
            image_shape=image_shape,
            classes=choice,
            on_error=on_error,
            cache_bytes=cache_bytes,
            folder=None if data_dir is None else Path(data_dir).expanduser(),
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


def load_for_run(config: RunConfig) -> Dataset:
    """Loads the dataset of a run, with the augmentation, fading, padding and noise that it adds.

    Args:
        config: The run.

    Raises:
        UserError: if the dataset is unknown, missing, or not usable.
    """
    return for_run(load_stored(config), config)


def load_for_evaluation(config: RunConfig) -> Dataset:
    """Loads the dataset of a run with its fading, padding and noise; see `load_for_run`.

    Without the augmentation, also of the training split: positions and sizes of the objects are
    those of the images as they are.
    """
    return with_noise(load_stored(config), config)


def load_stored(config: DataOptions, cache_bytes: int = CACHE_BYTES) -> Dataset:
    """Loads the dataset of a run, or of other options of data, as it is stored.

    Args:
        config: The options, with the name as `dataset`.
        cache_bytes: See `load`.

    Raises:
        UserError: if the dataset is unknown, missing, or not usable.
    """
    return load(
        config.dataset,
        data_dir=config.data_dir or None,
        manual_dir=config.manual_dir or None,
        max_examples=config.max_examples,
        image_shape=tuple(config.image_shape) if config.image_shape else None,
        classes=config.classes,
        on_error=config.on_error,
        cache_bytes=cache_bytes,
        cutouts=CutoutSource.of(config) if config.images else None,
    )


def for_run(dataset: Dataset, config: RunConfig) -> Dataset:
    """Returns a dataset with the augmentation, fading, padding and noise that a run adds.

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
    """Returns a dataset with the fading, padding and noise that a run adds; see `for_run`."""
    fresh = config.noise_draws == "fresh"
    if config.fade is not None:
        from trainers.datasets.faded import FadedDataset

        fading = Fading.parse(config.fade)
        dataset = FadedDataset(dataset, fading, config.noise_realisation, fresh=fresh)
    if config.pad or config.noise_sigma is not None:
        from trainers.datasets.noise import NoisyDataset

        dataset = NoisyDataset(
            dataset,
            config.noise_sigma,
            config.noise_realisation,
            config.pad,
            distribution=config.noise_distribution,
            fresh=fresh,
        )
    return dataset
