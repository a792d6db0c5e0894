"""Builder configurations of simulated_blends."""

from __future__ import annotations

import dataclasses

import tensorflow_datasets as tfds

from tfds_builders.config_checks import (
    check_at_least,
    check_between,
    check_processes,
    check_split_sizes,
)
from tfds_builders.simulated_blends.population import BRIGHT
from tfds_builders.splits import SPLITS

__all__ = ["BlendsConfig", "CosmosConfig"]


@dataclasses.dataclass
class BlendsConfig(tfds.core.BuilderConfig):
    """Stamps of isolated and blended galaxies.

    Attributes:
        num_train: Number of training stamps; half of each split are blended.
        num_validation: Number of validation stamps.
        num_test: Number of test stamps.
        seed: Seed from which, with its split and index, every stamp follows.
        faint: Faintest galaxies, F814W mag.
        exposure_time: Exposure time, s.
        psf_fwhm: Mean FWHM of the PSF, arcsec.
        seeing_scatter: Standard deviation of ln FWHM from stamp to stamp.
        centre_scatter: Standard deviation of the first galaxy's position about the centre of the
            middle pixel, along each axis, px; its neighbours move with it. 0 in the source, where
            position alone gives most blends away.
        max_sources: Maximum galaxies in a stamp; blends have 2 to this many, equally often.
        artefact_fraction: Fraction of stamps with cosmic rays, and likewise with a bad column and
            with a saturated star. Above 0, each has a feature that flags it.
        processes: Processes that draw when no Beam runner is chosen; None for one per core, from
            8,000 stamps on. No effect on the result.
    """

    num_train: int = 10_000
    num_validation: int = 5_000
    num_test: int = 5_000
    seed: int = 0
    faint: float = 25.2
    exposure_time: float = 300.0
    psf_fwhm: float = 0.65
    seeing_scatter: float = 0.1
    centre_scatter: float = 0.0
    max_sources: int = 2
    artefact_fraction: float = 0.0
    processes: int | None = None

    def __post_init__(self) -> None:
        # Below that one of the two classes may be missing.
        check_split_sizes(self, low=2)
        check_at_least(self, "seed", 0)
        if not BRIGHT < self.faint <= 28:
            raise ValueError(f"faint must be above {BRIGHT} and at most 28; got {self.faint}")
        if self.exposure_time <= 0:
            raise ValueError(f"exposure_time must be positive; got {self.exposure_time}")
        # The pixels sample no smaller PSF.
        check_between(self, "psf_fwhm", 0.5, 2, "arcsec")
        check_between(self, "seeing_scatter", 0, 0.3)
        check_between(self, "centre_scatter", 0, 5)
        check_between(self, "max_sources", 2, 8)
        check_between(self, "artefact_fraction", 0, 1)
        check_processes(self)

    @property
    def numbers(self) -> dict[str, int]:
        """Stamps of each split."""
        numbers = (self.num_train, self.num_validation, self.num_test)
        return dict(zip(SPLITS, numbers, strict=True))


@dataclasses.dataclass
class CosmosConfig(BlendsConfig):
    """Stamps of galaxies of a COSMOS sample in `--manual_dir`; sizes as in the source.

    Attributes:
        real: Whether the galaxies are the images of the sample, or its parametric fits.
        rotate: Whether a galaxy is rotated at random whenever it is drawn.
        catalogue: Name of the FITS table; None to look for it.
    """

    num_train: int = 36_000
    num_validation: int = 36_000
    num_test: int = 8_000
    real: bool = False
    rotate: bool = True
    catalogue: str | None = None
