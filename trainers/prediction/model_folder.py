"""Folders of SavedModels, without importing TensorFlow so that mistakes show at once."""

from __future__ import annotations

from pathlib import Path

from trainers.errors import UserError
from zoo.serving.versions import latest_version

__all__ = ["folder_of"]


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


def _models_in(folder: Path) -> str:
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    models = [entry.name for entry in entries if _is_saved_model(latest_version(entry) or entry)]
    return f"; {folder} has {', '.join(models)}" if models else ""


def _is_saved_model(folder: Path) -> bool:
    return (folder / "saved_model.pb").is_file()
