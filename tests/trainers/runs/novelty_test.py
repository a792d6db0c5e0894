"""Statistics of training images, of models that read any."""

from types import SimpleNamespace
from unittest import mock

import tensorflow as tf

from trainers.runs import novelty


class OfModelTest(tf.test.TestCase):
    def test_a_model_of_spectra_has_none(self):
        dataset = SimpleNamespace(
            spec=SimpleNamespace(image_shape=(64, 64, 5), pad=0),
            num_examples={"train": 1000, "validation": 1000},
        )
        with mock.patch.object(novelty, "_sample", side_effect=AssertionError("images read")):
            spectra = SimpleNamespace(input_names=("spectrum", "inverse_variance"))
            self.assertIsNone(novelty.of_model(spectra, dataset))
            images = SimpleNamespace(input_names=("image",))
            with self.assertRaisesRegex(AssertionError, "images read"):
                novelty.of_model(images, dataset)


if __name__ == "__main__":
    tf.test.main()
