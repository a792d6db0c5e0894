"""Records of datasets, by which a run notices that its data have changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.datasets import content_hashes

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset, DatasetSpec

__all__ = ["differences", "of_dataset", "of_images", "of_models"]


def of_dataset(dataset: Dataset) -> dict[str, Any]:
    """Returns what a run depends on of its data beyond its options, as JSON types.

    Copies of a dataset, in whatever folder, have equal records.

    Args:
        dataset: The data; noise, padding and augmentation are left to the options.
    """
    dataset = dataset.stored_dataset
    spec = dataset.spec
    return {
        "name": spec.name,
        "version": spec.version,
        "class_names": list(spec.class_names),
        **of_images(spec),
        "num_examples": dict(dataset.num_examples),
        "contents": {split: dataset.stored_content(split) for split in dataset.num_examples},
    }


def of_images(spec: DatasetSpec) -> dict[str, Any]:
    """Returns the part of the record by which images of one dataset are like those of another."""
    return {
        "bands": list(spec.bands),
        "units": spec.units,
        "pixel_scale_arcsec": spec.pixel_scale,
    }


def of_models(files: Mapping[str, Path]) -> dict[str, Any]:
    """Returns the record of trained models or weights that a run begins with.

    Args:
        files: Their files, by the argument that names each.
    """
    return {"files": {name: content_hashes.of_file(path) for name, path in files.items()}}


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns, one line each, in what two records of a dataset differ.

    Args:
        saved: The earlier record; it may lack entries.
        now: The present one.
    """
    if "files" in now:
        before = saved.get("files", {})
        changed = [name for name, held in now["files"].items() if before.get(name, held) != held]
        return [f"the file of `{name}` has other contents" for name in changed]
    lines = []
    for name in ("name", "version", "class_names"):
        if name in saved and saved[name] != now[name]:
            before, after = _shown(saved[name]), _shown(now[name])
            lines.append(f"{name.replace('_', ' ')} {before} before, {after} now")
    if lines:
        # Everything else follows from these.
        return lines
    for split, number in now["num_examples"].items():
        before = saved.get("num_examples", {}).get(split, number)
        if before != number:
            lines.append(f"{before} examples before, {number} now in the {split} split")
    if lines:
        return lines
    return [
        f"other contents of the {split} split"
        for split, content in now["contents"].items()
        if saved.get("contents", {}).get(split, content) != content
    ]


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
