"""Trainings, the caching of features, and exports that are killed."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np

from tests.faults import readable
from tests.faults.subject import Subject, digest, history_rows
from tests.trainers import tiny, tiny_two_stage

__all__ = ["Export", "Features", "Training"]

_OPTIONS = ("--batch_size", "16", "--checkpoint_seconds", "0", "--evaluators", "roc")


class Training(Subject):
    """`trainers.run`, with a checkpoint at every batch, to its report and its SavedModel."""

    name, title = "training", "training (`trainers.run`)"
    command = staticmethod(tiny.command)
    pause = 0.03
    epochs = 4
    model = "tiny"

    def job(self, folder: Path) -> int:
        os.environ["TINY_PAUSE"] = str(self.pause)
        places = {"run_dir": "run", "saved_models_dir": "saved_models", "features_dir": "features"}
        arguments = [
            word for name, at in places.items() for word in (f"--{name}", str(folder / at))
        ]
        return self.command([*_OPTIONS, "--epochs", str(self.epochs), *arguments])

    def check(self, folder: Path) -> list[str]:
        return super().check(folder) + _broken_versions(folder / "saved_models" / self.model)

    def result(self, folder: Path) -> dict[str, str]:
        run = folder / "run"
        with np.load(run / "checkpoints" / "last.npz") as file:
            state = {name: digest(file[name]) for name in file.files if name != "progress"}
        metrics = json.loads((run / "metrics.json").read_text())
        return {
            "last checkpoint": digest(state),
            "history": digest(history_rows(run / "history.csv")),
            "metrics": digest(metrics),
            "model.keras": digest(_weights(run / "model.keras")),
            "figures": digest([digest(path) for path in sorted((run / "figures").iterdir())]),
            **_of_versions(folder / "saved_models" / self.model),
        }


class Features(Training):
    """`trainers.run --trainer two_stage`, most of which is the caching of features."""

    name, title = "features", "feature caching (`--trainer two_stage`)"
    command = staticmethod(tiny_two_stage.command)
    pause = 0.1
    epochs = 2
    model = tiny_two_stage.NAME

    def result(self, folder: Path) -> dict[str, str]:
        cached = sorted((folder / "features").rglob("*.npy"))
        names = {str(path.relative_to(folder)): digest(np.load(path)) for path in cached}
        return {**super().result(folder), "features": digest(names)}


class Export(Training):
    """`trainers.export` of a finished run, beside the version that its training has exported."""

    name, title = "export", "export (`trainers.export`)"
    pause = 0.0
    epochs = 1

    def prepare(self, folder: Path) -> None:
        if super().job(folder):
            raise RuntimeError("the training did not end")

    def job(self, folder: Path) -> int:
        from trainers import export

        with tiny.available():
            return export.main(["--run_dir", str(folder / "run")])

    def result(self, folder: Path) -> dict[str, str]:
        return _of_versions(folder / "saved_models" / self.model)


def _weights(path: Path) -> dict[str, str]:
    """Returns a digest of each array of a `.keras` file."""
    import h5py

    digests: dict[str, str] = {}
    with (
        zipfile.ZipFile(path) as archive,
        h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file,
    ):
        file.visititems(
            lambda name, item: (
                digests.update({name: digest(item[()])}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return digests


def _broken_versions(folder: Path) -> list[str]:
    """Returns a line for each version that TensorFlow cannot load, or that lacks something."""
    import tensorflow as tf

    problems = []
    for version in _versions(folder):
        try:
            tf.saved_model.load(str(version))
        except (OSError, ValueError, tf.errors.OpError) as error:
            problems.append(f"{version.name}: {' '.join(str(error).split())}")
        for name in ("model_card.json", "README.md", "assets.extra/tf_serving_warmup_requests"):
            if not (version / name).exists():
                problems.append(f"{version.name}: no {name}")
    return problems + readable.problems(folder)


def _of_versions(folder: Path) -> dict[str, str]:
    """Returns the versions, what lies beside them, and the weights and answers of each."""
    import tensorflow as tf

    held = {"versions": digest(sorted(path.name for path in folder.iterdir()))}
    held["models.config"] = digest((folder.parent / "models.config").read_text())
    images = tf.constant(np.random.default_rng(0).normal(size=(4, *tiny.SHAPE)), tf.float32)
    for version in _versions(folder):
        loaded = tf.saved_model.load(str(version))
        answers = loaded.signatures["serving_default"](image=images)
        held[f"answers of version {version.name}"] = digest(
            {name: digest(value.numpy()) for name, value in answers.items()}
        )
        names = sorted(str(p.relative_to(version)) for p in version.rglob("*") if p.is_file())
        held[f"files of version {version.name}"] = digest(names)
    return held


def _versions(folder: Path) -> list[Path]:
    entries = folder.iterdir() if folder.exists() else ()
    return sorted(path for path in entries if path.name.isdigit())
