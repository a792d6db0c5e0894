"""Drawing of `simulated_blends` beside a loop of GalSim's `drawImage` on the same profiles.

    python -m benchmarks.stamp_generation

One process and one thread for both, in turns, by the time of its processor. That both draw the same
is checked first.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import galsim
import numpy as np

from benchmarks import command, rounds, table
from tfds_builders.simulated_blends.blends import SIZE, SURVEY, Scene, Stamps
from tfds_builders.simulated_blends.configs import BlendsConfig

__all__ = ["main"]

# Of the flux, summed over the pixels without sign.
_TOLERANCE = 0.02
_CHECKED = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; for the arguments see `command.run`."""
    return command.run(_parser(), _measured, ("galsim", "numpy", "scipy"), arguments)


def _measured(options: argparse.Namespace) -> Iterator[table.Row]:
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
    measured, quiet = rounds.take_turns(
        {
            "ours": lambda: speed(Scene.image, options.stamps),
            "plain": lambda: speed(draw_with_galsim, options.stamps // 10),
        },
        options.rounds,
        None,
    )
    yield table.compared(
        f"stamps of {SIZE}x{SIZE} in Fourier space, half blended, a core",
        "stamps/s",
        measured,
        ("ours", "plain"),
        "loop of drawImage",
        f"{agreement}; {quiet}",
    )


def draw_with_galsim(scene: Scene) -> np.ndarray:
    """Draws a scene profile by profile.

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


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("stamp_generation", __doc__)
    parser.add_argument("--stamps", type=int, default=1000)
    return parser


if __name__ == "__main__":
    sys.exit(main())
