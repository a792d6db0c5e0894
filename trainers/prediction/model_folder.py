"""Which folder is meant by a model, found without TensorFlow: a mistake shows at once."""

from __future__ import annotations

from pathlib import Path

from trainers.errors import UserError
from trainers.runs import run_folder
from trainers.serving.versions import latest_version
from trainers.storage import json_files

__all__ = ["folder_of", "folder_of_run"]


def folder_of(path: Path) -> Path:
    """Returns the folder of a SavedModel.

    Args:
        path: `saved_models/<model>/<version>`, or `saved_models/<model>` for the latest version.

    Raises:
        UserError: if there is none.
    """
    folder = path if _is_saved_model(path) else latest_version(path) or path
    if _is_saved_model(folder):
        return folder
    if not path.exists():
        raise UserError(f"`saved_model={path}`: no such folder{_models_in(path.parent)}")
    raise UserError(
        f"`saved_model={path}` must be the folder of a SavedModel; it has no saved_model.pb"
        f"{_models_in(path)}"
    )


def folder_of_run(run_dir: Path) -> Path:
    """Returns the SavedModel with which a run ended.

    Args:
        run_dir: Folder of the run.

    Raises:
        UserError: if the folder holds no run that has ended, or the SavedModel is gone.
    """
    file = run_folder.RunFolder(run_dir).finished
    run_folder.load_config(run_dir)
    if not file.is_file():
        raise UserError(f"`run_dir={run_dir}`: the run has not ended; take it up again")
    exported = json_files.read_json(file).get("saved_model")
    if not exported or not _is_saved_model(Path(exported)):
        where = f"that was exported to {exported} is not there" if exported else "was not exported"
        raise UserError(
            f"`run_dir={run_dir}`: its model {where}; python -m trainers.export --run_dir "
            f"{run_dir} exports it, then give `saved_model`"
        )
    return Path(exported)


def _models_in(folder: Path) -> str:
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [entry.name for entry in entries if _is_saved_model(latest_version(entry) or entry)]
    return f"; {folder} has {', '.join(found)}" if found else ""


def _is_saved_model(folder: Path) -> bool:
    return (folder / "saved_model.pb").is_file()
