"""Decoded images that a second start takes from the disk."""

import contextlib
import io
import os
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.io import fits

from tests.trainers.datasets.folder_case import draw
from trainers import api
from trainers.cutouts.reading import CutoutFiles
from trainers.datasets import decoded_cache, loading
from trainers.errors import UserError

NUMBER, SHAPE = 30, (3, 9, 8)
BYTES = 4 * NUMBER * np.prod(SHAPE)


class DecodedCacheTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.cache, self.images = self.folder / "cache", self.folder / "images"
        self.images.mkdir()
        rng = np.random.default_rng(0)
        self.pixels = rng.normal(size=(NUMBER, *SHAPE)).astype(np.float32)
        for row in range(NUMBER):
            self.write(row)
        variables = {decoded_cache.FOLDER: str(self.cache)}
        self.enter_context(mock.patch.dict(os.environ, variables))
        for name in ("_LEAST_SECONDS", "_SETTLED_SECONDS", "_FREE_SHARE"):
            self.enter_context(mock.patch.object(decoded_cache, name, 0))

    def write(self, row):
        fits.writeto(self.images / f"o{row:02d}.fits", self.pixels[row], overwrite=True)

    def read(self, **options):
        """Reads the cutouts, and returns whether their files were read."""
        of_file = CutoutFiles.of_file
        with (
            contextlib.redirect_stderr(io.StringIO()) as errors,
            mock.patch.object(CutoutFiles, "of_file", autospec=True, side_effect=of_file) as reads,
        ):
            dataset = api.read_cutouts(self.images, bands=["g", "r", "z"], **options)
        self.errors = errors.getvalue()
        self.assertEqual("taken from the cache" in self.errors, not reads.called)
        for split in dataset.num_examples:
            arrays = dataset.arrays(split)
            for name, image in zip(arrays["id"], arrays["image"], strict=True):
                row = int(name[1:3])
                self.assertAllEqual(np.moveaxis(image, -1, 0), self.pixels[row])
        return dataset, reads.called

    def entries(self):
        return [name for name in os.listdir(self.cache) if not name.startswith(".")]

    def test_a_second_start_reads_no_file(self):
        self.pixels[4, 1, 2, 3] = np.nan
        self.write(4)
        first, was_read = self.read(on_error="skip")
        self.assertTrue(was_read)
        self.assertLen(first.skipped, 1)
        table = self.folder / "labels.csv"
        rows = (f"o{row:02d},{row % 2}" for row in range(NUMBER))
        table.write_text("\n".join(["id,label", *rows]))
        # What is made of the images is not part of it.
        for options in ({}, {"labels": table}, {"max_examples": 3}):
            again, was_read = self.read(on_error="skip", **options)
            self.assertFalse(was_read)
            self.assertEqual(again.skipped[:1], first.skipped)
            self.assertEqual(again.spec.units, first.spec.units)
        again, _ = self.read(on_error="skip")
        for split in first.num_examples:
            self.assertEqual(first.stored_content(split), again.stored_content(split))
        self.assertLen(self.entries(), 1)
        with mock.patch.dict(os.environ, {decoded_cache.FOLDER: decoded_cache.NONE}):
            self.assertTrue(self.read(on_error="skip")[1])

    def test_what_changes_is_read_again(self):
        def assert_changed(**options):
            self.assertTrue(self.read(**options)[1])
            self.assertFalse(self.read(**options)[1])

        assert_changed()
        path = self.images / "o05.fits"
        status = path.stat()
        self.pixels[5] += 1
        self.write(5)
        # The same size, and the same time of modification.
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert_changed()
        path.rename(self.images / "o29a.fits")
        self.pixels[29] = self.pixels[5]
        (self.images / "o29.fits").unlink()
        assert_changed()
        assert_changed(invalid="sky")
        with mock.patch.object(decoded_cache, "_reader", lambda: "another"):
            assert_changed()
        # A file that has just changed may change again within a tick of the clock.
        with mock.patch.object(decoded_cache, "_SETTLED_SECONDS", 3600):
            self.assertTrue(self.read(invalid="interpolate")[1])
            self.assertTrue(self.read(invalid="interpolate")[1])

    def test_damaged_and_unfinished_ones_are_not_used(self):
        self.read()
        for name in ("pixels", "rows.json", "checksums.json"):
            path = self.cache / self.entries()[0] / name
            damaged = bytearray(path.read_bytes())
            damaged[len(damaged) // 2] ^= 1
            path.write_bytes(damaged)
            self.assertTrue(self.read()[1])
            self.assertFalse(self.read()[1])
        (self.cache / self.entries()[0] / "pixels").write_bytes(b"")
        self.pixels[NUMBER - 1] = np.nan
        self.write(NUMBER - 1)
        with self.assertRaisesRegex(UserError, "pixels are masked"):
            self.read()
        self.assertEqual([name for name in os.listdir(self.cache) if "draft" in name], [])
        # A process is killed at its third image.
        files = CutoutFiles([self.images], (None, None, 3), invalid="sky")
        pid = os.fork()
        if not pid:
            found = decoded_cache.entries(files.files, files.wanted, lambda: files.entries(0, 30))
            _ = [next(found) for _ in range(3)]
            os._exit(9)
        os.waitpid(pid, 0)
        self.assertLen([name for name in os.listdir(self.cache) if "draft" in name], 1)
        self.assertTrue(self.read(on_error="skip")[1])
        self.assertFalse(self.read(on_error="skip")[1])
        # Whatever is kept next removes what it has left.
        self.assertEqual([name for name in os.listdir(self.cache) if "draft" in name], [])

    def test_two_starts_at_once(self):
        files = CutoutFiles([self.images], (None, None, 3))

        def start(read=lambda: files.entries(0, NUMBER)):
            return decoded_cache.entries(files.files, files.wanted, read)

        one, other = start(), start()
        found = ([], [])
        for _ in range(NUMBER):
            found[0].append(next(one))
            found[1].append(next(other))
        for each in (*one, *other):
            self.fail(each)
        self.assertLen(self.entries(), 1)
        for each in found:
            self.assertAllEqual([np.moveaxis(cutout.image, -1, 0) for cutout in each], self.pixels)
        # One that is removed meanwhile is read to its end.
        with contextlib.redirect_stderr(io.StringIO()):
            one = start(read=None)
            first = next(one)
            decoded_cache._make_room(self.cache, 0)
            self.assertEqual(self.entries(), [])
            again = [np.moveaxis(each.image, -1, 0) for each in (first, *one)]
        self.assertAllEqual(again, self.pixels)

    def test_it_has_a_size(self):
        with mock.patch.dict(os.environ, {decoded_cache.BUDGET: str(1.5 * BYTES / 1e9)}):
            self.read()
            self.read(invalid="sky")
            # There is room for one.
            self.assertLen(self.entries(), 1)
            self.assertFalse(self.read(invalid="sky")[1])
        with mock.patch.dict(os.environ, {decoded_cache.BUDGET: str(0.5 * BYTES / 1e9)}):
            self.assertTrue(self.read()[1])
            self.assertRegex(self.errors, "note .* not kept in the cache: .* GB of GALAXY_CACHE_GB")
        with (
            mock.patch.dict(os.environ, {decoded_cache.BUDGET: "much"}),
            self.assertRaisesRegex(UserError, "GALAXY_CACHE_GB must be a number above 0; got 'm"),
        ):
            self.read()
        self.cache.joinpath("file").touch()
        blocked = {decoded_cache.FOLDER: str(self.cache / "file")}
        with mock.patch.dict(os.environ, blocked):
            self.assertTrue(self.read(invalid="interpolate")[1])
        self.assertIn("not kept in the cache", self.errors)

    def test_folders_of_pictures(self):
        pictures = self.folder / "pictures"
        for row in range(20):
            draw(pictures / "ab"[row % 2] / f"{row}.png")
        datasets = []
        for text in ("", "taken from the cache"):
            with contextlib.redirect_stderr(io.StringIO()) as errors:
                datasets.append(loading.load("image_folder", data_dir=pictures))
            self.assertIn(text, errors.getvalue())
        one, other = datasets
        self.assertEqual(one.spec, other.spec)
        for split in one.num_examples:
            self.assertAllEqual(one.arrays(split)["image"], other.arrays(split)["image"])
            self.assertEqual(one.stored_content(split), other.stored_content(split))


if __name__ == "__main__":
    tf.test.main()
