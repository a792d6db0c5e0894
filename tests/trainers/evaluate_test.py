import dataclasses
import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.table import Table

from tests.trainers import tiny
from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers import evaluate
from trainers.evaluators import evaluation, list_evaluators, registry
from trainers.options.run import RunConfig

_HISTORY = "epoch,loss,validation_loss,images_per_second\n1,3,3,90\n2,2,1.5,200\n3,1,2,210\n"


class EvaluateTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())

    def test_everything_for_an_unsupervised_classifier(self):
        (self.folder / "history.csv").write_text(_HISTORY)
        (self.folder / "config.json").write_text(
            '{"model": "stand_in", "seed": 5, "hp": {"latent_dim": 4}, "jit": true}'
        )
        (self.folder / "versions.json").write_text('{"keras": "3.0"}')
        dataset = StandInDataset()
        metrics = evaluation.evaluate(StandInModel(dataset), dataset, self.folder)
        self.assertEqual(json.loads((self.folder / "metrics.json").read_text()), metrics)
        # Two have no numbers, the others are for networks, blends, votes, pixels, spectra, tasks,
        # runs, or many objects.
        left_out = {"history", "generation", "separation"}
        left_out |= {"feature_maps", "regression", "symmetries", "tasks", "transfer", "votes"}
        left_out |= {"deblending", "deblending_residuals", "shear_bias", "neighbours"}
        left_out |= {
            "segmentation",
            "pixel_classes",
            "detection",
            "anomalies",
            "clusters",
            "realism",
            "deblended_fields",
            "latent_fit",
            "spectra",
            "image_spectra",
            "cross_modal",
            "redshift",
            "similarity",
        }
        self.assertEqual(list(metrics), [n for n in list_evaluators() if n not in left_out])
        self.assertGreater(metrics["roc"]["auc"], 0.6)
        self.assertGreater(metrics["separator"]["auc"], 0.95)
        self.assertGreater(metrics["probe"]["forest_accuracy"], 0.8)
        self.assertNear(metrics["reconstruction"]["chi2_per_pixel"], 1.0, 0.3)

        text = (self.folder / "report.md").read_text()
        linked = re.findall(r"\]\((.+?)\)", text)
        self.assertCountEqual(
            [str(path.relative_to(self.folder)) for path in self.folder.glob("figures/*.png")],
            [path for path in linked if path.endswith(".png")],
        )
        self.assertTrue(all((self.folder / path).exists() for path in linked))
        self.assertIn("the weights are those of epoch 2", text)
        self.assertIn("python -m trainers.run --model stand_in --hp latent_dim=4 --seed 5", text)
        self.assertNotIn("failed", text)

        outliers = Table.read(self.folder / "outliers.ecsv")
        self.assertLen(outliers, 100)
        self.assertAllEqual(outliers["rank"], np.arange(1, 101))
        self.assertTrue((np.diff(outliers["score"]) <= 0).all())
        self.assertEqual(str(outliers["score"].unit), "dex")
        self.assertCountEqual(set(outliers["class"]), {"star", "galaxy"})

    def test_the_folder_of_the_images_and_the_parameters_are_reported(self):
        (self.folder / "config.json").write_text('{"data_dir": "/data/my_rings/"}')
        model = tiny.Tiny(class_names=("small", "large"))
        dataset = tiny.TinyDataset()
        for version, title, line in (
            (None, "# tiny on my_rings (tiny/blobs)", "| dataset | tiny/blobs, /data/my_rings/ |"),
            ("1.0.0", "# tiny on tiny/blobs", "| dataset | tiny/blobs |"),
        ):
            dataset.spec = dataclasses.replace(dataset.spec, version=version)
            with tiny.registered():
                model.adapt(dataset.arrays("train")["image"])
                evaluation.evaluate(model, dataset, self.folder, evaluators=["roc"])
            text = (self.folder / "report.md").read_text()
            self.assertEqual(text.splitlines()[0], title)
            self.assertIn(line, text)
        trained = sum(int(tf.size(each)) for each in model.trainable_weights)
        everything = sum(int(tf.size(each)) for each in model.weights)
        self.assertGreater(everything, trained)
        self.assertIn(f"| parameters | {everything:,}, of which {trained:,} are trained |", text)

    def test_the_same_seed_gives_the_same_numbers(self):
        dataset = StandInDataset()
        model, names = StandInModel(dataset), ["roc", "manifold"]
        runs = [
            evaluation.evaluate(model, dataset, self.folder, evaluators=names, seed=seed)
            for seed in (1, 1, 2)
        ]
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0]["roc"]["auc_low"], runs[2]["roc"]["auc_low"])
        self.assertEqual(runs[0]["roc"]["auc"], runs[2]["roc"]["auc"])

    def test_unlabelled_photographs_and_one_band(self):
        for bands, task in (
            (("red", "green", "blue"), "representation"),
            (("r",), "representation"),
        ):
            spec = StandInSpec(
                image_shape=(20, 20, len(bands)),
                bands=bands,
                pixel_scale=None,
                units="counts",
                class_names=(),
                class_fractions=None,
            )
            dataset = StandInDataset(spec=spec, magnitudes=False)
            metrics = evaluation.evaluate(StandInModel(dataset, task=task), dataset, self.folder)
            names = ["reconstruction", "latent_space", "outliers", "pixel_values"]
            self.assertEqual(list(metrics), names)
            self.assertIn("the dataset has no labels", (self.folder / "report.md").read_text())

    def test_collapsed_latents_spoil_nothing(self):
        dataset = StandInDataset()
        model = StandInModel(dataset)
        model._encode = lambda images: {
            "latent_mean": tf.zeros((tf.shape(images)[0], 4)),
            "latent_stddev": tf.ones((tf.shape(images)[0], 4)),
        }
        metrics = evaluation.evaluate(model, dataset, self.folder)
        self.assertEqual(metrics["latent_space"]["active_latents"], 0)
        self.assertIn("roc", metrics)

    def test_a_failing_evaluator_is_reported_and_does_not_stop_the_others(self):
        for error in (ValueError("it cannot be"), TypeError("one more\nargument")):
            with self.subTest(type(error)):
                self._check_failing(error)

    def _check_failing(self, error):
        def fail(context):
            raise error

        entry = registry.describe("probe")
        broken = {"probe": registry.EvaluatorEntry("probe", entry.title, entry.needs, fail)}
        dataset = StandInDataset()
        model = StandInModel(dataset)
        some = ("separator", "probe", "outliers")
        with (
            mock.patch.object(registry, "_MODULES", some),
            mock.patch.dict(registry._entries, {n: registry.describe(n) for n in some} | broken),
        ):
            with self.assertLogs("trainers.evaluators.evaluation", "WARNING"):
                metrics = evaluation.evaluate(model, dataset, self.folder)
            with self.assertRaises(type(error)):
                evaluation.evaluate(model, dataset, self.folder, evaluators=["probe"])
        self.assertIn("outliers", metrics)
        line = " ".join(str(error).split())
        self.assertIn(f"- probe: failed: {line}.", (self.folder / "report.md").read_text())

    def test_the_command_evaluates_a_run_and_keeps_the_numbers_of_its_training(self):
        config = RunConfig(model="stand_in", dataset="stand_in/blobs", seed=3, max_examples=[50])
        (self.folder / "config.json").write_text(json.dumps(config.as_dict()))
        (self.folder / "metrics.json").write_text('{"training": {"best_loss": 1.5}, "roc": {}}')
        dataset = StandInDataset()
        arguments = ["--run_dir", str(self.folder), "--evaluators", "separator"]
        with (
            mock.patch("trainers.runs.run_folder.load_model", return_value=StandInModel(dataset)),
            mock.patch("trainers.datasets.loading.load", return_value=dataset) as load,
            redirect_stdout(io.StringIO()) as stream,
        ):
            self.assertEqual(evaluate.main(arguments), 0)
        self.assertEqual(load.call_args.args, ("stand_in/blobs",))
        self.assertEqual(load.call_args.kwargs["max_examples"], [50])
        metrics = json.loads((self.folder / "metrics.json").read_text())
        self.assertEqual(metrics["training"], {"best_loss": 1.5})
        self.assertEqual(list(metrics), ["training", "separator"])
        self.assertIn("separator: auc ", stream.getvalue())
        self.assertIn("| seed of the evaluation | 3 |", (self.folder / "report.md").read_text())

    def evaluate(self, *arguments):
        dataset = StandInDataset()
        with (
            mock.patch("trainers.runs.run_folder.load_model", return_value=StandInModel(dataset)),
            mock.patch("trainers.datasets.loading.load", return_value=dataset),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()) as errors,
        ):
            status = evaluate.main(["--run_dir", str(self.folder), *map(str, arguments)])
        return status, errors.getvalue()

    def test_the_report_of_the_run_is_not_replaced_by_a_smaller_one(self):
        config = RunConfig(model="stand_in", evaluators=["separator", "roc"])
        (self.folder / "config.json").write_text(json.dumps(config.as_dict()))
        (self.folder / "report.md").write_text("all")
        for options in (
            ("--evaluators", "roc", "manifold"),
            ("--split", "validation"),
            ("--class_fractions", "0.5", "0.5"),
        ):
            status, errors = self.evaluate(*options)
            self.assertEqual(status, 2)
            self.assertIn(f"error: {options[0]} needs --output_dir: the run keeps a", errors)
            self.assertEqual((self.folder / "report.md").read_text(), "all")
        status, errors = self.evaluate("--evaluators", "roc", "--output_dir", self.folder / "roc")
        self.assertEqual(status, 0, errors)
        self.assertEqual(self.evaluate("--evaluators", "separator", "roc")[0], 0)
        self.assertIn("## ", (self.folder / "report.md").read_text())
        whole = dataclasses.replace(config, evaluators=None)
        (self.folder / "config.json").write_text(json.dumps(whole.as_dict()))
        self.assertEqual(self.evaluate("--evaluators", "separator", "roc")[0], 2)

    def test_other_class_fractions(self):
        config = RunConfig(model="stand_in", class_fractions=[0.7, 0.3])
        (self.folder / "config.json").write_text(json.dumps(config.as_dict()))
        options = ["--evaluators", "manifold", "--output_dir", self.folder / "other"]
        with mock.patch.object(evaluation, "evaluate", return_value={}) as run:
            self.evaluate(*options)
            self.evaluate(*options, "--class_fractions", "0.4", "0.6")
        fractions = [call.kwargs["class_fractions"] for call in run.call_args_list]
        self.assertEqual(fractions, [[0.7, 0.3], [0.4, 0.6]])
        _, errors = self.evaluate(*options, "--class_fractions", "0.4", "0.4")
        self.assertIn("--class_fractions must sum to 1; got [0.4, 0.4]", errors)

    def test_mistakes_on_the_command_line_have_one_line_and_status_2(self):
        for arguments, message in (
            ([], "--run_dir"),
            (["--run_dir", str(self.folder / "none")], "config.json"),
            (["--run_dir", str(self.folder), "--evaluators", "rocs"], "did you mean 'roc'"),
            (["--run_dir", str(self.folder), "--max_objects", "0"], "at least 1; got 0"),
            (["--run_dir", str(self.folder), "--max_objects", "x"], "invalid int value"),
            (["--run_dir", str(self.folder), "--nonsense"], "--nonsense"),
        ):
            stream = io.StringIO()
            with redirect_stderr(stream):
                status = evaluate.main(arguments)
            self.assertEqual(status, 2)
            self.assertRegex(
                stream.getvalue(), f"^trainers.evaluate: error: .*{re.escape(message)}.*\n$"
            )
