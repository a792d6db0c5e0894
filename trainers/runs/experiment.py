"""Experiments of several trainings in one folder, which can be resumed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.datasets import records
from trainers.errors import UserError
from trainers.options import identity
from trainers.options.fields import Affects
from trainers.options.run import RunConfig
from trainers.storage.claimed_folder import claimed
from trainers.storage.json_files import read_json, write_json

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset

__all__ = ["describe", "of_trainings", "opened"]

_DESCRIPTION = "experiment.json"
_DATA = "data"


@contextlib.contextmanager
def opened(folder: Path, own: Mapping[str, Any]) -> Iterator[None]:
    """Locks a folder, and checks that it holds the same experiment.

    Args:
        folder: The folder; made if missing.
        own: Options that must be equal when the experiment is resumed, as JSON types.

    Raises:
        UserError: if another process uses the folder, or it holds another experiment or other
            files.
    """
    name = f"`output_dir` {folder}"
    with claimed(folder, _DESCRIPTION, name=name, kind="experiment") as description:
        if description is not None:
            saved = identity.with_absolute_paths(RunConfig, read_json(description))
            own = json.loads(json.dumps(own))
            # Version 0.1.0 wrote an empty list for None.
            differing = [
                f"`{option}` (saved {saved[option]}, now {value})"
                for option, value in own.items()
                if option in saved and (saved[option] or None) != (value or None)
            ]
            if differing:
                raise UserError(
                    f"{name} holds an experiment with other {', '.join(differing)}; "
                    "give another folder"
                )
        yield


def describe(folder: Path, own: Mapping[str, Any], data: Mapping[str, Dataset]) -> None:
    """Writes the description of an experiment into its folder.

    Args:
        folder: The folder, opened.
        own: Options of the experiment, see `opened`.
        data: Datasets by role.

    Raises:
        UserError: if the experiment was begun with other data.
    """
    path = folder / _DESCRIPTION
    saved = read_json(path).get(_DATA, {}) if path.exists() else {}
    now = {role: records.of_dataset(dataset) for role, dataset in data.items()}
    differing = [
        line
        for role, record in now.items()
        for line in records.differences(saved.get(role, {}), record)
    ]
    if differing:
        raise UserError(
            f"`output_dir` {folder} holds an experiment on other data: {'; '.join(differing)}; "
            "put the data back to go on, or give another folder"
        )
    write_json(path, {**own, _DATA: now})


def of_trainings(config: RunConfig) -> dict[str, Any]:
    """Returns the options of trainings on which their scores depend, as JSON types."""
    own = identity.of(config, affects=(*identity.WEIGHTS, Affects.LENGTH))
    # Each training has a seed of its own.
    own.pop("seed")
    return own
