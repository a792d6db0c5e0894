"""Sources in the residual of a scene."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from trainers.blends import sep_baseline
from trainers.errors import UserError

__all__ = ["detect_sources", "significance"]


def significance(flux: np.ndarray, noise: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Returns the sum of the bands in units of their noise, (height, width) float32.

        D = sum_b flux_b / noise_b / sqrt(B)

    Args:
        flux: (height, width, bands).
        noise: Of the same shape, standard deviation of the sky in a pixel.
        known: (height, width) bool; elsewhere it is 0.
    """
    total = np.sum(flux / noise, axis=-1) / np.sqrt(flux.shape[-1])
    return np.where(known, total, 0.0).astype(np.float32)


def detect_sources(
    residual: np.ndarray,
    light: np.ndarray,
    known: np.ndarray,
    taken: np.ndarray,
    *,
    threshold: float,
    min_area: int,
    least_separation: float,
    model_error: float,
    apart: float = 0.0,
) -> np.ndarray:
    """Detects with SEP what rises above the error of the sources that are drawn.

    That error is the same over many pixels, so that it is not noise which a filter averages: it
    is taken off the residual.

    Args:
        residual: (height, width), significance of the residual.
        light: (height, width), significance of the drawn sources.
        known: (height, width) bool; other pixels are masked.
        taken: (number, 2), x and y of positions that are not new.
        threshold: Of the detection, sigma.
        min_area: Connected pixels above it, at least.
        least_separation: Distance from those positions within which there is nothing new, px.
        model_error: Error of a drawn source in a pixel, as a fraction of its light.
        apart: Distance within which only the brightest of the detections is returned, px: a source
            that was drawn too far to one side leaves two residuals, of which one may be real.

    Returns:
        (number, 2), x and y, the brightest first.

    Raises:
        UserError: if SEP gives up.
    """
    objects = sep_baseline.extract(
        np.ascontiguousarray(residual - model_error * light, np.float32),
        1.0,
        threshold=threshold,
        min_area=min_area,
        mask=~known,
    )
    if objects is None:
        raise UserError(
            f"`threshold` must be higher: at {threshold:g} times the noise more pixels are above "
            "it than SEP has room for"
        )
    objects = objects[np.argsort(-objects["flux"], kind="stable")]
    position = np.stack([objects["x"], objects["y"]], axis=-1)
    if len(position) and len(taken):
        position = position[cKDTree(taken).query(position)[0] >= least_separation]
    if not apart or not len(position):
        return position
    keep = np.ones(len(position), bool)
    for source, near in enumerate(cKDTree(position).query_ball_point(position, apart)):
        if keep[source]:
            keep[[other for other in near if other > source]] = False
    return position[keep]
