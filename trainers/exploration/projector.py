"""Files of TensorBoard's Embedding Projector: vectors, columns and pictures of objects."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboard.plugins import projector

from trainers.exploration.objects import Column, Objects
from trainers.storage.atomic_files import write_atomically

__all__ = ["CONFIG", "write_projector"]

CONFIG = "projector_config.pbtxt"
"""File that names the others."""

_VECTORS, _COLUMNS, _SPRITE = "vectors.tsv", "metadata.tsv", "sprite.png"

# Height and width of the largest texture that browsers draw.
_MOST_PIXELS = 8192
_FEWEST_PIXELS = 8


def write_projector(
    folder: Path, objects: Objects, rows: np.ndarray | None = None, images: np.ndarray | None = None
) -> None:
    """Writes vectors.tsv, metadata.tsv, sprite.png and the configuration that names them.

    `tensorboard --logdir FOLDER` shows them. Objects without a picture are black.

    Args:
        folder: Made if missing.
        objects: The objects, in the order of all files.
        rows: Rows of the objects with a picture; None for no sprite.
        images: Their pictures, (rows, size, size, 3) uint8; made smaller where a texture of a
            browser cannot hold one for each object, and left out below 8 px.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = projector.ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name = "catalogue"
    embedding.tensor_path, embedding.metadata_path = _VECTORS, _COLUMNS
    vectors = io.StringIO()
    np.savetxt(vectors, objects.vectors, fmt="%.6g", delimiter="\t")
    write_atomically(folder / _VECTORS, vectors.getvalue())
    write_atomically(folder / _COLUMNS, _columns(objects))
    side = math.ceil(math.sqrt(len(objects)))
    size = 0 if images is None else min(images.shape[1], _MOST_PIXELS // side)
    if size >= _FEWEST_PIXELS:
        embedding.sprite.image_path = _SPRITE
        embedding.sprite.single_image_dim.extend([size, size])
        sprite = _sprite(len(objects), rows, images, side, size)
        write_atomically(folder / _SPRITE, lambda file: sprite.save(file, "PNG"))
    write_atomically(folder / CONFIG, str(config))


def _columns(objects: Objects) -> str:
    names = ["id", *objects.columns]
    columns = [map(str, objects.ids), *map(_texts, objects.columns.values())]
    lines = [[" ".join(text.split()) for text in row] for row in zip(*columns, strict=True)]
    # The projector takes the first line of a single column for an object.
    header = [names] if len(names) > 1 else []
    return "".join("\t".join(line) + "\n" for line in header + lines)


def _texts(column: Column) -> list[str]:
    if column.categories is not None:
        named = [*column.categories, ""]  # The code of none is -1.
        return [named[code] for code in column.values.tolist()]
    if column.kind == "number":
        return [f"{value:.9g}" for value in column.values.tolist()]
    return column.values.tolist()


def _sprite(number: int, rows: np.ndarray, images: np.ndarray, side: int, size: int) -> Image.Image:
    sheet = Image.new("RGB", (side * size, math.ceil(number / side) * size))
    for row, image in zip(rows.tolist(), images, strict=True):
        picture = Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS)
        sheet.paste(picture, (row % side * size, row // side * size))
    return sheet
