"""The example in the docstring of every model."""

import contextlib
import inspect
import io
import re
import tempfile
import textwrap

import tensorflow as tf
from absl.testing import parameterized

import zoo

MODELS = zoo.list_models()


class ExamplesTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(*MODELS)
    def test_runs(self, name):
        text = inspect.getdoc(zoo.describe(name).model_class)
        (code,) = re.findall(r"^Examples:\n    ```python\n(.*?)^    ```", text, re.M | re.S)
        self.assertLen(re.findall(rf'zoo\.create\(\s*"{name}"', code), 1)
        namespace = {}
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.chdir(folder),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            exec(textwrap.dedent(code), namespace)
        self.assertTrue(namespace["model"].adapted)


if __name__ == "__main__":
    tf.test.main()
