import contextlib
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tfds_builders.exclusive_build import ExclusiveBuild

# Keeps a lock, makes a dataset at a word, and lets go of the lock.
_OTHER = """
import fcntl, shutil, sys
folder, made = sys.argv[1:]
with open(f"{folder}/.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.readline()
    shutil.copytree(made, f"{folder}/1.0.0")
"""


class Few(ExclusiveBuild, tfds.core.GeneratorBasedBuilder):
    """Three numbers."""

    VERSION = tfds.core.Version("1.0.0")
    generated = 0

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({"number": np.int32})
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        Few.generated += 1
        for number in range(3):
            yield number, {"number": number}


class ExclusiveBuildTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        Few.generated = 0
        self.shown = io.StringIO()
        self.enter_context(contextlib.redirect_stdout(self.shown))
        self.enter_context(contextlib.redirect_stderr(io.StringIO()))

    def build(self, folder):
        builder = Few(data_dir=str(folder))
        builder.download_and_prepare()
        return builder

    def test_what_a_killed_build_left_is_removed_and_nothing_else(self):
        beside = self.folder / "few"
        for name in ("incomplete.ABCDEF_1.0.0", "incomplete.ABCDEF_2.0.0", "notes"):
            (beside / name).mkdir(parents=True)
        (beside / "incomplete.ABCDEF_1.0.0" / "few-train.tfrecord").write_bytes(b"half")
        self.build(self.folder)
        left = sorted(path.name for path in beside.iterdir() if path.is_dir())
        self.assertEqual(left, ["1.0.0", "incomplete.ABCDEF_2.0.0", "notes"])
        self.build(self.folder)
        self.assertEqual(Few.generated, 1)

    def test_waits_for_another_process_and_takes_what_it_built(self):
        self.build(self.folder / "there")
        Few.generated = 0
        folder = self.folder / "here" / "few"
        folder.mkdir(parents=True)
        made = str(self.folder / "there" / "few" / "1.0.0")
        command = [sys.executable, "-c", _OTHER, str(folder), made]
        other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(other.communicate)
        other.stdout.readline()
        builder = Few(data_dir=str(self.folder / "here"))
        write = self.shown.write

        def write_and_release(text):
            if "waiting for it" in text:
                other.stdin.write("\n")
                other.stdin.flush()
            return write(text)

        self.shown.write = write_and_release
        builder.download_and_prepare()
        self.assertIn("few/few: another process builds it, waiting", self.shown.getvalue())
        self.assertEqual(Few.generated, 0)
        self.assertEqual(builder.info.splits["train"].num_examples, 3)
        numbers = [row["number"] for row in tfds.as_numpy(builder.as_dataset(split="train"))]
        self.assertEqual(sorted(numbers), [0, 1, 2])


if __name__ == "__main__":
    tf.test.main()
