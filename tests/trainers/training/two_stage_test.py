"""Two stages: the same weights as in one, and a cache that can be trusted."""

import contextlib
import dataclasses
import io
import json
import os
import pathlib
import tempfile
import zlib
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests.replicas import two_replicas
from tests.trainers import tiny, tiny_two_stage, workers
from trainers.datasets.augmentation import AugmentedDataset
from trainers.datasets.noise import NoisyDataset
from trainers.errors import TrainingError, UserError
from trainers.options.run import RunConfig
from trainers.runs.run_folder import load_model
from trainers.training import loop, two_stage
from trainers.training.checkpoints import Checkpoints
from trainers.training.feature_cache import FeatureFiles


def _pieces(folder):
    return sorted(int(path.stem[-5:]) for path in folder.rglob("features-*.npy"))


def _up_to_four_pieces(arguments):
    with workers.standing_still(
        FeatureFiles, "write", lambda files: _pieces(files.folder) == [0, 1, 2, 3]
    ):
        return tiny_two_stage.command(arguments)


class _Case(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(tiny_two_stage.registered())
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.config = RunConfig(
            model=tiny_two_stage.NAME,
            trainer="two_stage",
            features_dir=str(self.folder / "features"),
            epochs=3,
            batch_size=16,
        )

    def dataset(self, **options):
        return NoisyDataset(tiny.TinyDataset(), 0.2, pad=1, **options)

    def model(self, strategy=None, dataset=None, **hp):
        dataset = dataset or self.dataset()
        with (strategy or tf.distribute.get_strategy()).scope():
            model = tiny_two_stage.TinyTwoStage(image_shape=dataset.spec.image_shape, **hp)
            model.adapt(dataset.arrays("train")["image"])
        return model

    def features(self, model=None, dataset=None, strategy=None, **changes):
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            extracted = two_stage.feature_dataset(
                model or self.model(),
                dataset or self.dataset(),
                dataclasses.replace(self.config, **changes),
                strategy or tf.distribute.get_strategy(),
            )
        self.shown = shown.getvalue()
        return extracted

    def computed(self):
        """True for each split whose features the last call computed."""
        lines = [line for line in self.shown.splitlines() if " images" in line]
        return ["before" not in line for line in lines]

    def files(self, folder=""):
        folder = self.folder / folder
        return {
            str(path.relative_to(folder)): zlib.crc32(path.read_bytes())
            for path in sorted(folder.rglob("*"))
            if path.suffix in (".npy", ".json", ".crc32")
        }


class FeaturesTest(_Case):
    def test_features_are_those_of_the_images(self):
        model, dataset = self.model(), self.dataset()
        extracted = self.features(model)
        self.assertEqual(extracted.num_examples, {"train": 96, "validation": 36})
        for split in ("train", "validation"):
            arrays, expected = extracted.arrays(split), dataset.arrays(split)
            self.assertAllClose(arrays["features"], model.features(expected["image"]))
            self.assertAllEqual(arrays["label"], expected["label"])
        for options in (
            {},
            {"shuffle_seed": 1, "epoch": 2, "start_batch": 3, "drop_remainder": True},
            {"shuffle_seed": 1, "shard": (1, 2)},
        ):
            batches = extracted.batches("validation", 10, **options)
            expected = list(dataset.batches("validation", 10, **options))
            self.assertLen(list(batches), len(expected))
            for batch, images in zip(batches, expected, strict=True):
                self.assertAllClose(batch["features"], model.features(images["image"]))
                self.assertAllEqual(batch["label"], images["label"])
        batches = extracted.batches("train", 8, drop_remainder=True, labels=False)
        self.assertEqual(batches.element_spec, {"features": tf.TensorSpec((8, 12), tf.float32)})

    def test_the_same_weights_as_in_one_stage(self):
        one, two = tf.distribute.get_strategy(), two_replicas()
        images = [lambda model, *unused: self.dataset(), one]
        runs = []
        for make, strategy in (images, [self.features, one], [self.features, two]):
            model = self.model(strategy)
            dataset = make(model, None, strategy)
            folder = Checkpoints(self.folder / str(len(runs)))
            progress = loop.fit(model, dataset, self.config, folder, strategy)
            runs.append((progress.history, [np.array(v) for v in model.head.variables]))
        for history, weights in runs[1:]:
            for row, again in zip(runs[0][0], history, strict=True):
                for name in ("loss", "validation_loss"):
                    self.assertAllClose(row[name], again[name], rtol=1e-5)
            for before, after in zip(runs[0][1], weights, strict=True):
                self.assertAllClose(before, after, atol=1e-5)

    def test_computed_once_and_again_when_anything_changes(self):
        model = self.model()
        self.features(model)
        self.assertEqual(self.computed(), [True, True])
        self.features()
        self.assertEqual(self.computed(), [False, False])
        # The head and its training have no say.
        self.features(self.model(seed=3), seed=3, learning_rate=0.1, epochs=9)
        self.assertEqual(self.computed(), [False, False])
        other = tiny.TinyDataset()
        other._images["train"][30, 0, 0, 0] += np.float32(1e-6)
        fewer, newer = self.dataset(), self.dataset()
        fewer.num_examples = {**fewer.num_examples, "train": 50}
        newer.spec = dataclasses.replace(newer.spec, version="1.0.1")
        for changed, again in (
            ({"dataset": NoisyDataset(tiny.TinyDataset(), 0.3, pad=1)}, [True, True]),
            ({"dataset": self.dataset(realisation=1)}, [True, True]),
            ({"dataset": NoisyDataset(other, 0.2, pad=1)}, [True, False]),
            ({"dataset": fewer}, [True, False]),
            ({"dataset": newer}, [True, True]),
            ({"model": self.model(backbone_seed=8)}, [True, True]),
            ({"model": self.model(preprocessing="background_noise")}, [True, True]),
            ({"jit": True}, [True, True]),
        ):
            self.features(**{"model": model, **changed})
            self.assertEqual(self.computed(), again, msg=changed)

    def test_killed_at_any_moment(self):
        self.features()
        whole = self.files()
        folder = next((self.folder / "features").glob("*-train-*"))
        whole_file, piece = folder / "features.npy", folder / "features-00005.npy"
        features = np.load(whole_file)
        files = FeatureFiles(folder, 96)

        def pieces(shards):
            for shard in shards:
                files.write(shard, features[8 * shard : 8 * shard + 8])

        def not_joined():
            pieces(range(12))
            whole_file.unlink()

        def not_computed():
            not_joined()
            (folder / "features-00003.npy").unlink()
            piece.unlink()
            (folder / ".features-00006.npy.part").write_bytes(b"half")

        def cut_piece():
            not_joined()
            os.truncate(piece, 150)

        def piece_of_other_numbers():
            not_joined()
            flip_bit(piece)

        def flip_bit(path):
            content = bytearray(path.read_bytes())
            content[-7] ^= 16
            path.write_bytes(content)

        # Pieces not yet deleted; not joined; not all computed; then what no kill leaves behind.
        for damage, again, problem in (
            (lambda: pieces((0, 1)), False, None),
            (not_joined, True, None),
            (not_computed, True, None),
            (cut_piece, True, piece),
            (piece_of_other_numbers, True, piece),
            (lambda: os.truncate(whole_file, 999), True, whole_file),
            (lambda: flip_bit(whole_file), True, whole_file),
        ):
            damage()
            self.features()
            lines = [line for line in self.shown.splitlines() if "is damaged" in line]
            self.assertLen(lines, 0 if problem is None else 1)
            self.assertEqual(
                any(f": {problem} is damaged" in line for line in lines), problem is not None
            )
            self.assertEqual(self.computed(), [again, False])
            self.assertEqual(self.files(), whole)

    def test_labels_are_those_of_the_dataset(self):
        self.features()
        relabelled = tiny.TinyDataset()
        for split in ("train", "validation"):
            labels = relabelled._features[split]["label"]
            relabelled._features[split]["label"] = np.roll(labels, 1)
        dataset = NoisyDataset(relabelled, 0.2, pad=1)
        extracted = self.features(dataset=dataset)
        for split in ("train", "validation"):
            expected = relabelled.column(split, "label")
            self.assertAllEqual(extracted.arrays(split)["label"], expected)
            batches = extracted.batches(split, 10)
            self.assertAllEqual(np.concatenate([b["label"] for b in batches]), expected)

    def test_unfinished_iterators_are_dropped(self):
        # With Python inside the input pipeline this would stand still now and then.
        extracted = self.features()
        for epoch in range(20):
            iterator = iter(extracted.batches("train", 2, shuffle_seed=0, epoch=epoch))
            next(iterator)
            del iterator

    def test_augmentation_reaches_the_features(self):
        dataset = AugmentedDataset(tiny.TinyDataset())
        model = self.model(dataset=dataset)
        extracted = self.features(model, dataset, shear=0.2, feature_copies=2)
        copies = [
            np.concatenate([b["features"] for b in extracted.batches("train", 32, epoch=epoch)])
            for epoch in range(3)
        ]
        self.assertAllEqual(copies[0], copies[2])
        self.assertNotAllClose(copies[0], copies[1])
        for epoch in (0, 1):
            images = [batch["image"] for batch in dataset.batches("train", 96, epoch=epoch)]
            self.assertAllClose(copies[epoch], model.features(images[0]))
        plain = self.model().features(self.dataset().arrays("validation")["image"])
        self.features()
        self.assertAllClose(self.features().arrays("validation")["features"], plain)

    def test_features_that_are_not_finite(self):
        def bad(model, images):
            return tf.math.log(images[:, 0, 0])

        with (
            mock.patch.object(tiny_two_stage.TinyTwoStage, "features", bad),
            self.assertRaisesRegex(TrainingError, "train are not finite for images 0-3"),
        ):
            self.features()
        self.assertEqual([pathlib.Path(name).name for name in self.files()], ["key.json"])

    def test_what_cannot_be_trained_so(self):
        for model, message in (
            (self.model(augment=True), "`hp` augment .* must be false .* `shear`"),
            (self.model(frozen=False), "more than the head is trained, for instance .*; freeze"),
        ):
            with self.assertRaisesRegex(UserError, message):
                self.features(model)
        for options in ({"zoom": 0.2}, {"noise_draws": "fresh", "noise_sigma": [5.0]}):
            with self.assertRaisesRegex(UserError, "`feature_copies` must be .* got 1"):
                dataclasses.replace(self.config, **options)
            dataclasses.replace(self.config, feature_copies=2, **options)
            dataclasses.replace(self.config, trainer="end_to_end", **options)
        with self.assertRaisesRegex(UserError, "`feature_copies` must be 1 where .* got 2"):
            dataclasses.replace(self.config, feature_copies=2)


class CommandTest(_Case):
    def options(self, run, *options):
        words = ["--epochs", "2", "--batch_size", "16", "--evaluators", "roc", "--pad", "1"]
        words += [
            "--learning_rate",
            ".05",
            "--noise_sigma",
            ".2",
            "--features_dir",
            str(self.folder / f"features_{run}"),
        ]
        words += ["--run_dir", str(self.folder / run)]
        return [*words, "--saved_models_dir", str(self.folder / "saved_models"), *options]

    def command(self, run, *options):
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            status = tiny_two_stage.command(self.options(run, *options))
        return status, out.getvalue(), errors.getvalue()

    def test_run_evaluate_and_export(self):
        status, out, errors = self.command("a")
        self.assertEqual(status, 0, msg=errors)
        self.assertRegex(out, r"features of train  96 images  \d+ images/s")
        model = load_model(self.folder / "a")
        images = self.dataset().arrays("test")["image"]
        served = tf.saved_model.load(str(self.folder / "saved_models" / model.registry_name / "1"))
        self.assertAllClose(
            served.signatures["serving_default"](image=tf.constant(images))["probability"],
            model(images)["probability"],
        )
        metrics = json.loads((self.folder / "a" / "metrics.json").read_text())
        self.assertGreater(metrics["roc"]["auc"], 0.9)
        # The whole model is as good as its head was on the features.
        labels = self.dataset().arrays("validation")
        loss = keras.losses.SparseCategoricalCrossentropy()
        self.assertAllClose(
            loss(labels["label"], model(labels["image"])["probability"]),
            metrics["training"]["best_validation_loss"],
            rtol=0.1,
        )
        status, out, errors = self.command("a", "--epochs", "3")
        self.assertEqual(status, 0, msg=errors)
        self.assertIn("features of train: 96 images, computed before", out)

    def test_killed_while_features_are_computed(self):
        status, _, errors = self.command("whole")
        self.assertEqual(status, 0, msg=errors)
        features = self.folder / "features_killed"
        worker = workers.Worker(
            _up_to_four_pieces, self.options("killed"), self.folder / "output", {}
        )
        try:
            workers.wait(lambda: _pieces(features) == [0, 1, 2, 3], [worker])
        finally:
            worker.stop()
        self.assertEqual(_pieces(features), [0, 1, 2, 3])
        write = FeatureFiles.write
        with mock.patch.object(FeatureFiles, "write", autospec=True, side_effect=write) as written:
            status, _, errors = self.command("killed")
        self.assertEqual(status, 0, msg=errors)
        # What was there is used, and all is as if nothing had happened.
        made = [call.args[1] for call in written.call_args_list if call.args[0].number == 96]
        self.assertEqual(made, list(range(4, 12)))
        self.assertEqual(self.files("features_killed"), self.files("features_whole"))
        self.assertEmpty(list(features.rglob("*.part")))
        metrics = [
            json.loads((self.folder / run / "metrics.json").read_text())["roc"]
            for run in ("whole", "killed")
        ]
        self.assertEqual(*metrics)

    def test_mistakes(self):
        status, _, errors = self.command("b", "--zoom", "0.2")
        self.assertEqual(status, 2)
        self.assertIn("--feature_copies must be", errors)
        self.assertEqual(errors.count("\n"), 1)
        status, _, errors = self.command("b", "--model", "star_galaxy_cnn")
        self.assertEqual(status, 2)
        self.assertIn("two_stage: model 'star_galaxy_cnn' has no features_key()", errors)
        self.assertEqual(errors.count("\n"), 1)


if __name__ == "__main__":
    tf.test.main()
