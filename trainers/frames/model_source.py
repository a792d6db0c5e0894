"""A model of the zoo with the record of its training, from a run or a named set of weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.datasets import content_hashes
from trainers.errors import UserError
from trainers.runs import run_folder
from trainers.runs.run_folder import RunFolder
from trainers.storage import json_files
from zoo.model import ZooModel

__all__ = ["ModelSource", "of_run", "of_weights"]


@dataclasses.dataclass(frozen=True)
class ModelSource:
    """A trained model.

    Attributes:
        model: The model.
        option: What the user gave, for errors.
        path: Where it comes from.
        checksum: Hash of its weights.
        configuration: Options of its training; empty if they are not on record.
        data: `bands` and `pixel_scale_arcsec` of the training data; may be empty.
    """

    model: ZooModel
    option: str
    path: Path
    checksum: str
    configuration: Mapping[str, Any]
    data: Mapping[str, Any]


def of_run(run_dir: Path) -> ModelSource:
    """Returns the model of a finished run.

    Raises:
        UserError: if the folder holds none.
    """
    model, folder = run_folder.load_model(run_dir), RunFolder(run_dir)
    return ModelSource(
        model,
        f"`run_dir={run_dir}`",
        folder.path,
        content_hashes.of_file(folder.model),
        json_files.read_json(folder.config),
        next(iter(folder.data_record().values()), {}),
    )


def of_weights(name: str) -> ModelSource:
    """Returns the model of a named set of weights.

    Args:
        name: "<model>/<set>", as `zoo.load` takes it.

    Raises:
        UserError: if there is no such set, or its file cannot be had.
    """
    import zoo
    from zoo import weights

    try:
        manifest = weights.describe(name)
        model = zoo.load(name)
    except ValueError as error:
        raise UserError(f"`weights={name}`: {error}") from error
    data = {"name": manifest.data.name, "bands": manifest.data.bands}
    if manifest.data.pixel_scale is not None:
        data["pixel_scale_arcsec"] = manifest.data.pixel_scale
    return ModelSource(model, f"`weights={name}`", Path(name), manifest.file.sha256, {}, data)
