import contextlib
import io
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from astropy.io import fits
from astropy.table import Table
from PIL import Image

from tests.trainers import workers
from tests.zoo import tiny_model
from trainers import predict
from trainers.datasets import loading
from trainers.datasets.dataset import DatasetSpec
from trainers.prediction.parts import Parts
from trainers.runs import exports
from trainers.runs.run_folder import RunFolder
from trainers.serving.serving_export import export
from trainers.tables import table_files

CLASSES = ("star", "galaxy")
SHAPE = (4, 4, 2)
IMAGES = np.random.default_rng(0).normal(size=(300, *SHAPE)).astype(np.float32)
SPEC = DatasetSpec("sky", SHAPE, ("g", "r"), None, "counts", CLASSES, None)


def _up_to_four_parts(arguments):
    with workers.standing_still(Parts, "write", lambda parts: len(parts.done()) == 4):
        return predict.main(arguments)


class Moments(tf.Module):
    """Takes images of any size; the root of the mean is a NaN below zero."""

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32, name="image")])
    def __call__(self, image):
        mean = tf.reduce_mean(image, axis=(1, 2))
        return {"root": tf.sqrt(mean[:, 0] - 50.0), "mean": mean}


class PredictTestCase(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = Path(tempfile.mkdtemp(prefix="predict"))
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        with tiny_model.registered():
            model = tiny_model.TinyModel(class_names=CLASSES)
            cls.model = export(model, cls.shared / "models", sample_inputs=IMAGES[:8], spec=SPEC)
        cls.bare = tf.saved_model.load(str(cls.model)).signatures["serving_default"]

    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for entry in self.folder.iterdir():  # The tests of a class share it.
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def predict(self, images, output="out.parquet", *options, model=None, status=0):
        """Runs the command in this process; returns what it printed."""
        images = [images] if isinstance(images, (str, Path)) else images
        words = ["--saved_model", model or self.model, "--output", self.folder / output]
        if images:
            words += ["--images", *(self.folder / image for image in images)]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            ended = predict.main([str(option) for option in [*words, *options]])
        self.assertEqual(ended, status, printed.getvalue())
        return printed.getvalue()

    def table(self, output="out.parquet"):
        return Table.read(self.folder / output)

    def left_out(self, output="out_left_out.ecsv"):
        table = Table.read(self.folder / output)
        return {row["source"]: (row["reason"], row["objects"]) for row in table}

    def assert_answers(self, table, images):
        """Compares a table with the SavedModel, which TensorFlow alone has loaded."""
        expected = self.bare(image=tf.constant(images, tf.float32))
        for index, name in enumerate(CLASSES):
            actual = np.asarray(table[f"probability_{name}"])
            self.assertAllClose(actual, expected["probability"][:, index], 1e-5, 1e-6)
        for index in range(3):
            mean, stddev = expected["latent_mean"], expected["latent_stddev"]
            self.assertAllClose(np.asarray(table[f"latent_{index}"]), mean[:, index], 1e-5, 1e-6)
            actual = np.asarray(table[f"latent_{index}_stddev"])
            self.assertAllClose(actual, stddev[:, index], 1e-5, 1e-6)
        best = np.array(CLASSES)[np.argmax(expected["probability"], axis=1)]
        self.assertEqual(list(np.asarray(table["predicted_class"]).astype(str)), list(best))

    def entries(self):
        return sorted(path.name for path in self.folder.iterdir())


class TableTest(PredictTestCase):
    def test_all_kinds_of_files_give_the_answers_of_the_bare_model(self):
        cube = np.moveaxis(IMAGES, -1, 1)
        fits.writeto(self.folder / "a.fits", cube[0])
        fits.HDUList([fits.PrimaryHDU(), *map(fits.ImageHDU, cube[1:4])]).writeto(
            self.folder / "b.fits"
        )
        Table({"image": IMAGES[4:40]}).write(self.folder / "c.fits")
        np.save(self.folder / "d.npy", IMAGES[40:70])
        np.savez(self.folder / "e.npz", IMAGES[70:90])
        with h5py.File(self.folder / "f.h5", "w") as file:
            file["image"] = IMAGES[90:200]
        table = pa.table({"image": IMAGES[200:].tolist()})
        pq.write_table(table, self.folder / "g.parquet")
        printed = self.predict([f"{name}.*" for name in "abcdefg"], "out.fits", "--batch_size", 32)
        self.assertIn("(300 objects)", printed)
        table = self.table("out.fits")
        self.assert_answers(table, IMAGES)
        ids = list(table["id"])
        self.assertEqual(ids[:5], ["a.fits", "b.fits#1", "b.fits#2", "b.fits#3", "c.fits[0]"])
        self.assertEqual(ids[-1], "g.parquet[99]")
        self.assertLen(set(ids), 300)
        self.assertNotIn("source", table.colnames)
        self.assertNotIn("out_left_out.ecsv", self.entries())
        self.assertNotIn("out.fits.parts", self.entries())

    def test_every_format_has_names_units_and_where_it_comes_from(self):
        np.savez(self.folder / "a.npz", image=IMAGES, id=[f"größe {row}" for row in range(300)])
        for end in table_files.FORMATS:
            self.predict("a.npz", f"out{end}", "--batch_size", 128)
            table = self.table(f"out{end}")
            self.assert_answers(table, IMAGES)
            name = r"gr\xf6\xdfe 7" if end == ".fits" else "größe 7"
            self.assertEqual((table["id"][7], table["source"][7]), (name, "a.npz[7]"))
            if end == ".csv":
                continue
            self.assertIn("posterior of latent 0", table["latent_0"].description)
            meta = {key.lower(): value for key, value in table.meta.items()}
            recorded = (meta["model"], meta["version"], meta["rows"], meta["left_out"])
            self.assertEqual(recorded, ("tiny", "1", 300, 0))
            self.assertIn("tensorflow 2", meta["creator"])
            self.assertIn(f"--output {self.folder}/out{end}", meta["command"])
        lines = "find saved_model.pb variables assets -type f | LC_ALL=C sort | xargs sha256sum"
        done = subprocess.run(
            f"{lines} | sha256sum", cwd=self.model, shell=True, capture_output=True, check=True
        )
        self.assertEqual(meta["checksum"], done.stdout.decode().split()[0])

    def test_pictures_of_any_size_through_a_model_of_another_project(self):
        random = np.random.default_rng(2)
        tf.saved_model.save(
            moments := Moments(), str(self.folder / "m"), signatures=moments.__call__
        )
        expected = {}
        for number in range(20):
            size = random.choice([5, 7, 9])
            pixels = random.integers(40, 256, (size, 6, 3), np.uint8)
            if number == 3:
                pixels[...] = 20
            Image.fromarray(pixels).save(self.folder / f"{number:02d}.png")
            expected[f"{number:02d}.png"] = pixels.astype(float).mean(axis=(0, 1))
        del expected["03.png"]
        self.predict("*.png", "out.parquet", "--batch_size", 8, model=self.folder / "m")
        table = self.table()
        self.assertEqual(table.colnames, ["id", "mean_0", "mean_1", "mean_2", "root"])
        self.assertEqual(list(table["id"]), list(expected))
        mean = np.stack(list(expected.values()))
        for band in range(3):
            self.assertAllClose(np.asarray(table[f"mean_{band}"]), mean[:, band], 1e-5)
        self.assertAllClose(np.asarray(table["root"]), np.sqrt(mean[:, 0] - 50), 1e-4)
        reason = "the model's answer 'root' is not finite"
        self.assertEqual(self.left_out(), {"03.png": (reason, 1)})

    def test_identifiers_that_repeat_are_reported(self):
        np.savez(self.folder / "a.npz", image=IMAGES[:4], id=["a", "b", "a", ""])
        self.assertIn("1 row has the id of an earlier one", self.predict("a.npz"))
        self.assertEqual(list(self.table()["id"]), ["a", "b", "a", "a.npz[3]"])
        self.assertEqual(list(self.table()["source"]), [f"a.npz[{row}]" for row in range(4)])

    def test_a_split_of_a_dataset(self):
        name = "simulated_blends/simulated/num_test=5,num_train=4,num_validation=2"
        dataset = loading.load(name, data_dir=self.folder).arrays("test")
        shape = (None, *dataset["image"].shape[1:])
        module = tf.Module()
        function = tf.function(
            lambda image: {"sum": tf.reduce_sum(image, axis=(1, 2, 3))},
            input_signature=[tf.TensorSpec(shape, tf.float32, name="image")],
        )
        module.function = function
        tf.saved_model.save(module, str(self.folder / "m"), signatures=function)
        options = ("--dataset", name, "--data_dir", self.folder)
        self.predict((), "out.ecsv", *options, "--batch_size", 2, model=self.folder / "m")
        table = self.table("out.ecsv")
        self.assertEqual(list(table["id"]), list(dataset["id"]))
        self.assertAllClose(np.asarray(table["sum"]), dataset["image"].sum(axis=(1, 2, 3)), 1e-4)
        printed = self.predict((), "x.ecsv", *options, status=2)
        self.assertRegex(printed, "an image .* expected, by the model")


class LeftOutTest(PredictTestCase):
    def test_what_is_bad_is_listed_and_the_rest_goes_on(self):
        images = IMAGES[:50].copy()
        images[3, 0, 0, 0] = np.nan
        np.save(self.folder / "a.npy", images)
        memory = (self.folder / "a.npy").read_bytes()
        (self.folder / "b.npy").write_bytes(memory[: -10 * IMAGES[0].nbytes])
        (self.folder / "c.fits").write_bytes(b"no FITS file")
        np.save(self.folder / "d.npy", np.zeros((2, 5, 5, 2)))
        np.save(self.folder / "e.npy", np.array([{}]), allow_pickle=True)
        printed = self.predict("*.*", "out.csv", "--batch_size", 7)
        self.assertIn("left out  16 objects, with reasons in", printed)
        table = self.table("out.csv")
        good = [row for row in range(50) if row != 3]
        self.assert_answers(table, np.concatenate([images[good], images[good[:39]]]))
        self.assertEqual(table["id"][49], "b.npy[0]")
        left_out = self.left_out()
        self.assertEqual(left_out["a.npy[3]"], ("1 of 32 pixels are masked, NaN or infinite", 1))
        self.assertEqual(left_out["b.npy[40:50]"][1], 10)
        self.assertRegex(left_out["c.fits"][0], "cannot be read")
        self.assertEqual(left_out["d.npy[1]"], ("is 5x5 px; 4x4 px was expected", 1))
        self.assertRegex(left_out["e.npy"][0], "never unpickled")
        self.assertLen(left_out, 7)

    def test_nothing_that_can_be_used_is_a_failure(self):
        np.save(self.folder / "a.npy", np.full((5, *SHAPE), np.inf))
        printed = self.predict("a.npy", status=1)
        self.assertIn("none of 5 objects can be used", printed)
        self.assertEqual(self.entries(), ["a.npy", "out_left_out.ecsv"])
        self.assertLen(self.left_out(), 5)

    def test_mistakes_are_reported_before_anything_is_written(self):
        np.save(self.folder / "a.npy", IMAGES)
        (self.folder / "there.fits").touch()
        for images, output, options, message in (
            ("none.npy", "x.fits", (), "no such file"),
            ("a.npy", "x.txt", (), "--output must end with one of .fits"),
            ("a.npy", "x.fits", ("--batch_size", 0), "--batch_size must be at least 1; got 0"),
            ("a.npy", "x.fits", ("--extensions", "x"), "--extensions must be one of objects"),
            ("a.npy", "x.fits", ("--dataset", "x"), "one of --images and --dataset"),
            ((), "x.fits", (), "one of --images and --dataset"),
            ((), "x.fits", ("--dataset", "image_folder"), "give a folder of files as --images"),
            ("a.npy", "x.fits", ("--run_dir", "runs/x"), "one of --saved_model and --run_dir"),
        ):
            self.assertIn(message, self.predict(images, output, *options, status=2))
        message = "must be the folder of a SavedModel; it has no saved_model.pb"
        self.assertIn(message, self.predict("a.npy", model=self.folder, status=2))
        self.assertEqual(self.entries(), ["a.npy", "there.fits"])
        self.assertIn("there.fits is there", self.predict("a.npy", "there.fits", status=2))
        self.assertEqual(self.entries(), ["a.npy", "there.fits"])
        for place, message in (
            ("models", f"it has no saved_model.pb; {self.shared}/models has tiny"),
            ("models/tny", f"models/tny: no such folder; {self.shared}/models has tiny"),
            ("none/tiny", "none/tiny: no such folder\n"),
        ):
            printed = self.predict("a.npy", model=self.shared / place, status=2)
            self.assertIn(message, printed)
        self.predict("a.npy", "there.fits", "--overwrite")
        self.assert_answers(self.table("there.fits"), IMAGES)

    def test_a_run_is_known_by_what_it_exported(self):
        run = self.folder / "run"
        run.mkdir()
        np.save(self.folder / "a.npy", IMAGES)
        words = ["--images", self.folder / "a.npy", "--output", self.folder / "out.fits"]
        words = [str(option) for option in [*words, "--run_dir", run]]
        for name, content in (
            ("README", ""),
            ("config.json", json.dumps({"model": "tiny"})),
            ("finished.json", json.dumps({"saved_model": str(self.model)})),
            ("model.keras", "weights"),
        ):
            (run / name).write_text(content)
            self.assertEqual(predict.main(words), 2)
        exports.note(RunFolder(run), self.model)
        self.assertEqual(predict.main(words), 0)
        self.assert_answers(self.table("out.fits"), IMAGES)


class GoingOnTest(PredictTestCase):
    options = ("--batch_size", 16)

    def write(self, number=1500):
        self.images = np.random.default_rng(3).normal(size=(number, *SHAPE)).astype(np.float32)
        self.images[::500, 0, 0, 0] = np.nan
        np.save(self.folder / "a.npy", self.images)

    def assert_undisturbed(self, output="out.parquet"):
        self.predict("a.npy", f"calm{Path(output).suffix}", *self.options)
        calm, table = self.table(f"calm{Path(output).suffix}"), self.table(output)
        bad = len(self.images[::500])
        self.assertLen(table, len(self.images) - bad)
        self.assertEqual(table.colnames, calm.colnames)
        for name in calm.colnames:
            self.assertAllEqual(np.asarray(table[name]), np.asarray(calm[name]))
        stem = Path(output).stem
        self.assertEqual(
            self.left_out(f"{stem}_left_out.ecsv"), self.left_out("calm_left_out.ecsv")
        )
        self.assertLen(self.left_out("calm_left_out.ecsv"), bad)
        self.assertEmpty(list(self.folder.glob("*.parts*")))

    def test_after_a_kill_the_same_command_ends_as_if_undisturbed(self):
        self.write(8500)
        command = ["--saved_model", self.model, "--images", self.folder / "a.npy"]
        command += ["--output", self.folder / "out.parquet", *self.options]
        worker = workers.Worker(_up_to_four_parts, command, self.folder / "output", {})
        parts = self.folder / "out.parquet.parts"
        try:
            workers.wait(lambda: len(list(parts.glob("part-*"))) == 4, [worker])
        finally:
            worker.stop()
        there = {path.name: path.stat().st_mtime_ns for path in parts.glob("part-*")}
        self.assertLen(there, 4)
        printed = self.predict("a.npy", "out.parquet", *self.options)
        self.assertRegex(printed, rf"resuming  {1024 * len(there)} of 8500 objects are done")
        self.assert_undisturbed()

    def test_a_stop_while_the_tables_go_to_their_places_loses_nothing(self):
        self.write()
        replace = os.replace

        def stopped(source, target):
            if Path(target) in stops:
                raise KeyboardInterrupt
            replace(source, target)

        for output in ("out.fits", "out_left_out.ecsv"):
            stops = {self.folder / output}
            with mock.patch.object(os, "replace", stopped):
                self.predict("a.npy", "out.fits", *self.options, status=130)
            self.assertFalse((self.folder / output).exists())
            self.predict("a.npy", "out.fits", *self.options)
            self.assert_undisturbed("out.fits")
            for path in self.folder.glob("*.[ef]*"):
                path.unlink()
        with mock.patch.object(os, "rename", side_effect=KeyboardInterrupt):
            self.predict("a.npy", "out.fits", *self.options, status=130)
        self.assertTrue((self.folder / "out.fits.parts").exists())
        self.predict("a.npy", "out.fits", *self.options)
        self.assert_undisturbed("out.fits")

    def test_parts_of_another_command_are_refused(self):
        self.write()

        def stop(*_):
            raise KeyboardInterrupt

        with mock.patch.object(Parts, "finish", stop):
            self.predict("a.npy", "out.parquet", *self.options, status=130)
        printed = self.predict("a.npy", "out.parquet", "--batch_size", 5, status=2)
        message = "was begun by another command: --batch_size was 16, is 5; give that one again"
        self.assertIn(message, printed)
        np.save(self.folder / "a.npy", self.images[:20])
        printed = self.predict("a.npy", "out.parquet", *self.options, status=2)
        self.assertIn("another command: state of the cutouts was", printed)
        self.predict("a.npy", "out.parquet", *self.options, "--overwrite")
        self.assert_answers(self.table(), self.images[1:20])

    def test_one_process_at_a_time(self):
        self.write(20)
        parts = Parts(self.folder / "out.parquet")
        with parts.opened({}, overwrite=False):
            printed = self.predict("a.npy", "out.parquet", *self.options, status=2)
        self.assertIn("is in use by another process", printed)


class BeamTest(PredictTestCase):
    def test_a_pipeline_gives_the_same_table(self):
        images = np.concatenate([IMAGES] * 9)
        images[::100, 0, 0, 0] = np.nan
        np.savez(self.folder / "a.npz", image=images, id=np.arange(len(images)))
        (self.folder / "b.fits").write_bytes(b"no FITS file")
        self.predict(["a.npz", "b.fits"], "calm.fits", "--batch_size", 100)
        options = ("--batch_size", 100, "--runner", "DirectRunner")
        self.predict(["a.npz", "b.fits"], "beam.fits", *options)
        calm, beam = self.table("calm.fits"), self.table("beam.fits")
        self.assertLen(beam, 2700 - 27)
        self.assertEqual(beam.colnames, calm.colnames)
        for name in calm.colnames:
            self.assertAllEqual(np.asarray(beam[name]), np.asarray(calm[name]))
        self.assertEqual(self.left_out("beam_left_out.ecsv"), self.left_out("calm_left_out.ecsv"))

    def test_a_runner_that_is_not_there_is_reported(self):
        np.save(self.folder / "a.npy", IMAGES)
        printed = self.predict("a.npy", "out.fits", "--runner", "NoRunner", status=2)
        self.assertRegex(printed, "--runner .*NoRunner")

    def test_an_option_that_beam_does_not_have_is_reported(self):
        np.save(self.folder / "a.npy", IMAGES)
        options = ("--beam_pipeline_options", "direct_nun_workers=2,direct_running_mode=in_memory")
        printed = self.predict("a.npy", "out.fits", *options, status=2)
        self.assertRegex(printed, "--beam_pipeline_options must be .* got direct_nun_workers\n")
        self.assertEqual(self.entries(), ["a.npy"])
