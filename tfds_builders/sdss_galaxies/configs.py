"""Builder configurations of sdss_galaxies."""

from __future__ import annotations

import dataclasses

import tensorflow_datasets as tfds

from tfds_builders.config_checks import (
    check_at_least,
    check_choice,
    check_processes,
    check_split_sizes,
)
from tfds_builders.left_out import ON_ERROR
from tfds_builders.sdss_galaxies.spectrograph import spectrograph
from tfds_builders.splits import SPLITS

__all__ = ["DEPTHS", "ObservedConfig", "SimulatedConfig"]

# r limits and greatest redshift.
DEPTHS = {"main": (14.0, 17.77, 0.36), "deep": (16.0, 20.0, 0.8)}


@dataclasses.dataclass
class SimulatedConfig(tfds.core.BuilderConfig):
    """Simulated galaxies.

    Attributes:
        num_train: Number of training galaxies.
        num_validation: Number of validation galaxies.
        num_test: Number of test galaxies.
        seed: Seed from which, with its split and index, every galaxy follows.
        depth: "main", 14 < r < 17.77 and redshifts to 0.36 as the main sample of the SDSS, or
            "deep", 16 < r < 20 and redshifts to 0.8.
        spectrograph: "sdss" (3800 to 9200 A, fibres of 3 arcsec) or "boss" (3600 to 10400 A, 2).
        processes: Processes that draw when no Beam runner is chosen; None for one per core, from 16
            files on. No effect on the result.
    """

    num_train: int = 7_000
    num_validation: int = 1_000
    num_test: int = 2_000
    seed: int = 0
    depth: str = "main"
    spectrograph: str = "sdss"
    processes: int | None = None

    def __post_init__(self) -> None:
        check_split_sizes(self)
        check_at_least(self, "seed", 0)
        check_choice(self, "depth", DEPTHS)
        spectrograph(self.spectrograph)
        check_processes(self)

    @property
    def numbers(self) -> dict[str, int]:
        """Galaxies of each split."""
        numbers = (self.num_train, self.num_validation, self.num_test)
        return dict(zip(SPLITS, numbers, strict=True))


@dataclasses.dataclass
class ObservedConfig(tfds.core.BuilderConfig):
    """Spectra of SDSS, BOSS, eBOSS and DESI in `--manual_dir`.

    Attributes:
        quasars: Whether objects that the pipelines call quasars are taken besides galaxies.
        on_error: "raise", or "skip" to leave out and list what cannot be used.
        processes: Processes that write when no Beam runner is chosen; None for one per core, from
            16 files on. No effect on the result.
    """

    quasars: bool = False
    on_error: str = "raise"
    processes: int | None = None

    def __post_init__(self) -> None:
        check_choice(self, "on_error", ON_ERROR)
        check_processes(self)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Classes of the pipelines that are taken."""
        return ("GALAXY", "QSO") if self.quasars else ("GALAXY",)
