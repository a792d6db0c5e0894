import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.nddata import reshape_as_blocks

from tests.trainers.frames import sky
from trainers.options.cutout_source import CutoutSource
from trainers.tiles import main


def run(*arguments):
    """Runs the command; returns its status and what it wrote to both streams."""
    out, error = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(error):
        status = main([str(argument) for argument in arguments])
    return status, out.getvalue(), error.getvalue()


class TilesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())
        self.bands = np.stack([sky.pixels(), sky.pixels(seed=2)])
        self.bands[1, 40:44, 50] = np.nan
        self.paths = [
            sky.write(self.folder / f"{name}.fits", band)
            for name, band in zip("gr", self.bands, strict=True)
        ]
        self.output = self.folder / "tiles.npy"

    def test_tiles_are_blocks_of_the_frame(self):
        frames = ("--frame", *self.paths, "--files", "bands", "--size", 32)
        status, out, error = run(*frames, "--output", self.output)
        self.assertEqual((status, error), (0, ""))
        self.assertIn("29 tiles; 1 with unknown pixels are left out", out)
        inner = np.moveaxis(self.bands, 0, -1)[5:165, 4:196]
        blocks = reshape_as_blocks(inner, (32, 32, 2))[:, :, 0].reshape(30, 32, 32, 2)
        expected = blocks[np.isfinite(blocks).all(axis=(1, 2, 3))]
        tiles = np.load(self.output)
        self.assertAllEqual(tiles, expected)

        status, _, error = run(*frames, "--output", self.output)
        self.assertEqual(status, 2)
        self.assertIn("is there; give another file, or --overwrite", error)
        status, out, _ = run(*frames, "--output", self.output, "--most", 7, "--overwrite")
        self.assertIn("7 tiles; 1 with", out)
        few = np.load(self.output)
        self.assertLen(few, 7)
        places = [np.flatnonzero((tiles == tile).all(axis=(1, 2, 3))).item() for tile in few]
        self.assertAllEqual(places, np.unique(places))

    def test_the_file_is_a_dataset(self):
        from trainers.datasets import cutouts

        run("--frame", *self.paths, "--files", "bands", "--size", 16, "--output", self.output)
        source = CutoutSource(images=(str(self.output),), bands=("g", "r"))
        dataset = cutouts.read(source)
        self.assertEqual(dataset.spec.image_shape, (16, 16, 2))
        self.assertEqual(dataset.spec.bands, ("g", "r"))
        self.assertEqual(sum(dataset.num_examples.values()), len(np.load(self.output)))

    def test_mistakes_have_one_line(self):
        empty = sky.write(self.folder / "empty.fits", np.full((32, 40), np.nan, np.float32))
        for arguments, message in (
            (("--frame", empty, "--size", 16), "must have tiles of known pixels; none of 4 is"),
            (("--frame", empty, "--size", 33), "at least --size, 33 px, on each side; got 32 x 40"),
            (("--frame", empty, "--output", "tiles.fits"), "--output must end in .npy"),
            (("--frame", self.folder / "none.fits"), "there is no such file"),
        ):
            with self.subTest(message):
                output = () if "--output" in arguments else ("--output", self.output)
                status, _, error = run(*arguments, *output)
                self.assertEqual(status, 2)
                self.assertRegex(error, f"^trainers.tiles: error: .*{message}.*\n$")
        self.assertFalse(self.output.exists())


if __name__ == "__main__":
    tf.test.main()
