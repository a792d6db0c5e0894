"""Ground truth of a scene: source and class of each pixel, shares of light, blendedness.

All follow from the isolated images S_j and the noise of the sky sigma_b, with the light of all
bands in units of the noise of their sum,

    D_j = sum_b S_jb / sigma_b / sqrt(bands),    D = sum_j D_j

which has a noise of 1 per pixel where there is nothing but sky.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfds_builders.galaxy_scenes.isolated import Isolated
from tfds_builders.galaxy_scenes.sources import CLASSES

__all__ = [
    "NUM_SHARES",
    "PixelTruth",
    "detection_image",
    "measure_scene",
    "signal_to_noise",
]

NUM_SHARES = 3
"""Sources of which each pixel keeps the share of light."""

# Of D: below it a pixel has no shares.
_FAINTEST = 0.01
# Steps of the shares, for compression.
_SHARE_STEP = 2.0**-12


@dataclasses.dataclass(frozen=True)
class PixelTruth:
    """Truth of a scene of n sources.

    Attributes:
        noiseless: (bands, size, size), the sum of the isolated images.
        segmentation: (size, size) int32, number of the source from 1; 0 outside the isophote.
        class_map: (size, size) uint8, as `CLASSES`.
        shares: (size, size, NUM_SHARES), of the brightest sources of each pixel, in descending
            order; they sum to 1 where no more than these have light.
        share_sources: (size, size, NUM_SHARES) int32, their numbers from 1; 0 without one.
        snr: (n,), signal-to-noise ratio of a matched filter against the sky, of all bands.
        blendedness: (n,).
        area: (n,) int32, pixels in the segmentation.
    """

    noiseless: np.ndarray
    segmentation: np.ndarray
    class_map: np.ndarray
    shares: np.ndarray
    share_sources: np.ndarray
    snr: np.ndarray
    blendedness: np.ndarray
    area: np.ndarray


def detection_image(images: np.ndarray, noise_sigma: np.ndarray) -> np.ndarray:
    """Returns D of images, (bands, rows, columns) to (rows, columns)."""
    weights = (1 / noise_sigma / np.sqrt(len(noise_sigma))).astype(np.float32)
    return np.einsum("b,byx->yx", weights, images)


def signal_to_noise(isolated: Isolated, noise_sigma: np.ndarray, size: int) -> float:
    """Returns that of a matched filter for the part of a source in a scene, of all bands."""
    part, _ = isolated.inside(size)
    scaled = part / noise_sigma.astype(np.float32)[:, None, None]
    return float(np.sqrt(np.sum(scaled**2, dtype=np.float64)))


def measure_scene(
    sources: Sequence[Isolated], noise_sigma: np.ndarray, size: int, isophote: float
) -> PixelTruth:
    """Measures a scene.

        segmentation   the source with the largest D_j, where D >= isophote
        snr_j^2        sum_b sum_pixels S_jb^2 / sigma_b^2
        blendedness_j  1 - (S_j . S_j) / (S_j . A),    A = sum_k S_k
                       where S . A = sum_b sum_pixels S_b A_b / sigma_b^2

    Args:
        sources: In the order of their numbers.
        noise_sigma: (bands,), of the sky.
        size: Pixels on a side.
        isophote: Of D, sigma of the sky.

    References:
        Blendedness: Bosch et al. 2018 (PASJ 70, S5), section 4.9.11, of one band there.
    """
    noiseless = np.zeros((len(noise_sigma), size, size), np.float32)
    brightest = np.zeros((NUM_SHARES, size, size), np.float32)
    owners = np.zeros((NUM_SHARES, size, size), np.int32)
    parts = [source.inside(size) for source in sources]
    for number, (image, place) in enumerate(parts, start=1):
        noiseless[(slice(None), *place)] += image
        _insert(detection_image(image, noise_sigma), number, place, brightest, owners)
    total = detection_image(noiseless, noise_sigma)
    segmentation = np.where(total >= isophote, owners[0], 0)
    kinds = [source.placed.source.kind for source in sources]
    of_class = np.array([CLASSES.index("background"), *kinds], np.uint8)
    with_light = total > _FAINTEST
    shares = np.where(with_light, brightest / np.where(with_light, total, 1), 0)
    shares = np.round(shares / _SHARE_STEP) * np.float32(_SHARE_STEP)
    weights = (1 / noise_sigma**2).astype(np.float32)[:, None, None]
    squares, products = np.zeros((2, len(sources)))
    for number, (image, place) in enumerate(parts):
        weighted = (image * weights).astype(np.float64)
        squares[number] = np.sum(weighted * image)
        products[number] = np.sum(weighted * noiseless[(slice(None), *place)])
    alone = np.divide(squares, products, out=np.ones_like(squares), where=products > 0)
    return PixelTruth(
        noiseless=noiseless,
        segmentation=segmentation.astype(np.int32),
        class_map=of_class[segmentation],
        shares=np.moveaxis(shares, 0, -1),
        share_sources=np.moveaxis(np.where(shares > 0, owners, 0), 0, -1),
        snr=np.sqrt(squares),
        blendedness=1 - alone,
        area=np.bincount(segmentation.ravel(), minlength=len(sources) + 1)[1:].astype(np.int32),
    )


def _insert(
    light: np.ndarray,
    number: int,
    place: tuple[slice, slice],
    brightest: np.ndarray,
    owners: np.ndarray,
) -> None:
    """Puts a source among the brightest of each pixel, in place."""
    owner = np.full(light.shape, number, np.int32)
    for rank in range(len(brightest)):
        lights, names = brightest[rank][place], owners[rank][place]
        stronger = light > lights
        before, owner_before = lights[stronger], names[stronger]
        lights[stronger], names[stronger] = light[stronger], owner[stronger]
        light[stronger], owner[stronger] = before, owner_before
