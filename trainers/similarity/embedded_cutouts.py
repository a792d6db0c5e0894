"""Embeddings of cutouts in files, by the model of a run."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.cutouts.cutout import LeftOut
from trainers.cutouts.reading import CutoutFiles
from trainers.errors import UserError
from trainers.prediction import inference, training_images
from trainers.runs import run_folder
from zoo.embedding import EMBEDDING, features

__all__ = ["embed"]


def embed(
    images: Sequence[str], run_dir: Path, meta: Mapping[str, Any]
) -> tuple[list[str], np.ndarray]:
    """Returns the identifiers and the embeddings of cutouts.

    Args:
        images: Files, folders and patterns, read as the training images of the run were.
        run_dir: Folder of the run.
        meta: Metadata of the catalogue, which must be of that run.

    Returns:
        Identifiers, and (cutouts, features) float32.

    Raises:
        UserError: if the catalogue is of another run, or no cutout can be used.
    """
    model = run_folder.load_model(run_dir)
    made_by = {"run": run_dir.resolve().name, "model": model.registry_name}
    for name, value in made_by.items():
        if meta.get(name, value) != value:
            raise UserError(
                f"`run_dir={run_dir}` has the {name} '{value}'; the catalogue is of "
                f"'{meta[name]}', whose embeddings mean something else"
            )
    data = run_folder.RunFolder(run_dir).data_record().get("dataset", {})
    data = {**data, "image_shape": model.image_shape}
    settings = training_images.settings(data)
    files = CutoutFiles(images, model.image_shape, **settings)
    names, found = [], []
    for entry in files.entries(0, len(files)):
        if isinstance(entry, LeftOut):
            print(f"left out  {entry.source}: {entry.reason}", file=sys.stderr)
        else:
            names.append(entry.id)
            found.append(entry.image)
    files.close()
    if not names:
        raise UserError(f"`images`: none of {len(files)} {files.unit} can be used")
    answers = inference.apply(lambda batch: {EMBEDDING: features(model, batch)}, np.stack(found))
    return names, answers[EMBEDDING]
