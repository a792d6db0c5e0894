"""Drawing of `simulated_blends` beside a loop of GalSim's `drawImage` on the same profiles.

    python -m benchmarks.stamp_generation

One process and one thread for both, in turns, by the time of its processor. That both draw the same
is checked first.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence

import galsim
import numpy as np

from benchmarks import conditions, machine, rounds
from tfds_builders.simulated_blends.blends import SIZE, SURVEY, Scene, Stamps
from tfds_builders.simulated_blends.configs import BlendsConfig
from trainers.tables.markdown import markdown_table

__all__ = ["main"]

# Of the flux, summed over the pixels without sign.
_TOLERANCE = 0.02
_CHECKED = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints its table.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    options = _options(arguments)
    stamps = Stamps(BlendsConfig(name="benchmark"))
    scenes = [stamps.scene("train", index) for index in range(options.stamps)]
    agreement = check_equal(scenes[:_CHECKED])

    def speed(draw: Callable[[Scene], np.ndarray], number: int) -> float:
        begun = time.process_time()
        for scene in scenes[:number]:
            draw(scene)
        return number / (time.process_time() - begun)

    for scene in scenes:
        scene.image()  # Tables of the profiles.
    measured, rounds_line = rounds.take_turns(
        {
            "in Fourier space": lambda: speed(Scene.image, options.stamps),
            "loop of drawImage": lambda: speed(draw_with_galsim, options.stamps // 10),
        },
        options.rounds,
        machine.Bystanders([os.getpid()]).share,
    )
    print(f"stamp_generation: {SIZE}x{SIZE}, half blended, one process")
    print(conditions.describe(("galsim", "numpy", "scipy")))
    print(rounds_line)
    print(agreement)
    ratios = rounds.ratios(measured, "in Fourier space", "loop of drawImage")
    rows = [[f"{name}, stamps/s of a core", *rounds.spread(v, 0)] for name, v in measured.items()]
    rows.append(["in Fourier space / loop of drawImage", *rounds.spread(ratios, 1)])
    print(markdown_table(["", "min", "median", "max"], rows, aligned=True))
    return 0


def draw_with_galsim(scene: Scene) -> np.ndarray:
    """Draws a scene profile by profile.

    Args:
        scene: Galaxies, offsets and PSF of a stamp.

    Returns:
        (SIZE, SIZE), counts.
    """
    psf = scene.psf.profile()
    image = galsim.ImageF(SIZE, SIZE, scale=SURVEY.pixel_scale)
    for galaxy, (x, y) in zip(scene.galaxies, scene.offsets, strict=False):
        for part in galaxy.components:
            profile = galsim.Sersic(
                part.sersic_index, half_light_radius=part.half_light_radius, flux=part.flux
            ).shear(q=part.axis_ratio, beta=part.position_angle * galsim.radians)
            seen = galsim.Convolve(profile, psf)
            seen.drawImage(image, offset=(float(x), float(y)), add_to_image=True)
    return image.array


def check_equal(scenes: Sequence[Scene]) -> str:
    """Returns a line that says how far the two ways of drawing agree.

    Raises:
        RuntimeError: if they do not.
    """
    differences = []
    for scene in scenes:
        flux = sum(galaxy.flux for galaxy in scene.galaxies)
        differences.append(np.abs(scene.image() - draw_with_galsim(scene)).sum() / flux)
    if not max(differences) < _TOLERANCE:
        raise RuntimeError(
            f"the images must agree to {_TOLERANCE} of the flux; they differ by {max(differences)}"
        )
    return (
        f"images agree to {np.median(differences):.3%} of the flux in the median, "
        f"{max(differences):.3%} at most"
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.stamp_generation", description=__doc__)
    parser.add_argument("--stamps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
