"""The trained model of the command, from a run, an exported SavedModel or named weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from trainers.deblending.deblender import Deblender
from trainers.frames import classifier as classifiers
from trainers.frames import deblenders, model_source
from trainers.frames import pixel_model as pixel_models
from trainers.frames.classifier import Classifier
from trainers.frames.pixel_model import PixelModel
from trainers.prediction.model_folder import folder_of
from trainers.prediction.served_model import ServedModel

__all__ = ["TrainedModel", "load"]


@dataclasses.dataclass(frozen=True)
class TrainedModel:
    """A model of one of three kinds.

    Attributes:
        name: Name of the model.
        deblender: If it draws galaxies without their neighbours, else None.
        pixel_model: If it answers for each pixel, else None.
        classifier: If it does neither.
    """

    name: str
    deblender: Deblender | None = None
    pixel_model: PixelModel | None = None
    classifier: Classifier | None = None


def load(
    run_dir: Path | None, saved_model: Path | None = None, weights: str | None = None
) -> TrainedModel:
    """Loads a model.

    Args:
        run_dir: Folder of a finished run; None for another source.
        saved_model: Folder of a SavedModel, see `trainers.prediction.model_folder.folder_of`.
        weights: Name of a set of weights.

    Raises:
        UserError: if there is none, or it is of no such kind.
    """
    if saved_model is not None:
        source = ServedModel(folder_of(saved_model))
        deblender = deblenders.of_saved_model(source)
    else:
        source = (
            model_source.of_run(run_dir) if weights is None else model_source.of_weights(weights)
        )
        deblender = deblenders.of_source(source)
    # Deblended galaxies are as large as the image, too, but of a stamp, not of a part of a frame.
    if deblender is not None:
        return TrainedModel(deblender.name, deblender=deblender)
    if isinstance(source, ServedModel):
        pixel_model = pixel_models.of_saved_model(source)
    else:
        pixel_model = pixel_models.of_source(source)
    if pixel_model is not None:
        return TrainedModel(pixel_model.name, pixel_model=pixel_model)
    if isinstance(source, ServedModel):
        classifier = classifiers.of_saved_model(source, saved_model)
    else:
        classifier = classifiers.of_source(source)
    return TrainedModel(classifier.name, classifier=classifier)
