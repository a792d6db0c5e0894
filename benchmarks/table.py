"""One table of ratios: what was measured, and beside it a yardstick of the same run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from trainers.tables.markdown import markdown_table

__all__ = ["Row", "as_markdown", "compared", "failed"]

_HEADER = ("", "", "yardstick", "", "ratio", "lowest", "highest", "remark")


@dataclasses.dataclass(frozen=True)
class Row:
    """A ratio; or, with neither value, why there is none.

    Attributes:
        what: What was measured.
        unit: Of both values.
        value: Median.
        yardstick: What it is compared with.
        yardstick_value: Median.
        ratios: Of each round that counts, value over that of the yardstick.
        remark: What else has to be known, such as whether the machine was quiet.
    """

    what: str
    unit: str = ""
    value: float | None = None
    yardstick: str = ""
    yardstick_value: float | None = None
    ratios: tuple[float, ...] = ()
    remark: str = ""

    @property
    def ratio(self) -> float | None:
        """The median ratio."""
        return float(np.median(self.ratios)) if self.ratios else None

    @property
    def outcome(self) -> str:
        """The median ratio as text, or the remark if there is none."""
        return f"{self.ratio:.2f}" if self.ratios else self.remark

    def cells(self) -> list[str]:
        """Returns the row as text."""
        ratios = [""] * 3
        if self.ratios:
            ratios = [f"{n:.2f}" for n in (self.ratio, min(self.ratios), max(self.ratios))]
        values = [
            "" if value is None else f"{_short(value)} {self.unit}"
            for value in (self.value, self.yardstick_value)
        ]
        return [self.what, values[0], self.yardstick, values[1], *ratios, self.remark]


def compared(
    what: str,
    unit: str,
    measured: Mapping[str, np.ndarray],
    names: tuple[str, str],
    yardstick: str,
    remark: str = "",
    factors: tuple[float, float] = (1.0, 1.0),
) -> Row:
    """Returns the row of two of the things that took turns.

    Args:
        what: What was measured.
        unit: Of both.
        measured: What `rounds.take_turns` returned.
        names: Of the one and of the yardstick in `measured`.
        yardstick: What the latter is.
        remark: Remark of the row.
        factors: From what was measured to the unit, for each of the two.
    """
    ours, theirs = (measured[name] * factor for name, factor in zip(names, factors, strict=True))
    ratios = tuple(float(ratio) for ratio in ours / theirs)
    return Row(
        what, unit, float(np.median(ours)), yardstick, float(np.median(theirs)), ratios, remark
    )


def failed(what: str, error: Exception) -> Row:
    """Returns the row of what could not be measured, with the last line of the error."""
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return Row(what, remark=f"FAILED: {reason[-1]}")


def as_markdown(rows: Sequence[Row]) -> str:
    """Returns the table as Markdown."""
    return markdown_table(list(_HEADER), [row.cells() for row in rows], aligned=True)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
