"""Tests of LiteRT files."""

from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

import zoo
from tests.zoo import tiny_model
from trainers.errors import TrainingError, UserError
from trainers.serving import litert

SHAPE = (12, 12, 2)


def images(number):
    return np.random.default_rng(0).normal(5, 1, (number, *SHAPE)).astype(np.float32)


class LiteRTTest(tf.test.TestCase):
    def test_the_file_has_the_answers_of_the_model_for_any_batch(self):
        model = zoo.create("star_galaxy_cnn", image_shape=SHAPE, filters=(4, 6), features=7)
        model.adapt(images(64))
        path = Path(self.get_temp_dir()) / "model.tflite"
        litert.write(model, path, images(8))
        for number in (1, 5):
            answers = litert.answers(path.read_bytes(), images(number))
            self.assertEqual(set(answers), {"probability"})
            expected = model(tf.constant(images(number)))["probability"]
            self.assertAllClose(answers["probability"], expected, atol=1e-5)
        wrong = path.with_name("wrong.tflite")
        with (
            mock.patch.object(litert, "answers", lambda *_: {"probability": np.ones((8, 1))}),
            self.assertRaisesRegex(TrainingError, "'probability' of the LiteRT file must be"),
        ):
            litert.write(model, wrong, images(8))
        self.assertFalse(wrong.exists())

    def test_operations_that_litert_lacks_are_named(self):
        class WithSolution(tiny_model.TinyModel):
            def call(self, images, training=False):
                latent = tf.transpose(self.encode(images)["latent_mean"])
                solved = tf.linalg.triangular_solve(tf.eye(self.latent_dim), latent)
                return {"probability": tf.transpose(solved)}

        with (
            tiny_model.registered(),
            self.assertRaisesRegex(UserError, "'tiny' has MatrixTriangularSolve besides"),
        ):
            litert.convert(WithSolution())


if __name__ == "__main__":
    tf.test.main()
