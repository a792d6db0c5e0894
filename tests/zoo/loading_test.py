"""Models from files, and into SavedModels."""

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import zoo
from tests.fresh_process import run_saved_model
from zoo.serving import saved_model

OPTIONS = {"image_shape": (8, 8, 2), "filters": (4,), "latent_dim": 3}


def images(number=6):
    return np.random.default_rng(0).normal(size=(number, 8, 8, 2)).astype(np.float32)


class LoadTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_files_and_folders_of_runs(self):
        model = zoo.create("vae", **OPTIONS)
        model.fit(images(), verbose=0)
        expected = model.encode(images())["latent_mean"]
        run = self.folder / "run"
        run.mkdir()
        model.save(run / "model.keras")
        for source in (run, str(run), run / "model.keras"):
            self.assertAllEqual(zoo.load(source).encode(images())["latent_mean"], expected)

    def test_a_fresh_process_needs_one_line(self):
        model = zoo.create("vae", **OPTIONS)
        model.save(self.folder / "mine.keras")
        np.save(self.folder / "images.npy", images())
        code = (
            "import sys, zoo, numpy as np; f = sys.argv[1]; assert 'tensorflow' not in sys.modules;"
            "z = zoo.load(f'{f}/mine.keras').encode(np.load(f'{f}/images.npy'));"
            "np.save(f'{f}/z.npy', z['latent_mean'])"
        )
        subprocess.run([sys.executable, "-c", code, self.folder], check=True)
        actual = np.load(self.folder / "z.npy")
        self.assertAllClose(actual, model.encode(images())["latent_mean"], rtol=1e-5)

    def test_what_cannot_be_loaded_is_one_line(self):
        network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        network.save(self.folder / "network.keras")
        (self.folder / "empty.keras").write_bytes(b"")
        for name, file in (("repeats", "repeats.json"), ("begun", "config.json"), ("other", "a")):
            (self.folder / name).mkdir()
            (self.folder / name / file).write_text("{}")
        code = self.folder / "code.keras"
        with zipfile.ZipFile(code, "w") as archive:
            saved = {"module": "os", "class_name": "system", "config": {"command": "true"}}
            archive.writestr("config.json", json.dumps({**saved, "registered_name": None}))
        for source, message in (
            ("vae_mixtur", r"no file or folder vae_mixtur \(did you mean 'vae_mixture'\?\)"),
            ("vae", r"no file or folder vae; zoo.create\('vae'\) makes an untrained model"),
            (self.folder / "network.keras", "'keras.Sequential' is no model of the zoo"),
            (self.folder / "empty.keras", "cannot be loaded as a .keras file"),
            (self.folder / "repeats", "holds repeats of a run; choose one"),
            (self.folder / "begun", "has not finished training"),
            (self.folder / "other", "is not the folder of a run: it has no model.keras"),
            (code, "'os.system' is no model of the zoo"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message) as caught:
                zoo.load(source)
            self.assertNotIn("\n", str(caught.exception))


class ExportTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_versions_of_what_the_model_answers(self):
        model = zoo.create("star_galaxy_cnn", image_shape=(8, 8, 2), filters=(4,), features=4)
        model.adapt(images())
        path = model.export(self.folder)
        self.assertEqual(path, self.folder / "star_galaxy_cnn" / "1")
        self.assertEqual(model.export(str(self.folder)).name, "2")
        results, summary = run_saved_model(path, {"serving_default": {"image": images()}})
        self.assertEqual(summary["foreign"], [])
        expected = model.predict(images(), verbose=0)["probability"]
        for loader in ("eager", "session"):
            actual = results[f"{loader}/serving_default/probability"]
            self.assertAllClose(actual, expected, atol=1e-5)
        names = tf.saved_model.load(str(path)).signatures["names"]()
        self.assertAllEqual(names["probability"], [b"star", b"galaxy"])
        with self.assertRaisesRegex(ValueError, "version 2 exists already"):
            model.export(self.folder, version=2)

    def test_nothing_is_left_of_an_export_that_fails(self):
        model = zoo.create("vae", **OPTIONS)
        for variable in model.encoder.trainable_variables:
            variable.assign(tf.fill(variable.shape, np.nan))
        with self.assertRaisesRegex(saved_model.ExportError, "must be finite"):
            model.export(self.folder)
        self.assertEqual(list(self.folder.rglob("*")), [])


if __name__ == "__main__":
    tf.test.main()
