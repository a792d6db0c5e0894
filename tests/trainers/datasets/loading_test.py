import contextlib
import io
import itertools
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.trainers.dots import NAMES, NUMBERS, SHAPE, Dots, DotsCase
from trainers.datasets import in_memory, loading, tfds_data
from trainers.datasets.dataset import CACHE_BYTES, DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.datasets.tfds_data import StreamedDataset
from trainers.errors import UserError


def joined(batches):
    """The members of several lists, in one."""
    return list(itertools.chain.from_iterable(batches))


def pixels(batches):
    """The numbers of the objects in each batch."""
    return [batch["image"][:, 0, 0, 0].numpy().astype(int).tolist() for batch in batches]


class BatchesCase:
    """Contract of batches of any dataset; `self.dataset` has 50 training images."""

    def epoch(self, **options):
        return pixels(self.dataset.batches("train", 8, **options))

    def test_one_epoch_in_order(self):
        batches = self.epoch()
        self.assertEqual([len(batch) for batch in batches], [8] * 6 + [2])
        ids = self.dataset.arrays("train")["id"]
        self.assertEqual([f"dot-{number}" for batch in batches for number in batch], list(ids))
        self.assertEqual([len(b) for b in self.epoch(drop_remainder=True)], [8] * 6)

    def test_types(self):
        for drop, size in ((False, None), (True, 8)):
            batches = self.dataset.batches("train", 8, drop_remainder=drop)
            self.assertEqual(
                batches.element_spec,
                {
                    "image": tf.TensorSpec((size, *SHAPE), tf.float32),
                    "label": tf.TensorSpec((size,), tf.int32),
                },
            )
        self.assertEqual(
            set(self.dataset.batches("train", 8, labels=False).element_spec), {"image"}
        )
        further = self.dataset.batches("test", 8, labels=False, features=("id", "magnitude"))
        for batch in further:
            numbers = batch["image"][:, 0, 0, 0]
            self.assertEqual([f"dot-{int(n)}".encode() for n in numbers], list(batch["id"].numpy()))
            self.assertAllEqual(batch["magnitude"], tf.stack([numbers, -numbers], axis=1))
        with self.assertRaisesRegex(ValueError, "features must be among .*redshift.*; got 'z'"):
            self.dataset.batches("test", 8, features=("z",))
        for batch in self.dataset.batches("test", 8, shuffle_seed=0):
            self.assertAllEqual(batch["label"], batch["image"][:, 0, 0, 0] % 2)

    def test_order_follows_from_seed_and_epoch(self):
        first = self.epoch(shuffle_seed=1, epoch=3)
        self.assertCountEqual(joined(first), joined(self.epoch()))
        self.assertEqual(first, self.epoch(shuffle_seed=1, epoch=3))
        orders = [first, self.epoch()]
        orders += [self.epoch(shuffle_seed=s, epoch=e) for s, e in ((1, 4), (2, 3), (3, 1))]
        self.assertLen({str(order) for order in orders}, 5)
        # And when the same object is iterated again.
        batches = self.dataset.batches("train", 8, shuffle_seed=1, epoch=3)
        self.assertEqual(pixels(batches), pixels(batches))

    def test_order_follows_from_no_other_seed(self):
        self.addCleanup(tf.random.set_seed, 0)
        orders = []
        for seed in (1, 2):
            tf.random.set_seed(seed)
            orders.append(self.epoch(shuffle_seed=1, epoch=3))
            # Nor does reading reseed the process.
            drawn = tf.random.uniform(())
            tf.random.set_seed(seed)
            self.assertEqual(drawn, tf.random.uniform(()))
        self.assertEqual(*orders)

    def test_resumes_in_mid_epoch(self):
        whole = self.epoch(shuffle_seed=1, epoch=2)
        for start in (0, 1, 5, 6, 7):
            self.assertEqual(self.epoch(shuffle_seed=1, epoch=2, start_batch=start), whole[start:])

    def test_workers_see_the_global_batches(self):
        for start in (0, 2):
            options = {"shuffle_seed": 5, "epoch": 1, "start_batch": start}
            whole = self.epoch(drop_remainder=True, **options)
            for count in (2, 4):
                shares = [self.epoch(shard=(i, count), **options) for i in range(count)]
                parts = [joined(parts) for parts in zip(*shares, strict=True)]
                self.assertEqual(parts, whole)

    def test_shards_that_cannot_be(self):
        for shard in ((0, 3), (2, 2), (-1, 2)):
            with self.assertRaisesRegex(ValueError, r"shard must be .* got \(.*\) and 8"):
                self.dataset.batches("train", 8, shard=shard)

    def test_arrays(self):
        arrays = self.dataset.arrays("test")
        self.assertEqual(arrays["image"].dtype, np.float32)
        self.assertLen(arrays["id"], NUMBERS["test"])
        numbers = arrays["image"][:, 0, 0, 0]
        self.assertEqual([f"dot-{int(number)}" for number in numbers], list(arrays["id"]))
        self.assertAllEqual(arrays["label"], numbers % 2)
        self.assertAllClose(arrays["redshift"], numbers / 100)
        self.assertAllEqual(arrays["magnitude"], np.stack([numbers, -numbers], axis=1))
        part = self.dataset.arrays("test", limit=3)
        for name, values in arrays.items():
            self.assertAllEqual(part[name], values[:3])
        self.assertLen(self.dataset.arrays("test", limit=999)["id"], NUMBERS["test"])
        # What can be written to is the caller's own.
        if part["image"].flags.writeable:
            part["image"][:] = -1
        self.assertAllEqual(self.dataset.arrays("test")["image"], arrays["image"])


class InMemoryTest(BatchesCase, DotsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dataset = cls.load()

    def test_is_in_memory(self):
        self.assertIsInstance(self.dataset, InMemoryDataset)

    def test_eight_bits_stay_eight_bits(self):
        images = np.arange(6 * 48).reshape(6, 4, 4, 3).astype(np.uint8)
        spec = DatasetSpec("x", (4, 4, 3), tuple("rgb"), None, "counts", (), None)
        dataset = InMemoryDataset(spec, {"train": {"image": images}})
        self.assertEqual(dataset._images["train"].dtype, tf.uint8)
        batch = next(iter(dataset.batches("train", 6)))
        self.assertEqual(batch["image"].dtype, tf.float32)
        self.assertAllEqual(batch["image"], images)
        self.assertEqual(dataset.arrays("train")["image"].dtype, np.float32)

    def test_images_are_held_once(self):
        held = in_memory.empty((6, 4, 4, 3), np.float32)
        held[...] = np.random.default_rng(0).normal(size=held.shape)
        spec = DatasetSpec("x", (4, 4, 3), tuple("rgb"), None, "counts", (), None)
        for images in (held, held[::-1], held.astype(np.float64)):
            dataset = InMemoryDataset(spec, {"train": {"image": images}})
            seen = dataset.arrays("train", limit=5)["image"]
            self.assertAllClose(seen, images[:5])
            self.assertFalse(seen.flags.writeable)
            self.assertEqual(np.shares_memory(seen, held), images is held)
            self.assertAllClose(next(iter(dataset.batches("train", 6)))["image"], images)

    def test_the_tensor_outlives_the_array(self):
        images = in_memory.empty((1000, 16, 16, 3), np.float32)
        images[...] = 1.0
        spec = DatasetSpec("x", (16, 16, 3), tuple("rgb"), None, "counts", (), None)
        batches = InMemoryDataset(spec, {"train": {"image": images}}).batches("train", 1000)
        del images
        np.full((1000, 16, 16, 3), 2.0, np.float32)
        self.assertAllEqual(next(iter(batches))["image"], np.ones((1000, 16, 16, 3)))


class StreamedTest(BatchesCase, DotsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # In several files, whose order is part of that of the examples.
        builder = Dots(config="good", data_dir=str(cls.folder))
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=4))
        cls.dataset = cls.load(cache_bytes=100)

    def test_is_streamed(self):
        self.assertIsInstance(self.dataset, StreamedDataset)

    def test_files_are_permuted(self):
        with mock.patch.object(tfds_data, "_SHUFFLE_BUFFER", 1):
            orders = [self.epoch(shuffle_seed=1, epoch=epoch) for epoch in range(4)]
        self.assertGreater(len({str(order) for order in orders}), 1)
        for order in orders:
            self.assertCountEqual(joined(order), range(50))

    def test_shuffle_buffer_is_bounded_in_bytes(self):
        with mock.patch.object(tfds_data, "_SHUFFLE_BUFFER", 1):
            unmixed = self.epoch(shuffle_seed=1, epoch=2)
        self.assertNotEqual(self.epoch(shuffle_seed=1, epoch=2), unmixed)
        with mock.patch.object(tfds_data, "_SHUFFLE_BYTES", 1):
            self.assertEqual(self.epoch(shuffle_seed=1, epoch=2), unmixed)

    def test_memory_of_an_example(self):
        features = tfds.features.FeaturesDict(
            {
                "id": tfds.features.Text(),
                "image": tfds.features.Tensor(shape=(8, 6, 3), dtype=np.uint8),
                "mask": tfds.features.Tensor(shape=(8, 6), dtype=np.int16),
            }
        )
        builder = mock.Mock(**{"info.features": features})
        self.assertEqual(tfds_data._example_bytes(builder, {"image"}), 4 * 144)
        stored = tfds_data._example_bytes(builder, {"image", "mask"}, float_images=False)
        self.assertEqual(stored, 144 + 2 * 48)

    def test_only_features_that_are_read_are_decoded(self):
        specs = []

        def as_dataset(*args, **kwargs):
            dataset = original(*args, **kwargs)
            specs.append(set(dataset.element_spec))
            return dataset

        original = self.dataset._builder.as_dataset
        with mock.patch.object(self.dataset._builder, "as_dataset", as_dataset):
            self.dataset.batches("train", 8, labels=False)
            self.dataset.batches("train", 8, features=("magnitude",))
        self.assertEqual(specs, [{"image"}, {"image", "label", "magnitude"}])

    def test_every_feature_counts_as_memory(self):
        images = 4 * int(np.prod(SHAPE)) * sum(NUMBERS.values())
        self.assertIsInstance(self.load(cache_bytes=images), StreamedDataset)
        self.assertIsInstance(self.load(cache_bytes=2 * images), InMemoryDataset)


class LoadTest(DotsCase):
    def test_spec(self):
        dataset = self.load()
        self.assertEqual(
            dataset.spec,
            DatasetSpec(
                name="dots/good",
                image_shape=SHAPE,
                bands=("g", "r"),
                pixel_scale=0.4,
                units="nanomaggies",
                class_names=NAMES,
                class_fractions=(0.25, 0.75),
                version="1.0.0",
                feature_names=("id", "image", "magnitude", "redshift", "label"),
            ),
        )
        self.assertEqual(dataset.num_examples, NUMBERS)
        self.assertEqual(dataset.skipped, ())

    def test_builds_once(self):
        self.load("unlabelled")
        self.assertIn("building dots/unlabelled", self.shown)
        dataset = self.load("unlabelled")
        self.assertEqual(self.shown, "")
        self.assertEqual(dataset.spec.class_names, ())
        self.assertIsNone(dataset.spec.class_fractions)
        for cache_bytes in (CACHE_BYTES, 100):
            dataset = self.load("unlabelled", cache_bytes=cache_bytes)
            self.assertEqual(set(dataset.batches("train", 8).element_spec), {"image"})
        # What was built of other files is not passed off as built of these.
        self.load("unlabelled", manual_dir=self.folder)
        self.assertIn("--manual_dir is not read", self.shown)

    def test_max_examples(self):
        whole = self.load()
        for cache_bytes in (CACHE_BYTES, 100):
            part = self.load(max_examples=15, cache_bytes=cache_bytes)
            self.assertEqual(part.num_examples, {"train": 15, "validation": 10, "test": 15})
            part = self.load(max_examples=[15, 4, 90], cache_bytes=cache_bytes)
            self.assertEqual(part.num_examples, {"train": 15, "validation": 4, "test": 20})
            self.assertEqual(
                pixels(part.batches("train", 15))[0],
                whole.arrays("train", limit=15)["image"][:, 0, 0, 0].tolist(),
            )

    def test_options_of_a_configuration(self):
        name = "simulated_blends/simulated/num_test=4,num_train=6,num_validation=2,faint=24"
        with contextlib.redirect_stdout(io.StringIO()):
            dataset = loading.load(name, data_dir=self.folder)
        self.assertEqual(dataset.num_examples, {"train": 6, "validation": 2, "test": 4})
        self.assertEqual(dataset.spec.name, name)
        (built,) = (self.folder / "simulated_blends").glob("*faint*")
        self.assertEqual(built.name, "simulated-faint=24-num_test=4-num_train=6-num_validation=2")

    def test_bad_pixels(self):
        for cache_bytes in (CACHE_BYTES, 100):
            with self.assertRaisesRegex(UserError, r"^dot-\d+: 2 of 32 pixels are NaN or infinite"):
                self.load("bad", cache_bytes=cache_bytes)
            dataset = self.load("bad", on_error="skip", cache_bytes=cache_bytes)
            self.assertEqual(dataset.num_examples, {"train": 48, "validation": 10, "test": 19})
            named = {line.split(":")[0] for line in dataset.skipped}
            self.assertEqual(named, {"dot-7", "dot-31", "dot-2003"})
            self.assertIn("left out 3 of 80 images", self.errors)
            seen = joined(pixels(dataset.batches("train", 8, shuffle_seed=0)))
            self.assertCountEqual(seen, set(range(50)) - {7, 31})
            self.assertLen(dataset.arrays("train")["id"], 48)
            self.assertLen(dataset.arrays("train", limit=40)["id"], 40)

    def test_some_classes_of_eight_bit_images(self):
        for cache_bytes in (CACHE_BYTES, 100):
            dataset = self.load("eight_bit", classes=["star", "quasar"], cache_bytes=cache_bytes)
            seen = joined(pixels(dataset.batches("train", 8, shuffle_seed=0)))
            self.assertCountEqual(seen, set(range(50)) - set(range(1, 50, 3)))

    def test_mistakes(self):
        for name, options, message in (
            ("dots/good", {"image_shape": (4, 4, 3)}, r"must be \(4, 4, 2\).* got \(4, 4, 3\)"),
            (
                "dots/good",
                {"on_error": "warn"},
                "`on_error` must be one of raise, skip; got 'warn'",
            ),
            ("dots/good", {"max_examples": 0}, "`max_examples` must be one .*, or three.* got 0"),
            ("dots/good", {"max_examples": [9, 9]}, r"train, validation and test; got \[9, 9\]"),
            ("sdss_star_galaxi", {}, "unknown dataset .* did you mean 'sdss_star_galaxy'.*folder"),
            ("sdss_star_galaxy/simulate", {}, "unknown configuration .* did you mean 'simulated'"),
            ("simulated_blends/simulated/num_test", {}, "OPTION=VALUE.* got 'num_test'"),
            ("simulated_blends/simulated/num_tests=4", {}, "did you mean 'num_test'"),
            ("simulated_blends/simulated/num_test=1", {}, "num_test must be at least 2; got 1"),
            ("simulated_blends/simulated/num_test=x", {}, "like 5000, its default; got 'x'"),
        ):
            with self.subTest(name, **options), self.assertRaisesRegex(UserError, message):
                if name.startswith("dots"):
                    self.load(**options)
                else:
                    loading.load(name, data_dir=self.folder, **options)
        self.load(image_shape=[4, 4, 2])

    def test_on_error_reaches_the_builder(self):
        folder = self.folder / "records"
        folder.mkdir()
        kind = [("objID", "i8"), ("class", "U6"), ("z", "f4"), ("image", "f4", (5, 64, 64))]
        records = np.zeros(40, kind)
        records["objID"] = np.arange(40)
        records["class"] = np.where(np.arange(40) % 2, "STAR", "GALAXY")
        records["image"] += np.arange(40)[:, None, None, None]
        records["image"][3, 0, 5, 5] = np.nan
        np.save(folder / "records.npy", records)
        options = {"data_dir": self.folder / "built", "manual_dir": folder}
        shown = contextlib.redirect_stdout(io.StringIO())
        with shown, contextlib.redirect_stderr(io.StringIO()):
            with self.assertRaisesRegex(UserError, r"^[^\n]*records.npy[^\n]*$"):
                loading.load("sdss_star_galaxy/labeled", **options)
            dataset = loading.load("sdss_star_galaxy/labeled", on_error="skip", **options)
        self.assertEqual(sum(dataset.num_examples.values()), 39)
        self.assertLen(dataset.skipped, 1)
        self.assertIn("records.npy", dataset.skipped[0])
        self.assertEqual(dataset.spec.name, "sdss_star_galaxy/labeled")

    def test_import_is_light(self):
        code = "import sys, trainers.datasets.loading; sys.exit('tensorflow' in sys.modules)"
        root = Path(__file__).parents[3]
        self.assertEqual(subprocess.run([sys.executable, "-c", code], cwd=root).returncode, 0)


if __name__ == "__main__":
    tf.test.main()
