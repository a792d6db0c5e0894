"""Builder configurations of galaxy_zoo_decals."""

from __future__ import annotations

import dataclasses

import tensorflow_datasets as tfds

from tfds_builders.config_checks import check_at_least, check_between, check_choice, check_processes
from tfds_builders.galaxy_zoo_decals.labels import CUTS, TASKS
from tfds_builders.galaxy_zoo_decals.population import BRIGHT, FAINT
from tfds_builders.left_out import ON_ERROR
from tfds_builders.simulation.legacy_surveys import CAMERAS

__all__ = ["LABELS", "CatalogueConfig", "GalaxyZooConfig", "SimulatedConfig"]

LABELS = ("votes", "truth")
"""Sources of the labels of simulated galaxies."""


@dataclasses.dataclass
class GalaxyZooConfig(tfds.core.BuilderConfig):
    """Images of galaxies with votes.

    Attributes:
        image_size: Pixels on a side.
        crop: Share of each side of the published images (424 pixels) that is kept, about the
            centre.
        task: One of the nine tasks, the classes of which `label` has; galaxies without a label in
            it are left out. Empty for the class to which most volunteers came, and all galaxies.
        cuts: Limits of the nine tasks: "table" or "transfer", see `labels.task_labels`.
        min_votes: A galaxy has no label in a task if fewer volunteers answered its questions.
        processes: Processes that work when no Beam runner is chosen; None for one per core, from
            16 files on. No effect on the result.
    """

    image_size: int = 128
    crop: float = 0.5
    task: str = ""
    cuts: str = "table"
    min_votes: int = 0
    processes: int | None = None

    def __post_init__(self) -> None:
        check_between(self, "image_size", 8, 424)
        check_between(self, "crop", 0.1, 1)
        if self.task:
            check_choice(self, "task", TASKS)
        check_choice(self, "cuts", CUTS)
        check_at_least(self, "min_votes", 0)
        check_processes(self)


@dataclasses.dataclass
class CatalogueConfig(GalaxyZooConfig):
    """One of the published catalogues, and the images.

    Attributes:
        file: Name of the catalogue.
        gzd12: Whether the volunteers answered the questions of GZD-1/2, not those of GZD-5.
        automated: Whether it has the posteriors of a network in place of votes.
        wrong_size: Whether galaxies with `wrong_size_warning` are kept.
        on_error: "raise", or "skip" to leave out and list galaxies that cannot be used. Galaxies
            without an image are left out and counted anyway.
    """

    file: str = "gz_decals_volunteers_5.csv"
    gzd12: bool = False
    automated: bool = False
    wrong_size: bool = False
    on_error: str = "raise"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "on_error", ON_ERROR)
        if self.automated and self.min_votes:
            raise ValueError(f"min_votes must be 0 where nobody voted; got {self.min_votes}")


@dataclasses.dataclass
class SimulatedConfig(GalaxyZooConfig):
    """Simulated galaxies with the votes of simulated volunteers.

    Attributes:
        num_galaxies: Number of galaxies in all splits together.
        seed: Every galaxy follows from it and from its own index.
        survey: "decals", "bass_mzls" or the shallower "sdss": through which the same sky is seen.
            The volunteers see DECaLS anyway, so that votes and labels are the same.
        volunteers: Mean number of volunteers per galaxy.
        scale: Arcsec per pixel before `crop`, the same for all galaxies, as in pictures that were
            not made for Galaxy Zoo (0.262 in the survey's viewer). None for the published one,
            which follows the size of the galaxy.
        linear: Whether images are fluxes in g, r, z on pixels of `scale`, with white noise, as of
            a stack before any picture is made of it; else colour pictures. `crop` has no effect.
        bright: Lower limit of the galaxies in r, AB mag.
        faint: Upper limit. Other limits than those of Galaxy Zoo come with cosmological distances,
            k-corrections and evolution, see `population.draw_appearance`.
        labels: "votes", or "truth": as if all volunteers gave the true answers, which galaxies too
            faint for the eye have too.
    """

    image_size: int = 64
    num_galaxies: int = 8_000
    seed: int = 0
    survey: str = "decals"
    volunteers: float = 40.0
    scale: float | None = None
    linear: bool = False
    bright: float = BRIGHT
    faint: float = FAINT
    labels: str = "votes"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, "num_galaxies", 1)
        check_at_least(self, "seed", 0)
        check_choice(self, "survey", CAMERAS)
        check_between(self, "volunteers", 5, 1000)
        if self.scale is not None:
            check_between(self, "scale", 0.05, 0.5, "arcsec")
        if self.linear and self.scale is None:
            raise ValueError("scale must be given with linear, arcsec per pixel; got None")
        if self.linear and self.crop != SimulatedConfig.crop:
            raise ValueError(f"crop must not be given with linear; got {self.crop}")
        if not 12 <= self.bright < self.faint <= 24:
            raise ValueError(
                "bright and faint must be magnitudes from 12 to 24, the brighter one first; "
                f"got {self.bright} and {self.faint}"
            )
        check_choice(self, "labels", LABELS)
        if self.labels == "truth" and self.min_votes:
            raise ValueError(f"min_votes must be 0 with labels='truth'; got {self.min_votes}")
