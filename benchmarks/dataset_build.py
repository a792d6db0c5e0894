"""Objects of the simulated datasets beside a plain loop of GalSim, on one core.

    python -m benchmarks dataset_build

Processor time of one process with one thread. Ours is the whole object as the builders make it:
truth, neighbours, image with noise, photometry or votes, packed. The plain loop draws the same
galaxy alone, one profile convolved with a PSF, in as many bands, without noise and without anything
around it: it has less to do.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator

import galsim
import numpy as np

from benchmarks import rounds, stamp_generation, table
from tfds_builders.galaxy_zoo_decals import simulated as galaxy_zoo
from tfds_builders.galaxy_zoo_decals.configs import SimulatedConfig as GalaxyZooConfig
from tfds_builders.galaxy_zoo_decals.images import FULL_SIZE, image_scale
from tfds_builders.sdss_star_galaxy.configs import SimulatedConfig as SdssConfig
from tfds_builders.simulated_blends.blends import SIZE, Stamps
from tfds_builders.simulated_blends.configs import BlendsConfig
from tfds_builders.simulation.catalogue import Sky, simulate
from tfds_builders.simulation.legacy_surveys import BANDS
from tfds_builders.simulation.population import draw_object
from tfds_builders.surveys import survey

__all__ = ["rows"]

_SDSS_SIZE = 64
_PSF_FWHM = 1.3


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields a row for each builder; with fewer objects if it must be quick."""
    number = 20 if quick else 60
    for name, ours, plain, what in (_star_galaxy(), _galaxy_zoo(), _blends()):
        timers = {
            "ours": functools.partial(_rate, ours, number),
            "plain": functools.partial(_rate, plain, number),
        }
        for timer in timers.values():
            timer()  # Tables of the profiles.
        measured, _ = rounds.take_turns(timers, 3, None)
        yield table.compared(
            f"{name}, simulated, a core", "objects/s", measured, ("ours", "plain"), what
        )


def _rate(draw: Callable[[int], object], number: int) -> float:
    begun = time.process_time()
    for index in range(number):
        draw(index)
    return number / (time.process_time() - begun)


_Compared = tuple[str, Callable[[int], object], Callable[[int], object], str]


def _star_galaxy() -> _Compared:
    sdss, limits = survey("SDSS", tuple("ugriz")), SdssConfig(name="benchmark")
    sky = Sky(sdss, _SDSS_SIZE, limits.bright, limits.faint, limits.seed)

    def plain(index: int) -> None:
        source = draw_object(np.random.default_rng(index), sky.bright, sky.faint)
        profile = (
            galsim.Sersic(source.sersic_index, half_light_radius=source.half_light_radius)
            if source.half_light_radius
            else None
        )
        _draw(profile, len(sdss.bands), _SDSS_SIZE, sdss.pixel_scale)

    what = f"drawImage of one profile, {_SDSS_SIZE}x{_SDSS_SIZE}x{len(sdss.bands)}"
    return "sdss_star_galaxy", lambda index: simulate(sky, index), plain, what


def _galaxy_zoo() -> _Compared:
    config = GalaxyZooConfig(name="benchmark")
    galaxies = galaxy_zoo.SimulatedGalaxies(config)
    side = int(np.ceil(FULL_SIZE * config.crop))

    def plain(index: int) -> None:
        truth = galaxy_zoo.draw_sky(config.seed, index).truth
        profile = galsim.Exponential(half_light_radius=truth.radius)
        scale = image_scale(*truth.petrosian)
        _draw(profile, len(BANDS), side, scale)

    what = f"drawImage of one profile, {side}x{side}x{len(BANDS)}"
    return "galaxy_zoo_decals", galaxies.draw, plain, what


def _blends() -> _Compared:
    stamps = Stamps(BlendsConfig(name="benchmark"))

    def plain(index: int) -> None:
        stamp_generation.draw_with_galsim(stamps.scene("train", index))

    what = f"drawImage of its profiles, {SIZE}x{SIZE}x1"
    return "simulated_blends", lambda index: stamps.draw("train", index), plain, what


def _draw(profile: galsim.GSObject | None, bands: int, size: int, scale: float) -> None:
    psf = galsim.Moffat(beta=3.0, fwhm=_PSF_FWHM)
    for _ in range(bands):
        seen = psf if profile is None else galsim.Convolve(profile, psf)
        seen.drawImage(nx=size, ny=size, scale=scale)
