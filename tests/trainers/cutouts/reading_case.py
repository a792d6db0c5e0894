"""Test case of cutout readers."""

import io
import pickle
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from PIL import Image

from trainers.cutouts import sources
from trainers.cutouts.cutout import Cutout, LeftOut
from trainers.cutouts.reading import CutoutFiles, read

SHAPE = (6, 5, 2)
IMAGES = np.random.default_rng(0).normal(size=(7, *SHAPE)).astype(np.float32)
NAMES = [f"J{row:03d}" for row in range(len(IMAGES))]


def png_bytes(pixels):
    """Returns the PNG file of an array, (height, width, 3) uint8, as Pillow writes it."""
    memory = io.BytesIO()
    Image.fromarray(pixels).save(memory, format="PNG")
    return memory.getvalue()


class ReadingTestCase(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())

    def read(self, *paths, shape=SHAPE, **options):
        """Reads at a stretch and in parts, of files and of objects, and sees that they agree."""
        paths = [self.folder / path for path in paths]
        entries = list(read(paths, shape, **options))
        for small in (sources._SMALL, -1):
            with mock.patch.object(sources, "_SMALL", small):
                files = pickle.loads(pickle.dumps(CutoutFiles(paths, shape, **options)))
            self.assert_same(entries, self.parts(files))
        return entries

    def parts(self, files):
        for start in range(0, len(files), 3):
            yield from files.entries(start, start + 3)
        files.close()

    def assert_same(self, entries, parts):
        for one, again in zip(entries, parts, strict=False):
            if isinstance(one, LeftOut) and one.number > 1:
                break  # In parts, the rest of a file is several.
            self.assertEqual(one.source, again.source)
            if isinstance(one, Cutout):
                self.assertAllEqual(one.image, again.image)
            else:
                self.assertEqual(one, again)

    def assert_images(self, entries, images, ids):
        self.assertEqual([one.id if isinstance(one, Cutout) else one for one in entries], ids)
        for one, image in zip(entries, images, strict=True):
            self.assertEqual(one.image.dtype, np.float32)
            self.assertAllEqual(one.image, image)
