import subprocess
import sys

import tensorflow as tf

from trainers.cli import model_index


class ModelIndexTest(tf.test.TestCase):
    def test_it_is_true(self):
        models = {name: model_index.describe(name) for name in model_index.names()}
        self.assertEqual(
            model_index.PATH.read_text(encoding="utf-8"),
            model_index.as_text(models),
            "after a change of a model: python -m trainers.cli.model_index",
        )
        self.assertEqual(model_index.read(), models)

    def test_listing_does_not_wait_for_tensorflow(self):
        code = """
import sys
from trainers import run
status = run.main(["--list"])
sys.exit(status or ("tensorflow" in sys.modules))
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertContainsSubset(
            model_index.names(), [line.split()[0] for line in done.stdout.splitlines()]
        )
