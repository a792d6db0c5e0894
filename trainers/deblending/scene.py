"""Deblending of a scene: detect, draw, fit, subtract, until the residual is noise."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from trainers.blends import sep_baseline
from trainers.deblending.deblender import Deblender
from trainers.deblending.divided_scene import DividedScene
from trainers.deblending.joint_fit import JointFit
from trainers.deblending.scene_state import SceneState
from trainers.deblending.settings import SceneSettings
from trainers.deblending.templates import Templates

__all__ = ["STOPS", "DeblendedScene", "deblend_scene"]

STOPS = {
    "noise": "nothing new is detected in the residual",
    "no gain": "the residual has become no fainter",
    "passes": "the most passes are done",
}
"""Reasons to stop."""

# Decrease of the mean square of the residual, as a fraction, that is worth a further pass.
_LEAST_GAIN = 1e-4


@dataclasses.dataclass(frozen=True)
class DeblendedScene:
    """Sources of a scene, n in all.

    Attributes:
        number: (n,) int, pass that detected it, from 1.
        templates: The sources as they were drawn.
        fit: Their brightness in the scene.
        light: (height, width, bands), all sources together.
        residual: Of the same shape, the scene without them; NaN where unknown.
        mean_square: (passes + 1,), of the residual of the known pixels in units of its error
            (noise, and error of the drawn sources): before the first pass and after each.
        stop: Why it ended, one of `STOPS`.
    """

    number: np.ndarray
    templates: Templates
    fit: JointFit
    light: np.ndarray
    residual: np.ndarray
    mean_square: np.ndarray
    stop: str

    def __len__(self) -> int:
        return len(self.number)

    @property
    def passes(self) -> int:
        """Number of passes that drew sources."""
        return len(self.mean_square) - 1


def deblend_scene(
    image: np.ndarray,
    noise: np.ndarray,
    deblender: Deblender,
    settings: SceneSettings | None = None,
    *,
    threshold: float = sep_baseline.THRESHOLD,
    min_area: int = sep_baseline.MIN_AREA,
    positions: np.ndarray | None = None,
) -> DeblendedScene:
    """Takes a scene apart into its sources.

    Each pass detects sources in the residual of the one before, with SEP (or, the first one, has
    them given); draws those that are new, and then those that they are neighbours of, each on a
    stamp from which all others are subtracted; fits the brightness of all sources together; moves
    them by parts of a pixel to where they leave least; and drops those that the fit finds
    insignificant. It ends when nothing new is detected, when the residual becomes no fainter, or
    after `settings.passes`.

    Of a model whose galaxies are fractions of the light (`Deblender.divides`), the light of the
    scene is divided among all sources instead, see `DividedScene`.

    Unknown pixels have no weight. In stamps they hold the light of the source itself as it was
    drawn before, at first that of the sky.

    Args:
        image: (height, width, bands), sky subtracted, in the units of the training. A pixel that
            is NaN in one band is unknown in all.
        noise: Of the same shape, standard deviation of the sky in a pixel.
        deblender: Draws the sources.
        settings: Passes and limits; None for the defaults.
        threshold: Of the detection, sigma.
        min_area: Connected pixels above it, at least.
        positions: (number, 2), x and y of the sources of the first pass, px; None for what SEP
            detects.

    Raises:
        UserError: if SEP gives up, or the model refuses a stamp.

    References:
        Arcelin et al. 2021 (arXiv 2005.12039) and debvader, whose iterative procedure for fields
        this follows; the joint fit, the shifts and the detection beside drawn light are ours.
    """
    settings = settings or SceneSettings()
    detecting: dict[str, Any] = {"threshold": threshold, "min_area": min_area}
    kind = DividedScene if deblender.divides else SceneState
    state = kind(image, noise, deblender, settings)
    mean_square, stop = [state.mean_square], "passes"
    for number in range(1, settings.passes + 1):
        if number > 1 or positions is None:
            positions = state.detected(number, **detecting)
        if not len(positions):
            stop = "noise"
            break
        state.add(positions, number)
        state.draw()
        state.align()
        state.drop()
        mean_square.append(state.mean_square)
        if mean_square[-1] > (1 - _LEAST_GAIN) * mean_square[-2]:
            stop = "no gain"
            break
    return DeblendedScene(
        state.number,
        state.templates,
        state.brightness,
        state.light,
        np.where(state.known[..., None], state.residual, np.nan).astype(np.float32),
        np.array(mean_square),
        stop,
    )
