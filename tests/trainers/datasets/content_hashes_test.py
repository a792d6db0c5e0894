"""Whatever changes in a split, its fingerprint changes too."""

import contextlib
import io
import os
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from PIL import Image

from tests.trainers import tiny
from tests.trainers.dots import DotsCase
from trainers.datasets import loading
from trainers.datasets.dataset import CACHE_BYTES
from trainers.datasets.hash_splits import split_of
from trainers.datasets.noise import NoisyDataset
from trainers.datasets.tfds_data import StreamedDataset, _Reader
from trainers.options import data_options


class ArraysTest(tf.test.TestCase):
    def test_any_example_counts(self):
        whole = tiny.TinyDataset()
        prints = {split: whole.fingerprint(split) for split in data_options.SPLITS}
        self.assertLen(set(prints.values()), 3)
        pixel, label, name = tiny.TinyDataset(), tiny.TinyDataset(), tiny.TinyDataset()
        pixel._images["train"][95, 7, 7, 1] += 1
        label._features["train"]["label"][95] += 1
        name._features["train"]["id"][95] = "other"
        for changed in (pixel, label, name, tiny.TinyDataset(train=95)):
            self.assertNotEqual(changed.fingerprint("train"), prints["train"])
            self.assertEqual(changed.fingerprint("test"), prints["test"])
        names = whole._features["train"]["id"]
        whole._features["train"]["id"] = np.array(list(names), object)
        whole._contents.clear()
        first = whole.fingerprint("train")
        whole._contents.clear()
        self.assertEqual(whole.fingerprint("train"), first)

    def test_what_is_done_to_images_counts(self):
        prints = {
            NoisyDataset(tiny.TinyDataset(), *noise, pad=pad).fingerprint("train")
            for noise in ((1.0, 0), (2.0, 0), (1.0, 1))
            for pad in (0, 1)
        }
        self.assertLen(prints, 6)
        again = NoisyDataset(tiny.TinyDataset(), 1.0, pad=0)
        self.assertIn(again.fingerprint("train"), prints)


class ImageFilesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        for name in "abc":
            (self.folder / name).mkdir()
            for number in range(12):
                self.draw(self.folder / name / f"{name}{number}.png", number)

    def draw(self, path, value):
        Image.fromarray(np.full((4, 4, 3), value, np.uint8)).save(path)

    def fingerprint(self, **options):
        with contextlib.redirect_stderr(io.StringIO()):
            dataset = loading.load("image_folder", data_dir=self.folder, **options)
        return dataset.fingerprint("train")

    def test_files_and_classes(self):
        for cache_bytes in (CACHE_BYTES, 10):
            with self.subTest(cache_bytes):
                held = {"cache_bytes": cache_bytes}
                prints = [self.fingerprint(**held)]
                self.assertEqual(self.fingerprint(**held), prints[0])
                # The names of the classes are the same.
                prints.append(self.fingerprint(classes=["x=a,b", "y=c"], **held))
                prints.append(self.fingerprint(classes=["x=a", "y=b,c"], **held))
                # Relabelled, under the same name and with the same pixels.
                members = (self.folder / "a").iterdir()
                moved = next(path for path in members if split_of(path.stem) == "train")
                moved = moved.rename(self.folder / "b" / moved.name)
                prints.append(self.fingerprint(**held))
                self.draw(moved, 200)
                prints.append(self.fingerprint(**held))
                self.assertLen(set(prints), 5)


class StreamedDatasetTest(DotsCase):
    def test_nothing_is_read_for_it(self):
        streamed = self.load("three", cache_bytes=100)
        self.assertIsInstance(streamed, StreamedDataset)
        with mock.patch.object(_Reader, "good", side_effect=AssertionError):
            first = streamed.fingerprint("train")
            # Nor for the labels, which were seen when the images were checked.
            labels = streamed.column("train", "label")
        self.assertAllEqual(labels, streamed.arrays("train")["label"])
        prints = {
            self.load("three", cache_bytes=100, **options).fingerprint(split)
            for options in (
                {},
                {"max_examples": 15},
                {"classes": ["x=star", "y=quasar,galaxy"]},
                {"classes": ["x=star,quasar", "y=galaxy"]},
            )
            for split in ("train", "test")
        }
        self.assertLen(prints, 8)
        self.assertIn(first, prints)
        path = next(Path(streamed._builder.data_dir).glob("*train*"))
        os.utime(path, (1, 1))
        self.assertNotEqual(self.load("three", cache_bytes=100).fingerprint("train"), first)

    def test_labels_of_chosen_classes(self):
        options = {"classes": ["quasar", "star"], "cache_bytes": 100}
        streamed = self.load("three", **options)
        for split in data_options.SPLITS:
            labels = [batch["label"] for batch in streamed.batches(split, 7)]
            self.assertAllEqual(streamed.column(split, "label"), np.concatenate(labels))

    def test_columns_are_those_of_the_batches(self):
        # With chosen classes some examples are left out.
        for options in ({}, {"classes": ["quasar", "star"]}):
            streamed = self.load("three", cache_bytes=100, **options)
            for split in data_options.SPLITS:
                ids = [batch["id"] for batch in streamed.batches(split, 7, features=("id",))]
                self.assertAllEqual(streamed.column(split, "id"), np.concatenate(ids))
                self.assertAllEqual(streamed.columns(split, ("id",))["id"], np.concatenate(ids))


if __name__ == "__main__":
    tf.test.main()
