"""An experiment of several trainings in one folder, which goes on where it was stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainers.errors import UserError
from trainers.options.run import MAY_CHANGE, RunConfig
from trainers.storage import locks
from trainers.storage.json_files import read_json, write_json

__all__ = ["describe", "of_data", "of_run", "opened"]

_DESCRIPTION = "experiment.json"


@contextlib.contextmanager
def opened(folder: Path, own: Mapping[str, Any]) -> Iterator[None]:
    """Keeps a folder for this process, and sees to it that it is of this experiment.

    Args:
        folder: The folder; made if missing.
        own: What must be the same when an experiment goes on, as JSON types.

    Raises:
        UserError: if another process has the folder, or it holds another experiment, or something
            that is none.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".lock").touch()
    except OSError as error:
        raise UserError(f"--output_dir {folder} cannot be written: {error}") from None
    path = folder / _DESCRIPTION
    with open(folder / ".lock", "w") as lock:
        if not locks.acquire(lock):
            raise UserError(f"--output_dir {folder} is in use by another process")
        if path.exists():
            saved = read_json(path)
            differing = [
                f"--{name} (saved {saved.get(name)}, now {own[name]})"
                for name in own
                if saved.get(name) != own[name]
            ]
            if differing:
                raise UserError(
                    f"--output_dir {folder} holds an experiment with other {', '.join(differing)}; "
                    "give another folder"
                )
        elif any(not entry.name.startswith(".") for entry in folder.iterdir()):
            raise UserError(
                f"--output_dir {folder} holds files but no experiment; give an empty or new folder"
            )
        yield


def describe(folder: Path, own: Mapping[str, Any]) -> None:
    """Writes into an opened folder which experiment it holds."""
    write_json(folder / _DESCRIPTION, dict(own))


def of_run(config: RunConfig) -> dict[str, Any]:
    """Returns those options of trainings on which what they learn depends, as JSON types."""
    unrelated = MAY_CHANGE - {"epochs", "patience"} | {"seed"}
    own = {name: value for name, value in config.as_dict().items() if name not in unrelated}
    return own | of_data(config.dataset, config.data_dir)


def of_data(dataset: str, data_dir: str) -> dict[str, str]:
    """Returns the options `dataset` and, where that is the dataset, `data_dir`, as JSON types."""
    if dataset != "image_folder":
        return {"dataset": dataset}
    return {"dataset": dataset, "data_dir": str(Path(data_dir).expanduser().resolve())}
