"""Ground truth of blends: labels, separations and positions of the sources."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["CLOSE", "KINDS", "BlendTruth", "blended_class", "separation_edges"]

CLOSE = 10.0
"""Separation in pixels from which on a blend is a far one (Farrens et al. 2022, section 2.1)."""

KINDS = ("all", "blended", "close", "far", "isolated")
"""All stamps, all blends, blends closer than `CLOSE`, the other blends, single sources."""


@dataclasses.dataclass(frozen=True)
class BlendTruth:
    """The truth of stamps of isolated and blended sources.

    Attributes:
        blended: (number,) bool.
        separation: (number,) pixels, from the first to the nearest other source; NaN if isolated.
        offsets: (number, further sources, 2), x and y of the other sources from the first one in
            pixels; NaN where there is none.
    """

    blended: np.ndarray
    separation: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], blended_label: int) -> BlendTruth:
        """Takes the truth from the features of a dataset.

        Args:
            arrays: Features: "label", "separation" (number,), "offset_x" and "offset_y" (number,)
                or (number, further sources), and "num_sources" if there may be more than two.
            blended_label: Label of the blends.

        Raises:
            ValueError: if a feature is missing.
        """
        missing = {"label", "separation", "offset_x", "offset_y"} - set(arrays)
        if missing:
            raise ValueError(
                f"the dataset must have the features label, separation, offset_x and offset_y; "
                f"it lacks {', '.join(sorted(missing))}"
            )
        blended = np.asarray(arrays["label"]) == blended_label
        offsets = np.stack(
            [
                np.asarray(arrays[name], np.float64).reshape(len(blended), -1)
                for name in ("offset_x", "offset_y")
            ],
            axis=-1,
        )
        others = np.asarray(arrays.get("num_sources", 1 + blended)) - 1
        there = np.arange(offsets.shape[1]) < np.where(blended, others, 0)[:, None]
        separation = np.asarray(arrays["separation"], np.float64).reshape(len(blended), -1)
        return cls(
            blended,
            np.where(blended, separation[:, 0], np.nan),
            np.where(there[..., None], offsets, np.nan),
        )

    def kind(self, name: str) -> np.ndarray:
        """Returns which stamps are of a kind, (number,) bool.

        Args:
            name: One of `KINDS`.

        Raises:
            ValueError: if there is no such kind.
        """
        if name == "all":
            return np.ones(len(self.blended), bool)
        if name == "blended":
            return self.blended
        if name == "isolated":
            return ~self.blended
        if name == "close":
            return self.blended & (self.separation < CLOSE)
        if name == "far":
            return self.blended & (self.separation >= CLOSE)
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got '{name}'")


def blended_class(class_names: Sequence[str]) -> int | None:
    """Returns the label of the blends if the two classes are blends and others, else None."""
    blends = [index for index, name in enumerate(class_names) if name.lower().startswith("blend")]
    return blends[0] if len(class_names) == 2 and len(blends) == 1 else None


def separation_edges(separation: np.ndarray) -> np.ndarray:
    """Returns edges of bins of 1 pixel, or 2 for few blends, such that `CLOSE` is one of them.

    Args:
        separation: (number,) pixels; NaN is left out.
    """
    finite = separation[np.isfinite(separation)]
    width = 1.0 if len(finite) >= 3000 else 2.0
    last = finite.max() if len(finite) else CLOSE
    return np.arange(0, np.floor(last / width) + 2) * width
