"""Pixels that are NaN or infinite: leave the cutout out, or replace them."""

from __future__ import annotations

import warnings

import numpy as np

__all__ = ["POLICIES", "replaced"]

POLICIES = ("drop", "sky", "interpolate")
"""drop: leave the cutout out; sky: the sigma-clipped median of the band's other pixels;
interpolate: the mean of the neighbours, weighted by a Gaussian."""

# Share of a band's pixels of which more is no cutout with gaps but a gap.
_MOST = 0.5
_CLIPPING = 3.0  # sigma
_KERNEL = 1.5  # px, standard deviation


def replaced(image: np.ndarray, policy: str) -> np.ndarray | str:
    """Returns an image without NaN and infinity, or why that cannot be.

    Args:
        image: (height, width, bands) float32; it is not changed.
        policy: One of `POLICIES`.

    References:
        Interpolation is that of `astropy.convolution.interpolate_replace_nans`.
    """
    unknown = ~np.isfinite(image)
    number = int(np.count_nonzero(unknown))
    if not number:
        return image
    if policy == "drop":
        return f"{number} of {image.size} pixels are masked, NaN or infinite"
    share = unknown.mean(axis=(0, 1))
    if share.max() > _MOST:
        band = int(share.argmax())
        return (
            f"{100 * share[band]:.0f} % of the pixels of band {band} are masked, NaN or infinite; "
            f"at most {100 * _MOST:.0f} % are replaced"
        )
    filled = np.where(unknown, np.nan, image)
    for band in np.flatnonzero(share):
        plane, gaps = filled[..., band], unknown[..., band]
        if policy == "interpolate":
            plane[...] = _interpolated(plane)
            gaps = np.isnan(plane)  # Those far from any other pixel.
        if gaps.any():
            plane[gaps] = _sky(plane)
    return filled


def _interpolated(plane: np.ndarray) -> np.ndarray:
    from astropy.convolution import Gaussian2DKernel, interpolate_replace_nans

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That some pixels are left.
        return interpolate_replace_nans(plane, Gaussian2DKernel(_KERNEL), boundary="extend")


def _sky(plane: np.ndarray) -> float:
    from astropy.stats import sigma_clip

    known = plane[np.isfinite(plane)]
    return float(np.ma.median(sigma_clip(known, sigma=_CLIPPING)))
