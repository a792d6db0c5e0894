"""A clock that is set back while a command runs changes nothing."""

import contextlib
import io
import json
import re
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

from tests.trainers import tiny

ROOT = Path(__file__).parents[2]
OPTIONS = ("--epochs", "1", "--batch_size", "16", "--evaluators", "roc")


class ClockTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))

    def run_here(self, name):
        words = [
            "--run_dir",
            str(self.folder / name),
            "--saved_models_dir",
            str(self.folder / "s"),
        ]
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            self.assertEqual(tiny.command([*OPTIONS, *words]), 0)
        with np.load(self.folder / name / "checkpoints" / "last.npz") as file:
            weights = {key: file[key] for key in file.files if key != "progress"}
        metrics = json.loads((self.folder / name / "metrics.json").read_text())
        return weights, metrics["roc"], shown.getvalue()

    def test_an_hour_back_whenever_it_is_asked(self):
        weights, metrics, _ = self.run_here("a")
        asked = 0

        def earlier():
            nonlocal asked
            asked += 1
            return now - 3600 * asked

        now = time.time()
        with mock.patch("time.time", earlier):
            again, same, shown = self.run_here("b")
        self.assertGreater(asked, 0)
        self.assertEqual(same, metrics)
        self.assertEqual(again.keys(), weights.keys())
        for name, value in weights.items():
            self.assertAllEqual(again[name], value)
        # Neither speeds nor times that are left can be negative.
        self.assertNotRegex(shown, r"-\d")
        self.assertTrue((self.folder / "s" / "tiny" / "2" / "saved_model.pb").exists())

    def test_durations_are_measured_with_a_clock_that_cannot_be_set(self):
        asking = [
            str(path.relative_to(ROOT))
            for package in ("zoo", "tfds_builders", "trainers")
            for path in (ROOT / package).rglob("*.py")
            if re.search(r"\btime\.time\(", path.read_text())
        ]
        # The age of a draft that a process on another machine may be writing.
        self.assertEqual(asking, ["zoo/serving/versions.py"])


if __name__ == "__main__":
    tf.test.main()
