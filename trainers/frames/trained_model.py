"""The trained model of the command, from the folder of a run or an exported SavedModel."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from trainers.frames import classifier as classifiers
from trainers.frames import model_source
from trainers.frames import pixel_model as pixel_models
from trainers.frames.classifier import Classifier
from trainers.frames.pixel_model import PixelModel
from trainers.prediction.model_folder import folder_of
from trainers.prediction.served_model import ServedModel

__all__ = ["TrainedModel", "load"]


@dataclasses.dataclass(frozen=True)
class TrainedModel:
    """A model of one of two kinds.

    Attributes:
        name: Name of the model.
        pixel_model: If it answers for each pixel, else None.
        classifier: If it does not.
    """

    name: str
    pixel_model: PixelModel | None
    classifier: Classifier | None


def load(
    run_dir: Path | None, saved_model: Path | None = None, weights: str | None = None
) -> TrainedModel:
    """Loads a model.

    Args:
        run_dir: Folder of a finished run; None for another source.
        saved_model: Folder of a SavedModel, see `trainers.prediction.model_folder.folder_of`.
        weights: Name of a set of weights.

    Raises:
        UserError: if there is none, or it is neither a classifier nor answers for each pixel.
    """
    classifier = None
    if saved_model is not None:
        served = ServedModel(folder_of(saved_model))
        pixel_model = pixel_models.of_saved_model(served)
        if pixel_model is None:
            classifier = classifiers.of_saved_model(served, saved_model)
    else:
        source = (
            model_source.of_run(run_dir) if weights is None else model_source.of_weights(weights)
        )
        pixel_model = pixel_models.of_source(source)
        if pixel_model is None:
            classifier = classifiers.of_source(source)
    return TrainedModel((pixel_model or classifier).name, pixel_model, classifier)
