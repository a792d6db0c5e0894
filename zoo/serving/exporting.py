"""Export of a model as a numbered SavedModel."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo.serving import checked_signatures, saved_model
from zoo.serving.versions import new_version

__all__ = ["export"]

# Rows on which the SavedModel is compared with the model.
_SAMPLES = 8


def export(
    model: keras.Model, saved_models_dir: str | os.PathLike[str], version: int | None = None
) -> Path:
    """Writes `saved_models_dir/<model>/<version>/` atomically.

    Before the folder appears, the SavedModel is loaded again and must give the model's own answers
    for inputs drawn at random.

    Args:
        model: A registered model.
        saved_models_dir: Folder of all models; made if missing.
        version: Positive integer; None for one more than the highest there is.

    Returns:
        The folder.

    Raises:
        ValueError: if the version exists, or a signature needs Python.
        ExportError: if the SavedModel does not answer as the model does.
        OSError: if a file cannot be written.
    """
    signatures = checked_signatures.make(model)
    draws = np.random.default_rng(0)
    samples = {
        name: {tensor.name: _sample(tensor, model, draws) for tensor in signature.inputs}
        for name, signature in signatures.items()
    }
    with new_version(Path(saved_models_dir) / model.registry_name, version) as draft:
        saved_model.save(model, signatures, draft.path)
        saved_model.check(draft.path, signatures, samples)
    return draft.target


def _sample(tensor: tf.TensorSpec, model: keras.Model, draws: np.random.Generator) -> np.ndarray:
    if tensor.dtype.is_integer:  # Seeds.
        return np.arange(_SAMPLES, dtype=tensor.dtype.as_numpy_dtype)
    row = tensor.shape[1:].as_list()
    # An image of any size has that of the training.
    row = model.training_shapes[tensor.name] if None in row else row
    values = draws.normal(size=(_SAMPLES, *row)).astype(np.float32)
    # Fluxes and weights are positive; latents are not.
    return np.abs(values) if tensor.name in model.input_names else values
