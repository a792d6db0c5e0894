"""Joint fit of the brightness of all sources of a scene, band by band."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import linalg, sparse

from trainers.deblending.templates import Templates

__all__ = ["JointFit", "fit_brightness", "light_of_errors"]

# Rounds in which the variance of the pixels follows the brightness of the sources.
_ROUNDS = 3
# Times that sources which came out negative are set to zero and the others fitted anew.
_DROPS = 2
# Light below this share of the noise does not count as overlap.
_FAINTEST = 1e-3
# Drawn light may exceed that of a pixel by as many sigma of the noise before it is cut.
_EXCESS = 2.0


@dataclasses.dataclass(frozen=True)
class JointFit:
    """Brightness of sources in units of their templates.

    Attributes:
        factor: (sources, bands), at least 0.
        sigma: (sources, bands), standard deviation, neighbours and prior included.
    """

    factor: np.ndarray
    sigma: np.ndarray


def fit_brightness(
    image: np.ndarray,
    noise: np.ndarray,
    known: np.ndarray,
    templates: Templates,
    *,
    model_error: float,
    prior: float,
) -> JointFit:
    """Fits the templates to the image by weighted least squares.

        image_pb = sum_j a_jb m_jpb + noise,    a_jb >= 0,    a_jb ~ N(1, prior^2)
        variance_pb = noise_pb^2 + (model_error l_pb)^2,  l_pb: `light_of_errors` of the sum

    Sources on top of each other have factors near 1: what cannot be told apart from the image is
    divided as it was drawn.

    Args:
        image: (height, width, bands), sky subtracted.
        noise: (height, width, bands), standard deviation of the sky in a pixel.
        known: (height, width) bool; the other pixels do not count.
        templates: The drawn sources.
        model_error: Error of a drawn source in a pixel, as a fraction of its light.
        prior: Standard deviation of the factors before the fit.
    """
    bands = image.shape[-1]
    factor = np.ones((len(templates), bands))
    sigma = np.full_like(factor, prior)
    if not len(templates):
        return JointFit(factor, sigma)
    for band in range(bands):
        inverse = np.where(known, 1.0 / noise[..., band], 0.0).ravel()
        matrix = templates.matrix(band)
        matrix = matrix.multiply(inverse[:, None]).tocsc()
        matrix.data[np.abs(matrix.data) < _FAINTEST] = 0.0
        matrix.eliminate_zeros()
        data = np.where(known, image[..., band], 0.0).ravel() * inverse
        for _ in range(_ROUNDS):
            light = light_of_errors(matrix @ factor[:, band], data)
            weight = 1.0 / (1.0 + np.square(model_error * light))
            weighted = matrix.multiply(weight[:, None]).tocsc()
            factor[:, band], sigma[:, band] = _solved(matrix, weighted, data, prior)
    return JointFit(factor, sigma)


def light_of_errors(drawn: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Returns the light to which the error of the drawn sources is proportional.

    It is the drawn light, but not far more than the image holds: a source that was drawn too bright
    must not excuse itself by its own error. Within the noise the image does not count, since pixels
    that happen to be faint would weigh more than bright ones, and fluxes come out too low.

    Args:
        drawn: Light of the drawn sources, in units of the noise.
        image: Sky subtracted, of the same shape and units.
    """
    return np.minimum(np.maximum(drawn, 0.0), np.maximum(image, 0.0) + _EXCESS)


def _solved(
    matrix: sparse.csc_matrix, weighted: sparse.csc_matrix, data: np.ndarray, prior: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns factors and their standard deviations."""
    normal = (weighted.T @ matrix).toarray()
    normal[np.diag_indices_from(normal)] += prior**-2
    right = weighted.T @ data + prior**-2
    active = np.ones(len(right), bool)
    factor = np.zeros(len(right))
    for _ in range(1 + _DROPS):
        chosen = np.flatnonzero(active)
        solution = linalg.solve(normal[np.ix_(chosen, chosen)], right[chosen], assume_a="pos")
        factor[:] = 0.0
        factor[chosen] = np.maximum(solution, 0.0)
        if (solution >= 0).all():
            break
        active[chosen[solution < 0]] = False
    return factor, np.sqrt(np.diag(linalg.inv(normal)))
