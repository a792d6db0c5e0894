"""Exports of a run's model, and the SavedModel that belongs to a run.

Several runs may export to one folder, and a version's folder may be replaced. A SavedModel belongs
to a run if its model card has the checksum of the weights that the run noted at the export.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.datasets import content_hashes
from trainers.errors import UserError
from trainers.options import identity
from trainers.options.fields import Affects, names
from trainers.options.run import RunConfig
from trainers.runs.run_folder import RunFolder, load_config, load_model, working_directory
from trainers.serving.model_card import CARD_JSON
from trainers.storage.json_files import read_json, write_json

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset

__all__ = ["export_run", "export_version", "note", "own_export", "saved_model_of_run"]

_EXAMPLES = 16


def export_run(config: RunConfig, dataset: Dataset, metrics: Mapping[str, Any]) -> Path:
    """Exports the model of a run, unless it was killed after its export; see `export_version`."""
    from trainers.serving import server_files
    from trainers.storage.json_files import json_safe
    from zoo.fingerprints import weights_checksum
    from zoo.serving.versions import latest_version

    saved_models_dir = Path(config.saved_models_dir)
    latest = latest_version(saved_models_dir / config.model)
    card = _card(latest) if latest else {}
    same_numbers = card.get("metrics") == json.loads(json.dumps(json_safe(metrics)))
    checksum = card.get("weights_sha256")
    if not same_numbers or checksum != weights_checksum(load_model(config.run_dir)):
        return export_version(config, dataset, metrics)
    server_files.write_models_config(saved_models_dir)
    note(RunFolder(config.run_dir), latest)
    return latest


def export_version(
    config: RunConfig,
    dataset: Dataset,
    metrics: Mapping[str, Any] | None,
    version: int | None = None,
    base_path: str | None = None,
) -> Path:
    """Exports the model of a finished run as a new version; returns its folder.

    Args:
        config: The run.
        dataset: The data; a few training examples become warm-up requests.
        metrics: Numbers for the model card.
        version: See `trainers.serving.serving_export.export`.
        base_path: See `trainers.serving.serving_export.export`.

    Raises:
        UserError: if the run has not ended, or the version exists.
    """
    from trainers.runs import novelty
    from trainers.serving import serving_export

    folder, of_machine = RunFolder(config.run_dir), names(RunConfig, Affects.NOTHING)
    model, saved = load_model(config.run_dir), read_json(folder.config)
    saved_model = serving_export.export(
        model,
        config.saved_models_dir,
        sample_inputs=model.select_inputs(dataset.arrays("train", limit=_EXAMPLES)),
        spec=dataset.spec,
        metrics=metrics,
        config={name: value for name, value in saved.items() if name not in of_machine},
        version=version,
        base_path=base_path,
        validity=novelty.read(folder),
    )
    note(folder, saved_model)
    return saved_model


def saved_model_of_run(run_dir: Path) -> Path:
    """Returns the SavedModel of a finished run, without an import of TensorFlow.

    Raises:
        UserError: if the folder holds no finished run, or its SavedModel is gone.
    """
    folder = RunFolder(run_dir)
    load_config(run_dir)
    if not folder.finished.is_file():
        raise UserError(
            f"`run_dir={run_dir}`: the run has not finished; resume it with the same command"
        )
    saved_model = own_export(folder)
    if saved_model is None:
        exported = read_json(folder.finished).get("saved_model")
        where = f"is no longer in {exported}" if exported else "was not exported"
        raise UserError(
            f"`run_dir={run_dir}`: its model {where}; python -m trainers.export --run_dir "
            f"{run_dir} exports it"
        )
    return saved_model


def note(folder: RunFolder, saved_model: Path) -> None:
    """Records in a run's folder that its present model was exported."""
    notes = read_json(folder.exports) if folder.exports.exists() else []
    path = str(saved_model.absolute())
    notes = [note for note in notes if note["saved_model"] != path]
    notes.append(
        {
            "saved_model": path,
            "weights_sha256": _card(saved_model).get("weights_sha256"),
            "model_file_sha256": content_hashes.of_file(folder.model),
        }
    )
    write_json(folder.exports, notes)


def own_export(folder: RunFolder, saved_models_dir: Path | str | None = None) -> Path | None:
    """Returns the latest SavedModel of a run's present model; None if there is none.

    Args:
        folder: Folder of the run.
        saved_models_dir: Folder of all models that must hold it. Default any.
    """
    if not folder.model.exists():
        return None
    if not folder.exports.exists():
        return _of_earlier_version(folder, saved_models_dir)
    checksum = content_hashes.of_file(folder.model)
    for note in reversed(read_json(folder.exports)):
        path = Path(note["saved_model"])
        is_own = note["weights_sha256"] == _card(path).get("weights_sha256")
        if is_own and note["model_file_sha256"] == checksum and _is_in(path, saved_models_dir):
            return path
    return None


def _of_earlier_version(folder: RunFolder, saved_models_dir: Path | str | None) -> Path | None:
    """Returns the SavedModel of a run of version 0.1.0: its card has the configuration."""
    if not (folder.finished.exists() and folder.config.exists()):
        return None
    exported, config = read_json(folder.finished).get("saved_model"), read_json(folder.config)
    if not exported:
        return None
    path = working_directory(folder, config) / exported
    trained = _card(path).get("training")
    if not isinstance(trained, Mapping) or not _is_in(path, saved_models_dir):
        return None
    own, of_card = (identity.options_of(RunConfig(), saved) for saved in (config, trained))
    return path if own == of_card else None


def _is_in(path: Path, saved_models_dir: Path | str | None) -> bool:
    if not (path / "saved_model.pb").is_file():
        return False
    return saved_models_dir is None or path.parents[1] == Path(saved_models_dir).absolute()


def _card(saved_model: Path) -> Mapping[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        card = json.loads((saved_model / CARD_JSON).read_text())
        return card if isinstance(card, Mapping) else {}
    return {}
