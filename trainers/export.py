"""Exports a trained model for TensorFlow Serving, or as a file for LiteRT or ONNX.

Examples:
    python -m trainers.export --run_dir runs/vae_mixture
    python -m trainers.export --run_dir runs/vae_mixture --saved_models_dir served --version 3
    python -m trainers.export --run_dir runs/vae_mixture --base_path /models
    python -m trainers.export --run_dir runs/star_galaxy_cnn --format litert
    python -m trainers.export --run_dir runs/star_galaxy_cnn --format onnx
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.fields import CheckedOptions, option

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset
    from trainers.runs.run_folder import RunFolder

__all__ = ["main"]

_SAMPLES = 8  # images on which a file is compared with the model

# Files of one format other than SavedModels: name in the folder of the run, and of the format.
_FILES = {"litert": ("model.tflite", "LiteRT"), "onnx": ("model.onnx", "ONNX")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(CheckedOptions):
    """The run, and the location of its SavedModel."""

    run_dir: Path = option()
    """Run folder."""

    saved_models_dir: Path | None = option(None, type=Path)
    """Folder of all exported models; default: that of the run."""

    version: int | None = option(None, least=1)
    """Version number; default: one more than the highest existing one."""

    base_path: str | None = option(None, metavar="FOLDER")
    """Folder of all models as the server sees it, such as /models in a container; default: that of
    models.config, or the folder itself."""

    format: Literal["savedmodel", "litert", "onnx"] = option("savedmodel")
    """SavedModel for TensorFlow Serving, or one file for LiteRT (TensorFlow Lite) or ONNX runtimes
    with `serving_default` alone."""

    output: Path | None = option(None)
    """LiteRT or ONNX file; default: model.tflite or model.onnx in the folder of the run."""

    def __post_init__(self) -> None:
        super().__post_init__()
        others = ("output",)
        if self.format in _FILES:
            others = ("saved_models_dir", "version", "base_path")
        for name in others:
            if getattr(self, name) is not None:
                raise UserError(f"`{name}` must be left out with `format={self.format}`")


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.export", description=__doc__)

    from trainers.datasets import loading
    from trainers.runs import exports
    from trainers.runs.run_folder import RunFolder, load_config
    from trainers.storage.json_files import read_json

    config, folder = load_config(options.run_dir), RunFolder(options.run_dir)
    dataset = loading.load_for_run(config)
    folder.check_evaluated_data(dataset, "put them back to export the model with its own data")
    if options.format in _FILES:
        _write_file(folder, dataset, options.format, options.output)
        return
    if options.saved_models_dir is not None:
        config = dataclasses.replace(config, saved_models_dir=str(options.saved_models_dir))
    metrics = read_json(folder.metrics) if folder.metrics.exists() else None
    saved_model = exports.export_version(
        config, dataset, metrics, options.version, options.base_path
    )
    print(f"SavedModel  {saved_model}")


def _write_file(folder: RunFolder, dataset: Dataset, kind: str, output: Path | None) -> None:
    """Writes the model of a run as a file of one of `_FILES`, and prints its path."""
    from trainers.runs.run_folder import load_model
    from trainers.serving import litert, onnx_files

    name, title = _FILES[kind]
    path = output or folder.path / name
    images = dataset.arrays("train", limit=_SAMPLES)["image"][:_SAMPLES]
    write = {"litert": litert.write, "onnx": onnx_files.write}[kind]
    write(load_model(folder.path), path, images)
    print(f"{title}  {path}")


main = command("export", _command, "stopped; no version was written")

if __name__ == "__main__":
    sys.exit(main())
