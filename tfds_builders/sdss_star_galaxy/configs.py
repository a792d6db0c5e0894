"""Builder configurations of sdss_star_galaxy."""

from __future__ import annotations

import dataclasses

import tensorflow_datasets as tfds

from tfds_builders.config_checks import (
    check_at_least,
    check_between,
    check_choice,
    check_processes,
)
from tfds_builders.left_out import ON_ERROR
from tfds_builders.simulation.drawing import CLOSEST
from tfds_builders.simulation.observation import SEEING_SCATTER

__all__ = ["FramesConfig", "RecordsConfig", "SimulatedConfig"]


@dataclasses.dataclass
class SimulatedConfig(tfds.core.BuilderConfig):
    """A simulated sky.

    Attributes:
        num_objects: Number of objects in all splits together.
        seed: Every object follows from it and from its own index.
        bright: Lower limit in r, mag.
        faint: Upper limit in r, mag.
        seeing_scatter: Scatter of the seeing from field to field, standard deviation of its ln:
            0.05 for neighbouring fields of a run, 0.12 for the whole survey.
        crowding: Density of the neighbours in units of that of the counts.
        closest: Least distance of a faint neighbour, arcsec. With another value of this or of
            `crowding` than the default, examples have the feature `neighbour_distance`.
        processes: Processes that simulate; None for one per core. No effect on the result.
    """

    num_objects: int = 10_000
    seed: int = 0
    bright: float = 17.0
    faint: float = 22.5
    seeing_scatter: float = SEEING_SCATTER
    crowding: float = 1.0
    closest: float = CLOSEST
    processes: int | None = None

    @property
    def crowded(self) -> bool:
        """True if neighbours are denser or nearer than the number counts have them."""
        return (self.crowding, self.closest) != (1.0, CLOSEST)

    def __post_init__(self) -> None:
        check_at_least(self, "num_objects", 1)
        check_at_least(self, "seed", 0)
        if not 14 <= self.bright < self.faint <= 26:
            raise ValueError(
                f"bright and faint must hold 14 <= bright < faint <= 26; "
                f"got {self.bright} and {self.faint}"
            )
        check_between(self, "seeing_scatter", 0, 0.5)
        check_between(self, "crowding", 0, 100)
        check_between(self, "closest", 0.5, 20, "arcsec")
        check_processes(self)


@dataclasses.dataclass
class RecordsConfig(tfds.core.BuilderConfig):
    """Record arrays in `--manual_dir`.

    Attributes:
        labelled: Whether the records have objID, class and z beside the image.
        on_error: "raise", or "skip" to leave out and list what cannot be used.
    """

    labelled: bool = True
    on_error: str = "raise"

    def __post_init__(self) -> None:
        check_choice(self, "on_error", ON_ERROR)


@dataclasses.dataclass
class FramesConfig(tfds.core.BuilderConfig):
    """A CasJobs table in `--manual_dir`, and the SDSS frames.

    Attributes:
        on_error: "raise", or "skip" to leave out and list what cannot be used.
    """

    on_error: str = "raise"

    def __post_init__(self) -> None:
        check_choice(self, "on_error", ON_ERROR)
