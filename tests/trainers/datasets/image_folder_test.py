import contextlib
import hashlib
import io
import os
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from scipy import stats
from skimage import io as skimage_io

from tests import galaxy_data
from trainers.cli.exit_status import exit_status
from trainers.datasets import image_folder, loading
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.image_files import StreamedFiles
from trainers.datasets.in_memory import InMemoryDataset
from trainers.errors import UserError
from trainers.options import limits

SIZE = (12, 10)


def draw(path, size=SIZE, mode="RGB", seed=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = int.from_bytes(path.stem.encode()[-4:], "big") if seed is None else seed
    random = np.random.default_rng(seed)
    bands = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    Image.fromarray(random.integers(0, 256, (*size, *bands), np.uint8), mode).save(path)


class ImageFolderTest(tf.test.TestCase):
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
        return {split: set(dataset.arrays(split)["id"]) for split in limits.SPLITS}

    # Layouts and splits.

    def test_classes(self):
        self.draw_classes()
        dataset = self.load()
        self.assertEqual(
            dataset.spec,
            DatasetSpec(
                name="image_folder",
                image_shape=(12, 10, 3),
                bands=("red", "green", "blue"),
                pixel_scale=None,
                units="counts (0-255)",
                class_names=("galaxy", "star"),
                class_fractions=None,
                feature_names=("image", "id", "label"),
            ),
        )
        self.assertEqual(sum(dataset.num_examples.values()), 60)
        for split in limits.SPLITS:
            arrays = dataset.arrays(split)
            self.assertEqual(arrays["image"].dtype, np.float32)
            self.assertLen(arrays["id"], dataset.num_examples[split])
            for row, name in enumerate(arrays["id"]):
                label = dataset.spec.class_names[arrays["label"][row]]
                self.assertStartsWith(name, label)
                expected = skimage_io.imread(self.folder / label / f"{name}.png")
                self.assertAllEqual(arrays["image"][row], expected)

    def test_chosen_classes(self):
        self.draw_classes(10, ("elliptical", "merger", "anticlockwise", "clockwise"))
        whole = self.members(self.load())
        dataset = self.load(classes=["spiral=clockwise,anticlockwise", "elliptical"])
        self.assertEqual(dataset.spec.class_names, ("spiral", "elliptical"))
        for split in limits.SPLITS:
            arrays = dataset.arrays(split)
            is_spiral = np.array(["clockwise" in name for name in arrays["id"]])
            self.assertAllEqual(arrays["label"], np.where(is_spiral, 0, 1))
            # Nobody changes side.
            kept = {name for name in whole[split] if "merger" not in name}
            self.assertEqual(set(arrays["id"]), kept)
        self.assert_refused("the dataset has anticlockwise", "got 'bar'", classes=["bar", "merger"])

    def test_no_classes(self):
        for index in range(20):
            draw(self.folder / f"{index}.png")
        (self.folder / "notes.txt").write_text("not an image")
        (self.folder / ".hidden.png").write_text("not an image")
        dataset = self.load()
        self.assertEqual(dataset.spec.class_names, ())
        self.assertEqual(sum(dataset.num_examples.values()), 20)
        self.assertNotIn("label", dataset.arrays("train"))
        self.assertEqual(set(next(iter(dataset.batches("train", 4)))), {"image"})

    def test_given_splits(self):
        for split, number in {"train": 6, "val": 3, "test": 4}.items():
            for name in ("elliptical", "spiral"):
                for index in range(number):
                    draw(self.folder / split / name / f"{split}{name}{index}.jpg")
        dataset = self.load()
        self.assertEqual(dataset.num_examples, {"train": 12, "validation": 6, "test": 8})
        for split, shown in zip(limits.SPLITS, ("train", "val", "test"), strict=True):
            for name in dataset.arrays(split)["id"]:
                self.assertStartsWith(name, shown)
        # TFDS's own reader of this layout sees the same objects with the same labels.
        theirs = tfds.ImageFolder(str(self.folder))
        self.assertEqual(theirs.info.features["label"].names, list(dataset.spec.class_names))
        examples = tfds.as_numpy(theirs.as_dataset(split="train"))
        expected = {Path(e["image/filename"].decode()).stem: e["label"] for e in examples}
        arrays = dataset.arrays("train")
        self.assertEqual(dict(zip(arrays["id"], arrays["label"], strict=True)), expected)

    def test_split_follows_from_the_name_alone(self):
        # The published rule, spelt out: the first eight bytes of SHA-256 as a fraction.
        for name in ("587722", "galaxy 3", "J1603p3002_001_010_1076_258_3", "étoile"):
            place = int(hashlib.sha256(name.encode()).hexdigest()[:16], 16) / 16**16
            expected = "train" if place < 0.7 else "validation" if place < 0.8 else "test"
            self.assertEqual(image_folder.split_of(name), expected)

    def test_split_fractions(self):
        number = 20_000
        splits = [image_folder.split_of(f"object-{index}") for index in range(number)]
        counts = [splits.count(split) for split in limits.SPLITS]
        expected = [0.7 * number, 0.1 * number, 0.2 * number]
        # Fails by chance once in 10^6 sets of names, and these are always the same.
        self.assertGreater(stats.chisquare(counts, expected).pvalue, 1e-6)

    def test_objects_keep_their_side(self):
        self.draw_classes()
        before = self.members(self.load())
        # Ten more arrive, one is relabelled, one is saved in the other format.
        for index in range(30, 40):
            draw(self.folder / "star" / f"star{index}.png")
        (self.folder / "star" / "star3.png").rename(self.folder / "galaxy" / "star3.png")
        Image.open(self.folder / "star" / "star4.png").save(self.folder / "star" / "star4.jpg")
        (self.folder / "star" / "star4.png").unlink()
        after = self.members(self.load())
        for split in limits.SPLITS:
            self.assertContainsSubset(before[split], after[split])

    def test_max_examples_takes_from_all_classes(self):
        self.draw_classes(40)
        whole, part = self.load(), self.load(max_examples=20)
        self.assertEqual(part.num_examples["train"], 20)
        self.assertAllEqual(part.arrays("train")["id"], whole.arrays("train", limit=20)["id"])
        self.assertLen(set(part.arrays("train")["label"]), 2)

    # Pixels.

    def test_grey(self):
        for index in range(12):
            path = self.folder / f"{index}.png"
            draw(path, mode="L")
            if index % 2:
                Image.open(path).convert("RGB").save(path)
        dataset = self.load()
        self.assertEqual(dataset.spec.image_shape, (12, 10, 1))
        self.assertEqual(dataset.spec.bands, ("grey",))
        self.assertIn("all images are grey, one band 'grey' is read", self.errors)
        arrays = dataset.arrays("train")
        for name, image in zip(arrays["id"], arrays["image"], strict=True):
            pixels = skimage_io.imread(self.folder / f"{name}.png")
            self.assertAllEqual(image[..., 0], pixels if pixels.ndim == 2 else pixels[..., 0])
        three = self.load(image_shape=(12, 10, 3))
        self.assertEqual(three.spec.bands, ("red", "green", "blue"))
        self.assertAllEqual(three.arrays("train")["image"], np.repeat(arrays["image"], 3, -1))
        # One in colour, and all are read in colour.
        draw(self.folder / "colour.png")
        self.assertEqual(self.load().spec.image_shape, (12, 10, 3))
        self.assertEqual(self.errors, "")

    def test_transparency_is_left_out(self):
        self.draw_classes(8, mode="RGBA")
        self.assertEqual(self.load().spec.image_shape, (12, 10, 3))

    def test_image_shape_cuts_the_centre_and_scales(self):
        # A wide ramp, 4 per pixel: the middle 16 px of 32, by two, is 8 per pixel.
        wide = np.tile(np.arange(0, 128, 4, dtype=np.uint8), (16, 1))
        (self.folder / "ramp").mkdir()
        for index in range(6):
            Image.fromarray(wide).save(self.folder / "ramp" / f"{index}.png")
            draw(self.folder / "noise" / f"x{index}.png", size=(5 + index, 9))
        dataset = self.load(image_shape=(8, 8, 1))
        self.assertEqual(dataset.spec.image_shape, (8, 8, 1))
        arrays = dataset.arrays("train")
        ramps = arrays["image"][arrays["label"] == dataset.spec.class_names.index("ramp")]
        self.assertNotEmpty(ramps)
        # The centre of new pixel j lies between the old pixels 8 + 2 j and 9 + 2 j.
        expected = np.broadcast_to(4 * (8.5 + 2 * np.arange(8)), (len(ramps), 8, 8))
        self.assertAllClose(ramps[..., 0], expected, atol=1.0, rtol=0)

    # Streaming.

    def test_streamed_is_the_same(self):
        self.draw_classes()
        held, streamed = self.load(), self.load(cache_bytes=1000)
        self.assertIsInstance(held, InMemoryDataset)
        self.assertIsInstance(streamed, StreamedFiles)
        self.assertEqual(held.spec, streamed.spec)
        self.assertEqual(held.num_examples, streamed.num_examples)
        for limit in (None, 5):
            expected = held.arrays("train", limit)
            for name, values in streamed.arrays("train", limit).items():
                self.assertAllEqual(values, expected[name])
        for options in (
            {},
            {"shuffle_seed": 3, "epoch": 2, "start_batch": 1, "drop_remainder": True},
            {"shuffle_seed": 3, "shard": (1, 2), "labels": False},
        ):
            pairs = zip(
                held.batches("train", 8, **options),
                streamed.batches("train", 8, **options),
                strict=True,
            )
            for expected, batch in pairs:
                self.assertEqual(set(batch), set(expected))
                self.assertEqual(batch["image"].dtype, tf.float32)
                for name in batch:
                    self.assertAllEqual(batch[name], expected[name])

    def test_streamed_files_that_disappear_are_told_in_one_line(self):
        self.draw_classes()
        dataset = self.load(cache_bytes=1000)
        name = dataset.arrays("train", limit=3)["id"][2]
        (lost,) = self.folder.glob(f"*/{name}.png")
        lost.unlink()
        for read in (
            lambda: list(dataset.batches("train", 2)),
            lambda: dataset.arrays("train"),
        ):
            with contextlib.redirect_stderr(io.StringIO()) as errors:
                self.assertEqual(exit_status("run", lambda _, read=read: read(), []), 1)
            line = errors.getvalue()
            self.assertStartsWith(
                line, f"trainers.run: error: {lost}: cannot be read: [Errno 2] No"
            )
            self.assertEndsWith(line, ", though it could be used before\n")
            self.assertEqual(line.count("\n"), 1)

    # Mistakes.

    def test_missing_or_empty_folder(self):
        self.assert_refused(str(self.folder), "no .jpeg, .jpg, .png files")
        (self.folder / "catalogue.csv").write_text("id,class")
        self.assert_refused(str(self.folder), "no .jpeg, .jpg, .png files")
        self.folder = self.folder / "nowhere"
        self.assert_refused(str(self.folder), "no such folder")
        with self.assertRaisesRegex(UserError, "image_folder'` needs `data_dir`"):
            loading.load("image_folder")

    def test_class_with_no_examples(self):
        self.draw_classes()
        (self.folder / "quasar").mkdir()
        self.assert_refused("class 'quasar' has no")

    def test_class_with_no_training_example_in_given_splits(self):
        for name in ("train/a/1.png", "train/a/2.png", "test/a/3.png", "test/b/4.png"):
            draw(self.folder / name)
        self.assert_refused("train: class 'b' has no")

    def test_given_splits_that_do_not_fit(self):
        draw(self.folder / "train" / "a" / "1.png")
        draw(self.folder / "test" / "2.png")
        self.assert_refused("train has a folder for each class and test has none")
        draw(self.folder / "val" / "a" / "3.png")
        draw(self.folder / "valid" / "a" / "4.png")
        self.assert_refused("the validation split has two folders")

    def test_images_beside_classes(self):
        self.draw_classes()
        draw(self.folder / "stray.png")
        self.assert_refused("stray.png", "galaxy", "name the class of each, or of none")

    def test_too_few_images(self):
        name = next(str(i) for i in range(99) if image_folder.split_of(str(i)) == "test")
        draw(self.folder / f"{name}.png")
        self.assert_refused("of 1 images none is in the train split")

    def test_unreadable_and_truncated(self):
        self.draw_classes()
        for content, name in ((b"", "empty.png"), (b"GIF89a and so on", "other.jpg")):
            path = self.folder / "star" / name
            path.write_bytes(content)
            self.assert_refused(str(path), "cannot be read", "--on_error skip")
            path.unlink()
        whole = self.folder / "star" / "star1.jpg"
        draw(whole, size=(64, 64))
        whole.write_bytes(whole.read_bytes()[:-1500])
        self.assert_refused(str(whole), "truncated")

    def test_sixteen_bits(self):
        self.draw_classes()
        path = self.folder / "star" / "deep.png"
        Image.fromarray(np.arange(120, dtype=np.uint16).reshape(SIZE) * 500).save(path)
        self.assert_refused(str(path), "has mode I;16; 8-bit grey or RGB was expected")

    def test_sizes(self):
        self.draw_classes(4)
        odd = self.folder / "star" / "odd.png"
        draw(odd, size=(12, 11))
        self.assert_refused(str(odd), "is 11x12 px; 10x12 px was expected", "of 8 others")

    def test_skip(self):
        self.draw_classes()
        good = self.load()
        (self.folder / "star" / "empty.png").touch()
        # Whichever of them comes first, the size that most have is the right one.
        for index in range(12):
            draw(self.folder / "galaxy" / f"odd{index}.png", size=(7, 7))
        for options in ({}, {"cache_bytes": 1000}):
            dataset = self.load(on_error="skip", **options)
            self.assertEqual(self.members(dataset), self.members(good))
            self.assertLen(dataset.skipped, 13)
            named = sorted(line.split(":")[0] for line in dataset.skipped)
            expected = [os.path.join("galaxy", f"odd{index}.png") for index in range(12)]
            self.assertEqual(named, sorted([*expected, os.path.join("star", "empty.png")]))
            self.assertIn("left out 13 of 73 images", self.errors)
        self.assertEqual(good.skipped, ())

    def test_skip_that_leaves_nothing(self):
        self.draw_classes(20, classes=("star",))
        for index in range(3):
            path = self.folder / "galaxy" / f"{index}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.touch()
        self.assert_refused("class 'galaxy' has no usable image", on_error="skip")
        for path in self.folder.glob("star/*"):
            path.write_text("no image")
        self.assert_refused("none of the 23 images can be used", on_error="skip")

    def test_image_shape(self):
        self.draw_classes(4)
        self.assert_refused("--image_shape", "1 or 3 bands", "got (8, 8, 5)", image_shape=(8, 8, 5))
        self.assert_refused("at least 1; got (0, 8, 3)", image_shape=(0, 8, 3))
        self.assert_refused("height, width and bands", image_shape=[8, 8])

    # Real folders.

    def test_aries(self):
        folder = galaxy_data.path("aries_star_galaxy")
        dataset = loading.load("image_folder", data_dir=folder)
        self.assertEqual(dataset.spec.class_names, ("galaxy", "star"))
        self.assertEqual(dataset.spec.image_shape, (64, 64, 1))
        total = len(list(folder.glob("*/*.jpg")))
        self.assertEqual(sum(dataset.num_examples.values()), total)
        for split, fraction in zip(limits.SPLITS, (0.7, 0.1, 0.2), strict=True):
            # Five standard deviations of a binomial share.
            spread = 5 * np.sqrt(total * fraction * (1 - fraction))
            self.assertNear(dataset.num_examples[split], total * fraction, spread)
        arrays = dataset.arrays("test", limit=20)
        for name, label, image in zip(arrays["id"], arrays["label"], arrays["image"], strict=True):
            path = folder / dataset.spec.class_names[label] / f"{name}.jpg"
            self.assertAllEqual(image[..., 0], skimage_io.imread(path)[..., 0])

    def test_galaxy_zoo(self):
        folder = galaxy_data.path("galaxy_zoo1_sdss")
        dataset = loading.load("image_folder", data_dir=folder, max_examples=30)
        self.assertEqual(dataset.spec.image_shape[-1], 3)
        self.assertEqual(
            list(dataset.spec.class_names), sorted(path.name for path in folder.iterdir())
        )


if __name__ == "__main__":
    tf.test.main()
