"""Folders of images that a test draws."""

import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from trainers.datasets import loading
from trainers.errors import UserError
from trainers.options import data_options

SIZE = (12, 10)


def draw(path, size=SIZE, mode="RGB", seed=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = int.from_bytes(path.stem.encode()[-4:], "big") if seed is None else seed
    random = np.random.default_rng(seed)
    bands = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    Image.fromarray(random.integers(0, 256, (*size, *bands), np.uint8), mode).save(path)


class FolderTestCase(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def draw_classes(self, number=30, classes=("galaxy", "star"), **options):
        for name in classes:
            for index in range(number):
                draw(self.folder / name / f"{name}{index}.png", **options)

    def load(self, **options):
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            dataset = loading.load("image_folder", data_dir=self.folder, **options)
        self.errors = errors.getvalue()
        return dataset

    def assert_refused(self, *parts, **options):
        with self.assertRaises(UserError) as raised:
            self.load(**options)
        line = str(raised.exception)
        self.assertNotIn("\n", line)
        for part in parts:
            self.assertIn(part, line)

    def members(self, dataset):
        return {split: set(dataset.arrays(split)["id"]) for split in data_options.SPLITS}
