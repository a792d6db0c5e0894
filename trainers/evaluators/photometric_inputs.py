"""Inputs of photometric baselines: catalogue magnitudes, and colours through apertures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.statistics import photometric_baselines
from trainers.prediction import inference
from zoo.layers.aperture_colours import ApertureColours
from zoo.preprocessing.band_asinh import BandAsinh

__all__ = ["APERTURES", "MOST", "PhotometricInputs", "by_apertures", "by_magnitudes", "features"]

APERTURES = (1.5, 3.0, 6.0, 12.0)
"""Standard deviations of the apertures, px, whatever the model reads."""

MOST = 50_000
"""Training objects whose images are measured at most, the first ones: bounds the time."""

_MAGNITUDES, _REDDENING = ("model_magnitude", "magnitude", "mag"), "galactic_reddening"
# Images whose borders give the noise of each band.
_NOISE_IMAGES = 1000


@dataclasses.dataclass(frozen=True)
class PhotometricInputs:
    """Numbers of training and of evaluated objects.

    Attributes:
        train: (objects, length), of the first training objects if not of all.
        test: (others, length).
        text: What the numbers are, for a report, without verb or full stop.
        note: A sentence on magnitudes that are missing; empty if none is.
    """

    train: np.ndarray
    test: np.ndarray
    text: str
    note: str = ""


def features(context: EvaluationContext) -> tuple[str, ...]:
    """Returns the features of the dataset that the baselines read: magnitudes and E(B-V)."""
    names = context.spec.feature_names
    magnitude = [name for name in _MAGNITUDES if name in names][:1]
    return (*magnitude, *(name for name in (_REDDENING,) if name in names))


def by_magnitudes(
    context: EvaluationContext, training: Mapping[str, np.ndarray], *, reddening: bool = True
) -> PhotometricInputs | None:
    """Returns colours and a magnitude, None if the dataset has no magnitude for each band.

    Args:
        context: The evaluation.
        training: Columns of the training split, the `features` among them.
        reddening: Whether E(B-V) in the Galaxy is read where the dataset has it. Default True.
    """
    name = next((name for name in features(context) if name in _MAGNITUDES), None)
    bands, reference = context.spec.bands, context.reference_band
    if name is None or training[name].shape[1:] != (len(bands),):
        return None
    further, beside = _reddening(context, training, reddening)
    (train, complete), (test, measured) = (
        photometric_baselines.colours(columns[name], reference, others)
        for columns, others in zip((training, context.arrays()), further, strict=True)
    )
    missing = int((~measured).sum()), int((~complete).sum())
    note = (
        f"A magnitude is missing for {missing[0]} of the objects and {missing[1]} of the training "
        "objects; the faintest one of its band stands for it."
    )
    text = f"{len(bands) - 1} colours, the magnitude in {bands[reference]}{beside}"
    return PhotometricInputs(train, test, text, note if any(missing) else "")


def by_apertures(
    context: EvaluationContext, training: Mapping[str, np.ndarray], *, reddening: bool = True
) -> PhotometricInputs:
    """Returns colours through apertures and the fluxes of the middle band, measured in the images.

    They are measured as models of images do, see `zoo.layers.aperture_colours.ApertureColours`;
    each number is standardised by the first training images.

    Args:
        context: The evaluation.
        training: Columns of the training split, the `features` among them.
        reddening: Whether E(B-V) in the Galaxy is read where the dataset has it. Default True.
    """
    images = context.arrays("train")["image"][:_NOISE_IMAGES]
    stretch, colours = BandAsinh(), ApertureColours(APERTURES)
    for layer in (stretch, colours):
        layer.build((None, *images.shape[1:]))
    stretch.adapt(images)
    colours.adapt(stretch(images))

    def measure(batch: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"colours": colours(stretch(batch))}

    train = context.of_images(measure, "train", MOST)["colours"]
    test = inference.apply(measure, context.images)["colours"]
    further, beside = _reddening(context, training, reddening)
    bands = context.spec.bands
    text = (
        f"{len(bands) - 1} colours and the flux in {bands[len(bands) // 2]} through each of "
        f"{len(APERTURES)} Gaussian apertures ({', '.join(f'{s:g}' for s in APERTURES)} px) in the "
        f"images{beside}"
    )
    return PhotometricInputs(
        np.column_stack([train, *(values[: len(train)] for values in further[0])]),
        np.column_stack([test, *further[1]]),
        text,
    )


def _reddening(
    context: EvaluationContext, training: Mapping[str, np.ndarray], is_read: bool
) -> tuple[tuple[list[np.ndarray], list[np.ndarray]], str]:
    """Returns E(B-V) of training and of evaluated objects, none or one of each; and its text."""
    if not is_read or _REDDENING not in features(context):
        return ([], []), ""
    each = tuple([np.asarray(columns[_REDDENING])] for columns in (training, context.arrays()))
    return each, " and E(B-V)"
