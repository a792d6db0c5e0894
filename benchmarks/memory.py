"""The most memory that training and prediction have at a time.

    python -m benchmarks memory

Largest resident size of a command beside that of `import tensorflow`, and beside that of the same
command with a fourth of the objects.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import prediction, startup, table

__all__ = ["rows"]

_MODEL = "vae_mixture"


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields rows for training and prediction; of fewer objects if it must be quick."""
    number = 400 if quick else 1000
    alone = _peak("-c", "import tensorflow")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        what = f"trainers.run of {_MODEL}, dataset build and report included, {number} objects"
        yield _row(what, alone, _training(folder, number))
        model = prediction.exported(folder)
        many, few = (_predicting(folder, model, n) for n in (4 * number, number))
        yield _row(f"trainers.predict, {number} objects", alone, few)
        yield _row(
            f"trainers.predict, {4 * number} objects", few, many, f"the same, {number} objects"
        )


def _row(what: str, yardstick: float, value: float, of: str = "import tensorflow") -> table.Row:
    return table.Row(f"peak memory of {what}", "MB", value, of, yardstick, (value / yardstick,))


def _training(folder: Path, number: int) -> float:
    options = {
        "model": _MODEL,
        "dataset": f"sdss_star_galaxy/simulated/num_objects={number}",
        "data_dir": folder / "data",
        "run_dir": folder / "run",
        "saved_models_dir": folder / "saved_models",
        "epochs": 1,
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return _peak("-m", "trainers.run", *arguments)


def _predicting(folder: Path, model: Path, number: int) -> float:
    images = prediction.images(folder / f"{number}.npy", number)
    output = folder / f"{number}.parquet"
    where = ("--saved_model", model, "--images", images, "--output", output)
    return _peak("-m", "trainers.predict", *map(str, where))


def _peak(*arguments: str) -> float:
    return startup.used(arguments)[2]
