"""Scenes whose sources are fractions of their light, as a model divides it, and not drawn."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from trainers.deblending.joint_fit import JointFit
from trainers.deblending.scene_state import SceneState
from trainers.deblending.templates import overlap

__all__ = ["DividedScene", "mirrored"]

# The noise of a pixel that stands for the one opposite counts in both: var(n + n) = 4 var(n), of
# which the first has 1.
_OPPOSITE = np.sqrt(3.0)


class DividedScene(SceneState):
    """Sources of a model whose galaxies are fractions of the light of each pixel.

        m_j = f_j image / max(1, sum_k f_k),    flux_j = sum_p m_j

    The model finds the fractions f of a source once, from a stamp of the scene as it is. No pixel
    is given away twice; what none of the sources claims stays in the residual.

    Such a galaxy has the noise of its pixels, and is no template. Cut at zero, its noise adds up
    to light; fitted to the image or moved to where it leaves least, it meets its own noise there,
    and becomes brighter than it is. So neither is done: a flux is a sum over pixels, with their
    noise through the fractions as its error, and is unbiased if the fractions are.

    An unknown pixel, or one beyond the edge, has the light of the one opposite.

    The arguments are those of `SceneState`.
    """

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._fractions = self.templates.images
        self.templates = dataclasses.replace(self.templates, noise=self.templates.images)

    def draw(self) -> None:
        """Finds the fractions of the new sources, and divides the light anew."""
        stamps = np.stack([self._seen(source)[0] for source in np.flatnonzero(self._new)])
        drawn = self._drawn(stamps)
        fractions = np.divide(drawn, stamps, out=np.zeros_like(drawn), where=stamps != 0)
        self._fractions = np.concatenate([self._fractions, fractions])
        self.fit()

    def fit(self) -> None:
        """Divides the light among all sources, and subtracts it."""
        claims = dataclasses.replace(self.templates, images=self._fractions).scene()
        size, typical = self._deblender.size, np.float32(self._typical_noise)
        images, noise = np.zeros_like(self._fractions), np.zeros_like(self._fractions)
        for source, fraction in enumerate(self._fractions):
            inside, part = overlap(self.templates.corner[source], size, self.known.shape)
            fraction = fraction.copy()
            fraction[part] /= np.maximum(claims[inside], 1.0)
            stamp, known = self._seen(source)
            sigma = np.broadcast_to(typical, stamp.shape).copy()
            sigma[part] = self._noise[inside]
            images[source] = fraction * stamp
            noise[source] = fraction * sigma * np.where(known, 1.0, _OPPOSITE)[..., None]
        self.templates = dataclasses.replace(self.templates, images=images, noise=noise)
        one = np.ones((len(images), claims.shape[-1]))
        self.brightness = JointFit(one, 0.0 * one)
        self.light = self.templates.scene()

    def align(self) -> None:
        """Does nothing: the light is where it is seen."""

    def _keep(self, rows: np.ndarray) -> None:
        super()._keep(rows)
        self._fractions = self._fractions[rows]

    def _seen(self, source: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the scene about a source, with all others, and which pixels are known."""
        size = self._deblender.size
        inside, part = overlap(self.templates.corner[source], size, self.known.shape)
        stamp = np.zeros((size, size, self._image.shape[-1]), np.float32)
        known = np.zeros((size, size), bool)
        stamp[part], known[part] = self._image[inside], self.known[inside]
        return mirrored(stamp, known), known


def mirrored(stamp: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Returns a stamp whose unknown pixels are those opposite of its middle, size // 2.

    Args:
        stamp: (size, size, bands).
        known: (size, size) bool. A pixel is 0 where it and the one opposite are unknown.

    References:
        Bertin & Arnouts 1996 (A&AS 117, 393): SExtractor's MASK_TYPE CORRECT.
    """
    stamp = np.where(known[..., None], stamp, 0.0)
    # Of an even size the first row and column have none opposite.
    even = 1 - len(stamp) % 2
    turned = np.zeros_like(stamp)
    turned[even:, even:] = stamp[even:, even:][::-1, ::-1]
    return np.where(known[..., None], stamp, turned)
