"""Cuts frames into tiles on which a model that needs no labels can be trained.

Writes an npy file (number, size, size, bands) that `--dataset cutouts` reads. Tiles do not overlap;
those with unknown pixels (NaN, of weight 0, masked) are left out.

Examples:
    python -m trainers.tiles --frame g.fits r.fits i.fits --files bands --output tiles.npy
    python -m trainers.run --model hypercolumn_segmentation --dataset cutouts --images tiles.npy \\
        --bands g r i --run_dir runs/own
    python -m trainers.frames --frame g.fits r.fits i.fits --files bands --run_dir runs/own \\
        --output_dir segments
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.fields import flag, option
from trainers.options.frame_source import FrameSource

__all__ = ["TileOptions", "main"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TileOptions(FrameSource):
    """Tiles of frames."""

    output: Path = option()
    """The npy file."""

    size: int = option(64, least=8)
    """Side of the tiles, px."""

    most: int | None = option(None, least=1)
    """Number of tiles, drawn at random; default: all."""

    seed: int = option(0, least=0)
    """Seed of that draw."""

    overwrite: bool = flag()
    """Replace the file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output.suffix != ".npy":
            raise UserError(f"`output` must end in .npy; got {self.output}")
        if self.output.exists() and not self.overwrite:
            raise UserError(f"`output={self.output}` is there; give another file, or `overwrite`")


def _command(arguments: Sequence[str]) -> None:
    options = parse(TileOptions, arguments, prog="python -m trainers.tiles", description=__doc__)
    from trainers.frames import tile_cutting
    from trainers.frames.frame_files import frames_of

    number, left_out = tile_cutting.cut(
        frames_of(options, several_are_bands=True),
        options.output,
        size=options.size,
        most=options.most,
        seed=options.seed,
    )
    unknown = f"; {left_out} with unknown pixels are left out" if left_out else ""
    print(f"{options.output}: {number} tiles{unknown}")


main = command("tiles", _command, "stopped; there is no file of tiles")

if __name__ == "__main__":
    sys.exit(main())
