"""SEP as a classifier of blends: detect, deblend, compare with the true positions.

SEP is SExtractor as a library, the tool of the community for the task, and so the yardstick of a
blend classifier. It runs with the settings of the source (`DETECT_THRESH` 1.5 times the global rms
of the stamp, `DETECT_MINAREA` 5, the default 3x3 filter, `DEBLEND_NTHRESH` 32, `DEBLEND_MINCONT`
0.005; the background is measured and not subtracted). Its detections are turned into a label by
the rules of section 4.1, with "matched" for a detection within 2 pixels of a true position, each
detection and each position used once:

    one detection:      blended if it is flagged as deblended (OBJ_MERGED) and matched,
                        else isolated
    two:                blended if both are matched, else isolated
    more than two:      blended if every true source is matched,
                        else a failure if there are more detections than true sources

The rules know the truth, in favour of SEP: two detections in a stamp of one galaxy are called
isolated. What the source leaves open is read as follows:

- No detection: a failure, which its published code has too. Failures are left out of the
  accuracies and counted.
- A single detection stands at "an expected position" if it matches any true one.
- The last rule alone would make a failure of every stamp with more than two detections, so the
  rule before it comes first.
- Three true sources or more (the source has none): as many detections as sources, or fewer, are
  blended if all of them are matched, else isolated.
- A stamp on which SEP itself gives up is a failure.

References:
    Farrens et al. 2022 (arXiv:2110.08180), section 4.1 and table 2; Barbary 2016, JOSS 1, 58;
    Bertin and Arnouts 1996, A&AS 117, 393.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import joblib
import numpy as np
import sep
from scipy.optimize import linear_sum_assignment

__all__ = [
    "BLENDED",
    "DEBLEND_CONTRAST",
    "FAILURE",
    "ISOLATED",
    "MIN_AREA",
    "THRESHOLD",
    "SepResult",
    "classify",
    "extract",
    "label",
    "run",
]

BLENDED, ISOLATED, FAILURE = 1, 0, -1

# The settings of the source, table 2.
THRESHOLD = 1.5  # times the noise
MIN_AREA = 5  # px
DEBLEND_CONTRAST = 0.005
_DEBLEND_THRESHOLDS = 32

_MATCH_RADIUS = 2.0  # px

# Fewer stamps than this are done before other processes have started.
_FEWEST_FOR_PROCESSES = 4000
_STAMPS_PER_TASK = 500


@dataclasses.dataclass(frozen=True)
class SepResult:
    """Results of SEP on stamps.

    Attributes:
        labels: (number,) int8: 1 blended, 0 isolated, -1 failure.
        detections: (number,) int16, sources that SEP detected; -1 where it gave up.
    """

    labels: np.ndarray
    detections: np.ndarray

    @property
    def failures(self) -> dict[str, int]:
        """Numbers of failures by kind."""
        failed = self.labels == FAILURE
        return {
            "nothing found": int((failed & (self.detections == 0)).sum()),
            "too many found": int((failed & (self.detections > 0)).sum()),
            "gave up": int((failed & (self.detections < 0)).sum()),
        }


def classify(
    stamps: np.ndarray, offsets: np.ndarray, *, processes: int | None = None
) -> np.ndarray:
    """Labels stamps as SEP sees them; for the Args and Raises see `run`.

    Returns:
        (number,) int8: 1 blended, 0 isolated, -1 failure.
    """
    return run(stamps, offsets, processes=processes).labels


def run(stamps: np.ndarray, offsets: np.ndarray, *, processes: int | None = None) -> SepResult:
    """Runs SEP on stamps and labels them.

    Args:
        stamps: (number, height, width), with noise, one band. The first source is at the centre,
            ((width - 1) / 2, (height - 1) / 2) with the first pixel at 0.
        offsets: (number, 2) or (number, further sources, 2), x (along rows) and y of the other
            sources from the first one in pixels; NaN where there is none.
        processes: Number of processes; None for one per core, or none but this for few stamps.

    Returns:
        Labels and numbers of detections.

    Raises:
        ValueError: if the shapes do not fit.
    """
    stamps, offsets = np.asarray(stamps), np.asarray(offsets, np.float64)
    if stamps.ndim != 3:
        raise ValueError(f"stamps must be (number, height, width); got shape {stamps.shape}")
    if offsets.ndim not in (2, 3) or offsets.shape[-1] != 2 or len(offsets) != len(stamps):
        raise ValueError(
            f"offsets must be ({len(stamps)}, 2) or ({len(stamps)}, sources, 2); "
            f"got shape {offsets.shape}"
        )
    offsets = offsets if offsets.ndim == 3 else offsets[:, None]
    if processes is None:
        processes = joblib.cpu_count() if len(stamps) >= _FEWEST_FOR_PROCESSES else 1
    tasks = range(0, len(stamps), _STAMPS_PER_TASK)
    pieces = joblib.Parallel(n_jobs=processes)(
        joblib.delayed(_run)(stamps[i : i + _STAMPS_PER_TASK], offsets[i : i + _STAMPS_PER_TASK])
        for i in tasks
    )
    results = np.concatenate([np.zeros((0, 2), np.int16), *pieces])
    return SepResult(results[:, 0].astype(np.int8), results[:, 1])


def label(detected: np.ndarray, merged: np.ndarray, true: np.ndarray) -> int:
    """Applies the rules to the detections of one stamp.

    Args:
        detected: (detections, 2), x and y in pixels.
        merged: (detections,) bool, whether the detection is flagged as deblended.
        true: (sources, 2), x and y of the true sources in pixels.

    Returns:
        `BLENDED`, `ISOLATED` or `FAILURE`.
    """
    number = len(detected)
    if number == 0:
        return FAILURE
    matched = _matches(detected, true)
    if number == 1:
        blended = bool(merged[0]) and matched == 1
    elif number == 2:
        blended = matched == 2
    elif matched == len(true):
        blended = True
    elif number > len(true):
        return FAILURE
    else:
        blended = matched == number
    return BLENDED if blended else ISOLATED


def extract(
    image: np.ndarray,
    noise: np.ndarray | float | None = None,
    *,
    threshold: float = THRESHOLD,
    min_area: int = MIN_AREA,
    deblend_contrast: float = DEBLEND_CONTRAST,
    **settings: Any,
) -> Any:
    """Detects and deblends.

    Args:
        image: (height, width) float32, contiguous and writable.
        noise: Standard deviation of all pixels, or of each, (height, width), with which SEP divides
            by the noise of its filtered image too; None for the global rms that it measures.
        threshold: Of detection, in units of the noise.
        min_area: Least number of pixels of a detection.
        deblend_contrast: Least share of the flux that makes a part of a detection a source; 1 for
            no deblending.
        **settings: Others of `sep.extract`, as `mask` and `segmentation_map`.

    Returns:
        What `sep.extract` returns; None where SEP itself gives up, for a full pixel buffer or too
        many parts.
    """
    try:
        return sep.extract(
            image,
            threshold,
            err=sep.Background(image).globalrms if noise is None else noise,
            minarea=min_area,
            deblend_nthresh=_DEBLEND_THRESHOLDS,
            deblend_cont=deblend_contrast,
            **settings,
        )
    except Exception as error:
        # SEP raises `Exception` itself.
        if type(error) is not Exception:
            raise
        return None


def _matches(detected: np.ndarray, true: np.ndarray) -> int:
    # Largest number of pairs: in a close blend the nearest position may be that of the other.
    distance = np.hypot(*(detected[:, None] - true[None]).transpose(2, 0, 1))
    near = distance <= _MATCH_RADIUS
    return int(near[linear_sum_assignment(near, maximize=True)].sum())


def _run(stamps: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    height, width = stamps.shape[1:]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    results = np.empty((len(stamps), 2), np.int16)
    for row, (stamp, others) in enumerate(zip(stamps, offsets, strict=True)):
        # A copy: stamps that come from another process cannot be written to, which SEP asks for.
        objects = extract(np.array(stamp, np.float32, order="C"))
        if objects is None:
            results[row] = FAILURE, -1
            continue
        others = others[np.isfinite(others).all(axis=-1)]
        detected = np.stack([objects["x"], objects["y"]], axis=-1)
        merged = (objects["flag"] & sep.OBJ_MERGED) != 0
        true = np.concatenate([centre[None], centre + others])
        results[row] = label(detected, merged, true), len(objects)
    return results
