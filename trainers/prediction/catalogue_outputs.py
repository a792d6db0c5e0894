"""Model outputs that become columns of a catalogue, as functions of the model's inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from trainers.datasets.dataset import DatasetSpec
from trainers.errors import UserError
from trainers.prediction import inference
from zoo.embedding import EMBEDDING, features, has_features
from zoo.model import ZooModel
from zoo.prediction_table import REDSHIFTS

__all__ = ["of_images", "of_spectra", "predicted"]

_OUTPUTS = (
    "latent_mean",
    "latent_stddev",
    "probability",
    "fractions",
    "concentrations",
    "pass_fractions",
    "asked",
    "anomaly_score",
    "image_score",
    "feature_score",
    "cluster",
    "group",
)

_Function = Callable[..., Mapping[str, tf.Tensor]]


def predicted(model: ZooModel) -> tuple[str, ...]:
    """Returns the outputs of a regression that become columns."""
    return (*model.targets, *REDSHIFTS) if model.task == "regression" else ()


def of_images(model: ZooModel, embeddings: bool, argument: str) -> _Function:
    """Returns a function from the inputs to all outputs that become columns.

    Args:
        model: The model.
        embeddings: Whether the embedding is among them.
        argument: Name of the option that asks for it, for the error.

    Raises:
        UserError: if the model has no features for it.
    """
    if embeddings and not has_features(model):
        raise UserError(
            f"`{argument}` needs a model with features; '{model.registry_name}' has none"
        )

    encodes = hasattr(model, "encode")
    classifies = model.task in ("classification", "unsupervised_classification")
    answers_too = classifies or not encodes or hasattr(model, "score")
    answer = inference.method_of(model, "call")
    names = (*_OUTPUTS, *predicted(model))

    def answers(*inputs):
        outputs = dict(model.encode(*inputs)) if encodes else {}
        if answers_too:
            outputs |= answer(*inputs)
        outputs = {name: outputs[name] for name in names if name in outputs}
        return outputs | ({EMBEDDING: features(model, *inputs)} if embeddings else {})

    return answers


def of_spectra(
    model: ZooModel, spec: DatasetSpec, embeddings: bool
) -> tuple[_Function, tuple[str, ...]]:
    """Returns a function from a spectrum to its embedding, and the features that it reads.

    Args:
        model: The model.
        spec: Of the dataset.
        embeddings: Whether embeddings are asked for: there is nothing else.

    Raises:
        UserError: if they are not, the model embeds no spectra, or the dataset lacks a feature.
    """
    if not hasattr(model, "spectrum_features"):
        raise UserError(
            f"`view=spectrum` needs a model that embeds spectra; '{model.registry_name}' does not"
        )
    if not embeddings:
        raise UserError("`view=spectrum` needs `embeddings` or `clusters`")
    inputs = tuple(model.spectrum_shapes)
    missing = [name for name in inputs if name not in spec.feature_names]
    if missing:
        raise UserError(f"`dataset`: {spec.name} has no {', '.join(missing)}")
    return lambda *spectra: {EMBEDDING: model.spectrum_features(*spectra)}, inputs
