import hashlib
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from scipy import stats
from skimage import io as skimage_io

from tests import galaxy_data
from tests.trainers.datasets.folder_case import FolderTestCase, draw
from trainers.datasets import hash_splits, loading
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.noise import NoisyDataset
from trainers.errors import UserError
from trainers.options import data_options


class ImageFolderTest(FolderTestCase):
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
        for split in data_options.SPLITS:
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
        for split in data_options.SPLITS:
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
        for split, shown in zip(data_options.SPLITS, ("train", "val", "test"), strict=True):
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
            self.assertEqual(hash_splits.split_of(name), expected)

    def test_split_fractions(self):
        number = 20_000
        splits = [hash_splits.split_of(f"object-{index}") for index in range(number)]
        counts = [splits.count(split) for split in data_options.SPLITS]
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
        for split in data_options.SPLITS:
            self.assertContainsSubset(before[split], after[split])

    def test_max_examples_takes_from_all_classes(self):
        self.draw_classes(40)
        whole, part = self.load(), self.load(max_examples=20)
        self.assertEqual(part.num_examples["train"], 20)
        self.assertAllEqual(part.arrays("train")["id"], whole.arrays("train", limit=20)["id"])
        self.assertLen(set(part.arrays("train")["label"]), 2)

    def test_one_name_in_several_folders(self):
        names = ("a/1.png", "b/1.png", "a/2.png", "b/2.jpg", "b/2.png")
        for split in ("train", "test"):
            for seed, name in enumerate(names):
                draw(self.folder / split / name, seed=seed)
            draw(self.folder / split / "a" / f"{split}3.png")
        dataset = self.load()
        self.assertIn("10 images have the name of another", self.errors)
        for split in ("train", "test"):
            arrays = dataset.arrays(split)
            files = {f"{split}/{name.removesuffix('.png')}": name for name in names[:3]}
            files |= {f"{split}/{name}": name for name in names[3:]}
            self.assertEqual(set(arrays["id"]), {*files, f"{split}3"})
            for name, label, image in zip(
                arrays["id"], arrays["label"], arrays["image"], strict=True
            ):
                path = self.folder / split / files.get(name, f"a/{split}3.png")
                self.assertEqual(dataset.spec.class_names[label], path.parent.name)
                self.assertAllEqual(image, np.asarray(Image.open(path)))
        # Each has noise of its own.
        arrays = NoisyDataset(dataset, 1.0, pad=0).arrays("train")
        noise = arrays["image"] - dataset.arrays("train")["image"]
        self.assertLen({np.round(image, 3).tobytes() for image in noise}, 6)
        # What is left out does not change the names.
        chosen = self.load(classes=["x=a", "y=b"], max_examples=3).arrays("train")
        self.assertAllEqual(chosen["id"], dataset.arrays("train", limit=3)["id"])

    def test_files_that_are_not_read_are_counted(self):
        self.draw_classes(10)
        for name in ("star/1.tif", "star/2.TIF", "galaxy/3.bmp", "README", "star/Thumbs.db"):
            (self.folder / name).write_text("no image")
        for name in (".DS_Store", "__MACOSX/star/._1.png", ".ipynb_checkpoints/1.png"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text("no image")
        dataset = self.load()
        self.assertEqual(dataset.spec.class_names, ("galaxy", "star"))
        self.assertEqual(sum(dataset.num_examples.values()), 20)
        self.assertIn(
            f"{self.folder}: files of other kinds are not read: 2 .tif, 1 without suffix, 1 .bmp\n",
            self.errors,
        )
        (self.folder / "quasar").mkdir()
        (self.folder / "quasar" / "1.tiff").touch()
        self.assert_refused("class 'quasar' has no .jpeg, .jpg, .png, .webp files (it has 1 .tiff)")

    # Mistakes.

    def test_folders_in_the_folder_of_a_class(self):
        for name in ("train/a/1.png", "train/b/2.png", "test/a/3.png", "test/b/more/4.png"):
            draw(self.folder / name)
        self.assert_refused("must lie in its folder; test/b has the folder more")
        self.folder = self.folder / "test"
        self.assert_refused("must lie in its folder; b has the folder more")

    def test_missing_or_empty_folder(self):
        self.assert_refused(str(self.folder), "no .jpeg, .jpg, .png, .webp files")
        (self.folder / "catalogue.csv").write_text("id,class")
        self.assert_refused(str(self.folder), "no .jpeg, .jpg, .png, .webp files")
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

    def test_class_with_no_training_example_by_name(self):
        self.draw_classes(20)
        name = next(str(i) for i in range(99) if hash_splits.split_of(str(i)) == "test")
        draw(self.folder / "quasar" / f"{name}.png")
        self.assert_refused("class 'quasar' has no image in the train split")
        joined = self.load(classes=["star=star,quasar", "galaxy"])
        self.assertEqual(sum(joined.num_examples.values()), 41)

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
        name = next(str(i) for i in range(99) if hash_splits.split_of(str(i)) == "test")
        draw(self.folder / f"{name}.png")
        self.assert_refused("of 1 images none is in the train split")

    # Real folders.

    def test_aries(self):
        folder = galaxy_data.path("aries_star_galaxy")
        dataset = loading.load("image_folder", data_dir=folder)
        self.assertEqual(dataset.spec.class_names, ("galaxy", "star"))
        self.assertEqual(dataset.spec.image_shape, (64, 64, 1))
        total = len(list(folder.glob("*/*.jpg")))
        self.assertEqual(sum(dataset.num_examples.values()), total)
        for split, fraction in zip(data_options.SPLITS, (0.7, 0.1, 0.2), strict=True):
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
