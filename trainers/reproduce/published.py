"""Numbers that were published for BlendHunter and for SEP.

References:
    Farrens et al. 2022 (arXiv:2110.08180), sections 3.2, 4.2 and 4.3, and the predictions in its
    repository (github.com/CosmoStat/BlendHunter), evaluated by us.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

__all__ = [
    "BLENDHUNTER",
    "REALISTIC_CLOSE_GAIN",
    "REALISTIC_SEP",
    "REALISTIC_SIGMA",
    "SECONDS",
    "SEP",
    "SIGMAS",
    "PublishedRates",
]


@dataclasses.dataclass(frozen=True)
class PublishedRates:
    """Fractions of correct predictions; None for unpublished ones.

    Attributes:
        all: Of all stamps.
        close: Of blends closer than 10 pixels.
        far: Of the other blends.
        isolated: Of stamps with one source.
    """

    all: float
    close: float | None
    far: float | None
    isolated: float | None


SIGMAS = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0)
"""Standard deviations of the noise of the paper's training sets."""

BLENDHUNTER: Mapping[float, PublishedRates] = {
    5.0: PublishedRates(0.957, 0.813, 0.939, 0.990),
    14.0: PublishedRates(0.915, 0.718, 0.881, 0.968),
    18.0: PublishedRates(0.888, 0.675, 0.839, 0.957),
    26.0: PublishedRates(0.828, 0.603, 0.746, 0.927),
    35.0: PublishedRates(0.769, 0.547, 0.667, 0.885),
    40.0: PublishedRates(0.743, 0.522, 0.621, 0.877),
}
"""BlendHunter on parametric stamps by sigma of the noise, trained with the same noise: published
predictions for 8,000 test stamps, mean of 5 realisations."""

SEP: Mapping[float, PublishedRates] = {
    5.0: PublishedRates(0.944, 0.410, 0.952, 1.000),
    14.0: PublishedRates(0.945, 0.421, 0.955, 0.998),
    18.0: PublishedRates(0.937, 0.420, 0.942, 0.993),
    26.0: PublishedRates(0.880, 0.369, 0.852, 0.964),
    35.0: PublishedRates(0.749, 0.263, 0.670, 0.876),
    40.0: PublishedRates(0.670, 0.213, 0.572, 0.810),
}
"""SEP on the same stamps. A stamp without detections counts as a mistake (single galaxies are
"missed" with much noise), while the paper omits failures."""

REALISTIC_SIGMA = 14.5
"""Standard deviation of the noise of the realistic stamps."""

REALISTIC_SEP = PublishedRates(0.91, 0.69, 0.94, None)
"""SEP on the 80,000 realistic stamps (section 4.3)."""

REALISTIC_CLOSE_GAIN = (5.0, 15.0)
"""Points by which BlendHunter beats SEP on realistic close blends, lowest and highest over the
training noise (section 5)."""

SECONDS = 630.0
"""Time to train on one set of 80,000 stamps, s, on a Core i7-6900K at 3.20 GHz."""
