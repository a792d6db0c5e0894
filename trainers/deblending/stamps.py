"""The most probable target of a stamp, beside the sources that are detected around it."""

from __future__ import annotations

import numpy as np

from trainers.blends import sep_baseline
from trainers.deblending.detection import detect_sources, significance
from trainers.deblending.dimming import dimming
from trainers.deblending.latent_space import LatentSpace
from trainers.deblending.settings import SceneSettings
from trainers.deblending.templates import overlap

__all__ = ["fit_stamps", "sources_of"]


def fit_stamps(
    images: np.ndarray,
    noise: np.ndarray,
    latents: LatentSpace,
    settings: SceneSettings | None = None,
) -> np.ndarray:
    """Returns the targets, (number, size, size, bands), at the maximum a posteriori of each stamp.

    The target is where it has to be, at the pixel size // 2; other sources are those that SEP
    detects where the target as the encoder sees it is taken off. Nothing of the truth is used.

    Args:
        images: (number, size, size, bands), sky subtracted; a pixel that is NaN in one band is
            unknown in all.
        noise: (number, bands), standard deviation of the sky in a pixel.
        latents: Encoder, decoder and prior.
        settings: Distance of the nearest neighbour, error of the drawn target, and limit of the
            brightness; None for the defaults.

    Raises:
        UserError: if SEP gives up.
    """
    settings = settings or SceneSettings()
    targets = np.empty(images.shape, np.float32)
    for number, (image, sigma) in enumerate(zip(images, noise, strict=True)):
        known = np.isfinite(image).all(axis=-1)
        flux, sigma = np.where(known[..., None], image, 0.0), np.broadcast_to(sigma, image.shape)
        dimmed = dimming(flux[None], sigma[0, 0], settings.brightest)
        drawn = dimmed * latents.draw(flux[None] / dimmed)[0]
        position = sources_of(flux, drawn, sigma, known, settings)
        corner = np.floor(position[:, ::-1] + 0.5).astype(np.int64) - len(image) // 2
        stamps = np.stack([_stamp(flux, each) for each in corner])
        dimmed = dimming(stamps, sigma[0, 0], settings.brightest)
        hidden = np.where(known[..., None], image, np.nan)
        start = stamps / dimmed[:, None, None, None]
        targets[number] = latents.fit(hidden, sigma, corner, dimmed, start)[0]
    return targets


def sources_of(
    image: np.ndarray,
    drawn: np.ndarray,
    noise: np.ndarray,
    known: np.ndarray,
    settings: SceneSettings,
) -> np.ndarray:
    """Returns x and y of the target, the middle of the stamp, and of what SEP detects besides.

    Args:
        image: (size, size, bands), 0 where unknown.
        drawn: Of the same shape, the target.
        noise: Of the same shape.
        known: (size, size) bool.
        settings: Distance of the nearest neighbour, and error of the drawn target.
    """
    middle = np.full((1, 2), len(image) // 2, float)
    others = detect_sources(
        significance(image - drawn, noise, known),
        significance(drawn, noise, known),
        known,
        middle,
        threshold=sep_baseline.THRESHOLD,
        min_area=sep_baseline.MIN_AREA,
        least_separation=settings.least_separation,
        model_error=settings.model_error,
    )
    return np.concatenate([middle, others])


def _stamp(image: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """Returns the part of an image in a stamp of its size; zero beyond the image."""
    stamp = np.zeros_like(image)
    inside, part = overlap(corner, len(image), image.shape[:2])
    stamp[part] = image[inside]
    return stamp
