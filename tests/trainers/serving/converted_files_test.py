"""Tests of LiteRT and ONNX files."""

from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import zoo
from tests.zoo import tiny_model
from trainers.errors import TrainingError, UserError
from trainers.serving import litert, onnx_files

SHAPE = (12, 12, 2)


def images(number):
    return np.random.default_rng(0).normal(5, 1, (number, *SHAPE)).astype(np.float32)


class ConvertedFilesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.named_parameters(
        ("litert", litert, "LiteRT", "star_galaxy_cnn", {"features": 7}),
        # Its distribution asks for the shape to which two shapes broadcast, which tf2onnx lacks.
        ("onnx", onnx_files, "ONNX", "vae", {"latent_dim": 3}),
    )
    def test_the_file_has_the_answers_of_the_model_for_any_batch(self, files, kind, name, settings):
        model = zoo.create(name, image_shape=SHAPE, filters=(4, 6), **settings)
        model.adapt(images(64))
        path = Path(self.get_temp_dir()) / "model.file"
        files.write(model, path, images(8))
        answer = model.signatures()["serving_default"].function
        for number in (1, 5):
            answers = files.answers(path.read_bytes(), images(number))
            expected = answer(tf.constant(images(number)))
            self.assertEqual(set(answers), set(expected))
            for output, values in expected.items():
                self.assertAllClose(answers[output], values, rtol=1e-4, atol=1e-5)
        wrong = path.with_name("wrong.file")
        ones = {output: np.ones((8, 1)) for output in expected}
        with (
            mock.patch.object(files, "answers", lambda *_: ones),
            self.assertRaisesRegex(TrainingError, f"of the {kind} file must be"),
        ):
            files.write(model, wrong, images(8))
        self.assertFalse(wrong.exists())

    @parameterized.named_parameters(("litert", litert), ("onnx", onnx_files))
    def test_lacking_operations_are_named(self, files):
        class WithSolution(tiny_model.TinyModel):
            def call(self, images, training=False):
                latent = tf.transpose(self.encode(images)["latent_mean"])
                solved = tf.linalg.triangular_solve(tf.eye(self.latent_dim), latent)
                return {"probability": tf.transpose(solved)}

        with (
            tiny_model.registered(),
            self.assertRaisesRegex(UserError, "'tiny' has MatrixTriangularSolve besides"),
        ):
            files.convert(WithSolution())


if __name__ == "__main__":
    tf.test.main()
