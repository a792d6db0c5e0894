"""Builder configurations of galaxy_scenes."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import tensorflow_datasets as tfds

from tfds_builders.config_checks import (
    check_at_least,
    check_between,
    check_choice,
    check_processes,
    check_split_sizes,
    is_number,
)
from tfds_builders.galaxy_scenes.cameras import SURVEYS, camera
from tfds_builders.splits import SPLITS

__all__ = ["GALAXIES", "FieldsConfig", "ScenesConfig", "StampsConfig"]

GALAXIES = ("simulated", "cosmos")


@dataclasses.dataclass
class ScenesConfig(tfds.core.BuilderConfig):
    """Simulated scenes of a survey.

    Attributes:
        num_train: Number of training scenes.
        num_validation: Number of validation scenes.
        num_test: Number of test scenes.
        seed: Seed from which, with its split and index, every scene follows.
        survey: "hst" (V, z, J, H as CANDELS), "lsst" (u to y, ten years) or "decals" (g, r, z).
        size: Pixels on a side.
        bright: Brightest sources, i mag; None for a limit that goes with the survey.
        faint: Faintest sources, i mag; None for a limit that goes with the survey's depth.
        stars: Stars in units of their density at galactic latitudes of 30 to 40 degrees.
        galaxies: "simulated", or "cosmos" for the parametric fits of a COSMOS sample in
            `--manual_dir`.
        catalogue: Name of the FITS table of that sample; None to look for it.
        defect_fraction: Share of scenes with cosmic rays, and likewise with columns without data
            and with the trail of a satellite, each in one band. Above 0 there is a feature `mask`.
        isophote: Isophote of the segmentation, sigma of the sky per pixel of all bands together.
        processes: Processes that draw when no Beam runner is chosen; None for one per core, from 16
            files on. No effect on the result.
    """

    num_train: int = 1_400
    num_validation: int = 200
    num_test: int = 400
    seed: int = 0
    survey: str = "hst"
    size: int = 128
    bright: float | None = None
    faint: float | None = None
    stars: float = 1.0
    galaxies: str = "simulated"
    catalogue: str | None = None
    defect_fraction: float = 0.0
    isophote: float = 1.0
    processes: int | None = None

    # Magnitudes by which the limits of the survey are moved.
    _narrower: ClassVar[tuple[float, float]] = (0.0, 0.0)

    def __post_init__(self) -> None:
        check_split_sizes(self)
        check_at_least(self, "seed", 0)
        check_choice(self, "survey", SURVEYS)
        check_between(self, "size", 16, 1024)
        bright, faint = self.limits
        if not (is_number(bright) and 16 <= bright <= 28):
            raise ValueError(f"bright must be between 16 and 28; got {bright}")
        if not (is_number(faint) and bright < faint <= 29):
            raise ValueError(f"faint must be above bright ({bright}) and at most 29; got {faint}")
        check_between(self, "stars", 0, 1000)
        check_choice(self, "galaxies", GALAXIES)
        check_between(self, "defect_fraction", 0, 1)
        if not 0 < self.isophote <= 100:
            raise ValueError(f"isophote must be above 0 and at most 100; got {self.isophote}")
        check_processes(self)

    @property
    def limits(self) -> tuple[float, float]:
        """i magnitudes of the brightest and of the faintest sources."""
        bright, faint = camera(self.survey).limits
        return (
            bright + self._narrower[0] if self.bright is None else self.bright,
            faint - self._narrower[1] if self.faint is None else self.faint,
        )

    @property
    def numbers(self) -> dict[str, int]:
        """Scenes of each split."""
        numbers = (self.num_train, self.num_validation, self.num_test)
        return dict(zip(SPLITS, numbers, strict=True))


@dataclasses.dataclass
class FieldsConfig(ScenesConfig):
    """Fields, as crowded as the sky.

    Attributes:
        crowding: Factor of the number counts; 0 for empty fields.
        clustering: Share of galaxies that accompany another, at its redshift.
        max_sources: Sources that are kept; from a field with more the least significant are left
            out, of image and truth.
        cutout_size: Pixels on a side of the isolated images.
    """

    crowding: float = 1.0
    clustering: float = 0.25
    max_sources: int = 48
    cutout_size: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between(self, "crowding", 0, 100)
        if not 0 <= self.clustering < 1:
            raise ValueError(f"clustering must be at least 0 and below 1; got {self.clustering}")
        check_between(self, "max_sources", 1, 2000)
        if not 8 <= self.cutout_size <= self.size:
            raise ValueError(
                f"cutout_size must be between 8 and size ({self.size}); got {self.cutout_size}"
            )


@dataclasses.dataclass
class StampsConfig(ScenesConfig):
    """Stamps centred on a galaxy, with and without neighbours.

    Attributes:
        max_neighbours: Maximum neighbours; 0 to this many, equally often.
        min_separation: Smallest distance of a neighbour from the target, in units of the target's
            size as it is seen, sqrt(half-light radius^2 + (FWHM / 2)^2).
        max_separation: Largest distance in the same units; distances are uniform between the two,
            both of which are at most 0.45 of the size of the stamp.
        centre_scatter: Standard deviation of the target's position about the centre of the middle
            pixel, along each axis, px.
        brightest: Whether the target is the brightest source in i; else it is any one of them.
        shear: Reduced shear of the galaxies, their places included; 0 for none. Above 0 each scene
            is drawn twice, with opposite shears and the same noise, and there are features `scene`
            and `shear`; see `stamp_shear`.
    """

    num_train: int = 7_000
    num_validation: int = 1_000
    num_test: int = 2_000
    size: int = 64
    max_neighbours: int = 3
    min_separation: float = 0.5
    max_separation: float = 4.0
    centre_scatter: float = 0.3
    brightest: bool = True
    shear: float = 0.0

    # A brighter target fills the stamp; a fainter one is not worth deblending.
    _narrower: ClassVar[tuple[float, float]] = (2.0, 1.5)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between(self, "max_neighbours", 0, 20)
        if not 0 <= self.min_separation < self.max_separation <= 20:
            raise ValueError(
                "min_separation and max_separation must hold 0 <= min < max <= 20; "
                f"got {self.min_separation} and {self.max_separation}"
            )
        check_between(self, "centre_scatter", 0, 5)
        check_between(self, "shear", 0, 0.2)
