"""Files that something has damaged after they were written: each is named in one line."""

import contextlib
import dataclasses
import io
import json
import shutil
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tests.trainers import tiny
from tests.trainers.dots import NUMBERS, DotsCase
from trainers.cli.exit_status import exit_status
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.runs import run_folder


class ShardTest(DotsCase):
    """TFRecord files of a dataset that was built."""

    def setUp(self):
        super().setUp()
        self.load()
        (self.shard,) = self.folder.rglob("dots-train.tfrecord*")
        self.whole = self.shard.read_bytes()
        self.addCleanup(self.shard.write_bytes, self.whole)

    def read(self, **options):
        """Reads the whole dataset as a command would; returns the status and the error."""
        errors = io.StringIO()

        def read_all(_):
            dataset = self.load(**options)
            for _ in dataset.batches("train", 10):
                pass
            self.assertEqual(dataset.num_examples, NUMBERS)

        with contextlib.redirect_stderr(errors):
            status = exit_status("run", read_all, [])
        return status, errors.getvalue()

    def test_cut_short(self):
        for length in (0, 5, len(self.whole) // 2, len(self.whole) - 1):
            with self.subTest(length):
                self.shard.write_bytes(self.whole[:length])
                self.assert_named(*self.read())

    def test_flipped_bits(self):
        for place in np.linspace(0, len(self.whole) - 1, 5, dtype=int):
            with self.subTest(place):
                damaged = bytearray(self.whole)
                damaged[place] ^= 0x10
                self.shard.write_bytes(damaged)
                self.assert_named(*self.read(cache_bytes=int(place)))

    def test_missing(self):
        self.shard.unlink()
        self.assert_named(*self.read())

    def assert_named(self, status, line):
        self.assertEqual((status, line.count("\n")), (1, 1), line)
        self.assertIn("dots/good", line)
        self.assertIn(f"delete {self.shard.parent}, and it is built again", line)


class RunFolderTest(tf.test.TestCase):
    """Configuration and model of a finished run."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(tiny.registered())
        cls.run_dir = Path(cls.enterClassContext(tempfile.TemporaryDirectory())) / "run"
        cls.run_dir.mkdir()
        model = tiny.Tiny(class_names=("small", "large"))
        model(np.zeros((1, *tiny.SHAPE), np.float32))
        model.save(cls.run_dir / "model.keras")
        config = RunConfig(model="tiny", dataset=tiny.DATASET)
        (cls.run_dir / "config.json").write_text(json.dumps(dataclasses.asdict(config)))

    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir()) / self.id().rpartition(".")[2]
        shutil.copytree(self.run_dir, self.folder)
        self.model = self.folder / "model.keras"

    def assert_named(self, file):
        with self.assertRaisesRegex(UserError, file) as caught:
            run_folder.load_model(self.folder)
        self.assertNotIn("\n", str(caught.exception))

    def test_the_whole_run_is_loaded(self):
        self.assertIsInstance(run_folder.load_model(self.folder), tiny.Tiny)

    def test_a_model_cut_short(self):
        whole = self.model.read_bytes()
        for length in np.linspace(0, len(whole) - 1, 9, dtype=int):
            with self.subTest(length):
                self.model.write_bytes(whole[:length])
                self.assert_named("model.keras cannot be loaded")

    def test_configurations_that_are_none(self):
        good = json.loads((self.folder / "config.json").read_text())
        for text in (
            "",
            "[1, 2]",
            "null",
            '{"model": 3}',
            "\x00\xff",
            json.dumps({**good, "epochs": "many"}),
            json.dumps({**good, "class_fractions": [1, "x"]}),
            json.dumps(good)[:-3],
        ):
            with self.subTest(text[:20]):
                (self.folder / "config.json").write_text(text)
                self.assert_named("config.json")

    def test_a_model_that_would_run_code(self):
        mark = self.folder / "ran"
        code = f"__import__('pathlib').Path({str(mark)!r}).touch()"
        lambdas = keras.Sequential(
            [keras.Input((2,)), keras.layers.Lambda(lambda x: (eval(code), x)[1])]
        )
        mark.unlink(missing_ok=True)
        lambdas.save(self.model)
        self.assert_named("model.keras cannot be loaded")
        for module, name, config in (
            ("os", "system", {"command": f"touch {mark}"}),
            ("builtins", "eval", {"source": code}),
            ("subprocess", "check_output", {"args": ["touch", str(mark)]}),
            ("keras.utils", "get_file", {"fname": str(mark), "origin": "file:///etc/hostname"}),
        ):
            with self.subTest(name):
                self.rewrite(
                    {
                        "module": module,
                        "class_name": name,
                        "config": config,
                        "registered_name": None,
                    }
                )
                self.assert_named("model.keras cannot be loaded")
        self.assertFalse(mark.exists())

    def rewrite(self, config):
        """Replaces the configuration in the `.keras` file."""
        with zipfile.ZipFile(self.run_dir / "model.keras") as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members["config.json"] = json.dumps(config)
        with zipfile.ZipFile(self.model, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)


if __name__ == "__main__":
    tf.test.main()
