"""A small catalogue with cutouts, and a page of it."""

import contextlib
import io
from pathlib import Path

import numpy as np
from astropy.table import Table

from trainers import explore
from trainers.tables import table_files

NUMBER, FEATURES = 90, 6
KINDS = ("ring", 'spiral "barred"', "<b>star</b>")


def write_catalogue(folder: Path, name: str = "objects.parquet", **columns) -> Path:
    """Writes three groups of objects; `columns` replace the usual ones."""
    rng = np.random.default_rng(0)
    group = np.arange(NUMBER) % 3
    vectors = 5 * np.eye(3, FEATURES)[group] + rng.normal(size=(NUMBER, FEATURES))
    score = rng.uniform(0.3, 0.7, NUMBER)
    score[7] = np.nan
    values = {
        "id": [f"stamps.npy[{row}]" for row in range(NUMBER)],
        "ra": 150 + np.arange(NUMBER) / 1e7,
        "kind": [KINDS[each] for each in group],
        "outlier_score": score,
        "embedding": vectors.astype(np.float32),
    }
    values |= columns
    table = Table({name: column for name, column in values.items() if column is not None})
    table["outlier_score"].unit = "bit"
    table.meta = {"model": "vae", "run": "mine"}
    table_files.write(table, folder / name)
    return folder / name


def write_cutouts(folder: Path) -> Path:
    """Writes a cutout of each object: a bright square, whose row and column are its number's."""
    images = np.random.default_rng(1).normal(0, 0.1, (NUMBER, 20, 20, 3)).astype(np.float32)
    for row, image in enumerate(images):
        image[row % 16 : row % 16 + 4, row // 16 : row // 16 + 4] += 20
    np.save(folder / "stamps.npy", images)
    return folder / "stamps.npy"


def run(*words: object, status: int = 0) -> str:
    """Runs the command and returns what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        done = explore.main(list(map(str, words)))
    if done != status:
        raise AssertionError(f"exit status {done}: {printed.getvalue()}")
    return printed.getvalue()
