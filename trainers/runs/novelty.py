"""Statistics of the training images of a run, which show what other images are unlike them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from trainers.novelty.measurements import LEAST_SIDE
from trainers.novelty.reference import Reference, load
from trainers.novelty.sample import Sample
from trainers.prediction import inference
from zoo.embedding import EMBEDDING, features, has_features

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset
    from trainers.runs.run_folder import RunFolder
    from zoo.model import ZooModel

__all__ = ["of_model", "read", "write"]

# Most objects of a split.
_OBJECTS = {"train": 4096, "validation": 2048, "test": 2048}
# The largest distance of so many objects is exceeded by one in 41 of their kind.
_LEAST_OBJECTS = 40


def of_model(model: ZooModel, dataset: Dataset, batch_size: int = 256) -> Reference | None:
    """Returns the reference of a trained model.

    The training split sets the densities and the validation split the limits; `facts` have the
    share of objects of the test split that is outside.

    Args:
        model: The model.
        dataset: The data of its training as they are evaluated, without augmentation.
        batch_size: Images in a batch. Default 256.

    Returns:
        None where images are smaller than 8 px, a split has fewer than 40, or the model reads none.
    """
    if "image" not in model.input_names:
        return None
    spec = dataset.spec
    inside = min(spec.image_shape[:2]) - 2 * spec.pad
    sizes = [dataset.num_examples.get(split, 0) for split in ("train", "validation")]
    if inside < LEAST_SIDE or min(sizes) < _LEAST_OBJECTS:
        return None
    training, validation = (
        _sample(model, dataset, split, batch_size) for split in ("train", "validation")
    )
    reference = Reference.fit(training, validation, spec.pad)
    if dataset.num_examples.get("test"):
        outside = reference.judged(_sample(model, dataset, "test", batch_size))["outside"]
        reference.facts["test_objects"] = len(outside)
        reference.facts["test_share_outside"] = round(float(outside.mean()), 4)
    return reference


def write(model: ZooModel, dataset: Dataset, folder: RunFolder) -> Reference | None:
    """Writes the reference of a run's model into its folder; see `of_model`.

    A model whose features are not finite for some image has none, which is no reason to lose a run.
    """
    try:
        reference = of_model(model, dataset)
    except ValueError as error:
        print(f"note  no statistics of the training images: {error}", flush=True)
        return None
    if reference is not None:
        reference.save(folder.validity)
    return reference


def read(folder: RunFolder) -> Reference | None:
    """Returns the reference in a run's folder; None if there is none.

    Raises:
        UserError: if the file is damaged.
    """
    return load(folder.validity) if folder.validity.is_file() else None


def _sample(model: ZooModel, dataset: Dataset, split: str, batch_size: int) -> Sample:
    """Returns measurements and features of the first images of a split, read batch by batch."""

    def embedded(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {EMBEDDING: features(model, *inputs)} if has_features(model) else {}

    batches = inference.stream(
        embedded,
        dataset,
        split,
        inputs=model.input_names,
        features=("image",),
        batch_size=batch_size,
    )
    samples, number = [], 0
    for outputs, columns in batches:
        samples.append(Sample.of(columns["image"], outputs.get(EMBEDDING), dataset.spec.pad))
        number += len(samples[-1])
        if number >= _OBJECTS[split]:
            break
    return Sample.joined(samples)
