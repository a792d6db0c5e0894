"""Experiments of several trainings in one folder, which can be resumed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trainers.datasets import records
from trainers.errors import UserError
from trainers.options import identity
from trainers.options.experiment import ExperimentOptions
from trainers.options.fields import Affects
from trainers.options.run import RunConfig
from trainers.storage.claimed_folder import claimed
from trainers.storage.json_files import read_json, write_json

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset

__all__ = ["of_trainings", "opened"]

_DESCRIPTION = "experiment.json"
_DATA = "data"


@contextlib.contextmanager
def opened(options: ExperimentOptions) -> Iterator[Callable[[Mapping[str, Dataset]], None]]:
    """Locks the folder of an experiment, and checks that it holds the same one.

    Args:
        options: Options of the experiment.

    Yields:
        A function that records the datasets by role, and raises UserError if the experiment was
        begun with other data.

    Raises:
        UserError: if another process uses the folder, or it holds another experiment or other
            files.
    """
    folder, own = options.output_dir, options.experiment()
    name, path, saved = f"`output_dir` {folder}", folder / _DESCRIPTION, {}

    def record(data: Mapping[str, Dataset]) -> None:
        before = saved.get(_DATA, {})
        now = {role: records.of_dataset(dataset) for role, dataset in data.items()}
        differing = [
            line
            for role, each in now.items()
            for line in records.differences(before.get(role, {}), each)
        ]
        if differing:
            raise UserError(
                f"{name} holds an experiment on other data: {'; '.join(differing)}; "
                "put the data back to go on, or give another folder"
            )
        write_json(path, {**own, _DATA: now})

    with claimed(folder, _DESCRIPTION, name=name, kind="experiment") as description:
        if description is not None:
            saved = identity.with_absolute_paths(RunConfig, read_json(path))
        # Version 0.1.0 wrote an empty list for None.
        differing = [
            f"`{option}` (saved {saved[option]}, now {value})"
            for option, value in own.items()
            if option in saved and (saved[option] or None) != (value or None)
        ]
        if differing:
            raise UserError(
                f"{name} holds an experiment with other {', '.join(differing)}; give another folder"
            )
        yield record


def of_trainings(config: RunConfig) -> dict[str, Any]:
    """Returns the options of trainings on which their scores depend, as JSON types."""
    own = identity.of(config, affects=(*identity.WEIGHTS, Affects.LENGTH))
    # Each training has a seed of its own.
    own.pop("seed")
    return own
