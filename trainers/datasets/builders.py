"""TFDS builders by the names of datasets, with their data prepared on disk."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

import tfds_builders
from trainers.datasets.dataset import DatasetSpec
from trainers.errors import UserError
from trainers.options.data_options import SPLITS
from trainers.options.values import parse_value

__all__ = ["prepared", "spec_of"]

# Before the name of a task, features with its labels.
_TASK_LABEL = "label_"


def prepared(
    name: str, data_dir: str | Path | None, manual_dir: str | Path | None, on_error: str
) -> tfds.core.DatasetBuilder:
    """Returns the builder of a dataset, after building what is not on disk yet.

    Args:
        name: "<dataset>/<config>/<options>", see `trainers.datasets.loading.load`.
        data_dir: Where TFDS keeps its datasets; None for its own default.
        manual_dir: Files that were downloaded by hand; None if there are none.
        on_error: "raise", or "skip" for a dataset without the objects that cannot be used.

    Raises:
        UserError: if the dataset is unknown, or cannot be built.
    """
    builder = _builder(name, data_dir, on_error)
    if not Path(builder.data_dir).exists():
        _build(builder, name, manual_dir)
    elif manual_dir is not None:
        print(f"{name} was built before, --manual_dir is not read: {builder.data_dir}", flush=True)
    return builder


def spec_of(builder: tfds.core.DatasetBuilder, name: str) -> DatasetSpec:
    """Returns the description of a dataset that was built.

    Args:
        builder: The builder, prepared.
        name: Name of the dataset in the description.

    Raises:
        UserError: if it lacks a feature, a split or metadata that every dataset must have.
    """
    features, metadata = builder.info.features, builder.info.metadata or {}
    missing = [f"feature '{each}'" for each in ("id", "image") if each not in features]
    missing += [f"metadata '{each}'" for each in ("bands", "units") if each not in metadata]
    missing += [f"split '{each}'" for each in SPLITS if each not in builder.info.splits]
    if missing:
        raise UserError(f"dataset '{name}' cannot be used: it has no {', no '.join(missing)}")
    fractions = metadata.get("class_fractions")
    return DatasetSpec(
        name=name,
        image_shape=tuple(features["image"].shape),
        bands=tuple(metadata["bands"]),
        pixel_scale=metadata.get("pixel_scale"),
        units=metadata["units"],
        class_names=tuple(features["label"].names) if "label" in features else (),
        class_fractions=tuple(fractions) if fractions else None,
        version=str(builder.version),
        questions=tuple(metadata.get("questions", ())),
        tasks={
            name.removeprefix(_TASK_LABEL): tuple(feature.names)
            for name, feature in features.items()
            if name.startswith(_TASK_LABEL)
        },
        feature_names=tuple(features),
        wavelengths=_wavelengths(metadata.get("wavelength")),
    )


def _wavelengths(axis: Mapping[str, Any] | None) -> tuple[float, float] | None:
    if axis is None:
        return None
    first = axis["log10_first_edge"]
    return 10**first, 10 ** (first + axis["log10_step"] * axis["number"])


def _builder(name: str, data_dir: str | Path | None, on_error: str) -> tfds.core.DatasetBuilder:
    dataset, config, text = [*name.split("/", 2), "", ""][:3]
    try:
        options = _options(text)
        builder = tfds_builders.builder(
            dataset, config=config or None, options=options, data_dir=data_dir
        )
        if on_error == "skip" and getattr(builder.builder_config, "on_error", on_error) != on_error:
            # Without some of its objects it is another dataset, so TFDS wants another name.
            config = dataclasses.replace(
                builder.builder_config,
                name=f"{builder.builder_config.name}_skip",
                on_error=on_error,
            )
            builder = tfds_builders.builder(dataset, config=config, data_dir=data_dir)
    except ValueError as error:
        raise UserError(f"`dataset` {name}: {error}; or 'cutouts', 'image_folder'") from None
    return builder


def _options(text: str) -> dict[str, Any]:
    """Returns the options of a configuration, as TFDS writes them: `num_train=200,faint=24`."""
    options = {}
    for pair in filter(None, text.split(",")):
        option, equals, value = pair.partition("=")
        if not option or not equals:
            raise ValueError(f"options are OPTION=VALUE,OPTION=VALUE; got '{text}'")
        options[option] = parse_value(value)
    return options


def _build(builder: tfds.core.DatasetBuilder, name: str, manual_dir: str | Path | None) -> None:
    print(f"building {name} in {builder.data_dir}", flush=True)
    config = tfds.download.DownloadConfig(
        manual_dir=None if manual_dir is None else str(manual_dir)
    )
    try:
        with _progress_on_terminals():
            builder.download_and_prepare(download_config=config)
    except (ValueError, AssertionError, FileNotFoundError) as error:
        raise UserError(f"`dataset` {name}: {' '.join(str(error).split())}") from error


@contextlib.contextmanager
def _progress_on_terminals() -> Iterator[None]:
    # In a log file TFDS's bars are thousands of lines.
    tfds.display_progress_bar(sys.stderr.isatty())
    try:
        yield
    finally:
        tfds.enable_progress_bar()
