"""Files that version 0.1.0 wrote, in `version_0_1_0.zip`.

images/        blobs of two sizes, 8-bit PNG of 12x12 px, in folders of splits and classes
run/           of `trainers.run --model star_galaxy_cnn --dataset image_folder --data_dir images
               --run_dir run --epochs 8 --batch_size 8 --learning_rate 0.01 --hp
               preprocessing=rescale filters=2,4 blocks=1 features=4`, without its figures
saved_models/  its export
models/        `vae_mixture` with random weights of few digits
answers.npz    what that version's models answered: `cnn_*` to the images of the test split,
               the others to `images`; one band of the reconstruction
"""

import contextlib
import io
import json
import shlex
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.table import Table

import zoo
from tests import fresh_process
from trainers import evaluate, export, predict, run

ARCHIVE = Path(__file__).with_name("version_0_1_0.zip")
TRAINING = shlex.split(
    "--model star_galaxy_cnn --dataset image_folder --data_dir images --run_dir run --batch_size 8 "
    "--learning_rate 0.01 --hp preprocessing=rescale filters=2,4 blocks=1 features=4"
)


class Version010Test(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.enterContext(tempfile.TemporaryDirectory())
        with zipfile.ZipFile(ARCHIVE) as archive:
            archive.extractall(folder)
        # Paths in the files of that version are relative to where the command was given.
        self.enterContext(contextlib.chdir(folder))
        with np.load("answers.npz") as answers:
            self.answers = dict(answers)
        self.files = [Path(name) for name in self.answers["cnn_names"]]
        self.pixels = np.stack([tf.io.decode_png(path.read_bytes()) for path in self.files])

    def command(self, main, *arguments):
        """Runs a command, which must succeed; returns its output."""
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
            status = main(list(arguments))
        self.assertEqual(status, 0, shown.getvalue())
        return shown.getvalue()

    def test_keras_files(self):
        model = zoo.load("models/vae_mixture.keras")
        images = tf.constant(self.answers["images"])
        outputs = {"call": model(images), "encode": model.encode(images)}
        compared = {
            f"{each}_{name}": outputs[each][name] for each in outputs for name in outputs[each]
        }
        compared["reconstruct_reconstruction"] = model.reconstruct(images)["reconstruction"][..., 0]
        self.assertLen(compared, 6)
        for name, values in compared.items():
            self.assertAllClose(values, self.answers[name], rtol=1e-4, atol=1e-5)
        answer = zoo.load("run")(self.pixels.astype(np.float32))
        self.assertAllClose(answer["probability"], self.answers["cnn_probability"], atol=1e-5)

    def test_saved_models(self):
        pixels = {"image": self.pixels.astype(np.float32)}
        outputs, summary = fresh_process.run_saved_model(
            Path("saved_models/star_galaxy_cnn/1").absolute(), {"serving_default": pixels}
        )
        self.assertEmpty(summary["foreign"])
        self.assertAllClose(
            outputs["session/serving_default/probability"],
            self.answers["cnn_probability"],
            atol=1e-5,
        )
        options = ("--run_dir", "run", "--images", "images/test", "--output", "table.ecsv")
        self.command(predict.main, *options)
        table = Table.read("table.ecsv")
        self.assertEqual(list(table["id"]), [str(Path(*path.parts[2:])) for path in self.files])
        self.assertAllClose(
            table["probability_galaxy"], self.answers["cnn_probability"][:, 0], atol=1e-5
        )

    def test_a_run_is_evaluated_exported_and_continued(self):
        self.command(evaluate.main, "--run_dir", "run", "--output_dir", "again")
        metrics, before = (
            json.loads(Path(d, "metrics.json").read_text()) for d in ("again", "run")
        )
        for name in ("roc", "thresholds"):
            self.assertAllClose(metrics[name], before[name])
        self.command(export.main, "--run_dir", "run", "--saved_models_dir", "others")
        self.assertTrue(Path("others/star_galaxy_cnn/1/saved_model.pb").is_file())
        self.assertIn("is finished", self.command(run.main, *TRAINING, "--epochs", "8"))
        self.assertIn("epoch 9/9", self.command(run.main, *TRAINING, "--epochs", "9"))
        history = Table.read("run/history.csv")
        self.assertEqual(list(history["epoch"]), [*range(1, 10)])
