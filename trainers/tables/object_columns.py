"""Columns of a catalogue of objects: features of the dataset and outputs of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from astropy.table import Column

from trainers.datasets.dataset import DatasetSpec
from trainers.tables import quantities
from zoo.embedding import EMBEDDING
from zoo.prediction_table import CLUSTERS, OUTPUTS, SCORES

__all__ = [
    "dataset_columns",
    "embedding_column",
    "model_columns",
    "plain_columns",
    "scalar_features",
    "texts",
    "vote_columns",
]

_LABEL = "label"
_OF_ANSWERS = ("votes", "fractions")
# More numbers for each object than a table has room for, such as an image.
_MOST_COLUMNS = 1024


def scalar_features(spec: DatasetSpec, example: Mapping[str, np.ndarray]) -> list[str]:
    """Returns the features that become columns: of one value, or of one for each band.

    Votes, which have one for each answer, do not.

    Args:
        spec: The dataset.
        example: Its features for some objects, (number, ...) each.
    """
    chosen = []
    for name, values in example.items():
        values = np.asarray(values)
        is_vector = values.ndim == 2 and values.shape[1] == len(spec.bands)
        is_vector = is_vector and not (spec.questions and name in _OF_ANSWERS)
        if name != "image" and (values.ndim == 1 or is_vector):
            chosen.append(name)
    return chosen


def dataset_columns(spec: DatasetSpec, features: Mapping[str, np.ndarray]) -> list[Column]:
    """Returns the columns of the dataset's features, labels as names of classes.

    Args:
        spec: The dataset.
        features: (number,) or (number, bands) each.
    """
    columns = []
    for name, values in features.items():
        values = np.asarray(values)
        classes = (
            spec.class_names if name == _LABEL else spec.tasks.get(name.removeprefix("label_"))
        )
        if name.startswith(_LABEL) and classes:
            task = "Class" if name == _LABEL else f"Class in task {name.removeprefix('label_')}"
            text = f"{task} by the labels of the dataset; empty for none"
            columns.append(_column(name, np.array([*classes, ""])[values], text))
        elif values.ndim == 2:
            for band, row in zip(spec.bands, values.T, strict=True):
                text = f"{quantities.describe(name)}, band {band}"
                columns.append(_column(f"{name}_{band}", row, text, quantities.unit(name)))
        elif values.dtype.kind in "OSU":
            text = "Identifier of the object" if name == "id" else quantities.describe(name)
            columns.append(_column(name, texts(values), text))
        else:
            text = quantities.describe(name)
            columns.append(_column(name, values, text, quantities.unit(name)))
    return columns


def texts(values: Sequence[Any]) -> np.ndarray:
    """Returns values as strings, (number,); bytes are decoded."""
    return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values])


def model_columns(outputs: Mapping[str, np.ndarray], class_names: Sequence[str]) -> list[Column]:
    """Returns the columns of latents, classes, clusters and scores, as far as there are outputs.

    Args:
        outputs: (number, ...) each: `latent_mean`, `latent_stddev`, `probability`, and those of
            `zoo.prediction_table.SCORES` and `CLUSTERS`.
        class_names: In the order of the probabilities.
    """
    columns = []
    if "latent_mean" in outputs:
        mean = outputs["latent_mean"]
        digits = len(str(mean.shape[1] - 1))
        for index, values in enumerate(mean.T):
            text = f"Mean of the posterior of latent {index}"
            columns.append(_column(f"latent_{index:0{digits}d}", values, text))
        for index, values in enumerate(outputs.get("latent_stddev", mean[:, :0]).T):
            text = f"Standard deviation of the posterior of latent {index}"
            columns.append(_column(f"latent_{index:0{digits}d}_stddev", values, text))
    if "probability" in outputs:
        for name, values in zip(class_names, outputs["probability"].T, strict=True):
            columns.append(_column(f"probability_{name}", values, f"Probability of class {name}"))
        best = np.array(class_names)[outputs["probability"].argmax(axis=1)]
        columns.append(_column("predicted_class", best, "Most probable class"))
    for name in (*SCORES, *CLUSTERS):
        if name in outputs:
            columns.append(_column(name, outputs[name], OUTPUTS[name]))
    return columns


def embedding_column(values: np.ndarray, view: str = "image") -> Column:
    """Returns the column of the embeddings, a vector for each object.

    Args:
        values: (number, features).
        view: What was embedded. Default the image.
    """
    return _column(EMBEDDING, values, f"Features of the {view} by the model")


def plain_columns(name: str, values: np.ndarray, meaning: str) -> list[Column]:
    """Returns a column for each number of an output, `<name>_<index>` if there are several.

    Args:
        name: Of the output.
        values: (number, ...).
        meaning: What the card of the model says of it; may be empty.

    Returns:
        The columns; none for an output with more numbers than a table has room for.
    """
    flat = values.reshape(len(values), -1)
    if flat.shape[1] > _MOST_COLUMNS:
        return []
    text = meaning.replace("`", "") or f"Output {name} of the model"
    unit = quantities.unit(name)
    if flat.shape[1] == 1:
        return [_column(name, flat[:, 0], text, unit)]
    digits = len(str(flat.shape[1] - 1))
    return [
        _column(f"{name}_{index:0{digits}d}", value, f"{text}, {index} of {flat.shape[1]}", unit)
        for index, value in enumerate(flat.T)
    ]


def vote_columns(
    outputs: Mapping[str, np.ndarray], questions: Sequence[Mapping[str, Any]]
) -> list[Column]:
    """Returns for each answer the expected share of the votes of those asked, and its error.

    The error is the standard deviation of the share in an infinite number of volunteers: with
    Dirichlet concentrations a_m of the passes m (A_m their sum over the answers of the question)

        var = mean_m [p_m (1 - p_m) / (A_m + 1)] + var_m [p_m],     p_m = a_m / A_m

    and for a model without concentrations, which has one share for each pass, the second term.

    Args:
        outputs: `fractions` (number, answers); `concentrations` or `pass_fractions` (number,
            passes, answers); and, if there is one, `asked`, (number, questions).
        questions: For each question its `name` and its `answers`, in the order of the fractions.
    """
    columns, start = [], 0
    for index, question in enumerate(questions):
        name = question["name"]
        span = slice(start, start + len(question["answers"]))
        start = span.stop
        if "asked" in outputs:
            text = f"Expected share of volunteers who come to question {name}"
            columns.append(_column(f"{name}_asked", outputs["asked"][:, index], text))
        stddev = _fraction_stddev(outputs, span)
        for place, answer in enumerate(question["answers"]):
            text = f"Expected share of the answer {answer} among those asked {name}"
            values = outputs["fractions"][:, span.start + place]
            columns.append(_column(f"{name}_{answer}_fraction", values, text))
            if stddev is not None:
                text = f"Standard deviation of {name}_{answer}_fraction"
                columns.append(_column(f"{name}_{answer}_stddev", stddev[:, place], text))
    return columns


def _fraction_stddev(outputs: Mapping[str, np.ndarray], span: slice) -> np.ndarray | None:
    if "concentrations" in outputs:
        concentrations = outputs["concentrations"][..., span].astype(np.float64)
        total = concentrations.sum(axis=-1, keepdims=True)
        share = concentrations / total
        within = (share * (1 - share) / (total + 1)).mean(axis=1)
    elif "pass_fractions" in outputs:
        share, within = outputs["pass_fractions"][..., span].astype(np.float64), 0.0
    else:
        return None
    return np.sqrt(within + share.var(axis=1)).astype(np.float32)


def _column(name: str, values: np.ndarray, description: str, unit: str = "") -> Column:
    return Column(values, name=name, description=description, unit=unit or None)
