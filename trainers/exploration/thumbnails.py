"""Small pictures of the objects of a catalogue, read from the dataset that it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from trainers.errors import UserError

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset

__all__ = ["read_thumbnails"]

_BATCH = 256


def read_thumbnails(
    dataset: Dataset, ids: Sequence[str], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns pictures of objects, those of survey images with north as in the files up.

    Args:
        dataset: The dataset with the images.
        ids: Identifiers of the objects.
        size: Height and width of a picture, px.

    Returns:
        Rows among `ids` of the objects in the dataset, rising; and their pictures,
        (rows, size, size, 3) uint8.

    Raises:
        UserError: if the dataset has none of the objects.
    """
    from tqdm import tqdm

    from trainers.evaluators.figures.display import Stretch

    rows = {name: row for row, name in enumerate(ids)}
    pictures: dict[int, np.ndarray] = {}
    splits = [split for split, number in dataset.num_examples.items() if number]
    total = sum(dataset.num_examples[split] for split in splits)
    with tqdm(total=total, desc="images", unit="image", disable=None) as bar:
        for split in splits:
            for batch in dataset.batches(split, _BATCH, labels=False, features=("id",)):
                names = [_text(name) for name in batch["id"].numpy()]
                bar.update(len(names))
                places = [place for place, name in enumerate(names) if name in rows]
                if not places:
                    continue
                images = batch["image"].numpy()[places]
                stretch = Stretch(images, dataset.spec.bands)
                for place, picture in zip(places, stretch.pictures(images), strict=True):
                    upright = picture if stretch.origin == "upper" else picture[::-1]
                    pictures[rows[names[place]]] = _fitted(upright, size)
            if len(pictures) == len(rows):
                break
    if not pictures:
        raise UserError(
            f"`dataset` {dataset.spec.name} has none of the {len(ids)} objects of the catalogue, "
            f"the first of which is '{ids[0]}'"
        )
    order = np.array(sorted(pictures))
    return order, np.stack([pictures[row] for row in order.tolist()])


def _text(name: object) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _fitted(picture: np.ndarray, size: int) -> np.ndarray:
    image = Image.fromarray(np.round(picture * 255).astype(np.uint8))
    return np.asarray(ImageOps.pad(image, (size, size), Image.Resampling.LANCZOS))
