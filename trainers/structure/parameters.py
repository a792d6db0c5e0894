"""Non-parametric structure of galaxies in single images, by statmorph."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Mapping

import joblib
import numpy as np

from trainers.blends import sep_baseline
from trainers.errors import UserError

__all__ = [
    "FLAG",
    "FLAGS",
    "PARAMETERS",
    "check_installed",
    "flag_counts",
    "is_installed",
    "structural_parameters",
]

PARAMETERS: Mapping[str, str] = {
    "concentration": "Concentration, 5 log10 of the ratio of the radii with 80 % and 20 % of light",
    "asymmetry": "Asymmetry, residual of a half turn less that of the sky, in units of the light",
    "smoothness": "Clumpiness, light that a smoothed image lacks less that of the sky",
    "gini": "Gini coefficient of the light in the pixels of the galaxy, 1 for all in one pixel",
    "m20": "M20, log10 of the share of the brightest 20 % of light in the second moment",
}
"""Names and descriptions of the parameters."""

FLAG = "structure_flag"
"""Name of the flag."""

FLAGS = ("good", "suspect", "bad", "none")
"""Meanings of the flags 0 to 3; the parameters of flag 2 should not be used."""

# The source nearest to the centre is the object up to this share of the smaller side.
_FARTHEST = 0.25
# Fewer objects than this are done before other processes have started.
_FEWEST_FOR_PROCESSES = 40


def is_installed() -> bool:
    """Returns whether statmorph is installed, an extra."""
    return importlib.util.find_spec("statmorph") is not None


def check_installed(argument: str) -> None:
    """Raises an error if statmorph is not installed.

    Args:
        argument: Name of the argument that needs it.

    Raises:
        UserError: if it is not.
    """
    if not is_installed():
        raise UserError(f"`{argument}` needs statmorph: pip install 'galaxy-model-zoo[morphology]'")


def flag_counts(flags: np.ndarray) -> str:
    """Returns how many objects have each flag, as text.

    Args:
        flags: (number,) flags.
    """
    counts = np.bincount(flags, minlength=len(FLAGS))
    return ", ".join(f"{count} {name}" for count, name in zip(counts, FLAGS, strict=True))


def structural_parameters(
    images: np.ndarray,
    noise: np.ndarray,
    *,
    processes: int | None = None,
    on_object: Callable[[], object] | None = None,
) -> dict[str, np.ndarray]:
    """Measures the objects at the centres of images.

    SEP finds and deblends the sources above 1.5 times the noise; that nearest to the centre is the
    object, and the pixels of all others are masked. About half a second of a core for 128 px,
    most of it for the centre about which the asymmetry is least.

    Args:
        images: (number, height, width), one band, sky subtracted.
        noise: (number,), standard deviation of the sky per pixel, in the units of the images.
        processes: Number of processes; None for one per core, or none but this for few images.
        on_object: Called after each object.

    Returns:
        The `PARAMETERS`, (number,) float64, NaN where there is none, and `FLAG`, (number,) int16:
        0 to 2 as statmorph has them, 3 without a source or a measurement, see `FLAGS`.

    References:
        Rodriguez-Gomez et al. 2019 (MNRAS 483, 4140), statmorph; Conselice 2003 (ApJS 147, 1) and
        Lotz et al. 2004 (AJ 128, 163), the parameters.
    """
    if processes is None:
        processes = joblib.cpu_count() if len(images) >= _FEWEST_FOR_PROCESSES else 1
    measured = joblib.Parallel(n_jobs=processes, return_as="generator")(
        joblib.delayed(_measured)(image, float(scatter))
        for image, scatter in zip(images, noise, strict=True)
    )
    rows = np.full((len(images), len(PARAMETERS)), np.nan)
    flags = np.full(len(images), FLAGS.index("none"), np.int16)
    for row, result in enumerate(measured):
        if result is not None:
            rows[row], flags[row] = result
        if on_object is not None:
            on_object()
    return {**dict(zip(PARAMETERS, rows.T, strict=True)), FLAG: flags}


def _measured(image: np.ndarray, noise: float) -> tuple[list[float], int] | None:
    """Returns parameters and flag of the object at the centre of an image, None without one."""
    import statmorph

    image = np.array(image, np.float64, order="C")
    extracted = sep_baseline.extract(image, noise, segmentation_map=True)
    if extracted is None or not len(extracted[0]):
        return None
    sources, segments = extracted
    centre = (np.array(image.shape) - 1) / 2
    distance = np.hypot(sources["y"] - centre[0], sources["x"] - centre[1])
    if distance.min() > _FARTHEST * min(image.shape):
        return None
    label = int(distance.argmin()) + 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Nothing of the Sersic fit and of the multimode statistic is used: both are cut short.
            morphology = statmorph.SourceMorphology(
                image,
                (segments == label).astype(np.int32),
                1,
                mask=(segments > 0) & (segments != label),
                weightmap=np.full(image.shape, noise),
                sersic_fitting_args={"maxiter": 1},
                niter_bh_mid=0,
            )
    except Exception:
        # Of a segment of a few pixels or at the border it raises errors of many kinds.
        return None
    if morphology.flag > FLAGS.index("bad"):
        return None
    values = np.array([morphology[name] for name in PARAMETERS], np.float64)
    # statmorph writes -99 for a single parameter that it cannot measure.
    return list(np.where(values <= -99, np.nan, values)), int(morphology.flag)
