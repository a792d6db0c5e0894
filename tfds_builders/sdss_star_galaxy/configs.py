"""Builder configurations of sdss_star_galaxy."""

from __future__ import annotations

import dataclasses

import tensorflow_datasets as tfds

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
        if self.num_objects < 1:
            raise ValueError(f"num_objects must be at least 1; got {self.num_objects}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0; got {self.seed}")
        if not 14 <= self.bright < self.faint <= 26:
            raise ValueError(
                f"bright and faint must hold 14 <= bright < faint <= 26; "
                f"got {self.bright} and {self.faint}"
            )
        if not 0 <= self.seeing_scatter <= 0.5:
            raise ValueError(f"seeing_scatter must be between 0 and 0.5; got {self.seeing_scatter}")
        if not 0 <= self.crowding <= 100:
            raise ValueError(f"crowding must be between 0 and 100; got {self.crowding}")
        if not 0.5 <= self.closest <= 20:
            raise ValueError(f"closest must be between 0.5 and 20 arcsec; got {self.closest}")
        if self.processes is not None and self.processes < 1:
            raise ValueError(f"processes must be at least 1; got {self.processes}")


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
        _check_on_error(self.on_error)


@dataclasses.dataclass
class FramesConfig(tfds.core.BuilderConfig):
    """A CasJobs table in `--manual_dir`, and the SDSS frames.

    Attributes:
        on_error: "raise", or "skip" to leave out and list what cannot be used.
    """

    on_error: str = "raise"

    def __post_init__(self) -> None:
        _check_on_error(self.on_error)


def _check_on_error(on_error: str) -> None:
    if on_error not in ON_ERROR:
        raise ValueError(f"on_error must be one of {', '.join(ON_ERROR)}; got '{on_error}'")
