import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.fresh_process import run_saved_model
from tests.replicas import two_replicas
from tests.zoo import tiny_model
from trainers.datasets.dataset import DatasetSpec
from trainers.errors import TrainingError, UserError
from trainers.prediction import model_folder, served_model
from trainers.serving import server_files
from trainers.serving.serving_export import export
from zoo.serving import versions
from zoo.signature import Signature

CLASSES = ("star", "galaxy")
SPEC = DatasetSpec(
    name="sdss_star_galaxy/simulated",
    image_shape=(4, 4, 2),
    bands=("g", "r"),
    pixel_scale=0.396,
    units="nanomaggies",
    class_names=CLASSES,
    class_fractions=(0.25, 0.75),
)
METRICS = {"roc": {"auc": 0.912, "auc_low": float("nan")}}


class ExportTestCase(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(tiny_model.registered())
        self.folder = Path(self.get_temp_dir())
        self.images = np.random.default_rng(0).normal(size=(10, 4, 4, 2)).astype(np.float32)
        self.model = tiny_model.TinyModel(class_names=CLASSES)

    def export(self, **kwargs):
        kwargs = {"sample_inputs": self.images, "spec": SPEC, "metrics": METRICS, **kwargs}
        return export(kwargs.pop("model", self.model), self.folder, **kwargs)

    def files(self):
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob("*"))


class SavedModelTest(ExportTestCase):
    def test_gives_the_models_numbers_in_a_process_without_this_project(self):
        path = self.export()
        latent = np.random.default_rng(1).normal(size=(3, 3)).astype(np.float32)
        inputs = {name: {"image": self.images} for name in ("serving_default", "encode")}
        inputs |= {"reconstruct": {"image": self.images}, "decode": {"latent": latent}}
        results, summary = run_saved_model(path, inputs)
        expected = {
            "serving_default": self.model(self.images),
            "encode": self.model.encode(self.images),
            "reconstruct": self.model.reconstruct(self.images),
            "decode": self.model.decode(latent),
        }
        for loader in ("eager", "session"):
            for signature, outputs in expected.items():
                for name, value in outputs.items():
                    result = results.pop(f"{loader}/{signature}/{name}")
                    self.assertAllClose(result, value, rtol=1e-5, atol=1e-6)
        for signature, outputs in expected.items():
            for name, value in outputs.items():
                empty = results.pop(f"empty/{signature}/{name}")
                self.assertEqual(empty.shape, (0, *value.shape[1:]))
        self.assertEmpty(results)
        self.assertEqual(summary["foreign"], [])
        self.assertEqual(summary["assets"], ["classes.txt"])

    def test_class_names_stand_in_the_assets_in_order(self):
        path = self.export()
        self.assertEqual((path / "assets/classes.txt").read_text(), "star\ngalaxy\n")
        self.assertNotIn("tiny/1/classes.txt", self.files())

    def test_a_model_without_classes_has_no_class_file(self):
        path = self.export(model=tiny_model.TinyModel())
        self.assertFalse((path / "assets/classes.txt").exists())

    def test_a_model_trained_on_several_replicas_is_exported_the_same(self):
        with two_replicas().scope():
            model = tiny_model.TinyModel(class_names=CLASSES)
        results, _ = run_saved_model(
            self.export(model=model), {"serving_default": {"image": self.images}}
        )
        self.assertAllClose(
            results["session/serving_default/probability"],
            self.model(self.images)["probability"],
        )

    def test_a_signature_that_needs_python_is_refused(self):
        class WithPython(tiny_model.TinyModel):
            def reconstruct(self, images):
                rendered = tf.py_function(lambda x: x, [images], tf.float32)
                return {"reconstruction": tf.ensure_shape(rendered, images.shape)}

        with self.assertRaisesRegex(ValueError, "core TensorFlow operations; got EagerPyFunc"):
            self.export(model=WithPython())
        self.assertEqual(self.files(), [])

    def test_non_finite_answers_are_refused(self):
        kernel = self.model.decoder.trainable_variables[0]
        kernel.assign(np.full(kernel.shape, np.nan))
        with self.assertRaisesRegex(
            TrainingError, "'reconstruction' of .*'reconstruct' must be finite"
        ):
            self.export()
        self.assertEqual(self.files(), [])

    def test_sample_inputs_must_fit(self):
        with self.assertRaisesRegex(ValueError, r"shape \(4, 4, 2\); got .* \(8, 5, 4, 2\)"):
            self.export(sample_inputs=np.zeros((10, 5, 4, 2)))
        with self.assertRaisesRegex(UserError, "sample_inputs must be finite"):
            self.export(sample_inputs=np.full((2, 4, 4, 2), np.inf))

    def test_class_names_are_one_line_each(self):
        model = tiny_model.TinyModel(class_names=("star", "galaxy\nor not"))
        with self.assertRaisesRegex(UserError, r"one line each; got 'galaxy\\nor not'"):
            self.export(model=model)
        self.assertEqual(self.files(), [])


class VersionsTest(ExportTestCase):
    def test_each_export_is_a_new_version(self):
        self.assertEqual(self.export().name, "1")
        self.assertEqual(self.export().name, "2")
        self.assertEqual(self.export(version=7).name, "7")
        self.assertEqual(self.export().name, "8")
        self.assertEqual(versions.existing_versions(self.folder / "tiny"), [1, 2, 7, 8])

    def test_a_version_is_never_overwritten(self):
        self.export()
        before = self.files()
        with self.assertRaisesRegex(UserError, "version 1 exists already"):
            self.export(version=1)
        with self.assertRaisesRegex(UserError, "version must be a positive integer; got 0"):
            self.export(version=0)
        self.assertEqual(self.files(), before)

    def test_versions_may_have_leading_zeros(self):
        (self.folder / "tiny/0000007").mkdir(parents=True)
        (self.folder / "tiny/0000007/saved_model.pb").touch()
        newest = model_folder.folder_of(self.folder / "tiny")
        self.assertEqual(newest, self.folder / "tiny/0000007")
        self.assertEqual(served_model.Facts.of(newest).version, "7")
        with self.assertRaisesRegex(UserError, "version 7 exists already .* it has: 7"):
            self.export(version=7)
        self.assertEqual(self.export().name, "8")

    def test_a_version_that_another_process_makes_meanwhile_stays(self):
        def other(*_):
            (self.folder / "tiny/1").mkdir()
            (self.folder / "tiny/1/saved_model.pb").write_text("theirs")

        with (
            mock.patch.object(server_files, "write_warmup_requests", side_effect=other),
            self.assertRaisesRegex(FileExistsError, "made by another process"),
        ):
            self.export()
        self.assertEqual(self.files(), ["tiny", "tiny/1", "tiny/1/saved_model.pb"])

    def test_two_exports_at_once_have_two_versions(self):
        with versions.new_version(self.folder / "tiny") as one:
            with versions.new_version(self.folder / "tiny") as two:
                (two.path / "saved_model.pb").write_text("two")
            (one.path / "saved_model.pb").write_text("one")
        for number, text in ((1, "one"), (2, "two")):
            path = self.folder / "tiny" / str(number) / "saved_model.pb"
            self.assertEqual(path.read_text(), text)

    def test_what_killed_exports_left_is_removed_and_what_runs_is_not(self):
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        host = os.uname().nodename
        folder = self.folder / "tiny"
        killed = folder / f".draft.1.{host}.{ended.pid}.0123abcd"
        running = folder / f".draft.1.{host}.{os.getpid()}.0123abcd"
        elsewhere = folder / ".draft.1.a.far.host.1.0123abcd"
        forgotten = folder / ".draft.1.a.far.host.2.0123abcd"
        for draft in (killed, running, elsewhere, forgotten):
            draft.mkdir(parents=True)
            (draft / "saved_model.pb").write_text("half")
        os.utime(forgotten, (0, 0))
        # Version 1 is being written.
        self.assertEqual(self.export().name, "2")
        self.assertFalse(killed.exists() or forgotten.exists())
        self.assertTrue(running.exists() and elsewhere.exists())

    def test_other_users_can_read_a_version(self):
        # A server runs as a user of its own.
        self.assertEqual(self.export().stat().st_mode & 0o777, 0o777 & ~_umask())


class FailureTest(ExportTestCase):
    """No part of a version is left when writing fails at any point."""

    def limited_export(self, size):
        # A file may not grow beyond `size` bytes: the same failed writes as on a full disk.
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            return self.export()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def test_full_disk_leaves_nothing(self):
        whole = self.export()
        before = self.files()
        sizes = {p.stat().st_size for p in whole.rglob("*") if p.is_file()}
        for size in sorted({0, *(size - 1 for size in sizes)})[:-1]:
            with self.subTest(largest_file=size), self.assertRaises(OSError) as caught:
                self.limited_export(size)
            self.assertNotIn("\n", str(caught.exception))
            self.assertEqual(self.files(), before)
        self.assertEqual(self.export().name, "2")

    def test_the_models_folder_goes_too_if_it_was_made(self):
        with self.assertRaisesRegex(OSError, r"cannot write .*tiny/1: File too large$"):
            self.limited_export(100)
        self.assertEqual(self.files(), [])

    def test_a_full_disk_that_shows_itself_when_flushing_leaves_nothing(self):
        full = OSError(28, "No space left on device")
        with mock.patch.object(os, "fsync", side_effect=full), self.assertRaises(OSError):
            self.export()
        self.assertEqual(self.files(), [])

    def test_an_interrupt_leaves_nothing(self):
        with (
            mock.patch.object(server_files, "write_warmup_requests", side_effect=KeyboardInterrupt),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.export()
        self.assertEqual(self.files(), [])


class WarmupTest(ExportTestCase):
    def test_the_requests_run_against_the_signatures(self):
        path = self.export()
        records = tf.data.TFRecordDataset(
            str(path / server_files.WARMUP_REQUESTS)
        ).as_numpy_iterator()
        loaded = tf.saved_model.load(str(path))
        asked = []
        for record in records:
            log = prediction_log_pb2.PredictionLog.FromString(record)
            request = log.predict_log.request
            self.assertEqual(request.model_spec.name, "tiny")
            inputs = {k: tf.constant(tf.make_ndarray(v)) for k, v in request.inputs.items()}
            outputs = loaded.signatures[request.model_spec.signature_name](**inputs)
            rows = {len(value) for value in (*inputs.values(), *outputs.values())}
            self.assertLen(rows, 1)
            asked.append((request.model_spec.signature_name, *rows))
            if "image" in inputs:
                self.assertAllEqual(inputs["image"], self.images[: rows.pop()])
        signatures = ("serving_default", "encode", "reconstruct", "decode", "embedding")
        self.assertCountEqual(asked, [(name, rows) for name in signatures for rows in (1, 4)])

    def test_signatures_with_seeds_have_samples(self):
        def by_seed(seed):
            return {"double": 2 * tf.cast(seed, tf.float32)}

        offered = self.model.signatures()
        seeds = (tf.TensorSpec((None,), tf.int32, name="seed"),)
        offered["generate"] = Signature(by_seed, seeds)
        self.enterContext(mock.patch.object(self.model, "signatures", lambda: offered))
        path = self.export()
        served = tf.saved_model.load(str(path)).signatures["generate"]
        self.assertAllEqual(served(seed=tf.constant([3, 5]))["double"], [6.0, 10.0])
        card = json.loads((path / "model_card.json").read_text())
        self.assertEqual(card["signatures"]["generate"]["inputs"]["seed"]["dtype"], "int32")
        # The model's own method samples them too.
        self.model.export(self.folder / "own")

    def test_signatures_of_spectra_have_samples(self):
        offered = self.model.signatures()
        spectra = (tf.TensorSpec((None, 7), tf.float32, name="spectrum"),)
        offered["spectrum_embedding"] = Signature(
            lambda flux: {"embedding": tf.sqrt(flux)}, spectra
        )
        self.enterContext(mock.patch.object(self.model, "signatures", lambda: offered))
        shapes = {"spectrum": (7,)}
        self.enterContext(
            mock.patch.object(type(self.model), "spectrum_shapes", shapes, create=True)
        )
        served = tf.saved_model.load(str(self.export())).signatures["spectrum_embedding"]
        answer = served(spectrum=tf.fill((2, 7), 4.0))["embedding"]
        self.assertAllClose(answer, np.full((2, 7), 2.0))

    def test_large_images_are_sent_alone(self):
        images = np.zeros((8, 700, 700, 3), np.float32)  # 5.9 MB each
        samples = {"serving_default": {"image": images}}
        server_files.write_warmup_requests(self.folder, "tiny", samples)
        self.assertLess((self.folder / server_files.WARMUP_REQUESTS).stat().st_size, 8 * 2**20)


class ModelCardTest(ExportTestCase):
    def test_the_card_says_what_a_user_needs(self):
        path = self.export(config={"epochs": 3})
        card = json.loads((path / "model_card.json").read_text())
        self.assertEqual(card["class_names"], list(CLASSES))
        self.assertEqual(card["dataset"]["bands"], ["g", "r"])
        self.assertEqual(card["dataset"]["units"], "nanomaggies")
        self.assertEqual(card["metrics"], {"roc": {"auc": 0.912, "auc_low": None}})
        self.assertEqual(card["training"], {"epochs": 3})
        self.assertEqual(card["hyperparameters"]["latent_dim"], 3)
        self.assertEqual(card["parameters"], self.model.count_params())
        self.assertEqual(card["versions"]["tensorflow"], tf.__version__)
        outputs = card["signatures"]["serving_default"]["outputs"]
        self.assertEqual(list(outputs), ["probability", "latent_mean", "latent_stddev"])
        self.assertEqual(outputs["probability"]["shape"], [None, 2])
        text = (path / "README.md").read_text()
        for expected in (
            "# tiny, version 1",
            "Bands, in order: g, r",
            "0. star, 0.25 of the sample\n1. galaxy, 0.75",
            "| `image` | input | float32 | (batch, 4, 4, 2) |",
            "| roc/auc | 0.912 |",
            "| roc/auc_low | not defined |",
            "found and named without labels",
        ):
            self.assertIn(expected, text)

    def test_an_export_without_evaluation_says_so(self):
        text = (self.export(metrics=None) / "README.md").read_text()
        self.assertIn("exported without an evaluation", text)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
