"""Answers of a model as an astropy table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from astropy import units
from astropy.table import Column, Table

__all__ = ["CLUSTERS", "OUTPUTS", "REDSHIFTS", "SCORES", "make"]

CLUSTERS = ("cluster", "group")
"""Outputs that number what a model has found without labels."""

SCORES = ("anomaly_score", "image_score", "feature_score")
"""Outputs that are larger for stranger images; the first one is the answer."""

REDSHIFTS = (
    "redshift_stddev",
    "redshift_lower",
    "redshift_median",
    "redshift_upper",
    "redshift_pdf",
)
"""Outputs that describe the distribution of a redshift, beside its mean `redshift`."""

OUTPUTS = {
    "chi2": "Mean over good bins of the squared deviation of the reconstruction over the variance",
    "latent_mean": "Mean of the posterior of the latent variables given the image",
    "latent_stddev": "Standard deviation of that posterior, of each latent variable alone",
    "concentrations": "Concentrations of the Dirichlet-multinomial votes, for each pass and answer",
    "segment": "Number of the segment of each pixel, -1 where the pixel is unknown",
    "pixel_probabilities": "Probability of each class in each pixel, -1 where it is unknown",
    "pixel_variance": "Variance of these over the windows that cover the pixel",
    "pixel_ranks": "Share of the windows in which the class ranks first in the pixel",
    "pixel_centres": "Height of a peak at the centres of sources, 0 to 1, -1 where it is unknown",
    "deblended": "The target galaxy without its neighbours, NaN where the pixel is unknown",
    "deblended_sigma": "Standard deviation of each pixel of `deblended`",
    "flux": "Flux of the target galaxy in each band",
    "flux_sigma": "Standard deviation of `flux`",
    "anomaly_score": "Weighted sum of the residuals of pixels and critic features, the least that "
    "the search finds, in standard deviations above the mean of training images",
    "image_score": "Sum of the residuals of the pixels, likewise",
    "feature_score": "Sum of the residuals of the critic's features, likewise",
    "codes": "Codes of the image, row by row of their grid",
    "cluster": "Cluster that the model has found without labels; neighbouring numbers are alike",
    "group": "One of the two groups into which the clusters merge",
    "pass_fractions": "Probability of each answer in the multinomial votes, for each pass",
    "redshift_stddev": "Standard deviation of the distribution of the redshift",
    "redshift_lower": "Quantile 0.159 of the distribution of the redshift",
    "redshift_median": "Median of the distribution of the redshift",
    "redshift_upper": "Quantile 0.841 of the distribution of the redshift",
    "redshift_pdf": "Probability density of the redshift in bins of equal width",
}
"""Descriptions of the outputs that become a column as they are."""

# In the units of the images, which the model does not know.
_IN_UNITS_OF_IMAGES = ("deblended", "deblended_sigma", "flux", "flux_sigma")


def make(
    model: keras.Model, answers: Mapping[str, np.ndarray], ids: Sequence[Any] | None = None
) -> Table:
    """Returns the table; see `ZooModel.predict_table`.

    Args:
        model: The model.
        answers: What its `predict` returned.
        ids: Identifier of each row; default 0, 1, ...

    Raises:
        ValueError: if there is not an id for each row.
    """
    number = len(next(iter(answers.values())))
    ids = np.arange(number) if ids is None else np.asarray(ids)
    if len(ids) != number:
        raise ValueError(f"ids must be one for each of the {number} rows; got {len(ids)}")
    table = Table([Column(ids, name="id", description="Identifier of the object")])
    for name, values in answers.items():
        for column in _columns(model, name, values):
            table.add_column(column)
    table.meta |= {
        "model": getattr(model, "registry_name", type(model).__name__),
        "task": model.task,
    }
    return table


def _columns(model: keras.Model, name: str, values: np.ndarray) -> list[Column]:
    if name == "probability" and model.class_names and values.ndim == 2:
        columns = [
            _column(f"probability_{each}", part, f"Probability of class {each}")
            for each, part in zip(model.class_names, values.T, strict=True)
        ]
        best = np.array(model.class_names)[values.argmax(axis=1)]
        text = "Most probable class"
        return [*columns, Column(best, name="predicted_class", description=text)]
    if name == "fractions" and model.task == "votes":
        return [
            _column(f"{each}_fraction", part, "Expected share of the answers to its question")
            for each, part in zip(model.tree.answers, values.T, strict=True)
        ]
    if name == "asked" and model.task == "votes":
        return [
            _column(f"{each}_asked", part, "Expected share of volunteers who come to the question")
            for each, part in zip(model.tree.names, values.T, strict=True)
        ]
    if name in model.targets:
        # In its units, which the model does not know.
        return [Column(values, name=name, description=f"Prediction of the feature {name}")]
    description = OUTPUTS.get(name, f"Output {name} of the model")
    if name in _IN_UNITS_OF_IMAGES:
        return [Column(values, name=name, description=f"{description}, in units of the images")]
    return [_column(name, values, description)]


def _column(name: str, values: np.ndarray, description: str) -> Column:
    return Column(values, name=name, description=description, unit=units.dimensionless_unscaled)
