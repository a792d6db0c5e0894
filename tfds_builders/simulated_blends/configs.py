"""Builder configurations of simulated_blends."""

from __future__ import annotations

import dataclasses

import tensorflow_datasets as tfds

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
        for split, number in self.numbers.items():
            # Below that one of the two classes may be missing.
            if number < 2:
                raise ValueError(f"num_{split} must be at least 2; got {number}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0; got {self.seed}")
        if not BRIGHT < self.faint <= 28:
            raise ValueError(f"faint must be above {BRIGHT} and at most 28; got {self.faint}")
        if self.exposure_time <= 0:
            raise ValueError(f"exposure_time must be positive; got {self.exposure_time}")
        # The pixels sample no smaller PSF.
        if not 0.5 <= self.psf_fwhm <= 2:
            raise ValueError(f"psf_fwhm must be between 0.5 and 2 arcsec; got {self.psf_fwhm}")
        if not 0 <= self.seeing_scatter <= 0.3:
            raise ValueError(f"seeing_scatter must be between 0 and 0.3; got {self.seeing_scatter}")
        if not 0 <= self.centre_scatter <= 5:
            raise ValueError(f"centre_scatter must be between 0 and 5; got {self.centre_scatter}")
        if not 2 <= self.max_sources <= 8:
            raise ValueError(f"max_sources must be between 2 and 8; got {self.max_sources}")
        if not 0 <= self.artefact_fraction <= 1:
            raise ValueError(
                f"artefact_fraction must be between 0 and 1; got {self.artefact_fraction}"
            )
        if self.processes is not None and self.processes < 1:
            raise ValueError(f"processes must be at least 1; got {self.processes}")

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
