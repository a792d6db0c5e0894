import contextlib
import io
import json
import tempfile
import types
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.table import Table

import zoo
from tests.trainers import tiny
from trainers import catalogue, predict, validity
from trainers.cutouts.cutout import Cutout
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.novelty.reference import DESCRIPTIONS, load
from trainers.prediction import predict_blocks
from trainers.prediction.predict_blocks import Block
from trainers.prediction.served_model import ServedModel
from trainers.runs import novelty
from trainers.runs.run_folder import RunFolder
from trainers.serving.serving_export import export

SHAPE = (12, 12, 2)
SPEC = DatasetSpec("sky", SHAPE, ("g", "r"), None, "counts", ("star", "galaxy"), None)
SIZES = {"train": 200, "validation": 100, "test": 60}


def images(number, seed, sigma=1.0):
    values = np.random.default_rng(seed).normal(1.0, sigma, (number, *SHAPE))
    return values.astype(np.float32)


class ValidityTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        arrays = {
            split: {
                "image": images(number, seed),
                "id": np.array([f"{split}.npy[{row}]" for row in range(number)]),
            }
            for seed, (split, number) in enumerate(SIZES.items())
        }
        cls.dataset = InMemoryDataset(SPEC, arrays)
        cls.model = zoo.create(
            "star_galaxy_cnn",
            image_shape=SHAPE,
            filters=(4, 6),
            features=7,
            class_names=SPEC.class_names,
        )
        cls.model.adapt(arrays["train"]["image"])
        cls.reference = novelty.of_model(cls.model, cls.dataset)
        settings = {"sample_inputs": arrays["train"]["image"], "spec": SPEC}
        cls.exported = export(cls.model, cls.folder, validity=cls.reference, **settings)
        cls.without = export(cls.model, cls.folder, **settings)
        np.save(cls.folder / "test.npy", arrays["test"]["image"])
        np.save(cls.folder / "odd.npy", images(60, 9, sigma=3.0))

    def predict(self, saved_model, file, output, *options):
        words = ("--saved_model", saved_model, "--images", self.folder / file, "--batch_size", 16)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            status = predict.main([*map(str, words), "--output", str(output), *options])
        self.assertEqual(status, 0)
        return Table.read(output), printed.getvalue()

    def test_prediction_and_catalogue_say_the_same_of_the_test_split(self):
        made = catalogue.make(self.model, self.dataset, ("test",), 16, reference=self.reference)
        for end in (".parquet", ".fits", ".ecsv"):
            table, _ = self.predict(self.exported, "test.npy", self.folder / f"test{end}")
            self.assertEqual(list(table["id"]), list(made["id"]))
            for name, description in DESCRIPTIONS.items():
                # ECSV reads an empty text as a masked one.
                values = table.filled("")[name] if name == "outside_reason" else table[name]
                self.assertEqual(list(values), list(made[name]))
                self.assertEqual(table[name].description, description)
        self.assertNotIn("embedding", made.colnames)
        share = self.reference.facts["test_share_outside"]
        self.assertAllClose(np.mean(made["outside"]), share, atol=1e-4)

    def test_images_of_other_conditions_are_outside_also_with_beam(self):
        table, _ = self.predict(self.exported, "odd.npy", self.folder / "odd.ecsv")
        self.assertTrue(all(table["outside"]))
        self.assertIn("noise", table["outside_reason"][0])
        beam = ("--runner", "DirectRunner")
        other, _ = self.predict(self.exported, "odd.npy", self.folder / "beam.ecsv", *beam)
        for name in DESCRIPTIONS:
            self.assertEqual(list(table[name]), list(other[name]))

    def test_a_server_says_the_same(self):
        values = np.concatenate([images(20, 7), images(20, 9, sigma=3.0)])
        signatures = tf.saved_model.load(str(self.exported)).signatures
        served = signatures["validity"](image=tf.constant(values))
        for name in ("serving_default", "embedding"):
            for output, expected in signatures[name](image=tf.constant(values)).items():
                self.assertAllClose(served[output], expected, rtol=1e-5, atol=1e-6)
        self.assertTrue(np.all(served["outside"][20:]))
        reasons = served["outside_reason"].numpy().astype(str)
        table = ServedModel(self.exported, validity="all").answers(values)
        self.assertAllClose(served["validity_distance"], table["validity_distance"], rtol=1e-3)
        self.assertEqual(list(reasons), list(table["outside_reason"]))
        empty = signatures["validity"](image=tf.zeros((0, *SHAPE)))
        self.assertEqual(empty["outside_reason"].shape, (0,))
        card = json.loads((self.exported / "model_card.json").read_text())
        described = card["signatures"]["validity"]["outputs"]
        self.assertEqual(described["outside"]["meaning"], DESCRIPTIONS["outside"])
        self.assertNotIn("validity", tf.saved_model.load(str(self.without)).signatures)

    def test_the_option_leaves_features_or_all_out(self):
        settings = ("--validity", "none")
        table, printed = self.predict(
            self.exported, "odd.npy", self.folder / "none.ecsv", *settings
        )
        self.assertNoCommonElements(table.colnames, DESCRIPTIONS)
        self.assertNotIn("statistics", printed)
        answers = {
            name: ServedModel(self.exported, validity=name).answers(images(30, 3))
            for name in ("pixels", "all")
        }
        distances = [answers[name]["validity_distance"] for name in ("pixels", "all")]
        self.assertTrue(np.all(distances[0] <= distances[1]))
        self.assertFalse(np.all(distances[0] == distances[1]))
        self.assertAllEqual(answers["pixels"]["probability"], answers["all"]["probability"])

    def test_the_card_has_the_shares_and_a_model_without_statistics_a_note(self):
        card = json.loads((self.exported / "model_card.json").read_text())
        self.assertEqual(card["validity"], self.reference.facts)
        self.assertEqual(card["validity"]["test_objects"], SIZES["test"])
        self.assertIn("Of 60 test images", (self.exported / "README.md").read_text())
        table, printed = self.predict(self.without, "odd.npy", self.folder / "without.ecsv")
        self.assertNoCommonElements(table.colnames, DESCRIPTIONS)
        self.assertIn("python -m trainers.validity --run_dir RUN adds them", printed)

    def test_another_pixel_scale_is_outside(self):
        judged = {
            "validity_distance": np.array([0.5, 0.5, 2.0, 0.5], np.float32),
            "outside": np.array([False, False, True, False]),
            "outside_reason": np.array(["", "", "sky", ""]),
        }
        model = types.SimpleNamespace(
            facts=types.SimpleNamespace(data={"pixel_scale_arcsec": 0.2}),
            answers=lambda images, ids: judged,
        )
        cutouts = [
            Cutout(name, name, np.ones((4, 4, 1), np.float32), pixel_scale=scale)
            for name, scale in (("same", 0.201), ("unknown", None), ("both", 0.4), ("fine", 0.18))
        ]
        outputs = predict_blocks.predict_block(Block(0, 0, cutouts), model).outputs
        self.assertAllEqual(outputs["outside"], [False, False, True, True])
        self.assertEqual(
            list(outputs["outside_reason"]), ["", "", "sky; pixel scale", "pixel scale"]
        )
        # In units of the tolerance of 5 %.
        self.assertAllClose(outputs["validity_distance"], [0.5, 0.5, 20.0, 2.0], rtol=1e-5)

    def test_seeing_beyond_that_of_the_training_is_outside(self):
        judged = {
            "validity_distance": np.full(4, 0.5, np.float32),
            "outside": np.zeros(4, bool),
            "outside_reason": np.array([""] * 4),
        }
        model = types.SimpleNamespace(
            facts=types.SimpleNamespace(data={"seeing_arcsec": [0.8, 1.2]}),
            answers=lambda images, ids: judged,
        )
        cutouts = [
            Cutout(str(value), str(value), np.ones((4, 4, 1), np.float32), seeing=value)
            for value in (1.3, None, 1.8, 0.5)
        ]
        outputs = predict_blocks.predict_block(Block(0, 0, cutouts), model).outputs
        self.assertEqual(list(outputs["outside_reason"]), ["", "", "seeing", "seeing"])
        # In units of the tolerance of 20 % beyond 0.8 to 1.2.
        self.assertAllClose(outputs["validity_distance"], [0.5, 0.5, 2.5, 3.0], rtol=1e-5)

    def test_few_or_small_images_have_no_statistics(self):
        few = InMemoryDataset(SPEC, {"train": self.dataset.arrays("train")})
        self.assertIsNone(novelty.of_model(self.model, few))

    def test_a_run_without_statistics_gets_them_by_a_command(self):
        run_dir, models = self.folder / "run", self.folder / "saved"
        words = ["--run_dir", str(run_dir), "--saved_models_dir", str(models), "--epochs", "1"]
        with tiny.available():
            self.assertEqual(tiny.command([*words, "--evaluators", "roc"]), 0)
            self.assertFalse(RunFolder(run_dir).validity.exists())
            self.assertEqual(validity.main(["--run_dir", str(run_dir)]), 2)
            with mock.patch.object(novelty, "_LEAST_OBJECTS", 30):
                self.assertEqual(validity.main(["--run_dir", str(run_dir)]), 0)
        reference = load(RunFolder(run_dir).validity)
        self.assertEqual(reference.facts["validation_objects"], 36)
        exported = models / "tiny" / "1"
        self.assertEqual(load(exported / "validity.npz").facts, reference.facts)
        card = json.loads((exported / "model_card.json").read_text())
        self.assertEqual(card["validity"], reference.facts)


if __name__ == "__main__":
    tf.test.main()
